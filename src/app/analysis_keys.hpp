#pragma once

#include "flatsweep/study/grid/axes.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "key_text.hpp"

#include <cstdint>

// Keys of the analyses, see config_keys.hpp.
namespace flatsweep {

template <class Visitor>
void describe_at_epochs(AtEpochsConfig& c, Visitor& v) {
  v.table("at_epochs");
  v.axis("epochs", c.epochs, Bounds<std::int64_t>{0, most_epochs},
         {"epochs after which the state of training is kept in results.h5, ascending; 0: the initial weights; a state "
          "takes 8 "
          "to 16 bytes a weight",
          "epochs"});
}

template <class Visitor>
void describe_curvature_at_epochs(CurvatureAtEpochsConfig& c, Visitor& v) {
  v.table("curvature_at_epochs");
  v.flag(
      "enabled", c.enabled,
      {"measure largest eigenvalue and trace of the whole network's Hessian and the batch sharpness at the epochs of "
       "at_epochs.epochs"});
  v.number("tolerance", c.tolerance, Bounds<double>{1e-12, 0.1}, {"residual of an eigenpair over its eigenvalue"});
  v.number("trace_products", c.trace_products, Bounds<std::int64_t>{6, limits::trace_products},
           {"number of products that the estimate of a trace takes"});
}

template <class Visitor>
void describe_flatness_at_epochs(FlatnessAtEpochsConfig& c, Visitor& v) {
  v.table("flatness_at_epochs");
  v.flag("enabled", c.enabled, {"measure the flatness along principal directions at the epochs of at_epochs.epochs"});
  v.choice("along", c.along, {"along which principal directions flatness is measured at every epoch"});
  v.count_or_all("directions", c.directions,
                 {"number of principal directions whose flatness is measured at every epoch"});
  v.choice("spacing", c.spacing, {"which principal directions are measured at every epoch, when not all"});
}

template <class Visitor>
void describe_pca(PcaConfig& c, Visitor& v) {
  v.table("pca");
  v.texts("layers", c.layers,
          {"layers to analyse, each on its own; every network of the grid must have them", "names of layers"});
  v.choice(
      "spectrum", c.spectrum,
      {"which modes of the PCA are computed; variances of the others are NaN, and later analyses have the computed "
       "directions only; with 3000 modes or fewer, min(N, T), all are computed in any case"});
  v.count_or_all("directions", c.directions,
                 {"number of principal directions that results.h5 keeps; one direction of a layer with N weights takes "
                  "8 N bytes; the variances of all computed directions are stored in any case"});
}

template <class Visitor>
void describe_flatness(FlatnessConfig& c, Visitor& v) {
  v.table("flatness");
  v.flag("enabled", c.enabled, {"measure the flatness along principal directions"});
  v.count_or_all("directions", c.directions,
                 {"number of principal directions whose flatness is measured; time grows with it"});
  v.choice("spacing", c.spacing,
           {"which principal directions are measured, when not all; a fit over log-spaced directions gives the first "
            "ones more weight than a fit over all"});
  v.number("tolerance", c.tolerance, Bounds<double>{1e-6, 0.1},
           {"relative accuracy of the two points where the loss is e times that of the solution"});
  v.number("max_displacement", c.max_displacement, at_least(positive),
           {"largest displacement from the solution at which the loss is looked at; a side that does not reach e times "
            "the loss by then counts as unbounded",
            "norms of the layer's w_0"});
  v.number("fit_first", c.fit_first, some_directions,
           {"first direction of the fit for psi, counted from 1 as in the paper"});
  v.number("fit_last", c.fit_last, some_directions,
           {"last direction of the fit for psi, more than flatness.fit_first; directions that a layer lacks are left "
            "out"});
  v.number("psi_assumed", c.psi, bounds_of<double>(&AxisValues::psi),
           {"exponent that is assumed when flatness is predicted from variance; the psi that is fitted does not depend "
            "on it"});
}

template <class Visitor>
void describe_first_mode(FirstModeConfig& c, Visitor& v) {
  v.table("first_mode");
  v.flag("enabled", c.enabled,
         {"measure what moving the solution along the first principal direction does to the outputs"});
  v.number("points", c.points, Bounds<int>{3, 10001},
           {"number of displacements theta at which gaps between outputs and ln L are taken"});
  v.number("samples", c.samples, at_least<int>(1),
           {"number of training samples whose gaps are stored, spread evenly over the set; medians, correlations and "
            "predictions always use all samples"});
  v.number("modes", c.modes, Bounds<int>{1, limits::profile_modes},
           {"number of principal directions along which ln L is stored: the first, the others spaced evenly in ln i"});
  v.number("last_mode", c.last_mode, at_least<int>(1),
           {"last of the principal directions along which ln L is stored, counted from 1 as in the paper"});
}

template <class Visitor>
void describe_curvature(CurvatureConfig& c, Visitor& v) {
  v.table("curvature");
  v.flag("enabled", c.enabled,
         {"measure second derivatives of the loss in one layer's weights, and the noise of its gradients"});
  v.count_or_all("directions", c.directions,
                 {"number of principal directions along which curvature and gradient noise are given"});
  v.choice("spacing", c.spacing, {"which principal directions have curvature and gradient noise, when not all"});
  v.number("dense_limit", c.dense_limit, Bounds<std::int64_t>{0, 32000},
           {"widest layer whose matrices are formed and whose spectra are computed whole; of a wider layer the leading "
            "modes are computed without the matrix",
            "weights"});
  v.number("modes", c.modes, some_eigenpairs,
           {"number of leading modes of a layer that is wider than curvature.dense_limit, and the largest span that is "
            "compared"});
  v.number("tolerance", c.tolerance, eigenpair_tolerance,
           {"residual of an eigenpair over the largest eigenvalue, where the matrix is not formed"});
  v.number("trace_products", c.trace_products, some_trace_products,
           {"number of products that the estimate of a trace takes, where the matrix is not formed"});
  v.flag("squared_hessian", c.squared_hessian,
         {"measure the mean of the squared Hessians of single samples too, where matrices are formed; not of "
          "convolutions with curved activations"});
}

template <class Visitor>
void describe_network_curvature(NetworkCurvatureConfig& c, Visitor& v) {
  v.table("network_curvature");
  v.flag("enabled", c.enabled,
         {"measure extreme eigenvalues, density of eigenvalues and trace of matrices over all weights and biases"});
  v.choice_axis("kinds", c.kinds, {"matrices whose spectra are measured"});
  v.number("leading", c.leading, some_eigenpairs, {"number of eigenpairs from the upper end of the spectrum"});
  v.number("smallest", c.smallest, Bounds<std::int64_t>{0, limits::eigenpairs},
           {"number of eigenpairs from the lower end of the spectrum, which take many more products where eigenvalues "
            "crowd about 0"});
  v.number("tolerance", c.tolerance, eigenpair_tolerance, {"residual of an eigenpair over the largest eigenvalue"});
  v.number("density_probes", c.density_probes, Bounds<std::int64_t>{1, limits::density_probes},
           {"number of random vectors for the density of eigenvalues"});
  v.number("density_steps", c.density_steps, Bounds<std::int64_t>{2, limits::density_steps},
           {"number of products for each random vector of the density of eigenvalues"});
  v.number("trace_products", c.trace_products, some_trace_products,
           {"number of products that the estimate of the trace takes"});
  v.flag("window", c.window,
         {"measure the window along the leading eigenvectors of the Hessian too: variance, noise strength, correlation "
          "times, flatness and gradient noise, and how fast the norm of all weights grows; trains the window again"});
}

template <class Visitor>
void describe_dynamics(DynamicsConfig& c, Visitor& v) {
  v.table("dynamics");
  v.flag("enabled", c.enabled,
         {"measure velocity correlations, noise strength and correlation times along principal directions"});
  v.count_or_all("directions", c.directions, {"number of principal directions whose dynamics are measured"});
  v.choice("spacing", c.spacing, {"which principal directions have their dynamics measured, when not all"});
  v.number("lags", c.lags, Bounds<int>{3, 1000000},
           {"number of lags of the stored curves, about, spaced evenly in ln(lag + 1); all lags enter the times"});
  v.number(
      "frozen_points", c.frozen_points, Bounds<int>{0, limits::frozen_points},
      {"number of iterations of the window, evenly spread, at which the gradient noise is measured with the weights "
       "held; each is a pass over the minibatches that its epoch has still to draw, after the window has been "
       "trained once more; 0: none"});
}

template <class Visitor>
void describe_mlf(MlfConfig& c, Visitor& v) {
  v.table("mlf");
  v.flag("enabled", c.enabled,
         {"measure minibatch loss functions: derivatives of ln L of every single minibatch at the solution, and where "
          "each has its minimum"});
  v.count_or_all("directions", c.directions,
                 {"number of principal directions of the minibatch loss functions; the means and variances of all M_ij "
                  "take 16 bytes times the square of this"});
  v.choice("spacing", c.spacing, {"which principal directions of the minibatch loss functions, when not all"});
  v.count_or_all("minibatches", c.minibatches,
                 {"number of minibatches of the epoch after the window whose loss functions are measured"});
  v.number("pairs", c.pairs, Bounds<int>{0, limits::minibatch_pairs},
           {"number of pairs of directions whose M_ij is stored for every minibatch, spread evenly over all pairs"});
  v.choice("minima", c.minima, {"whether the minimum of every minibatch loss function along every direction is found"});
  v.number(
      "reach", c.reach, at_least(positive),
      {"largest displacement at which a minimum is looked for; where F_i is not known, in sqrt(8 / curvature of ln "
       "L)",
       "F_i"});
  v.number("tolerance", c.tolerance, Bounds<double>{1e-7, 0.1}, {"accuracy of a minimum's position", "F_i"});
}

template <class Visitor>
void describe_nulls(NullsConfig& c, Visitor& v) {
  v.table("nulls");
  v.flag("enabled", c.enabled,
         {"measure what the window would look like without a landscape, and what is left of the relation where chance "
          "could not choose the directions"});
  v.count_or_all(
      "directions", c.directions,
      {"number of principal directions of the null models, spaced evenly in ln i; where flatness was measured, "
       "the nearest ones that have it"});
  v.flag("walk", c.walk,
         {"walk the measured gradient noise with the weights held: four passes over the window's minibatches and one "
          "PCA; Adam has none"});
  v.flag("walk_flatness", c.walk_flatness, {"measure flatness along the walk's own directions, for its psi"});
  v.flag(
      "held_out", c.held_out,
      {"take directions from the last half of the window and variance from the first half, and measure flatness along "
       "them; windows below 8 snapshots have none"});
  v.number(
      "window_halvings", c.scan_halvings, Bounds<int>{0, 12},
      {"number of times that the window is halved, for psi of windows of T/2^n, ..., T/2 and T snapshots; each is a "
       "PCA; 0: none"});
}

template <class Visitor>
void describe_bases(BasesConfig& c, Visitor& v) {
  v.table("bases");
  v.flag("enabled", c.enabled,
         {"measure variance, dynamics, flatness, curvature and gradient noise along directions of several bases, which "
          "the trajectory did not choose, beside the variance that a quadratic loss predicts"});
  v.choice_axis("basis", c.basis, {"bases of the layer's weights along which all is measured"});
  v.count_or_all("directions", c.directions,
                 {"number of directions of each basis; of the principal ones, where flatness was measured, the nearest "
                  "that have it"});
  v.choice("spacing", c.spacing, {"which directions of a basis, when not all"});
  v.flag(
      "mlf", c.mlf,
      {"measure minibatch loss functions along the directions of each basis as well, with the minibatches, pairs and "
       "minima of [mlf]"});
  v.number("dense_limit", c.dense_limit, Bounds<std::int64_t>{0, 32000},
           {"widest layer whose Hessian and noise covariance are formed and solved whole; of a wider layer the leading "
            "eigenvectors are computed without the matrix",
            "weights"});
  v.number("modes", c.modes, some_eigenpairs,
           {"number of leading eigenvectors of a layer that is wider than bases.dense_limit"});
  v.number("tolerance", c.tolerance, eigenpair_tolerance,
           {"residual of an eigenpair over the largest eigenvalue, where the matrix is not formed"});
}

template <class Visitor>
void describe_analyses(Config& c, Visitor& v) {
  describe_at_epochs(c.at_epochs, v);
  describe_curvature_at_epochs(c.curvature_at_epochs, v);
  describe_flatness_at_epochs(c.flatness_at_epochs, v);
  describe_pca(c.pca, v);
  describe_flatness(c.flatness, v);
  describe_first_mode(c.first_mode, v);
  describe_curvature(c.curvature, v);
  describe_network_curvature(c.network_curvature, v);
  describe_dynamics(c.dynamics, v);
  describe_mlf(c.mlf, v);
  v.table("filters");
  v.flag("enabled", c.filters.enabled, {"measure how principal directions look as filter matrices"});
  v.table("relative_flatness");
  v.flag("enabled", c.relative_flatness.enabled,
         {"measure how flat the loss is around each layer in a number that a change of its scale leaves alone"});
  describe_nulls(c.nulls, v);
  describe_bases(c.bases, v);
  v.table("pooled_pca");
  v.flag("enabled", c.pooled_pca.enabled,
         {"analyse the windows of all seeds of a grid point together, each centred on its own mean; needs two seeds"});
  v.number(
      "fraction", c.pooled_pca.fraction, Bounds<double>{0.1, 1.0 - 1e-9},
      {"fraction of the pool's variance that the computed modes hold at least; where there are 3000 modes or fewer, "
       "all are computed"});
  v.number("directions", c.pooled_pca.directions, some_directions,
           {"number of directions of the pool that results.h5 keeps"});
}

}  // namespace flatsweep
