#include "prediction.hpp"

#include "analyses.hpp"
#include "flatsweep/analysis/kendall.hpp"
#include "flatsweep/base/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace flatsweep {

namespace {

constexpr std::size_t fewest_points = 3;
constexpr std::int64_t seed_of_shuffles = 1;

using PointsOfSeeds = std::vector<std::vector<double>>;  // (seeds, points), NaN where nothing is known

using NetworkShape = std::tuple<std::string, std::int64_t, std::int64_t, Activation>;

/// What the function that a network computes is made of, but for its weights.
NetworkShape shape_of_network(const Replica& replica) {
  return {replica.architecture.label(), replica.width, replica.hidden_layers, replica.activation};
}

/// The units that are done, by seed and grid point.
class DoneGrid {
 public:
  DoneGrid(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results, std::size_t layer)
      : layer_(layer) {
    const auto points = units_by_grid_point(units);
    std::map<NetworkShape, int> known;
    for (const auto& point : points)
      shapes_.push_back(
          known.try_emplace(shape_of_network(units[point.front()].replica), std::ssize(known)).first->second);
    for (std::size_t point = 0; point < points.size(); ++point)
      for (const auto unit : points[point])
        if (results[unit].status == UnitStatus::done)
          by_seed_.try_emplace(units[unit].replica.seed, points.size(), nullptr).first->second[point] = &results[unit];
  }

  [[nodiscard]] std::size_t points() const { return shapes_.size(); }
  /// (points,) equal where the networks are of one shape
  [[nodiscard]] const std::vector<int>& shapes() const { return shapes_; }

  [[nodiscard]] PointsOfSeeds numbers(const std::function<double(const UnitResult&)>& of) const {
    PointsOfSeeds found;
    for (const auto& [seed, row] : by_seed_) {
      auto& values = found.emplace_back();
      for (const auto* result : row) values.push_back(result == nullptr ? nan : of(*result));
    }
    return found;
  }
  [[nodiscard]] PointsOfSeeds numbers(const ReplicaMeasure& measure) const {
    return numbers([&](const UnitResult& result) { return measure.of(result.layers[layer_]); });
  }

 private:
  std::size_t layer_;
  std::vector<int> shapes_;
  std::map<std::int64_t, std::vector<const UnitResult*>> by_seed_;
};

bool any_known(const PointsOfSeeds& numbers) {
  return std::ranges::any_of(numbers, [](const auto& row) {
    return std::ranges::any_of(row, [](double value) { return std::isfinite(value); });
  });
}

struct Measured {
  std::string name, sentence;
  PointsOfSeeds numbers;
};

std::vector<Measured> measured_over(const DoneGrid& grid, std::size_t layer) {
  std::vector<Measured> found;
  const auto add = [&](const std::string& name, const std::string& sentence, PointsOfSeeds numbers) {
    if (any_known(numbers) && std::ranges::find(found, name, &Measured::name) == found.end())
      found.push_back({name, sentence, std::move(numbers)});
  };
  for (const auto& analysis : layer_analyses())
    for (const auto& measure : analysis.measures) add(measure.name, measure.sentence, grid.numbers(measure));
  add("weight_norm", "norm |w| of the layer's weights at the end",
      grid.numbers([layer](const UnitResult& result) { return result.weight_norms[layer]; }));
  return found;
}

struct Prediction {
  std::string name, sentence;
  TauOverSeeds error, gap;
  TauOverSeeds error_of_shape, gap_of_shape;  // between networks of one shape
};

std::vector<Column<Prediction>> tau_columns(const std::string& target, const std::string& of,
                                            TauOverSeeds Prediction::*taus) {
  const auto column = [&](const char* end, const std::string& sentence, auto member) {
    return Column<Prediction>(target + end, "1", sentence, [=](const Prediction& row) { return row.*taus.*member; });
  };
  return {
      column("_tau", "Kendall's tau-b over grid points between the measure and " + of + ", mean over seeds",
             &TauOverSeeds::tau),
      column("_tau_low", "lower end of its 95 % t-interval over seeds; NaN below three seeds: tau with " + of,
             &TauOverSeeds::low),
      column("_tau_high", "upper end of its 95 % t-interval over seeds; NaN below three seeds: tau with " + of,
             &TauOverSeeds::high),
      column("_null_low", "2.5 % of the taus have less when grid points are shuffled, of the measure and " + of,
             &TauOverSeeds::null_low),
      column("_null_high", "97.5 % of the taus have less when grid points are shuffled, of the measure and " + of,
             &TauOverSeeds::null_high),
      column("_p_value", "share of shuffles with a |tau| no smaller, of the measure and " + of, &TauOverSeeds::p_value),
      column("_seeds", "number of seeds with a tau between the measure and " + of, &TauOverSeeds::seeds),
      column("_replicas", "number of replicas in the taus between the measure and " + of, &TauOverSeeds::replicas)};
}

}  // namespace

Group prediction_tree(const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results, std::size_t layer) {
  Group group;
  const DoneGrid grid(units, results, layer);
  if (grid.points() < fewest_points) return group;
  const auto error = grid.numbers([](const UnitResult& result) { return result.test_error; });
  const auto gap = grid.numbers([](const UnitResult& result) { return result.test_loss - result.train_loss; });
  std::vector<Prediction> rows;
  for (const auto& [name, sentence, numbers] : measured_over(grid, layer))
    rows.push_back({name, sentence, tau_over_seeds(numbers, error, seed_of_shuffles),
                    tau_over_seeds(numbers, gap, seed_of_shuffles),
                    tau_over_seeds(numbers, error, seed_of_shuffles, grid.shapes()),
                    tau_over_seeds(numbers, gap, seed_of_shuffles, grid.shapes())});
  std::vector<Column<Prediction>> columns = {
      {"measure", "", "number of a replica that is set beside its test error", &Prediction::name},
      {"meaning", "", "what the measure is", &Prediction::sentence}};
  const auto add = [&](const std::string& target, const std::string& of, TauOverSeeds Prediction::*taus) {
    for (auto& column : tau_columns(target, of, taus)) columns.push_back(std::move(column));
  };
  const std::string error_words = "the test error", gap_words = "the gap between test and training loss";
  const std::string of_shape = ", between networks of one shape only";
  add("test_error", error_words, &Prediction::error);
  add("loss_gap", gap_words, &Prediction::gap);
  add("test_error_of_shape", error_words + of_shape, &Prediction::error_of_shape);
  add("loss_gap_of_shape", gap_words + of_shape, &Prediction::gap_of_shape);
  if (!rows.empty()) add_columns(group, "row", rows, columns);
  return group;
}

}  // namespace flatsweep
