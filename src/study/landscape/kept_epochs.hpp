#pragma once

#include "flatsweep/base/column_of.hpp"
#include "study/store/tree_entries.hpp"
#include "study/unit/kept_states.hpp"

namespace flatsweep {

/// Data set "epoch" of what is measured of these.
inline void add_epochs(Group& group, const std::vector<KeptWeights>& states) {
  const auto epochs = column_of(states, [](const auto& state) { return static_cast<int>(state.epoch); });
  add_integers(group, "epoch", epochs, "epoch", "epochs", "epochs done in the state");
}

}  // namespace flatsweep
