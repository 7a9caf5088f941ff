#include "bases_tree.hpp"
#include "flatness_analysis.hpp"
#include "flatsweep/analysis/stationarity.hpp"
#include "flatsweep/base/numbers.hpp"
#include "landscape_summary.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "mlf_analysis.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/hole.hpp"
#include "summary_entries.hpp"
#include "terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

bool takes_basis(const BasesConfig& options, Basis basis) {
  return std::ranges::find(options.basis, basis) != options.basis.end();
}

bool is_dense(const LayerWorkload& work) { return work.size() <= work.config.bases.dense_limit; }

/// A model without trajectory has no principal directions.
std::vector<Basis> expected_bases(const LayerWorkload& work) {
  auto expected = work.config.bases.basis;
  if (!(work.iterations > 0.0)) std::erase(expected, Basis::pca);
  return expected;
}

double directions_of_basis(const LayerWorkload& work, Basis basis) {
  const auto& options = work.config.bases;
  const double leading = std::min<double>(options.modes, work.size());
  const bool of_matrix = basis == Basis::hessian || basis == Basis::noise;
  const double available = basis == Basis::pca ? work.modes() : of_matrix && !is_dense(work) ? leading : work.size();
  return probed_directions(available, options.directions, options.spacing);
}

/// The matrix and its eigenvectors.
double vectors_flops(const LayerWorkload& work, Basis basis) {
  constexpr double products_per_mode = 3.0;
  if (basis != Basis::hessian && basis != Basis::noise) return 0.0;
  const double size = work.size();
  if (!is_dense(work))
    return products_per_mode * work.config.bases.modes * work.samples *
           layer_product_flops(work.network, work.layer, work.samples);
  const double ways = work.layer.convolution ? size : work.layer.outputs;
  const double curved = basis == Basis::hessian && is_curved(work.network, work.layer)
                            ? ways * curvature_product_flops(work.network)
                            : 0.0;
  return work.samples * (size * size / covariance_share + curved) + 9.0 / 4.0 * size * size * size / eigensolve_share;
}

/// The window and the minibatches of an epoch, projected, and the flatness where it is not known before.
double along_flops(const LayerWorkload& work, Basis basis) {
  const double directions = directions_of_basis(work, basis);
  const bool known = basis == Basis::pca && work.config.flatness.enabled;
  return 2.0 * work.iterations * work.size() * directions / covariance_share +
         work.samples * work.network.training_flops() / training_share +
         (known ? 0.0 : flatness_flops(work.network, work.layer, work.samples, directions));
}

/// Whether the window's whole covariance is predicted, if the run's steps allow it.
bool predicts_whole(const LayerWorkload& work) {
  const auto& options = work.config.bases;
  return is_dense(work) && takes_basis(options, Basis::hessian) && takes_basis(options, Basis::noise);
}

/// Products of whole matrices, and those of some hundred modes' answers over the window.
double prediction_flops(const LayerWorkload& work) {
  constexpr double nodes = 140.0, answers = 7.0;
  const double size = work.size();
  if (!predicts_whole(work)) return 0.0;
  return (6.0 * size * size * size + 2.0 * answers * nodes * nodes * work.iterations) / covariance_share;
}

/// The vectors of all bases, beside them those of a matrix while it is solved, or the prediction while it is made.
double matrix_bytes(const LayerWorkload& work) {
  constexpr double solve = 4.0;
  double matrices = 0.0;
  for (const auto basis : work.config.bases.basis)
    if (is_dense(work) && (basis == Basis::hessian || basis == Basis::noise)) matrices += 1.0;
  return (matrices > 0.0 ? matrices + solve : 0.0) * 8.0 * work.size() * work.size();
}

LayerDemand bases_demand(const LayerWorkload& work) {
  LayerDemand demand;
  demand.probe = LayerDemand::Probe::kept;
  demand.flops = prediction_flops(work);
  double looked_at = 0.0;
  for (const auto basis : expected_bases(work)) {
    const double directions = directions_of_basis(work, basis), vectors = 8.0 * work.size() * directions;
    demand.flops += vectors_flops(work, basis) + along_flops(work, basis);
    demand.result_bytes += vectors + 168.0 * directions;
    if (work.config.bases.mlf) {
      demand.flops += mlf_flops(work, directions);
      demand.result_bytes += mlf_result_bytes(work, directions);
    }
    looked_at = std::max(looked_at, 4.0 * vectors);
  }
  demand.bytes = 2.0 * work.direction_bytes() + matrix_bytes(work) + looked_at;
  return demand;
}

