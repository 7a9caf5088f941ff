#pragma once

#include "flatsweep/train/trainer.hpp"
#include "nn/oracle.hpp"

namespace flatsweep {

/// A small training problem: 20-8-8-5, 103 noisy images, minibatches of 10. The last 3 images of an epoch are left
/// over.
struct ToyTraining {
  [[nodiscard]] TrainerState start() const {
    TrainerState state;
    state.weights = initial_weights(network, 1, Initialisation::plain);
    return state;
  }
  [[nodiscard]] Trainer trainer(TrainerState state) const {
    return {network, train.set, test.set, options, std::move(state)};
  }
  [[nodiscard]] Trainer trainer() const { return trainer(start()); }

  Network network = multilayer_perceptron(20, 2, 8, 5);
  ToyImages train{103, 20, 5, 2};
  ToyImages test{40, 20, 5, 3};
  TrainerOptions options{10, Sampling::reshuffle, 1, {}};
};

}  // namespace flatsweep
