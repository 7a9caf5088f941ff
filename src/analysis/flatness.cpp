#include "flatsweep/analysis/flatness.hpp"

#include "flatsweep/analysis/level_crossing.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

DirectionFlatness probe_direction(LayerProbe& probe, const Eigen::VectorXf& direction, double furthest,
                                  double tolerance) {
  const std::span<const float> p(direction.data(), static_cast<std::size_t>(direction.size()));
  const auto at_zero = probe.derivatives(p);
  DirectionFlatness result;
  result.slope = at_zero.first / at_zero.loss;
  result.loss_curvature = at_zero.second;
  result.curvature = at_zero.second / at_zero.loss - result.slope * result.slope;
  const double log_loss = std::log(at_zero.loss);
  const auto log_ratio = [&](std::span<const double> points, std::span<double> values) {
    probe.losses(p, points, values);
    for (double& value : values) value = std::log(value) - log_loss;
  };
  const auto crossings = find_level_crossings(
      log_ratio, {.slope = result.slope, .curvature = result.curvature, .tolerance = tolerance, .furthest = furthest});
  result.left = crossings.left;
  result.right = crossings.right;
  for (const auto& point : crossings.profile) {
    result.profile_theta.push_back(point.position);
    result.profile_log_loss.push_back(point.value + log_loss);
  }
  return result;
}

// One result as a row of numbers, so that a team can exchange it.
std::vector<double> pack(const DirectionFlatness& f) {
  std::vector<double> row = {
      static_cast<double>(f.direction),           f.left, f.right, f.slope, f.curvature, f.loss_curvature,
      static_cast<double>(f.profile_theta.size())};
  row.insert(row.end(), f.profile_theta.begin(), f.profile_theta.end());
  row.insert(row.end(), f.profile_log_loss.begin(), f.profile_log_loss.end());
  return row;
}

DirectionFlatness unpack(const double*& row) {
  DirectionFlatness f;
  f.direction = static_cast<int>(*row++);
  for (double* number : {&f.left, &f.right, &f.slope, &f.curvature, &f.loss_curvature}) *number = *row++;
  const auto points = static_cast<std::size_t>(*row++);
  f.profile_theta.assign(row, row + points);
  f.profile_log_loss.assign(row + points, row + 2 * points);
  row += 2 * points;
  return f;
}

}  // namespace

std::string DirectionFlatness::status() const {
  if (std::isnan(left) && std::isnan(right)) return "unbounded";
  if (std::isnan(left)) return "left unbounded";
  if (std::isnan(right)) return "right unbounded";
  return "ok";
}

std::vector<int> choose_directions(int available, int count, DirectionChoice choice) {
  std::vector<int> chosen;
  if (count <= 0 || count >= available || choice == DirectionChoice::leading) {
    const int end = count > 0 ? std::min(count, available) : available;
    for (int i = 0; i < end; ++i) chosen.push_back(i);
    return chosen;
  }
  for (int i = 0; i < count; ++i) {
    const double number = std::exp(std::log(static_cast<double>(available)) * i / std::max(count - 1, 1));
    const int direction = static_cast<int>(std::lround(number)) - 1;
    if (chosen.empty() || direction > chosen.back()) chosen.push_back(direction);
  }
  return chosen;
}

std::vector<DirectionFlatness> measure_flatness(const Communicator& team, LayerProbe& probe,
                                                const Eigen::MatrixXd& directions, const std::vector<int>& chosen,
                                                double solution_norm, const FlatnessOptions& options,
                                                const std::function<void(double fraction)>& checkpoint) {
  std::vector<double> mine;
  agree(team, [&] {
    for (auto i = static_cast<std::size_t>(team.rank()); i < chosen.size();
         i += static_cast<std::size_t>(team.size())) {
      if (checkpoint) checkpoint(static_cast<double>(i) / static_cast<double>(chosen.size()));
      const Eigen::VectorXf direction = directions.col(chosen[i]).cast<float>();
      auto result = probe_direction(probe, direction, options.furthest * solution_norm, options.tolerance);
      result.direction = chosen[i];
      const auto row = pack(result);
      mine.insert(mine.end(), row.begin(), row.end());
    }
  });
  const auto all = team.gather_all(mine);
  std::vector<DirectionFlatness> results;
  for (const double* row = all.data(); row < all.data() + all.size();) results.push_back(unpack(row));
  std::ranges::sort(results, {}, &DirectionFlatness::direction);
  return results;
}

}  // namespace flatsweep
