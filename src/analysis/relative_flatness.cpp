#include "flatsweep/analysis/relative_flatness.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "layer_samples.hpp"
#include "sample_hessians.hpp"
#include "sample_loss.hpp"

#include <algorithm>
#include <vector>

namespace flatsweep {

namespace {
using RowMatrixD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using WeightMap = Eigen::Map<const RowMatrixF>;

/// kappa and tr H, summed over samples.
struct Traces {
  double weighed = 0.0, plain = 0.0;
};

/// A layer's part: sums over the samples of a block that was run forward.
class BlockTraces {
 public:
  BlockTraces(const Network& network, int index, std::span<const float> weights)
      : network_(network),
        layer_(network.layers[index]),
        index_(index),
        weights_(weights),
        classes_(network.classes()) {
    const WeightMap w(weights.data() + layer_.weights, layer_.outputs, layer_.inputs);
    gram_ = w.cast<double>() * w.cast<double>().transpose();
  }

  [[nodiscard]] double weight_square() const { return gram_.trace(); }

  Traces operator()(NetworkExecutor& executor, std::span<const std::uint8_t> labels) {
    if (network_.curved(index_))
      return layer_.convolution ? of_curved_convolution(executor, labels) : of_curved_units(executor, labels);
    return layer_.convolution ? of_convolution(executor, labels) : of_fully_connected(executor, labels);
  }

 private:
  /// A row of F_n A_n, A_n the Jacobian by the outputs, is f with Phi = f h_n^T.
  Traces of_fully_connected(NetworkExecutor& executor, std::span<const std::uint8_t> labels) {
    const Index count = std::ssize(labels), outputs = Index{layer_.outputs};
    jacobians_.resize(count * classes_ * outputs);
    executor.preactivation_jacobian(weights_, index_, count, jacobians_);
    const Eigen::MatrixXd input = executor.samples_of_input(index_, count).cast<double>();
    Traces sum;
    for (Index n = 0; n < count; ++n) {
      const RowMatrixD f = factor(executor, labels, n, outputs);
      const double square = input.col(n).squaredNorm();
      sum.weighed += square * (f * gram_).cwiseProduct(f).sum();
      sum.plain += square * f.squaredNorm();
    }
    return sum;
  }

  Traces of_convolution(NetworkExecutor& executor, std::span<const std::uint8_t> labels) {
    const Index count = std::ssize(labels), size = std::ssize(layer_);
    jacobians_.resize(count * classes_ * size);
    executor.jacobian(weights_, index_, count, jacobians_);
    Traces sum;
    for (Index n = 0; n < count; ++n) {
      const RowMatrixD rows = factor(executor, labels, n, size);
      for (Index c = 0; c < classes_; ++c) {
        const Eigen::Map<const RowMatrixD> phi(rows.row(c).data(), layer_.outputs, layer_.inputs);
        sum.weighed += (gram_ * phi).cwiseProduct(phi).sum();
        sum.plain += phi.squaredNorm();
      }
    }
    return sum;
  }

  /// B_n itself, with the terms of curved activations.
  Traces of_curved_units(NetworkExecutor& executor, std::span<const std::uint8_t> labels) {
    const Index count = std::ssize(labels);
    SampleHessians second(network_, index_, count);
    second.find(executor, weights_, labels);
    const Eigen::MatrixXd input = executor.samples_of_input(index_, count).cast<double>();
    Traces sum;
    for (Index n = 0; n < count; ++n) {
      const Eigen::MatrixXd b = second.of(n);
      const double square = input.col(n).squaredNorm();
      sum.weighed += square * b.cwiseProduct(gram_).sum();
      sum.plain += square * b.trace();
    }
    return sum;
  }

  /// Column (s', k) of the block's Hessian holds H of (s, k) and (s', k) for all s.
  Traces of_curved_convolution(NetworkExecutor& executor, std::span<const std::uint8_t> labels) {
    std::vector<float> unit(layer_.size(), 0.0F), column(layer_.size());
    const Eigen::Map<const RowMatrixF> h(column.data(), layer_.outputs, layer_.inputs);
    Traces sum;
    for (Index s = 0; s < layer_.outputs; ++s)
      for (Index k = 0; k < layer_.inputs; ++k) {
        float& moved = unit[s * layer_.inputs + k] = 1.0F;
        (void)executor.layer_hessian_product(weights_, index_, unit, labels, column);
        moved = 0.0F;
        sum.weighed += gram_.col(s).dot(h.col(k).cast<double>());
        sum.plain += h(s, k);
      }
    return sum;
  }

  /// F_n times the Jacobian of sample n by `width` numbers.
  [[nodiscard]] RowMatrixD factor(NetworkExecutor& executor, std::span<const std::uint8_t> labels, Index n,
                                  Index width) {
    const SampleLoss loss(executor, n, labels[n]);
    factorise(JacobianRows(jacobians_.data() + n * classes_ * width, classes_, width), loss, factor_);
    return factor_.cast<double>();
  }

  const Network& network_;
  const Layer& layer_;
  int index_;
  std::span<const float> weights_;
  Index classes_;
  Eigen::MatrixXd gram_;  // W W^T
  std::vector<float> jacobians_;
  RowMatrixF factor_;
};

}  // namespace

RelativeFlatness relative_flatness(const Communicator& team, const Network& network, std::span<const float> weights,
                                   int layer, const ImageSet& set,
                                   const std::function<void(double fraction)>& checkpoint) {
  BlockTraces traces_of(network, layer, weights);
  LayerSamples samples(team, network, weights, layer, set);
  // A block's place is filled by one rank alone, so that the sum over ranks is exact and the one over blocks is always
  // in their order.
  const auto batch = samples.executor().batch();
  Eigen::Matrix2Xd blocks = Eigen::Matrix2Xd::Zero(2, (set.count() + batch - 1) / batch);
  agree(team, [&] {
    Index block = team.rank();
    samples.visit([&](auto labels) {
      const auto traces = traces_of(samples.executor(), labels);
      blocks.col(block) << traces.weighed, traces.plain;
      block += team.size();
      if (checkpoint) checkpoint(std::min(1.0, 1.0 * block / blocks.cols()));
    });
  });
  team.sum(entries(blocks));
  const Eigen::Vector2d mean = blocks.rowwise().sum() / set.count();
  return {mean(0), mean(1), traces_of.weight_square()};
}

}  // namespace flatsweep
