#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/column_of.hpp"
#include "flatsweep/base/numbers.hpp"
#include "noise.hpp"
#include "study/store/tree_entries.hpp"
#include "study/summary/grid_columns.hpp"
#include "study/summary/study_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace flatsweep {

namespace {

template <class Number>
SeedMean mean_of_curves(const GridPointSeeds& point, Number number) {
  return seed_mean(column_of(point.results, [&](const auto* seed) { return number(seed->curves); }));
}

/// Row of the first epoch whose training loss is at most `level`.
std::optional<std::size_t> row_at_loss(const Group& curves, double level) {
  const auto losses = curves.dataset("train_loss").values<double>();
  const auto found = std::ranges::find_if(losses, [&](double loss) { return loss <= level; });
  if (found == losses.end()) return std::nullopt;
  return found - losses.begin();
}

double test_error_at(const Group& curves, double level) {
  const auto row = row_at_loss(curves, level);
  return row ? curves.dataset("test_error").values<double>()[*row] : nan;
}

double epoch_at(const Group& curves, double level) {
  const auto row = row_at_loss(curves, level);
  return row ? 1.0 + *row : nan;
}

/// Mean of the last tenth of the epochs: a noisy run has no last number.
double late(const Group& curves, const char* name) {
  const auto values = curves.dataset(name).values<double>();
  if (values.empty()) return nan;
  const std::size_t count = std::max<std::size_t>(1, values.size() / 10);
  double sum = 0.0;
  for (const double value : values.last(count)) sum += value;
  return sum / count;
}

using NoisePoints = std::vector<GridPointSeeds>;

void add_means(Group& group, const std::string& name, const std::vector<SeedMean>& means,
               const std::vector<std::uint64_t>& shape, const std::vector<std::string>& axes, const char* unit,
               const std::string& description) {
  std::vector<double> values, errors;
  for (const auto& mean : means) {
    values.push_back(mean.value);
    errors.push_back(mean.error);
  }
  add(group, name, values, shape, axes, unit, description);
  add(group, name + "_se", errors, shape, axes, unit, "standard error over seeds of the " + description);
}

void add_late(Group& group, const NoisePoints& points, const char* name, const std::string& description) {
  std::vector<SeedMean> means;
  for (const auto& point : points)
    means.push_back(mean_of_curves(point, [&](const Group& curves) { return late(curves, name); }));
  add_means(group, name, means, {length(points)}, {"point"}, "1", description);
}

/// Where runs are compared: the loss that ends them is one of the levels.
std::vector<double> levels_of(const NoiseConfig& options) {
  auto levels = options.loss_levels;
  if (options.until_loss > 0.0 && std::ranges::find(levels, options.until_loss) == levels.end())
    levels.push_back(options.until_loss);
  return levels;
}

void add_levels(Group& group, const NoisePoints& points, const std::vector<double>& levels) {
  add(group, "loss_level", levels, {"loss_level"}, "1",
      "training loss at which runs are compared, of noise.loss_levels and noise.until_loss");
  std::vector<SeedMean> errors, epochs;
  std::vector<std::int32_t> seeds;
  for (const auto& point : points)
    for (const double level : levels) {
      errors.push_back(mean_of_curves(point, [&](const Group& c) { return test_error_at(c, level); }));
      epochs.push_back(mean_of_curves(point, [&](const Group& c) { return epoch_at(c, level); }));
      seeds.push_back(errors.back().seeds);
    }
  const std::vector<std::uint64_t> shape = {length(points), length(levels)};
  add_means(
      group, "test_error_at_loss", errors, shape, {"point", "loss_level"}, "1",
      "test error at the first epoch with a training loss of at most loss_level, mean over the seeds that reach it");
  add_means(group, "epoch_at_loss", epochs, shape, {"point", "loss_level"}, "epochs",
            "first epoch with a training loss of at most loss_level, mean over the seeds that reach it");
  auto& reached = group.add("replicas_at_loss", std::span<const std::int32_t>(seeds), shape, {"point", "loss_level"});
  describe(reached, "1", "number of seeds that reach a training loss of at most loss_level");
}

void add_points_with_seeds(Group& group, const NoisePoints& points) {
  auto columns = grid_columns_of(Study::noise, &GridPointSeeds::point);
  columns.emplace_back("replicas", "1", "number of seeds that are done",
                       [](const GridPointSeeds& p) { return static_cast<int>(p.results.size()); });
  add_columns(group, "point", points, columns);
}

std::string mean_with_error(const SeedMean& mean, double factor, const char* form) {
  if (!std::isfinite(mean.value)) return "-";
  const auto text = fmt::format(fmt::runtime(form), factor * mean.value);
  return std::isfinite(mean.error) ? text + " +- " + fmt::format(fmt::runtime(form), factor * mean.error) : text;
}

std::vector<std::string> table_of_points(const NoisePoints& points, const std::vector<double>& levels) {
  auto head = fmt::format("{:>18} {:>8} {:>7} {:>6} {:>14} {:>20}", "method", "sigma_n", "alpha", "seeds",
                          "test error %", "train loss");
  for (const double level : levels) head += fmt::format(" {:>14}", fmt::format("% at L={:g}", level));
  std::vector<std::string> lines = {head};
  for (const auto& point : points) {
    const auto& r = point.point;
    auto line = fmt::format(
        "{:>18} {:>8g} {:>7g} {:>6} {:>14} {:>20}", to_string(r.noise_method), r.noise_strength, r.learning_rate,
        point.results.size(),
        mean_with_error(mean_of_curves(point, [](const Group& c) { return late(c, "test_error"); }), 100.0, "{:.2f}"),
        mean_with_error(mean_of_curves(point, [](const Group& c) { return late(c, "train_loss"); }), 1.0, "{:.2e}"));
    for (const double level : levels)
      line += fmt::format(
          " {:>14}", mean_with_error(mean_of_curves(point, [&](const Group& c) { return test_error_at(c, level); }),
                                     100.0, "{:.2f}"));
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

StudySummary summarise_noise(const Config& config, const std::vector<WorkUnit>& units,
                             const std::vector<UnitResult>& results, std::int64_t) {
  const auto points = group_by_point(units, results);
  if (points.empty()) return {{}, {"no replica is done"}};
  StudySummary summary;
  auto& group = summary.tree.group("noise");
  add_points_with_seeds(group, points);
  const std::string late_mean = ", mean over the last tenth of the epochs, then over seeds";
  add_late(group, points, "test_error", "fraction of test images classified wrongly" + late_mean);
  add_late(group, points, "test_loss", "test loss" + late_mean);
  add_late(group, points, "train_loss", "training loss" + late_mean);
  add_late(group, points, "train_error", "fraction of training images classified wrongly" + late_mean);
  const auto levels = levels_of(config.noise);
  add_levels(group, points, levels);
  summary.table = table_of_points(points, levels);
  return summary;
}

}  // namespace flatsweep
