#pragma once

#include <limits>

namespace flatsweep {

/// Closed range that a number must lie in.
template <class T>
struct Bounds {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();
};

template <class T>
constexpr Bounds<T> at_least(T low) {
  return {low, std::numeric_limits<T>::max()};
}

/// Smallest positive number that may stand for "more than 0".
constexpr double positive = std::numeric_limits<double>::min();

}  // namespace flatsweep
