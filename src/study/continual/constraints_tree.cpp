#include "constraints_tree.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "study/store/tree_entries.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace flatsweep {

namespace {

void add_if_measured(Group& group, const char* name, const std::vector<double>& values, const char* axis,
                     const char* description) {
  if (!values.empty()) add(group, name, values, {axis}, "1", description);
}

std::vector<double> numbers_or_none(const Group& group, const char* name) {
  return group.find(name) == nullptr ? std::vector<double>{} : numbers(group, name);
}

void add_weight_rows(Group& group, const char* name, const RowMatrixF& rows) {
  if (rows.size() == 0) return;
  group.add(name, entries(rows), matrix_shape(rows), {std::string(name) + "_row", "weight"});
}

RowMatrixF rows_or_none(const Group& group, const char* name) {
  const auto* dataset = group.find(name);
  if (dataset == nullptr) return {};
  const auto& shape = dataset->shape_of(2);
  return Eigen::Map<const RowMatrixF>(dataset->values<float>().data(), shape[0], shape[1]);
}

std::vector<float> floats(const Group& group, const char* name) {
  const auto values = group.dataset(name).values<float>();
  return {values.begin(), values.end()};
}

}  // namespace

Group constraints_tree(const std::string& layer, const LayerConstraints& c) {
  Group root;
  auto& group = root.group("constraints/" + layer);
  add_if_measured(group, "variance", c.variance, "direction",
                  "sigma_i^2 of the leading directions that ldc and ldc-flatness may hold");
  add_if_measured(group, "flatness", c.flatness, "direction",
                  "flatness F_i along direction i at the first task's solution; NaN where unbounded");
  add_if_measured(group, "fisher_diagonal", c.fisher, "weight",
                  "diagonal of the Fisher information, mean over samples of sum_c p_c g_n(c)^2, c the classes");
  add_if_measured(group, "empirical_fisher_diagonal", c.fisher_empirical, "weight",
                  "diagonal of the empirical Fisher matrix, mean over samples of g_n^2 with the labels of the set");
  add_if_measured(
      group, "batched_fisher_diagonal", c.fisher_batched, "weight",
      "diagonal of the Fisher matrix from minibatches, mean over those of one epoch of the square of the minibatch's "
      "gradient");
  add_if_measured(group, "fisher_eigenvalues", c.fisher_values, "fisher_mode",
                  "leading eigenvalues of the layer's Fisher information");
  return root;
}

Group modes_tree(const LayerConstraints& constraints) {
  Group group;
  add_weight_rows(group, "directions", constraints.directions);
  add_weight_rows(group, "fisher_modes", constraints.fisher_modes);
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
        group.set("offset", static_cast<Index>(p.block.offset));
        group.set("size", static_cast<Index>(p.block.size));
        group.add("anchor", std::span<const float>(p.anchor), {p.anchor.size()}, {"weight"});
        group.add("stiffness", std::span<const double>(p.stiffness), {p.stiffness.size()}, {"constraint"});
      },
      penalty);
  if (const auto* modes = std::get_if<ModePenalty>(&penalty)) {
    add_weight_rows(group, "modes", modes->modes);
    return group;
  }
  const auto& weight = std::get<WeightPenalty>(penalty).weight;
  const std::vector<std::int64_t> places(weight.begin(), weight.end());
  group.add("place", std::span<const std::int64_t>(places), {places.size()}, {"constraint"});
  return group;
}

void require_fit(const LayerConstraints& c, std::size_t weights) {
  const auto none_or = [](std::size_t size, std::size_t wanted) { return size == 0 || size == wanted; };
  const auto rows = [](const RowMatrixF& modes) -> std::size_t { return modes.rows(); };
  const auto fits = [&](const RowMatrixF& modes) { return modes.rows() == 0 || std::cmp_equal(modes.cols(), weights); };
  const bool per_weight = none_or(c.fisher.size(), weights) && none_or(c.fisher_empirical.size(), weights) &&
                          none_or(c.fisher_batched.size(), weights);
  const bool per_mode = c.variance.size() >= rows(c.directions) && none_or(c.flatness.size(), c.variance.size()) &&
                        c.fisher_values.size() >= rows(c.fisher_modes);
  if (!per_weight || !per_mode || !fits(c.directions) || !fits(c.fisher_modes))
    throw DamagedFile("the constraints are not those of this layer");
}

namespace {

/// Every constraint has its stiffness, and stands in the block.
void check(const Penalty& penalty) {
  const auto fits = [](const auto& p) {
    if (p.anchor.size() != p.block.size) return false;
    if constexpr (requires { p.modes; })
      return p.modes.rows() == std::ssize(p.stiffness);
    else
      return p.weight.size() == p.stiffness.size() &&
             std::ranges::all_of(p.weight, [&](std::uint32_t place) { return place < p.block.size; });
  };
  if (!std::visit(fits, penalty)) throw DamagedFile("a penalty does not fit its layer");
}

Penalty read_penalty(const Group& tree, ParameterBlock block) {
  if (tree.find("place") == nullptr) {
    ModePenalty penalty{block, floats(tree, "anchor"), rows_or_none(tree, "modes"), numbers(tree, "stiffness")};
    if (penalty.modes.rows() > 0 && std::cmp_not_equal(penalty.modes.cols(), block.size))
      throw DamagedFile("the modes of a penalty do not fit its layer");
    penalty.modes.conservativeResize(penalty.modes.rows(), block.size);
    return penalty;
  }
  WeightPenalty penalty{block, floats(tree, "anchor"), {}, numbers(tree, "stiffness")};
  for (const auto place : tree.dataset("place").values<std::int64_t>())
    penalty.weight.push_back(place < 0 ? UINT32_MAX : place);
  return penalty;
}

}  // namespace

Penalty penalty_from_tree(const Group& tree, ParameterBlock block) {
  if (std::cmp_not_equal(tree.integer("offset"), block.offset) || std::cmp_not_equal(tree.integer("size"), block.size))
    throw DamagedFile("a penalty is of another layer");
  auto penalty = read_penalty(tree, block);
  check(penalty);
  return penalty;
}

}  // namespace flatsweep
