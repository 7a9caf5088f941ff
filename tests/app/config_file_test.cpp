#include "flatsweep/app/config_file.hpp"

#include "flatsweep/app/key_reference.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace flatsweep::config_file_test {
namespace {

using testing::ElementsAre;

Config parse(const std::string& text, const std::vector<std::string>& assignments = {}) {
  return parse_config(text, "run.toml", assignments);
}

constexpr const char* every_key = R"(study = "noise"
[data]
name = "fashion-mnist"
root = "/data \"sets\" \\ here"
scale = 0.5
train_limit = 1000
test_limit = 200
targets = "classes"
label_noise = 0.25
[data.teacher]
inputs = 40
covariance_exponent = 1.5
width = 0
outputs = 3
noise = 0.1
train_samples = 300
test_samples = 50
seed = 8
[network]
architecture = "mlp"
hidden_layers = 3
width = 40
activation = "tanh"
initialisation = "same-norm"
initial_scale = 0.75
[train]
loss = "square"
batch_size = 20
learning_rate = 0.05
weight_decay = 0.01
sampling = "with-replacement"
optimizer = "adam"
momentum = 0.8
adam_beta1 = 0.7
adam_beta2 = 0.99
adam_epsilon = 1e-7
seed = 11
[train.schedule]
warmup_epochs = 2
decay = "cosine"
decay_ends = 60
end_factor = 0.2
step_epochs = [5, 9]
step_factor = 0.3
[fork]
results = "runs/a/results.h5"
replica = 3
epoch = 20
digest = "00ff"
[window]
start = "zero-error"
opens_at_epoch = 70
zero_error_epochs = 4
unsolved = "analysed"
length_epochs = 12
[at_epochs]
epochs = [0, 2, 20]
[curvature_at_epochs]
enabled = true
tolerance = 1e-7
trace_products = 33
[flatness_at_epochs]
enabled = true
along = "both"
directions = 21
spacing = "leading"
[pca]
layers = ["fc2", "fc3"]
spectrum = "leading"
directions = 100
[flatness]
enabled = false
directions = "all"
spacing = "leading"
tolerance = 1e-3
max_displacement = 50
fit_first = 3
fit_last = 300
psi_assumed = 3.5
[first_mode]
enabled = false
points = 11
samples = 100
modes = 3
last_mode = 40
[curvature]
enabled = true
directions = 30
spacing = "leading"
dense_limit = 400
modes = 12
tolerance = 1e-4
trace_products = 60
squared_hessian = true
[network_curvature]
enabled = true
kinds = ["hessian", "noise-covariance"]
leading = 7
smallest = 2
tolerance = 1e-6
density_probes = 3
density_steps = 50
trace_products = 120
window = true
[dynamics]
enabled = false
directions = 70
spacing = "leading"
lags = 50
frozen_points = 5
[mlf]
enabled = false
directions = "all"
spacing = "leading"
minibatches = 30
pairs = 10
minima = "left-out"
reach = 2.5
tolerance = 1e-4
[filters]
enabled = false
[relative_flatness]
enabled = true
[nulls]
enabled = false
directions = 80
walk = false
walk_flatness = false
held_out = false
window_halvings = 2
[bases]
enabled = true
basis = ["random", "hessian"]
directions = 33
spacing = "leading"
mlf = true
dense_limit = 700
modes = 9
tolerance = 1e-7
[pooled_pca]
enabled = true
fraction = 0.95
directions = 6
[continual]
tasks = [[0, 1, 2], [5, 6], [9]]
labels = "global"
epochs = 7
learning_rate = 0.02
methods = ["l2", "ldc-flatness", "ewc-batched", "ewc-empirical", "laplace"]
psi = [3.0, 5.0]
constraint_counts = [0, 100]
strength = [0.5, 20.0]
scale = "absolute"
trained = ["all", "fc2+fc3"]
biases = ["free", "held"]
held = ["fc1", "analysed"]
leading_mode = ["out", "in"]
[noise]
method = "diagonal"
amplitude = 0.3
epochs = 500
sgd_epochs = 40
sgd_learning_rate = 0.05
modes = 30
minibatches = 100
renew_epochs = 20
until_loss = 0.004
loss_levels = [0.2, 0.02]
[output]
trajectory = true
[run]
team_size = 2
memory_per_rank = 0.5
checkpoint_epochs = 5
checkpoint_seconds = 30.0
max_walltime = 1.5
[grid]
batch_size = [10, 20]
learning_rate = [0.1, 1]
weight_decay = [0.0, 0.1]
train_limit = [0, 500]
label_noise = [0.0, 0.5]
width = [20, 30]
hidden_layers = [1, 2]
activation = ["leaky-relu", "gelu"]
initial_scale = [0.5, 2.0]
loss = ["square", "cross-entropy"]
optimizer = ["sgd", "momentum"]
sampling = ["reshuffle", "fixed-partition"]
noise_method = ["gd", "isotropic"]
noise_amplitude = [0.5, 2.0]
psi_assumed = [3.0, 4.0]
seed = [0, 1, 2]
)";

