#include "flatsweep/train/mode_shrinkage.hpp"

#include "flatsweep/nn/vector.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

constexpr std::size_t lanes = vector_lanes;

float sum_of(Vector v) {
  float sum = 0.0F;
  for (std::size_t i = 0; i < lanes; ++i) sum += v[i];
  return sum;
}

/// p.x of two modes, in two registers each: a single one would wait for its own last addition.
struct Pair {
  float first, second;
};
Pair dot_pair(const float* p, const float* q, const float* x, std::size_t size) {
  Vector sums[4] = {};
  std::size_t i = 0;
  for (; i + 2 * lanes <= size; i += 2 * lanes) {
    const Vector low = load_vector(x + i), high = load_vector(x + i + lanes);
    sums[0] += load_vector(p + i) * low;
    sums[1] += load_vector(p + i + lanes) * high;
    sums[2] += load_vector(q + i) * low;
    sums[3] += load_vector(q + i + lanes) * high;
  }
  if (i < size) {
    const Vector low = load_vector(x + i);
    sums[0] += load_vector(p + i) * low;
    sums[2] += load_vector(q + i) * low;
  }
  return {sum_of(sums[0] + sums[1]), sum_of(sums[2] + sums[3])};
}

void subtract_pair(const float* p, const float* q, Pair by, float* x, std::size_t size) {
  const Vector first = Vector{} + by.first, second = Vector{} + by.second;
  for (std::size_t i = 0; i < size; i += lanes)
    store_vector(x + i, load_vector(x + i) - first * load_vector(p + i) - second * load_vector(q + i));
}

std::size_t whole_registers(std::size_t n) { return (n + lanes - 1) / lanes * lanes; }

}  // namespace

ModeShrinkage::ModeShrinkage(const RowMatrixF& modes, std::span<const double> shrinkage)
    : size_(static_cast<std::size_t>(modes.cols())), stride_(whole_registers(size_)), x_(stride_, 0.0F) {
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
