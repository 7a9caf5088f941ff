#include "flatsweep/study/summary/summary.hpp"

#include "spread.hpp"
#include "study/landscape/psi_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace flatsweep {

namespace {

/// The finished units of one grid point.
using Members = std::vector<const UnitResult*>;

std::vector<double> collect(const Members& members, const std::function<double(const UnitResult&)>& number) {
  std::vector<double> values;
  for (const auto* member : members) values.push_back(number(*member));
  return values;
}

PsiFit pooled_psi(const Members& members, std::size_t layer, const PsiOptions& options) {
  std::vector<VarianceFlatness> relations;
  for (const auto* member : members)
    if (member->layers[layer].relation) relations.push_back(*member->layers[layer].relation);
  return fit_psi(relations, options);
}

DynamicsFit pooled_dynamics(const Members& members, std::size_t layer, const PsiOptions& options) {
  std::vector<DynamicsRelation> relations;
  for (const auto* member : members)
    if (member->layers[layer].dynamics) relations.push_back(*member->layers[layer].dynamics);
  return fit_dynamics(relations, options);
}

Exponent across_seeds(const Members& members, std::size_t layer, Exponent NullExponents::*member) {
  std::vector<Exponent> seeds;
  for (const auto* seed : members)
    if (const auto& nulls = seed->layers[layer].nulls) seeds.push_back((*nulls).*member);
  return over_seeds(seeds);
}

/// Over the seeds whose weights moved.
double mean_dimension(const Members& members, std::size_t layer, std::int64_t LayerResult::*dimension) {
  std::vector<double> values;
  for (const auto* member : members)
    if (member->layers[layer].*dimension > 0) values.push_back(static_cast<double>(member->layers[layer].*dimension));
  return spread(values).mean;
}

GridPointSummary summarise_point(const Config& config, const Replica& point, const Members& members, std::size_t layer,
                                 const PsiOptions& options) {
  GridPointSummary summary;
  summary.point = point;
  summary.layer = config.pca.layers[layer];
  summary.replicas = static_cast<int>(members.size());
  summary.train_loss = spread(collect(members, [](const auto& r) { return r.train_loss; })).mean;
  summary.train_error = spread(collect(members, [](const auto& r) { return r.train_error; })).mean;
  const auto test_error = spread(collect(members, [](const auto& r) { return r.test_error; }));
  summary.test_error = test_error.mean;
  summary.test_error_std = test_error.std;
  summary.solution_alignment =
      seed_mean(collect(members, [&](const auto& r) { return r.layers[layer].solution_alignment; })).value;
  summary.learning_dimension = mean_dimension(members, layer, &LayerResult::learning_dimension);
  summary.learning_dimension_without_first =
      mean_dimension(members, layer, &LayerResult::learning_dimension_without_first);
  for (const auto* member : members) {
    const auto& known = member->layers[layer];
    summary.still += known.has_pca && known.moving == 0 ? 1 : 0;
    if (!known.walk_reason.empty()) summary.walk_reason = known.walk_reason;
  }
  summary.psi = pooled_psi(members, layer, options);
  summary.dynamics = pooled_dynamics(members, layer, options);
  for (const auto member :
       {&NullExponents::walk, &NullExponents::fresh, &NullExponents::half, &NullExponents::held_out})
    summary.nulls.*member = across_seeds(members, layer, member);
  return summary;
}

}  // namespace

std::vector<GridPointSummary> summarise(const Config& config, const std::vector<WorkUnit>& units,
                                        const std::vector<UnitResult>& results, std::int64_t training_samples) {
  std::vector<GridPointSummary> summaries;
  for (const auto& point : units_by_grid_point(units)) {
    const auto& replica = units[point.front()].replica;
    Members members;
    for (const auto i : point)
      if (results[i].status == "done") members.push_back(&results[i]);
    const auto options = psi_options(config, replica, training_samples);
    for (std::size_t layer = 0; layer < config.pca.layers.size(); ++layer)
      summaries.push_back(summarise_point(config, replica, members, layer, options));
  }
  return summaries;
}

