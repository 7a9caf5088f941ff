#include "flatsweep/analysis/first_mode.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {
using Eigen::VectorXd;

LayerProbe::WeightDirection view(const Eigen::VectorXf& v) { return entries(v); }

/// Of the numbers among the values.
double median(const VectorXd& values) {
  std::vector<double> sorted;
  for (const double x : values)
    if (!std::isnan(x)) sorted.push_back(x);
  if (sorted.empty()) return nan;
  const auto middle = sorted.begin() + (sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  if (sorted.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(sorted.begin(), middle));
}

/// Samples whose gap moves.
std::vector<Index> moving(const GapLines& lines) {
  std::vector<Index> found;
  for (Index k = 0; k < lines.slope.size(); ++k)
    if (!std::isnan(lines.slope(k))) found.push_back(k);
  return found;
}

/// NaN with fewer than two values, or where one side does not vary.
double correlation(const VectorXd& a, const VectorXd& b) {
  if (a.size() < 2) return nan;
  const VectorXd x = a.array() - a.mean(), y = b.array() - b.mean();
  return x.dot(y) / (x.norm() * y.norm());
}

void choose_theta(FirstMode& mode, const DirectionFlatness* first, double sigma, int points) {
  const bool bounded = first != nullptr && std::isfinite(first->flatness());
  mode.range = bounded ? ThetaRange::crossings : ThetaRange::three_sigma;
  mode.theta = bounded ? VectorXd::LinSpaced(points, first->left, first->right)
                       : VectorXd::LinSpaced(points, -3.0 * sigma, 3.0 * sigma);
}

// Rank r takes every size-th value of theta from r on; the columns come back in rank order.
Eigen::MatrixXd measure_gaps(const Communicator& team, LayerProbe& probe, LayerProbe::WeightDirection p,
                             const VectorXd& theta, Index samples) {
  std::vector<double> steps, mine;
  for (Index i = team.rank(); i < theta.size(); i += team.size()) steps.push_back(theta(i));
  const std::size_t count = samples;
  agree(team, [&] {
    mine.resize(steps.size() * count);
    probe.visit_logits(p, steps, [&](const LayerProbe::LogitBlock& block) {
      for (std::size_t s = 0; s < block.labels.size(); ++s)
        mine[block.step * count + block.samples[s]] = gap_only(block.logits, s, block.labels[s]);
    });
  });
  const auto all = team.gather_all(mine);
  Eigen::MatrixXd gaps(theta.size(), samples);
  const double* row = all.data();
  for (int rank = 0; rank < team.size(); ++rank)
    for (Index i = rank; i < theta.size(); i += team.size(), row += samples)
      gaps.row(i) = Eigen::Map<const Eigen::RowVectorXd>(row, samples);
  return gaps;
}

SamplesAtZero measure_at_zero(LayerProbe& probe, LayerProbe::WeightDirection p, Index samples) {
  SamplesAtZero at_zero{VectorXd(samples), VectorXd(samples)};
  const double nowhere = 0.0;
  probe.visit_logits(p, {&nowhere, 1}, [&](const LayerProbe::LogitBlock& block) {
    for (std::size_t s = 0; s < block.labels.size(); ++s) {
      const auto [gap, log_others] = logit_margin(block.logits, s, block.labels[s]);
      const auto k = block.samples[s];
      at_zero.gap(k) = gap;
      at_zero.log_others(k) = log_others;
    }
  });
  return at_zero;
}

void compare_gaps(FirstMode& mode, const GapLines& lines, const SamplesAtZero& at_zero) {
  const auto samples = moving(lines);
  const VectorXd slope = lines.slope(samples), gap = at_zero.gap(samples);
  mode.gap_correlation = correlation(slope, gap);
  mode.gap_proportionality = samples.empty() ? nan : slope.dot(gap) / gap.squaredNorm();
}

void store_samples(FirstMode& mode, const Eigen::MatrixXd& gaps, const GapLines& lines, const SamplesAtZero& at_zero,
                   std::span<const std::uint8_t> labels, int wanted) {
  const auto stored = std::min<Index>(wanted, gaps.cols());
  std::vector<Index> kept;
  for (Index j = 0; j < stored; ++j) kept.push_back(j * gaps.cols() / stored);
  for (const Index k : kept) {
    mode.sample.push_back(k);
    mode.label.push_back(labels[k]);
  }
  mode.gap = gaps(Eigen::all, kept);
  mode.lines = {lines.slope(kept), lines.intercept(kept), lines.r_squared(kept)};
  mode.at_zero = {at_zero.gap(kept), at_zero.log_others(kept)};
  mode.median_r_squared = median(lines.r_squared);
  mode.stored_median_r_squared = median(mode.lines.r_squared);
}

// NaN where p_1 is not resolved: it is then what rounding chose.
void compare_with_solution(FirstMode& mode, const VectorXd& p, bool resolved, std::span<const float> solution) {
  const VectorXd w = Eigen::Map<const Eigen::VectorXf>(solution.data(), p.size()).cast<double>();
  mode.solution_norm = w.norm();
  mode.alignment = mode.component_correlation = nan;
  if (!resolved) return;
  mode.alignment = std::abs(p.dot(w)) / mode.solution_norm;
  mode.component_correlation = correlation(p, w);
}

}  // namespace

FirstMode measure_first_mode(const Communicator& team, LayerProbe& probe, const Pca& pca,
                             std::span<const float> solution, std::span<const std::uint8_t> labels,
                             std::span<const DirectionFlatness> flatness, const FirstModeOptions& options,
                             const std::function<void(double fraction)>& checkpoint) {
  FirstMode mode;
  const Index samples = std::ssize(labels);
  const VectorXd p = pca.directions.col(0);
  const Eigen::VectorXf p_single = p.cast<float>();
  choose_theta(mode, find_direction(flatness, 0), std::sqrt(pca.variance(0)), options.points);
  SamplesAtZero at_zero;
  agree(team, [&] { at_zero = measure_at_zero(probe, view(p_single), samples); });
  const auto gaps = measure_gaps(team, probe, view(p_single), mode.theta, samples);
  const auto lines = fit_gap_lines(mode.theta, gaps);
  const auto chosen = choose_modes(pca.directions.cols(), flatness, options.modes, options.last_mode);
  mode.modes = measure_mode_profiles(team, probe, pca.directions, mode.theta, chosen, flatness, checkpoint);
  const VectorXd measured = Eigen::Map<const VectorXd>(mode.modes.front().log_loss.data(), mode.theta.size());
  if (probe.loss_function() == Loss::cross_entropy)
    mode.closure = close_loss(at_zero, lines.slope, mode.theta, measured);
  compare_gaps(mode, lines, at_zero);
  store_samples(mode, gaps, lines, at_zero, labels, options.samples);
  compare_with_solution(mode, p, pca.variance(0) > pca.rounding, solution);
  return mode;
}

}  // namespace flatsweep
