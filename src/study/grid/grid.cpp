#include "flatsweep/study/grid/grid.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace flatsweep {

namespace {

template <class T>
std::vector<T> axis(const std::vector<T>& values, T otherwise) {
  return values.empty() ? std::vector<T>{otherwise} : values;
}

auto grid_point_of(const Replica& r) {
  return std::tie(r.batch_size, r.learning_rate, r.architecture, r.width, r.hidden_layers, r.optimizer, r.sampling,
                  r.noise_method, r.noise_strength);
}
using GridPoint = decltype(grid_point_of(std::declval<const Replica&>()));

auto training_of(const Replica& r) { return std::tuple_cat(grid_point_of(r), std::tie(r.seed)); }

/// Every combination of `replicas` with the values of one more axis, which varies fastest.
template <class T, class Member>
void multiply(std::vector<Replica>& replicas, const std::vector<T>& values, Member member) {
  if (replicas.size() * values.size() > limits::replicas)
    throw ConfigError(fmt::format("the axes of grid make more than {} replicas; take shorter axes, or several runs",
                                  limits::replicas));
  std::vector<Replica> product;
  for (const auto& replica : replicas)
    for (const auto& value : values) {
      product.push_back(replica);
      product.back().*member = value;
    }
  replicas = std::move(product);
}

/// What a method does not use gets one value.
void normalise_noise(Replica& replica, const NoiseConfig& noise) {
  if (replica.noise_method == NoiseMethod::sgd && noise.sgd_learning_rate > 0.0)
    replica.learning_rate = noise.sgd_learning_rate;
  if (replica.noise_method == NoiseMethod::sgd || replica.noise_method == NoiseMethod::gradient_descent)
    replica.noise_strength = 0.0;
}

void add_noise_axes(std::vector<Replica>& replicas, const Config& config) {
  multiply(replicas, axis(config.grid.noise_method, config.noise.method), &Replica::noise_method);
  multiply(replicas, axis(config.grid.noise_strength, config.noise.strength), &Replica::noise_strength);
  std::vector<Replica> different;
  std::set<GridPoint> known;
  for (auto& replica : replicas) {
    normalise_noise(replica, config.noise);
    if (known.insert(grid_point_of(replica)).second) different.push_back(replica);
  }
  replicas = std::move(different);
}

}  // namespace

std::string_view to_string(NoiseMethod method) {
  switch (method) {
    case NoiseMethod::sgd:
      return "sgd";
    case NoiseMethod::gradient_descent:
      return "gd";
    case NoiseMethod::flatness_detecting:
      return to_string(NoiseShape::flatness_detecting);
    case NoiseMethod::isotropic:
      return to_string(NoiseShape::isotropic);
    case NoiseMethod::diagonal:
      return to_string(NoiseShape::diagonal);
  }
  return "";
}

Network Replica::network(const DatasetShape& data) const {
  if (!architecture.is_mlp()) return build_network(data.image, architecture.layers, class_count);
  return multilayer_perceptron(data.features(), static_cast<int>(hidden_layers), static_cast<int>(width), class_count);
}

std::string mlp_text(const Replica& replica, std::int64_t Replica::*number) {
  return replica.architecture.is_mlp() ? std::to_string(replica.*number) : "-";
}

TrainerOptions Replica::trainer_options(const TrainConfig& train) const {
  TrainerOptions options{static_cast<int>(batch_size), sampling, seed, train.optimizer};
  options.optimizer.kind = optimizer;
  options.optimizer.learning_rate = learning_rate;
  return options;
}

std::string Slice::text() const { return fmt::format("{}/{}", index, count); }
std::string Slice::name() const { return fmt::format("slice-{}-of-{}", index, count); }

std::vector<Replica> expand_grid(const Config& config) {
  const auto& grid = config.grid;
  std::vector<Replica> replicas(1);
  replicas[0].architecture = config.network.architecture;
  multiply(replicas, axis<std::int64_t>(grid.batch_size, config.train.batch_size), &Replica::batch_size);
  multiply(replicas, axis(grid.learning_rate, config.train.optimizer.learning_rate), &Replica::learning_rate);
  if (config.network.architecture.is_mlp()) {
    multiply(replicas, axis<std::int64_t>(grid.width, config.network.width), &Replica::width);
    multiply(replicas, axis<std::int64_t>(grid.hidden_layers, config.network.hidden_layers), &Replica::hidden_layers);
  }
  multiply(replicas, axis(grid.optimizer, config.train.optimizer.kind), &Replica::optimizer);
  multiply(replicas, axis(grid.sampling, config.train.sampling), &Replica::sampling);
  if (config.study == Study::noise) add_noise_axes(replicas, config);
  multiply(replicas, axis(grid.psi, config.flatness.psi), &Replica::psi);
  multiply(replicas, axis(grid.seed, config.train.seed), &Replica::seed);
  for (std::size_t i = 0; i < replicas.size(); ++i) replicas[i].id = static_cast<std::int64_t>(i);
  return replicas;
}

bool same_grid_point(const Replica& a, const Replica& b) { return grid_point_of(a) == grid_point_of(b); }

std::vector<std::vector<std::size_t>> units_by_grid_point(const std::vector<WorkUnit>& units) {
  std::vector<std::vector<std::size_t>> points;
  std::map<GridPoint, std::size_t> known;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto [point, fresh] = known.try_emplace(grid_point_of(units[i].replica), points.size());
    if (fresh) points.emplace_back();
    points[point->second].push_back(i);
  }
  return points;
}

std::vector<WorkUnit> group_into_units(const std::vector<Replica>& replicas) {
  std::vector<WorkUnit> units;
  std::map<decltype(training_of(replicas.front())), std::size_t> known;
  for (const auto& replica : replicas) {
    const auto [unit, added] = known.try_emplace(training_of(replica), units.size());
    if (added) units.push_back({replica.id, replica, {}, 0.0});
    units[unit->second].replicas.push_back(replica.id);
  }
  return units;
}

}  // namespace flatsweep
