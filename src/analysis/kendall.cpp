#include "flatsweep/analysis/kendall.hpp"

#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/analysis/student.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>

namespace flatsweep {

namespace {

using Pair = std::pair<double, double>;

std::vector<Pair> finite_pairs(std::span<const double> x, std::span<const double> y) {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::isfinite(x[i]) && std::isfinite(y[i])) pairs.emplace_back(x[i], y[i]);
  return pairs;
}

/// Places of the points of each group; all where there are none.
std::vector<std::vector<std::uint32_t>> places_of(std::span<const int> groups, std::size_t points) {
  std::map<int, std::vector<std::uint32_t>> places;
  for (std::uint32_t i = 0; i < points; ++i) places[groups.empty() ? 0 : groups[i]].push_back(i);
  std::vector<std::vector<std::uint32_t>> all;
  for (auto& [group, own] : places) all.push_back(std::move(own));
  return all;
}

/// Pairs of neighbours that are alike, of sorted values: t (t - 1)/2 for every run of t.
double ties(const auto& sorted, auto alike) {
  double count = 0.0, run = 0.0;  // run: earlier ones that are like this one
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    run = alike(sorted[i - 1], sorted[i]) ? run + 1.0 : 0.0;
    count += run;
  }
  return count;
}

/// Exchanges of neighbours that sorting takes; sorts.
double exchanges(std::vector<double>& values) {
  double count = 0.0;
  std::vector<double> merged(values.size());
  for (std::size_t width = 1; width < values.size(); width *= 2) {
    for (std::size_t begin = 0; begin < values.size(); begin += 2 * width) {
      const auto middle = std::min(begin + width, values.size()), end = std::min(begin + 2 * width, values.size());
      for (std::size_t i = begin, j = middle, k = begin; k < end; ++k) {
        const bool left = i < middle && (j == end || values[i] <= values[j]);
        if (!left) count += static_cast<double>(middle - i);
        merged[k] = left ? values[i++] : values[j++];
      }
    }
    values.swap(merged);
  }
  return count;
}

/// Pairs of pairs of one group.
struct Comparisons {
  double agreement = 0.0;  // concordant - discordant
  double differ_x = 0.0, differ_y = 0.0;

  void add(std::vector<Pair> pairs) {
    std::ranges::sort(pairs);
    const double n = static_cast<double>(pairs.size()), all = n * (n - 1.0) / 2.0;
    const double tied_x = ties(pairs, [](const Pair& a, const Pair& b) { return a.first == b.first; });
    const double tied_both = ties(pairs, [](const Pair& a, const Pair& b) { return a == b; });
    std::vector<double> second;
    for (const auto& pair : pairs) second.push_back(pair.second);
    const double discordant = exchanges(second);
    const double tied_y = ties(second, [](double a, double b) { return a == b; });
    agreement += all - tied_x - tied_y + tied_both - 2.0 * discordant;
    differ_x += all - tied_x;
    differ_y += all - tied_y;
  }
};

double mean_tau(std::span<const std::vector<double>> x, std::span<const std::vector<double>> y,
                std::span<const int> groups) {
  std::vector<double> taus;
  for (std::size_t seed = 0; seed < x.size(); ++seed) taus.push_back(kendall_tau(x[seed], y[seed], groups));
  return seed_mean(std::move(taus)).value;
}

/// Means of tau when the points of y are permuted, ascending.
std::vector<double> shuffled_taus(std::span<const std::vector<double>> x, std::span<const std::vector<double>> y,
                                  std::int64_t random_seed, std::span<const int> groups) {
  constexpr double pairs_in_all = 5e6;
  const auto points = x.front().size();
  const auto shuffles = std::clamp<std::size_t>(static_cast<std::size_t>(pairs_in_all / points), 100, 1000);
  const auto places = places_of(groups, points);
  Random random(random_seed, RandomPurpose::bootstrap, 1);
  std::vector<double> taus;
  for (std::size_t n = 0; n < shuffles; ++n) {
    std::vector<std::vector<double>> shuffled(y.begin(), y.end());
    for (const auto& own : places) {
      const auto order = random_permutation(static_cast<std::uint32_t>(own.size()), random);
      for (std::size_t seed = 0; seed < y.size(); ++seed)
        for (std::size_t i = 0; i < own.size(); ++i) shuffled[seed][own[i]] = y[seed][own[order[i]]];
    }
    if (const double tau = mean_tau(x, shuffled, groups); std::isfinite(tau)) taus.push_back(tau);
  }
  std::ranges::sort(taus);
  return taus;
}

double quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(std::round(share * static_cast<double>(sorted.size() - 1)))];
}

}  // namespace

double kendall_tau(std::span<const double> x, std::span<const double> y, std::span<const int> groups) {
  if (x.size() != y.size() || (!groups.empty() && groups.size() != x.size()))
    throw ConfigError("Kendall's tau takes as many x as y, and as many groups");
  Comparisons sum;
  for (const auto& own : places_of(groups, x.size())) {
    std::vector<double> own_x, own_y;
    for (const auto i : own) {
      own_x.push_back(x[i]);
      own_y.push_back(y[i]);
    }
    sum.add(finite_pairs(own_x, own_y));
  }
  const double weight = std::sqrt(sum.differ_x * sum.differ_y);
  return weight > 0.0 ? sum.agreement / weight : nan;
}

TauOverSeeds tau_over_seeds(std::span<const std::vector<double>> x, std::span<const std::vector<double>> y,
                            std::int64_t random_seed, std::span<const int> groups) {
  TauOverSeeds result;
  std::vector<double> taus;
  for (std::size_t seed = 0; seed < x.size(); ++seed) {
    taus.push_back(kendall_tau(x[seed], y[seed], groups));
    if (std::isfinite(taus.back())) result.replicas += static_cast<int>(finite_pairs(x[seed], y[seed]).size());
  }
  const auto mean = seed_mean(taus);
  result.tau = mean.value;
  result.seeds = mean.seeds;
  if (mean.seeds == 0) return result;
  if (mean.seeds >= 3) {
    const double reach = t_factor(mean.seeds - 1.0) * mean.error;
    result.low = mean.value - reach;
    result.high = mean.value + reach;
  }
  const auto null = shuffled_taus(x, y, random_seed, groups);
  if (null.empty()) return result;
  result.null_low = quantile(null, 0.025);
  result.null_high = quantile(null, 0.975);
  // Sums of the same numbers in another order may differ by rounding.
  const double least = std::abs(result.tau) - 1e-12;
  const auto beyond = std::ranges::count_if(null, [&](double tau) { return std::abs(tau) >= least; });
  result.p_value = (1.0 + static_cast<double>(beyond)) / (1.0 + static_cast<double>(null.size()));
  return result;
}

}  // namespace flatsweep