/// The text above without what a study refuses.
std::string keys_of(const std::string& study) {
  std::string text(every_key);
  const auto replace = [&](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
  };
  replace("study = \"noise\"", "study = \"" + study + "\"");
  if (study != "landscape") replace("psi_assumed = [3.0, 4.0]\n", "");
  if (study != "landscape") replace("weight_decay = 0.01\n", "");
  if (study != "landscape") replace("weight_decay = [0.0, 0.1]\n", "");
  if (study != "landscape") replace("warmup_epochs = 2\ndecay = \"cosine\"\n", "");
  if (study != "landscape") replace("results = \"runs/a/results.h5\"\n", "");
  if (study != "landscape") replace("epochs = [0, 2, 20]\n", "");
  if (study != "landscape") replace("[pooled_pca]\nenabled = true", "[pooled_pca]\nenabled = false");
  if (study != "noise") replace("noise_method = [\"gd\", \"isotropic\"]\nnoise_amplitude = [0.5, 2.0]\n", "");
  return text;
}

TEST(ConfigFile, AnEmptyFileGivesTheDefaults) {
  const auto config = parse("");
  const Config defaults;
  EXPECT_EQ(config.data.name, defaults.data.name);
  EXPECT_TRUE(config.network.architecture.is_mlp());
  EXPECT_EQ(config.network.width, 50);
  EXPECT_EQ(config.train.batch_size, 50);
  EXPECT_EQ(config.train.optimizer.learning_rate, 0.1);
  EXPECT_EQ(config.window.epochs, 10);
  EXPECT_THAT(config.pca.layers, ElementsAre("fc2"));
  EXPECT_TRUE(config.grid.seed.empty());
}

