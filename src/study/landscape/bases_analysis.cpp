#include "bases_tree.hpp"
#include "flatness_analysis.hpp"
#include "flatsweep/analysis/stationarity.hpp"
#include "flatsweep/base/numbers.hpp"
#include "landscape_summary.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/hole.hpp"
#include "terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

bool is_asked_for(const BasesConfig& options, Basis basis) {
  return std::ranges::find(options.basis, basis) != options.basis.end();
}

bool is_dense(const LayerWorkload& work) { return work.size() <= work.config.bases.dense_limit; }

double directions_of(const LayerWorkload& work, Basis basis) {
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
    return products_per_mode * work.config.bases.modes * work.samples * curvature_product_flops(work.network);
  const double ways = work.layer.convolution ? size : work.layer.outputs;
  const double curved = basis == Basis::hessian && is_curved(work.network, work.layer)
                            ? ways * curvature_product_flops(work.network)
                            : 0.0;
  return work.samples * (size * size / covariance_share + curved) + 9.0 / 4.0 * size * size * size / eigensolve_share;
}

/// The window and the minibatches of an epoch, projected, and the flatness where it is not known before.
double along_flops(const LayerWorkload& work, Basis basis) {
  const double directions = directions_of(work, basis);
  const bool known = basis == Basis::pca && work.config.flatness.enabled;
  return 2.0 * work.iterations * work.size() * directions / covariance_share +
         work.samples * work.network.training_flops() / training_share +
         (known ? 0.0 : flatness_flops(work.network, work.layer, work.samples, directions));
}

LayerDemand bases_demand(const LayerWorkload& work) {
  LayerDemand demand;
  demand.probe = LayerDemand::Probe::kept;
  double matrix = 0.0;
  for (const auto basis : work.config.bases.basis) {
    const double directions = directions_of(work, basis), vectors = 8.0 * work.size() * directions;
    demand.flops += vectors_flops(work, basis) + along_flops(work, basis);
    demand.result_bytes += vectors + 160.0 * directions;
    matrix = std::max(
        matrix,
        3.0 * vectors + (vectors_flops(work, basis) > 0.0 && is_dense(work) ? 32.0 * work.size() * work.size() : 0.0));
  }
  demand.bytes = work.direction_bytes() + matrix;
  return demand;
}

/// Of plain SGD alone, whose steps are its gradients.
double stationarity_of(LayerRun& run) {
  const auto step = run.frozen().step();
  const bool plain = run.unrecorded(Record::steps).empty() && step && step->momentum == 0.0;
  return plain ? stationarity(run.team(), run.window()) : nan;
}

Group bases_run(LayerRun& run) {
  const auto& config = run.config();
  const auto frozen = run.frozen();
  const auto known = flatness_beside(run, config.bases.directions, config.bases.spacing);
  const BasisProblem problem{frozen,
                             minibatches_after(run.context(), run.trained()),
                             run.unrecorded(Record::steps).empty(),
                             run.window(),
                             run.pca(),
                             known,
                             run.solution_norm()};
  Group group;
  double done = 0.0;
  for (const auto basis : config.bases.basis) {
    if (basis == Basis::noise && !problem.scheme) continue;
    const auto found =
        measure_basis(run.team(), problem, basis, run.probe(), config.bases,
                      {config.flatness.tolerance, config.flatness.max_displacement}, run.fit_options(),
                      [&](double share) { run.checkpoint((done + share) / std::size(config.bases.basis)); });
    if (run.team().is_root()) merge(group.group(std::string(to_string(basis))), basis_tree(found));
    done += 1.0;
  }
  group.set(
      "stationarity", stationarity_of(run), "1",
      "r = (alpha/2) <|g_B|^2>/<w . g_B> of the layer over the window's steps (Yaida 2018); |w|^2 grows by (1 - 1/r) "
      "sum |w(t+1) - w(t)|^2 over the window; NaN with momentum and for Adam");
  if (is_asked_for(config.bases, Basis::noise)) mark_absent_parts(group, "noise", run.unrecorded(Record::minibatches));
  mark_absent_parts(group, "noise_variance", run.unrecorded(Record::minibatches));
  mark_absent_parts(group, "predicted_variance, flat_variance and stationary_variance", run.unrecorded(Record::steps));
  return group;
}

void bases_read(const Group& group, AnalysisResults& results) { results.set(bases_from_tree(group)); }

void bases_pool(const std::vector<const AnalysisResults*>& seeds, const PsiOptions&, AnalysisResults& pooled) {
  BasesExponents all;
  for (const auto& row : enum_words<Basis>)
    for (const auto member :
         {&BasisExponents::psi, &BasisExponents::psi_d, &BasisExponents::psi_tau, &BasisExponents::psi_without_first}) {
      std::vector<Exponent> exponents;
      for (const auto* seed : seeds)
        if (const auto* bases = seed->find<BasesExponents>(); bases != nullptr && bases->contains(row.value))
          exponents.push_back(bases->at(row.value).*member);
      all[row.value].*member = over_seeds(exponents);
    }
  pooled.set(all);
}

BasisExponents exponents_of(const GridPointSummary& point, Basis basis) {
  const auto& all = pooled<BasesExponents>(point);
  const auto found = all.find(basis);
  return found == all.end() ? BasisExponents{} : found->second;
}

SummaryColumns bases_columns() {
  SummaryColumns columns;
  const auto add = [&](Basis basis, const char* name, const char* law, Exponent BasisExponents::*member) {
    const std::string word(to_string(basis));
    columns.emplace_back(word + "_" + name, "1",
                         fmt::format("exponent {} against flatness along the basis {}, mean over seeds", law, word),
                         [basis, member](const GridPointSummary& p) { return exponents_of(p, basis).*member; });
  };
  for (const auto& row : enum_words<Basis>) {
    add(row.value, "psi", "psi of the variance", &BasisExponents::psi);
    add(row.value, "psi_d", "psi_D of D_i", &BasisExponents::psi_d);
    add(row.value, "psi_tau", "psi_tau of tau = sigma^2/D", &BasisExponents::psi_tau);
    add(row.value, "psi_without_first", "psi of the variance without that of p_1", &BasisExponents::psi_without_first);
  }
  return columns;
}

/// The principal directions have a column of their own.
void bases_notes(const GridPointSummary& point, std::vector<std::string>& lines) {
  for (const auto& row : enum_words<Basis>) {
    const auto psi = exponents_of(point, row.value).psi;
    if (row.value != Basis::pca && psi.status != FitStatus::not_measured)
      lines.push_back(fmt::format("psi along the basis {} {}", row.word, in_words(psi)));
  }
}

}  // namespace

LayerAnalysis bases_analysis() {
  return {.name = "bases",
          .needs = {"pca"},
          .takes = {"flatness"},
          .records = {Record::trajectory, Record::stride},
          .enabled = [](const Config& config) { return config.bases.enabled; },
          .demand = bases_demand,
          .run = bases_run,
          .read = bases_read,
          .summary = {.pool = bases_pool, .columns = bases_columns(), .notes = bases_notes}};
}

}  // namespace flatsweep
