#include "flatsweep/study/summary.hpp"

#include "psi_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

namespace flatsweep {

namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

struct Spread {
  double mean = absent;
  double std = absent;  // of a sample, n - 1
};

Spread spread(const std::vector<double>& values) {
  if (values.empty()) return {};
  double sum = 0.0, squares = 0.0;
  for (const double v : values) sum += v;
  const double mean = sum / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / static_cast<double>(values.size() - 1)) : absent};
}

/// The finished units of one grid point.
using Members = std::vector<const UnitResult*>;

std::vector<double> collect(const Members& members, const std::function<double(const UnitResult&)>& number) {
  std::vector<double> values;
  for (const auto* member : members) values.push_back(number(*member));
  return values;
}

PsiFit pooled_psi(const Members& members, std::size_t layer, const PsiOptions& options) {
  std::vector<VarianceFlatness> relations;
  for (const auto* member : members)
    if (member->layers[layer].relation) relations.push_back(*member->layers[layer].relation);
  return fit_psi(relations, options);
}

GridPointSummary summarise_point(const Config& config, const Replica& point, const Members& members, std::size_t layer,
                                 const PsiOptions& options) {
  GridPointSummary summary;
  summary.point = point;
  summary.layer = config.pca.layers[layer];
  summary.replicas = static_cast<int>(members.size());
  summary.train_loss = spread(collect(members, [](const auto& r) { return r.train_loss; })).mean;
  summary.train_error = spread(collect(members, [](const auto& r) { return r.train_error; })).mean;
  const auto test_error = spread(collect(members, [](const auto& r) { return r.test_error; }));
  summary.test_error = test_error.mean;
  summary.test_error_std = test_error.std;
  summary.solution_alignment =
      spread(collect(members, [&](const auto& r) { return r.layers[layer].solution_alignment; })).mean;
  summary.learning_dimension = spread(collect(members, [&](const auto& r) {
                                 return static_cast<double>(r.layers[layer].learning_dimension);
                               })).mean;
  summary.learning_dimension_without_first =
      spread(collect(members, [&](const auto& r) {
        return static_cast<double>(r.layers[layer].learning_dimension_without_first);
      })).mean;
  summary.psi = pooled_psi(members, layer, options);
  return summary;
}

}  // namespace

std::vector<GridPointSummary> summarise(const Config& config, const std::vector<WorkUnit>& units,
                                        const std::vector<UnitResult>& results, std::int64_t training_samples) {
  std::vector<GridPointSummary> summaries;
  std::vector<bool> seen(units.size(), false);
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (seen[i]) continue;
    Members members;
    for (std::size_t j = i; j < units.size(); ++j) {
      if (!same_grid_point(units[i].replica, units[j].replica)) continue;
      seen[j] = true;
      if (results[j].status == "done") members.push_back(&results[j]);
    }
    const auto options = psi_options(config, units[i].replica, training_samples / units[i].replica.batch_size);
    for (std::size_t layer = 0; layer < config.pca.layers.size(); ++layer)
      summaries.push_back(summarise_point(config, units[i].replica, members, layer, options));
  }
  return summaries;
}

