#include "flatness_analysis.hpp"

#include "flatness_columns.hpp"
#include "flatsweep/analysis/level_crossing.hpp"
#include "flatsweep/analysis/sample_statistics.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "landscape_summary.hpp"
#include "layer_analysis.hpp"
#include "layer_run.hpp"
#include "psi_flags.hpp"
#include "psi_options.hpp"
#include "study/cost/cost_shares.hpp"
#include "study/store/tree_entries.hpp"
#include "terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace flatsweep {

double flatness_flops(const Network& network, const Layer& layer, double samples, double directions) {
  constexpr double convolution_share = 0.7;
  constexpr double evaluations = 9.0, rounds = 4.0;  // of the loss, per direction
  // The pre-activations of a convolution are computed anew for every two responses.
  const double response = layer.product_flops() * (layer.convolution ? 1.5 : 1.0);
  const double responses = kept_lines(layer, samples) > 0 ? 1.0 : rounds + 1.0;
  return directions * samples * (responses * response + (evaluations + 2.0) * evaluation_flops(network, layer)) /
         (layer.convolution ? convolution_share : probe_share);
}

const std::vector<DirectionFlatness>& known_flatness(const AnalysisResults& results) {
  static const std::vector<DirectionFlatness> none;
  const auto* flatness = results.find<FlatnessResult>();
  return flatness == nullptr ? none : flatness->directions;
}

std::vector<DirectionFlatness> flatness_beside(const LayerRun& run, std::int64_t count, DirectionChoice choice) {
  const auto& flatness = known_flatness(run.results);
  std::vector<DirectionFlatness> kept;
  for (const int wanted : run.choose(count, choice)) {
    const auto distance = [&](const DirectionFlatness& f) { return std::abs(f.direction - wanted); };
    const auto nearest = std::ranges::min_element(flatness, {}, distance);
    if (nearest != flatness.end() && (kept.empty() || nearest->direction > kept.back().direction))
      kept.push_back(*nearest);
  }
  return kept;
}

