#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// A small network with random weights on random images, for checks that need no data files.
class SelfTestProblem {
 public:
  explicit SelfTestProblem(Network network);
  ~SelfTestProblem() = default;
  SelfTestProblem(const SelfTestProblem&) = delete;
  SelfTestProblem& operator=(const SelfTestProblem&) = delete;
  /// 12-6-6-4
  [[nodiscard]] static Network perceptron();
  /// Two convolutions, one pooled, and two fully connected layers.
  [[nodiscard]] static Network convolutions();

  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] const Layer& layer(int index) const { return network_.layers[index]; }
  [[nodiscard]] const std::vector<float>& weights() const { return weights_; }
  [[nodiscard]] const ImageSet& images() const { return images_; }
  /// `count` random orthonormal directions in the weights of a layer, (N, count).
  [[nodiscard]] Eigen::MatrixXd directions(int layer_index, int count) const;

  /// Mean loss of a perceptron by plain matrix products in double precision, nothing shared with the engine.
  /// @param weights (parameters,)
  [[nodiscard]] double plain_loss(const Eigen::VectorXd& weights) const;
  /// The same with the weights of one layer moved by `step`, (N,).
  [[nodiscard]] double plain_loss(int layer_index, const Eigen::VectorXd& step) const;

 private:
  Network network_;
  std::vector<float> weights_;
  std::vector<std::uint8_t> pixels_, labels_;
  ImageSet images_;
};

}  // namespace flatsweep
