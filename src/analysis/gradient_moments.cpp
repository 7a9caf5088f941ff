#include "flatsweep/analysis/gradient_moments.hpp"

#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "layer_samples.hpp"
#include "packed_gram.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

/// g_n = b_n (x) h_n, b_n the error of the layer's pre-activations and h_n its input: g_n g_n^T is a Kronecker product.
GradientMoments moments_of_fully_connected(const Communicator& team, const Network& network,
                                           std::span<const float> weights, int index, const ImageSet& set) {
  const auto& layer = network.layers[index];
  LayerSamples samples(team, network, weights, index, set);
  const Index batch = samples.executor().batch();
  KroneckerSum kronecker(layer.outputs, layer.inputs, batch);
  Eigen::MatrixXd gradient = Eigen::MatrixXd::Zero(layer.inputs, layer.outputs);
  RowMatrixF errors(batch, layer.outputs);
  agree(team, [&] {
    samples.visit([&](auto labels) {
      const Index count = std::ssize(labels);
      samples.executor().preactivation_gradients(weights, index, labels, entries(errors));
      const Eigen::MatrixXd h = samples.executor().samples_of_input(index, count).cast<double>();
      for (Index n = 0; n < count; ++n) {
        const Eigen::VectorXd b = errors.row(n).transpose().cast<double>();
        kronecker.set(n, b * b.transpose(), h.col(n));
      }
      gradient.noalias() += h * errors.topRows(count).cast<double>();
      kronecker.add(count);
    });
  });
  team.sum(entries(kronecker.packed()));
  team.sum(entries(gradient));
  return {set.count(), gradient.reshaped(), kronecker.unpack()};
}

GradientMoments sum_rows(const Communicator& team, const Network& network, std::span<const float> weights, int index,
                         const ImageSet& set) {
  const Index size = std::ssize(network.layers[index]);
  LayerSamples samples(team, network, weights, index, set);
  SecondMoment moment(Eigen::VectorXd::Zero(size));
  RowMatrixF rows(samples.executor().batch(), size);
  agree(team, [&] {
    samples.visit([&](auto labels) {
      samples.executor().sample_gradients(weights, index, labels, entries(rows));
      moment.add(rows.topRows(std::ssize(labels)));
    });
  });
  moment.reduce(team);
  const double count = set.count();
  return {set.count(), moment.mean() * count, moment.sum_of_squares()};
}

}  // namespace

Eigen::MatrixXd GradientMoments::noise_covariance(const MinibatchScheme& scheme) const {
  const double factor = scheme.noise_factor(samples);
  Eigen::MatrixXd covariance = factor * second;
  covariance.noalias() -= factor * mean * mean.transpose();
  return covariance;
}

GradientMoments gradient_moments(const Communicator& team, const Network& network, std::span<const float> weights,
                                 int index, const ImageSet& set) {
  const auto& layer = network.layers[index];
  check_matrix_size(layer, "second moment of gradients");
  auto moments = layer.convolution ? sum_rows(team, network, weights, index, set)
                                   : moments_of_fully_connected(team, network, weights, index, set);
  moments.mean /= set.count();
  moments.second /= set.count();
  return moments;
}

Eigen::MatrixXd minibatch_second_moment(const Communicator& team, const Network& network,
                                        std::span<const float> weights, int index, const ImageSet& set,
                                        const MinibatchScheme& scheme) {
  const auto& layer = network.layers[index];
  check_matrix_size(layer, "second moment of minibatch gradients");
  const std::size_t batch = scheme.batch_size;
  const std::int64_t minibatches = scheme.order.size() / batch;
  const Range mine = share(minibatches, team.rank(), team.size());
  SecondMoment moment(Eigen::VectorXd::Zero(std::ssize(layer)));
  agree(team, [&] {
    MinibatchGradients gradients(network, weights, index, set, scheme.batch_size);
    gradients.for_each_block(std::span(scheme.order).subspan(mine.begin * batch, mine.size() * batch),
                             [&](const SnapshotBlock& rows) { moment.add(rows); });
  });
  moment.reduce(team);
  return moment.sum_of_squares() / minibatches;
}

}  // namespace flatsweep
