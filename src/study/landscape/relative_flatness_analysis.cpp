#include "flatsweep/analysis/relative_flatness.hpp"
#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/numbers.hpp"
#include "landscape_summary.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/cost/network_flops.hpp"

namespace flatsweep {

namespace {

/// A way forward and back for every unit, or a product for every weight of a convolution.
double curved_flops(const LayerWorkload& work) {
  const double ways = work.layer.convolution ? work.size() : work.layer.outputs;
  return work.samples * ways * curvature_product_flops(work.network);
}

/// A way back for every class, and the factor's rows times W W^T.
LayerDemand relative_flatness_demand(const LayerWorkload& work) {
  const auto& layer = work.layer;
  if (is_curved(work.network, layer))
    return {.flops = curved_flops(work), .bytes = work.direction_bytes() + 512.0 * layer.outputs * layer.outputs};
  const double classes = work.network.classes(), rows = layer.convolution ? layer.inputs : 1.0;
  const double jacobian = (1.0 + classes) * work.network.forward_flops() / training_share;
  const double products = 2.0 * classes * rows * layer.outputs * layer.outputs / covariance_share;
  return {.flops = work.samples * (jacobian + products),
          .bytes = work.direction_bytes() + 128.0 * classes * work.size()};
}

Group relative_flatness_run(LayerRun& run) {
  const auto found =
      relative_flatness(run.team(), run.network(), run.weights(), run.index(), run.train(), run.checkpoint);
  Group group;
  group.set(
      "relative_flatness", found.value, "1",
      "kappa = sum over outputs s, s' of <w_s, w_s'> tr H_ss', w_s their weights and H_ss' the blocks of the layer's "
      "Hessian (Petzka et al. 2021)");
  group.set("hessian_trace", found.hessian_trace, "1", "tr H, H the layer's Hessian of the loss");
  group.set("weight_square", found.weight_square, "1", "|w_0|^2 of the layer");
  group.set("scaled_trace", found.scaled_trace(), "1", "|w_0|^2 tr H of the layer");
  return group;
}

void relative_flatness_read(const Group& group, AnalysisResults& results) {
  results.set(
      RelativeFlatness{group.real("relative_flatness"), group.real("hessian_trace"), group.real("weight_square")});
}

/// Over the seeds of a grid point.
struct PooledRelativeFlatness {
  Spread value, scaled_trace;
};

void relative_flatness_pool(const std::vector<const AnalysisResults*>& seeds, const PsiOptions&,
                            AnalysisResults& pooled) {
  std::vector<double> values, traces;
  for (const auto* seed : seeds)
    if (const auto* found = seed->find<RelativeFlatness>()) {
      values.push_back(found->value);
      traces.push_back(found->scaled_trace());
    }
  pooled.set(PooledRelativeFlatness{spread(values), spread(traces)});
}

const PooledRelativeFlatness& of(const GridPointSummary& point) { return pooled<PooledRelativeFlatness>(point); }

SummaryColumns relative_flatness_columns() {
  return {{"relative_flatness", "1", "relative flatness kappa of the layer, mean over seeds",
           [](const GridPointSummary& p) { return of(p).value.mean; }},
          {"relative_flatness_std", "1", "standard deviation of the relative flatness kappa over seeds",
           [](const GridPointSummary& p) { return of(p).value.std; }},
          {"scaled_trace", "1", "|w|^2 tr H of the layer, mean over seeds",
           [](const GridPointSummary& p) { return of(p).scaled_trace.mean; }},
          {"scaled_trace_std", "1", "standard deviation of |w|^2 tr H of the layer over seeds",
           [](const GridPointSummary& p) { return of(p).scaled_trace.std; }}};
}

double relative_flatness_number(const AnalysisResults& results, double RelativeFlatness::*number) {
  const auto* found = results.find<RelativeFlatness>();
  return found == nullptr ? nan : found->*number;
}

}  // namespace

LayerAnalysis relative_flatness_analysis() {
  return {
      .name = "relative_flatness",
      .needs = {},
      .enabled = [](const Config& config) { return config.relative_flatness.enabled; },
      .demand = relative_flatness_demand,
      .run = relative_flatness_run,
      .read = relative_flatness_read,
      .summary = {.pool = relative_flatness_pool, .columns = relative_flatness_columns()},
      .measures = {
          {"relative_flatness", "relative flatness kappa of the layer",
           [](const AnalysisResults& results) { return relative_flatness_number(results, &RelativeFlatness::value); }},
          {"hessian_trace", "trace of the layer's Hessian of the loss", [](const AnalysisResults& results) {
             return relative_flatness_number(results, &RelativeFlatness::hessian_trace);
           }}}};
}

}  // namespace flatsweep
