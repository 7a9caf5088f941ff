#pragma once

#include "flatsweep/base/index.hpp"

#include <Eigen/Core>

#include <vector>

namespace flatsweep {

/// Discrete Fourier transforms of four complex series at once, a lane each: no step mixes lanes, so that a series comes
/// out with the same bits in any company. Eight series of 12000 numbers leave the cache next to the core, and each took
/// twice as long.
class LaneTransform {
 public:
  static constexpr int lanes = 4;
  using Lanes = Eigen::Array<double, lanes, 1>;
  struct Number {
    Lanes re, im;
  };

  /// @param length without prime factors above 5
  explicit LaneTransform(Index length);
  /// X_k = sum_t x_t exp(-2 pi i k t/length), in place. @param x (length,)
  void forward(std::vector<Number>& x);

 private:
  struct Root {
    double re = 1.0, im = 0.0;
  };
  template <int radix>
  void pass(Index length, Index stride, const std::vector<Number>& x, std::vector<Number>& y) const;

  std::vector<Root> roots_;  // exp(-2 pi i k/length)
  std::vector<Number> other_;
};

}  // namespace flatsweep
