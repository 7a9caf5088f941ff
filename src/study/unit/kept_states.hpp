#pragma once

#include "flatsweep/study/unit/unit_context.hpp"
#include "flatsweep/train/trainer.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace flatsweep {

/// The states of training that at_epochs asks for, as durable files of their unit. Serial: rank 0 of the team.
class KeptStates {
 public:
  using MakeTrainer = std::function<std::unique_ptr<Trainer>(TrainerState)>;

  explicit KeptStates(const UnitContext& context) : context_(context) {}

  /// Keeps this one, where it is asked for and not there yet.
  void keep(const TrainerState& state) const;
  /// Makes those that training did not leave, as they were not asked for then, by training again from the nearest one
  /// before. An epoch that training did not reach, or that lies before the state that it began with, leaves a group
  /// that says so.
  /// @param first where training began   @param start of the window   @param end with the history of the whole training
  /// @throws Stopped
  void complete(const std::function<TrainerState()>& first, const TrainerState& start, const TrainerState& end,
                const MakeTrainer& make_trainer) const;

  /// The state after so many epochs; nothing where it is not kept.
  /// @param training  the group of curves of the whole training
  [[nodiscard]] std::optional<TrainerState> find(std::int64_t epoch, const Group& training) const;

 private:
  /// The latest one that is kept of an epoch between these.
  [[nodiscard]] std::optional<TrainerState> kept_between(std::int64_t low, std::int64_t high) const;

  const UnitContext& context_;
};

/// The weights of a state that is kept.
struct KeptWeights {
  std::int64_t epoch = 0;
  std::vector<float> weights;  ///< (parameters,)
};

/// Of the epochs of at_epochs that training reached, ascending, the same on every rank.
/// @note Collective over `team`.  @throws IoError, agreed
[[nodiscard]] std::vector<KeptWeights> kept_weights(const Communicator& team, const UnitContext& context);

/// The state with which a forked run begins, found in the other run's results. Another optimiser begins without memory.
/// @param parameters  of the network that goes on from it
/// @throws ConfigError where it is not there, not the one that the run was begun from, or another network's; IoError
[[nodiscard]] TrainerState forked_state(const ForkConfig& fork, const OptimizerOptions& options,
                                        std::size_t parameters);

/// A state that results.h5 has of a replica, at a kept epoch or where the window opened, with the optimiser's word.
struct StoredState {
  TrainerState state;
  std::string optimizer;
  std::string digest;  ///< of all but the curves
};

/// Serial.  @throws ConfigError naming the epochs that there are; IoError
[[nodiscard]] StoredState state_in_results(const std::filesystem::path& results, std::int64_t replica,
                                           std::int64_t epoch);

}  // namespace flatsweep
