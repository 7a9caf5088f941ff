#include "flatsweep/nn/activation.hpp"

#include "flatsweep/nn/vector_math.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace flatsweep {

namespace {

/// What is asked of an activation.
enum class Order { value, slope, curvature };

Vector constant(float c) { return Vector{} + c; }
Vector absolute(Vector x) { return x < Vector{} ? -x : x; }
Vector decay(Vector x) { return bounded_exponential(-absolute(x)); }  // exp(-|x|)

/// 0, and NaN where z is no number or infinite.
Vector zero_of(Vector z) {
  const Vector same = z;
  return z - same;
}

/// Pieces on either side of 0.
template <Order order, int thousandths>
Vector two_lines(Vector z) {
  constexpr float left = thousandths / 1000.0F;
  if constexpr (order == Order::value) return z < Vector{} ? left * z : z;  // in this order a NaN stays one
  if constexpr (order == Order::slope) return z > Vector{} ? constant(1.0F) : constant(left) + zero_of(z);
  return zero_of(z);
}

/// 1/(1 + exp(-x)), also where it is tiny.
Vector logistic(Vector x) {
  const Vector e = decay(x), right = 1.0F / (1.0F + e);
  return x < Vector{} ? e * right : right;
}

// Cephes' tanhf: a polynomial where 1 - 2/(exp(2x) + 1) would lose digits.
Vector hyperbolic_tangent(Vector x) {
  const Vector square = x * x, size = absolute(x);
  Vector p = square * -5.70498872745e-3F + 2.06390887954e-2F;
  p = p * square - 5.37397155531e-2F;
  p = p * square + 1.33314422036e-1F;
  p = p * square - 3.33332819422e-1F;
  const Vector near = x + x * square * p;
  const Vector e = decay(2.0F * x), far = 1.0F - 2.0F * e / (1.0F + e);
  return size < constant(0.625F) ? near : (x < Vector{} ? -far : far);
}

template <Order order>
Vector of_tanh(Vector z) {
  const Vector t = hyperbolic_tangent(z);
  if constexpr (order == Order::value) return t;
  // 1 - t^2 = 4 e/(1 + e)^2 keeps its digits where t is near 1.
  const Vector e = decay(2.0F * z), sum = 1.0F + e, slope = 4.0F * e / (sum * sum);
  if constexpr (order == Order::slope) return slope;
  return -2.0F * t * slope;
}

template <Order order>
Vector of_sigmoid(Vector z) {
  const Vector s = logistic(z), slope = s * logistic(-z);
  if constexpr (order == Order::value) return s;
  if constexpr (order == Order::slope) return slope;
  return slope * -hyperbolic_tangent(0.5F * z);  // 1 - 2s
}

template <Order order>
Vector of_silu(Vector z) {
  const Vector s = logistic(z), slope = s * logistic(-z);
  if constexpr (order == Order::value) return z * s;
  if constexpr (order == Order::slope) return s + z * slope;
  return slope * (2.0F - z * hyperbolic_tangent(0.5F * z));
}

/// exp(-x^2/2)
Vector bell(Vector x) { return bounded_exponential(-0.5F * x * x); }

// Phi(x) by Cephes' erff and erfcf of u = |x|/sqrt(2): 1/2 + erf(u)/2 near 0, and 1 - erfc(u)/2 beyond u = 1, so that
// it keeps its digits where it is tiny.
Vector normal_distribution(Vector x) {
  constexpr float root_half = 0.70710678F;
  const Vector u = absolute(x) * root_half, square = u * u;
  Vector t = square * 7.853861353153693e-5F - 8.010193625184903e-4F;
  t = t * square + 5.188327685732524e-3F;
  t = t * square - 2.685381193529856e-2F;
  t = t * square + 1.128358514861418e-1F;
  t = t * square - 3.761262582423300e-1F;
  t = t * square + 1.128379165726710F;
  const Vector q = 1.0F / (u < constant(0.5F) ? constant(0.5F) : u), y = q * q;
  Vector p = y * 2.326819970068386e-2F - 1.387039388740657e-1F;
  p = p * y + 3.687424674597105e-1F;
  p = p * y - 5.824733027278666e-1F;
  p = p * y + 6.210004621745983e-1F;
  p = p * y - 4.944515323274145e-1F;
  p = p * y + 3.404879937665872e-1F;
  p = p * y - 2.741127028184656e-1F;
  p = p * y + 5.638259427386472e-1F;
  Vector r = y * -1.047766399936249e+1F + 1.297719955372516e+1F;
  r = r * y - 7.495518717768503F;
  r = r * y + 2.921019019210786F;
  r = r * y - 1.015265279202700F;
  r = r * y + 4.218463358204948e-1F;
  r = r * y - 2.820767439740514e-1F;
  r = r * y + 5.641895067754075e-1F;
  const Vector tail = 0.5F * bell(x) * q * (u < constant(2.0F) ? p : r);  // erfc(u)/2
  const Vector far = x < Vector{} ? tail : 1.0F - tail;
  const Vector half = 0.5F * u * t, near = 0.5F + (x < Vector{} ? -half : half);
  return u < constant(1.0F) ? near : far;
}

template <Order order>
Vector of_gelu(Vector z) {
  constexpr float normal = 0.39894228F;  // 1/sqrt(2 pi)
  if constexpr (order == Order::value) return z * normal_distribution(z);
  if constexpr (order == Order::slope) return normal_distribution(z) + z * (normal * bell(z));
  return normal * bell(z) * (2.0F - z * z);
}

template <class Function>
void map(std::span<const float> z, std::span<float> out, Function function) {
  assert(z.size() == out.size());
  std::size_t i = 0;
  for (; i + vector_lanes <= z.size(); i += vector_lanes) store_vector(&out[i], function(load_vector(&z[i])));
  if (i == z.size()) return;
  float rest[vector_lanes] = {};
  std::copy(z.begin() + i, z.end(), rest);
  store_vector(rest, function(load_vector(rest)));
  std::copy_n(rest, z.size() - i, out.begin() + i);
}

template <Order order>
void map(Activation kind, std::span<const float> z, std::span<float> out) {
  switch (kind) {
    case Activation::relu:
      return map(z, out, two_lines<order, 0>);
    case Activation::leaky_relu:
      return map(z, out, two_lines<order, 10>);
    case Activation::tanh:
      return map(z, out, of_tanh<order>);
    case Activation::sigmoid:
      return map(z, out, of_sigmoid<order>);
    case Activation::gelu:
      return map(z, out, of_gelu<order>);
    case Activation::silu:
      return map(z, out, of_silu<order>);
    case Activation::identity:
      return map(z, out, two_lines<order, 1000>);
  }
}

}  // namespace

void activate(Activation kind, std::span<const float> z, std::span<float> out) { map<Order::value>(kind, z, out); }

void activation_slope(Activation kind, std::span<const float> z, std::span<float> out) {
  map<Order::slope>(kind, z, out);
}

void activation_curvature(Activation kind, std::span<const float> z, std::span<float> out) {
  map<Order::curvature>(kind, z, out);
}

}  // namespace flatsweep