TEST(ConfigFile, ReadsEveryKey) {
  const auto c = parse(keys_of("landscape"));
  EXPECT_EQ(c.data.name, "fashion-mnist");
  EXPECT_EQ(c.data.root, "/data \"sets\" \\ here");
  EXPECT_EQ(c.data.train_limit, 1000);
  EXPECT_EQ(c.data.test_limit, 200);
  EXPECT_EQ(c.network.hidden_layers, 3);
  EXPECT_EQ(c.network.width, 40);
  EXPECT_EQ(c.network.initialisation, Initialisation::same_norm);
  EXPECT_EQ(c.network.initial_scale, 0.75);
  EXPECT_EQ(c.network.activation, Activation::tanh);
  EXPECT_EQ(c.train.loss, Loss::square);
  EXPECT_EQ(c.data.scale, 0.5);
  EXPECT_EQ(c.train.batch_size, 20);
  EXPECT_EQ(c.train.optimizer.learning_rate, 0.05);
  EXPECT_EQ(c.train.sampling, Sampling::with_replacement);
  EXPECT_EQ(c.train.optimizer.kind, OptimizerKind::adam);
  EXPECT_EQ(c.train.optimizer.momentum, 0.8);
  EXPECT_EQ(c.train.optimizer.adam_beta1, 0.7);
  EXPECT_EQ(c.train.optimizer.adam_beta2, 0.99);
  EXPECT_EQ(c.train.optimizer.adam_epsilon, 1e-7);
  EXPECT_EQ(c.train.seed, 11);
  EXPECT_EQ(c.train.optimizer.weight_decay, 0.01);
  EXPECT_EQ(c.train.schedule.warmup_epochs, 2);
  EXPECT_EQ(c.train.schedule.decay, Decay::cosine);
  EXPECT_EQ(c.train.schedule.decay_ends, 60);
  EXPECT_EQ(c.train.schedule.end_factor, 0.2);
  EXPECT_THAT(c.train.schedule.step_epochs, ElementsAre(5, 9));
  EXPECT_EQ(c.train.schedule.step_factor, 0.3);
  EXPECT_EQ(c.data.label_noise, 0.25);
  EXPECT_EQ(c.data.teacher.inputs, 40);
  EXPECT_EQ(c.data.teacher.covariance_exponent, 1.5);
  EXPECT_EQ(c.data.teacher.width, 0);
  EXPECT_EQ(c.data.teacher.outputs, 3);
  EXPECT_EQ(c.data.teacher.noise, 0.1);
  EXPECT_EQ(c.data.teacher.train_samples, 300);
  EXPECT_EQ(c.data.teacher.test_samples, 50);
  EXPECT_EQ(c.data.teacher.seed, 8);
  EXPECT_EQ(c.window.start, WindowStart::zero_error);
  EXPECT_EQ(c.window.epoch, 70);
  EXPECT_EQ(c.window.zero_error_epochs, 4);
  EXPECT_EQ(c.window.unsolved, Unsolved::analysed);
  EXPECT_EQ(c.window.epochs, 12);
}

TEST(ConfigFile, SetsKeysOfTablesWithinTables) {
  const auto c = parse("[data.teacher]\nwidth = 7\n", {"data.teacher.inputs=9", "train.schedule.decay=linear"});
  EXPECT_EQ(c.data.teacher.width, 7);
  EXPECT_EQ(c.data.teacher.inputs, 9);
  EXPECT_EQ(c.train.schedule.decay, Decay::linear);
  EXPECT_EQ(parse(c.resolved).resolved, c.resolved);
}

