#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/train/optimizer.hpp"
#include "nn/dot.hpp"

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// What a program that follows our steps can compare with.
struct FollowedTraining {
  std::vector<double> loss, gradient_norm;  ///< of each minibatch before its step
  std::vector<double> gradient_alignment;   ///< of consecutive steps
  std::vector<float> first_gradient;
  std::vector<float> weights;  ///< after the last step
};

/// Steps on consecutive minibatches in the order of the samples, beginning anew at the end of the set.
inline FollowedTraining follow_training(const Network& network, const ImageSet& set, std::vector<float> start,
                                        const OptimizerOptions& options, std::size_t batch, std::size_t steps) {
  FollowedTraining training;
  training.weights = std::move(start);
  Optimizer optimizer(options, network.parameters);
  NetworkExecutor executor(network, static_cast<int>(batch), Direction::forward_and_backward);
  std::vector<float> gradient(network.parameters), previous;
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t first = step * batch % set.labels.size();
    std::vector<const std::uint8_t*> images;
    for (std::size_t i = first; i < first + batch; ++i) images.push_back(set.image(i));
    executor.load(images);
    executor.forward(training.weights);
    const auto sum = executor.backward(training.weights, set.labels.subspan(first, batch), gradient);
    training.loss.push_back(sum.loss / static_cast<double>(batch));
    training.gradient_norm.push_back(std::sqrt(dot(gradient, gradient)));
    if (step == 0) training.first_gradient = gradient;
    if (step > 0)
      training.gradient_alignment.push_back(dot(gradient, previous) /
                                            std::sqrt(dot(gradient, gradient) * dot(previous, previous)));
    previous = gradient;
    optimizer.step(training.weights, gradient);
  }
  return training;
}

}  // namespace flatsweep