namespace {

using Points = std::vector<const GridPointSummary*>;

void add_real(Group& group, const char* name, const Points& points,
              const std::function<double(const GridPointSummary&)>& number, const char* description) {
  std::vector<double> values;
  for (const auto* point : points) values.push_back(number(*point));
  group.add(name, std::span<const double>(values), {values.size()}, {"point"}).description = description;
}

void add_integer(Group& group, const char* name, const Points& points,
                 const std::function<std::int64_t(const GridPointSummary&)>& number, const char* description) {
  std::vector<std::int32_t> values;
  for (const auto* point : points) values.push_back(static_cast<std::int32_t>(number(*point)));
  group.add(name, std::span<const std::int32_t>(values), {values.size()}, {"point"}).description = description;
}

void add_text(Group& group, const char* name, const Points& points,
              const std::function<std::string(const GridPointSummary&)>& text) {
  std::vector<std::string> values;
  for (const auto* point : points) values.push_back(text(*point));
  group.add(name, std::span<const std::string>(values), {"point"});
}

/// Columns name, name_low, name_high.
void add_exponent(Group& group, const std::string& name, const Points& points,
                  const std::function<Exponent(const GridPointSummary&)>& exponent, const std::string& of) {
  add_real(
      group, name.c_str(), points, [&](const auto& p) { return exponent(p).value; }, ("exponent of " + of).c_str());
  add_real(
      group, (name + "_low").c_str(), points, [&](const auto& p) { return exponent(p).low; },
      "lower end of its 95 % bootstrap interval");
  add_real(
      group, (name + "_high").c_str(), points, [&](const auto& p) { return exponent(p).high; },
      "upper end of its 95 % bootstrap interval");
}

void add_psi_table(Group& group, const Points& points) {
  add_integer(
      group, "batch_size", points, [](const auto& p) { return p.point.batch_size; }, "B");
  add_real(
      group, "learning_rate", points, [](const auto& p) { return p.point.learning_rate; }, "alpha");
  add_integer(
      group, "width", points, [](const auto& p) { return p.point.width; }, "H");
  add_integer(
      group, "hidden_layers", points, [](const auto& p) { return p.point.hidden_layers; }, "number of hidden layers");
  add_text(group, "architecture", points, [](const auto& p) { return p.point.architecture.label(); });
  add_text(group, "optimizer", points, [](const auto& p) { return std::string(to_string(p.point.optimizer)); });
  add_text(group, "sampling", points, [](const auto& p) { return std::string(to_string(p.point.sampling)); });
  add_integer(
      group, "replicas", points, [](const auto& p) { return p.replicas; }, "seeds that were done");
  add_exponent(
      group, "psi", points, [](const auto& p) { return p.psi.all; }, "variance against flatness, seeds pooled");
  add_exponent(
      group, "psi_below", points, [](const auto& p) { return p.psi.below; },
      "the same over directions flatter than the crossover lambda_x");
  add_exponent(
      group, "psi_above", points, [](const auto& p) { return p.psi.above; },
      "the same over directions sharper than the crossover lambda_x");
  add_real(
      group, "train_loss", points, [](const auto& p) { return p.train_loss; }, "mean over seeds, at the end");
  add_real(
      group, "train_error", points, [](const auto& p) { return p.train_error; }, "mean over seeds, at the end");
  add_real(
      group, "test_error", points, [](const auto& p) { return p.test_error; }, "mean over seeds, at the end");
  add_real(
      group, "test_error_std", points, [](const auto& p) { return p.test_error_std; }, "standard deviation over seeds");
  add_real(
      group, "solution_alignment", points, [](const auto& p) { return p.solution_alignment; },
      "mean of |p_1.w_0|/|w_0|");
  add_real(
      group, "learning_dimension", points, [](const auto& p) { return p.learning_dimension; }, "mean over seeds");
  add_real(
      group, "learning_dimension_without_first", points,
      [](const auto& p) { return p.learning_dimension_without_first; }, "mean over seeds");
}

/// True when replicas differ in width and seed alone, so that a table by width and seed says everything.
bool is_width_scan(const std::vector<WorkUnit>& units) {
  return std::ranges::all_of(units, [&](const WorkUnit& unit) {
    auto other = unit.replica;
    other.width = units.front().replica.width;
    return same_grid_point(other, units.front().replica);
  });
}

void add_width_scan(Group& group, const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results,
                    std::size_t layer) {
  std::set<std::int32_t> widths;
  std::set<std::int64_t> seeds;
  for (const auto& unit : units) {
    widths.insert(static_cast<std::int32_t>(unit.replica.width));
    seeds.insert(unit.replica.seed);
  }
  std::vector<double> table(widths.size() * seeds.size(), absent);
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (results[i].status != "done") continue;
    const auto row = std::distance(widths.begin(), widths.find(static_cast<std::int32_t>(units[i].replica.width)));
    const auto column = std::distance(seeds.begin(), seeds.find(units[i].replica.seed));
    table[static_cast<std::size_t>(row) * seeds.size() + static_cast<std::size_t>(column)] =
        static_cast<double>(results[i].layers[layer].learning_dimension);
  }
  std::vector<double> means, stds;
  for (std::size_t row = 0; row < widths.size(); ++row) {
    std::vector<double> known;
    for (std::size_t column = 0; column < seeds.size(); ++column)
      if (std::isfinite(table[row * seeds.size() + column])) known.push_back(table[row * seeds.size() + column]);
    means.push_back(spread(known).mean);
    stds.push_back(spread(known).std);
  }
  const std::vector<std::int32_t> width_values(widths.begin(), widths.end());
  const std::vector<std::int64_t> seed_values(seeds.begin(), seeds.end());
  group.add("width", std::span(width_values), {width_values.size()}, {"width"});
  group.add("seed", std::span(seed_values), {seed_values.size()}, {"seed"});
  group.add("learning_dimension", std::span<const double>(table), {widths.size(), seeds.size()}, {"width", "seed"})
      .description = "directions that hold 99.9 % of the variance; NaN where the replica is not done";
  group.add("mean", std::span<const double>(means), {means.size()}, {"width"});
  group.add("std", std::span<const double>(stds), {stds.size()}, {"width"});
}

}  // namespace

