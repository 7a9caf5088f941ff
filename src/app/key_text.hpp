#pragma once

#include "flatsweep/base/bounds.hpp"
#include "flatsweep/base/limits.hpp"

#include <cstdint>
#include <limits>
#include <string_view>

namespace flatsweep {

/// What a key says to a reader: a sentence that stands alone, the unit of its number.
struct KeyText {
  std::string_view sentence;
  std::string_view unit = {};
  std::string_view in_place_of = {};  ///< of an axis: the key whose value it takes the place of
};

/// Directions, products and minibatches are numbered by int.
constexpr std::int64_t most_directions = std::numeric_limits<int>::max();
/// Minibatches of so many epochs of any data set are counted in 64 bits.
constexpr std::int64_t most_epochs = 100000000;

constexpr Bounds<std::int64_t> some_epochs{1, most_epochs};
constexpr Bounds<std::int64_t> some_directions{1, most_directions};

// Of matrices that are not formed.
constexpr Bounds<std::int64_t> some_eigenpairs{1, limits::eigenpairs};
constexpr Bounds<std::int64_t> some_trace_products{6, limits::trace_products};
constexpr Bounds<double> eigenpair_tolerance{1e-12, 0.1};

}  // namespace flatsweep
