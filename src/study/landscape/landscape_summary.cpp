#include "landscape_summary.hpp"

#include "analyses.hpp"
#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/column_of.hpp"
#include "prediction.hpp"
#include "psi_options.hpp"
#include "study/summary/grid_columns.hpp"
#include "terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace flatsweep {

namespace {

/// The units of one grid point that came out in the same way.
using Members = std::vector<const UnitResult*>;

Members members_of(const std::vector<UnitResult>& results, const std::vector<std::size_t>& point, UnitStatus status) {
  Members members;
  for (const auto i : point)
    if (results[i].status == status) members.push_back(&results[i]);
  return members;
}

GridPointSummary summarise_point(const Config& config, const Replica& point, const Members& members,
                                 const Members& unsolved, std::size_t layer, const PsiOptions& options) {
  GridPointSummary summary;
  summary.point = point;
  summary.layer = config.pca.layers[layer];
  summary.replicas = members.size();
  summary.unsolved = unsolved.size();
  const auto& trained = members.empty() ? unsolved : members;
  summary.train_loss = spread(column_of(trained, &UnitResult::train_loss)).mean;
  summary.train_error = spread(column_of(trained, &UnitResult::train_error)).mean;
  const auto test_error = spread(column_of(trained, &UnitResult::test_error));
  summary.test_error = test_error.mean;
  summary.test_error_std = test_error.std;
  const auto seeds = column_of(members, [&](const auto* member) { return &member->layers[layer]; });
  for (const auto& analysis : layer_analyses())
    if (analysis.summary.pool != nullptr) analysis.summary.pool(seeds, options, summary.pooled);
  return summary;
}

void pool_networks(const Members& members, const PsiOptions& options, AnalysisResults& pooled) {
  const auto networks = column_of(members, [](const auto* member) { return &member->network; });
  for (const auto& analysis : network_analyses())
    if (analysis.pool != nullptr) analysis.pool(networks, options, pooled);
}

}  // namespace

std::vector<GridPointSummary> summarise(const Config& config, const std::vector<WorkUnit>& units,
                                        const std::vector<UnitResult>& results, std::int64_t training_samples) {
  std::vector<GridPointSummary> summaries;
  for (const auto& point : units_by_grid_point(units)) {
    const auto& replica = units[point.front()].replica;
    const auto members = members_of(results, point, UnitStatus::done);
    const auto unsolved = members_of(results, point, UnitStatus::unsolved);
    const auto options = psi_options(config, replica, training_samples);
    for (std::size_t layer = 0; layer < config.pca.layers.size(); ++layer) {
      summaries.push_back(summarise_point(config, replica, members, unsolved, layer, options));
      if (layer == 0) pool_networks(members, options, summaries.back().pooled);
    }
  }
  return summaries;
}

namespace {

/// The columns that name a grid point, and how many seeds were done.
SummaryColumns landscape_point_columns(const Config& config) {
  auto columns = grid_columns_of(config, &GridPointSummary::point);
  columns.emplace_back("replicas", "1", "number of seeds that are done", &GridPointSummary::replicas);
  columns.emplace_back("unsolved", "1",
                       "number of seeds without a solution by the latest epoch, which are not analysed",
                       &GridPointSummary::unsolved);
  return columns;
}

SummaryColumns landscape_main_columns() {
  using P = GridPointSummary;
  SummaryColumns columns = {
      {"train_loss", "1", "training loss at the end, mean over seeds that are done, or else unsolved", &P::train_loss},
      {"train_error", "1",
       "fraction of training images classified wrongly at the end, mean over seeds that are done, or else unsolved",
       &P::train_error},
      {"test_error", "1",
       "fraction of test images classified wrongly at the end, mean over seeds that are done, or else unsolved",
       &P::test_error},
      {"test_error_std", "1", "standard deviation over seeds of the test error at the end", &P::test_error_std}};
  for (const auto& analysis : layer_analyses())
    columns.insert(columns.end(), analysis.summary.main_columns.begin(), analysis.summary.main_columns.end());
  return columns;
}

std::vector<GridPointSummary> points_of_layer(const std::vector<GridPointSummary>& points, const std::string& layer) {
  std::vector<GridPointSummary> rows;
  std::ranges::copy_if(points, std::back_inserter(rows), [&](const auto& point) { return point.layer == layer; });
  return rows;
}

void landscape_add_table(Group& group, const Config& config, const std::vector<GridPointSummary>& points,
                         const SummaryColumns& columns) {
  add_columns(group, "point", points, landscape_point_columns(config));
  add_columns(group, "point", points, columns);
}

}  // namespace

