#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/nn/network_executor.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Second derivatives B_n of the loss of single samples by the pre-activations of a fully connected layer, with the
/// terms of curved activations.
class SampleHessians {
 public:
  /// @param samples most of one block
  SampleHessians(const Network& network, int layer, Index samples)
      : layer_(layer), outputs_(network.layers[layer].outputs), numbers_(samples * outputs_ * outputs_) {}

  /// Of the labelled samples, which have been run forward.
  void find(NetworkExecutor& executor, std::span<const float> weights, std::span<const std::uint8_t> labels) {
    executor.preactivation_hessian(weights, layer_, labels, numbers_);
  }
  /// (outputs, outputs), symmetric to the last digit.
  [[nodiscard]] Eigen::MatrixXd of(Index n) const {
    const Eigen::MatrixXd b =
        Eigen::Map<const RowMatrixF>(numbers_.data() + n * outputs_ * outputs_, outputs_, outputs_).cast<double>();
    return 0.5 * (b + b.transpose());
  }

 private:
  int layer_;
  Index outputs_;
  std::vector<float> numbers_;
};

}  // namespace flatsweep
