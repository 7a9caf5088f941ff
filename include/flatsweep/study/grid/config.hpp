#pragma once

#include "flatsweep/analysis/basis.hpp"
#include "flatsweep/analysis/constraints.hpp"
#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/analysis/dynamics.hpp"
#include "flatsweep/analysis/first_mode.hpp"
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/mlf.hpp"
#include "flatsweep/analysis/network_curvature.hpp"
#include "flatsweep/analysis/nulls.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/pooled_pca.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/data/sampler.hpp"
#include "flatsweep/data/task.hpp"
#include "flatsweep/nn/architecture.hpp"
#include "flatsweep/study/grid/model_config.hpp"
#include "flatsweep/train/learning_rate_schedule.hpp"
#include "flatsweep/train/noise_injection.hpp"
#include "flatsweep/train/optimizer.hpp"
#include "flatsweep/train/task_trainer.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What a run is: the pipeline that every replica goes through.
enum class Study { landscape, continual, noise, models };

template <>
inline constexpr auto enum_words<Study> = make_enum_words<Study>({
    {Study::landscape, "landscape", "trains each replica and measures the landscape around its solution"},
    {Study::continual, "continual",
     "tasks learnt one after another, the later ones held to what the earlier ones found"},
    {Study::noise, "noise", "full-batch gradient descent with noise of several shapes, beside SGD"},
    {Study::models, "models", "measures the landscape around networks made elsewhere, as model.weights names them"},
});

// One struct per table of the configuration file; a default stands here and nowhere else.

/// [network]
struct NetworkConfig {
  Architecture architecture;
  int hidden_layers = 2;                     ///< of the mlp
  int width = 50;                            ///< of the mlp
  Activation activation = Activation::relu;  ///< of layers that have none of their own in the list
  Initialisation initialisation = Initialisation::plain;
  double initial_scale = 1.0;  ///< all initial weights and biases times this
};

/// [train]
struct TrainConfig {
  Loss loss = Loss::cross_entropy;
  int batch_size = 50;
  Sampling sampling = Sampling::reshuffle;
  std::int64_t seed = 1;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;  ///< [train.schedule]
};

enum class WindowStart { epoch, zero_error };

template <>
inline constexpr auto enum_words<WindowStart> = make_enum_words<WindowStart>({
    {WindowStart::epoch, "epoch", "after a number of epochs"},
    {WindowStart::zero_error, "zero-error", "after some epochs without a training error"},
});

/// What becomes of a network that start = "zero-error" finds without a solution at the latest epoch.
enum class Unsolved { reported, analysed };

template <>
inline constexpr auto enum_words<Unsolved> = make_enum_words<Unsolved>({
    {Unsolved::reported, "reported", "training ends there, and results.h5 has its curves and weights"},
    {Unsolved::analysed, "analysed", "the window opens all the same, and everything is measured"},
});

/// [window]: the PCA window of consecutive iterations
struct WindowConfig {
  WindowStart start = WindowStart::epoch;
  std::int64_t epoch = 80;  ///< start = "epoch": epochs done when it opens; "zero-error": the latest it may open
  std::int64_t zero_error_epochs = 5;  ///< start = "zero-error": epochs without a training error before it opens
  Unsolved unsolved = Unsolved::reported;
  std::int64_t epochs = 10;  ///< its length
};

/// [pca]
struct PcaConfig {
  std::vector<std::string> layers = {"fc2"};
  Spectrum spectrum = Spectrum::all;
  std::int64_t directions = 0;  ///< how many directions results.h5 keeps; 0 for all
};

/// [flatness]
struct FlatnessConfig {
  bool enabled = true;
  std::int64_t directions = 0;                            ///< how many; 0 for all
  DirectionChoice spacing = DirectionChoice::log_spaced;  ///< which, when not all
  double tolerance = 1e-4;
  double max_displacement = 100.0;
  std::int64_t fit_first = 2;  ///< psi's fit range, in the paper's numbering (from 1), both ends included
  std::int64_t fit_last = 500;
  double psi = 4.0;  ///< exponent assumed when flatness is predicted from variance
};

/// [first_mode]
struct FirstModeConfig : FirstModeOptions {
  bool enabled = true;
};

/// [dynamics]
struct DynamicsConfig : DynamicsOptions {
  bool enabled = true;
};

