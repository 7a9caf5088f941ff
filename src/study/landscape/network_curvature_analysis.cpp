#include "flatness_columns.hpp"
#include "flatsweep/analysis/network_curvature.hpp"
#include "flatsweep/analysis/network_window.hpp"
#include "flatsweep/base/numbers.hpp"
#include "missing_eigenpairs.hpp"
#include "network_analysis.hpp"
#include "psi_options.hpp"
#include "study/cost/network_flops.hpp"
#include "study/store/hole.hpp"
#include "study/store/tree_entries.hpp"
#include "summary_entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;
using Axes = std::vector<std::string>;

/// @param from  which end of the spectrum
void add_pairs(Group& group, const std::string& end, const std::string& from, const Numbers& values,
               const Numbers& residuals, const Numbers& shares, const Axes& layers) {
  const std::string mode = end + "_mode";
  add(group, end + "_eigenvalues", values, {mode}, "1", "eigenvalues of the matrix, from its " + from);
  add(group, end + "_residuals", residuals, {mode}, "1", "|A v - l v| of each eigenpair from the matrix's " + from);
  add(group, end + "_layer_share", shares, {length(values), length(layers)}, {mode, "layer"}, "1",
      "share of |v|^2 in each layer's weights and biases, of each eigenvector from the matrix's " + from);
}

void add_density(Group& group, const SpectralDensity& density) {
  add_matrix(group, "density_nodes", density.nodes, {"probe", "step"}, "1",
             "nodes of stochastic Lanczos quadrature, one row a random vector");
  add_matrix(group, "density_weights", density.weights, {"probe", "step"}, "1",
             "weights of the nodes of stochastic Lanczos quadrature; those of a random vector add up to 1");
  add(group, "density_eigenvalue", to_vector(density.grid), {"density_eigenvalue"}, "1",
      "eigenvalues at which the density is given");
  add(group, "density", to_vector(density.density), {"density_eigenvalue"}, "1",
      "share of eigenvalues per unit of eigenvalue, smoothed over density_width");
  group.set("density_width", density.width, "1", "width of the Gaussian that the density is smoothed with");
}

void network_curvature_fill(Group& group, const NetworkCurvature& c) {
  group.set("parameters", c.size, "1", "number of weights and biases of the network");
  group.set("products", c.products, "1", "number of products with the matrix that all of this took");
  group.set("trace", c.trace.value, "1", "trace of the matrix, estimated");
  group.set("trace_error", c.trace.error, "1", "standard error of the estimated trace");
  group.set(
      "frobenius_norm", c.trace.frobenius, "1",
      "Frobenius norm of the matrix, sqrt(sum_i |A q_i|^2 + <|A v|^2>), q_i the basis that the estimate of the trace "
      "deflates by and v random signs without their part along it");
  group.set("frobenius_norm_error", c.trace.frobenius_error, "1", "standard error of the Frobenius norm");
  group.add("layer", std::span<const std::string>(c.layers), {"layer"}).description =
      "names of the network's layers, from input to output";
  add_pairs(group, "leading", "upper end, descending", c.leading, c.leading_residuals, c.leading_share, c.layers);
  if (!c.smallest.empty())
    add_pairs(group, "smallest", "lower end, ascending", c.smallest, c.smallest_residuals, c.smallest_share, c.layers);
  add_density(group, c.density);
  mark_as_incomplete(group, add_missing(add_missing("", "leading", c.leading), "smallest", c.smallest));
}

/// One number a mode, NaN behind those that converged.
void add_along_modes(Group& group, const std::string& name, Numbers values, std::size_t modes, const char* unit,
                     const std::string& description) {
  values.resize(modes, nan);
  add(group, "window_" + name, values, {"leading_mode"}, unit, description);
}