TEST(ConfigFile, ReadsEveryKeyOfTheAnalyses) {
  const auto c = parse(keys_of("landscape"));
  EXPECT_THAT(c.pca.layers, ElementsAre("fc2", "fc3"));
  EXPECT_EQ(c.pca.spectrum, Spectrum::leading);
  EXPECT_EQ(c.pca.directions, 100);
  EXPECT_FALSE(c.flatness.enabled);
  EXPECT_EQ(c.flatness.directions, 0);
  EXPECT_EQ(c.flatness.tolerance, 1e-3);
  EXPECT_EQ(c.flatness.max_displacement, 50.0);
  EXPECT_EQ(c.flatness.fit_first, 3);
  EXPECT_EQ(c.flatness.spacing, DirectionChoice::leading);
  EXPECT_EQ(c.flatness.fit_last, 300);
  EXPECT_EQ(c.flatness.psi, 3.5);
  EXPECT_TRUE(c.output.trajectory);
  EXPECT_EQ(c.run.team_size, 2);
  EXPECT_EQ(c.run.memory_per_rank, 0.5);
  EXPECT_EQ(c.run.checkpoint_epochs, 5);
  EXPECT_EQ(c.run.checkpoint_seconds, 30.0);
  EXPECT_EQ(c.run.max_walltime, 1.5);
  EXPECT_THAT(c.grid.batch_size, ElementsAre(10, 20));
  EXPECT_THAT(c.grid.learning_rate, ElementsAre(0.1, 1.0));
  EXPECT_THAT(c.grid.width, ElementsAre(20, 30));
  EXPECT_THAT(c.grid.hidden_layers, ElementsAre(1, 2));
  EXPECT_THAT(c.grid.initial_scale, ElementsAre(0.5, 2.0));
  EXPECT_THAT(c.grid.weight_decay, ElementsAre(0.0, 0.1));
  EXPECT_THAT(c.grid.train_limit, ElementsAre(0, 500));
  EXPECT_THAT(c.grid.label_noise, ElementsAre(0.0, 0.5));
  EXPECT_THAT(c.grid.activation, ElementsAre(Activation::leaky_relu, Activation::gelu));
  EXPECT_THAT(c.grid.loss, ElementsAre(Loss::square, Loss::cross_entropy));
  EXPECT_THAT(c.grid.psi, ElementsAre(3.0, 4.0));
  EXPECT_FALSE(c.first_mode.enabled || c.dynamics.enabled || c.mlf.enabled || c.filters.enabled || c.nulls.enabled);
  EXPECT_EQ(c.first_mode.points, 11);
  EXPECT_EQ(c.first_mode.samples, 100);
  EXPECT_EQ(c.first_mode.modes, 3);
  EXPECT_EQ(c.first_mode.last_mode, 40);
  EXPECT_EQ(c.dynamics.directions, 70);
  EXPECT_EQ(c.dynamics.spacing, DirectionChoice::leading);
  EXPECT_EQ(c.dynamics.lags, 50);
  EXPECT_EQ(c.dynamics.frozen_points, 5);
  EXPECT_EQ(c.mlf.directions, 0);
  EXPECT_EQ(c.mlf.spacing, DirectionChoice::leading);
  EXPECT_EQ(c.mlf.minibatches, 30);
  EXPECT_EQ(c.mlf.pairs, 10);
  EXPECT_EQ(c.mlf.minima, MinimumPositions::left_out);
  EXPECT_DOUBLE_EQ(c.mlf.reach, 2.5);
  EXPECT_DOUBLE_EQ(c.mlf.tolerance, 1e-4);
  EXPECT_EQ(c.nulls.directions, 80);
  EXPECT_FALSE(c.nulls.walk || c.nulls.walk_flatness || c.nulls.held_out);
  EXPECT_EQ(c.nulls.scan_halvings, 2);
  EXPECT_THAT(c.grid.seed, ElementsAre(0, 1, 2));
  EXPECT_THAT(c.grid.optimizer, ElementsAre(OptimizerKind::sgd, OptimizerKind::momentum));
  EXPECT_THAT(c.grid.sampling, ElementsAre(Sampling::reshuffle, Sampling::fixed_partition));
}

TEST(ConfigFile, ReadsEveryKeyOfThePool) {
  const auto c = parse(keys_of("landscape"));
  EXPECT_TRUE(c.pooled_pca.enabled);
  EXPECT_EQ(c.pooled_pca.fraction, 0.95);
  EXPECT_EQ(c.pooled_pca.directions, 6);
}

TEST(ConfigFile, ReadsEveryKeyOfStatesAndForks) {
  const auto c = parse(keys_of("landscape"));
  EXPECT_THAT(c.at_epochs.epochs, ElementsAre(0, 2, 20));
  EXPECT_TRUE(c.curvature_at_epochs.enabled && c.flatness_at_epochs.enabled);
  EXPECT_EQ(c.curvature_at_epochs.tolerance, 1e-7);
  EXPECT_EQ(c.curvature_at_epochs.trace_products, 33);
  EXPECT_EQ(c.flatness_at_epochs.along, PrincipalDirections::both);
  EXPECT_EQ(c.flatness_at_epochs.directions, 21);
  EXPECT_EQ(c.flatness_at_epochs.spacing, DirectionChoice::leading);
  EXPECT_EQ(c.fork.results, "runs/a/results.h5");
  EXPECT_EQ(c.fork.replica, 3);
  EXPECT_EQ(c.fork.epoch, 20);
  EXPECT_EQ(c.fork.digest, "00ff");
}

