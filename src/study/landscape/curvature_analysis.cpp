#include "curvature_tree.hpp"
#include "flatness_analysis.hpp"
#include "flatsweep/base/numbers.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/cost/network_flops.hpp"
#include "study/store/hole.hpp"
#include "summary_entries.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

double minibatches_of_epoch(const LayerWorkload& work) { return work.iterations / work.epochs(); }

/// Gradients of an epoch's minibatches, where CurvatureOperator keeps them; else 0.
double kept_gradient_bytes(const LayerWorkload& work) {
  const double bytes = 4.0 * minibatches_of_epoch(work) * work.size();
  return bytes <= CurvatureOperator::memory ? bytes : 0.0;
}

/// Products with the matrices of a wide layer: a solve each for the leading modes of H, of that of ln L, of Q Q^T, of
/// the Fisher matrix and of C_B, three traces.
double products_flops(const LayerWorkload& work) {
  constexpr double products_of_small_solve = 20.0;  // SLEPc's smallest space, and a restart
  const auto& options = work.config.curvature;
  const double solve = products_of_small_solve + 2.0 * options.modes, traces = options.trace_products;
  const double by_samples = work.samples * layer_product_flops(work.network, work.layer, work.samples);
  const double by_minibatches = kept_gradient_bytes(work) > 0.0
                                    ? 4.0 * minibatches_of_epoch(work) * work.size() / projection_share
                                    : work.samples * curvature_product_flops(work.network);
  return (4.0 * solve + 2.0 * traces) * by_samples + (solve + traces) * by_minibatches;
}

/// Matrices of a layer formed from samples and solved for their eigenvalues, or products with them.
double curvature_flops(const LayerWorkload& work) {
  const auto& options = work.config.curvature;
  const double size = work.size();
  if (size > options.dense_limit) return products_flops(work);
  const double squares = options.squared_hessian ? 1.0 : 0.0, matrices = 5.0 + squares;
  const double ways = work.layer.convolution ? size : work.layer.outputs;
  const double curved = is_curved(work.network, work.layer) ? ways * curvature_product_flops(work.network) : 0.0;
  const double per_sample =
      size * size * (work.layer.convolution ? 1.0 + (1.0 + squares) * work.network.classes() : 1.5 + 0.5 * squares);
  return work.samples * (per_sample / covariance_share + curved) +
         matrices * 4.0 / 3.0 * size * size * size / eigensolve_share;
}

/// The principal directions, and: Hessian, noise covariance and the eigenvectors of one, with a copy and the work space
/// of the other's solve; or what products keep of samples and minibatches.
double curvature_bytes(const LayerWorkload& work) {
  const double size = work.size();
  const bool dense = size <= work.config.curvature.dense_limit;
  return work.direction_bytes() +
         (dense ? 56.0 * size * size : kept_sample_bytes(work.network, work.samples) + kept_gradient_bytes(work));
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

/// What is read back of it, and the same of the seeds together.
struct CurvatureResult : EntryValues {
  double largest_eigenvalue = nan;  ///< of the Hessian
};
struct CurvatureOverSeeds : EntryMeans {};

std::vector<SummaryEntry> curvature_entries() {
  using enum SummaryEntry::Kind;
  return {{"hessian_trace", "1", "mean over seeds of the trace of the layer's Hessian H of the loss", number},
          {"noise_covariance_trace", "1",
           "mean over seeds of the trace of C_B, the covariance of a minibatch's gradient", number},
          {"hessian_frobenius_norm", "1",
           "mean over seeds of |H|, the Frobenius norm of the layer's Hessian of the loss; NaN where it was not formed",
           number},
          {"gradient_noise_scale", "samples",
           "mean over seeds of tr S/|g|^2, S the covariance of single samples' gradients and g the gradient", number},
          {"scaled_alignment", "1", "mean over seeds of tr(C H)/(2 L_0 |H|^2), C = B C_B, Frobenius norms", number},
          {"commutator", "1", "mean over seeds of |CH - HC|/(|C| |H|), Frobenius norms, of C_B and H", number},
          {"commutator_null", "1", "mean over seeds of commutator when one of C_B and H is turned at random", number},
          {"alignment", "1", "mean over seeds of tr(CH)/(|C| |H|), Frobenius norms, of C_B and H", number},
          {"squared_noise_commutator", "1",
           "mean over seeds of |AB - BA|/(|A| |B|), Frobenius norms, of C_B and E[h^2]", number},
          {"squared_noise_commutator_null", "1",
           "mean over seeds of squared_noise_commutator when one of C_B and E[h^2] is turned at random", number},
          {"squared_noise_alignment", "1", "mean over seeds of tr(AB)/(|A| |B|), Frobenius norms, of C_B and E[h^2]",
           number},
          {"squared_hessian_commutator", "1",
           "mean over seeds of |AB - BA|/(|A| |B|), Frobenius norms, of H and E[h^2]", number},
          {"squared_hessian_alignment", "1", "mean over seeds of tr(AB)/(|A| |B|), Frobenius norms, of H and E[h^2]",
           number},
          {"noise_exponent_hessian_basis", "1",
           "exponent g of u_i^T C_B u_i ~ h_i^g, u_i and h_i the eigenpairs of H, mean over seeds", exponent},
          {"noise_exponent_pca_basis", "1", "exponent g of p_i^T C_B p_i ~ (p_i^T H p_i)^g, mean over seeds", exponent},
          {"squared_curvature_exponent", "1",
           "exponent x of u_i^T E[h^2] u_i ~ h_i^x, u_i and h_i the eigenpairs of H, mean over seeds", exponent},
          {"squared_noise_exponent", "1",
           "exponent g of u_i^T C_B u_i ~ (u_i^T E[h^2] u_i)^g, u_i the eigenvectors of H, mean over seeds", exponent}};
}

void curvature_read(const Group& group, AnalysisResults& results) {
  CurvatureResult found{read_entries(group, curvature_entries()), nan};
  const auto values = group.dataset("hessian_eigenvalues").values<double>();
  if (!values.empty()) found.largest_eigenvalue = values.front();
  results.set(found);
}

double curvature_number(const AnalysisResults& results, const char* name) {
  const auto* found = results.find<CurvatureResult>();
  return found == nullptr ? nan : found->numbers.at(name);
}

double largest_eigenvalue(const AnalysisResults& results) {
  const auto* found = results.find<CurvatureResult>();
  return found == nullptr ? nan : found->largest_eigenvalue;
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
      .summary = {.pool = pool_entries<CurvatureResult, CurvatureOverSeeds>,
                  .columns = entry_columns<CurvatureOverSeeds>(curvature_entries())},
      .measures = {{"hessian_trace", "trace of the layer's Hessian of the loss",
                    [](const AnalysisResults& results) { return curvature_number(results, "hessian_trace"); }},
                   {"largest_eigenvalue", "largest eigenvalue of the layer's Hessian of the loss", largest_eigenvalue},
                   {"noise_trace", "trace of the covariance of a minibatch's gradient in the layer's weights",
                    [](const AnalysisResults& results) {
                      return curvature_number(results, "noise_covariance_trace");
                    }}}};
}

}  // namespace flatsweep
