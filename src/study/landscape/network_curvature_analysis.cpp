#include "flatsweep/analysis/network_curvature.hpp"
#include "missing_eigenpairs.hpp"
#include "network_analysis.hpp"
#include "study/cost/network_flops.hpp"
#include "study/store/hole.hpp"
#include "study/store/tree_entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

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

double network_curvature_flops(const Config& config, const Network& network, double samples) {
  constexpr double products_per_pair = 5.0;
  const auto& options = config.network_curvature;
  const double size = network.parameters;
  const auto at_most_all = [&](std::int64_t count) { return std::min<double>(count, size); };
  const double products = products_per_pair * (at_most_all(options.leading) + at_most_all(options.smallest)) +
                          options.density_probes * at_most_all(options.density_steps) +
                          at_most_all(options.trace_products);
  return options.kinds.size() * products * samples * curvature_product_flops(network);
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
          network_curvature_fill(root.group(name), measure_network_curvature(
                                                       team, network, trained.state.weights, context.data.train(), kind,
                                                       options, replica.seed, minibatches.value_or(MinibatchScheme{}),
                                                       [&](double fraction) { checkpoint(part * (done + fraction)); }));
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

}  // namespace

NetworkAnalysis network_curvature_analysis() {
  return {.name = "network_curvature",
          .enabled = [](const Config& config) { return config.network_curvature.enabled; },
          .flops = network_curvature_flops,
          .run = network_curvature_run};
}

}  // namespace flatsweep