TEST(ConfigFile, AForkIsItsStateWhereverItStands) {
  const std::string fork = "[fork]\nreplica = 3\nepoch = 20\ndigest = \"00ff\"\n";
  EXPECT_EQ(parse(fork + "results = \"a\"\n").fingerprint, parse(fork + "results = \"b\"\n").fingerprint);
  EXPECT_NE(parse(fork).fingerprint, parse("").fingerprint);
}

TEST(ConfigFile, ReadsEveryKeyOfCurvature) {
  const auto c = parse(keys_of("landscape"));
  EXPECT_TRUE(c.curvature.enabled && c.network_curvature.enabled);
  EXPECT_EQ(c.curvature.directions, 30);
  EXPECT_EQ(c.curvature.spacing, DirectionChoice::leading);
  EXPECT_EQ(c.curvature.dense_limit, 400);
  EXPECT_EQ(c.curvature.modes, 12);
  EXPECT_EQ(c.curvature.tolerance, 1e-4);
  EXPECT_EQ(c.curvature.trace_products, 60);
  EXPECT_TRUE(c.curvature.squared_hessian);
  EXPECT_THAT(c.network_curvature.kinds, ElementsAre(CurvatureKind::hessian, CurvatureKind::noise_covariance));
  EXPECT_EQ(c.network_curvature.leading, 7);
  EXPECT_EQ(c.network_curvature.smallest, 2);
  EXPECT_EQ(c.network_curvature.tolerance, 1e-6);
  EXPECT_EQ(c.network_curvature.density_probes, 3);
  EXPECT_EQ(c.network_curvature.density_steps, 50);
  EXPECT_EQ(c.network_curvature.trace_products, 120);
  EXPECT_TRUE(c.network_curvature.window);
}

TEST(ConfigFile, ReadsEveryKeyOfBases) {
  const auto bases = parse(keys_of("landscape")).bases;
  EXPECT_TRUE(bases.enabled && bases.mlf);
  EXPECT_THAT(bases.basis, ElementsAre(Basis::random, Basis::hessian));
  EXPECT_EQ(bases.directions, 33);
  EXPECT_EQ(bases.spacing, DirectionChoice::leading);
  EXPECT_EQ(bases.dense_limit, 700);
  EXPECT_EQ(bases.modes, 9);
  EXPECT_EQ(bases.tolerance, 1e-7);
}

