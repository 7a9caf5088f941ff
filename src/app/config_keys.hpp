#pragma once

#include "flatsweep/base/limits.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"

#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace flatsweep {

/// Closed range that a number must lie in.
template <class T>
struct Bounds {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();
};

template <class T>
constexpr Bounds<T> at_least(T low) {
  return {low, std::numeric_limits<T>::max()};
}

/// Smallest positive number that may stand for "more than 0".
constexpr double positive = std::numeric_limits<double>::min();

/// Directions, products and minibatches are numbered by int.
constexpr std::int64_t most_directions = std::numeric_limits<int>::max();
/// Minibatches of so many epochs of any data set are counted in 64 bits.
constexpr std::int64_t most_epochs = 100000000;

template <class E>
using Choices = std::vector<std::pair<std::string_view, E>>;

inline Choices<Sampling> sampling_choices() {
  return {{"reshuffle", Sampling::reshuffle},
          {"shuffle-once", Sampling::shuffle_once},
          {"fixed-partition", Sampling::fixed_partition},
          {"with-replacement", Sampling::with_replacement}};
}

inline Choices<OptimizerKind> optimizer_choices() {
  return {{"sgd", OptimizerKind::sgd}, {"momentum", OptimizerKind::momentum}, {"adam", OptimizerKind::adam}};
}

inline Choices<DirectionChoice> direction_choices() {
  return {{"log-spaced", DirectionChoice::log_spaced}, {"leading", DirectionChoice::leading}};
}

inline Choices<CurvatureKind> curvature_choices() {
  return {{"hessian", CurvatureKind::hessian},
          {"gauss-newton", CurvatureKind::gauss_newton},
          {"empirical-fisher", CurvatureKind::empirical_fisher},
          {"minibatch-second-moment", CurvatureKind::minibatch_second_moment},
          {"noise-covariance", CurvatureKind::noise_covariance}};
}

inline Choices<Study> study_choices() {
  return {{"landscape", Study::landscape}, {"continual", Study::continual}, {"noise", Study::noise}};
}

inline Choices<ConstraintKind> constraint_choices() {
  Choices<ConstraintKind> choices;
  for (const auto kind :
       {ConstraintKind::none, ConstraintKind::l2, ConstraintKind::ldc, ConstraintKind::ldc_flatness,
        ConstraintKind::ewc, ConstraintKind::ewc_empirical, ConstraintKind::ewc_batched, ConstraintKind::laplace})
    choices.emplace_back(to_string(kind), kind);
  return choices;
}

inline Choices<NoiseMethod> noise_choices() {
  Choices<NoiseMethod> choices;
  for (const auto method : {NoiseMethod::sgd, NoiseMethod::gradient_descent, NoiseMethod::flatness_detecting,
                            NoiseMethod::isotropic, NoiseMethod::diagonal})
    choices.emplace_back(to_string(method), method);
  return choices;
}

inline Choices<Biases> bias_choices() { return {{"held", Biases::held}, {"free", Biases::free}}; }
inline Choices<LeadingMode> first_mode_choices() { return {{"in", LeadingMode::in}, {"out", LeadingMode::out}}; }

template <class Visitor>
void describe_continual(ContinualConfig& c, Visitor& v) {
  using Int = std::int64_t;
  v.table("continual");
  v.class_lists("tasks", c.tasks, class_count);
  v.choice("labels", c.labels, Choices<TaskLabels>{{"per-task", TaskLabels::per_task}, {"global", TaskLabels::global}});
  v.number("epochs", c.epochs, Bounds<Int>{1, most_epochs});
  v.number("learning_rate", c.learning_rate, at_least(0.0));
  v.choice_axis("methods", c.methods, constraint_choices());
  v.axis("psi", c.psi, at_least(positive));
  v.axis("constraints", c.constraints, Bounds<Int>{0, most_directions});
  v.axis("strength", c.strength, at_least(0.0));
  v.choice("scale", c.scale,
           Choices<StrengthScale>{{"relative", StrengthScale::relative}, {"absolute", StrengthScale::absolute}});
  v.texts("trained", c.trained);
  v.choice_axis("biases", c.biases, bias_choices());
  v.choice_axis("first_mode", c.first_mode, first_mode_choices());
}

