#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/train/trainer.hpp"

#include <memory>
#include <string>
#include <vector>

// The contents of a replica's group in results.h5, by the project's schema (docs/output.md).
namespace flatsweep {

/// Groups training/ and weights/, with the attributes epochs_trained, window_first_epoch, diverged at the root.
[[nodiscard]] Group training_tree(const TrainerState& state, const Network& network, std::int64_t window_first_epoch);
/// Weights, epochs, curves and divergence from such a tree; what only further training needs is left empty.
[[nodiscard]] TrainerState state_from_training_tree(const Group& tree, const Network& network);

[[nodiscard]] Group trajectory_tree(const std::vector<std::string>& layers,
                                    const std::vector<std::shared_ptr<RowMatrixF>>& rows);

/// Group pca/<layer>, with the first `kept` directions (0: all).
[[nodiscard]] Group pca_tree(const std::string& layer, const Pca& pca, std::int64_t kept);

/// Group flatness/<layer>.
[[nodiscard]] Group flatness_tree(const std::string& layer, const std::vector<DirectionFlatness>& flatness,
                                  const Pca& pca, const PsiFit& fit, double loss);
/// Direction, crossings and derivatives back from such a group, without the profiles.
[[nodiscard]] std::vector<DirectionFlatness> flatness_from_tree(const Group& flatness);
/// The relation of variance and flatness back from such a group.
[[nodiscard]] VarianceFlatness relation_from_tree(const Group& flatness);

}  // namespace flatsweep