namespace {

LayerDemand flatness_demand(const LayerWorkload& work) {
  const auto& options = work.config.flatness;
  const double probed = probed_directions(work.modes(), options.directions, options.spacing);
  return {flatness_flops(work.network, work.layer, work.samples, probed), work.direction_bytes(),
          LayerDemand::Probe::kept, 14.0 * object_bytes + 500.0 * probed};
}

using Numbers = std::vector<double>;

/// Profiles have different lengths; the file has one, NaN behind the shorter ones.
void add_profiles(Group& group, const std::vector<DirectionFlatness>& flatness) {
  std::size_t points = 1;
  for (const auto& f : flatness) points = std::max(points, f.profile_theta.size());
  Numbers theta(flatness.size() * points, nan);
  Numbers log_loss = theta;
  for (std::size_t i = 0; i < flatness.size(); ++i) {
    const Index count = std::ssize(flatness[i].profile_theta);
    const std::ptrdiff_t at = i * points;
    std::copy_n(flatness[i].profile_theta.begin(), count, theta.begin() + at);
    std::copy_n(flatness[i].profile_log_loss.begin(), count, log_loss.begin() + at);
  }
  const std::vector<std::uint64_t> shape = {length(flatness), points};
  const std::vector<std::string> axes = {"direction", "profile_point"};
  add(group, "profile_theta", theta, shape, axes, "1",
      "displacements along the direction at which the loss was evaluated, ascending, 0 among them; NaN behind the "
      "last");
  add(group, "profile_log_loss", log_loss, shape, axes, "1",
      "ln L at the displacements of profile_theta; inf where the loss overflowed");
}

void set_flatness_attributes(Group& group, const Pca& pca, const PsiFit& fit, double loss) {
  group.set("loss", loss, "1", "L_0 = L(w_0), mean loss over the training set");
  set_exponent(group, "psi", fit.all, "exponent psi of sigma_i^2 ~ F_i^-psi over the fit range");
  set_exponent(group, "psi_below", fit.below,
               "exponent psi over the directions of the fit range with p_i^T H p_i < crossover_curvature");
  set_exponent(group, "psi_above", fit.above,
               "exponent psi over the directions of the fit range with p_i^T H p_i >= crossover_curvature");
  group.set(
      "crossover_curvature", fit.crossover, "1",
      "lambda_x, beta the momentum: 3 (1 - beta)/(alpha m) with reshuffle and fixed-partition, m the iterations of "
      "an epoch; 6 (1 - beta)/(alpha m) with shuffle-once; 3 (1 - beta)/(alpha T) with with-replacement, T the "
      "iterations of the window; NaN where there is none: reshuffle where B does not divide M, m = 1, Adam");
  set_fit_range(group, fit.fit_first, fit.fit_last);
  group.set("rounding_variance", pca.rounding, "1",
            "variance up to which a direction counts as standing still, and enters no fit");
}

Group flatness_tree(const std::vector<DirectionFlatness>& flatness, const Pca& pca, const PsiFit& fit, double loss) {
  Group group;
  set_flatness_attributes(group, pca, fit, loss);
  add_directions(group, column_of(flatness, &DirectionFlatness::direction));
  const auto put = [&](const char* name, const Numbers& values, const std::string& description) {
    add(group, name, values, {"direction"}, "1", description);
  };
  put_crossings(flatness, "p_i", put);
  put_curvatures(flatness, "p_i", put);
  put("predicted_width", column_of(flatness, [](const auto& f) { return predicted_width(f.slope, f.curvature); }),
      "width of ln L = ln L_0 + 1 from slope b and curvature k alone, (2/k) sqrt(b^2 + 2k); NaN where k <= 0");
  put("variance", column_of(flatness, [&](const auto& f) { return pca.variance(f.direction); }),
      "sigma_i^2, variance of the weights along p_i over the window");
  add_words(group, "status", column_of(flatness, &DirectionFlatness::status), "direction",
            "on which side L = e L_0 has no crossing, and why");
  add_profiles(group, flatness);
  return group;
}

/// Direction, crossings and derivatives, without the profiles.
std::vector<DirectionFlatness> flatness_from_tree(const Group& flatness) {
  std::vector<DirectionFlatness> list;
  for (const auto direction : flatness.dataset("direction").values<std::int32_t>()) {
    list.emplace_back();
    list.back().direction = direction;
  }
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].direction < 0 || (i > 0 && list[i].direction <= list[i - 1].direction))
      throw DamagedFile("the directions of flatness are not in order");
  const auto fill = [&](const char* name, double DirectionFlatness::*member) {
    const auto values = numbers(flatness, name, list.size());
    for (std::size_t i = 0; i < list.size(); ++i) list[i].*member = values[i];
  };
  fill("left", &DirectionFlatness::left);
  fill("right", &DirectionFlatness::right);
  fill("slope", &DirectionFlatness::slope);
  fill("curvature", &DirectionFlatness::curvature);
  fill("loss_curvature", &DirectionFlatness::loss_curvature);
  return list;
}

VarianceFlatness relation_from_tree(const Group& flatness) {
  const auto direction = flatness.dataset("direction").values<std::int32_t>();
  const auto count = direction.size();
  return {{direction.begin(), direction.end()},
          numbers(flatness, "variance", count),
          numbers(flatness, "flatness", count),
          numbers(flatness, "loss_curvature", count),
          flatness.real("rounding_variance")};
}

Group flatness_run(LayerRun& run) {
  constexpr int full_profiles = 100;
  const auto& options = run.config().flatness;
  const auto flatness = measure_flatness(run.team(), run.probe(), run.pca().directions,
                                         run.choose(options.directions, options.spacing), run.solution_norm(),
                                         {options.tolerance, options.max_displacement, full_profiles}, run.checkpoint);
  const auto relation = relate(flatness, run.pca());
  return flatness_tree(flatness, run.pca(), fit_psi({&relation, 1}, run.fit_options()), run.probe().loss());
}

void flatness_read(const Group& group, AnalysisResults& results) {
  FlatnessResult found{flatness_from_tree(group),         relation_from_tree(group),
                       exponent_from(group, "psi"),       exponent_from(group, "psi_below"),
                       exponent_from(group, "psi_above"), {}};
  found.fit.fit_first = group.integer("fit_first");
  found.fit.fit_last = group.integer("fit_last");
  if (const auto* pca = results.find<Pca>())
    for (const auto& f : found.directions)
      if (f.direction >= pca->directions.cols()) throw DamagedFile("a direction of flatness is not one of the PCA's");
  results.set(std::move(found));
}

