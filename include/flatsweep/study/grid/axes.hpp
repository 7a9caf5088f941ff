#pragma once

#include "flatsweep/base/bounds.hpp"
#include "flatsweep/study/grid/config.hpp"

#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace flatsweep {

/// What the axes of the grid give a replica.
struct AxisValues {
  std::int64_t batch_size = 0;
  double learning_rate = 0.0;
  double weight_decay = 0.0;
  std::int64_t train_limit = 0;  ///< 0: all training images
  double label_noise = 0.0;
  std::int64_t width = 0;          ///< 0 where the architecture is not the mlp
  std::int64_t hidden_layers = 0;  ///< 0 where the architecture is not the mlp
  Activation activation = Activation::relu;
  double initial_scale = 1.0;
  Loss loss = Loss::cross_entropy;
  OptimizerKind optimizer = OptimizerKind::sgd;
  Sampling sampling = Sampling::reshuffle;
  NoiseMethod noise_method = NoiseMethod::sgd;  ///< of the noise study
  double noise_strength = 0.0;                  ///< sigma_n of the noise study; 0 for methods without noise
  double psi = 0.0;
  std::int64_t seed = 0;
};

/// What two replicas share that differ in an axis alone.
enum class AxisRole {
  grid_point,  ///< nothing
  assumption,  ///< grid point and training: the value enters after the measurement
  seed,        ///< the grid point of the summary
};

/// Where an axis has a meaning; elsewhere [grid] refuses it.
enum class AxisUse { everywhere, mlp, landscape, noise };

/// How the terminal shows an axis: its heading and width, always or only where its values differ.
struct AxisText {
  std::string_view heading;
  int width = 0;
  enum class Shown { always, where_values_differ } shown = Shown::always;
};

template <class T>
struct GridAxis {
  std::string_view name;      ///< of the key in [grid], and of the column
  std::string_view key;       ///< whose value it takes the place of
  std::string_view sentence;  ///< that stands alone
  std::vector<T> GridConfig::*values;
  T AxisValues::*value;
  T (*otherwise)(const Config&);  ///< where [grid] does not list it
  AxisRole role;
  AxisUse use;
  AxisText text;
  Bounds<T> bounds = {};  ///< of numbers

  /// Is it the axis of this member?
  template <class Other>
  [[nodiscard]] constexpr bool value_is(Other AxisValues::*other) const {
    if constexpr (std::is_same_v<T, Other>) return value == other;
    return false;
  }
};

