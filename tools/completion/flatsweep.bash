# Bash completion for flatsweep; cmake --install puts it where bash-completion looks. By hand: source it.

# The keys of docs/configuration.md; tests/app/user_test.py compares them.
_flatsweep_keys="
    study data.name data.root data.train_limit data.test_limit network.architecture network.hidden_layers
    network.width network.initialisation train.batch_size train.learning_rate train.sampling train.optimizer
    train.momentum train.adam_beta1 train.adam_beta2 train.adam_epsilon train.seed window.start window.epoch
    window.zero_error_epochs window.epochs pca.layers pca.spectrum pca.directions flatness.measure
    flatness.directions flatness.choice flatness.tolerance flatness.furthest flatness.fit_first flatness.fit_last
    flatness.psi first_mode.measure first_mode.points first_mode.samples first_mode.modes first_mode.last_mode
    curvature.measure curvature.directions curvature.choice curvature.dense_limit curvature.modes
    curvature.tolerance curvature.trace_products network_curvature.measure network_curvature.kinds
    network_curvature.leading network_curvature.smallest network_curvature.tolerance
    network_curvature.density_probes network_curvature.density_steps network_curvature.trace_products
    dynamics.measure dynamics.directions dynamics.choice dynamics.lags dynamics.frozen_at mlf.measure mlf.directions
    mlf.choice mlf.minibatches mlf.pairs mlf.minima mlf.reach mlf.tolerance filters.measure nulls.measure
    nulls.directions nulls.walk nulls.walk_flatness nulls.held_out nulls.scan_halvings pooled_pca.measure
    pooled_pca.fraction pooled_pca.directions continual.tasks continual.labels continual.epochs
    continual.learning_rate continual.methods continual.psi continual.constraints continual.strength continual.scale
    continual.trained continual.biases continual.first_mode noise.method noise.strength noise.epochs
    noise.sgd_epochs noise.sgd_learning_rate noise.modes noise.minibatches noise.renew_epochs noise.loss_levels
    output.trajectory run.team_size run.memory_per_rank run.checkpoint_epochs run.checkpoint_seconds
    run.max_walltime grid.batch_size grid.learning_rate grid.width grid.hidden_layers grid.psi grid.seed
    grid.optimizer grid.sampling grid.noise_method grid.noise_strength
"

_flatsweep_options="--output --resume --overwrite --dry-run --ranks --set --slice --merge --selftest --quiet --version --help"

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
    study) _flatsweep_words "landscape continual noise" ;;
    data.name) _flatsweep_words "mnist fashion-mnist cifar-10 mnist-sample" ;;
    *.measure | output.trajectory) _flatsweep_words "true false" ;;
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
  elif [[ $prev == --output ]]; then
    _flatsweep_files ""
  elif [[ $prev == --slice || $prev == --ranks ]]; then
    return
  elif [[ $cur == -* ]]; then
    _flatsweep_words "$_flatsweep_options"
  elif _flatsweep_has merge || _flatsweep_has --merge; then
    _flatsweep_files ""
  elif ! _flatsweep_has selftest && ! _flatsweep_has --selftest && ! _flatsweep_has "*.toml"; then
    _flatsweep_files "*.toml"
    [[ $COMP_CWORD -gt 1 ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "merge selftest" -- "$cur")
  fi
}

complete -F _flatsweep flatsweep
