#pragma once

#include "flatsweep/base/enum_words.hpp"

#include <span>

namespace flatsweep {

/// What a layer does to its pre-activations z, number by number: PyTorch's functions with their defaults.
enum class Activation { relu, leaky_relu, tanh, sigmoid, gelu, silu, identity };

template <>
inline constexpr auto enum_words<Activation> = make_enum_words<Activation>({
    {Activation::relu, "relu", "max(z, 0)"},
    {Activation::leaky_relu, "leaky-relu", "z where it is positive, else 0.01 z"},
    {Activation::tanh, "tanh", "hyperbolic tangent"},
    {Activation::sigmoid, "sigmoid", "1/(1 + exp(-z))"},
    {Activation::gelu, "gelu", "z Phi(z), Phi the normal distribution, by the error function"},
    {Activation::silu, "silu", "z/(1 + exp(-z))"},
    {Activation::identity, "identity", "z: a linear network"},
});

/// Straight on either side of 0: no second derivative.
[[nodiscard]] constexpr bool piecewise_linear(Activation a) {
  return a == Activation::relu || a == Activation::leaky_relu || a == Activation::identity;
}

// sigma(z) and its derivatives, a register of numbers at a time, to a few units in the last place of the largest term.
// At the kink the slope is that of negative z, as PyTorch has it. A NaN stays one.
// @param z, out of one length; they may be the same memory
void activate(Activation kind, std::span<const float> z, std::span<float> out);
/// sigma'(z)
void activation_slope(Activation kind, std::span<const float> z, std::span<float> out);
/// sigma''(z), 0 of what is piecewise linear
void activation_curvature(Activation kind, std::span<const float> z, std::span<float> out);

}  // namespace flatsweep
