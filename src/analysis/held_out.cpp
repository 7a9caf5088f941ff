#include "flatsweep/analysis/held_out.hpp"

#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/window_scan.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/products.hpp"
#include "flatsweep/par/agreement.hpp"
#include "known_windows.hpp"

namespace flatsweep {

Eigen::VectorXd variance_along(const Communicator& team, const SnapshotSource& source, const Eigen::MatrixXd& columns) {
  Eigen::VectorXd variance = Eigen::VectorXd::Zero(columns.cols());
  on_root(team, [&] { variance = variance_along(source, columns); });
  team.broadcast(entries(variance));
  return variance;
}

std::vector<DirectionFlatness> numbered_flatness(const Communicator& team, LayerProbe& probe,
                                                 const Eigen::MatrixXd& directions, const std::vector<int>& number,
                                                 double solution_norm, const FlatnessOptions& options,
                                                 const std::function<void(double fraction)>& checkpoint) {
  auto flatness = measure_flatness(team, probe, directions, choose_directions(directions.cols(), 0), solution_norm,
                                   options, checkpoint);
  for (std::size_t i = 0; i < flatness.size(); ++i) flatness[i].direction = number[i];
  return flatness;
}

Eigen::VectorXd variance_along(const SnapshotSource& source, const Eigen::MatrixXd& columns) {
  Eigen::VectorXd origin;  // the first row: weights move little, and the sums keep their digits
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(columns.cols()), squares = sum;
  source.for_each_block([&](const SnapshotBlock& rows) {
    if (origin.size() == 0) origin = rows.row(0).cast<double>().transpose();
    const Eigen::MatrixXd moved = rows.cast<double>().rowwise() - origin.transpose();
    const Eigen::MatrixXd theta = multiply(moved, columns);
    sum += theta.colwise().sum();
    squares += theta.colwise().squaredNorm();
  });
  const double count = source.iterations;
  return (squares / count - (sum / count).cwiseAbs2()).cwiseMax(0.0).transpose();
}

std::vector<int> directions_among(const std::vector<int>& wanted, Index count) {
  std::vector<int> available;
  for (const int i : wanted)
    if (i < count) available.push_back(i);
  return available;
}

Eigen::VectorXd entries(const Eigen::VectorXd& values, const std::vector<int>& numbers) {
  Eigen::VectorXd chosen(std::ssize(numbers));
  for (std::size_t i = 0; i < numbers.size(); ++i) chosen(i) = values(numbers[i]);
  return chosen;
}

PsiFit fit_own_psi(const std::vector<int>& direction, const Eigen::VectorXd& variance,
                   const std::vector<DirectionFlatness>& flatness, double rounding, const PsiOptions& options) {
  if (flatness.empty()) return fit_psi({}, options);
  VarianceFlatness relation;
  relation.rounding = rounding;
  relation.direction = direction;
  relation.variance.assign(variance.begin(), variance.end());
  for (const auto& f : flatness) {
    relation.flatness.push_back(f.flatness());
    relation.loss_curvature.push_back(f.loss_curvature);
  }
  return fit_psi({&relation, 1}, options);
}

HeldOut measure_held_out(const Communicator& team, const SnapshotSource& source, std::int64_t iterations,
                         const std::vector<int>& wanted, LayerProbe& probe, double solution_norm,
                         const FlatnessOptions& flatness_options, const PsiOptions& psi_options,
                         const std::function<void(double fraction)>& checkpoint) {
  const std::int64_t half = iterations / 2;
  return measure_held_out(team, source, chosen_components(team, part_of(source, iterations - half, half), wanted),
                          probe, solution_norm, flatness_options, psi_options, checkpoint);
}

HeldOut measure_held_out(const Communicator& team, const SnapshotSource& source, const ChosenPca& last_half,
                         LayerProbe& probe, double solution_norm, const FlatnessOptions& flatness_options,
                         const PsiOptions& psi_options, const std::function<void(double fraction)>& checkpoint) {
  HeldOut held_out;
  held_out.direction = last_half.number;
  held_out.variance = entries(last_half.variance, held_out.direction);
  held_out.held_out_variance = variance_along(team, part_of(source, 0, last_half.iterations), last_half.directions);
  held_out.flatness = numbered_flatness(team, probe, last_half.directions, last_half.number, solution_norm,
                                        flatness_options, checkpoint);
  PsiOptions options = psi_options;  // for directions of the half, which has its own that move
  options.moving = held_out.moving = last_half.moving;
  held_out.rounding = last_half.rounding;
  const auto fit = [&](const Eigen::VectorXd& variance) {
    return fit_own_psi(held_out.direction, variance, held_out.flatness, last_half.rounding, options);
  };
  held_out.psi = fit(held_out.variance);
  held_out.held_out_psi = fit(held_out.held_out_variance);
  return held_out;
}

}  // namespace flatsweep
