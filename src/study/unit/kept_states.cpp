#include "kept_states.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/hexadecimal.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/store/run_identity.hpp"
#include "flatsweep/study/unit/state_digest.hpp"
#include "flatsweep/study/unit/unit_status.hpp"
#include "training_tree.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace flatsweep {

namespace {

/// What stands in the place of a state that there is not.
Group without_state(std::int64_t epoch, const std::string& why) {
  Group root;
  auto& group = root.group(state_group(epoch));
  group.set("epoch", epoch);
  group.set("absent", why, "", "why there is no state of this epoch");
  return root;
}

Group kept_tree(const TrainerState& state) {
  Group root;
  merge(root.group(state_group(state.epoch)), state_tree(state));
  return root;
}

bool keeps_epoch(const Config& config, std::int64_t epoch) {
  const auto& epochs = config.at_epochs.epochs;
  return std::ranges::find(epochs, epoch) != epochs.end();
}

void append(std::string& bytes, const std::vector<float>& values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  bytes += fmt::format("|{}|", values.size());
}

std::string digest_of_state(const TrainerState& state) {
  auto bytes = fmt::format("{} {} ", state.epoch, state.optimizer.steps);
  append(bytes, state.weights);
  append(bytes, state.previous_gradient);
  append(bytes, state.optimizer.first);
  append(bytes, state.optimizer.second);
  return hexadecimal(digest_of(bytes));
}

bool holds_state(const Group* group) { return group != nullptr && group->attribute("absent") == nullptr; }

/// The group of the state after so many epochs; nullptr where there is none.
const Group* find_state(const Group& replica, std::int64_t epoch) {
  const auto* kept = replica.find_group(state_group(epoch));
  if (holds_state(kept)) return kept;
  const auto* window = replica.find_group(window_start_stage);
  return window != nullptr && window->integer("epoch") == epoch ? window : nullptr;
}

std::vector<std::int64_t> epochs_of(const Group& replica) {
  std::vector<std::int64_t> epochs;
  if (const auto* states = replica.find_group("states"))
    for (const auto& state : states->groups)
      if (holds_state(&state)) epochs.push_back(state.integer("epoch"));
  if (const auto* window = replica.find_group(window_start_stage)) epochs.push_back(window->integer("epoch"));
  std::ranges::sort(epochs);
  epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
  return epochs;
}

std::string why_no_state(const Group& replica) {
  const auto known = epochs_of(replica);
  if (!known.empty()) return fmt::format("those after epochs {} were kept", fmt::join(known, ", "));
  if (const auto status = replica.text("status"); status != to_string(UnitStatus::done))
    return fmt::format("it is {}, and states are kept of replicas that are done", status);
  return "none was kept of it, set at_epochs.epochs in a run to keep some";
}

}  // namespace

void KeptStates::keep(const TrainerState& state) const {
  if (state.diverged || !keeps_epoch(context_.config, state.epoch)) return;
  const auto stage = state_stage(state.epoch);
  if (!context_.folder.holds(stage)) context_.folder.write(stage, kept_tree(state));
}

std::optional<TrainerState> KeptStates::find(std::int64_t epoch, const Group& training) const {
  const auto tree = context_.folder.read(state_stage(epoch));
  if (!tree) return std::nullopt;
  const auto* group = tree->find_group(state_group(epoch));
  if (!holds_state(group)) return std::nullopt;
  return state_from_tree(*group, training);
}

std::optional<TrainerState> KeptStates::kept_between(std::int64_t low, std::int64_t high) const {
  const auto& epochs = context_.config.at_epochs.epochs;
  for (auto epoch = epochs.rbegin(); epoch != epochs.rend(); ++epoch)
    if (*epoch > low && *epoch < high && context_.folder.holds(state_stage(*epoch)))
      return find(*epoch, context_.folder.require("training").subgroup("training"));
  return std::nullopt;
}

