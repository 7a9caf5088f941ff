#include "flatsweep/study/grid/grid.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/study/grid/window_opening.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace flatsweep {

namespace {

/// The replica's values on all axes of one role.
template <AxisRole role>
auto values_of(const Replica& replica) {
  const auto one = [&]<std::size_t i>(std::integral_constant<std::size_t, i>) {
    constexpr auto axis = std::get<i>(grid_axes);
    if constexpr (axis.role == role)
      return std::tie(replica.*axis.value);
    else
      return std::tuple<>();
  };
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    return std::tuple_cat(one(std::integral_constant<std::size_t, i>())...);
  }
  (std::make_index_sequence<std::tuple_size_v<decltype(grid_axes)>>());
}

auto grid_point_of(const Replica& r) {
  return std::tuple_cat(std::tie(r.architecture, r.model), values_of<AxisRole::grid_point>(r));
}
using GridPoint = decltype(grid_point_of(std::declval<const Replica&>()));

auto training_key(const Replica& r) { return std::tuple_cat(grid_point_of(r), values_of<AxisRole::seed>(r)); }

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

/// The learning rates of which alpha/B was listed, to the digits that anyone lists: 0.0001 * 50 is 0.005.
void multiply_temperatures(std::vector<Replica>& replicas, const GridConfig& grid) {
  if (!grid.learning_rate.empty())
    throw ConfigError("grid.learning_rate and grid.temperature = alpha/B are given both; leave one of them out");
  multiply(replicas, grid.temperature, &AxisValues::learning_rate);
  for (auto& replica : replicas) {
    const double rate = replica.learning_rate * replica.batch_size;
    if (!std::isfinite(rate))
      throw ConfigError(
          fmt::format("grid.temperature = {:g} with batch_size = {} is no finite learning rate; take less",
                      replica.learning_rate, replica.batch_size));
    replica.learning_rate = std::stod(fmt::format("{:.12g}", rate));
  }
}

/// What a method does not use gets one value.
void normalise_noise(Replica& replica, const NoiseConfig& noise) {
  if (replica.noise_method == NoiseMethod::sgd && noise.sgd_learning_rate > 0.0)
    replica.learning_rate = noise.sgd_learning_rate;
  if (replica.noise_method == NoiseMethod::sgd || replica.noise_method == NoiseMethod::gradient_descent)
    replica.noise_strength = 0.0;
}

/// Leaves out the replicas that say what an earlier one says.
void leave_out_repetitions(std::vector<Replica>& replicas, const Config& config) {
  std::vector<Replica> different;
  std::set<GridPoint> known;
  for (auto& replica : replicas) {
    normalise_noise(replica, config.noise);
    if (known.insert(grid_point_of(replica)).second) different.push_back(replica);
  }
  replicas = std::move(different);
}

}  // namespace

Network Replica::network(const DatasetShape& data) const {
  auto network = architecture.is_mlp()
                     ? multilayer_perceptron(data.features(), hidden_layers, width, data.classes, activation)
                     : build_network(data.image, architecture.layers, data.classes, activation);
  network.loss = loss;
  network.input_numbers = data.numbers;
  network.targets = data.targets;
  return network;
}

std::vector<float> Replica::initial_weights(const Network& network, const NetworkConfig& config) const {
  auto weights = flatsweep::initial_weights(network, seed, config.initialisation);
  for (auto& weight : weights) weight *= static_cast<float>(initial_scale);
  return weights;
}

TrainerOptions Replica::trainer_options(const Config& config) const {
  const auto& train = config.train;
  TrainerOptions options{static_cast<int>(batch_size), sampling, seed, train.optimizer, train.schedule};
  options.optimizer.kind = optimizer;
  options.optimizer.learning_rate = learning_rate;
  options.optimizer.weight_decay = weight_decay;
  if (options.schedule.decay_ends == 0) options.schedule.decay_ends = config.window.epoch;
  return options;
}

// A window that opens without a training error may open anywhere before the last epoch for it.
std::optional<TrainerOptions> Replica::options_in_window(const Config& config) const {
  auto options = trainer_options(config);
  const auto last = window_opening(config);
  const auto first = config.window.start == WindowStart::epoch
                         ? last
                         : std::max(std::min(config.window.zero_error_epochs, last), epochs_before(config));
  if (!options.schedule.constant_in(first, last + config.window.epochs)) return std::nullopt;
  options.optimizer.learning_rate *= options.schedule.factor(first);
  options.schedule = {};
  return options;
}

std::string Slice::text() const { return fmt::format("{}/{}", index, count); }
std::string Slice::name() const { return fmt::format("slice-{}-of-{}", index, count); }

bool applies(AxisUse use, const Config& config) {
  return belongs(use, config.study) && (use != AxisUse::mlp || config.network.architecture.is_mlp());
}

Replica replica_of(const Config& config, const ModelEntry& model) {
  Replica replica;
  each_axis([&](const auto& axis) { replica.*axis.value = axis.otherwise(config); });
  if (model.batch_size > 0) replica.batch_size = model.batch_size;
  replica.architecture = model.architecture;
  return replica;
}

namespace {

std::vector<Replica> replicas_of_models(const Config& config) {
  std::vector<Replica> replicas;
  for (const auto& model : config.model.found) {
    replicas.push_back(replica_of(config, model));
    replicas.back().id = replicas.back().model = std::ssize(replicas) - 1;
  }
  return replicas;
}

}  // namespace

std::vector<Replica> expand_grid(const Config& config) {
  if (config.study == Study::models) return replicas_of_models(config);
  std::vector<Replica> replicas(1);
  replicas[0].architecture = config.network.architecture;
  each_axis([&](const auto& axis) {
    const auto& given = config.grid.*axis.values;
    if (axis.role == AxisRole::grid_point && !applies(axis.use, config)) return;
    if (axis.value_is(&AxisValues::learning_rate) && !config.grid.temperature.empty())
      return multiply_temperatures(replicas, config.grid);
    multiply(replicas, given.empty() ? std::vector{axis.otherwise(config)} : given, axis.value);
    if (axis.value_is(&AxisValues::noise_strength)) leave_out_repetitions(replicas, config);
  });
  for (std::size_t i = 0; i < replicas.size(); ++i) replicas[i].id = i;
  return replicas;
}

DataOptions data_in_use(const Config& config) {
  auto options = config.data;
  if (config.study == Study::models || config.grid.train_limit.empty()) return options;
  const auto& limits = config.grid.train_limit;
  options.train_limit = std::ranges::min(limits) == 0 ? 0 : std::ranges::max(limits);
  return options;
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
  std::map<decltype(training_key(replicas.front())), std::size_t> known;
  for (const auto& replica : replicas) {
    const auto [unit, added] = known.try_emplace(training_key(replica), units.size());
    if (added) units.push_back({replica.id, replica, {}, 0.0});
    units[unit->second].replicas.push_back(replica.id);
  }
  return units;
}

}  // namespace flatsweep
