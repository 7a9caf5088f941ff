#pragma once

#include "flatsweep/analysis/constraints.hpp"
#include "flatsweep/io/tree.hpp"

#include <string>

namespace flatsweep {

/// Group constraints/<layer> of a replica, and separately the modes, which are too large for results.h5.
[[nodiscard]] Group constraints_tree(const std::string& layer, const LayerConstraints& constraints);
[[nodiscard]] Group modes_tree(const LayerConstraints& constraints);
/// Back from both, without block and anchor.
[[nodiscard]] LayerConstraints constraints_from_trees(const Group& group, const Group& modes);
/// @throws DamagedFile unless they are those of a layer of so many weights
void require_fit(const LayerConstraints& constraints, std::size_t weights);

[[nodiscard]] Group penalty_tree(const Penalty& penalty);
/// @throws DamagedFile unless it is a penalty of this block
[[nodiscard]] Penalty penalty_from_tree(const Group& tree, ParameterBlock block);

}  // namespace flatsweep
