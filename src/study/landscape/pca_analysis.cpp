#include "pca_analysis.hpp"

#include "analyses.hpp"
#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "landscape_summary.hpp"
#include "layer_run.hpp"
#include "learning_dimension_tree.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/tree_entries.hpp"
#include "terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace flatsweep {

double pca_flops(double iterations, double size) {
  const double n = std::min(iterations, size);
  return iterations * size * n / covariance_share + 9.0 * n * n * n / 4.0 / eigensolve_share;
}

// The peak: the solve, with a copy of the snapshots where they are fewer than weights, or the directions and what is
// written of them, once as a tree and once as a file in memory.
double pca_bytes(double iterations, double size, double kept) {
  const double modes = std::min(iterations, size);
  const double solve = size > iterations ? 20.0 * size * modes : 8.0 * size * modes;
  return std::max(32.0 * modes * modes + solve,
                  8.0 * size * (modes + 2.0 * (kept > 0.0 ? std::min(kept, modes) : modes)));
}

namespace {

/// Vectors of the Krylov space until the leading modes have converged: twice the modes needed, seen for widths to 200.
double krylov_vectors(double modes) { return std::min(modes, 1300.0); }

bool solved_directly(double iterations, double size) { return std::min(iterations, size) <= PcaOptions{}.direct_modes; }

/// The same with the leading modes alone: products of the snapshots with the Krylov space, and its orthonormalisation.
double leading_pca_flops(double iterations, double size) {
  if (solved_directly(iterations, size)) return pca_flops(iterations, size);
  const double vectors = krylov_vectors(std::min(iterations, size));
  return (4.0 * iterations * size * vectors + 4.0 * size * vectors * vectors) / covariance_share +
         9.0 * vectors * vectors * vectors / eigensolve_share;
}

/// The same with the leading modes alone: the Krylov space while it grows, a block of snapshots, and what is written.
double leading_pca_bytes(double iterations, double size, double kept) {
  if (solved_directly(iterations, size)) return pca_bytes(iterations, size, kept);
  const double vectors = krylov_vectors(std::min(iterations, size));
  return 20.0 * size * vectors + 24.0 * vectors * vectors + 16.0 * 512.0 * size + 24.0 * size * kept;
}

LayerDemand pca_demand(const LayerWorkload& work) {
  const bool leading = work.config.pca.spectrum == Spectrum::leading;
  const double iterations = work.iterations, size = work.size();
  const double asked = work.config.pca.directions;
  const double kept = std::min(asked, work.modes());
  LayerDemand demand;
  demand.flops = leading ? leading_pca_flops(iterations, size) : pca_flops(iterations, size);
  demand.bytes = leading ? leading_pca_bytes(iterations, size, kept) : pca_bytes(iterations, size, kept);
  demand.result_bytes =
      12.0 * object_bytes + 8.0 * size * ((asked > 0.0 ? kept : work.modes()) + 2.0) + 44.0 * iterations;
  return demand;
}

/// As many as results.h5 keeps where no other analysis asks for more; 0 for all.
std::int64_t directions_to_compute(const Config& config) {
  const bool alone = enabled_layer_analyses(config).size() == 1;
  return alone && config.pca.directions > 0 ? std::max<std::int64_t>(config.pca.directions, projected_modes) : 0;
}

Group pca_run(LayerRun& run) {
  const auto& config = run.config();
  run.results.set(principal_components(run.team(), run.window(), {config.pca.spectrum, directions_to_compute(config)}));
  return run.team().is_root() ? pca_tree(run.pca(), config.pca.directions) : Group{};
}

constexpr const char* drifting_directions = "drifting_directions";

void pca_read(const Group& group, AnalysisResults& results) {
  const auto& shape = group.dataset("directions").shape_of(2);
  PcaResult found;
  found.weights = group.dataset("mean").shape_of(1)[0];
  if (std::cmp_not_equal(shape[1], found.weights)) throw DamagedFile("directions and mean differ in length");
  found.iterations = group.integer("window_iterations");
  found.moving = group.integer("moving");
  found.solution_alignment = group.real("solution_alignment");
  found.learning_dimension = group.integer("learning_dimension");
  found.learning_dimension_without_first = group.integer("learning_dimension_without_first");
  found.drifting = group.integer(drifting_directions);
  (void)group.real("total_variance");
  results.set(found);
}

using Seeds = std::vector<const AnalysisResults*>;

/// Over the seeds whose weights moved.
double mean_dimension(const Seeds& seeds, std::int64_t PcaResult::*dimension) {
  std::vector<double> values;
  for (const auto* seed : seeds)
    if (const auto* pca = seed->find<PcaResult>(); pca != nullptr && pca->*dimension > 0)
      values.push_back(pca->*dimension);
  return spread(values).mean;
}

void pca_pool(const Seeds& seeds, const PsiOptions&, AnalysisResults& pooled) {
  PcaSummary summary;
  std::vector<double> alignments;
  for (const auto* seed : seeds)
    if (const auto* pca = seed->find<PcaResult>()) {
      alignments.push_back(pca->solution_alignment);
      summary.still += pca->moving == 0 ? 1 : 0;
    }
  summary.solution_alignment = seed_mean(alignments).value;
  summary.learning_dimension = mean_dimension(seeds, &PcaResult::learning_dimension);
  summary.learning_dimension_without_first = mean_dimension(seeds, &PcaResult::learning_dimension_without_first);
  pooled.set(summary);
}

const PcaSummary& pca_of(const GridPointSummary& point) { return pooled<PcaSummary>(point); }

SummaryColumns pca_main_columns() {
  return {
      {"solution_alignment", "1", "|p_1.w_0|/|w_0|, mean over seeds",
       [](const GridPointSummary& p) { return pca_of(p).solution_alignment; }},
      {"learning_dimension", "1",
       "leading directions that hold 99.9 % of the variance, mean over the seeds whose weights moved",
       [](const GridPointSummary& p) { return pca_of(p).learning_dimension; }},
      {"learning_dimension_without_first", "1",
       "directions that hold 99.9 % of the variance that direction 1 leaves, mean over the seeds whose weights moved",
       [](const GridPointSummary& p) { return pca_of(p).learning_dimension_without_first; }}};
}

void pca_across_units(Group& summary, const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results,
                      std::size_t layer, const std::string& name) {
  if (is_width_scan(units))
    merge(summary.group("learning_dimension/" + name), learning_dimension_tree(units, results, layer));
}

void pca_notes(const GridPointSummary& point, std::vector<std::string>& lines) {
  if (pca_of(point).still > 0)
    lines.push_back(fmt::format("in {} of {} seeds the weights moved by no more than single precision rounds",
                                pca_of(point).still, point.replicas));
}

}  // namespace

