#include "flatsweep/study/grid/grid.hpp"
#include "properties.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace flatsweep::grid_properties_test {
namespace {

/// Up to three different values, or none where an axis may be missing.
template <class T>
std::vector<T> any_axis(rc::Gen<T> value) {
  return *rc::gen::unique<std::vector<T>>(*rc::gen::inRange(0, 4), value);
}

std::vector<std::int64_t> any_counts() { return any_axis(rc::gen::inRange<std::int64_t>(1, 1000)); }
std::vector<double> any_reals() { return any_axis(real_between(0.01, 9.0)); }

Config any_landscape_grid() {
  Config config;
  config.grid.batch_size = any_counts();
  config.grid.learning_rate = any_reals();
  config.grid.width = any_counts();
  config.grid.hidden_layers = any_counts();
  config.grid.optimizer = any_axis(rc::gen::element(OptimizerKind::sgd, OptimizerKind::momentum, OptimizerKind::adam));
  config.grid.sampling =
      any_axis(rc::gen::element(Sampling::reshuffle, Sampling::shuffle_once, Sampling::with_replacement));
  config.grid.psi = any_reals();
  config.grid.seed = any_counts();
  return config;
}

/// How many values each axis has, the slowest first, and which of them a replica has.
using Places = std::vector<std::size_t>;

Places lengths_of(const GridConfig& g) {
  Places lengths{g.batch_size.size(), g.learning_rate.size(), g.width.size(), g.hidden_layers.size(),
                 g.optimizer.size(),  g.sampling.size(),      g.psi.size(),   g.seed.size()};
  for (auto& length : lengths) length = std::max<std::size_t>(length, 1);
  return lengths;
}

template <class T>
std::size_t place_of(const std::vector<T>& axis, T value) {
  return axis.empty() ? 0 : static_cast<std::size_t>(std::ranges::find(axis, value) - axis.begin());
}

Places places_of(const GridConfig& g, const Replica& r) {
  return {place_of(g.batch_size, r.batch_size),
          place_of(g.learning_rate, r.learning_rate),
          place_of(g.width, r.width),
          place_of(g.hidden_layers, r.hidden_layers),
          place_of(g.optimizer, r.optimizer),
          place_of(g.sampling, r.sampling),
          place_of(g.psi, r.psi),
          place_of(g.seed, r.seed)};
}

TEST(Grid, OfAnyAxesIsTheirProductInTheOrderOfAnOdometer) {
  std::size_t most = 0;
  check_property(300, [&] {
    const auto config = any_landscape_grid();
    const auto lengths = lengths_of(config.grid);
    const auto replicas = expand_grid(config);
    Places expected(lengths.size(), 0);
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      RC_ASSERT(replicas[i].id == static_cast<std::int64_t>(i));
      RC_ASSERT(places_of(config.grid, replicas[i]) == expected);
      for (std::size_t axis = lengths.size(); axis-- > 0 && ++expected[axis] == lengths[axis];) expected[axis] = 0;
    }
    RC_ASSERT(!replicas.empty() && expected == Places(lengths.size(), 0));
    most = std::max(most, replicas.size());
  });
  EXPECT_GT(most, 200U) << "no large grid was among them";
}

/// Grid point by grid point, unit by unit, every replica once?
void check_partition(const std::vector<Replica>& replicas) {
  const auto units = group_into_units(replicas);
  std::vector<int> owners(replicas.size());
  std::int64_t last = -1;
  for (const auto& unit : units) {
    RC_ASSERT(unit.id == unit.replicas.front() && unit.replica.id == unit.id);
    RC_ASSERT(std::exchange(last, unit.id) < unit.id);
    RC_ASSERT(std::ranges::is_sorted(unit.replicas));
    for (const auto id : unit.replicas) {
      ++owners.at(static_cast<std::size_t>(id));
      const auto& member = replicas[id];
      RC_ASSERT(same_grid_point(member, unit.replica) && member.seed == unit.replica.seed);
    }
  }
  RC_ASSERT(std::ranges::count(owners, 1) == std::ssize(owners));
  std::vector<int> points(units.size());
  for (const auto& point : units_by_grid_point(units))
    for (const auto unit : point) {
      ++points.at(unit);
      RC_ASSERT(same_grid_point(units[unit].replica, units[point.front()].replica));
    }
  RC_ASSERT(std::ranges::count(points, 1) == std::ssize(points));
}

TEST(Grid, UnitsAndGridPointsOfAnyAxesArePartitions) {
  check_property(300, [] {
    auto config = any_landscape_grid();
    const auto replicas = expand_grid(config);
    check_partition(replicas);
    const auto seeds = std::max<std::size_t>(config.grid.seed.size(), 1);
    const auto psi = std::max<std::size_t>(config.grid.psi.size(), 1);
    RC_ASSERT(group_into_units(replicas).size() * psi == replicas.size());
    RC_ASSERT(units_by_grid_point(group_into_units(replicas)).size() * psi * seeds == replicas.size());
  });
}

TEST(Grid, OfNoiseHoldsEveryDifferentReplicaOnce) {
  check_property(300, [] {
    auto config = any_landscape_grid();
    config.study = Study::noise;
    config.grid.psi.clear();
    config.grid.width.clear();
    config.grid.hidden_layers.clear();
    config.grid.noise_method = any_axis(rc::gen::element(NoiseMethod::sgd, NoiseMethod::gradient_descent,
                                                         NoiseMethod::isotropic, NoiseMethod::diagonal));
    config.grid.noise_strength = any_reals();
    if (*rc::gen::arbitrary<bool>()) config.noise.sgd_learning_rate = *real_between(0.01, 1.0);
    const auto replicas = expand_grid(config);
    check_partition(replicas);
    RC_ASSERT(group_into_units(replicas).size() == replicas.size());
  });
}

}  // namespace
}  // namespace flatsweep::grid_properties_test
