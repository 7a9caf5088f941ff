#include "learning_dimension_tree.hpp"

#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/analysis/white_noise.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "pca_analysis.hpp"
#include "study/store/tree_entries.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <span>
#include <string>

namespace flatsweep {

namespace {

/// What was measured, by width and seed.
class WidthScan {
 public:
  WidthScan(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results, std::size_t layer)
      : units_(units), results_(results), layer_(layer) {
    for (const auto& unit : units) {
      widths_.insert(unit.replica.width);
      seeds_.insert(unit.replica.seed);
    }
  }

  void add_scales(Group& group) const {
    const std::vector<std::int32_t> widths(widths_.begin(), widths_.end());
    const std::vector<std::int64_t> seeds(seeds_.begin(), seeds_.end());
    describe(group.add("width", std::span(widths), {widths.size()}, {"width"}), "1",
             "units of each hidden layer, H; 0 where the architecture is not the mlp");
    describe(group.add("seed", std::span(seeds), {seeds.size()}, {"seed"}), "1",
             "seed of initial weights and minibatches");
  }

  /// The table learning_dimension<suffix>, mean<suffix> and std<suffix> over seeds; NaN where nothing moved.
  void add_table(Group& group, const std::string& suffix, std::int64_t PcaResult::*member,
                 const std::string& description) const {
    std::vector<double> table(widths_.size() * seeds_.size(), nan), means, stds;
    for (std::size_t i = 0; i < units_.size(); ++i)
      if (const auto* pca = pca_of(i); pca != nullptr && pca->*member > 0)
        table[place(units_[i].replica)] = pca->*member;
    for (std::size_t row = 0; row < widths_.size(); ++row) {
      std::vector<double> known;
      std::copy_if(table.begin() + offset(row), table.begin() + offset(row + 1), std::back_inserter(known),
                   [](double value) { return value == value; });
      means.push_back(spread(known).mean);
      stds.push_back(spread(known).std);
    }
    add(group, "learning_dimension" + suffix, table, {widths_.size(), seeds_.size()}, {"width", "seed"}, "1",
        description + "; NaN where the replica is not done");
    add(group, "mean" + suffix, means, {"width"}, "1", description + ", mean over the seeds that are done");
    add(group, "std" + suffix, stds, {"width"}, "1",
        description + ", standard deviation (n - 1) over the seeds that are done; NaN for one seed");
  }

  /// What a null model gives for each width's window, NaN where no replica is done.
  void add_null(Group& group, const char* name, const std::function<double(const PcaResult&)>& null,
                const char* description) const {
    std::vector<double> values;
    for (const auto width : widths_) {
      const auto* pca = find(width);
      values.push_back(pca == nullptr ? nan : null(*pca));
    }
    add(group, name, values, {"width"}, "1", description);
  }

 private:
  [[nodiscard]] std::ptrdiff_t offset(std::size_t row) const { return row * seeds_.size(); }
  [[nodiscard]] std::size_t place(const Replica& replica) const {
    const auto row = std::distance(widths_.begin(), widths_.find(replica.width));
    const auto column = std::distance(seeds_.begin(), seeds_.find(replica.seed));
    return row * seeds_.size() + column;
  }
  /// nullptr where the unit has none
  [[nodiscard]] const PcaResult* pca_of(std::size_t unit) const {
    return results_[unit].status == UnitStatus::done ? results_[unit].layers[layer_].find<PcaResult>() : nullptr;
  }
  [[nodiscard]] const PcaResult* find(std::int32_t width) const {
    for (std::size_t i = 0; i < units_.size(); ++i)
      if (const auto* pca = pca_of(i); pca != nullptr && units_[i].replica.width == width) return pca;
    return nullptr;
  }

  const std::vector<WorkUnit>& units_;
  const std::vector<UnitResult>& results_;
  std::size_t layer_;
  std::set<std::int32_t> widths_;
  std::set<std::int64_t> seeds_;
};

double white_noise_dimension(const PcaResult& layer, std::size_t first) {
  const auto spectrum = white_noise_spectrum(1.0, layer.weights, layer.iterations);
  const std::span<const double> values(spectrum.data(), spectrum.size());
  return learning_dimension(values.subspan(first), spectrum.tail(spectrum.size() - first).sum());
}

}  // namespace

bool is_width_scan(const std::vector<WorkUnit>& units) {
  return std::ranges::all_of(units, [&](const WorkUnit& unit) {
    auto other = unit.replica;
    other.width = units.front().replica.width;
    return same_grid_point(other, units.front().replica);
  });
}

Group learning_dimension_tree(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results,
                              std::size_t layer) {
  const WidthScan scan(units, results, layer);
  Group group;
  scan.add_scales(group);
  scan.add_table(group, "", &PcaResult::learning_dimension, "leading directions that hold 99.9 % of the variance");
  scan.add_table(group, "_without_first", &PcaResult::learning_dimension_without_first,
                 "directions, counted from direction 2, that hold 99.9 % of the variance that direction 1 leaves");
  scan.add_null(
      group, "weights", [](const PcaResult& l) -> double { return l.weights; }, "number N of weights of the layer");
  scan.add_null(
      group, "random_walk",
      [](const PcaResult& l) { return random_walk_learning_dimension(l.iterations, learning_fraction, 1); },
      "learning dimension of a random walk as long as the window");
  scan.add_null(
      group, "random_walk_without_first",
      [](const PcaResult& l) { return random_walk_learning_dimension(l.iterations, learning_fraction, 2); },
      "learning dimension of a random walk as long as the window, without its first mode");
  scan.add_null(
      group, "white_noise", [](const PcaResult& l) { return white_noise_dimension(l, 0); },
      "learning dimension of white noise, T snapshots of N weights (Marchenko-Pastur)");
  scan.add_null(
      group, "white_noise_without_first", [](const PcaResult& l) { return white_noise_dimension(l, 1); },
      "learning dimension of white noise, T snapshots of N weights (Marchenko-Pastur), without its first mode");
  return group;
}

}  // namespace flatsweep
