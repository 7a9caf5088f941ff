#include "flatsweep/analysis/layer_hessian.hpp"

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/loss_gradient.hpp"
#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/par/agreement.hpp"
#include "layer_samples.hpp"
#include "packed_gram.hpp"
#include "sample_hessians.hpp"
#include "sample_loss.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace flatsweep {

namespace {

struct Sums {
  double loss = 0.0;
  Eigen::VectorXd gradient;
  Eigen::MatrixXd hessian;
};

/// The Hessian summed over the team, loss and gradient still this rank's.
Sums summed(const Communicator& team, double loss, const Eigen::MatrixXd& gradient, KroneckerSum& kronecker) {
  team.sum(entries(kronecker.packed()));
  return {loss, gradient.reshaped(), kronecker.unpack()};
}

/// B (x) h h^T of one sample, or its square.
void set_sample(KroneckerSum& kronecker, Index n, const Eigen::MatrixXd& b, const Eigen::VectorXd& h,
                LayerMatrix matrix) {
  if (matrix == LayerMatrix::squares)
    kronecker.set(n, h.squaredNorm() * (b * b), h);
  else
    kronecker.set(n, b, h);
}

Sums hessian_of_fully_connected(const Communicator& team, const Network& network, std::span<const float> weights,
                                int index, const ImageSet& set, LayerMatrix matrix) {
  const auto& layer = network.layers[index];
  const Index outputs = layer.outputs, inputs = layer.inputs, classes = network.classes();
  LayerSamples samples(team, network, weights, index, set);
  const Index batch = samples.executor().batch();
  KroneckerSum kronecker(outputs, inputs, batch);
  Eigen::MatrixXd gradient = Eigen::MatrixXd::Zero(inputs, outputs);
  std::vector<float> jacobians(batch * classes * outputs);
  RowMatrixF factor;
  Eigen::MatrixXd h;
  double total_loss = 0.0;
  agree(team, [&] {
    samples.visit([&](auto labels) {
      const Index count = std::ssize(labels);
      total_loss += samples.executor().loss(labels).loss;
      samples.executor().preactivation_jacobian(weights, index, count, jacobians);
      h = samples.executor().samples_of_input(index, count).cast<double>();
      for (Index n = 0; n < count; ++n) {
        const SampleLoss loss(samples.executor(), n, labels[n]);
        const JacobianRows jacobian(jacobians.data() + n * classes * outputs, classes, outputs);
        factorise(jacobian, loss, factor);
        const Eigen::MatrixXd wide = factor.cast<double>();
        set_sample(kronecker, n, wide.transpose() * wide, h.col(n), matrix);
        gradient.noalias() += h.col(n) * (loss.error.transpose() * jacobian.cast<double>());
      }
      kronecker.add(count);
    });
  });
  return summed(team, total_loss, gradient, kronecker);
}

/// The same with B_n from the way back's own derivatives.
Sums curved_hessian(const Communicator& team, const Network& network, std::span<const float> weights, int index,
                    const ImageSet& set, LayerMatrix matrix) {
  const auto& layer = network.layers[index];
  LayerSamples samples(team, network, weights, index, set);
  KroneckerSum kronecker(layer.outputs, layer.inputs, samples.executor().batch());
  SampleHessians second(network, index, samples.executor().batch());
  RowMatrixF errors(samples.executor().batch(), layer.outputs);
  Eigen::MatrixXd gradient = Eigen::MatrixXd::Zero(layer.inputs, layer.outputs);
  double total_loss = 0.0;
  agree(team, [&] {
    samples.visit([&](auto labels) {
      const Index count = std::ssize(labels);
      total_loss += samples.executor().loss(labels).loss;
      second.find(samples.executor(), weights, labels);
      samples.executor().preactivation_gradients(weights, index, labels, entries(errors));
      const Eigen::MatrixXd h = samples.executor().samples_of_input(index, count).cast<double>();
      for (Index n = 0; n < count; ++n) set_sample(kronecker, n, second.of(n), h.col(n), matrix);
      kronecker.add(count);
      gradient.noalias() += h * errors.topRows(count).cast<double>();
    });
  });
  return summed(team, total_loss, gradient, kronecker);
}

/// Rows R with R^T R = (F^T F)^2 = F^T (F F^T) F.
RowMatrixF root_of_square(const RowMatrixF& factor) {
  const Eigen::MatrixXd wide = factor.cast<double>();
  const auto pairs = eigen_symmetric(wide * wide.transpose());
  const Eigen::VectorXd roots = pairs.values.cwiseMax(0.0).cwiseSqrt();
  return (roots.asDiagonal() * (pairs.vectors.transpose() * wide)).cast<float>();
}

Sums sum_jacobians(const Communicator& team, const Network& network, std::span<const float> weights, int index,
                   const ImageSet& set, LayerMatrix matrix) {
  const Index size = std::ssize(network.layers[index]);
  const Index classes = network.classes();
  LayerSamples samples(team, network, weights, index, set);
  const Index batch = samples.executor().batch();
  std::vector<float> jacobians(batch * classes * size);
  SecondMoment moment(Eigen::VectorXd::Zero(size));
  RowMatrixF factor, rows(batch * classes, size);
  Sums sums;
  sums.gradient = Eigen::VectorXd::Zero(size);
  agree(team, [&] {
    samples.visit([&](auto labels) {
      const Index count = std::ssize(labels);
      sums.loss += samples.executor().loss(labels).loss;
      samples.executor().jacobian(weights, index, count, jacobians);
      for (Index n = 0; n < count; ++n) {
        const SampleLoss loss(samples.executor(), n, labels[n]);
        const JacobianRows jacobian(jacobians.data() + n * classes * size, classes, size);
        factorise(jacobian, loss, factor);
        rows.middleRows(n * classes, classes) = matrix == LayerMatrix::squares ? root_of_square(factor) : factor;
        sums.gradient.noalias() += jacobian.transpose().cast<double>() * loss.error;
      }
      moment.add(rows.topRows(count * classes));
    });
  });
  moment.reduce(team);
  sums.hessian = moment.sum_of_squares();
  return sums;
}

}  // namespace

