#include "constraints_tree.hpp"

#include "tree_entries.hpp"

namespace flatsweep {

namespace {

void add_if_measured(Group& group, const char* name, const std::vector<double>& values, const char* axis,
                     const char* description) {
  if (!values.empty()) add(group, name, values, {axis}, "1", description);
}

std::vector<double> numbers_or_none(const Group& group, const char* name) {
  return group.find(name) == nullptr ? std::vector<double>{} : numbers(group, name);
}

void add_rows(Group& group, const char* name, const RowMatrixF& rows) {
  if (rows.size() == 0) return;
  group.add(name, std::span(rows.data(), static_cast<std::size_t>(rows.size())),
            {static_cast<std::uint64_t>(rows.rows()), static_cast<std::uint64_t>(rows.cols())},
            {std::string(name) + "_row", "weight"});
}

RowMatrixF rows_or_none(const Group& group, const char* name) {
  const auto* dataset = group.find(name);
  if (dataset == nullptr) return {};
  return Eigen::Map<const RowMatrixF>(dataset->values<float>().data(), static_cast<Eigen::Index>(dataset->shape[0]),
                                      static_cast<Eigen::Index>(dataset->shape[1]));
}

std::vector<float> floats(const Group& group, const char* name) {
  const auto values = group.dataset(name).values<float>();
  return {values.begin(), values.end()};
}

}  // namespace

Group constraints_tree(const std::string& layer, const LayerConstraints& c) {
  Group root;
  auto& group = root.group("constraints/" + layer);
  add_if_measured(group, "variance", c.variance, "direction", "sigma_i^2 of the directions that ldc may hold");
  add_if_measured(group, "flatness", c.flatness, "direction", "F_i at the first task's solution; NaN where unbounded");
  add_if_measured(group, "fisher_diagonal", c.fisher, "weight",
                  "diagonal of the Fisher information: mean over samples and over labels drawn from the network");
  add_if_measured(group, "empirical_fisher_diagonal", c.fisher_empirical, "weight",
                  "mean over samples of the squared gradient with the set's labels");
  add_if_measured(group, "batched_fisher_diagonal", c.fisher_batched, "weight",
                  "mean over minibatches of the square of their mean gradient");
  add_if_measured(group, "fisher_eigenvalues", c.fisher_values, "fisher_mode",
                  "leading eigenvalues of the layer's Fisher information");
  return root;
}

Group modes_tree(const LayerConstraints& constraints) {
  Group group;
  add_rows(group, "directions", constraints.directions);
  add_rows(group, "fisher_modes", constraints.fisher_modes);
  return group;
}

LayerConstraints constraints_from_trees(const Group& group, const Group& modes) {
  LayerConstraints c;
  c.variance = numbers_or_none(group, "variance");
  c.flatness = numbers_or_none(group, "flatness");
  c.fisher = numbers_or_none(group, "fisher_diagonal");
  c.fisher_empirical = numbers_or_none(group, "empirical_fisher_diagonal");
  c.fisher_batched = numbers_or_none(group, "batched_fisher_diagonal");
  c.fisher_values = numbers_or_none(group, "fisher_eigenvalues");
  c.directions = rows_or_none(modes, "directions");
  c.fisher_modes = rows_or_none(modes, "fisher_modes");
  return c;
}

Group penalty_tree(const Penalty& penalty) {
  Group group;
  std::visit(
      [&](const auto& p) {
        group.set("offset", static_cast<std::int64_t>(p.block.offset));
        group.set("size", static_cast<std::int64_t>(p.block.size));
        group.add("anchor", std::span<const float>(p.anchor), {p.anchor.size()}, {"weight"});
        group.add("stiffness", std::span<const double>(p.stiffness), {p.stiffness.size()}, {"constraint"});
      },
      penalty);
  if (const auto* modes = std::get_if<ModePenalty>(&penalty)) {
    add_rows(group, "modes", modes->modes);
    return group;
  }
  const auto& weight = std::get<WeightPenalty>(penalty).weight;
  const std::vector<std::int64_t> places(weight.begin(), weight.end());
  group.add("place", std::span<const std::int64_t>(places), {places.size()}, {"constraint"});
  return group;
}

Penalty penalty_from_tree(const Group& tree) {
  const ParameterBlock block{static_cast<std::size_t>(tree.integer("offset")),
                             static_cast<std::size_t>(tree.integer("size"))};
  if (tree.find("place") == nullptr) {
    ModePenalty penalty{block, floats(tree, "anchor"), rows_or_none(tree, "modes"), numbers(tree, "stiffness")};
    penalty.modes.conservativeResize(penalty.modes.rows(), static_cast<Eigen::Index>(block.size));
    return penalty;
  }
  WeightPenalty penalty{block, floats(tree, "anchor"), {}, numbers(tree, "stiffness")};
  for (const auto place : tree.dataset("place").values<std::int64_t>())
    penalty.weight.push_back(static_cast<std::uint32_t>(place));
  return penalty;
}

}  // namespace flatsweep
