#include "continual_summary.hpp"

#include "continual_tree.hpp"
#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/numbers.hpp"
#include "study/store/tree_entries.hpp"
#include "study/summary/grid_columns.hpp"
#include "study/summary/study_summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace flatsweep {

namespace {

/// One point of one grid point, seeds together.
struct Row {
  Replica replica;
  ConstraintKind method = ConstraintKind::none;
  std::string trained;
  Biases biases = Biases::held;
  std::string held;
  LeadingMode first_mode = LeadingMode::in;
  double psi = nan;
  std::int64_t constraints = 0;
  double strength = 0.0, lambda = 0.0;  // lambda: geometric mean over seeds
  int seeds = 0;                        // whose losses stayed finite
  std::vector<SeedMean> errors;         // of every task
  SeedMean average;

  /// Everything but strength; NaN does not compare, so psi is written out.
  [[nodiscard]] auto path() const {
    return std::tuple(replica.id, trained, biases, held, method, fmt::format("{}", psi), first_mode, constraints);
  }
  /// Everything but strength and N_c.
  [[nodiscard]] auto family() const {
    return std::tuple(replica.id, trained, biases, held, method, fmt::format("{}", psi), first_mode);
  }
};

/// The numbers of one point at the end, over seeds.
void collect_errors(Row& row, const GridPointSeeds& point, std::size_t index) {
  const auto shape = point.results.front()->curves.dataset("test_error").shape;
  const std::size_t rows = shape[1], tasks = shape[2];
  std::vector<std::vector<double>> errors(tasks);
  std::vector<double> averages, logs;
  for (const auto* seed : point.results) {
    const auto all = seed->curves.dataset("test_error").values<double>();
    const auto* last = all.data() + (index * rows + rows - 1) * tasks;
    if (!std::all_of(last, last + tasks, [](double e) { return std::isfinite(e); })) continue;
    double sum = 0.0;
    for (std::size_t t = 0; t < tasks; ++t) {
      errors[t].push_back(last[t]);
      sum += last[t];
    }
    averages.push_back(sum / tasks);
    logs.push_back(std::log(seed->curves.dataset("lambda").values<double>()[index]));
  }
  row.seeds = averages.size();
  for (const auto& task : errors) row.errors.push_back(seed_mean(task));
  row.average = seed_mean(averages);
  row.lambda = std::exp(spread(logs).mean);
}

std::vector<Row> rows_of_point(const GridPointSeeds& point) {
  const auto& first = point.results.front()->curves;
  const auto method = words<ConstraintKind>(first, "method");
  const auto trained = first.dataset("trained").strings();
  const auto biases = words<Biases>(first, "biases");
  const auto held = first.dataset("held").strings();
  const auto first_mode = words<LeadingMode>(first, "leading_mode");
  const auto psi = numbers(first, "psi"), strength = numbers(first, "strength");
  const auto constraints = first.dataset("constraint_count").values<std::int64_t>();
  std::vector<Row> rows;
  for (std::size_t i = 0; i < method.size(); ++i) {
    rows.push_back({point.point,
                    method[i],
                    trained[i],
                    biases[i],
                    held[i],
                    first_mode[i],
                    psi[i],
                    constraints[i],
                    strength[i],
                    nan,
                    0,
                    {},
                    {}});
    collect_errors(rows.back(), point, i);
  }
  return rows;
}

bool better(const Row& a, const Row& b) {
  return std::isfinite(a.average.value) && !(b.average.value <= a.average.value);
}

/// Of every path the strength with the least average error, by its mean over seeds.
std::vector<Row> least_of(const std::vector<Row>& rows) {
  std::vector<Row> least;
  for (const auto& row : rows) {
    if (least.empty() || least.back().path() != row.path())
      least.push_back(row);
    else if (better(row, least.back()))
      least.back() = row;
  }
  return least;
}

/// N_c*: the fewest constraints whose least average error is within one standard error of the least of all.
std::vector<std::int64_t> enough_constraints(const std::vector<Row>& least) {
  std::map<decltype(least.front().family()), std::vector<const Row*>> families;
  for (const auto& row : least) families[row.family()].push_back(&row);
  std::vector<std::int64_t> enough;
  for (const auto& row : least) {
    const auto& family = families.at(row.family());
    const Row* best = &row;
    for (const auto* other : family)
      if (better(*other, *best)) best = other;
    const double margin = std::isfinite(best->average.error) ? best->average.error : 0.0;
    std::int64_t count = best->constraints;
    for (const auto* other : family)
      if (other->average.value <= best->average.value + margin) count = std::min(count, other->constraints);
    enough.push_back(count);
  }
  return enough;
}

void add_errors(Group& group, const std::vector<Row>& rows, const std::string& axis) {
  std::vector<double> means, errors;
  for (const auto& row : rows)
    for (const auto& task : row.errors) {
      means.push_back(task.value);
      errors.push_back(task.error);
    }
  const std::vector<std::uint64_t> shape = {length(rows), length(rows.front().errors)};
  add(group, "test_error", means, shape, {axis, "task"}, "1",
      "fraction of every task's test images classified wrongly at the end, mean over seeds");
  add(group, "test_error_se", errors, shape, {axis, "task"}, "1",
      "standard error over seeds of every task's test error at the end");
}

std::vector<Column<Row>> row_columns() {
  auto columns = grid_columns_of(Study::continual, &Row::replica);
  for (Column<Row> column : std::vector<Column<Row>>{
           {"method", "", point_sentence::method, &Row::method},
           {"trained", "", point_sentence::trained, &Row::trained},
           {"biases", "", point_sentence::biases, &Row::biases},
           {"held", "", point_sentence::held, &Row::held},
           {"leading_mode", "", point_sentence::leading_mode, &Row::first_mode},
           {"psi", "1", point_sentence::psi, &Row::psi},
           {"constraint_count", "1", point_sentence::constraint_count, &Row::constraints},
           {"strength", "1", "strength of the penalty as the configuration lists it", &Row::strength},
           {"lambda", "1",
            "lambda of the loss with the penalty, L + lambda sum_i k_i (x_i - x_i*)^2, geometric mean over seeds",
            &Row::lambda},
           {"normalised_lambda", "1", point_sentence::normalised_lambda,
            [](const Row& row) { return std::pow(10.0, row.psi) * row.lambda; }},
           {"average_error", "1", "test error at the end, mean over tasks, then over seeds",
            [](const Row& row) { return row.average.value; }},
           {"average_error_se", "1", "standard error over seeds of the mean over tasks of the test error",
            [](const Row& row) { return row.average.error; }},
           {"replicas", "1", "number of seeds whose losses stayed finite", &Row::seeds}})
    columns.push_back(std::move(column));
  return columns;
}

void add_row_table(Group& group, const std::vector<Row>& rows, const std::string& axis) {
  add_columns(group, axis, rows, row_columns());
  add_errors(group, rows, axis);
}

std::string percent(const SeedMean& error) {
  if (!std::isfinite(error.value)) return "-";
  const auto text = fmt::format("{:.2f}", 100.0 * error.value);
  return std::isfinite(error.error) ? text + fmt::format(" +- {:.2f}", 100.0 * error.error) : text;
}

/// One line for every family: its best N_c, and the N_c from which on it is as good.
std::vector<std::string> table_of_best(const std::vector<Row>& least, const std::vector<std::int64_t>& enough) {
  std::vector<std::string> lines = {fmt::format(
      "{:>13} {:>4} {:>5} {:>9} {:>6} {:>9} {:>5} {:>9} {:>5} {:>6}  {:<16} {}", "method", "psi", "first", "trained",
      "biases", "held", "N_c", "lambda", "N_c*", "seeds", "least average %", "test error of every task %")};
  for (std::size_t i = 0; i < least.size(); ++i) {
    const auto& row = least[i];
    if (std::ranges::any_of(least, [&](const auto& o) { return o.family() == row.family() && better(o, row); }))
      continue;
    std::vector<std::string> errors;
    for (const auto& task : row.errors) errors.push_back(percent(task));
    const auto psi = std::isfinite(row.psi) ? fmt::format("{:g}", row.psi) : "-";
    lines.push_back(fmt::format("{:>13} {:>4} {:>5} {:>9} {:>6} {:>9} {:>5} {:>9.3g} {:>5} {:>6}  {:<16} {}",
                                to_string(row.method), psi, to_string(row.first_mode), row.trained,
                                to_string(row.biases), row.held, row.constraints, row.lambda, enough[i], row.seeds,
                                percent(row.average), fmt::join(errors, ", ")));
  }
  return lines;
}

}  // namespace

StudySummary summarise_continual(const Config&, const std::vector<WorkUnit>& units,
                                 const std::vector<UnitResult>& results, std::int64_t) {
  std::vector<Row> rows;
  for (const auto& point : group_by_point(units, results)) {
    const auto next = rows_of_point(point);
    rows.insert(rows.end(), next.begin(), next.end());
  }
  StudySummary summary;
  if (rows.empty()) return {{}, {"no replica is done"}};
  const auto least = least_of(rows);
  const auto enough = enough_constraints(least);
  auto& group = summary.tree.group("continual");
  add_row_table(group, rows, "point");
  auto& best = group.group("least");
  add_row_table(best, least, "path");
  auto& counts = best.add("enough_constraints", std::span<const std::int64_t>(enough), {length(enough)}, {"path"});
  describe(counts, "1",
           "N_c*: the fewest constraints with a least average error within one standard error of the least of all N_c");
  summary.table = table_of_best(least, enough);
  return summary;
}

}  // namespace flatsweep
