# Bash completion for flatsweep, also behind mpirun, mpiexec and srun; cmake --install puts it where bash-completion looks, under each of
# these names. By hand: source it.

# Written by tools/write-pages. generated: keys
_flatsweep_keys="
    study data.name data.root data.scale data.train_limit data.test_limit data.targets data.label_noise
    data.teacher.inputs data.teacher.covariance_exponent data.teacher.width data.teacher.outputs data.teacher.noise
    data.teacher.train_samples data.teacher.test_samples data.teacher.seed model.weights model.trajectory
    model.columns model.training model.names network.architecture network.hidden_layers network.width
    network.activation network.initialisation network.initial_scale train.loss train.batch_size train.learning_rate
    train.weight_decay train.sampling train.optimizer train.momentum train.adam_beta1 train.adam_beta2
    train.adam_epsilon train.seed train.schedule.warmup_epochs train.schedule.decay train.schedule.decay_ends
    train.schedule.end_factor train.schedule.step_epochs train.schedule.step_factor fork.results fork.replica
    fork.epoch fork.digest window.start window.opens_at_epoch window.zero_error_epochs window.unsolved
    window.length_epochs at_epochs.epochs curvature_at_epochs.enabled curvature_at_epochs.tolerance
    curvature_at_epochs.trace_products flatness_at_epochs.enabled flatness_at_epochs.along
    flatness_at_epochs.directions flatness_at_epochs.spacing pca.layers pca.spectrum pca.directions flatness.enabled
    flatness.directions flatness.spacing flatness.tolerance flatness.max_displacement flatness.fit_first
    flatness.fit_last flatness.psi_assumed first_mode.enabled first_mode.points first_mode.samples first_mode.modes
    first_mode.last_mode curvature.enabled curvature.directions curvature.spacing curvature.dense_limit
    curvature.modes curvature.tolerance curvature.trace_products curvature.squared_hessian network_curvature.enabled
    network_curvature.kinds network_curvature.leading network_curvature.smallest network_curvature.tolerance
    network_curvature.density_probes network_curvature.density_steps network_curvature.trace_products
    network_curvature.window dynamics.enabled dynamics.directions dynamics.spacing dynamics.lags
    dynamics.frozen_points mlf.enabled mlf.directions mlf.spacing mlf.minibatches mlf.pairs mlf.minima mlf.reach
    mlf.tolerance filters.enabled relative_flatness.enabled nulls.enabled nulls.directions nulls.walk
    nulls.walk_flatness nulls.held_out nulls.window_halvings bases.enabled bases.basis bases.directions bases.spacing
    bases.mlf bases.dense_limit bases.modes bases.tolerance pooled_pca.enabled pooled_pca.fraction
    pooled_pca.directions continual.tasks continual.labels continual.epochs continual.learning_rate continual.methods
    continual.psi continual.constraint_counts continual.strength continual.scale continual.trained continual.biases
    continual.held continual.leading_mode noise.method noise.amplitude noise.epochs noise.sgd_epochs
    noise.sgd_learning_rate noise.modes noise.minibatches noise.renew_epochs noise.until_loss noise.loss_levels
    output.trajectory run.team_size run.memory_per_rank run.checkpoint_epochs run.checkpoint_seconds run.max_walltime
    grid.batch_size grid.learning_rate grid.temperature grid.weight_decay grid.train_limit grid.label_noise grid.width
    grid.hidden_layers grid.activation grid.initial_scale grid.loss grid.optimizer grid.sampling grid.noise_method
    grid.noise_amplitude grid.psi_assumed grid.seed
"
# generated end

# What may be given for a key of a few words. generated: values
_flatsweep_choices() {
  case $1 in
    study) echo "landscape continual noise models" ;;
    data.targets) echo "classes real" ;;
    model.training) echo "unknown minibatches window" ;;
    network.activation) echo "relu leaky-relu tanh sigmoid gelu silu identity" ;;
    network.initialisation) echo "plain same-norm" ;;
    train.loss) echo "cross-entropy square" ;;
    train.sampling) echo "reshuffle shuffle-once fixed-partition with-replacement" ;;
    train.optimizer) echo "sgd momentum nesterov adam" ;;
    train.schedule.decay) echo "constant steps cosine linear" ;;
    window.start) echo "epoch zero-error" ;;
    window.unsolved) echo "reported analysed" ;;
    curvature_at_epochs.enabled) echo "true false" ;;
    flatness_at_epochs.enabled) echo "true false" ;;
    flatness_at_epochs.along) echo "final local both" ;;
    flatness_at_epochs.spacing) echo "log-spaced leading" ;;
    pca.spectrum) echo "all leading" ;;
    flatness.enabled) echo "true false" ;;
    flatness.spacing) echo "log-spaced leading" ;;
    first_mode.enabled) echo "true false" ;;
    curvature.enabled) echo "true false" ;;
    curvature.spacing) echo "log-spaced leading" ;;
    curvature.squared_hessian) echo "true false" ;;
    network_curvature.enabled) echo "true false" ;;
    network_curvature.window) echo "true false" ;;
    dynamics.enabled) echo "true false" ;;
    dynamics.spacing) echo "log-spaced leading" ;;
    mlf.enabled) echo "true false" ;;
    mlf.spacing) echo "log-spaced leading" ;;
    mlf.minima) echo "measured left-out" ;;
    filters.enabled) echo "true false" ;;
    relative_flatness.enabled) echo "true false" ;;
    nulls.enabled) echo "true false" ;;
    nulls.walk) echo "true false" ;;
    nulls.walk_flatness) echo "true false" ;;
    nulls.held_out) echo "true false" ;;
    bases.enabled) echo "true false" ;;
    bases.spacing) echo "log-spaced leading" ;;
    bases.mlf) echo "true false" ;;
    pooled_pca.enabled) echo "true false" ;;
    continual.labels) echo "per-task global" ;;
    continual.scale) echo "relative absolute" ;;
    noise.method) echo "sgd gd flatness-detecting isotropic diagonal" ;;
    output.trajectory) echo "true false" ;;
  esac
}
# generated end

