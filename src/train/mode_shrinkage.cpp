#include "flatsweep/train/mode_shrinkage.hpp"

#include "flatsweep/nn/vector.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace flatsweep {

namespace {

constexpr std::size_t lanes = vector_lanes;
constexpr std::size_t registers = 4;  // of one mode at a time: a single sum would wait for its own last addition
constexpr std::size_t step = registers * lanes;

float sum_of(const Vector (&v)[registers]) {
  const Vector all = (v[0] + v[1]) + (v[2] + v[3]);
  float sum = 0.0F;
  for (std::size_t i = 0; i < lanes; ++i) sum += all[i];
  return sum;
}

// A mode's components are 16-bit integers of its own scale, two of them in every lane of a register: components i and
// i + lanes as the lower and the upper half. The lane shifted up is the one, the lane as it stands is the other; what
// the lower half adds to it was taken into account when it was rounded.
struct Two {
  Vector lower, upper;
};
Two load_two(const std::int32_t* from) {
  Integers v;
  std::memcpy(&v, from, sizeof v);
  return {__builtin_convertvector(v << 16, Vector), __builtin_convertvector(v, Vector)};
}

/// Packs a mode. @param to (from.size() / 2,) @return its squared norm in the units of `load_two`
double pack(std::span<const float> from, std::int32_t* to) {
  float largest = 0.0F;
  for (const float p : from) largest = std::max(largest, std::abs(p));
  const double units = largest > 0.0F ? 32767.0 / largest : 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (i / lanes % 2 == 1) continue;
    const auto lower = static_cast<std::int16_t>(std::lrint(from[i] * units));
    const auto added = static_cast<std::uint16_t>(lower);
    const auto upper = std::lrint(from[i + lanes] * units - added / 65536.0);
    const auto lane = static_cast<std::int32_t>(upper * 65536 + added);
    to[i / (2 * lanes) * lanes + i % lanes] = lane;
    norm += std::pow(lower * 65536.0, 2) + std::pow(static_cast<double>(lane), 2);
  }
  return norm;
}

/// Products of two modes with x; `wide` keeps the modes as floats for `subtract_pair`.
struct Pair {
  float first, second;
};
Pair dot_pair(const std::int32_t* p, const std::int32_t* q, const float* x, float* wide, std::size_t size) {
  Vector first[registers] = {}, second[registers] = {};
  for (std::size_t i = 0; i < size; i += step)
#pragma GCC unroll 2
    for (std::size_t r = 0; r < registers; r += 2) {
      const std::size_t lower = i + r * lanes, upper = lower + lanes;
      const Two a = load_two(p + lower / 2), b = load_two(q + lower / 2);
      first[r] += a.lower * load_vector(x + lower);
      first[r + 1] += a.upper * load_vector(x + upper);
      second[r] += b.lower * load_vector(x + lower);
      second[r + 1] += b.upper * load_vector(x + upper);
      store_vector(wide + lower, a.lower);
      store_vector(wide + upper, a.upper);
      store_vector(wide + size + lower, b.lower);
      store_vector(wide + size + upper, b.upper);
    }
  return {sum_of(first), sum_of(second)};
}

void subtract_pair(const float* wide, Pair by, float* x, std::size_t size) {
  const Vector first = Vector{} + by.first, second = Vector{} + by.second;
  for (std::size_t i = 0; i < size; i += lanes)
    store_vector(x + i, load_vector(x + i) - first * load_vector(wide + i) - second * load_vector(wide + size + i));
}

std::size_t whole_steps(std::size_t n) { return (n + step - 1) / step * step; }

}  // namespace

ModeShrinkage::ModeShrinkage(const RowMatrixF& modes, std::span<const double> shrinkage)
    : size_(modes.cols()), stride_(whole_steps(size_)), x_(stride_, 0.0F), pair_(2 * stride_, 0.0F) {
  const std::size_t kept = std::ranges::count_if(shrinkage, [](double r) { return r > 0.0; });
  rows_.assign((kept + 1) / 2 * stride_, 0);  // beside an odd last mode stands one of zeros
  shrinkage_.assign((kept + 1) / 2 * 2, 0.0F);
  std::vector<float> mode(stride_, 0.0F);
  for (std::size_t i = 0, row = 0; i < shrinkage.size(); ++i) {
    if (!(shrinkage[i] > 0.0)) continue;
    std::copy_n(modes.row(i).data(), size_, mode.begin());
    const double norm = pack(mode, rows_.data() + row * stride_ / 2);
    shrinkage_[row++] = norm > 0.0 ? (shrinkage[i] / norm) : 0.0F;
  }
}

void ModeShrinkage::apply(std::span<float> w, std::span<const float> anchor) {
  if (shrinkage_.empty()) return;
  std::transform(w.begin(), w.end(), anchor.begin(), x_.begin(), std::minus{});
  for (std::size_t i = 0; i < shrinkage_.size(); i += 2) {
    const std::int32_t *p = rows_.data() + i * stride_ / 2, *q = p + stride_ / 2;
    const auto [first, second] = dot_pair(p, q, x_.data(), pair_.data(), stride_);
    subtract_pair(pair_.data(), {shrinkage_[i] * first, shrinkage_[i + 1] * second}, x_.data(), stride_);
  }
  std::transform(anchor.begin(), anchor.end(), x_.begin(), w.begin(), std::plus{});
}

}  // namespace flatsweep
