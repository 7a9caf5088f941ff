#include "flatsweep/analysis/flatness.hpp"

#include "chosen_columns.hpp"
#include "flatsweep/analysis/level_crossing.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

namespace flatsweep {

namespace {

/// A direction on its way to its flatness.
struct Search {
  Eigen::VectorXf direction;
  LayerProbe::Line* line = nullptr;
  DirectionFlatness result;
  double log_loss = 0.0;
  std::optional<LevelSearcher> searcher;  // once the derivatives are known
  std::vector<double> values;

  bool full_profile = false;

  [[nodiscard]] LayerProbe::WeightDirection span() const { return entries(direction); }
  [[nodiscard]] bool done() const { return searcher->done(); }
};

void begin(Search& search, const LayerProbe::Derivatives& at_zero, double furthest, double tolerance) {
  auto& result = search.result;
  result.slope = at_zero.first / at_zero.loss;
  result.loss_curvature = at_zero.second;
  result.curvature = at_zero.second / at_zero.loss - result.slope * result.slope;
  search.log_loss = std::log(at_zero.loss);
  search.searcher.emplace(LevelSearch{result.slope, result.curvature, tolerance, furthest});
}

/// One round of all searches that are not done: what they want is evaluated together.
void advance(LayerProbe& probe, std::vector<Search>& searches) {
  std::vector<LayerProbe::Profile> profiles;
  for (auto& search : searches) {
    if (search.done()) continue;
    search.values.resize(search.searcher->points().size());
    profiles.push_back({search.span(), search.searcher->points(), search.values, search.line});
  }
  probe.evaluate(profiles);
  for (auto& search : searches) {
    if (search.done()) continue;
    for (double& value : search.values) value = std::log(value) - search.log_loss;
    search.searcher->accept(search.values);
  }
}

DirectionFlatness finish(Search& search) {
  auto result = std::move(search.result);
  const auto crossings = search.searcher->result();
  result.left = crossings.left;
  result.right = crossings.right;
  for (const auto& point : crossings.profile) {
    result.profile_theta.push_back(point.position);
    result.profile_log_loss.push_back(point.value + search.log_loss);
  }
  return result;
}

/// Adds points to the profile, spread over both sides that have a crossing.
void fill_profile(LayerProbe& probe, const Search& search, DirectionFlatness& result) {
  std::vector<double> steps;
  for (const double crossing : {result.left, result.right})
    for (const double part : {0.25, 0.5, 0.75, 0.9, 1.15, 1.4})
      if (std::isfinite(crossing)) steps.push_back(part * crossing);
  std::vector<double> losses(steps.size());
  const LayerProbe::Profile profile{search.span(), steps, losses, search.line};
  probe.evaluate({&profile, 1});
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < result.profile_theta.size(); ++i)
    points.emplace_back(result.profile_theta[i], result.profile_log_loss[i]);
  for (std::size_t i = 0; i < steps.size(); ++i) points.emplace_back(steps[i], std::log(losses[i]));
  std::ranges::sort(points);
  const auto again = std::unique(points.begin(), points.end(), [](auto& a, auto& b) { return a.first == b.first; });
  points.erase(again, points.end());
  result.profile_theta.clear();
  result.profile_log_loss.clear();
  for (const auto& [theta, log_loss] : points) {
    result.profile_theta.push_back(theta);
    result.profile_log_loss.push_back(log_loss);
  }
}

/// Flatness along a few directions, searched for side by side.
std::vector<DirectionFlatness> probe_directions(LayerProbe& probe, std::vector<Search> searches, double furthest,
                                                double tolerance) {
  // At the level, a tenth of what the tolerance leaves: ln L changes there by about twice what ln d does.
  const double negligible = 0.1 * tolerance * std::numbers::e * probe.loss();
  std::vector<LayerProbe::Line*> lines;
  for (const auto& search : searches) {
    search.line->start(search.span(), negligible);
    lines.push_back(search.line);
  }
  const auto at_zero = probe.derivatives(lines);
  for (std::size_t i = 0; i < searches.size(); ++i) begin(searches[i], at_zero[i], furthest, tolerance);
  while (!std::ranges::all_of(searches, &Search::done)) advance(probe, searches);
  std::vector<DirectionFlatness> results;
  for (auto& search : searches) {
    results.push_back(finish(search));
    if (search.full_profile) fill_profile(probe, search, results.back());
  }
  return results;
}

// One result as a row of numbers, so that a team can exchange it.
std::vector<double> row_of_result(const DirectionFlatness& f) {
  std::vector<double> row = {
      static_cast<double>(f.direction),           f.left, f.right, f.slope, f.curvature, f.loss_curvature,
      static_cast<double>(f.profile_theta.size())};
  row.insert(row.end(), f.profile_theta.begin(), f.profile_theta.end());
  row.insert(row.end(), f.profile_log_loss.begin(), f.profile_log_loss.end());
  return row;
}

DirectionFlatness result_of_row(const double*& row) {
  DirectionFlatness f;
  f.direction = *row++;
  for (double* number : {&f.left, &f.right, &f.slope, &f.curvature, &f.loss_curvature}) *number = *row++;
  const std::size_t points = *row++;
  f.profile_theta.assign(row, row + points);
  f.profile_log_loss.assign(row + points, row + 2 * points);
  row += 2 * points;
  return f;
}

}  // namespace

