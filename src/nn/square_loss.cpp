#include "flatsweep/nn/square_loss.hpp"

#include "flatsweep/base/index.hpp"

namespace flatsweep {

namespace {

/// Is some output larger than the right one, or a NaN among them?
bool is_wrong(const Logits& outputs, Index sample, Index label) {
  const float right = outputs(sample, label);
  bool wrong = false;
  for (Index c = 0; c < outputs.cols(); ++c) wrong = wrong || !(right >= outputs(sample, c));
  return wrong;
}

}  // namespace

SquareLoss::SquareLoss(PaddedRows rows, int classes, Targets targets)
    : residual_(Eigen::ArrayXXf::Zero(rows, classes)) {
  if (targets == Targets::real) real_targets_ = residual_;
}

LossSum SquareLoss::loss(const Logits& outputs, std::span<const std::uint8_t> labels) {
  const Index samples = std::ssize(labels);
  residual_.topRows(samples) = outputs.topRows(samples);
  LossSum sum;
  const bool real = real_targets_.size() > 0;
  if (real) residual_.topRows(samples) -= real_targets_.topRows(samples);
  for (Index n = 0; n < samples && !real; ++n) {
    const Index label = labels[n];
    residual_(n, label) -= 1.0F;
    sum.errors += is_wrong(outputs, n, label) ? 1 : 0;
  }
  sum.loss = 0.5 * residual_.topRows(samples).cast<double>().square().sum();
  return sum;
}

LossSum SquareLoss::loss_and_gradient(const Logits& outputs, std::span<const std::uint8_t> labels, float scale,
                                      Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> gradient) {
  const auto sum = loss(outputs, labels);
  const Index samples = std::ssize(labels);
  gradient.topRows(samples) = scale * residual_.topRows(samples);
  gradient.bottomRows(gradient.rows() - samples).setZero();
  return sum;
}

void SquareLoss::gauss_newton(const Logits&, std::span<const std::uint8_t> labels, const Logits& tangents,
                              Eigen::Ref<Eigen::ArrayXXf, 0, Eigen::OuterStride<>> product) {
  const Index samples = std::ssize(labels);
  product.topRows(samples) = tangents.topRows(samples);
  product.bottomRows(product.rows() - samples).setZero();
}

DerivativeSum SquareLoss::derivatives(const Logits& outputs, std::span<const std::uint8_t> labels,
                                      const Logits& tangents) {
  DerivativeSum sum{loss(outputs, labels).loss, 0.0, 0.0};
  const Index samples = std::ssize(labels);
  const auto moved = tangents.topRows(samples).cast<double>();
  sum.first = (residual_.topRows(samples).cast<double>() * moved).sum();
  sum.second = moved.square().sum();
  return sum;
}

}  // namespace flatsweep
