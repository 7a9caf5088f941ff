#include "flatsweep/analysis/window_noise.hpp"

#include "chosen_columns.hpp"
#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/products.hpp"
#include "flatsweep/linalg/to_vector.hpp"
#include "flatsweep/par/agreement.hpp"

#include <cstddef>
#include <optional>
#include <span>

namespace flatsweep {

namespace {

/// Iterations (k + 1/2) T / count, each once.
std::vector<std::int64_t> spread_iterations(std::int64_t iterations, std::int64_t count) {
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

/// Gradients at all frozen weights: minibatches that remain, of rank 0 and known to all.
std::int64_t count_gradients(const Communicator& team, const std::vector<FrozenWeights>& frozen, int batch) {
  std::int64_t samples = 0;
  for (const auto& point : frozen) samples += std::ssize(point.remaining);
  return team.broadcast(samples / batch);
}

/// Whether the sum of g g^T is less work than the projections of all g: half of R N^2, and 2 N^2 n for what it is along
/// n directions, against 2 R N n.
bool sums_products(double gradients, double size, double directions) {
  return gradients * size + 2.0 * size * directions < 2.0 * gradients * directions;
}

/// Each rank takes its share of every point's minibatches.
class SummedProducts {
 public:
  SummedProducts(const Communicator& team, const GradientProblem& problem)
      : team_(team), problem_(problem), products_(std::ssize(problem.network.layers[problem.layer])) {}

  void add(const FrozenWeights& at, std::size_t points) {
    const std::size_t batch = problem_.batch_size, minibatches = at.remaining.size() / batch;
    const auto mine = share(std::ssize(at.remaining) / problem_.batch_size, team_.rank(), team_.size());
    const auto samples = std::span(at.remaining).subspan(mine.begin * batch, mine.size() * batch);
    const double weight = 1.0 / (points * minibatches);
    agree(team_, [&] {
      MinibatchGradients gradients(problem_.network, at.weights, problem_.layer, problem_.train, problem_.batch_size);
      gradients.for_each_block(samples, [&](const SnapshotBlock& rows) { products_.add(rows, weight); });
    });
  }
  [[nodiscard]] std::vector<double> along(const Eigen::MatrixXd& directions, const std::vector<int>& chosen) {
    products_.reduce(team_);
    std::vector<double> squares;
    agree(team_, [&] { squares = to_vector(products_.along(directions(Eigen::all, chosen))); });
    return squares;
  }

 private:
  const Communicator& team_;
  const GradientProblem& problem_;
  OuterProducts products_;
};

}  // namespace

std::vector<FrozenWeights> freeze_weights(Trainer& trainer, std::int64_t epochs, const Sampler& sampler, int count) {
  const auto wanted = spread_iterations(epochs * sampler.iterations(), count);
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
  check_columns(directions, chosen);
  const std::size_t count = team.broadcast(std::ssize(frozen));
  if (count == 0) return std::vector<double>(chosen.size(), nan);
  const auto gradients = count_gradients(team, frozen, problem.batch_size);
  std::optional<SummedProducts> products;
  if (sums_products(gradients, directions.rows(), std::ssize(chosen)))
    agree(team, [&] { products.emplace(team, problem); });
  std::vector<double> mean(chosen.size(), 0.0);
  for (std::size_t point = 0; point < count; ++point) {
    const auto shared = share_frozen(team, team.is_root() ? &frozen[point] : nullptr);
    if (products) {
      products->add(shared, count);
      continue;
    }
    const auto moments = project_gradients(team, problem, shared.weights, shared.remaining, directions, chosen);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += moments.square[i] / count;
  }
  return products ? products->along(directions, chosen) : mean;
}

}  // namespace flatsweep
