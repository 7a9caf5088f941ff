#pragma once

#include "analysis_keys.hpp"
#include "flatsweep/study/grid/axes.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "key_text.hpp"
#include "model_keys.hpp"
#include "study_keys.hpp"

#include <cstdint>

namespace flatsweep {

template <class Visitor>
void describe_teacher(TeacherOptions& c, Visitor& v) {
  constexpr std::int64_t most_samples = 100000000;
  constexpr int most_units = 1000000;
  v.table("data.teacher");
  v.number("inputs", c.inputs, Bounds<int>{1, most_units}, {"inputs d of each sample, x_i ~ N(0, i^-a)"});
  v.number("covariance_exponent", c.covariance_exponent, Bounds<double>{0.0, 100.0},
           {"exponent a of the inputs' variances i^-a, i = 1 to d; 0: all 1"});
  v.number("width", c.width, Bounds<int>{0, most_units},
           {"tanh units of the teacher's hidden layer; 0: its outputs are linear in the inputs", "units"});
  v.number(
      "outputs", c.outputs, Bounds<int>{1, limits::classes},
      {"outputs of the teacher: classes, of which the one with the largest output is a sample's, or real targets"});
  v.number("noise", c.noise, Bounds<double>{0.0, 1e6}, {"standard deviation of what is added to each real target"});
  v.number("train_samples", c.train_samples, Bounds<std::int64_t>{1, most_samples},
           {"training samples that are made", "samples"});
  v.number("test_samples", c.test_samples, Bounds<std::int64_t>{1, most_samples},
           {"test samples that are made", "samples"});
  v.number("seed", c.seed, at_least<std::int64_t>(0), {"seed of the teacher's weights and of all samples"});
}

template <class Visitor>
void describe_data(DataOptions& c, Visitor& v) {
  v.table("data");
  v.text("name", c.name,
         {"image set: the folder below data.root with its files; \"teacher\": samples that are made, as [data.teacher] "
          "says"});
  v.path("root", c.root, {"folder that holds the image sets, absolute or from where flatsweep is started"});
  v.number(
      "scale", c.scale, at_least(0.0),
      {"factor of all numbers of the images; 0: 1/255 of bytes, which stay bytes in memory, and 1 of other types"});
  v.number("train_limit", c.train_limit, bounds_of<std::int64_t>(&AxisValues::train_limit),
           {"number of training images that are used, the first ones; 0: all", "images"});
  v.number("test_limit", c.test_limit, at_least<std::int64_t>(0),
           {"number of test images that are used, the first ones; 0: all", "images"});
  v.choice("targets", c.targets, {"what the outputs are compared with; real numbers come from arrays or the teacher"});
  v.number("label_noise", c.label_noise, bounds_of<double>(&AxisValues::label_noise),
           {"fraction of the training labels that is redrawn from all classes, once, by train.seed"});
  describe_teacher(c.teacher, v);
}

template <class Visitor>
void describe_network(NetworkConfig& c, Visitor& v) {
  v.table("network");
  v.architecture(
      "architecture", c.architecture,
      {"layers of the network: \"mlp\", which has network.hidden_layers fully connected layers of network.width units; "
       "\"cnn-s1b\"; \"lenet5\"; or a list of layers, such as \"conv 16 kernel 3 stride 2 padding 1\", \"pool 2\", "
       "\"average-pool 2\", \"global-average-pool\", \"fc 100\""});
  v.number("hidden_layers", c.hidden_layers, bounds_of<int>(&AxisValues::hidden_layers),
           {"number of hidden layers L of the architecture mlp, which has L + 1 layers of weights"});
  v.number("width", c.width, bounds_of<int>(&AxisValues::width),
           {"units H of every hidden layer of the architecture mlp", "units"});
  v.choice("activation", c.activation,
           {"activation of the hidden layers; a layer of a list may name its own, as in \"fc 100 tanh\""});
  v.choice("initialisation", c.initialisation, {"how initial weights and biases are drawn"});
  v.number("initial_scale", c.initial_scale, bounds_of<double>(&AxisValues::initial_scale),
           {"factor of all initial weights and biases, after they are drawn as network.initialisation says"});
}

template <class Visitor>
void describe_schedule(ScheduleOptions& c, Visitor& v) {
  constexpr Bounds<std::int64_t> any_epoch{0, most_epochs};
  v.table("train.schedule");
  v.number(
      "warmup_epochs", c.warmup_epochs, any_epoch,
      {"first epochs W, in which the learning rate grows: (e + 1)/(W + 1) of it in epoch e, counted from 0", "epochs"});
  v.choice("decay", c.decay, {"how the learning rate falls after the warm-up, once each epoch"});
  v.number("decay_ends", c.decay_ends, any_epoch,
           {"epochs done when cosine and linear decay end, and the rate stays; 0: window.opens_at_epoch", "epochs"});
  v.number("end_factor", c.end_factor, Bounds<double>{positive, 1.0},
           {"factor of the learning rate at the end of cosine and linear decay"});
  v.axis("step_epochs", c.step_epochs, Bounds<std::int64_t>{1, most_epochs},
         {"epochs done when decay = \"steps\" multiplies the learning rate by step_factor", "epochs"});
  v.number("step_factor", c.step_factor, Bounds<double>{positive, 1.0}, {"factor of each step"});
}

template <class Visitor>
void describe_train(TrainConfig& c, Visitor& v) {
  v.table("train");
  v.choice("loss", c.loss, {"loss of one sample; its mean is what is trained and analysed"});
  v.number("batch_size", c.batch_size, bounds_of<int>(&AxisValues::batch_size),
           {"minibatch size B, at most the size of the training set; an epoch is floor(M / B) iterations of the M "
            "training samples",
            "samples"});
  v.number("learning_rate", c.optimizer.learning_rate, bounds_of<double>(&AxisValues::learning_rate),
           {"learning rate alpha"});
  v.number(
      "weight_decay", c.optimizer.weight_decay, bounds_of<double>(&AxisValues::weight_decay),
      {"weight decay lambda of all weights and biases: lambda w is added to the gradient; decoupled with adam, which "
       "is then AdamW: w (1 - alpha lambda) before each step"});
  v.choice("sampling", c.sampling, {"how minibatches are drawn"});
  v.choice("optimizer", c.optimizer.kind, {"optimiser that trains the network"});
  v.number("momentum", c.optimizer.momentum, Bounds<double>{0.0, 0.9999}, {"beta of the optimisers with momentum"});
  v.number("adam_beta1", c.optimizer.adam_beta1, Bounds<double>{0.0, 0.9999}, {"decay of Adam's first moment"});
  v.number("adam_beta2", c.optimizer.adam_beta2, Bounds<double>{0.0, 0.999999}, {"decay of Adam's second moment"});
  v.number("adam_epsilon", c.optimizer.adam_epsilon, at_least(positive), {"epsilon of Adam"});
  v.number("seed", c.seed, bounds_of<std::int64_t>(&AxisValues::seed),
           {"seed of the initial weights, the minibatches and redrawn labels"});
  describe_schedule(c.schedule, v);
}

template <class Visitor>
void describe_window(WindowConfig& c, Visitor& v) {
  v.table("window");
  v.choice("start", c.start, {"what opens the window, whose snapshots of the weights the PCA takes"});
  v.number(
      "opens_at_epoch", c.epoch, Bounds<std::int64_t>{0, most_epochs},
      {"epochs of training before the window opens; with window.start = \"zero-error\" it opens then at the latest",
       "epochs"});
  v.number("zero_error_epochs", c.zero_error_epochs, some_epochs,
           {"consecutive epochs without a training error before the window opens, with window.start = \"zero-error\"",
            "epochs"});
  v.choice(
      "unsolved", c.unsolved,
      {"what becomes of a network without a solution, which with window.start = \"zero-error\" has had no such row "
       "of epochs by window.opens_at_epoch"});
  v.number("length_epochs", c.epochs, some_epochs,
           {"length of the window; epochs times floor(M / B) must give 3 snapshots or more", "epochs"});
}

template <class Visitor>
void describe_fork(ForkConfig& c, Visitor& v) {
  v.table("fork");
  v.optional_text(
      "results", c.results,
      {"results.h5 of another run, from one of whose states training goes on; flatsweep fork sets these keys"});
  v.number("replica", c.replica, at_least<std::int64_t>(0), {"number of the replica whose state it is"});
  v.number("epoch", c.epoch, Bounds<std::int64_t>{0, most_epochs}, {"epochs done in that state", "epochs"});
  v.optional_text("digest", c.digest, {"digest of that state, so that another one is not taken for it"});
}

template <class Visitor>
void describe_run(RunConfig& c, Visitor& v) {
  v.table("run");
  v.number("team_size", c.team_size, at_least<std::int64_t>(0),
           {"ranks that share one replica; 0: one as long as there are replicas enough, more where there are fewer "
            "replicas than ranks",
            "ranks"});
  v.number(
      "memory_per_rank", c.memory_per_rank, Bounds<double>{positive, limits::gib},
      {"memory for the snapshots of a window; a larger window is not stored but trained again for every pass over it",
       "GiB"});
  v.number("checkpoint_epochs", c.checkpoint_epochs, some_epochs,
           {"largest number of epochs of a replica between two checkpoints", "epochs"});
  v.number("checkpoint_seconds", c.checkpoint_seconds, Bounds<double>{positive, limits::seconds},
           {"time after which a checkpoint is written at the end of an epoch", "seconds"});
  v.number(
      "max_walltime", c.max_walltime, Bounds<double>{0.0, limits::hours},
      {"time after which the run stops as after a signal: finished work and checkpoints on disk, exit code 75; 0: no "
       "limit; choose it some minutes below the limit of the queue",
       "hours"});
}

template <class Visitor>
void describe_grid(GridConfig& grid, Visitor& v) {
  v.table("grid");
  each_axis([&]<class T>(const GridAxis<T>& axis) {
    if constexpr (WordedEnum<T>)
      v.choice_axis(axis.name, grid.*axis.values, {axis.sentence, {}, axis.key});
    else
      v.axis(axis.name, grid.*axis.values, axis.bounds, {axis.sentence, {}, axis.key});
    if (axis.value_is(&AxisValues::learning_rate))
      v.axis("temperature", grid.temperature, at_least(positive),
             {"learning rate over batch size, alpha/B, in place of grid.learning_rate", {}, axis.key});
  });
}

/// Every key of the configuration, once: its table, its name, where its value lives, what it may be, what it means.
/// Reading, writing, listing and the generated pages are visitors of this one description.
template <class Visitor>
void describe_config(Config& c, Visitor& v) {
  v.table("");
  v.choice("study", c.study, {"what is done with every replica"});
  describe_data(c.data, v);
  describe_model(c.model, v);
  describe_network(c.network, v);
  describe_train(c.train, v);
  describe_fork(c.fork, v);
  describe_window(c.window, v);
  describe_analyses(c, v);
  describe_continual(c.continual, v);
  describe_noise(c.noise, v);
  v.table("output");
  v.flag("trajectory", c.output.trajectory,
         {"store all snapshots of the window, 4 bytes per iteration and weight; they must fit run.memory_per_rank"});
  describe_run(c.run, v);
  describe_grid(c.grid, v);
}

}  // namespace flatsweep