void KeptStates::complete(const std::function<TrainerState()>& first, const TrainerState& start,
                          const TrainerState& end, const MakeTrainer& make_trainer) const {
  std::optional<TrainerState> before;  // the one last looked at, with its history
  for (const auto epoch : context_.config.at_epochs.epochs) {
    const auto stage = state_stage(epoch);
    if (context_.folder.holds(stage)) continue;
    if (epoch > end.epoch) {
      context_.folder.write(stage, without_state(epoch, fmt::format("training ended after {} epochs", end.epoch)));
      continue;
    }
    if (!before) before = first();
    if (epoch < before->epoch) {
      context_.folder.write(stage, without_state(epoch, fmt::format("training began after epoch {}", before->epoch)));
      continue;
    }
    if (start.epoch <= epoch && start.epoch > before->epoch) before = start;
    if (auto nearest = kept_between(before->epoch, epoch)) before = std::move(nearest);
    const auto trainer = make_trainer(*before);
    while (trainer->state().epoch < epoch) {
      context_.hooks.progress("states", 1.0 * trainer->state().epoch / epoch);
      if (context_.hooks.stop_requested()) throw Stopped(stop_message);
      trainer->run_epoch();
    }
    before = trainer->state();
    context_.folder.write(stage, kept_tree(*before));
  }
}

StoredState state_in_results(const std::filesystem::path& results, std::int64_t replica, std::int64_t epoch) {
  if (!is_there(results))
    throw ConfigError(fmt::format("{}: no results are here to go on from; name the output folder of a finished run",
                                  results.string()));
  const auto group = read_results_group(results, "replica/" + unit_name(replica));
  const auto* found = find_state(group, epoch);
  if (found == nullptr)
    throw ConfigError(fmt::format("{}: there is no state of replica {} after epoch {}; {}", results.string(), replica,
                                  epoch, why_no_state(group)));
  auto state = state_from_tree(*found, group.subgroup("training"));
  auto digest = digest_of_state(state);
  return {std::move(state), group.text("optimizer"), std::move(digest)};
}

std::vector<KeptWeights> kept_weights(const Communicator& team, const UnitContext& context) {
  std::vector<KeptWeights> kept;
  on_root(team, [&] {
    for (const auto epoch : context.config.at_epochs.epochs) {
      const auto tree = context.folder.require(state_stage(epoch));
      const auto* group = tree.find_group(state_group(epoch));
      if (!holds_state(group)) continue;
      const auto weights = group->dataset("weights").values<float>();
      kept.push_back({epoch, {weights.begin(), weights.end()}});
    }
  });
  kept.resize(team.broadcast(std::ssize(kept)));
  for (auto& [epoch, weights] : kept) {
    epoch = team.broadcast(epoch);
    weights.resize(team.broadcast(std::ssize(weights)));
    team.broadcast(std::span(weights));
  }
  return kept;
}

std::string state_digest(const std::filesystem::path& results, std::int64_t replica, std::int64_t epoch) {
  return state_in_results(results, replica, epoch).digest;
}

TrainerState forked_state(const ForkConfig& fork, const OptimizerOptions& options, std::size_t parameters) {
  auto [state, optimizer, digest] = state_in_results(fork.results, fork.replica, fork.epoch);
  if (digest != fork.digest)
    throw ConfigError(
        fmt::format("{}: the state of replica {} after epoch {} is another one than this run was begun from; "
                    "restore the file",
                    fork.results, fork.replica, fork.epoch));
  if (state.weights.size() != parameters)
    throw ConfigError(fmt::format("{}: the state has {} weights and biases, this network {}; a fork keeps the network",
                                  fork.results, state.weights.size(), parameters));
  const auto fresh = Optimizer(options, parameters).state();
  const bool goes_on = optimizer == to_string(options.kind) && state.optimizer.first.size() == fresh.first.size() &&
                       state.optimizer.second.size() == fresh.second.size();
  if (!goes_on) state.optimizer = fresh;
  return state;
}

}  // namespace flatsweep