_flatsweep_options="--output --resume --overwrite --dry-run --ranks --set --epoch --at-epoch --slice --merge --selftest --replica --weights --trajectory --watch --quiet --version --help --help-keys --help-key"

# Was a word of this pattern given before the one at the cursor?
_flatsweep_has() {
  local word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == $1 ]] && return 0
  done
  return 1
}

# _flatsweep_files PATTERN: folders, and files that end so.
_flatsweep_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$cur"; [[ -z $1 ]] || compgen -f -X "!$1" -- "$cur")
}

_flatsweep_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

# --set table.key=value; readline makes "=" a word of its own.
_flatsweep_value() {
  local key=${COMP_WORDS[COMP_CWORD - 2]}
  [[ $cur == = ]] && key=$prev cur=""
  case $key in
    data.name) _flatsweep_words "mnist fashion-mnist cifar-10 mnist-sample" ;;
    *) _flatsweep_words "$(_flatsweep_choices "$key")" ;;
  esac
}

_flatsweep() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [[ $prev == = || $cur == = ]]; then
    _flatsweep_value
  elif [[ $prev == --set ]]; then
    compopt -o nospace 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -S = -W "$_flatsweep_keys" -- "$cur")
  elif [[ $prev == --help-key ]]; then
    _flatsweep_words "$_flatsweep_keys"
  elif [[ $prev == --output ]]; then
    _flatsweep_files ""
  elif [[ $prev == --weights || $prev == --trajectory ]]; then
    _flatsweep_files "*.@(safetensors|npz)"
  elif [[ $prev == --slice || $prev == --ranks || $prev == --replica || $prev == --epoch || $prev == --at-epoch ]]; then
    return
  elif [[ $cur == -* ]]; then
    _flatsweep_words "$_flatsweep_options"
  elif _flatsweep_has fork || _flatsweep_has merge || _flatsweep_has --merge || _flatsweep_has export || _flatsweep_has status; then
    _flatsweep_files ""
  elif ! _flatsweep_has selftest && ! _flatsweep_has --selftest && ! _flatsweep_has "*.toml"; then
    _flatsweep_files "*.toml"
    [[ $COMP_CWORD -gt 1 ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "analyse export fork merge selftest status" -- "$cur")
  fi
}

complete -F _flatsweep flatsweep

# The completions of the launchers that there were before this file.
declare -gA _flatsweep_before

# Of a launcher: what stands behind flatsweep is completed as without it, all else as before.
_flatsweep_launched() {
  local i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]##*/} == flatsweep ]] || continue
    COMP_WORDS=("${COMP_WORDS[@]:i}")
    COMP_CWORD=$((COMP_CWORD - i))
    _flatsweep
    return
  done
  local before=${_flatsweep_before[${1##*/}]:-}
  if [[ -n $before ]]; then
    "$before" "$@"
  else
    mapfile -t COMPREPLY < <([[ -z $2 || $2 == -* ]] || compgen -c -- "$2")  # and files, by -o default
  fi
}

# bash-completion reads this file in place of the launcher's own: that one is read here first.
_flatsweep_own_completion() {
  local folder file spec=$(complete -p "$1" 2>/dev/null)
  local IFS=:
  for folder in ${XDG_DATA_DIRS:-/usr/local/share:/usr/share}; do
    file=$folder/bash-completion/completions/$1
    [[ -z $spec && -f $file && ! $file -ef ${BASH_SOURCE[0]} ]] || continue
    source "$file" 2>/dev/null
    spec=$(complete -p "$1" 2>/dev/null)
  done
  [[ $spec =~ \ -F\ ([^ ]+) && ${BASH_REMATCH[1]} != _flatsweep_launched ]] && _flatsweep_before[$1]=${BASH_REMATCH[1]}
}

for _flatsweep_launcher in mpirun mpiexec srun; do
  _flatsweep_own_completion "$_flatsweep_launcher"
  complete -o bashdefault -o default -F _flatsweep_launched "$_flatsweep_launcher"
done
unset _flatsweep_launcher
