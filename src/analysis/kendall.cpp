#include "flatsweep/analysis/kendall.hpp"

#include "flatsweep/analysis/spread.hpp"
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

std::vector<Pair> finite_pairs_at(std::span<const double> x, std::span<const double> y,
                                  std::span<const std::uint32_t> places) {
  std::vector<Pair> pairs;
  for (const auto i : places)
    if (std::isfinite(x[i]) && std::isfinite(y[i])) pairs.emplace_back(x[i], y[i]);
  return pairs;
}

using Places = std::vector<std::vector<std::uint32_t>>;

/// Places of the points of each group; all where there are no groups.
Places places_of(std::span<const int> groups, std::size_t points) {
  if (!groups.empty() && groups.size() != points) throw ConfigError("Kendall's tau takes a group for each point");
  std::map<int, std::vector<std::uint32_t>> places;
  for (std::uint32_t i = 0; i < points; ++i) places[groups.empty() ? 0 : groups[i]].push_back(i);
  Places all;
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
        if (!left) count += middle - i;
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
  int pairs = 0;

  [[nodiscard]] double tau() const {
    const double weight = std::sqrt(differ_x * differ_y);
    return weight > 0.0 ? agreement / weight : nan;
  }
  void add(std::vector<Pair> found) {
    std::ranges::sort(found);
    const double n = found.size(), all = n * (n - 1.0) / 2.0;
    const double tied_x = ties(found, [](const Pair& a, const Pair& b) { return a.first == b.first; });
    const double tied_both = ties(found, [](const Pair& a, const Pair& b) { return a == b; });
    std::vector<double> second;
    second.reserve(found.size());
    for (const auto& pair : found) second.push_back(pair.second);
    const double discordant = exchanges(second);
    const double tied_y = ties(second, [](double a, double b) { return a == b; });
    agreement += all - tied_x - tied_y + tied_both - 2.0 * discordant;
    differ_x += all - tied_x;
    differ_y += all - tied_y;
    pairs += std::ssize(found);
  }
};

Comparisons compare_within_groups(std::span<const double> x, std::span<const double> y, const Places& places) {
  if (x.size() != y.size()) throw ConfigError("Kendall's tau takes as many x as y");
  Comparisons sum;
  for (const auto& own : places) sum.add(finite_pairs_at(x, y, own));
  return sum;
}

double mean_tau(std::span<const std::vector<double>> x, std::span<const std::vector<double>> y, const Places& places) {
  std::vector<double> taus;
  for (std::size_t seed = 0; seed < x.size(); ++seed)
    taus.push_back(compare_within_groups(x[seed], y[seed], places).tau());
  return seed_mean(std::move(taus)).value;
}

/// Means of tau when the points of y are permuted, ascending.
std::vector<double> shuffled_taus(std::span<const std::vector<double>> x, std::span<const std::vector<double>> y,
                                  std::int64_t random_seed, const Places& places) {
  constexpr double pairs_in_all = 5e6;
  const auto points = x.front().size();
  const auto shuffles = std::clamp<std::size_t>(pairs_in_all / points, 100, 1000);
  Random random(random_seed, RandomPurpose::bootstrap, 1);
  std::vector<double> taus;
  for (std::size_t n = 0; n < shuffles; ++n) {
    std::vector<std::vector<double>> shuffled(y.begin(), y.end());
    for (const auto& own : places) {
      const auto order = random_permutation(own.size(), random);
      for (std::size_t seed = 0; seed < y.size(); ++seed)
        for (std::size_t i = 0; i < own.size(); ++i) shuffled[seed][own[i]] = y[seed][own[order[i]]];
    }
    if (const double tau = mean_tau(x, shuffled, places); std::isfinite(tau)) taus.push_back(tau);
  }
  std::ranges::sort(taus);
  return taus;
}

double value_at(const std::vector<double>& sorted, double share) {
  return sorted[std::lround(share * (sorted.size() - 1))];
}

}  // namespace

double kendall_tau(std::span<const double> x, std::span<const double> y, std::span<const int> groups) {
  return compare_within_groups(x, y, places_of(groups, x.size())).tau();
}

TauOverSeeds tau_over_seeds(std::span<const std::vector<double>> x, std::span<const std::vector<double>> y,
                            std::int64_t random_seed, std::span<const int> groups) {
  TauOverSeeds result;
  if (x.empty()) return result;
  const auto places = places_of(groups, x.front().size());
  std::vector<double> taus;
  for (std::size_t seed = 0; seed < x.size(); ++seed) {
    const auto found = compare_within_groups(x[seed], y[seed], places);
    taus.push_back(found.tau());
    if (std::isfinite(found.tau())) result.replicas += found.pairs;
  }
  const auto mean = seed_mean(std::move(taus));
  result.tau = mean.value;
  result.seeds = mean.seeds;
  result.low = mean.value - mean.half_width();
  result.high = mean.value + mean.half_width();
  if (mean.seeds == 0) return result;
  const auto null = shuffled_taus(x, y, random_seed, places);
  if (null.empty()) return result;
  result.null_low = value_at(null, 0.025);
  result.null_high = value_at(null, 0.975);
  // Sums of the same numbers in another order may differ by rounding.
  const double least = std::abs(result.tau) - 1e-12;
  const auto beyond = std::ranges::count_if(null, [&](double tau) { return std::abs(tau) >= least; });
  result.p_value = (1.0 + beyond) / (1.0 + null.size());
  return result;
}

}  // namespace flatsweep
