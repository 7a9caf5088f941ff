#include "flatsweep/analysis/window_noise.hpp"

#include "flatsweep/base/index.hpp"

#include <cstddef>
#include <limits>
#include <span>

namespace flatsweep {

namespace {

/// Iterations (k + 1/2) T / count, each once.
std::vector<std::int64_t> spread(std::int64_t iterations, std::int64_t count) {
  std::vector<std::int64_t> chosen;
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t iteration = (2 * k + 1) * iterations / (2 * count);
    if (chosen.empty() || iteration > chosen.back()) chosen.push_back(iteration);
  }
  return chosen;
}

FrozenWeights freeze(std::span<const float> weights, const Sampler& sampler, std::int64_t epoch,
                     std::int64_t position) {
  const auto order = sampler.order(epoch);
  const Index batch = std::ssize(order) / sampler.iterations();
  return {{weights.begin(), weights.end()}, {order.begin() + position * batch, order.end()}};
}

/// Gives all ranks what rank 0 froze.
FrozenWeights share_frozen(const Communicator& team, const FrozenWeights* leaders) {
  FrozenWeights frozen;
  if (team.is_root()) frozen = *leaders;
  frozen.weights.resize(team.broadcast(std::ssize(frozen.weights)));
  frozen.remaining.resize(team.broadcast(std::ssize(frozen.remaining)));
  team.broadcast(std::span(frozen.weights));
  team.broadcast(std::as_writable_bytes(std::span(frozen.remaining)));
  return frozen;
}

}  // namespace

std::vector<FrozenWeights> freeze_weights(Trainer& trainer, std::int64_t epochs, const Sampler& sampler, int count) {
  const auto wanted = spread(epochs * sampler.iterations(), count);
  std::vector<FrozenWeights> frozen;
  for (std::int64_t done = 0; done < epochs; ++done) {
    const std::int64_t epoch = trainer.state().epoch;
    std::int64_t position = 0;  // in the epoch, of the iteration to come
    const auto look = [&](std::span<const float> weights) {
      const bool whole = position == sampler.iterations();
      if (!whole && frozen.size() < wanted.size() && wanted[frozen.size()] == done * sampler.iterations() + position)
        frozen.push_back(freeze(weights, sampler, epoch, position));
      ++position;
    };
    look(trainer.state().weights);
    trainer.run_steps(look);
  }
  return frozen;
}

std::vector<double> window_gradient_square(const Communicator& team, const GradientProblem& problem,
                                           const std::vector<FrozenWeights>& frozen, const Eigen::MatrixXd& directions,
                                           const std::vector<int>& chosen) {
  const std::size_t count = team.broadcast(std::ssize(frozen));
  if (count == 0) return std::vector<double>(chosen.size(), std::numeric_limits<double>::quiet_NaN());
  std::vector<double> mean(chosen.size(), 0.0);
  for (std::size_t point = 0; point < count; ++point) {
    const auto shared = share_frozen(team, team.is_root() ? &frozen[point] : nullptr);
    const auto moments = project_gradients(team, problem, shared.weights, shared.remaining, directions, chosen);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += moments.square[i] / count;
  }
  return mean;
}

}  // namespace flatsweep
