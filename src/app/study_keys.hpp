#pragma once

#include "flatsweep/base/limits.hpp"
#include "flatsweep/study/grid/axes.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "key_text.hpp"

#include <cstdint>

// Keys of the studies "continual" and "noise", see config_keys.hpp.
namespace flatsweep {

template <class Visitor>
void describe_continual(ContinualConfig& c, Visitor& v) {
  v.table("continual");
  v.class_lists("tasks", c.tasks, limits::classes,
                {"classes of every task, in the order in which they are learnt; two tasks or more"});
  v.choice("labels", c.labels, {"which output stands for a class of a task"});
  v.number("epochs", c.epochs, some_epochs, {"length of the training on every task after the first", "epochs"});
  v.number("learning_rate", c.learning_rate, at_least(0.0),
           {"learning rate alpha of every task after the first; 0: that of the first task"});
  v.choice_axis("methods", c.methods, {"what the training on further tasks is held to"});
  v.axis("psi", c.psi, at_least(positive),
         {"exponents by which the method ldc takes flatness from variance, F_i^-2 = sigma_i^(4/psi)"});
  v.axis("constraint_counts", c.constraints, Bounds<std::int64_t>{0, most_directions},
         {"numbers N_c of constraints of each layer of pca.layers; all that there are where these are fewer"});
  v.axis("strength", c.strength, at_least(0.0), {"strengths of the penalty, as continual.scale says"});
  v.choice("scale", c.scale, {"what a strength of 1 stands for"});
  v.texts("trained", c.trained,
          {"layers that tasks after the first may change: those of pca.layers, all, or for example \"fc2+fc3\"",
           "\"analysed\", \"all\", names joined by +"});
  v.choice_axis("biases", c.biases, {"what happens to biases of the layers that further tasks may change"});
  v.texts("held", c.held,
          {"layers that the penalty acts on: all those of pca.layers, or some of them, for example \"fc1+fc2\"",
           "\"analysed\", names joined by +"});
  v.choice_axis("leading_mode", c.first_mode,
                {"with which principal direction the constraints of the methods ldc and ldc-flatness begin"});
}

template <class Visitor>
void describe_noise(NoiseConfig& c, Visitor& v) {
  v.table("noise");
  v.choice("method", c.method, {"how a replica of the study noise is trained"});
  v.number("amplitude", c.strength, bounds_of<double>(&AxisValues::noise_strength),
           {"factor sigma_n of the added noise, the standard deviation of the random numbers eta_i"});
  v.number("epochs", c.epochs, some_epochs, {"length of gradient descent, with noise or without", "steps"});
  v.number("sgd_epochs", c.sgd_epochs, some_epochs, {"length of the training by method sgd", "epochs"});
  v.number("sgd_learning_rate", c.sgd_learning_rate, at_least(0.0),
           {"learning rate alpha of method sgd, in place of train.learning_rate and its axis; 0: these"});
  v.number("modes", c.modes, some_directions, {"number N_c of modes of the noise in each layer"});
  v.number("minibatches", c.minibatches, Bounds<std::int64_t>{0, limits::noise_minibatches},
           {"number N_m of minibatches from which the modes of the noise are measured; 0: two epochs of them"});
  v.number("renew_epochs", c.renew_epochs, some_epochs,
           {"number of steps after which the modes of the noise are measured anew", "epochs"});
  v.number("until_loss", c.until_loss, at_least(0.0),
           {"training loss that ends a training when an epoch reaches it, before its epochs are over; 0: none does"});
  v.axis("loss_levels", c.loss_levels, at_least(positive),
         {"training losses at which the summary compares test errors"});
}

}  // namespace flatsweep