TEST(ConfigFile, ReadsEveryKeyOfTheOtherStudies) {
  const auto c = parse(keys_of("noise"));
  EXPECT_EQ(c.study, Study::noise);
  EXPECT_THAT(c.continual.tasks, ElementsAre(ElementsAre(0, 1, 2), ElementsAre(5, 6), ElementsAre(9)));
  EXPECT_EQ(c.continual.labels, TaskLabels::global);
  EXPECT_EQ(c.continual.epochs, 7);
  EXPECT_EQ(c.continual.learning_rate, 0.02);
  EXPECT_THAT(c.continual.methods,
              ElementsAre(ConstraintKind::l2, ConstraintKind::ldc_flatness, ConstraintKind::ewc_batched,
                          ConstraintKind::ewc_empirical, ConstraintKind::laplace));
  EXPECT_THAT(c.continual.psi, ElementsAre(3.0, 5.0));
  EXPECT_THAT(c.continual.constraints, ElementsAre(0, 100));
  EXPECT_THAT(c.continual.strength, ElementsAre(0.5, 20.0));
  EXPECT_EQ(c.continual.scale, StrengthScale::absolute);
  EXPECT_THAT(c.continual.trained, ElementsAre("all", "fc2+fc3"));
  EXPECT_THAT(c.continual.biases, ElementsAre(Biases::free, Biases::held));
  EXPECT_THAT(c.continual.held, ElementsAre("fc1", "analysed"));
  EXPECT_THAT(c.continual.first_mode, ElementsAre(LeadingMode::out, LeadingMode::in));
  EXPECT_EQ(c.noise.method, NoiseMethod::diagonal);
  EXPECT_EQ(c.noise.strength, 0.3);
  EXPECT_EQ(c.noise.epochs, 500);
  EXPECT_EQ(c.noise.sgd_epochs, 40);
  EXPECT_EQ(c.noise.sgd_learning_rate, 0.05);
  EXPECT_EQ(c.noise.modes, 30);
  EXPECT_EQ(c.noise.minibatches, 100);
  EXPECT_EQ(c.noise.renew_epochs, 20);
  EXPECT_EQ(c.noise.until_loss, 0.004);
  EXPECT_THAT(c.noise.loss_levels, ElementsAre(0.2, 0.02));
  EXPECT_THAT(c.grid.noise_method, ElementsAre(NoiseMethod::gradient_descent, NoiseMethod::isotropic));
  EXPECT_THAT(c.grid.noise_strength, ElementsAre(0.5, 2.0));
}

TEST(ConfigFile, TheStudyMayBeSetOnTheCommandLine) {
  EXPECT_EQ(parse("", {"study=continual"}).study, Study::continual);
  EXPECT_EQ(parse("study = \"noise\"\n", {"study=\"landscape\""}).study, Study::landscape);
}

constexpr const char* every_key_of_models = R"(study = "models"

[model]
weights = ["a.npz", "zoo/*.safetensors"]
trajectory = "{model}.npz"
columns = "zoo.csv"
training = "minibatches"

[model.names]
fc1 = "encoder.weight"
fc1_bias = "encoder.bias"
)";

TEST(ConfigFile, NetworksMadeElsewhereHaveKeysOfTheirOwn) {
  const auto config = parse(every_key_of_models);
  EXPECT_EQ(config.study, Study::models);
  const auto& c = config.model;
  EXPECT_THAT(c.weights, ElementsAre("a.npz", "zoo/*.safetensors"));
  EXPECT_THAT(c.trajectory, ElementsAre("{model}.npz"));
  EXPECT_EQ(c.columns, "zoo.csv");
  EXPECT_EQ(c.training, TrainingKnown::minibatches);
  EXPECT_THAT(c.names, ElementsAre(std::pair("fc1", "encoder.weight"), std::pair("fc1_bias", "encoder.bias")));
  const auto again = parse_config(config.resolved, "resolved");
  EXPECT_EQ(again.resolved, config.resolved);
  EXPECT_EQ(again.model.names, c.names);
}

TEST(ConfigFile, NetworksMadeElsewhereAreNotTrained) {
  EXPECT_THAT([] { (void)parse("study = \"models\"\n"); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("wants model.weights")));
  EXPECT_THAT([] { (void)parse("[model]\nweights = \"a\"\n"); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("write study = \"models\"")));
  EXPECT_THAT([] { (void)parse("study = \"models\"\n[model]\nweights = \"a\"\n[grid]\nwidth = [2]\n"); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("grid.width")));
  EXPECT_THAT([] { (void)parse("study = \"models\"\n[model]\nweights = \"a\"\nnames = 3\n"); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("model.names = 3 must be a table")));
  EXPECT_THAT([] { (void)parse("study = \"models\"\n[model]\nweights = 4\n"); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("model.weights = 4 must be a text")));
}

