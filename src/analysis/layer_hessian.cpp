#include "flatsweep/analysis/layer_hessian.hpp"

#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "layer_samples.hpp"
#include "packed_gram.hpp"
#include "sample_softmax.hpp"

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

Sums hessian_of_fully_connected(const Communicator& team, const Network& network, std::span<const float> weights,
                                int index, const ImageSet& set) {
  const auto& layer = network.layers[index];
  const Index outputs = layer.outputs, inputs = layer.inputs, classes = network.classes();
  LayerSamples samples(team, network, weights, index, set);
  const Index batch = samples.executor().batch();
  KroneckerSum kronecker(outputs, inputs, batch);
  Eigen::MatrixXd gradient = Eigen::MatrixXd::Zero(inputs, outputs);
  std::vector<float> jacobians(batch * classes * outputs);
  RowMatrixF factor;
  Eigen::MatrixXd h;
  Sums sums;
  agree(team, [&] {
    samples.visit([&](auto labels) {
      const Index count = std::ssize(labels);
      sums.loss += samples.executor().loss(labels).loss;
      samples.executor().preactivation_jacobian(weights, index, count, jacobians);
      h = samples.executor().samples_of_input(index, count).cast<double>();
      for (Index n = 0; n < count; ++n) {
        const Softmax softmax(samples.executor().logits(), n, labels[n]);
        const JacobianRows jacobian(jacobians.data() + n * classes * outputs, classes, outputs);
        factorise(jacobian, softmax, factor);
        const Eigen::MatrixXd wide = factor.cast<double>();
        kronecker.set(n, wide.transpose() * wide, h.col(n));
        gradient.noalias() += h.col(n) * (softmax.error.transpose() * jacobian.cast<double>());
      }
      kronecker.add(count);
    });
  });
  auto& packed = kronecker.packed();
  team.sum(entries(packed));
  sums.gradient = gradient.reshaped();
  sums.hessian = kronecker.unpack();
  return sums;
}

Sums sum_jacobians(const Communicator& team, const Network& network, std::span<const float> weights, int index,
                   const ImageSet& set) {
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
        const Softmax softmax(samples.executor().logits(), n, labels[n]);
        const JacobianRows jacobian(jacobians.data() + n * classes * size, classes, size);
        factorise(jacobian, softmax, factor);
        rows.middleRows(n * classes, classes) = factor;
        sums.gradient.noalias() += jacobian.transpose().cast<double>() * softmax.error;
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

LayerExpansion expand_loss(const Communicator& team, const Network& network, std::span<const float> weights, int index,
                           const ImageSet& set) {
  const auto& layer = network.layers[index];
  check_matrix_size(layer, "Hessian");
  auto sums = layer.convolution ? sum_jacobians(team, network, weights, index, set)
                                : hessian_of_fully_connected(team, network, weights, index, set);
  team.sum(entries(sums.gradient));
  team.sum(std::span<double>(&sums.loss, 1));
  const double count = set.count();
  return {sums.loss / count, sums.gradient / count, sums.hessian / count};
}

}  // namespace flatsweep
