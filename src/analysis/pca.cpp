#include "flatsweep/analysis/pca.hpp"

#include "chosen_pca.hpp"
#include "flatsweep/analysis/moving.hpp"
#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "window_modes.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <vector>

namespace flatsweep {

namespace {

// An eigenvector's sign is free; this choice makes pictures and restarts agree.
void orient_by_displacement(Eigen::MatrixXd& directions, const Eigen::VectorXd& displacement) {
  for (Index i = 0; i < directions.cols(); ++i)
    if (directions.col(i).dot(displacement) < 0.0) directions.col(i) *= -1.0;
}

RowMatrixF project_leading(const SnapshotSource& source, const Pca& pca) {
  const Index count = std::min<Index>(projected_modes, pca.directions.cols());
  RowMatrixF projection(count, pca.iterations);
  Index filled = 0;
  const Eigen::MatrixXd directions = pca.directions.leftCols(count);
  source.for_each_block([&](const SnapshotBlock& rows) {
    const Eigen::MatrixXd centred = rows.cast<double>().rowwise() - pca.mean.transpose();
    projection.middleCols(filled, rows.rows()) = (centred * directions).transpose().cast<float>();
    filled += rows.rows();
  });
  return projection;
}

Eigen::VectorXd cosine_contents(const RowMatrixF& projection, int moving) {
  Eigen::VectorXd contents = Eigen::VectorXd::Zero(projected_modes);
  if (projection.rows() > moving) contents.head(projection.rows()).tail(projection.rows() - moving).setConstant(nan);
  for (Index k = 0; k < std::min<Index>(projection.rows(), moving); ++k) {
    const Eigen::VectorXd theta = projection.row(k).cast<double>().transpose();
    contents(k) = cosine_content(entries(theta), k + 1);
  }
  return contents;
}

void measure_dimensions(Pca& pca) {
  const auto computed = pca.variance.size() - pca.variance.array().isNaN().count();
  const std::span<const double> variance(pca.variance.data(), computed);
  if (pca.moving > 0) pca.learning_dimension = learning_dimension(variance, pca.total_variance, learning_fraction);
  if (pca.moving > 1)
    pca.learning_dimension_without_first =
        learning_dimension(variance.subspan(1), pca.total_variance - variance[0], learning_fraction);
  pca.learning_dimension_null = random_walk_learning_dimension(pca.iterations);
}

void find_moving(Pca& pca) {
  const auto bounds = rounding_bounds(pca.mean, pca.iterations, pca.variance(0), pca.directions);
  pca.moving = count_moving(pca.variance, bounds);
  pca.rounding = rounding_level(pca.variance, bounds, pca.moving);
}

SnapshotSource with_known_sizes(const Communicator& team, const SnapshotSource& given) {
  SnapshotSource source = given;
  source.iterations = team.broadcast(given.iterations);
  source.size = team.broadcast(given.size);
  return source;
}

/// What of the modes needs no direction. Every rank has the same values here and throws alike.
void take(Pca& pca, WindowModes& modes, std::int64_t iterations, bool any_direction) {
  if (!any_direction || !(modes.variance(0) > 0.0))
    throw_error(ErrorKind::solver,
                "the layer's weights did not move in the window, so that there is no variance to analyse", true);
  pca.iterations = iterations;
  pca.mean = std::move(modes.mean);
  pca.variance = std::move(modes.variance);
  pca.total_variance = modes.total_variance;
}

/// Where every direction costs something: no bound is above that of the weight that rounding moves most, so that
/// leading directions above it need not be looked at.
void find_moving(Pca& pca, const WindowSpectrum& spectrum) {
  constexpr Index at_a_time = 32;
  constexpr double unit_length = 1.0 + 1e-9;  // of directions, to rounding
  Index worst = 0;
  rounding_of_weights(pca.mean).maxCoeff(&worst);
  const auto bounds_of = [&](const Eigen::MatrixXd& directions) {
    return rounding_bounds(pca.mean, pca.iterations, pca.variance(0), directions);
  };
  const double highest = unit_length * bounds_of(Eigen::VectorXd::Unit(pca.mean.size(), worst))(0);
  Eigen::VectorXd bounds = Eigen::VectorXd::Zero(spectrum.count);
  Index first = 0;
  while (first + 1 < spectrum.count && pca.variance(first) > highest) ++first;
  for (; first < spectrum.count && count_moving(pca.variance, bounds.head(first)) == first; first += at_a_time) {
    std::vector<int> numbers(std::min(at_a_time, spectrum.count - first));
    std::iota(numbers.begin(), numbers.end(), first);
    const auto directions = spectrum.directions(numbers);
    bounds.segment(first, std::ssize(numbers)).setConstant(std::numeric_limits<double>::infinity());
    bounds.segment(first, directions.cols()) = bounds_of(directions);
  }
  pca.moving = count_moving(pca.variance, bounds);
  pca.rounding = rounding_level(pca.variance, bounds, pca.moving);
}

bool is_few(std::size_t wanted, const SnapshotSource& source) {
  constexpr std::int64_t few = 4;  // a quarter of all
  return few * static_cast<std::int64_t>(wanted) < std::min(source.size, source.iterations);
}

std::vector<int> numbers_below(std::span<const int> wanted, Index count) {
  std::vector<int> numbers;
  std::ranges::copy_if(wanted, std::back_inserter(numbers), [&](int number) { return number < count; });
  return numbers;
}

}  // namespace

Pca principal_components(const Communicator& team, const SnapshotSource& source, const PcaOptions& options) {
  const auto known = with_known_sizes(team, source);
  auto modes = modes_of_window(team, known, options);
  Pca pca;
  take(pca, modes, known.iterations, modes.directions.cols() > 0);
  pca.directions = std::move(modes.directions);
  find_moving(pca);
  orient_by_displacement(pca.directions, modes.last - modes.first);
  measure_dimensions(pca);
  pca.solution_alignment = pca.moving > 0 ? std::abs(pca.directions.col(0).dot(modes.last)) / modes.last.norm() : nan;
  measure_cosine_content(team, known, pca);
  return pca;
}

ChosenPca chosen_components(const Communicator& team, const SnapshotSource& source, std::span<const int> wanted) {
  const auto known = with_known_sizes(team, source);
  ChosenPca pca;
  if (!is_few(wanted.size(), known)) {
    static_cast<Pca&>(pca) = principal_components(team, known);
    pca.number = numbers_below(wanted, pca.directions.cols());
    pca.directions = Eigen::MatrixXd(pca.directions(Eigen::all, pca.number));
    return pca;
  }
  auto spectrum = spectrum_of_window(team, known);
  take(pca, spectrum.modes, known.iterations, spectrum.count > 0);
  find_moving(pca, spectrum);
  measure_dimensions(pca);
  pca.number = numbers_below(wanted, spectrum.count);
  pca.directions = spectrum.directions(pca.number);
  pca.number.resize(pca.directions.cols());
  orient_by_displacement(pca.directions, spectrum.modes.last - spectrum.modes.first);
  return pca;
}

void measure_cosine_content(const Communicator& team, const SnapshotSource& source, Pca& pca) {
  if (team.is_root()) pca.projection = project_leading(source, pca);
  pca.cosine_content =
      team.is_root() ? cosine_contents(pca.projection, pca.moving) : Eigen::VectorXd::Zero(projected_modes);
  team.broadcast(entries(pca.cosine_content).first(projected_modes));
}

}  // namespace flatsweep