/// [curvature]
struct CurvatureConfig : CurvatureOptions {
  bool enabled = false;
  std::int64_t directions = 0;  ///< along how many principal directions; 0 for all
  DirectionChoice spacing = DirectionChoice::log_spaced;
};

/// [network_curvature]
struct NetworkCurvatureConfig : NetworkCurvatureOptions {
  bool enabled = false;
  std::vector<CurvatureKind> kinds = {CurvatureKind::hessian};
};

/// [mlf]
struct MlfConfig : MlfOptions {
  bool enabled = true;
};

/// [bases]
struct BasesConfig : BasisOptions {
  bool enabled = false;
  std::vector<Basis> basis = {Basis::pca, Basis::hessian, Basis::noise, Basis::random};
  bool mlf = false;
};

/// [pooled_pca]
struct PooledPcaConfig : PooledPcaOptions {
  bool enabled = false;
};

/// [nulls]
struct NullsConfig : NullsOptions {
  bool enabled = true;
};

/// [filters]
struct FiltersConfig {
  bool enabled = true;
};

/// [relative_flatness]
struct RelativeFlatnessConfig {
  bool enabled = false;
};

/// [at_epochs]
struct AtEpochsConfig {
  std::vector<std::int64_t> epochs;  ///< after which states of training are kept, ascending
};

/// [curvature_at_epochs]
struct CurvatureAtEpochsConfig {
  bool enabled = false;
  double tolerance = 1e-5;           ///< of the largest eigenvalue
  std::int64_t trace_products = 90;  ///< that the estimate of a trace takes
};

/// Along which principal directions flatness is measured at the epochs.
enum class PrincipalDirections { final_ones, local_ones, both };

template <>
inline constexpr auto enum_words<PrincipalDirections> = make_enum_words<PrincipalDirections>({
    {PrincipalDirections::final_ones, "final", "those of the run's window, at the end of training"},
    {PrincipalDirections::local_ones, "local",
     "those of a window of the same length that begins at each of the epochs, trained again from its state"},
    {PrincipalDirections::both, "both", "both"},
});

/// [flatness_at_epochs]
struct FlatnessAtEpochsConfig {
  bool enabled = false;
  PrincipalDirections along = PrincipalDirections::final_ones;
  std::int64_t directions = 50;  ///< how many; 0 for all
  DirectionChoice spacing = DirectionChoice::log_spaced;

  [[nodiscard]] bool along_final() const { return along != PrincipalDirections::local_ones; }
  [[nodiscard]] bool along_local() const { return along != PrincipalDirections::final_ones; }
};

/// [fork]: training does not begin with weights that are drawn, but goes on from a state in another run's results
struct ForkConfig {
  std::string results;  ///< the file; empty: no fork
  std::int64_t replica = 0;
  std::int64_t epoch = 0;
  std::string digest;  ///< of that state, so that it is known again

  [[nodiscard]] bool given() const { return !results.empty(); }
};

/// What 1 stands for in a list of penalty strengths.
enum class StrengthScale { relative, absolute };

template <>
inline constexpr auto enum_words<StrengthScale> = make_enum_words<StrengthScale>({
    {StrengthScale::relative, "relative", "lambda times the largest stiffness of the penalty is the strength"},
    {StrengthScale::absolute, "absolute",
     "lambda is the strength; for ldc it is 10^psi lambda, the paper's normalised constraint strength"},
});

/// [continual]: tasks learnt one after another, the later ones held to what the earlier ones found. Every list but
/// `tasks` is an axis within one replica: all its points share the training on the first task.
struct ContinualConfig {
  std::vector<std::vector<int>> tasks = {{0, 1}, {2, 3}};  ///< classes
  TaskLabels labels = TaskLabels::per_task;
  std::int64_t epochs = 30;    ///< of every task after the first
  double learning_rate = 0.0;  ///< of these tasks; 0 for that of the first
  std::vector<ConstraintKind> methods = {ConstraintKind::none, ConstraintKind::ldc, ConstraintKind::ewc};
  std::vector<double> psi = {4.0};                ///< of ldc
  std::vector<std::int64_t> constraints = {200};  ///< N_c, per layer
  std::vector<double> strength = {0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5};
  StrengthScale scale = StrengthScale::relative;
  std::vector<std::string> trained = {"analysed"};  ///< layers of tasks after the first: "analysed", "all", "fc1+fc2"
  std::vector<Biases> biases = {Biases::held};      ///< of the trained layers
  std::vector<std::string> held = {"analysed"};     ///< layers that penalties act on: "analysed", "fc1+fc2"
  std::vector<LeadingMode> first_mode = {LeadingMode::in};
};