namespace {

/// Of the modes 2 to 10. Those that do not move have NaN.
std::int64_t count_drifting(const Eigen::VectorXd& cosine_content) {
  constexpr double of_drift = 0.5;  // a walk has 1, a straight drift 0.986 in mode 1 and 0 in mode 2
  return std::count_if(cosine_content.begin() + 1, cosine_content.end(), [](double c) { return c > of_drift; });
}

void set_pca_attributes(Group& group, const Pca& pca) {
  group.set("window_iterations", pca.iterations, "iterations", "T, length of the window");
  group.set("total_variance", pca.total_variance, "1", "sum of all sigma_i^2, computed or not");
  group.set("rounding_variance", pca.rounding, "1",
            "a variance up to this may be rounding, of single precision or of the eigensolve");
  group.set("moving", std::int64_t{pca.moving}, "1",
            "number of leading directions with a variance above rounding_variance; no other enters a fit, a rank "
            "correlation of moving directions, or a median over the fit range; 0: the window holds rounding alone");
  if (pca.moving == 0)
    group.set("reason", std::string("the weights moved by no more than single precision rounds"), "",
              "why no direction moves");
  group.set("learning_dimension", std::int64_t{pca.learning_dimension}, "1",
            "number of leading directions that hold 99.9 % of the variance; 0 where none moves");
  group.set(
      "learning_dimension_without_first", std::int64_t{pca.learning_dimension_without_first}, "1",
      "number of directions, counted from direction 2, that hold 99.9 % of the variance that direction 1 leaves; 0 "
      "where only direction 1 moves");
  group.set("learning_dimension_null", std::int64_t{pca.learning_dimension_null}, "1",
            "learning dimension of a random walk of T steps in many dimensions");
  group.set(drifting_directions, count_drifting(pca.cosine_content), "1",
            "number of the directions 2 to 10 with a cosine content c_k above 0.5; a free walk has nine");
  group.set("solution_alignment", pca.solution_alignment, "1", "|p_1 . w_0| / |w_0|; NaN where sigma_1^2 is rounding");
}

}  // namespace