TEST(ConfigFile, TakesWholeNumbersUpToTheirBoundsAndNoneBeyond) {
  const auto probes = [](std::int64_t count) {
    return parse("", {"network_curvature.density_probes=" + std::to_string(count)}).network_curvature.density_probes;
  };
  EXPECT_EQ(probes(1), 1);
  EXPECT_EQ(probes(limits::density_probes), limits::density_probes);
  EXPECT_THROW((void)probes(0), ConfigError);
  EXPECT_THROW((void)probes(limits::density_probes + 1), ConfigError);
}

/// But those of networks made elsewhere and grid.temperature, which exclude others.
TEST(ConfigFile, TheTextAboveHasEveryKey) {
  std::string table;
  std::vector<std::string> seen;
  std::istringstream lines{std::string(every_key)};
  for (std::string line; std::getline(lines, line);) {
    if (line.front() == '[')
      table = line.substr(1, line.find(']') - 1);
    else
      seen.push_back((table.empty() ? "" : table + ".") + line.substr(0, line.find(' ')));
  }
  auto keys = config_keys();
  std::erase_if(keys, [](const std::string& key) { return key.starts_with("model.") || key == "grid.temperature"; });
  EXPECT_EQ(seen, keys);
}

TEST(ConfigFile, AssignmentsOfTheCommandLineComeLast) {
  const auto config =
      parse("[train]\nbatch_size = 20\n",
            {"train.batch_size=30", "train.learning_rate=1e-2", "data.name=mnist-sample", "data.root=/some/where",
             "grid.seed=[1, 2]", "flatness.enabled=false", "grid.sampling=[\"reshuffle\"]", "train.batch_size=40"});
  EXPECT_EQ(config.train.batch_size, 40);
  EXPECT_EQ(config.train.optimizer.learning_rate, 0.01);
  EXPECT_EQ(config.data.name, "mnist-sample");
  EXPECT_EQ(config.data.root, "/some/where");
  EXPECT_THAT(config.grid.seed, ElementsAre(1, 2));
  EXPECT_FALSE(config.flatness.enabled);
  EXPECT_THAT(config.grid.sampling, ElementsAre(Sampling::reshuffle));
}

TEST(ConfigFile, TheResolvedTextReadsBackToItself) {
  for (const auto& text :
       {std::string(), keys_of("landscape"), keys_of("continual"), keys_of("noise"),
        std::string("[data]\nname = \"a\\nb\\t\\\"c\\u0001\"\n[train]\nlearning_rate = 0.1234567890123456789\n")}) {
    const auto first = parse(text);
    const auto second = parse(first.resolved);
    EXPECT_EQ(second.resolved, first.resolved);
    EXPECT_EQ(second.fingerprint, first.fingerprint);
    EXPECT_EQ(second.data.name, first.data.name);
    EXPECT_EQ(second.train.optimizer.learning_rate, first.train.optimizer.learning_rate);
  }
}

TEST(ConfigFile, AnArchitectureIsAName) {
  for (const std::string name : {"mlp", "cnn-s1b", "lenet5"}) {
    EXPECT_EQ(parse("[network]\narchitecture = \"" + name + "\"\n").network.architecture, named_architecture(name));
    EXPECT_EQ(parse("", {"network.architecture=" + name}).network.architecture, named_architecture(name));
  }
}

TEST(ConfigFile, AnArchitectureIsAListOfLayersInTheirOrder) {
  const Architecture expected{"custom",
                              {parse_layer_spec("conv 16 kernel 3 padding 1"), parse_layer_spec("pool 2"),
                               parse_layer_spec("conv 16 kernel 3 padding 1"), parse_layer_spec("fc 100")}};
  EXPECT_EQ(parse("[network]\narchitecture = [\"conv 16 kernel 3 padding 1\", \"pool 2\",\n"
                  "  \"conv  16 kernel 3 padding 1\", \"fc 100\"]\n")
                .network.architecture,
            expected);
  EXPECT_EQ(
      parse(
          "",
          {R"(network.architecture=["conv 16 kernel 3 padding 1", "pool 2", "conv 16 kernel 3 padding 1", "fc 100"])"})
          .network.architecture,
      expected);
}

