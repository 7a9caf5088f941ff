#include "flatsweep/analysis/fisher_diagonal.hpp"

#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "layer_samples.hpp"
#include "sample_loss.hpp"

namespace flatsweep {

namespace {

/// Squares of one sample's gradient by what its Jacobian is taken by.
struct Squares {
  Eigen::RowVectorXd exact, empirical;
  // sum_c p_c (J^T (p - e_c))^2 = sum_c p_c (mean - J_c)^2, mean = sum_c p_c J_c; with outputs that have normal errors
  // of variance 1, whose likelihood is the square loss, sum_c J_c^2.
  Squares(const JacobianRows& rows, const SampleLoss& loss) {
    const Eigen::MatrixXd jacobian = rows.cast<double>();
    empirical = (loss.error.transpose() * jacobian).cwiseAbs2();
    if (loss.kind == Loss::square) {
      exact = jacobian.cwiseAbs2().colwise().sum();
      return;
    }
    const Eigen::RowVectorXd mean = loss.p.transpose() * jacobian;
    exact = loss.p.transpose() * (jacobian.rowwise() - mean).cwiseAbs2();
  }
};

/// The gradient of W is e h^T: its squares are those of the pre-activations' errors times those of the input.
void add_fully_connected(LayerSamples& samples, std::span<const float> weights, const Layer& layer, int index,
                         FisherDiagonals& sums) {
  auto& executor = samples.executor();
  const Index outputs = layer.outputs, batch = executor.batch(), classes = executor.logits().cols();
  std::vector<float> jacobians(batch * classes * outputs);
  Eigen::MatrixXd exact(batch, outputs), empirical(batch, outputs);
  Eigen::Map<Eigen::MatrixXd> exact_sum(sums.exact.data(), layer.inputs, outputs);
  Eigen::Map<Eigen::MatrixXd> empirical_sum(sums.empirical.data(), layer.inputs, outputs);
  samples.visit([&](auto labels) {
    const Index count = std::ssize(labels);
    executor.preactivation_jacobian(weights, index, count, jacobians);
    for (Index n = 0; n < count; ++n) {
      const Squares squares(JacobianRows(jacobians.data() + n * classes * outputs, classes, outputs),
                            SampleLoss(executor, n, labels[n]));
      exact.row(n) = squares.exact;
      empirical.row(n) = squares.empirical;
    }
    const Eigen::MatrixXd input = executor.samples_of_input(index, count).template cast<double>().cwiseAbs2();
    exact_sum.noalias() += input * exact.topRows(count);
    empirical_sum.noalias() += input * empirical.topRows(count);
  });
}

void add_jacobians(LayerSamples& samples, std::span<const float> weights, const Layer& layer, int index,
                   FisherDiagonals& sums) {
  auto& executor = samples.executor();
  const Index size = std::ssize(layer);
  const Index classes = executor.logits().cols();
  std::vector<float> jacobians(executor.batch() * classes * size);
  samples.visit([&](auto labels) {
    const Index count = std::ssize(labels);
    executor.jacobian(weights, index, count, jacobians);
    for (Index n = 0; n < count; ++n) {
      const Squares squares(JacobianRows(jacobians.data() + n * classes * size, classes, size),
                            SampleLoss(executor, n, labels[n]));
      sums.exact += squares.exact.transpose();
      sums.empirical += squares.empirical.transpose();
    }
  });
}

void add_minibatches(const Communicator& team, const Network& network, std::span<const float> weights, int layer,
                     const ImageSet& set, int batch_size, std::span<const std::uint32_t> order, Eigen::VectorXd& sum) {
  const std::size_t size = batch_size;
  const auto mine = share(order.size() / size, team.rank(), team.size());
  MinibatchGradients gradients(network, weights, layer, set, batch_size);
  gradients.for_each_block(order.subspan(mine.begin * size, mine.size() * size), [&](const SnapshotBlock& rows) {
    sum += rows.cast<double>().cwiseAbs2().colwise().sum().transpose();
  });
}

}  // namespace

FisherDiagonals fisher_diagonals(const Communicator& team, const Network& network, std::span<const float> weights,
                                 int index, const ImageSet& set, int batch_size, std::span<const std::uint32_t> order) {
  const auto& layer = network.layers[index];
  const Eigen::VectorXd zero = Eigen::VectorXd::Zero(std::ssize(layer));
  FisherDiagonals sums{zero, zero, zero};
  agree(team, [&] {
    LayerSamples samples(team, network, weights, index, set);
    if (layer.convolution)
      add_jacobians(samples, weights, layer, index, sums);
    else
      add_fully_connected(samples, weights, layer, index, sums);
    add_minibatches(team, network, weights, index, set, batch_size, order, sums.batched);
  });
  for (auto* sum : {&sums.exact, &sums.empirical, &sums.batched}) team.sum(entries(*sum));
  const double count = set.count();
  const std::size_t minibatches = order.size() / batch_size;
  return {sums.exact / count, sums.empirical / count, sums.batched / minibatches};
}

}  // namespace flatsweep