Group pca_tree(const Pca& pca, std::int64_t kept) {
  Group group;
  set_pca_attributes(group, pca);
  add(group, "mean", to_vector(pca.mean), {"weight"}, "1", "<w>, mean of the layer's weights over the window");
  add(group, "variance", to_vector(pca.variance), {"mode"}, "1",
      "sigma_i^2, eigenvalues of (1/T) sum_t (w - <w>)(w - <w>)^T, descending; NaN where not computed, exact zeros "
      "past the "
      "numerical rank");
  add(group, "cosine_content", to_vector(pca.cosine_content), {"leading_mode"}, "1",
      "c_k = (2/T) (sum_t cos(pi k (t + 1/2)/T) theta_k(t))^2 / sum_t theta_k(t)^2, k = 1..10: likeness of theta_k to "
      "the "
      "k-th mode of a free random walk, 0 to 1; NaN for a mode whose variance is rounding, 0 where there is no such "
      "mode");
  const auto count = kept > 0 ? std::min<Index>(kept, pca.directions.cols()) : pca.directions.cols();
  const std::uint64_t size = pca.directions.rows();
  // Columns (N, K) in memory are rows (K, N) in the file.
  auto& directions = group.add("directions", entries(pca.directions).first(count * size),
                               {static_cast<std::uint64_t>(count), size}, {"stored_mode", "weight"});
  describe(directions, "1",
           "principal directions p_i, orthonormal rows, with p_i . (w(last) - w(first)) >= 0; an arbitrary basis of "
           "the space "
           "where the variance is zero to rounding");
  auto& projection =
      group.add("projection", entries(pca.projection), matrix_shape(pca.projection), {"projected_mode", "iteration"});
  describe(projection, "1", "theta_k(t) = (w(t) - <w>) . p_k of the first modes");
  return group;
}

double computed_directions(const PcaConfig& config, double modes) {
  return config.spectrum == Spectrum::leading ? krylov_vectors(modes) : modes;
}

LayerAnalysis pca_analysis() {
  return {.name = "pca",
          .needs = {},
          .records = {Record::trajectory},
          .gives = LayerAnalysis::Gives::in_memory,
          .enabled = [](const Config&) { return true; },
          .demand = pca_demand,
          .run = pca_run,
          .read = pca_read,
          .summary = {.pool = pca_pool,
                      .main_columns = pca_main_columns(),
                      .across_units = pca_across_units,
                      .terminal = {{"|p1.w0|", 8, [](const auto& p) { return shown(pca_of(p).solution_alignment, 3); }},
                                   {"D_l", 7, [](const auto& p) { return shown(pca_of(p).learning_dimension, 1); }}},
                      .notes = pca_notes},
          .measures = {{"learning_dimension", "leading directions that hold 99.9 % of the variance",
                        [](const AnalysisResults& results) {
                          const auto* pca = results.find<PcaResult>();
                          return pca == nullptr || pca->moving == 0 ? nan
                                                                    : static_cast<double>(pca->learning_dimension);
                        }}}};
}

}  // namespace flatsweep
