#pragma once

#include "flatsweep/study/grid/config.hpp"

#include <string>

namespace flatsweep {

/// Why what `now` asks for beside `before` cannot be added to a run of `before` without training its replicas anew or
/// losing some of its results, by the full name of the key; "" where it can. Added are analyses, layers, directions and
/// replicas; an analysis that is told something else is made anew. Both are of the same study's keys, in any order.
[[nodiscard]] std::string obstacle_to_adding(const Config& before, const Config& now);

/// Whether every replica of `before` has the same number in the grid of `now`.
[[nodiscard]] bool keeps_numbers(const Config& before, const Config& now);

}  // namespace flatsweep