void network_window_fill(Group& group, const NetworkWindow& found, std::size_t modes) {
  const auto along = [&](const char* name, const Numbers& values, const char* unit, const std::string& description) {
    add_along_modes(group, name, values, modes, unit, description);
  };
  group.set("window_iterations", found.dynamics.iterations, "iterations", "T, length of the window");
  group.set("window_rounding_variance", found.rounding, "1",
            "variance up to which an eigenvector counts as standing still, and enters no fit");
  group.set(
      "stationarity", found.stationarity, "1",
      "Yaida's r = (alpha/2) <|g_B|^2>/<w . g_B> of all weights and biases over the window; NaN with momentum and "
      "for Adam");
  set_exponent(group, "window_psi", found.psi.all, "exponent psi of window_variance ~ window_flatness^-psi");
  set_exponent(group, "window_psi_d", found.exponents.psi_d,
               "exponent psi_D of window_noise_strength ~ window_flatness^-psi_D");
  set_exponent(group, "window_psi_tau", found.exponents.psi_tau,
               "exponent psi_tau of window_tau ~ window_flatness^-psi_tau");
  const auto& dynamics = found.dynamics;
  along("variance", dynamics.variance, "1", "variance of all weights and biases along u_i over the window");
  along("noise_strength", dynamics.noise_strength, "1/iterations^2", "D_i = <v_i^2> along u_i; a drift is in it");
  along("tau", dynamics.tau, "iterations", "correlation time window_variance / window_noise_strength along u_i");
  along("tau_window", dynamics.tau_window, "iterations",
        "T^-1 sum_t S_i(t) along u_i, eq. S19 as printed; may be negative");
  along("drift", dynamics.drift, "1/iterations", "mean velocity <v_i> along u_i, never negative");
  put_crossings(found.flatness, "u_i", [&](const char* name, const Numbers& values, const std::string& description) {
    along(name, values, "1", description);
  });
  along("noise_variance", found.noise, "1", "u_i^T C_B u_i; NaN where minibatches are not known");
  along("predicted_variance", found.predicted.window, "1",
        "variance along u_i expected in the window for a quadratic loss with this curvature and noise and the run's "
        "sampling");
}

void network_window_run(const Communicator& team, const UnitContext& context, const TrainedUnit& trained,
                        const Network& network, const NetworkCurvature& hessian, Group& group,
                        const std::function<void(double)>& checkpoint) {
  const auto& config = context.config;
  if (const auto& why = trained.unrecorded.replay; !why.empty()) return mark_absent_parts(group, "the window", why);
  const auto run = frozen_run(context, trained, network, 0);
  SnapshotSource window;
  if (team.is_root()) window = by_replay(trained.restart_window, run.epochs, {0, trained.state.weights.size()});
  window.iterations = run.epochs * run.sampler().iterations();
  window.size = std::ssize(trained.state.weights);
  const Numbers curvature(hessian.leading.begin(), hessian.leading.begin() + hessian.leading_vectors.cols());
  const auto found = measure_network_window(
      team, {run, minibatches_after(context, trained), trained.unrecorded.steps.empty(), window},
      hessian.leading_vectors, curvature, {config.flatness.tolerance, config.flatness.max_displacement},
      psi_options(config, context.unit.replica, context.data.shape().train_count), checkpoint);
  network_window_fill(group, found, hessian.leading.size());
  mark_absent_parts(group, "window_noise_variance", trained.unrecorded.minibatches);
  mark_absent_parts(group, "window_predicted_variance", trained.unrecorded.steps);
}

/// The window trained twice more and projected, and the loss along every mode.
double network_window_flops(const Config& config, const Network& network, double samples) {
  constexpr double evaluations = 10.0;
  const double modes = std::min<double>(config.network_curvature.leading, network.parameters);
  const double iterations = samples / config.train.batch_size * config.window.epochs;
  return 2.0 * config.window.epochs * samples * network.training_flops() / training_share +
         2.0 * iterations * network.parameters * modes / covariance_share +
         modes * samples *
             (evaluations * network.forward_flops() / evaluation_share + curvature_product_flops(network));
}