/// The minibatch loss functions along the directions of a basis; those that the matrix leaves open enter no fit.
Group minibatches_along(LayerRun& run, const BasisMeasurement& found, const std::function<void(double)>& checkpoint) {
  auto fit = run.fit_options();
  fit.moving = found.determined;
  return mlf_along(run, found.vectors, mlf_directions(found.dynamics.direction, found.flatness), fit, checkpoint);
}

/// Of plain SGD alone, whose steps are its gradients; NaN without a trajectory.
double stationarity_of(LayerRun& run) {
  const auto step = run.frozen().step();
  const bool plain =
      run.unrecorded({Record::trajectory, Record::stride, Record::steps}).empty() && step && step->momentum == 0.0;
  return plain ? stationarity(run.team(), run.window()) : nan;
}

/// Of the numbers of one basis.
void say_what_is_absent(const LayerRun& run, Group& group) {
  const auto& no_window = run.unrecorded(Record::trajectory);
  mark_absent_parts(group, "variance, velocities, psi and all other exponents but noise_exponent", no_window);
  if (no_window.empty())
    mark_absent_parts(group, "velocities, psi_d, psi_tau and psi_tau_window", run.unrecorded(Record::stride));
}

/// The group of one basis.
Group run_along(LayerRun& run, const BasisProblem& problem, const LayerBases& bases, Basis basis,
                const std::function<void(double)>& checkpoint) {
  const auto& config = run.config();
  const bool with_mlf = config.bases.mlf && problem.scheme;
  const double share_of_window = with_mlf ? 0.5 : 1.0;
  const auto found = measure_basis(run.team(), problem, bases, basis, run.probe(), config.bases,
                                   {config.flatness.tolerance, config.flatness.max_displacement}, run.fit_options(),
                                   [&](double share) { checkpoint(share_of_window * share); });
  Group group;
  if (run.team().is_root()) {
    group = basis_tree(found);
    say_what_is_absent(run, group);
  }
  if (with_mlf)
    merge(group.group("mlf"), minibatches_along(run, found, [&](double share) {
            checkpoint(share_of_window + (1.0 - share_of_window) * share);
          }));
  return group;
}

Group bases_run(LayerRun& run) {
  const auto& config = run.config();
  const auto frozen = run.frozen();
  const auto known = flatness_beside(run, config.bases.directions, config.bases.spacing);
  const BasisProblem problem{frozen,
                             minibatches_after(run.context(), run.trained()),
                             run.unrecorded(Record::steps).empty(),
                             run.window(),
                             run.results.find<Pca>(),
                             known,
                             run.solution_norm(),
                             run.unrecorded(Record::stride).empty()};
  constexpr double share_of_vectors = 0.4;
  const auto bases = make_bases(run.team(), problem, config.bases.basis, config.bases, [&] { run.checkpoint(0.0); });
  Group group;
  double done = 0.0;
  for (const auto basis : config.bases.basis) {
    if (!bases.vectors.contains(basis)) continue;
    merge(group.group(std::string(to_string(basis))), run_along(run, problem, bases, basis, [&](double share) {
            run.checkpoint(share_of_vectors + (1.0 - share_of_vectors) * (done + share) / std::ssize(bases.vectors));
          }));
    done += 1.0;
  }
  group.set(
      "stationarity", stationarity_of(run), "1",
      "r = (alpha/2) <|g_B|^2>/<w . g_B> of the layer over the window's steps (Yaida 2018); |w|^2 grows by (1 - 1/r) "
      "sum |w(t+1) - w(t)|^2 over the window; NaN with momentum and for Adam");
  if (takes_basis(config.bases, Basis::pca)) mark_absent_parts(group, "pca", run.unrecorded(Record::trajectory));
  if (takes_basis(config.bases, Basis::noise)) mark_absent_parts(group, "noise", run.unrecorded(Record::minibatches));
  mark_absent_parts(group, "noise_variance", run.unrecorded(Record::minibatches));
  if (config.bases.mlf) mark_absent_parts(group, "mlf", run.unrecorded(Record::minibatches));
  mark_absent_parts(group, "stationarity", run.unrecorded({Record::trajectory, Record::stride, Record::steps}));
  mark_absent_parts(group, "predicted_variance, flat_variance and stationary_variance", run.unrecorded(Record::steps));
  return group;
}

