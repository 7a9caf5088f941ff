#include "study/store/tree_entries.hpp"
#include "study/summary/spread.hpp"
#include "study/summary/study_summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

namespace flatsweep {

namespace {

/// One point of one grid point, seeds together.
struct Row {
  Replica replica;
  std::string method, trained, biases, first_mode;
  double psi = absent;
  std::int64_t constraints = 0;
  double strength = 0.0, lambda = 0.0;  // lambda: geometric mean over seeds
  int seeds = 0;                        // whose losses stayed finite
  std::vector<SeedMean> errors;         // of every task
  SeedMean average;

  /// Everything but strength; NaN does not compare, so psi is written out.
  [[nodiscard]] auto path() const {
    return std::tuple(replica.id, trained, biases, method, fmt::format("{}", psi), first_mode, constraints);
  }
  /// Everything but strength and N_c.
  [[nodiscard]] auto family() const {
    return std::tuple(replica.id, trained, biases, method, fmt::format("{}", psi), first_mode);
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
    averages.push_back(sum / static_cast<double>(tasks));
    logs.push_back(std::log(seed->curves.dataset("lambda").values<double>()[index]));
  }
  row.seeds = static_cast<int>(averages.size());
  for (const auto& task : errors) row.errors.push_back(seed_mean(task));
  row.average = seed_mean(averages);
  row.lambda = std::exp(spread(logs).mean);
}

std::vector<Row> rows_of(const GridPointSeeds& point) {
  const auto& first = point.results.front()->curves;
  const auto method = first.dataset("method").strings(), trained = first.dataset("trained").strings();
  const auto biases = first.dataset("biases").strings(), first_mode = first.dataset("first_mode").strings();
  const auto psi = numbers(first, "psi"), strength = numbers(first, "strength");
  const auto constraints = first.dataset("constraints").values<std::int64_t>();
  std::vector<Row> rows;
  for (std::size_t i = 0; i < method.size(); ++i) {
    rows.push_back({point.point,
                    method[i],
                    trained[i],
                    biases[i],
                    first_mode[i],
                    psi[i],
                    constraints[i],
                    strength[i],
                    absent,
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

template <class T>
std::vector<T> column(const std::vector<Row>& rows, auto number) {
  std::vector<T> values;
  for (const auto& row : rows) values.push_back(number(row));
  return values;
}

void add_errors(Group& group, const std::vector<Row>& rows, const std::string& axis) {
  std::vector<double> means, errors;
  for (const auto& row : rows)
    for (const auto& task : row.errors) {
      means.push_back(task.value);
      errors.push_back(task.error);
    }
  const std::vector<std::uint64_t> shape = {length(rows), length(rows.front().errors)};
  add(group, "test_error", means, shape, {axis, "task"}, "1", "of every task at the end, mean over seeds");
  add(group, "test_error_se", errors, shape, {axis, "task"}, "1", "its standard error");
  add(group, "average_error", column<double>(rows, [](const auto& r) { return r.average.value; }), {axis}, "1",
      "mean over tasks, then over seeds");
  add(group, "average_error_se", column<double>(rows, [](const auto& r) { return r.average.error; }), {axis}, "1",
      "its standard error over seeds");
}

void add_rows(Group& group, const std::vector<Row>& rows, const std::string& axis) {
  add_grid_columns(group, column<Replica>(rows, [](const auto& r) { return r.replica; }), axis);
  for (const auto& [name, member] : {std::pair{"method", &Row::method}, std::pair{"trained", &Row::trained},
                                     std::pair{"biases", &Row::biases}, std::pair{"first_mode", &Row::first_mode}}) {
    const auto texts = column<std::string>(rows, [member = member](const auto& r) { return r.*member; });
    group.add(name, std::span<const std::string>(texts), {axis});
  }
  add(group, "psi", column<double>(rows, [](const auto& r) { return r.psi; }), {axis}, "1",
      "exponent assumed by ldc; NaN for other methods");
  const auto counts = column<std::int64_t>(rows, [](const auto& r) { return r.constraints; });
  group.add("constraints", std::span<const std::int64_t>(counts), {length(counts)}, {axis}).description =
      "N_c per layer";
  add(group, "strength", column<double>(rows, [](const auto& r) { return r.strength; }), {axis}, "1",
      "as the configuration lists it");
  add(group, "lambda", column<double>(rows, [](const auto& r) { return r.lambda; }), {axis}, "1",
      "geometric mean over seeds");
  add(group, "normalised_lambda", column<double>(rows, [](const auto& r) { return std::pow(10.0, r.psi) * r.lambda; }),
      {axis}, "1", "10^psi lambda; NaN for methods other than ldc");
  add_errors(group, rows, axis);
  const auto seeds = column<std::int32_t>(rows, [](const auto& r) { return static_cast<std::int32_t>(r.seeds); });
  group.add("replicas", std::span<const std::int32_t>(seeds), {length(seeds)}, {axis}).description =
      "seeds whose losses stayed finite";
}

std::string percent(const SeedMean& error) {
  if (!std::isfinite(error.value)) return "-";
  const auto text = fmt::format("{:.2f}", 100.0 * error.value);
  return std::isfinite(error.error) ? text + fmt::format(" +- {:.2f}", 100.0 * error.error) : text;
}

/// One line for every family: its best N_c, and the N_c from which on it is as good.
std::vector<std::string> table_of(const std::vector<Row>& least, const std::vector<std::int64_t>& enough) {
  std::vector<std::string> lines = {fmt::format("{:>13} {:>4} {:>5} {:>9} {:>6} {:>5} {:>9} {:>5} {:>6}  {:<16} {}",
                                                "method", "psi", "first", "trained", "biases", "N_c", "lambda", "N_c*",
                                                "seeds", "least average %", "test error of every task %")};
  for (std::size_t i = 0; i < least.size(); ++i) {
    const auto& row = least[i];
    if (std::ranges::any_of(least, [&](const auto& o) { return o.family() == row.family() && better(o, row); }))
      continue;
    std::vector<std::string> errors;
    for (const auto& task : row.errors) errors.push_back(percent(task));
    const auto psi = std::isfinite(row.psi) ? fmt::format("{:g}", row.psi) : "-";
    lines.push_back(fmt::format("{:>13} {:>4} {:>5} {:>9} {:>6} {:>5} {:>9.3g} {:>5} {:>6}  {:<16} {}", row.method, psi,
                                row.first_mode, row.trained, row.biases, row.constraints, row.lambda, enough[i],
                                row.seeds, percent(row.average), fmt::join(errors, ", ")));
  }
  return lines;
}

}  // namespace

StudySummary summarise_continual(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results) {
  std::vector<Row> rows;
  for (const auto& point : group_by_point(units, results)) {
    const auto next = rows_of(point);
    rows.insert(rows.end(), next.begin(), next.end());
  }
  StudySummary summary;
  if (rows.empty()) return {{}, {"no replica is done"}};
  const auto least = least_of(rows);
  const auto enough = enough_constraints(least);
  auto& group = summary.tree.group("continual");
  add_rows(group, rows, "point");
  auto& best = group.group("least");
  add_rows(best, least, "path");
  best.add("enough_constraints", std::span<const std::int64_t>(enough), {length(enough)}, {"path"}).description =
      "N_c*: the fewest constraints with a least average error within one standard error of the least of all N_c";
  summary.table = table_of(least, enough);
  return summary;
}

}  // namespace flatsweep