/// What flags the replica's psi, and how well the law with the exponent that is assumed predicts flatness from
/// variance.
void judge_psi(const Config& config, const Replica& replica, const AnalysisResults& results, std::int64_t samples,
               Group& group) {
  const auto* flatness = results.find<FlatnessResult>();
  if (flatness == nullptr) return;
  group.set("psi_flags", to_text(psi_flags(results)), "",
            "what keeps psi from being quoted, with commas between; empty: nothing");
  group.set("psi_assumed", replica.psi, "1", "exponent that is assumed when flatness is predicted from variance");
  group.set("psi_assumed_log_error",
            flatness_prediction_error(flatness->relation, psi_options(config, replica, samples), replica.psi), "1",
            "root mean square over the fit range of ln F - ln(c sigma^(-2/psi_assumed)), c the best constant");
}

void flatness_pool(const std::vector<const AnalysisResults*>& seeds, const PsiOptions& options,
                   AnalysisResults& pooled) {
  std::vector<VarianceFlatness> relations;
  for (const auto* seed : seeds)
    if (const auto* flatness = seed->find<FlatnessResult>()) relations.push_back(flatness->relation);
  const auto fit = fit_psi(relations, options);
  pooled.set(psi_flags(seeds, fit));
  pooled.set(fit);
}

const PsiFit& flatness_of(const GridPointSummary& point) { return pooled<PsiFit>(point); }

PsiFlags flags_of(const GridPointSummary& point) { return pooled<PsiFlags>(point); }

SummaryColumns flatness_main_columns() {
  return {{"psi", "1", "exponent psi of variance against flatness, mean over seeds",
           [](const GridPointSummary& p) { return flatness_of(p).all; }},
          {"psi_flags", "", "what keeps psi from being quoted", [](const GridPointSummary& p) { return flags_of(p); }},
          {"psi_below", "1", "exponent psi over the directions flatter than the crossover lambda_x, mean over seeds",
           [](const GridPointSummary& p) { return flatness_of(p).below; }},
          {"psi_above", "1", "exponent psi over the directions sharper than the crossover lambda_x, mean over seeds",
           [](const GridPointSummary& p) { return flatness_of(p).above; }}};
}

/// Where the crossover lies among the fitted directions, psi is a mixture.
void flatness_notes(const GridPointSummary& point, std::vector<std::string>& lines) {
  const auto& psi = flatness_of(point);
  if (std::isfinite(psi.below.value) && std::isfinite(psi.above.value))
    lines.push_back(fmt::format("below lambda_x {}; above {}", in_words(psi.below), in_words(psi.above)));
}

/// Geometric mean of F_i over the fit range, of the directions that move.
double mean_flatness(const AnalysisResults& results) {
  const auto* flatness = results.find<FlatnessResult>();
  if (flatness == nullptr) return nan;
  const auto& relation = flatness->relation;
  std::vector<double> fitted;
  for (std::size_t i = 0; i < relation.direction.size(); ++i)
    if (flatness->fit.takes(relation.direction[i]) && relation.variance[i] > relation.rounding)
      fitted.push_back(relation.flatness[i]);
  return geometric_mean(fitted);
}

double psi_of(const AnalysisResults& results) {
  const auto* flatness = results.find<FlatnessResult>();
  return flatness == nullptr ? nan : flatness->psi.value;
}

/// The letters that stand in the table.
void flag_legend(const std::vector<GridPointSummary>& points, std::vector<std::string>& lines) {
  PsiFlags flags;
  for (const auto& point : points) flags.add(flags_of(point));
  for (const auto& row : enum_words<PsiFlag>)
    if (flags.has(row.value)) lines.push_back(fmt::format("{} {}: {}", letter_of(row.value), row.word, row.sentence));
}

}  // namespace

LayerAnalysis flatness_analysis() {
  return {.name = "flatness",
          .needs = {"pca"},
          .records = {Record::trajectory},
          .gives = LayerAnalysis::Gives::read_back,
          .enabled = [](const Config& config) { return config.flatness.enabled; },
          .demand = flatness_demand,
          .run = flatness_run,
          .read = flatness_read,
          .of_replica = judge_psi,
          .summary = {.pool = flatness_pool,
                      .main_columns = flatness_main_columns(),
                      .terminal = {{"psi (95 % interval), points", 36,
                                    [](const auto& point) { return in_words(flatness_of(point).all); }},
                                   {"flags", 5, [](const auto& point) { return letters_of(flags_of(point)); }}},
                      .notes = flatness_notes,
                      .legend = flag_legend},
          .measures = {{"flatness", "geometric mean of F_i over the fit range", mean_flatness},
                       {"psi", "exponent psi of variance against flatness", psi_of}}};
}

}  // namespace flatsweep
