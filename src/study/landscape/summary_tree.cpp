#include "flatsweep/study/summary/summary.hpp"
#include "learning_dimension_tree.hpp"
#include "study/summary/grid_columns.hpp"

namespace flatsweep {

namespace {

using Points = std::vector<GridPointSummary>;
using Columns = std::vector<Column<GridPointSummary>>;

/// The columns that name a grid point, and how many seeds were done.
Columns point_columns() {
  auto columns = grid_columns_of(Study::landscape, &GridPointSummary::point);
  columns.push_back({"replicas", "1", "number of seeds that are done", &GridPointSummary::replicas});
  return columns;
}

void add_table(Group& group, const Points& points, const Columns& columns) {
  add_columns(group, "point", points, point_columns());
  add_columns(group, "point", points, columns);
}

Columns psi_columns() {
  using P = GridPointSummary;
  return {
      {"psi", "1", "exponent psi of variance against flatness, mean over seeds", [](const P& p) { return p.psi.all; }},
      {"psi_below", "1", "exponent psi over the directions flatter than the crossover lambda_x, mean over seeds",
       [](const P& p) { return p.psi.below; }},
      {"psi_above", "1", "exponent psi over the directions sharper than the crossover lambda_x, mean over seeds",
       [](const P& p) { return p.psi.above; }},
      {"train_loss", "1", "training loss at the end, mean over seeds", &P::train_loss},
      {"train_error", "1", "fraction of training images classified wrongly at the end, mean over seeds",
       &P::train_error},
      {"test_error", "1", "fraction of test images classified wrongly at the end, mean over seeds", &P::test_error},
      {"test_error_std", "1", "standard deviation over seeds of the test error at the end", &P::test_error_std},
      {"solution_alignment", "1", "|p_1.w_0|/|w_0|, mean over seeds", &P::solution_alignment},
      {"learning_dimension", "1", "directions that hold 99.9 % of the variance, mean over seeds",
       &P::learning_dimension},
      {"learning_dimension_without_first", "1",
       "directions that hold 99.9 % of the variance that direction 1 leaves, mean over seeds",
       &P::learning_dimension_without_first}};
}

Columns dynamics_columns() {
  using P = GridPointSummary;
  return {{"psi_d", "1", "exponent psi_D of the noise strength against flatness, mean over seeds",
           [](const P& p) { return p.dynamics.psi_d; }},
          {"psi_tau", "1", "exponent psi_tau of tau = sigma^2/D against flatness, mean over seeds",
           [](const P& p) { return p.dynamics.psi_tau; }},
          {"psi_tau_window", "1", "exponent of tau of eq. S19 as printed against flatness, mean over seeds",
           [](const P& p) { return p.dynamics.psi_tau_window; }},
          {"psi_same_directions", "1",
           "exponent psi of variance against flatness over the directions of psi_D and psi_tau, mean over seeds",
           [](const P& p) { return p.dynamics.psi; }}};
}

Columns nulls_columns() {
  using P = GridPointSummary;
  return {{"walk_psi", "1", "psi of a walk of the gradient noise at w_0 along its own directions, mean over seeds",
           [](const P& p) { return p.nulls.walk; }},
          {"fresh_walk_psi", "1", "psi of a walk of other minibatches along the measured directions, mean over seeds",
           [](const P& p) { return p.nulls.fresh; }},
          {"half_psi", "1", "psi from directions and variance of one half of the window, mean over seeds",
           [](const P& p) { return p.nulls.half; }},
          {"held_out_psi", "1",
           "psi from directions of one half of the window and variance in the other half, mean over seeds",
           [](const P& p) { return p.nulls.held_out; }}};
}

}  // namespace

Group summary_tree(const Config& config, const std::vector<GridPointSummary>& points,
                   const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results) {
  Group summary;
  for (std::size_t layer = 0; layer < config.pca.layers.size(); ++layer) {
    const auto& name = config.pca.layers[layer];
    Points of_layer;
    for (const auto& point : points)
      if (point.layer == name) of_layer.push_back(point);
    add_table(summary.group("psi/" + name), of_layer, psi_columns());
    if (config.dynamics.measure) add_table(summary.group("dynamics/" + name), of_layer, dynamics_columns());
    if (config.nulls.measure) add_table(summary.group("nulls/" + name), of_layer, nulls_columns());
    if (is_width_scan(units))
      merge(summary.group("learning_dimension/" + name), learning_dimension_tree(units, results, layer));
  }
  return summary;
}

}  // namespace flatsweep