double network_curvature_flops(const Config& config, const Network& network, double samples) {
  constexpr double products_per_pair = 5.0;
  const auto& options = config.network_curvature;
  const double size = network.parameters;
  const auto at_most_all = [&](std::int64_t count) { return std::min<double>(count, size); };
  const double products = products_per_pair * (at_most_all(options.leading) + at_most_all(options.smallest)) +
                          options.density_probes * at_most_all(options.density_steps) +
                          at_most_all(options.trace_products);
  const double window = options.window ? network_window_flops(config, network, samples) : 0.0;
  return options.kinds.size() * products * samples * curvature_product_flops(network) + window;
}

bool knows_minibatches(CurvatureKind kind) {
  return kind == CurvatureKind::minibatch_second_moment || kind == CurvatureKind::noise_covariance;
}

Group network_curvature_run(const Communicator& team, const UnitContext& context, const TrainedUnit& trained,
                            const std::function<void(double)>& checkpoint) {
  const auto& options = context.config.network_curvature;
  const auto& replica = context.unit.replica;
  const auto network = replica.network(context.data.shape());
  const auto minibatches = minibatches_after(context, trained);
  Group all;
  double done = 0.0;
  const auto part = 1.0 / options.kinds.size();
  for (const auto kind : options.kinds) {
    const std::string name(to_string(kind));
    if (!minibatches && knows_minibatches(kind)) {
      merge(all, absence(name, trained.unrecorded.minibatches));
      continue;
    }
    std::string why;
    auto tree = run_or_leave_hole(
        name,
        [&] {
          Group root;
          const auto progress = [&](double fraction) { checkpoint(part * (done + fraction)); };
          const auto found =
              measure_network_curvature(team, network, trained.state.weights, context.data.train(), kind, options,
                                        replica.seed, minibatches.value_or(MinibatchScheme{}), progress);
          network_curvature_fill(root.group(name), found);
          if (options.window && kind == CurvatureKind::hessian)
            network_window_run(team, context, trained, network, found, root.group(name), progress);
          return root;
        },
        why);
    const auto said = why.empty() ? incomplete(tree.group(name)) : "failed: " + why;
    if (!said.empty() && team.is_root())
      context.hooks.report(fmt::format("replica {}: network_curvature/{} {}", unit_name(context.unit.id), name, said));
    merge(all, std::move(tree));
    done += 1.0;
  }
  return all;
}

/// What is read back of it, and the same of the seeds together.
struct NetworkCurvatureResult : EntryValues {};
struct NetworkCurvatureOverSeeds : EntryMeans {};

std::vector<SummaryEntry> network_curvature_entries() {
  using enum SummaryEntry::Kind;
  const std::string part(to_string(CurvatureKind::hessian));
  return {
      {"trace", "1", "mean over seeds of the trace of the network's Hessian of the loss, estimated", number, part},
      {"frobenius_norm", "1", "mean over seeds of the Frobenius norm of the network's Hessian of the loss", number,
       part},
      {"stationarity", "1",
       "mean over seeds of Yaida's r = (alpha/2) <|g_B|^2>/<w . g_B> of all weights and biases over the window", number,
       part},
      {"window_psi", "1",
       "exponent psi of the variance against flatness along leading eigenvectors of the network's Hessian, mean "
       "over seeds",
       exponent, part},
      {"window_psi_d", "1",
       "exponent psi_D of D_i against flatness along leading eigenvectors of the network's Hessian, mean over seeds",
       exponent, part},
      {"window_psi_tau", "1",
       "exponent psi_tau of tau against flatness along leading eigenvectors of the network's Hessian, mean over "
       "seeds",
       exponent, part}};
}

}  // namespace

NetworkAnalysis network_curvature_analysis() {
  return {.name = "network_curvature",
          .takes = {"flatness.tolerance", "flatness.max_displacement"},
          .enabled = [](const Config& config) { return config.network_curvature.enabled; },
          .flops = network_curvature_flops,
          .run = network_curvature_run,
          .read =
              [](const Group& group, AnalysisResults& results) {
                results.set(NetworkCurvatureResult{read_entries(group, network_curvature_entries())});
              },
          .pool = pool_entries<NetworkCurvatureResult, NetworkCurvatureOverSeeds>,
          .columns = entry_columns<NetworkCurvatureOverSeeds>(network_curvature_entries())};
}

}  // namespace flatsweep