/// What is read back of it, and the same of the seeds together.
struct BasesResult : EntryValues {};
struct BasesOverSeeds : EntryMeans {};

std::vector<SummaryEntry> bases_entries() {
  using enum SummaryEntry::Kind;
  std::vector<SummaryEntry> entries = {
      {"stationarity", "1", "mean over seeds of Yaida's r = (alpha/2) <|g_B|^2>/<w . g_B> of the layer over the window",
       number}};
  for (const auto& row : enum_words<Basis>) {
    const auto add = [&](const char* attribute, const char* sentence, SummaryEntry::Kind kind) {
      entries.push_back({attribute, "1", fmt::format(fmt::runtime(sentence), row.word), kind, std::string(row.word)});
    };
    add("psi", "exponent psi of the variance against flatness along the basis {}, mean over seeds", exponent);
    add("psi_d", "exponent psi_D of D_i against flatness along the basis {}, mean over seeds", exponent);
    add("psi_tau", "exponent psi_tau of tau = sigma^2/D against flatness along the basis {}, mean over seeds",
        exponent);
    add("psi_without_first",
        "exponent psi of the variance without that of p_1 against flatness along the basis {}, mean over seeds",
        exponent);
    add("variance_exponent", "exponent x of sigma_i^2 ~ (u_i^T H u_i)^x along the basis {}, mean over seeds", exponent);
    add("noise_exponent", "exponent g of u_i^T C_B u_i ~ (u_i^T H u_i)^g along the basis {}, mean over seeds",
        exponent);
    add("rest_ratio_median",
        "mean over seeds of the median of variance_without_first / predicted_variance along the basis {}", number);
    add("whole_ratio_median",
        "mean over seeds of the median of variance_without_first / whole_predicted_variance along the basis {}",
        number);
    add("mean_flatness", "mean over seeds of the geometric mean of F_i over the fit range along the basis {}", number);
  }
  return entries;
}

void bases_read(const Group& group, AnalysisResults& results) {
  results.set(BasesResult{read_entries(group, bases_entries())});
}

/// The principal directions have a column of their own. Where there is no window, flatness is all that there is.
void bases_notes(const GridPointSummary& point, std::vector<std::string>& lines) {
  const auto& known = pooled<BasesOverSeeds>(point);
  for (const auto& row : enum_words<Basis>) {
    const std::string word(row.word);
    const auto psi = known.exponent(word + "_psi");
    if (row.value == Basis::pca) continue;
    if (psi.status != FitStatus::not_measured)
      lines.push_back(fmt::format("psi along the basis {} {}", word, in_words(psi)));
    else if (const double flatness = known.number(word + "_mean_flatness").value; std::isfinite(flatness))
      lines.push_back(
          fmt::format("flatness along the basis {} {:.4g}, geometric mean over the fit range", word, flatness));
  }
}

/// Along directions that a network without trajectory has, too.
template <Basis basis>
double flatness_along_basis(const AnalysisResults& results) {
  const auto* found = results.find<BasesResult>();
  if (found == nullptr) return nan;
  const auto known = found->numbers.find(std::string(to_string(basis)) + "_mean_flatness");
  return known == found->numbers.end() ? nan : known->second;
}

template <Basis basis>
ReplicaMeasure flatness_measure() {
  const auto word = to_string(basis);
  return {fmt::format("flatness_{}", word),
          fmt::format("geometric mean of F_i over the fit range along the basis {}", word),
          flatness_along_basis<basis>};
}

}  // namespace

LayerAnalysis bases_analysis() {
  return {.name = "bases",
          .needs = {"pca"},
          .takes = {"flatness", "mlf.minibatches", "mlf.pairs", "mlf.minima", "mlf.reach", "mlf.tolerance"},
          .enabled = [](const Config& config) { return config.bases.enabled; },
          .demand = bases_demand,
          .run = bases_run,
          .read = bases_read,
          .summary = {.pool = pool_entries<BasesResult, BasesOverSeeds>,
                      .columns = entry_columns<BasesOverSeeds>(bases_entries()),
                      .notes = bases_notes},
          .measures = {flatness_measure<Basis::hessian>(), flatness_measure<Basis::noise>(),
                       flatness_measure<Basis::random>(), flatness_measure<Basis::filters>()}};
}

}  // namespace flatsweep