namespace {

/// Why a side has no crossing: nowhere up to the furthest point is the loss e times as large, or it is so as near as
/// one can look, as where the loss at 0 is 0 or next to it.
CrossingStatus side_status(const DirectionFlatness& f, double sign) {
  if (!std::isnan(sign < 0.0 ? f.left : f.right)) return CrossingStatus::ok;
  const auto& theta = f.profile_theta;
  const auto zero = std::ranges::find(theta, 0.0);
  if (zero == theta.end()) return CrossingStatus::unbounded;
  const double level = f.profile_log_loss[zero - theta.begin()] + 1.0;
  if (!std::isfinite(level)) return CrossingStatus::undefined;
  for (std::size_t i = 0; i < theta.size(); ++i)
    if (sign * theta[i] > 0.0 && f.profile_log_loss[i] >= level) return CrossingStatus::undefined;
  return CrossingStatus::unbounded;
}

}  // namespace

CrossingStatus DirectionFlatness::status() const {
  using enum CrossingStatus;
  // Rows: the left side is ok, unbounded, undefined; columns: the right side.
  constexpr CrossingStatus both[3][3] = {{ok, right_unbounded, right_undefined},
                                         {left_unbounded, unbounded, left_unbounded_right_undefined},
                                         {left_undefined, left_undefined_right_unbounded, undefined}};
  return both[static_cast<int>(side_status(*this, -1.0))][static_cast<int>(side_status(*this, 1.0))];
}

std::vector<int> choose_directions(int available, int count, DirectionChoice choice) {
  std::vector<int> chosen;
  if (count <= 0 || count >= available || choice == DirectionChoice::leading) {
    const int end = count > 0 ? std::min(count, available) : available;
    for (int i = 0; i < end; ++i) chosen.push_back(i);
    return chosen;
  }
  for (int i = 0; i < count; ++i) {
    const double number = std::exp(std::log(available) * i / std::max(count - 1, 1));
    const int direction = std::lround(number) - 1;
    if (chosen.empty() || direction > chosen.back()) chosen.push_back(direction);
  }
  return chosen;
}

std::vector<DirectionFlatness> measure_flatness(const Communicator& team, LayerProbe& probe,
                                                const Eigen::MatrixXd& directions, const std::vector<int>& chosen,
                                                double solution_norm, const FlatnessOptions& options,
                                                const std::function<void(double fraction)>& checkpoint) {
  check_columns(directions, chosen);
  const int available = directions.cols();
  const auto pictured =
      options.full_profiles > 0 ? choose_directions(available, options.full_profiles) : std::vector<int>{};
  std::vector<double> mine;
  agree(team, [&] {
    const std::size_t ranks = team.size();
    const auto lines = probe.lines();
    for (std::size_t i = team.rank(); i < chosen.size();) {
      if (checkpoint) checkpoint(1.0 * i / chosen.size());
      std::vector<Search> searches;
      for (std::size_t n = 0; n < lines.size() && i < chosen.size(); ++n, i += ranks) {
        searches.emplace_back().line = &lines[n];
        searches.back().direction = directions.col(chosen[i]).cast<float>();
        searches.back().result.direction = chosen[i];
        searches.back().full_profile = std::ranges::binary_search(pictured, chosen[i]);
      }
      for (const auto& result :
           probe_directions(probe, std::move(searches), options.max_displacement * solution_norm, options.tolerance)) {
        const auto row = row_of_result(result);
        mine.insert(mine.end(), row.begin(), row.end());
      }
    }
  });
  const auto all = team.gather_all(mine);
  std::vector<DirectionFlatness> results;
  for (const double* row = all.data(); row < all.data() + all.size();) results.push_back(result_of_row(row));
  std::ranges::sort(results, {}, &DirectionFlatness::direction);
  return results;
}

}  // namespace flatsweep