Eigen::MatrixXd LayerExpansion::log_loss_hessian() const {
  Eigen::MatrixXd result = hessian / loss;
  const Eigen::VectorXd slope = gradient / loss;
  result.noalias() -= slope * slope.transpose();
  return result;
}

namespace {

/// Column by column, already the same on every rank.
LayerExpansion by_columns(const Communicator& team, const Network& network, std::span<const float> weights, int index,
                          const ImageSet& set) {
  auto at = loss_gradient(team, network, weights, set, WeightRange(network, index));
  CurvatureOperator product(team, network, weights, set, CurvatureKind::hessian, index);
  const Index size = product.size();
  Eigen::MatrixXd hessian(size, size);
  Eigen::VectorXd unit = Eigen::VectorXd::Zero(size);
  for (Index i = 0; i < size; ++i) {
    unit(i) = 1.0;
    product.apply(std::span(unit.data(), size), std::span(hessian.col(i).data(), size));
    unit(i) = 0.0;
  }
  hessian = (0.5 * (hessian + hessian.transpose())).eval();
  return {at.loss, std::move(at.gradient), std::move(hessian)};
}

}  // namespace

LayerExpansion expand_loss(const Communicator& team, const Network& network, std::span<const float> weights, int index,
                           const ImageSet& set, LayerMatrix matrix) {
  const auto& layer = network.layers[index];
  check_matrix_size(layer, "Hessian");
  const bool curved = matrix != LayerMatrix::gauss_newton && network.curved(index);
  if (curved && layer.convolution) {
    if (matrix == LayerMatrix::squares)
      throw_error(ErrorKind::solver,
                  "the squared Hessians of single samples are not known for convolution " + layer.name +
                      " with a curved activation; choose a fully connected layer",
                  true);
    return by_columns(team, network, weights, index, set);
  }
  auto sums = layer.convolution ? sum_jacobians(team, network, weights, index, set, matrix)
              : curved          ? curved_hessian(team, network, weights, index, set, matrix)
                                : hessian_of_fully_connected(team, network, weights, index, set, matrix);
  team.sum(entries(sums.gradient));
  team.sum(std::span<double>(&sums.loss, 1));
  const double count = set.count();
  return {sums.loss / count, sums.gradient / count, sums.hessian / count};
}

}  // namespace flatsweep