/// Every axis of the grid, once, the slowest first. From this list come the keys of [grid], the replicas and what they
/// share, the columns of /grid and /summary, the attributes of replicas, and columns on the terminal.
inline constexpr std::tuple grid_axes{
    GridAxis<std::int64_t>{"batch_size",
                           "train.batch_size",
                           "samples in a minibatch, B",
                           &GridConfig::batch_size,
                           &AxisValues::batch_size,
                           [](const Config& c) { return std::int64_t{c.train.batch_size}; },
                           AxisRole::grid_point,
                           AxisUse::everywhere,
                           {"B", 6},
                           {1, std::numeric_limits<int>::max()}},
    GridAxis<double>{"learning_rate",
                     "train.learning_rate",
                     "learning rate alpha",
                     &GridConfig::learning_rate,
                     &AxisValues::learning_rate,
                     [](const Config& c) { return c.train.optimizer.learning_rate; },
                     AxisRole::grid_point,
                     AxisUse::everywhere,
                     {"alpha", 7},
                     at_least(positive)},
    GridAxis<double>{"weight_decay",
                     "train.weight_decay",
                     "weight decay lambda: lambda w is added to the gradient; of adam decoupled, w (1 - alpha lambda)",
                     &GridConfig::weight_decay,
                     &AxisValues::weight_decay,
                     [](const Config& c) { return c.train.optimizer.weight_decay; },
                     AxisRole::grid_point,
                     AxisUse::landscape,
                     {"lambda", 7, AxisText::Shown::where_values_differ},
                     at_least(0.0)},
    GridAxis<std::int64_t>{"train_limit",
                           "data.train_limit",
                           "training images that are used, the first ones; 0: all",
                           &GridConfig::train_limit,
                           &AxisValues::train_limit,
                           [](const Config& c) { return c.data.train_limit; },
                           AxisRole::grid_point,
                           AxisUse::everywhere,
                           {"M", 7, AxisText::Shown::where_values_differ},
                           at_least<std::int64_t>(0)},
    GridAxis<double>{"label_noise",
                     "data.label_noise",
                     "fraction of the training labels that is redrawn from all classes, by the seed",
                     &GridConfig::label_noise,
                     &AxisValues::label_noise,
                     [](const Config& c) { return c.data.label_noise; },
                     AxisRole::grid_point,
                     AxisUse::everywhere,
                     {"noise", 7, AxisText::Shown::where_values_differ},
                     {0.0, 1.0}},
    GridAxis<std::int64_t>{"width",
                           "network.width",
                           "units of each hidden layer of the mlp, H; 0 for other architectures",
                           &GridConfig::width,
                           &AxisValues::width,
                           [](const Config& c) { return std::int64_t{c.network.width}; },
                           AxisRole::grid_point,
                           AxisUse::mlp,
                           {"H", 5},
                           {1, 65536}},
    GridAxis<std::int64_t>{"hidden_layers",
                           "network.hidden_layers",
                           "number of hidden layers of the mlp, L; 0 for other architectures",
                           &GridConfig::hidden_layers,
                           &AxisValues::hidden_layers,
                           [](const Config& c) { return std::int64_t{c.network.hidden_layers}; },
                           AxisRole::grid_point,
                           AxisUse::mlp,
                           {"L", 3},
                           {1, 64}},
    GridAxis<Activation>{"activation",
                         "network.activation",
                         "activation of hidden layers that have none of their own",
                         &GridConfig::activation,
                         &AxisValues::activation,
                         [](const Config& c) { return c.network.activation; },
                         AxisRole::grid_point,
                         AxisUse::everywhere,
                         {"activation", 10, AxisText::Shown::where_values_differ}},
    GridAxis<double>{"initial_scale",
                     "network.initial_scale",
                     "factor of all initial weights and biases",
                     &GridConfig::initial_scale,
                     &AxisValues::initial_scale,
                     [](const Config& c) { return c.network.initial_scale; },
                     AxisRole::grid_point,
                     AxisUse::everywhere,
                     {"scale", 7, AxisText::Shown::where_values_differ},
                     {1e-6, 1e6}},
    GridAxis<Loss>{"loss",
                   "train.loss",
                   "loss of one sample, whose mean is trained and analysed",
                   &GridConfig::loss,
                   &AxisValues::loss,
                   [](const Config& c) { return c.train.loss; },
                   AxisRole::grid_point,
                   AxisUse::everywhere,
                   {"loss", 13, AxisText::Shown::where_values_differ}},
    GridAxis<OptimizerKind>{"optimizer",
                            "train.optimizer",
                            "optimiser that trains the network",
                            &GridConfig::optimizer,
                            &AxisValues::optimizer,
                            [](const Config& c) { return c.train.optimizer.kind; },
                            AxisRole::grid_point,
                            AxisUse::everywhere,
                            {"optimiz.", 8}},
    GridAxis<Sampling>{"sampling",
                       "train.sampling",
                       "how minibatches are drawn",
                       &GridConfig::sampling,
                       &AxisValues::sampling,
                       [](const Config& c) { return c.train.sampling; },
                       AxisRole::grid_point,
                       AxisUse::everywhere,
                       {"sampling", 16}},
    GridAxis<NoiseMethod>{"noise_method",
                          "noise.method",
                          "how a replica of the noise study is trained",
                          &GridConfig::noise_method,
                          &AxisValues::noise_method,
                          [](const Config& c) { return c.noise.method; },
                          AxisRole::grid_point,
                          AxisUse::noise,
                          {"method", 18}},
    GridAxis<double>{"noise_amplitude",
                     "noise.amplitude",
                     "factor sigma_n of the added gradient noise; 0 for methods without it",
                     &GridConfig::noise_strength,
                     &AxisValues::noise_strength,
                     [](const Config& c) { return c.noise.strength; },
                     AxisRole::grid_point,
                     AxisUse::noise,
                     {"sigma_n", 7},
                     at_least(0.0)},
    GridAxis<double>{"psi_assumed",
                     "flatness.psi_assumed",
                     "exponent psi that is assumed when flatness is predicted from variance",
                     &GridConfig::psi,
                     &AxisValues::psi,
                     [](const Config& c) { return c.flatness.psi; },
                     AxisRole::assumption,
                     AxisUse::landscape,
                     {"psi", 5},
                     at_least(positive)},
    GridAxis<std::int64_t>{"seed",
                           "train.seed",
                           "seed of initial weights and minibatches",
                           &GridConfig::seed,
                           &AxisValues::seed,
                           [](const Config& c) { return c.train.seed; },
                           AxisRole::seed,
                           AxisUse::everywhere,
                           {"seed", 5},
                           at_least<std::int64_t>(0)},
};

/// Calls `visit` with every axis, in order.
template <class Visit>
constexpr void each_axis(Visit&& visit) {
  std::apply([&](const auto&... axis) { (visit(axis), ...); }, grid_axes);
}

/// What the axis of this member allows, for the key whose value it takes the place of.
template <class T, class Member>
[[nodiscard]] constexpr Bounds<T> bounds_of(Member AxisValues::*value) {
  Bounds<T> bounds;
  each_axis([&](const auto& axis) {
    if constexpr (std::is_same_v<decltype(axis.bounds), Bounds<Member>>)
      if (axis.value == value) bounds = {static_cast<T>(axis.bounds.low), static_cast<T>(axis.bounds.high)};
  });
  return bounds;
}

/// Has the study such an axis? Networks made elsewhere have none: each is a grid point of its own.
[[nodiscard]] constexpr bool belongs(AxisUse use, Study study) {
  if (study == Study::models) return false;
  switch (use) {
    case AxisUse::landscape:
      return study == Study::landscape;
    case AxisUse::noise:
      return study == Study::noise;
    case AxisUse::everywhere:
    case AxisUse::mlp:
      break;
  }
  return true;
}

/// Does the axis mean anything in these runs?
[[nodiscard]] bool applies(AxisUse use, const Config& config);

}  // namespace flatsweep
