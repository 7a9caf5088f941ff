#include "selftest_problem.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"
#include "flatsweep/nn/architecture.hpp"

namespace flatsweep {

namespace {

constexpr int samples = 71;

using DoubleRows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::MatrixXd layer_output(const Layer& layer, const Eigen::VectorXd& weights, const Eigen::MatrixXd& input) {
  const auto* start = weights.data();
  const Eigen::Map<const DoubleRows> w(start + layer.weights, layer.outputs, layer.inputs);
  const Eigen::Map<const Eigen::VectorXd> bias(start + layer.bias, layer.outputs);
  Eigen::MatrixXd z = (w * input).colwise() + bias;
  if (layer.activation == Activation::relu) z = z.cwiseMax(0.0);
  return z;
}

}  // namespace

SelfTestProblem::SelfTestProblem(Network network)
    : network_(std::move(network)), weights_(initial_weights(network_, 3, Initialisation::plain)) {
  Random random(5, RandomPurpose::simulation);
  for (int i = 0; i < samples * network_.inputs(); ++i) pixels_.push_back(random.below(256));
  for (int i = 0; i < samples; ++i) labels_.push_back(random.below(network_.classes()));
  images_ = {pixels_, labels_, network_.inputs()};
  for (float& w : weights_) w *= 1.5F;  // away from uniform outputs
}

Network SelfTestProblem::perceptron() { return multilayer_perceptron(12, 2, 6, 4); }

Network SelfTestProblem::convolutions() {
  std::vector<LayerSpec> layers;
  for (const auto* text : {"conv 3 kernel 3 padding 1", "pool 2", "conv 4 kernel 2", "fc 5"})
    layers.push_back(parse_layer_spec(text));
  return build_network({2, 6, 5}, layers, 4);
}

Eigen::MatrixXd SelfTestProblem::directions(int index, int count) const {
  Random random(6, RandomPurpose::simulation);
  Eigen::MatrixXd columns(std::ssize(layer(index)), count);
  for (auto& x : columns.reshaped()) x = random.normal();
  return orthonormal_basis(columns);
}

double SelfTestProblem::plain_loss(const Eigen::VectorXd& weights) const {
  const Eigen::Map<const Eigen::Matrix<std::uint8_t, Eigen::Dynamic, Eigen::Dynamic>> pixels(
      pixels_.data(), network_.inputs(), samples);
  Eigen::MatrixXd h = pixels.cast<double>() / 255.0;
  for (const auto& layer : network_.layers) h = layer_output(layer, weights, h);
  double sum = 0.0;
  for (Index n = 0; n < samples; ++n) sum += std::log((h.col(n).array() - h(labels_[n], n)).exp().sum());
  return sum / samples;
}

double SelfTestProblem::plain_loss(int index, const Eigen::VectorXd& step) const {
  Eigen::VectorXd moved = Eigen::Map<const Eigen::VectorXf>(weights_.data(), std::ssize(weights_)).cast<double>();
  moved.segment(layer(index).weights, step.size()) += step;
  return plain_loss(moved);
}

}  // namespace flatsweep