template <class Visitor>
void describe_noise(NoiseConfig& c, Visitor& v) {
  using Int = std::int64_t;
  v.table("noise");
  v.choice("method", c.method, noise_choices());
  v.number("strength", c.strength, at_least(0.0));
  v.number("epochs", c.epochs, Bounds<Int>{1, most_epochs});
  v.number("sgd_epochs", c.sgd_epochs, Bounds<Int>{1, most_epochs});
  v.number("sgd_learning_rate", c.sgd_learning_rate, at_least(0.0));
  v.number("modes", c.modes, Bounds<Int>{1, most_directions});
  v.number("minibatches", c.minibatches, Bounds<Int>{0, limits::noise_minibatches});
  v.number("renew_epochs", c.renew_epochs, Bounds<Int>{1, most_epochs});
  v.axis("loss_levels", c.loss_levels, at_least(positive));
}

/// Every key of the configuration, once: its table, its name, where its value lives, what it may be. Reading, writing
/// and listing are visitors of this one description.
template <class Visitor>
void describe_config(Config& c, Visitor& v) {
  using Int = std::int64_t;
  v.table("");
  v.choice("study", c.study, study_choices());
  v.table("data");
  v.text("name", c.data.name);
  v.path("root", c.data.root);
  v.number("train_limit", c.data.train_limit, at_least<Int>(0));
  v.number("test_limit", c.data.test_limit, at_least<Int>(0));
  v.table("network");
  v.architecture("architecture", c.network.architecture);
  v.number("hidden_layers", c.network.hidden_layers, Bounds<int>{1, 64});
  v.number("width", c.network.width, Bounds<int>{1, 65536});
  v.choice("initialisation", c.network.initialisation,
           Choices<Initialisation>{{"plain", Initialisation::plain}, {"same-norm", Initialisation::same_norm}});
  v.table("train");
  v.number("batch_size", c.train.batch_size, at_least<int>(1));
  v.number("learning_rate", c.train.optimizer.learning_rate, at_least(positive));
  v.choice("sampling", c.train.sampling, sampling_choices());
  v.choice("optimizer", c.train.optimizer.kind, optimizer_choices());
  v.number("momentum", c.train.optimizer.momentum, Bounds<double>{0.0, 0.9999});
  v.number("adam_beta1", c.train.optimizer.adam_beta1, Bounds<double>{0.0, 0.9999});
  v.number("adam_beta2", c.train.optimizer.adam_beta2, Bounds<double>{0.0, 0.999999});
  v.number("adam_epsilon", c.train.optimizer.adam_epsilon, at_least(positive));
  v.number("seed", c.train.seed, at_least<Int>(0));
  v.table("window");
  v.choice("start", c.window.start,
           Choices<WindowStart>{{"epoch", WindowStart::epoch}, {"zero-error", WindowStart::zero_error}});
  v.number("epoch", c.window.epoch, Bounds<Int>{0, most_epochs});
  v.number("zero_error_epochs", c.window.zero_error_epochs, Bounds<Int>{1, most_epochs});
  v.number("epochs", c.window.epochs, Bounds<Int>{1, most_epochs});
  v.table("pca");
  v.texts("layers", c.pca.layers);
  v.choice("spectrum", c.pca.spectrum, Choices<Spectrum>{{"all", Spectrum::all}, {"leading", Spectrum::leading}});
  v.count_or_all("directions", c.pca.directions);
  v.table("flatness");
  v.flag("measure", c.flatness.measure);
  v.count_or_all("directions", c.flatness.directions);
  v.choice("choice", c.flatness.choice, direction_choices());
  v.number("tolerance", c.flatness.tolerance, Bounds<double>{1e-6, 0.1});
  v.number("furthest", c.flatness.furthest, at_least(positive));
  v.number("fit_first", c.flatness.fit_first, Bounds<Int>{1, most_directions});
  v.number("fit_last", c.flatness.fit_last, Bounds<Int>{1, most_directions});
  v.number("psi", c.flatness.psi, at_least(positive));
  v.table("first_mode");
  v.flag("measure", c.first_mode.measure);
  v.number("points", c.first_mode.points, Bounds<int>{3, 10001});
  v.number("samples", c.first_mode.samples, at_least<int>(1));
  v.number("modes", c.first_mode.modes, Bounds<int>{1, limits::profile_modes});
  v.number("last_mode", c.first_mode.last_mode, at_least<int>(1));
  v.table("curvature");
  v.flag("measure", c.curvature.measure);
  v.count_or_all("directions", c.curvature.directions);
  v.choice("choice", c.curvature.choice, direction_choices());
  v.number("dense_limit", c.curvature.dense_limit, Bounds<Int>{0, 32000});
  v.number("modes", c.curvature.modes, Bounds<Int>{1, limits::eigenpairs});
  v.number("tolerance", c.curvature.tolerance, Bounds<double>{1e-12, 0.1});
  v.number("trace_products", c.curvature.trace_products, Bounds<Int>{6, limits::trace_products});
  v.table("network_curvature");
  v.flag("measure", c.network_curvature.measure);
  v.choice_axis("kinds", c.network_curvature.kinds, curvature_choices());
  v.number("leading", c.network_curvature.leading, Bounds<Int>{1, limits::eigenpairs});
  v.number("smallest", c.network_curvature.smallest, Bounds<Int>{0, limits::eigenpairs});
  v.number("tolerance", c.network_curvature.tolerance, Bounds<double>{1e-12, 0.1});
  v.number("density_probes", c.network_curvature.density_probes, Bounds<Int>{1, limits::density_probes});
  v.number("density_steps", c.network_curvature.density_steps, Bounds<Int>{2, limits::density_steps});
  v.number("trace_products", c.network_curvature.trace_products, Bounds<Int>{6, limits::trace_products});
  v.table("dynamics");
  v.flag("measure", c.dynamics.measure);
  v.count_or_all("directions", c.dynamics.directions);
  v.choice("choice", c.dynamics.choice, direction_choices());
  v.number("lags", c.dynamics.lags, Bounds<int>{3, 1000000});
  v.number("frozen_at", c.dynamics.frozen_at, Bounds<int>{0, limits::frozen_points});
  v.table("mlf");
  v.flag("measure", c.mlf.measure);
  v.count_or_all("directions", c.mlf.directions);
  v.choice("choice", c.mlf.choice, direction_choices());
  v.count_or_all("minibatches", c.mlf.minibatches);
  v.number("pairs", c.mlf.pairs, Bounds<int>{0, limits::minibatch_pairs});
  v.choice(
      "minima", c.mlf.minima,
      Choices<MinimumPositions>{{"measured", MinimumPositions::measured}, {"left-out", MinimumPositions::left_out}});
  v.number("reach", c.mlf.reach, at_least(positive));
  v.number("tolerance", c.mlf.tolerance, Bounds<double>{1e-7, 0.1});
  v.table("filters");
  v.flag("measure", c.filters.measure);
  v.table("nulls");
  v.flag("measure", c.nulls.measure);
  v.count_or_all("directions", c.nulls.directions);
  v.flag("walk", c.nulls.walk);
  v.flag("walk_flatness", c.nulls.walk_flatness);
  v.flag("held_out", c.nulls.held_out);
  v.number("scan_halvings", c.nulls.scan_halvings, Bounds<int>{0, 12});
  v.table("pooled_pca");
  v.flag("measure", c.pooled_pca.measure);
  v.number("fraction", c.pooled_pca.fraction, Bounds<double>{0.1, 1.0 - 1e-9});
  v.number("directions", c.pooled_pca.directions, Bounds<Int>{1, most_directions});
  describe_continual(c.continual, v);
  describe_noise(c.noise, v);
  v.table("output");
  v.flag("trajectory", c.output.trajectory);
  v.table("run");
  v.number("team_size", c.run.team_size, at_least<Int>(0));
  v.number("memory_per_rank", c.run.memory_per_rank, Bounds<double>{positive, limits::gib});
  v.number("checkpoint_epochs", c.run.checkpoint_epochs, Bounds<Int>{1, most_epochs});
  v.number("checkpoint_seconds", c.run.checkpoint_seconds, Bounds<double>{positive, limits::seconds});
  v.number("max_walltime", c.run.max_walltime, Bounds<double>{0.0, limits::hours});
  v.table("grid");
  v.axis("batch_size", c.grid.batch_size, Bounds<Int>{1, std::numeric_limits<int>::max()});
  v.axis("learning_rate", c.grid.learning_rate, at_least(positive));
  v.axis("width", c.grid.width, Bounds<Int>{1, 65536});
  v.axis("hidden_layers", c.grid.hidden_layers, Bounds<Int>{1, 64});
  v.axis("psi", c.grid.psi, at_least(positive));
  v.axis("seed", c.grid.seed, at_least<Int>(0));
  v.choice_axis("optimizer", c.grid.optimizer, optimizer_choices());
  v.choice_axis("sampling", c.grid.sampling, sampling_choices());
  v.choice_axis("noise_method", c.grid.noise_method, noise_choices());
  v.axis("noise_strength", c.grid.noise_strength, at_least(0.0));
}

}  // namespace flatsweep