Group summary_tree(const Config& config, const std::vector<GridPointSummary>& points,
                   const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results) {
  Group summary;
  for (std::size_t layer = 0; layer < config.pca.layers.size(); ++layer) {
    const auto& name = config.pca.layers[layer];
    Points of_layer;
    for (const auto& point : points)
      if (point.layer == name) of_layer.push_back(&point);
    add_psi_table(summary.group("psi/" + name), of_layer);
    if (is_width_scan(units)) add_width_scan(summary.group("learning_dimension/" + name), units, results, layer);
  }
  return summary;
}

namespace {

std::string with_interval(const Exponent& psi) {
  return std::isfinite(psi.value) ? fmt::format("{:.2f} ({:.2f}-{:.2f})", psi.value, psi.low, psi.high) : "-";
}

/// Does the crossover lie among the fitted directions, so that psi is a mixture?
bool crossed(const PsiFit& psi) { return std::isfinite(psi.below.value) && std::isfinite(psi.above.value); }

}  // namespace

std::vector<std::string> summary_table(const std::vector<GridPointSummary>& points) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{:>6} {:>7} {:>5} {:>3} {:>8} {:>16} {:>5} {:>6} {:>12} {:>11} {:>8} {:>7} {:>20}", "B",
                              "alpha", "H", "L", "optimiz.", "sampling", "layer", "seeds", "train err %", "test err %",
                              "|p1.w0|", "D_l", "psi (95 % interval)"));
  for (const auto& p : points) {
    const auto shown = [](double value, const char* form) {
      return std::isfinite(value) ? fmt::format(fmt::runtime(form), value) : std::string("-");
    };
    lines.push_back(fmt::format(
        "{:>6} {:>7g} {:>5} {:>3} {:>8} {:>16} {:>5} {:>6} {:>12} {:>11} {:>8} {:>7} {:>20}", p.point.batch_size,
        p.point.learning_rate, mlp_text(p.point, &Replica::width), mlp_text(p.point, &Replica::hidden_layers),
        to_string(p.point.optimizer), to_string(p.point.sampling), p.layer, p.replicas,
        shown(100.0 * p.train_error, "{:.4f}"), shown(100.0 * p.test_error, "{:.3f}"),
        shown(p.solution_alignment, "{:.3f}"), shown(p.learning_dimension, "{:.1f}"), with_interval(p.psi.all)));
    if (crossed(p.psi))
      lines.push_back(fmt::format("{:>122}", fmt::format("below lambda_x {}, above {}", with_interval(p.psi.below),
                                                         with_interval(p.psi.above))));
  }
  return lines;
}

}  // namespace flatsweep