/// How a replica of the noise study is trained.
enum class NoiseMethod { sgd, gradient_descent, flatness_detecting, isotropic, diagonal };

template <>
inline constexpr auto enum_words<NoiseMethod> = make_enum_words<NoiseMethod>({
    {NoiseMethod::sgd, "sgd", "minibatch SGD"},
    {NoiseMethod::gradient_descent, "gd", "full-batch gradient descent without noise"},
    {NoiseMethod::flatness_detecting, to_string(NoiseShape::flatness_detecting),
     "full-batch gradient descent with the noise sum_i sqrt(e_i) u_i eta_i (eq. S21), a random eta_i for each mode"},
    {NoiseMethod::isotropic, to_string(NoiseShape::isotropic),
     "full-batch gradient descent with noise of the same variance in every weight of a layer"},
    {NoiseMethod::diagonal, to_string(NoiseShape::diagonal),
     "full-batch gradient descent with independent noise of the variances that flatness-detecting noise has"},
});

/// [noise]: full-batch gradient descent with noise of several shapes, beside SGD
struct NoiseConfig {
  NoiseMethod method = NoiseMethod::flatness_detecting;
  double strength = 1.0;                                              ///< sigma_n
  std::int64_t epochs = 2000;                                         ///< steps of gradient descent
  std::int64_t sgd_epochs = 100;                                      ///< of method sgd
  double sgd_learning_rate = 0.0;                                     ///< of method sgd; 0 for that of the replica
  std::int64_t modes = 300;                                           ///< N_c, per layer
  std::int64_t minibatches = 0;                                       ///< N_m; 0 for two epochs of them
  std::int64_t renew_epochs = 50;                                     ///< the modes are measured anew so often
  std::vector<double> loss_levels = {0.1, 0.03, 0.01, 0.003, 0.001};  ///< training losses at which runs are compared
  double until_loss = 0.0;                                            ///< a training loss that ends it; 0 for none
};

/// [output]
struct OutputConfig {
  bool trajectory = false;
};

/// [run]: how the work is done; nothing here changes results
struct RunConfig {
  std::int64_t team_size = 0;    ///< ranks per replica; 0 lets the program choose
  double memory_per_rank = 4.0;  ///< GiB; larger windows are replayed instead of stored
  std::int64_t checkpoint_epochs = 10;
  double checkpoint_seconds = 60.0;  ///< and at least so often
  double max_walltime = 0.0;         ///< hours; 0 for no limit
};

/// [grid]: every list is an axis; an axis that is not given has the one value of its own table
struct GridConfig {
  std::vector<std::int64_t> batch_size, train_limit, width, hidden_layers, seed;
  std::vector<double> learning_rate, weight_decay, label_noise, initial_scale, psi;
  std::vector<double> temperature;  ///< alpha/B, in place of learning_rate
  std::vector<Activation> activation;
  std::vector<Loss> loss;
  std::vector<OptimizerKind> optimizer;
  std::vector<Sampling> sampling;
  std::vector<NoiseMethod> noise_method;
  std::vector<double> noise_strength;
};

struct Config {
  Study study = Study::landscape;
  DataOptions data;
  ModelConfig model;
  NetworkConfig network;
  TrainConfig train;
  ForkConfig fork;
  WindowConfig window;
  AtEpochsConfig at_epochs;
  CurvatureAtEpochsConfig curvature_at_epochs;
  FlatnessAtEpochsConfig flatness_at_epochs;
  PcaConfig pca;
  FlatnessConfig flatness;
  FirstModeConfig first_mode;
  CurvatureConfig curvature;
  NetworkCurvatureConfig network_curvature;
  DynamicsConfig dynamics;
  MlfConfig mlf;
  FiltersConfig filters;
  RelativeFlatnessConfig relative_flatness;
  NullsConfig nulls;
  BasesConfig bases;
  PooledPcaConfig pooled_pca;
  ContinualConfig continual;
  NoiseConfig noise;
  OutputConfig output;
  RunConfig run;
  GridConfig grid;
  std::string resolved;     ///< the whole configuration as TOML, defaults filled in
  std::string fingerprint;  ///< the part of it that results depend on: all but [run], data.root and fork.results
};

}  // namespace flatsweep
