#include "flatsweep/analysis/filters.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/tree_entries.hpp"

namespace flatsweep {

namespace {

/// The values, with their null and their trend as attributes of the group.
void add_measure(Group& group, const std::string& name, const FilterMeasure& measure, const std::string& description) {
  add(group, name, to_vector(measure.value), {"mode"}, "1", description);
  group.set(name + "_null", measure.null, "1", "value of " + name + " for random directions");
  const std::string spearman = "Spearman's rank correlation of " + name + " with the number i of the direction, over ";
  group.set(name + "_rank_correlation", measure.rank_correlation, "1", spearman + "all directions");
  group.set(name + "_moving_rank_correlation", measure.moving_rank_correlation, "1",
            spearman + "the directions that move");
}

Group filters_tree(const Filters& filters) {
  Group group;
  group.set("solution_norm", filters.solution_norm, "1", "|w_0| of the layer");
  group.set(
      "moving", std::int64_t{filters.moving}, "1",
      "number of leading directions whose variance is more than rounding; the others are spanned by weights that stand "
      "still");
  add_measure(group, "projection", filters.projection, "projection of the solution on the direction, (w_0 . p_i)^2");
  const double squares = filters.solution_norm * filters.solution_norm;
  add(group, "projection_fraction", to_vector(filters.projection.value / squares), {"mode"}, "1",
      "(w_0 . p_i)^2 / |w_0|^2, fraction of the solution that lies along the direction");
  add_measure(
      group, "sparsity", filters.sparsity,
      "Hoyer's sparsity of the direction, (sqrt(N) - |x|_1) / (sqrt(N) - 1): 0 for equal entries, 1 for a single one");
  add_measure(group, "participation", filters.participation,
              "participation ratio 1 / (N sum x^4), fraction of the weights that takes part in the direction");
  add_measure(group, "effective_filters", filters.filters,
              "1 / sum_k e_k^2, e_k = sum_l x_kl^2: number of filters (units) that take part in the direction");
  add_measure(group, "effective_taps", filters.taps,
              "1 / sum_l e_l^2, e_l = sum_k x_kl^2: number of weights of a filter (inputs of a unit) that take part");
  return group;
}

Group filters_run(LayerRun& run) {
  return filters_tree(describe_filters(run.pca().directions, run.pca().moving, run.solution(), run.layer().outputs,
                                       run.layer().inputs));
}

}  // namespace

LayerAnalysis filters_analysis() {
  return {.name = "filters",
          .needs = {"pca"},
          .records = {Record::trajectory},
          .enabled = [](const Config& config) { return config.filters.enabled; },
          .demand =
              [](const LayerWorkload& work) {
                return LayerDemand{.bytes = work.direction_bytes(),
                                   .result_bytes = 8.0 * object_bytes + 52.0 * work.modes()};
              },
          .run = filters_run};
}

}  // namespace flatsweep
