#pragma once

#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/base/numbers.hpp"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What the 95 % interval of an exponent is made from.
enum class Interval { none, within_seeds, over_seeds };

template <>
inline constexpr auto enum_words<Interval> = make_enum_words<Interval>({
    {Interval::none, "none", "no exponent"},
    {Interval::within_seeds, "within seeds",
     "scatter of the points about the line of each of one or two seeds; seeds may differ by more"},
    {Interval::over_seeds, "over seeds", "Student's t-interval of the exponents of three seeds or more"},
});

/// Why an exponent is NaN.
enum class FitStatus { ok, not_measured, too_few_points, narrow, uncertain };

template <>
inline constexpr auto enum_words<FitStatus> = make_enum_words<FitStatus>({
    {FitStatus::ok, "ok", "there is an exponent"},
    {FitStatus::not_measured, "not measured", "nothing was there to fit"},
    {FitStatus::too_few_points, "too few points", "fewer than 8 points"},
    {FitStatus::narrow, "x spans less than a factor of 2",
     "a power law and an exponential cannot be told apart over so little"},
    {FitStatus::uncertain, "interval beyond +-4", "the exponent is not known to within 4"},
});

/// A fitted exponent with its 95 % interval. Where it has a value, that lies in the interval; where not, low and high
/// are NaN too.
struct Exponent {
  double value = nan;
  double low = nan;
  double high = nan;
  double log_prefactor = nan;  ///< ln a in y = a x^value
  int points = 0;              ///< pairs of all seeds that entered; of a fit that was refused, those there were
  int seeds = 0;               ///< samples with an exponent
  Interval interval = Interval::none;
  FitStatus status = FitStatus::not_measured;
};

/// One sample for a fit: the points of one replica, in the order of its directions, since neighbours deviate together.
/// Pairs with a value that is not positive and finite are left out.
struct PowerLawSample {
  std::vector<double> x;
  std::vector<double> y;
};

/// With n points that scatter independently the standard error of a slope is itself known to 1/sqrt(2 (n - 2)): 29 %
/// at 8, and the interval still covers (below). From four points any slope comes out.
constexpr int least_points = 8;
/// Over a factor of s in x a power law x^-psi and an exponential in x differ by psi (ln s)^2 / 8 in ln y: by 0.24 for
/// psi = 4 and s = 2, about the scatter of ln sigma^2. Over less no data tell that there is a power at all.
constexpr double least_span = 2.0;
/// The law is psi about 4. An exponent that is not known to within 4 can be told neither from 0, no law, nor from twice
/// the law.
constexpr double most_half_width = 4.0;

/// Least squares of ln y on ln x of every sample by itself; then `over_seeds`.
/// The interval of one sample is t times the slope's standard error for residuals that are a first-order
/// autoregression along the sample, with the correlation rho of neighbours estimated from them. In 1000 simulations
/// each it covered, at rho = 0, 0.5, 0.8 and 0.9: of 500 points 96, 95, 95 and 94 %; of 120 points 96, 93, 92 and 89 %;
/// of 40 points 97, 93, 89 and 83 %; of 8 points 97, 91, 83 and 80 %. An interval for independent points covers 95, 75,
/// 50 and 35 %.
/// @param fewest points of a sample that is fitted; 3 at least
/// @throws ConfigError when a sample has not as many y as x
[[nodiscard]] Exponent fit_power_law(std::span<const PowerLawSample> samples, int fewest = least_points);

/// One exponent for several seeds: the mean of those that have a value. From three seeds on with the t-interval of that
/// mean, whatever makes seeds differ (95 % at 3, 5 and 10 seeds, in 1000 simulations each). Below with the root mean
/// square of the seeds' own half widths: not divided by their number, since seeds share what bends the relation.
/// @return without a value, the status of the first
[[nodiscard]] Exponent over_seeds(std::span<const Exponent> seeds);

/// The exponent psi of y ~ x^-psi, as the paper writes its laws; the prefactor stays.
[[nodiscard]] Exponent negated(Exponent fit);

}  // namespace flatsweep
