#include "flatsweep/train/gradient_descent.hpp"

#include <cmath>
#include <utility>

namespace flatsweep {

namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += 1.0 * a[i] * b[i];
  return sum;
}

}  // namespace

GradientDescent::GradientDescent(const Communicator& team, const Network& network, const ImageSet& train,
                                 const ImageSet& test, double learning_rate, TrainerState state)
    : learning_rate_(learning_rate),
      train_(team, network, train, Direction::forward_and_backward),
      test_(team, network, test, Direction::forward_only),
      state_(std::move(state)),
      gradient_(network.parameters) {
  if (!state_.diverged) (void)train_.differentiate(state_.weights, gradient_);
}

EpochRecord GradientDescent::order_parameters() const {
  EpochRecord record;
  record.gradient_norm = std::sqrt(dot(gradient_, gradient_));
  if (state_.previous_gradient.empty()) return record;
  const double before = std::sqrt(dot(state_.previous_gradient, state_.previous_gradient));
  if (record.gradient_norm * before > 0.0)
    record.gradient_alignment = dot(gradient_, state_.previous_gradient) / (record.gradient_norm * before);
  return record;
}

void GradientDescent::run_epoch(const NoiseInjection* noise) {
  if (state_.diverged) return;
  auto record = order_parameters();
  state_.previous_gradient = gradient_;
  if (noise != nullptr) noise->add(state_.epoch, gradient_);
  const float rate = learning_rate_;
  for (std::size_t j = 0; j < gradient_.size(); ++j) state_.weights[j] -= rate * gradient_[j];
  ++state_.epoch;
  const auto train = train_.differentiate(state_.weights, gradient_);
  const auto test = test_.evaluate(state_.weights);
  record.train_loss = train.loss;
  record.train_error = train.error;
  record.test_loss = test.loss;
  record.test_error = test.error;
  state_.diverged = !std::isfinite(train.loss);
  state_.history.push_back(record);
}

}  // namespace flatsweep
