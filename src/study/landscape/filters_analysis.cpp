#include "flatsweep/analysis/filters.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/store/tree_entries.hpp"

namespace flatsweep {

namespace {

/// The values, with their null and their trend as attributes of the group.
void add_measure(Group& group, const std::string& name, const FilterMeasure& measure, const char* description) {
  add(group, name.c_str(), to_vector(measure.value), {"mode"}, "1", description);
  group.set(name + "_null", measure.null);
  group.set(name + "_rank_correlation", measure.rank_correlation);
  group.set(name + "_moving_rank_correlation", measure.moving_rank_correlation);
}

Group filters_tree(const Filters& filters) {
  Group group;
  group.set("solution_norm", filters.solution_norm);
  group.set("moving", std::int64_t{filters.moving});
  add_measure(group, "projection", filters.projection, "p_i = (sum_kl w*(k,l) w_i(k,l))^2");
  const double squares = filters.solution_norm * filters.solution_norm;
  add(group, "projection_fraction", to_vector(filters.projection.value / squares), {"mode"}, "1", "p_i / |w*|^2");
  add_measure(group, "sparsity", filters.sparsity,
              "Hoyer's: (sqrt(N) - |x|_1) / (sqrt(N) - 1), 0 for equal entries, 1 for a single one");
  add_measure(group, "participation", filters.participation,
              "1 / (N sum x^4), fraction of the weights that takes part");
  add_measure(group, "effective_filters", filters.filters,
              "1 / sum_k e_k^2, e_k = sum_l x_kl^2: filters (units) that take part");
  add_measure(group, "effective_taps", filters.taps, "the same over the weights of a filter (inputs of a unit)");
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
          .demand = [](const LayerWorkload& work) { return LayerDemand{.bytes = work.direction_bytes()}; },
          .run = filters_run};
}

}  // namespace flatsweep
