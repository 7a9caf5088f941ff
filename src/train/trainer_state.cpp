#include "flatsweep/base/column_of.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/train/trainer.hpp"

#include <array>

namespace flatsweep {

namespace {

struct Column {
  const char* name;
  double EpochRecord::*member;
};
constexpr std::array<Column, 6> columns = {{{"train_loss", &EpochRecord::train_loss},
                                            {"train_error", &EpochRecord::train_error},
                                            {"test_loss", &EpochRecord::test_loss},
                                            {"test_error", &EpochRecord::test_error},
                                            {"gradient_norm", &EpochRecord::gradient_norm},
                                            {"gradient_alignment", &EpochRecord::gradient_alignment}}};

void add_floats(Group& tree, const char* name, const std::vector<float>& values) {
  tree.add(name, std::span<const float>(values), {values.size()}, {std::string(name) + "_index"});
}

std::vector<float> read_floats(const Group& tree, const char* name) {
  const auto values = tree.dataset(name).values<float>();
  return {values.begin(), values.end()};
}

}  // namespace

Group TrainerState::to_tree() const {
  Group tree;
  tree.set("epoch", epoch);
  tree.set("diverged", std::int64_t{diverged});
  tree.set("optimizer_steps", optimizer.steps);
  add_floats(tree, "weights", weights);
  add_floats(tree, "previous_gradient", previous_gradient);
  add_floats(tree, "optimizer_first", optimizer.first);
  add_floats(tree, "optimizer_second", optimizer.second);
  for (const auto& column : columns) {
    const auto values = column_of(history, column.member);
    tree.add(column.name, std::span<const double>(values), {values.size()}, {"record"});
  }
  return tree;
}

TrainerState TrainerState::from_tree(const Group& tree) {
  TrainerState state;
  state.epoch = tree.integer("epoch");
  state.diverged = tree.integer("diverged") != 0;
  state.optimizer.steps = tree.integer("optimizer_steps");
  state.weights = read_floats(tree, "weights");
  state.previous_gradient = read_floats(tree, "previous_gradient");
  state.optimizer.first = read_floats(tree, "optimizer_first");
  state.optimizer.second = read_floats(tree, "optimizer_second");
  state.history.resize(tree.dataset(columns.front().name).values<double>().size());
  for (const auto& column : columns) {
    const auto values = tree.dataset(column.name).values<double>();
    if (values.size() != state.history.size())
      throw DamagedFile("the columns of a training's history differ in length");
    for (std::size_t i = 0; i < values.size(); ++i) state.history[i].*column.member = values[i];
  }
  return state;
}

void TrainerState::require_parameters(std::size_t parameters) const {
  const auto absent_or_whole = [&](const std::vector<float>& numbers) {
    return numbers.empty() || numbers.size() == parameters;
  };
  if (weights.size() != parameters || !absent_or_whole(previous_gradient) || !absent_or_whole(optimizer.first) ||
      !absent_or_whole(optimizer.second))
    throw DamagedFile("the weights or gradients are not those of this network");
  if (epoch < 0 || optimizer.steps < 0) throw DamagedFile("the number of epochs or steps is negative");
}

}  // namespace flatsweep
