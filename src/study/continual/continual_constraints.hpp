#pragma once

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/study/continual/continual.hpp"

#include <functional>
#include <optional>
#include <span>

namespace flatsweep {

/// What the penalties of some paths are made from.
struct ConstraintNeeds {
  std::int64_t directions = 0;    ///< principal directions
  bool flatness = false;          ///< along them
  bool diagonals = false;         ///< of the Fisher matrices
  std::int64_t fisher_modes = 0;  ///< eigenpairs of the Fisher matrix
};
[[nodiscard]] ConstraintNeeds needs_of(std::span<const ConstraintPath> paths);

/// A solution w* of a task, and one layer of it.
struct SolvedTask {
  const UnitContext& context;
  const Network& network;
  const ImageSet& train;
  std::span<const float> weights;  ///< w*
  std::int64_t next_epoch = 0;     ///< numbers the minibatches of what is measured by minibatches
  std::string layer;
};

/// @param pca of the window that led to w*; absent: no directions are needed
/// @param checkpoint called now and then with the share that is done; may throw Stopped
/// @note Collective over `team`.  @throws SolverError, Stopped, agreed
[[nodiscard]] LayerConstraints measure_constraints(const Communicator& team, const SolvedTask& task, const Pca* pca,
                                                   const ConstraintNeeds& needs,
                                                   const std::function<void(double)>& checkpoint);

}  // namespace flatsweep
