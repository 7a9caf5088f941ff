#include "flatsweep/analysis/gradient_noise.hpp"

#include "chosen_columns.hpp"
#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/analysis/quadratic_sgd.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/products.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cstddef>

namespace flatsweep {

namespace {
using Samples = std::span<const std::uint32_t>;

constexpr std::size_t minibatches_per_group = 128;

/// Sums of one group of minibatches, group number first, so that the team adds up groups in order.
struct GroupSums {
  Index number = 0;
  Eigen::RowVectorXd sum, square;
};

GroupSums sums_of(MinibatchGradients& gradients, Samples order, const Eigen::MatrixXd& basis, std::size_t number) {
  GroupSums sums{static_cast<Index>(number), Eigen::RowVectorXd::Zero(basis.cols()),
                 Eigen::RowVectorXd::Zero(basis.cols())};
  gradients.for_each_block(order, [&](const SnapshotBlock& rows) {
    const Eigen::MatrixXd projected = multiply(rows.cast<double>(), basis);
    sums.sum += projected.colwise().sum();
    sums.square += projected.cwiseAbs2().colwise().sum();
  });
  return sums;
}

/// The groups of all ranks: one a column, sums then squares.
Eigen::MatrixXd gather(const Communicator& team, const std::vector<GroupSums>& mine, Index groups, Index count) {
  std::vector<double> rows;
  for (const auto& group : mine) {
    rows.push_back(group.number);
    rows.insert(rows.end(), group.sum.begin(), group.sum.end());
    rows.insert(rows.end(), group.square.begin(), group.square.end());
  }
  const auto all = team.gather_all(rows);
  Eigen::MatrixXd table(2 * count, groups);
  for (const double* row = all.data(); row < all.data() + all.size(); row += 1 + 2 * count)
    table.col(*row) = Eigen::Map<const Eigen::VectorXd>(row + 1, 2 * count);
  return table;
}

}  // namespace

std::vector<double> ProjectedGradients::variance(Sampling sampling, double remainder) const {
  constexpr double rounding = 1e-12;
  const double m = minibatches;
  double factor = sampling == Sampling::with_replacement ? m / (m - 1.0) : 1.0;
  if (sampling == Sampling::reshuffle && remainder > 0.0)
    factor = 1.0 / (1.0 - remainder / (m * (m + remainder - 1.0)));
  std::vector<double> result(mean.size());
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double spread = square[i] - mean[i] * mean[i];
    result[i] = spread > rounding * mean[i] * mean[i] ? factor * spread : nan;
  }
  return result;
}

ProjectedGradients project_gradients(const Communicator& team, const GradientProblem& problem,
                                     std::span<const float> weights, Samples order, const Eigen::MatrixXd& directions,
                                     const std::vector<int>& chosen) {
  check_columns(directions, chosen);
  const std::size_t samples = minibatches_per_group * problem.batch_size;
  const std::size_t groups = (order.size() + samples - 1) / samples;
  std::vector<GroupSums> mine;
  agree(team, [&] {
    const Eigen::MatrixXd basis = directions(Eigen::all, chosen);
    MinibatchGradients gradients(problem.network, weights, problem.layer, problem.train, problem.batch_size);
    for (std::size_t group = team.rank(); group < groups; group += team.size()) {
      const auto part = order.subspan(group * samples, std::min(samples, order.size() - group * samples));
      mine.push_back(sums_of(gradients, part, basis, group));
    }
  });
  const Index count = std::ssize(chosen);
  const Eigen::MatrixXd table = gather(team, mine, groups, count);
  ProjectedGradients result;
  result.minibatches = std::ssize(order) / problem.batch_size;
  Eigen::VectorXd total = Eigen::VectorXd::Zero(2 * count);
  for (Index group = 0; group < table.cols(); ++group) total += table.col(group);
  total /= result.minibatches;
  result.mean.assign(total.begin(), total.begin() + count);
  result.square.assign(total.begin() + count, total.end());
  return result;
}

std::vector<double> gradient_noise(const Communicator& team, const GradientProblem& problem,
                                   std::span<const float> weights, Sampling sampling, const Sampler& sampler,
                                   std::int64_t epoch, const Eigen::MatrixXd& directions,
                                   const std::vector<int>& chosen) {
  return project_gradients(team, problem, weights, sampler.order(epoch), directions, chosen)
      .variance(sampling, epoch_remainder(problem.train.count(), problem.batch_size));
}

double velocity_per_gradient(const OptimizerOptions& optimizer) {
  const auto step = linear_step(optimizer);
  if (!step) return nan;
  // A gradient moves the weights by 1 + nu at once, k iterations later by beta^(k-1) ((1 + nu) beta - nu).
  const double rate = step->rate, beta = step->momentum, nu = step->lookahead;
  return rate * rate * (1.0 + 2.0 * nu * (1.0 + nu) * (1.0 - beta)) / (1.0 - beta * beta);
}

double median_ratio(std::span<const int> direction, std::span<const double> a, std::span<const double> b, int first,
                    int last) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < direction.size(); ++i)
    if (direction[i] >= first && direction[i] <= last && a[i] > 0.0 && b[i] > 0.0) ratios.push_back(a[i] / b[i]);
  if (ratios.empty()) return nan;
  std::ranges::sort(ratios);
  const std::size_t middle = ratios.size() / 2;
  return ratios.size() % 2 == 1 ? ratios[middle] : (ratios[middle - 1] + ratios[middle]) / 2.0;
}

}  // namespace flatsweep
