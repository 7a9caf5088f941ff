#include "flatsweep/nn/cross_entropy.hpp"

namespace flatsweep {

using Eigen::Index;

CrossEntropy::CrossEntropy(int rows, int classes)
    : wrong_(Eigen::ArrayXXf::Zero(rows, classes)),
      largest_(Eigen::ArrayXf::Zero(rows)),
      right_(Eigen::ArrayXf::Zero(rows)),
      right_exp_(Eigen::ArrayXf::Ones(rows)),
      wrong_sum_(Eigen::ArrayXf::Zero(rows)),
      losses_(Eigen::ArrayXf::Zero(rows)) {}

void CrossEntropy::prepare(const Logits& logits, std::span<const std::uint8_t> labels) {
  largest_ = logits.col(0);
  for (Index c = 1; c < wrong_.cols(); ++c) largest_ = largest_.max(logits.col(c));
  for (Index c = 0; c < wrong_.cols(); ++c) wrong_.col(c) = (logits.col(c) - largest_).exp();
  // The right class leaves the sum before it is formed: taken out afterwards, 1 + s - 1 would lose a small s.
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto s = static_cast<Index>(i);
    right_(s) = logits(s, labels[i]);
    right_exp_(s) = wrong_(s, labels[i]);
    wrong_(s, labels[i]) = 0.0F;
  }
  wrong_sum_ = wrong_.col(0);
  for (Index c = 1; c < wrong_.cols(); ++c) wrong_sum_ += wrong_.col(c);
}

LossSum CrossEntropy::sum(std::size_t samples) {
  const auto n = static_cast<Index>(samples);
  losses_ = (wrong_sum_ + (right_exp_ - 1.0F)).log1p() + (largest_ - right_);
  return {losses_.head(n).cast<double>().sum(), static_cast<std::int64_t>((largest_.head(n) > right_.head(n)).count())};
}

LossSum CrossEntropy::loss(const Logits& logits, std::span<const std::uint8_t> labels) {
  prepare(logits, labels);
  return sum(labels.size());
}

LossSum CrossEntropy::loss_and_gradient(const Logits& logits, std::span<const std::uint8_t> labels, float scale,
                                        Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> gradient) {
  prepare(logits, labels);
  const auto result = sum(labels.size());
  const auto samples = static_cast<Index>(labels.size());
  losses_ = scale / (wrong_sum_ + right_exp_);
  losses_.tail(losses_.size() - samples).setZero();
  for (Index c = 0; c < wrong_.cols(); ++c) gradient.col(c) = wrong_.col(c) * losses_;
  for (Index s = 0; s < samples; ++s) gradient(s, labels[static_cast<std::size_t>(s)]) = -wrong_sum_(s) * losses_(s);
  return result;
}

// With u_n = t_n - t_c the right class drops out: first = sum p_n u_n, second = sum p_n u_n^2 - first^2.
DerivativeSum CrossEntropy::derivatives(const Logits& logits, std::span<const std::uint8_t> labels, const Logits& tangents) {
  prepare(logits, labels);
  DerivativeSum total;
  total.loss = sum(labels.size()).loss;
  Eigen::ArrayXf& inverse = losses_;
  inverse = 1.0F / (wrong_sum_ + right_exp_);
  for (std::size_t i = 0; i < labels.size(); ++i) right_(static_cast<Index>(i)) = tangents(static_cast<Index>(i), labels[i]);
  Eigen::ArrayXf& mean = largest_;
  Eigen::ArrayXf& square = wrong_sum_;
  mean.setZero();
  square.setZero();
  for (Index c = 0; c < wrong_.cols(); ++c) {
    mean += wrong_.col(c) * (tangents.col(c) - right_);
    square += wrong_.col(c) * (tangents.col(c) - right_).square();
  }
  const auto n = static_cast<Index>(labels.size());
  mean *= inverse;
  total.first = mean.head(n).cast<double>().sum();
  total.second = (square * inverse - mean.square()).head(n).cast<double>().sum();
  return total;
}

}  // namespace flatsweep
