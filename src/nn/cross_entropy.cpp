#include "flatsweep/nn/cross_entropy.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/vector_math.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace flatsweep {

namespace {

using Mask = Integers;
using LaneArray = Eigen::Array<float, vector_lanes, 1>;

Vector load_lanes(const Logits& matrix, Index row, int column) {
  return load_vector(matrix.data() + row + column * matrix.outerStride());
}

Vector larger(Vector a, Vector b) { return a > b ? a : b; }

double sum(Vector v) {
  LaneArray array;
  store_vector(array.data(), v);
  return array.cast<double>().sum();
}

std::int64_t sum(Mask mask) {
  Eigen::Array<std::int32_t, vector_lanes, 1> array;
  std::memcpy(array.data(), &mask, sizeof mask);
  return array.sum();
}

/// What is known of a register of samples before anything is summed over them.
struct LaneGroup {
  Index first = 0;        ///< row of the first sample
  Mask label = {};        ///< -1 in lanes without a sample
  Vector largest = {};    ///< m
  Vector right = {};      ///< y_c
  Vector right_exp = {};  ///< e_c
  Vector wrong_sum = {};  ///< s

  [[nodiscard]] Mask in_use() const { return label >= 0; }
  [[nodiscard]] Vector keep_used(Vector v) const {
    const Vector zero = {};
    return in_use() ? v : zero;
  }
};

Mask load_mask(const std::int32_t* from) {
  Mask mask;
  std::memcpy(&mask, from, sizeof mask);
  return mask;
}

}  // namespace

CrossEntropy::CrossEntropy(PaddedRows rows, int classes)
    : rows_(rows), classes_(classes), exponentials_(classes), labels_(rows, -1) {}

void CrossEntropy::widen(std::span<const std::uint8_t> labels) {
  assert(labels.size() <= labels_.size());
  for (std::size_t i = 0; i < labels.size(); ++i) labels_[i] = labels[i];
  std::fill(labels_.begin() + std::ssize(labels), labels_.end(), -1);
}

/// Prepares every register of samples, hands it to `visit`, and adds up losses and errors.
template <bool keep_exponentials, class Visit>
LossSum CrossEntropy::for_each_lane_group(const Logits& logits, std::span<const std::uint8_t> labels, Visit visit) {
  widen(labels);
  LossSum total;
  Vector losses = {};
  Mask errors = {};
  for (std::size_t first = 0; first < labels.size(); first += vector_lanes) {
    LaneGroup group;
    group.first = first;
    group.label = load_mask(labels_.data() + first);
    group.largest = load_lanes(logits, group.first, 0);
    for (int c = 1; c < classes_; ++c) group.largest = larger(group.largest, load_lanes(logits, group.first, c));
    const Vector zero = {};
    for (int c = 0; c < classes_; ++c) {
      const Vector y = load_lanes(logits, group.first, c);
      const Vector e = bounded_exponential(y - group.largest);
      const Mask is_right = group.label == c;
      if constexpr (keep_exponentials) exponentials_[c] = e;
      // The right class never enters the sum: taken out afterwards, 1 + s - 1 would lose a small s.
      group.wrong_sum += is_right ? zero : e;
      group.right = is_right ? y : group.right;
      group.right_exp = is_right ? e : group.right_exp;
    }
    losses +=
        group.keep_used(log_of_one_plus(group.wrong_sum + (group.right_exp - 1.0F)) + (group.largest - group.right));
    errors -= ~(group.right >= group.largest) & group.in_use();  // a true lane is -1; a NaN is an error
    visit(group);
  }
  total.loss = sum(losses);
  total.errors = sum(errors);
  return total;
}

LossSum CrossEntropy::loss(const Logits& logits, std::span<const std::uint8_t> labels) {
  return for_each_lane_group<false>(logits, labels, [](const LaneGroup&) {});
}

LossSum CrossEntropy::loss_and_gradient(const Logits& logits, std::span<const std::uint8_t> labels, float scale,
                                        Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> gradient) {
  const auto result = for_each_lane_group<true>(logits, labels, [&](const LaneGroup& group) {
    const Vector factor = group.keep_used(scale / (group.wrong_sum + group.right_exp));
    for (int c = 0; c < classes_; ++c) {
      const Mask is_right = group.label == c;
      const Vector numerator = is_right ? -group.wrong_sum : exponentials_[c];
      store_vector(&gradient(group.first, c), numerator * factor);
    }
  });
  const Index end = whole_registers(labels.size());
  if (end < rows_) gradient.bottomRows(rows_ - end).setZero();
  return result;
}

// With u_n = t_n - t_c the entries of the wrong classes are p_n (u_n - sum p_m u_m), and all entries add up to 0.
void CrossEntropy::gauss_newton(const Logits& logits, std::span<const std::uint8_t> labels, const Logits& tangents,
                                Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> product) {
  (void)for_each_lane_group<true>(logits, labels, [&](const LaneGroup& group) {
    Vector right = {}, mean = {}, sum = {};
    for (int c = 0; c < classes_; ++c) right = group.label == c ? load_lanes(tangents, group.first, c) : right;
    const Vector inverse = group.keep_used(1.0F / (group.wrong_sum + group.right_exp));
    for (int c = 0; c < classes_; ++c) mean += exponentials_[c] * (load_lanes(tangents, group.first, c) - right);
    mean *= inverse;
    const Vector zero = {};
    for (int c = 0; c < classes_; ++c) {
      const Vector p = exponentials_[c] * inverse;
      const Vector entry = p * (load_lanes(tangents, group.first, c) - right - mean);
      sum += group.label == c ? zero : entry;
      store_vector(&product(group.first, c), entry);
    }
    for (int c = 0; c < classes_; ++c)
      store_vector(&product(group.first, c), group.label == c ? -sum : load_vector(&product(group.first, c)));
  });
  const Index end = whole_registers(labels.size());
  if (end < rows_) product.bottomRows(rows_ - end).setZero();
}

// With u_n = t_n - t_c the right class drops out: first = sum p_n u_n, second = sum p_n u_n^2 - first^2.
DerivativeSum CrossEntropy::derivatives(const Logits& logits, std::span<const std::uint8_t> labels,
                                        const Logits& tangents) {
  DerivativeSum total;
  Vector first = {}, second = {};
  total.loss = for_each_lane_group<true>(logits, labels, [&](const LaneGroup& group) {
                 Vector right = {};
                 for (int c = 0; c < classes_; ++c)
                   right = group.label == c ? load_lanes(tangents, group.first, c) : right;
                 Vector mean = {}, square = {};
                 for (int c = 0; c < classes_; ++c) {
                   const Vector u = load_lanes(tangents, group.first, c) - right;  // 0 at the right class
                   const Vector weighted = exponentials_[c] * u;
                   mean += weighted;
                   square += weighted * u;
                 }
                 const Vector inverse = 1.0F / (group.wrong_sum + group.right_exp);
                 mean *= inverse;
                 first += group.keep_used(mean);
                 second += group.keep_used(square * inverse - mean * mean);
               }).loss;
  total.first = sum(first);
  total.second = sum(second);
  return total;
}

}  // namespace flatsweep
