#include "flatsweep/train/mode_shrinkage.hpp"

#include "flatsweep/nn/vector.hpp"

#include <algorithm>

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

/// p.x of two modes.
struct Pair {
  float first, second;
};
Pair dot_pair(const float* p, const float* q, const float* x, std::size_t size) {
  Vector first[registers] = {}, second[registers] = {};
  for (std::size_t i = 0; i < size; i += step)
    for (std::size_t r = 0; r < registers; ++r) {
      const Vector part = load_vector(x + i + r * lanes);
      first[r] += load_vector(p + i + r * lanes) * part;
      second[r] += load_vector(q + i + r * lanes) * part;
    }
  return {sum_of(first), sum_of(second)};
}

void subtract_pair(const float* p, const float* q, Pair by, float* x, std::size_t size) {
  const Vector first = Vector{} + by.first, second = Vector{} + by.second;
  for (std::size_t i = 0; i < size; i += lanes)
    store_vector(x + i, load_vector(x + i) - first * load_vector(p + i) - second * load_vector(q + i));
}

std::size_t whole_steps(std::size_t n) { return (n + step - 1) / step * step; }

}  // namespace

ModeShrinkage::ModeShrinkage(const RowMatrixF& modes, std::span<const double> shrinkage)
    : size_(static_cast<std::size_t>(modes.cols())), stride_(whole_steps(size_)), x_(stride_, 0.0F) {
  std::vector<Eigen::Index> kept;
  for (std::size_t i = 0; i < shrinkage.size(); ++i)
    if (shrinkage[i] > 0.0) {
      kept.push_back(static_cast<Eigen::Index>(i));
      shrinkage_.push_back(static_cast<float>(shrinkage[i]));
    }
  if (shrinkage_.size() % 2 == 1) shrinkage_.push_back(0.0F);  // beside the last one stands a mode of zeros
  rows_.assign(shrinkage_.size() * stride_, 0.0F);
  for (std::size_t i = 0; i < kept.size(); ++i)
    std::copy_n(modes.row(kept[i]).data(), size_, rows_.begin() + static_cast<std::ptrdiff_t>(i * stride_));
}

void ModeShrinkage::apply(std::span<float> w, std::span<const float> anchor) {
  if (shrinkage_.empty()) return;
  std::transform(w.begin(), w.end(), anchor.begin(), x_.begin(), std::minus{});
  for (std::size_t i = 0; i < shrinkage_.size(); i += 2) {
    const float *p = rows_.data() + i * stride_, *q = p + stride_;
    const auto [first, second] = dot_pair(p, q, x_.data(), stride_);
    subtract_pair(p, q, {shrinkage_[i] * first, shrinkage_[i + 1] * second}, x_.data(), stride_);
  }
  std::transform(anchor.begin(), anchor.end(), x_.begin(), w.begin(), std::plus{});
}

}  // namespace flatsweep