Group summary_tree(const Config& config, const std::vector<GridPointSummary>& points,
                   const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results) {
  Group summary;
  for (std::size_t layer = 0; layer < config.pca.layers.size(); ++layer) {
    const auto& name = config.pca.layers[layer];
    const auto rows = points_of_layer(points, name);
    landscape_add_table(summary.group("psi/" + name), config, rows, landscape_main_columns());
    for (const auto* analysis : enabled_layer_analyses(config)) {
      if (!analysis->summary.columns.empty())
        landscape_add_table(summary.group(analysis->name + "/" + name), config, rows, analysis->summary.columns);
      if (analysis->summary.across_units != nullptr)
        analysis->summary.across_units(summary, units, results, layer, name);
    }
    if (auto prediction = prediction_tree(units, results, layer); !prediction.datasets.empty())
      merge(summary.group("prediction/" + name), std::move(prediction));
  }
  for (const auto* analysis : enabled_network_analyses(config))
    if (!analysis->columns.empty())
      landscape_add_table(summary.group(analysis->name), config, points_of_layer(points, config.pca.layers.front()),
                          analysis->columns);
  return summary;
}

namespace {

/// Behind the columns of the grid point.
std::string landscape_head() {
  auto line = fmt::format(" {:>5} {:>6} {:>12} {:>11}", "layer", "seeds", "train err %", "test err %");
  for (const auto& analysis : layer_analyses())
    for (const auto& column : analysis.summary.terminal) line += fmt::format(" {:>{}}", column.head, column.width);
  return line;
}

std::string landscape_row(const GridPointSummary& p) {
  auto line = fmt::format(" {:>5} {:>6} {:>12} {:>11}", p.layer, p.replicas, shown(100.0 * p.train_error, 4),
                          shown(100.0 * p.test_error, 3));
  for (const auto& analysis : layer_analyses())
    for (const auto& column : analysis.summary.terminal) line += fmt::format(" {:>{}}", column.cell(p), column.width);
  return line;
}

std::vector<std::string> landscape_notes(const GridPointSummary& point) {
  std::vector<std::string> lines;
  if (point.unsolved > 0)
    lines.push_back(fmt::format("{} unsolved: no solution by the latest epoch{}", point.unsolved,
                                point.replicas == 0 ? ", errors are theirs" : ""));
  for (const auto& analysis : layer_analyses())
    if (analysis.summary.notes != nullptr) analysis.summary.notes(point, lines);
  return lines;
}

}  // namespace

std::vector<std::string> summary_table(const Config& config, const std::vector<GridPointSummary>& points) {
  std::vector<Replica> rows;
  for (const auto& point : points) rows.push_back(point.point);
  const auto axes = axis_table(config, rows, AxisRows::grid_points);
  std::vector<std::string> lines = {axes[0] + landscape_head()};
  const auto width = lines.front().size();
  for (std::size_t i = 0; i < points.size(); ++i) {
    lines.push_back(axes[i + 1] + landscape_row(points[i]));
    for (const auto& note : landscape_notes(points[i])) lines.push_back(fmt::format("{:>{}}", note, width));
  }
  if (std::ranges::any_of(lines,
                          [](const auto& line) { return line.find(fmt::format("){}", scatter_mark)) != line.npos; }))
    lines.push_back(fmt::format(
        "{} scatter within a seed: below three seeds the interval does not know how seeds differ", scatter_mark));
  for (const auto& analysis : layer_analyses())
    if (analysis.summary.legend != nullptr) analysis.summary.legend(points, lines);
  return lines;
}

StudySummary summarise_landscape(const Config& config, const std::vector<WorkUnit>& units,
                                 const std::vector<UnitResult>& results, std::int64_t training_samples) {
  const auto points = summarise(config, units, results, training_samples);
  return {summary_tree(config, points, units, results), summary_table(config, points)};
}

}  // namespace flatsweep
