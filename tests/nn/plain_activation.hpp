#pragma once

#include "flatsweep/nn/activation.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace flatsweep {

/// sigma(z) by the library's functions.
inline long double plain_activation(Activation kind, long double z) {
  switch (kind) {
    case Activation::relu:
      return std::max(z, 0.0L);
    case Activation::leaky_relu:
      return z > 0.0L ? z : 0.01F * z;
    case Activation::tanh:
      return std::tanh(z);
    case Activation::sigmoid:
      return 1.0L / (1.0L + std::exp(-z));
    case Activation::gelu:
      return 0.5L * z * std::erfc(-z / std::numbers::sqrt2_v<long double>);
    case Activation::silu:
      return z / (1.0L + std::exp(-z));
    case Activation::identity:
      break;
  }
  return z;
}

}  // namespace flatsweep