TEST(ConfigFile, AResolvedArchitectureReadsBackToItself) {
  for (const std::string value :
       {R"("mlp")", R"("lenet5")", R"(["fc 5"])", R"(["conv 4 kernel 3", "pool 2", "fc 9"])"}) {
    const auto first = parse("[network]\narchitecture = " + value + "\n");
    EXPECT_THAT(first.resolved, testing::HasSubstr("[network]\narchitecture = " + value + "\n"));
    const auto second = parse(first.resolved);
    EXPECT_EQ(second.network.architecture, first.network.architecture);
    EXPECT_EQ(second.resolved, first.resolved);
    EXPECT_EQ(second.fingerprint, first.fingerprint);
  }
}

TEST(ConfigFile, TheFingerprintLeavesOutWhatResultsDoNotDependOn) {
  const auto plain = parse("");
  const auto moved = parse("[data]\nroot = \"/elsewhere\"\n[run]\nteam_size = 3\nmax_walltime = 2.0\n");
  EXPECT_EQ(moved.fingerprint, plain.fingerprint);
  EXPECT_NE(moved.resolved, plain.resolved);
  for (const auto* change : {"data.name=fashion-mnist", "data.train_limit=100", "train.seed=2", "grid.seed=[1]",
                             "output.trajectory=true", "network.architecture=lenet5"})
    EXPECT_NE(parse("", {change}).fingerprint, plain.fingerprint) << change;
}

TEST(ConfigText, AMissingFileIsNamed) {
  EXPECT_THAT(
      [] { (void)read_config_text("no/such.toml"); },
      testing::ThrowsMessage<ConfigError>(
          "no/such.toml: the configuration file cannot be read: No such file or directory; is the name right?"));
  EXPECT_THROW((void)read_config_text(FLATSWEEP_SOURCE_DIR), ConfigError);
}

TEST(ConfigText, EveryInputOfTheProjectIsValid) {
  int inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(FLATSWEEP_SOURCE_DIR "/inputs")) {
    EXPECT_NO_THROW((void)parse_config(read_config_text(entry.path()), entry.path().filename().string()))
        << entry.path();
    ++inputs;
  }
  EXPECT_GE(inputs, 2);
}

struct DocumentedKey {
  std::string table, key, value;
};

/// The user's page: rows "| `key` | type | `default` | ..." below a heading "## [table]"; the first heading of all is
/// for keys of no table.
std::vector<DocumentedKey> documented_keys() {
  const std::regex heading(R"(## \[([\w.]+)\])"), row(R"(\| `(\w+)` \| [^|]* \| `?([^|`]*)`? \|.*)");
  std::ifstream page(FLATSWEEP_SOURCE_DIR "/docs/configuration.md");
  std::vector<DocumentedKey> keys;
  std::string table;
  bool of_keys = false;
  std::smatch match;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) {
      const bool has_table = std::regex_match(line, match, heading);
      table = has_table ? match[1].str() : "";
      of_keys = has_table || line == "## Before the first table";
    }
    if (of_keys && std::regex_match(line, match, row)) keys.push_back({table, match[1], match[2]});
  }
  return keys;
}

TEST(ConfigPage, DocumentsEveryKeyAndNoOther) {
  std::vector<std::string> names;
  for (const auto& [table, key, value] : documented_keys()) names.push_back((table.empty() ? "" : table + ".") + key);
  EXPECT_EQ(names, config_keys());
}

TEST(ConfigPage, GivesTheDefaults) {
  std::string text, table;
  for (const auto& documented : documented_keys()) {
    if (documented.table != table) text += "[" + documented.table + "]\n";
    table = documented.table;
    if (documented.value != "none") text += documented.key + " = " + documented.value + "\n";
  }
  EXPECT_EQ(parse(text).resolved, parse("").resolved);
}

}  // namespace
}  // namespace flatsweep::config_file_test
