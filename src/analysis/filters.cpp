#include "flatsweep/analysis/filters.hpp"

#include "flatsweep/analysis/sample_statistics.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace flatsweep {

namespace {
using Eigen::VectorXd;

/// Mean of |x|_1 over unit vectors in N dimensions: N Gamma(N/2) / (sqrt(pi) Gamma((N+1)/2)).
double mean_absolute_sum(double n) {
  return n * std::exp(std::lgamma(n / 2.0) - std::lgamma((n + 1.0) / 2.0)) / std::sqrt(std::numbers::pi);
}

double hoyer(double absolute_sum, double n) {
  return n > 1.0 ? (std::sqrt(n) - absolute_sum) / (std::sqrt(n) - 1.0) : 0.0;
}

/// Groups that take part in a random unit vector of N entries in groups of `members`: energies of groups follow a
/// Dirichlet distribution, whose sum of squares has the mean (members + 2) / (N + 2).
double random_groups(double n, double members) { return (n + 2.0) / (members + 2.0); }

double effective_number(const VectorXd& energies) { return 1.0 / energies.squaredNorm(); }

void measure_direction(Filters& filters, Index i, const VectorXd& x, Index outputs, Index inputs) {
  const double n = x.size();
  const VectorXd squares = x.array().square();
  const Eigen::Map<const Eigen::MatrixXd> by_tap(squares.data(), inputs, outputs);  // row-major (outputs, inputs)
  filters.sparsity.value(i) = hoyer(x.lpNorm<1>(), n);
  filters.participation.value(i) = effective_number(squares) / n;
  filters.filters.value(i) = effective_number(by_tap.colwise().sum().transpose());
  filters.taps.value(i) = effective_number(by_tap.rowwise().sum());
}

void check_sizes(Index rows, std::size_t solution, int outputs, int inputs) {
  if (rows == Index{outputs} * inputs && solution == static_cast<std::size_t>(rows)) return;
  throw ConfigError("a layer of " + std::to_string(outputs) + " x " + std::to_string(inputs) +
                    " weights was given directions of " + std::to_string(rows) + " and " + std::to_string(solution) +
                    " solution weights");
}

}  // namespace

double rank_correlation(const VectorXd& values) {
  if (values.size() < 3) return nan;
  const auto ranks = ranks_of(entries(values));
  VectorXd a = VectorXd::Map(ranks.data(), values.size());
  VectorXd b = VectorXd::LinSpaced(values.size(), 0.0, values.size() - 1.0);
  a.array() -= a.mean();
  b.array() -= b.mean();
  return a.dot(b) / (a.norm() * b.norm());
}

Filters describe_filters(const Eigen::MatrixXd& directions, int moving, std::span<const float> solution, int outputs,
                         int inputs_per_output) {
  check_sizes(directions.rows(), solution.size(), outputs, inputs_per_output);
  const double n = directions.rows();
  const VectorXd w = Eigen::Map<const Eigen::VectorXf>(solution.data(), directions.rows()).cast<double>();
  Filters filters;
  filters.solution_norm = w.norm();
  filters.projection.value = (directions.transpose() * w).array().square();
  filters.projection.null = w.squaredNorm() / n;
  filters.sparsity.null = hoyer(mean_absolute_sum(n), n);
  filters.participation.null = random_groups(n, 1.0) / n;
  filters.filters.null = random_groups(n, inputs_per_output);
  filters.taps.null = random_groups(n, outputs);
  const auto derived = {&filters.sparsity, &filters.participation, &filters.filters, &filters.taps};
  for (auto* measure : derived) measure->value.resize(directions.cols());
  for (Index i = 0; i < directions.cols(); ++i)
    measure_direction(filters, i, directions.col(i).normalized(), outputs, inputs_per_output);
  filters.moving = std::min<int>(moving, directions.cols());
  for (auto* measure :
       {&filters.projection, &filters.sparsity, &filters.participation, &filters.filters, &filters.taps}) {
    measure->rank_correlation = rank_correlation(measure->value);
    measure->moving_rank_correlation = rank_correlation(measure->value.head(filters.moving));
  }
  return filters;
}

}  // namespace flatsweep
