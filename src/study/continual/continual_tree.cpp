#include "continual_tree.hpp"

#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/column_of.hpp"
#include "flatsweep/base/numbers.hpp"
#include "study/store/tree_entries.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <functional>

namespace flatsweep {

namespace {

struct Number {
  const char* loss;
  const char* error;
};
constexpr Number of_test{"test_loss", "test_error"};
constexpr Number of_train{"train_loss", "train_error"};

using CurvePoints = std::vector<const PointCurves*>;
using PointNumber = std::function<double(const PointCurves&)>;

void add_column(Group& group, const char* name, const CurvePoints& points, const PointNumber& number,
                const char* description) {
  add(group, name, column_of(points, [&](const auto* point) { return number(*point); }), {"point"}, "1", description);
}

void add_test_curves(Group& group, const CurvePoints& points) {
  std::vector<double> losses, errors;
  for (const auto* point : points)
    for (const auto& row : point->test)
      for (const auto& task : row) {
        losses.push_back(task.loss);
        errors.push_back(task.error);
      }
  const auto& first = points.front()->test;
  const std::vector<std::uint64_t> shape = {length(points), length(first), length(first.front())};
  const std::vector<std::string> axes = {"point", "epoch", "task"};
  add(group, of_test.loss, losses, shape, axes, "1",
      "mean loss of the test images of every task; NaN once a loss was not finite");
  add(group, of_test.error, errors, shape, axes, "1",
      "fraction of the test images of every task classified wrongly; NaN once a loss was not finite");
}

void add_train_ends(Group& group, const CurvePoints& points) {
  std::vector<double> losses, errors;
  for (const auto* point : points)
    for (const auto& task : point->train) {
      losses.push_back(task.loss);
      errors.push_back(task.error);
    }
  const std::vector<std::uint64_t> shape = {length(points), length(points.front()->train)};
  add(group, of_train.loss, losses, shape, {"point", "task"}, "1",
      "mean loss of the training images of every task at the end");
  add(group, of_train.error, errors, shape, {"point", "task"}, "1",
      "fraction of the training images of every task classified wrongly at the end");
}

void add_point_columns(Group& group, const CurvePoints& points) {
  add_column(
      group, "strength", points, [](const auto& p) { return p.strength; },
      "strength of the penalty as the configuration lists it");
  add_column(
      group, "lambda", points, [](const auto& p) { return p.lambda; },
      "lambda of the loss with the penalty, L + lambda sum_i k_i (x_i - x_i*)^2, k_i the stiffness of constraint i");
  add_test_curves(group, points);
  add_train_ends(group, points);
  add_column(
      group, "displacement", points, [](const auto& p) { return p.displacement; },
      "|w - w*| over the weights of the analysed layers at the end, w* the first task's solution");
  const auto diverged = column_of(points, [](const auto* point) { return point->diverged ? 1 : 0; });
  add_integers(group, "diverged", diverged, "point", "1", "1 where a loss was not finite, else 0");
}

CurvePoints pointers(const std::vector<PointCurves>& points) {
  CurvePoints all;
  for (const auto& point : points) all.push_back(&point);
  return all;
}

/// Losses and errors of some tasks from two arrays, beginning at `first`.
std::vector<Evaluation> evaluations(const std::vector<double>& losses, const std::vector<double>& errors,
                                    std::size_t first, std::size_t tasks) {
  std::vector<Evaluation> row;
  for (std::size_t t = first; t < first + tasks; ++t) row.push_back({losses[t], errors[t]});
  return row;
}

}  // namespace

Group points_tree(const std::vector<PointCurves>& points) {
  Group tree;
  if (!points.empty()) add_point_columns(tree, pointers(points));
  return tree;
}

std::vector<PointCurves> points_from_tree(const Group& tree) {
  if (tree.find("strength") == nullptr) return {};
  const auto strength = numbers(tree, "strength"), lambda = numbers(tree, "lambda", strength.size());
  const auto displacement = numbers(tree, "displacement", strength.size());
  const auto diverged = tree.dataset("diverged").values<std::int32_t>();
  if (diverged.size() != strength.size()) throw DamagedFile("the points are not all there");
  const auto& shape = tree.dataset(of_test.loss).shape_of(3);
  const std::size_t rows = shape[1], tasks = shape[2];
  const auto test_loss = numbers(tree, of_test.loss, strength.size() * rows * tasks);
  const auto test_error = numbers(tree, of_test.error, test_loss.size());
  const auto train_loss = numbers(tree, of_train.loss, strength.size() * tasks);
  const auto train_error = numbers(tree, of_train.error, train_loss.size());
  std::vector<PointCurves> points;
  for (std::size_t p = 0; p < strength.size(); ++p) {
    points.push_back({strength[p],
                      lambda[p],
                      {},
                      evaluations(train_loss, train_error, p * tasks, tasks),
                      displacement[p],
                      diverged[p] != 0});
    for (std::size_t row = 0; row < rows; ++row)
      points.back().test.push_back(evaluations(test_loss, test_error, (p * rows + row) * tasks, tasks));
  }
  return points;
}

namespace {

/// The path that every point belongs to.
void add_choices(Group& group, const std::vector<ConstraintPath>& paths) {
  std::vector<ConstraintKind> method;
  std::vector<std::string> trained, held;
  std::vector<Biases> biases;
  std::vector<LeadingMode> first_mode;
  std::vector<double> psi;
  std::vector<std::int64_t> count;
  for (const auto& path : paths)
    for (std::size_t i = 0; i < path.strengths.size(); ++i) {
      method.push_back(path.choice.kind);
      trained.push_back(path.trained);
      biases.push_back(path.biases);
      held.push_back(path.held);
      first_mode.push_back(path.choice.first_mode);
      psi.push_back(path.choice.kind == ConstraintKind::ldc ? path.choice.psi : nan);
      count.push_back(path.choice.count);
    }
  add_words(group, "method", method, "point", point_sentence::method);
  group.add("trained", std::span<const std::string>(trained), {"point"}).description = point_sentence::trained;
  add_words(group, "biases", biases, "point", point_sentence::biases);
  group.add("held", std::span<const std::string>(held), {"point"}).description = point_sentence::held;
  add_words(group, "leading_mode", first_mode, "point", point_sentence::leading_mode);
  add(group, "psi", psi, {"point"}, "1", point_sentence::psi);
  auto& counts = group.add("constraint_count", std::span<const std::int64_t>(count), {length(count)}, {"point"});
  describe(counts, "1", point_sentence::constraint_count);
}

/// 10^psi lambda, the strength of Fig S13.
void add_normalised_strength(Group& group) {
  const auto psi = numbers(group, "psi");
  auto values = numbers(group, "lambda");
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= std::pow(10.0, psi[i]);
  add(group, "normalised_lambda", values, {"point"}, "1", point_sentence::normalised_lambda);
}

void add_epochs_from_first_task(Group& group, std::size_t rows) {
  std::vector<std::int32_t> epochs;
  for (std::size_t i = 0; i < rows; ++i) epochs.push_back(i);
  auto& epoch = group.add("epoch", std::span<const std::int32_t>(epochs), {rows}, {"epoch"});
  describe(epoch, "epochs", "number of epochs since the first task");
}

std::string tasks_text(const std::vector<std::vector<int>>& tasks) {
  std::vector<std::string> texts;
  for (const auto& classes : tasks) texts.push_back(fmt::format("{}", fmt::join(classes, " ")));
  return fmt::format("{}", fmt::join(texts, "; "));
}

}  // namespace

Group continual_tree(const ContinualConfig& config, const std::vector<ConstraintPath>& paths,
                     const std::vector<std::vector<PointCurves>>& points) {
  CurvePoints all;
  for (const auto& path : points)
    for (const auto& point : path) all.push_back(&point);
  Group root;
  auto& group = root.group("continual");
  group.set("tasks", tasks_text(config.tasks), "", "classes of every task: 0 1; 2 3");
  group.set("epochs_per_task", config.epochs, "epochs", "number of epochs of every task after the first");
  add_epochs_from_first_task(group, all.front()->test.size());
  add_choices(group, paths);
  add_point_columns(group, all);
  add_normalised_strength(group);
  return root;
}

}  // namespace flatsweep