namespace {

constexpr const char* scatter_mark = "*";

/// "4.22 (4.15-4.29)"; marked where the interval is not over seeds.
std::string with_interval(const Exponent& psi) {
  const char* to = psi.low < 0.0 ? " to " : "-";
  const char* mark = psi.interval == Interval::within_seeds ? scatter_mark : "";
  return fmt::format("{:.2f} ({:.2f}{}{:.2f}){}", psi.value, psi.low, to, psi.high, mark);
}

/// With the points of a seed, in the mean, and the seeds; where there is no exponent, why.
std::string in_words(const Exponent& psi) {
  if (psi.status == FitStatus::not_measured) return "-";
  if (!std::isfinite(psi.value)) return fmt::format("- ({}: {})", to_string(psi.status), psi.points);
  return fmt::format("{}, n = {}, seeds {}", with_interval(psi), psi.points / psi.seeds, psi.seeds);
}

/// Does the crossover lie among the fitted directions, so that psi is a mixture?
bool crossed(const PsiFit& psi) { return std::isfinite(psi.below.value) && std::isfinite(psi.above.value); }

/// What a reader needs beside psi, where it was measured: its two factors, and what psi is without a landscape.
std::vector<std::string> notes(const GridPointSummary& p) {
  std::vector<std::string> lines;
  if (p.still > 0)
    lines.push_back(fmt::format("in {} of {} seeds the weights moved by no more than single precision rounds", p.still,
                                p.replicas));
  if (!p.walk_reason.empty()) lines.push_back("no gradient noise, and no walk of it: " + p.walk_reason);
  if (crossed(p.psi))
    lines.push_back(fmt::format("below lambda_x {}; above {}", in_words(p.psi.below), in_words(p.psi.above)));
  if (std::isfinite(p.dynamics.psi_d.value))
    lines.push_back(fmt::format("of it in D {}; in tau {}", in_words(p.dynamics.psi_d), in_words(p.dynamics.psi_tau)));
  if (p.nulls.walk.status != FitStatus::not_measured)
    lines.push_back(fmt::format("psi of a noise walk {}", in_words(p.nulls.walk)));
  if (p.nulls.held_out.status != FitStatus::not_measured)
    lines.push_back(
        fmt::format("psi with directions from the other half of the window {}", in_words(p.nulls.held_out)));
  return lines;
}

}  // namespace

std::vector<std::string> summary_table(const std::vector<GridPointSummary>& points) {
  std::vector<Replica> rows;
  for (const auto& p : points) rows.push_back(p.point);
  const auto axes = axis_table(Study::landscape, rows, AxisRows::grid_points);
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{} {:>5} {:>6} {:>12} {:>11} {:>8} {:>7} {:>36}", axes[0], "layer", "seeds",
                              "train err %", "test err %", "|p1.w0|", "D_l", "psi (95 % interval), points"));
  const auto width = lines.front().size();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto& p = points[i];
    const auto shown = [](double value, const char* form) {
      return std::isfinite(value) ? fmt::format(fmt::runtime(form), value) : std::string("-");
    };
    lines.push_back(fmt::format("{} {:>5} {:>6} {:>12} {:>11} {:>8} {:>7} {:>36}", axes[i + 1], p.layer, p.replicas,
                                shown(100.0 * p.train_error, "{:.4f}"), shown(100.0 * p.test_error, "{:.3f}"),
                                shown(p.solution_alignment, "{:.3f}"), shown(p.learning_dimension, "{:.1f}"),
                                in_words(p.psi.all)));
    for (const auto& note : notes(p)) lines.push_back(fmt::format("{:>{}}", note, width));
  }
  if (std::ranges::any_of(lines,
                          [](const auto& line) { return line.find(fmt::format("){}", scatter_mark)) != line.npos; }))
    lines.push_back(fmt::format(
        "{} scatter within a seed: below three seeds the interval does not know how seeds differ", scatter_mark));
  return lines;
}

}  // namespace flatsweep
