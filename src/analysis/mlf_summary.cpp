#include "flatsweep/analysis/mlf_summary.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"

#include <cmath>
#include <functional>
#include <limits>

namespace flatsweep {

namespace {
using Numbers = std::vector<double>;

std::span<const double> row(const MlfMatrix& matrix, Index i) {
  return std::span(matrix.data() + i * matrix.cols(), matrix.cols());
}

std::vector<SampleMoments> moments_of_rows(const MlfMatrix& matrix) {
  std::vector<SampleMoments> moments;
  for (Index i = 0; i < matrix.rows(); ++i) moments.push_back(sample_moments(row(matrix, i)));
  return moments;
}

/// Where a quantity of a pair (i, j) or of a direction i (the same number twice) stands.
using RowOf = std::function<std::span<const double>(Index item, std::array<int, 2> pair)>;

double share_without_zero(const std::vector<Correlation>& correlations) {
  int known = 0, excluded = 0;
  for (const auto& c : correlations) {
    known += std::isfinite(c.value) ? 1 : 0;
    excluded += c.excludes_zero() ? 1 : 0;
  }
  return known > 0 ? 1.0 * excluded / known : nan;
}

MlfCorrelation correlate(const char* name, MlfCorrelation::Over over, const std::vector<std::array<int, 2>>& items,
                         const RowOf& x, const RowOf& y) {
  MlfCorrelation result{name, over, {}, {}, 0.0, 0.0};
  for (std::size_t k = 0; k < items.size(); ++k) {
    const Index item = k;
    result.linear.push_back(pearson(x(item, items[k]), y(item, items[k])));
    result.rank.push_back(spearman(x(item, items[k]), y(item, items[k])));
  }
  result.linear_share = share_without_zero(result.linear);
  result.rank_share = share_without_zero(result.rank);
  return result;
}

std::vector<MlfCorrelation> correlations_of(const MlfSamples& s) {
  const MlfMatrix distance = s.theta.cwiseAbs();
  const RowOf theta_i = [&](Index, auto pair) { return row(s.theta, pair[0]); };
  const RowOf theta_j = [&](Index, auto pair) { return row(s.theta, pair[1]); };
  const RowOf distance_i = [&](Index, auto pair) { return row(distance, pair[0]); };
  const RowOf m_ii = [&](Index, auto pair) { return row(s.m_diagonal, pair[0]); };
  const RowOf m_jj = [&](Index, auto pair) { return row(s.m_diagonal, pair[1]); };
  const RowOf m_ij = [&](Index item, auto) { return row(s.m_off_diagonal, item); };
  std::vector<std::array<int, 2>> each;
  for (int i = 0; i < std::ssize(s.direction); ++i) each.push_back({i, i});
  constexpr auto directions = MlfCorrelation::Over::directions, pairs = MlfCorrelation::Over::pairs;
  return {correlate("theta_i_m_ii", directions, each, theta_i, m_ii),
          correlate("abs_theta_i_m_ii", directions, each, distance_i, m_ii),
          correlate("theta_i_theta_j", pairs, s.pairs, theta_i, theta_j),
          correlate("m_ii_m_jj", pairs, s.pairs, m_ii, m_jj),
          correlate("m_ii_m_ij", pairs, s.pairs, m_ii, m_ij),
          correlate("theta_i_m_ij", pairs, s.pairs, theta_i, m_ij)};
}

using OfDirection = std::function<double(std::size_t row)>;

MlfScaling scaling_of(const MlfSummary& s, const MlfDirections& along, const PsiOptions& fit) {
  const auto exponent = [&](const OfDirection& y) {
    PowerLawSample sample;
    for (std::size_t i = 0; i < along.direction.size(); ++i) {
      if (!fit.takes(along.direction[i])) continue;
      sample.x.push_back(along.flatness[i]);
      sample.y.push_back(y(i));
    }
    return fit_power_law({&sample, 1});
  };
  const auto square = [](double x) { return x * x; };
  return {exponent([&](std::size_t i) { return std::sqrt(s.theta[i].variance); }),
          exponent([&](std::size_t i) { return s.theta[i].robust_sigma; }),
          exponent([&](std::size_t i) { return s.theta_newton[i].robust_sigma; }),
          exponent([&](std::size_t i) { return s.m_diagonal[i].mean; }),
          exponent([&](std::size_t i) { return square(s.m_diagonal[i].mean) * s.theta[i].variance; }),
          exponent([&](std::size_t i) { return square(s.m_diagonal[i].mean * s.theta[i].robust_sigma); }),
          exponent([&](std::size_t i) { return s.gradient[i].variance; })};
}

MlfClosure closure_of(const MlfSummary& s, const MlfSamples& samples, const MlfDirections& along) {
  MlfClosure closure;
  for (std::size_t i = 0; i < along.direction.size(); ++i) {
    const double mean = s.m_diagonal[i].mean, spread = s.m_diagonal[i].variance;
    const double left_out = along.direction[i] == 0 ? spread * s.drift * s.drift : 0.0;
    const auto of_width = [&](double square) { return mean + square * (mean * mean + spread); };
    closure.ensemble_as_printed.push_back(of_width(s.theta[i].variance));
    closure.ensemble.push_back(of_width(s.theta[i].variance) + left_out);
    closure.ensemble_robust.push_back(of_width(std::pow(s.theta[i].robust_sigma, 2)) + left_out);
    closure.gradient.push_back(mean + s.gradient[i].variance);
    closure.flatness.push_back(8.0 / (along.flatness[i] * along.flatness[i]));
  }
  closure.weighted = samples.mean_loss_curvature;
  closure.measured = along.curvature;
  return closure;
}

MlfClosureRatios ratios_of(const MlfClosure& closure, const MlfDirections& along, const PsiOptions& fit) {
  const auto median = [&](const Numbers& prediction) {
    Numbers ratios;
    for (std::size_t i = 0; i < prediction.size(); ++i)
      if (fit.takes(along.direction[i])) ratios.push_back(prediction[i] / closure.flatness[i]);
    return quantile(ratios, 0.5);
  };
  return {median(closure.ensemble), median(closure.ensemble_robust), median(closure.ensemble_as_printed),
          median(closure.gradient), median(closure.weighted),        median(closure.measured)};
}

}  // namespace

MlfSummary summarise(const MlfSamples& samples, const MlfDirections& along, const PsiOptions& fit) {
  MlfSummary s;
  s.theta = moments_of_rows(samples.theta);
  s.theta_newton = moments_of_rows(samples.theta_newton);
  s.m_diagonal = moments_of_rows(samples.m_diagonal);
  s.gradient = moments_of_rows(samples.gradient);
  s.m_off_diagonal = moments_of_rows(samples.m_off_diagonal);
  s.drift = !along.direction.empty() && along.direction.front() == 0 ? s.theta.front().mean : nan;
  s.correlations = correlations_of(samples);
  s.scaling = scaling_of(s, along, fit);
  s.closure = closure_of(s, samples, along);
  s.ratios = ratios_of(s.closure, along, fit);
  return s;
}

}  // namespace flatsweep
