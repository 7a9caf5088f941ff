#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/train/trainer.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// The contents of a replica's group in results.h5, by the project's schema (docs/output.md).
namespace flatsweep {

inline constexpr const char* trained_sentence =
    "number of epochs that the replica was trained, the window included; of the first task in the study continual";

/// What a replica's group says of its training.
void set_training_attributes(Group& group, std::int64_t epochs_trained, std::int64_t window_first_epoch, bool diverged);
/// Groups training/ and weights/, with the attributes epochs_trained, window_first_epoch, diverged at the root.
[[nodiscard]] Group training_tree(const TrainerState& state, const Network& network, std::int64_t window_first_epoch);
/// Weights, epochs, curves and divergence from such a tree; what only further training needs is left empty.
[[nodiscard]] TrainerState state_from_training_tree(const Group& tree, const Network& network);

/// The stage, and the group of a replica, that has the state in which the window opened.
constexpr const char* window_start_stage = "window_start";

/// The stage of a state that is kept; it stands in states/000020.
[[nodiscard]] std::string state_stage(std::int64_t epoch);
[[nodiscard]] std::string state_group(std::int64_t epoch);

/// What training goes on from, bit for bit, beside the curves: epoch, weights, last gradient, what the optimiser
/// remembers.
[[nodiscard]] Group state_tree(const TrainerState& state);
/// @param training  the group of curves, of this epoch or later   @throws DamagedFile
[[nodiscard]] TrainerState state_from_tree(const Group& group, const Group& training);

[[nodiscard]] Group trajectory_tree(const std::vector<std::string>& layers,
                                    const std::vector<std::shared_ptr<RowMatrixF>>& rows);

}  // namespace flatsweep
