#include "curvature_tree.hpp"
#include "flatness_analysis.hpp"
#include "flatsweep/base/numbers.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/cost/network_flops.hpp"
#include "study/store/hole.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

/// Matrices of a layer formed from samples and solved for their eigenvalues, or products with them.
double curvature_flops(const LayerWorkload& work) {
  constexpr double products_per_mode = 3.0;
  const double squares = work.config.curvature.squared_hessian ? 1.0 : 0.0, matrices = 5.0 + squares;
  const auto& options = work.config.curvature;
  const double size = work.size();
  if (size > options.dense_limit)
    return matrices *
           (products_per_mode * std::min<double>(options.modes, size) +
            std::min<double>(options.trace_products, size)) *
           work.samples * curvature_product_flops(work.network);
  const double ways = work.layer.convolution ? size : work.layer.outputs;
  const double curved = is_curved(work.network, work.layer) ? ways * curvature_product_flops(work.network) : 0.0;
  const double per_sample =
      size * size * (work.layer.convolution ? 1.0 + (1.0 + squares) * work.network.classes() : 1.5 + 0.5 * squares);
  return work.samples * (per_sample / covariance_share + curved) +
         matrices * 4.0 / 3.0 * size * size * size / eigensolve_share;
}

/// The principal directions, Hessian, noise covariance and the eigenvectors of one, with a copy and the work space of
/// the other's solve.
double curvature_bytes(const LayerWorkload& work) {
  const double size = work.size();
  const bool dense = size <= work.config.curvature.dense_limit;
  return work.direction_bytes() + (dense ? 56.0 * size * size : 0.0);
}

Group curvature_run(LayerRun& run) {
  const auto& options = run.config().curvature;
  const auto fit = run.fit_options();
  const CurvatureProblem problem{run.network(), run.weights(), run.index(), run.train(),
                                 minibatches_after(run.context(), run.trained())};
  std::optional<int> batch_size;
  if (problem.scheme) batch_size = problem.scheme->batch_size;
  auto group = curvature_tree(
      measure_curvature(run.team(), problem, run.directions(), run.choose(options.directions, options.spacing),
                        known_flatness(run.results), options, fit, run.checkpoint),
      fit, batch_size);
  mark_absent_parts(group, "all along principal directions", run.unrecorded(Record::trajectory));
  mark_absent_parts(group, "minibatch_second_moment, noise_covariance and what is compared with it",
                    run.unrecorded(Record::minibatches));
  return group;
}

/// What is read back of it.
struct CurvatureResult {
  double hessian_trace = nan, largest_eigenvalue = nan, noise_trace = nan;
};

void curvature_read(const Group& group, AnalysisResults& results) {
  CurvatureResult found;
  found.hessian_trace = group.real("hessian_trace");
  const auto values = group.dataset("hessian_eigenvalues").values<double>();
  if (!values.empty()) found.largest_eigenvalue = values.front();
  if (group.attribute("noise_covariance_trace") != nullptr) found.noise_trace = group.real("noise_covariance_trace");
  results.set(found);
}

double measured(const AnalysisResults& results, double CurvatureResult::*number) {
  const auto* found = results.find<CurvatureResult>();
  return found == nullptr ? nan : found->*number;
}

}  // namespace

LayerAnalysis curvature_analysis() {
  return {
      .name = "curvature",
      .needs = {"pca"},
      .takes = {"flatness"},
      .enabled = [](const Config& config) { return config.curvature.enabled; },
      .demand =
          [](const LayerWorkload& work) {
            constexpr double spectra = 6.0;
            const double modes =
                work.size() > work.config.curvature.dense_limit ? work.config.curvature.modes : work.size();
            return LayerDemand{.flops = curvature_flops(work),
                               .bytes = curvature_bytes(work),
                               .result_bytes = 25.0 * object_bytes + 8.0 * spectra * modes};
          },
      .run = curvature_run,
      .read = curvature_read,
      .measures = {{"hessian_trace", "trace of the layer's Hessian of the loss",
                    [](const AnalysisResults& results) { return measured(results, &CurvatureResult::hessian_trace); }},
                   {"largest_eigenvalue", "largest eigenvalue of the layer's Hessian of the loss",
                    [](const AnalysisResults& results) {
                      return measured(results, &CurvatureResult::largest_eigenvalue);
                    }},
                   {"noise_trace", "trace of the covariance of a minibatch's gradient in the layer's weights",
                    [](const AnalysisResults& results) { return measured(results, &CurvatureResult::noise_trace); }}}};
}

}  // namespace flatsweep
