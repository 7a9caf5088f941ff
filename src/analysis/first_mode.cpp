#include "flatsweep/analysis/first_mode.hpp"

#include "flatsweep/par/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {

using Eigen::Index;
using Eigen::VectorXd;
using Checkpoint = std::function<void(double)>;

std::span<const double> view(const VectorXd& v) { return {v.data(), static_cast<std::size_t>(v.size())}; }

LayerProbe::WeightDirection view(const Eigen::VectorXf& v) { return {v.data(), static_cast<std::size_t>(v.size())}; }

double median(const VectorXd& values) {
  std::vector<double> sorted(values.begin(), values.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  if (sorted.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(sorted.begin(), middle));
}

double correlation(const VectorXd& a, const VectorXd& b) {
  const VectorXd x = a.array() - a.mean(), y = b.array() - b.mean();
  return x.dot(y) / (x.norm() * y.norm());
}

const DirectionFlatness* find(std::span<const DirectionFlatness> flatness, int direction) {
  const auto found = std::ranges::find(flatness, direction, &DirectionFlatness::direction);
  return found == flatness.end() ? nullptr : &*found;
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
  const auto count = static_cast<std::size_t>(samples);
  agree(team, [&] {
    mine.resize(steps.size() * count);
    probe.visit_logits(p, steps, [&](const LayerProbe::LogitBlock& block) {
      for (std::size_t s = 0; s < block.labels.size(); ++s)
        mine[block.step * count + static_cast<std::size_t>(block.first) + s] =
            gap_only(block.logits, static_cast<Index>(s), block.labels[s]);
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
      const auto [gap, log_others] = decision_gap(block.logits, static_cast<Index>(s), block.labels[s]);
      const auto k = block.first + static_cast<Index>(s);
      at_zero.gap(k) = gap;
      at_zero.log_others(k) = log_others;
    }
  });
  return at_zero;
}

/// Profiles and slopes of a few modes in one pass each; appended to `rows`, a mode's slope before its profile.
void probe_modes(LayerProbe& probe, const Eigen::MatrixXd& directions, std::span<const int> modes,
                 const VectorXd& theta, std::vector<double>& rows) {
  std::vector<Eigen::VectorXf> vectors;
  for (const int mode : modes) vectors.emplace_back(directions.col(mode).cast<float>());
  std::vector<std::vector<double>> losses(modes.size(), std::vector<double>(view(theta).size()));
  std::vector<LayerProbe::Profile> profiles;
  std::vector<LayerProbe::WeightDirection> views;
  for (std::size_t i = 0; i < modes.size(); ++i) {
    views.push_back(view(vectors[i]));
    profiles.push_back({views[i], view(theta), losses[i]});
  }
  probe.evaluate(profiles);
  const auto derivatives = probe.derivatives(views);
  for (std::size_t i = 0; i < modes.size(); ++i) {
    rows.push_back(derivatives[i].first / derivatives[i].loss);
    for (const double loss : losses[i]) rows.push_back(std::log(loss));
  }
}

// Modes are dealt over the ranks in contiguous shares, so that gathering keeps their order.
std::vector<ModeProfile> measure_modes(const Communicator& team, LayerProbe& probe, const Pca& pca,
                                       const VectorXd& theta, const std::vector<int>& chosen,
                                       std::span<const DirectionFlatness> flatness, const Checkpoint& checkpoint) {
  std::vector<double> mine;
  agree(team, [&] {
    const auto range = share(static_cast<std::int64_t>(chosen.size()), team.rank(), team.size());
    for (auto i = range.begin; i < range.end; i += probe.directions_at_a_time()) {
      if (checkpoint) checkpoint(static_cast<double>(i - range.begin + 1) / static_cast<double>(range.size() + 1));
      const auto count = std::min<std::int64_t>(probe.directions_at_a_time(), range.end - i);
      probe_modes(probe, pca.directions,
                  std::span(chosen).subspan(static_cast<std::size_t>(i), static_cast<std::size_t>(count)), theta, mine);
    }
  });
  const auto all = team.gather_all(mine);
  std::vector<ModeProfile> modes;
  const double* row = all.data();
  for (const int direction : chosen) {
    const auto* known = find(flatness, direction);
    modes.push_back({direction, *row, known ? known->flatness() : std::numeric_limits<double>::quiet_NaN(),
                     std::vector<double>(row + 1, row + 1 + theta.size())});
    row += 1 + theta.size();
  }
  return modes;
}

void store_samples(FirstMode& mode, const Eigen::MatrixXd& gaps, const GapLines& lines, const SamplesAtZero& at_zero,
                   std::span<const std::uint8_t> labels, int wanted) {
  const auto stored = std::min<Index>(wanted, gaps.cols());
  std::vector<Index> kept;
  for (Index j = 0; j < stored; ++j) kept.push_back(j * gaps.cols() / stored);
  for (const Index k : kept) {
    mode.sample.push_back(static_cast<std::int32_t>(k));
    mode.label.push_back(labels[static_cast<std::size_t>(k)]);
  }
  mode.gap = gaps(Eigen::all, kept);
  mode.lines = {lines.slope(kept), lines.intercept(kept), lines.r_squared(kept)};
  mode.at_zero = {at_zero.gap(kept), at_zero.log_others(kept)};
  mode.median_r_squared = median(lines.r_squared);
  mode.stored_median_r_squared = median(mode.lines.r_squared);
}

void compare_with_solution(FirstMode& mode, const VectorXd& p, std::span<const float> solution) {
  const VectorXd w = Eigen::Map<const Eigen::VectorXf>(solution.data(), p.size()).cast<double>();
  mode.solution_norm = w.norm();
  mode.alignment = std::abs(p.dot(w)) / mode.solution_norm;
  mode.component_correlation = correlation(p, w);
}

}  // namespace

std::vector<int> choose_modes(int available, std::span<const DirectionFlatness> flatness,
                              const FirstModeOptions& options) {
  std::vector<int> candidates;
  for (const auto& f : flatness)
    if (f.direction > 0 && f.direction < available) candidates.push_back(f.direction);
  if (candidates.empty())
    for (int i = 1; i < available; ++i) candidates.push_back(i);
  std::vector<int> chosen = {0};
  const double ratio = std::max(options.last_mode, 2) / 2.0;
  for (int i = 0; i + 1 < options.modes && !candidates.empty(); ++i) {
    const double wanted = 2.0 * std::pow(ratio, static_cast<double>(i) / std::max(options.modes - 2, 1));
    const auto distance = [&](int direction) { return std::abs(std::log((direction + 1.0) / wanted)); };
    chosen.push_back(*std::ranges::min_element(candidates, {}, distance));
  }
  std::ranges::sort(chosen);
  chosen.erase(std::ranges::unique(chosen).begin(), chosen.end());
  return chosen;
}

FirstMode measure_first_mode(const Communicator& team, LayerProbe& probe, const Pca& pca,
                             std::span<const float> solution, std::span<const std::uint8_t> labels,
                             std::span<const DirectionFlatness> flatness, const FirstModeOptions& options,
                             const Checkpoint& checkpoint) {
  FirstMode mode;
  const auto samples = static_cast<Index>(labels.size());
  const VectorXd p = pca.directions.col(0);
  const Eigen::VectorXf p_single = p.cast<float>();
  choose_theta(mode, find(flatness, 0), std::sqrt(pca.variance(0)), options.points);
  SamplesAtZero at_zero;
  agree(team, [&] { at_zero = measure_at_zero(probe, view(p_single), samples); });
  const auto gaps = measure_gaps(team, probe, view(p_single), mode.theta, samples);
  const auto lines = fit_gap_lines(mode.theta, gaps);
  const auto chosen = choose_modes(static_cast<int>(pca.directions.cols()), flatness, options);
  mode.modes = measure_modes(team, probe, pca, mode.theta, chosen, flatness, checkpoint);
  const VectorXd measured = Eigen::Map<const VectorXd>(mode.modes.front().log_loss.data(), mode.theta.size());
  mode.closure = close_loss(at_zero, lines.slope, mode.theta, measured);
  mode.gap_correlation = correlation(lines.slope, at_zero.gap);
  mode.gap_proportionality = lines.slope.dot(at_zero.gap) / at_zero.gap.squaredNorm();
  store_samples(mode, gaps, lines, at_zero, labels, options.samples);
  compare_with_solution(mode, p, solution);
  return mode;
}

}  // namespace flatsweep
