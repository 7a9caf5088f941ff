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

// A matrix of Eigen is kept by columns, a data set by rows.
void add_rows(Group& group, const char* name, const Eigen::MatrixXd& values, Axes axes, const char* description) {
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = values;
  add(group, name, {rows.data(), rows.data() + rows.size()}, matrix_shape(rows), std::move(axes), "1", description);
}

void add_pairs(Group& group, const std::string& end, const Numbers& values, const Numbers& residuals,
               const Numbers& shares, const Axes& layers) {
  const std::string mode = end + "_mode";
  add(group, (end + "_eigenvalues").c_str(), values, {mode}, "1", "eigenvalues from this end of the spectrum");
  add(group, (end + "_residuals").c_str(), residuals, {mode}, "1", "|A v - l v| of each eigenpair");
  add(group, (end + "_layer_share").c_str(), shares, {length(values), length(layers)}, {mode, "layer"}, "1",
      "share of |v|^2 in each layer's weights and biases");
}

void add_density(Group& group, const SpectralDensity& density) {
  add_rows(group, "density_nodes", density.nodes, {"probe", "step"}, "nodes of stochastic Lanczos quadrature");
  add_rows(group, "density_weights", density.weights, {"probe", "step"}, "their weights, 1 in all for each probe");
  add(group, "density_eigenvalue", to_vector(density.grid), {"density_eigenvalue"}, "1",
      "eigenvalues at which the density is given");
  add(group, "density", to_vector(density.density), {"density_eigenvalue"}, "1",
      "share of eigenvalues per unit of eigenvalue, smoothed");
  group.set("density_width", density.width);
}

void network_curvature_fill(Group& group, const NetworkCurvature& c) {
  group.set("parameters", c.size);
  group.set("products", c.products);
  group.set("trace", c.trace.value);
  group.set("trace_error", c.trace.error);
  group.add("layer", std::span<const std::string>(c.layers), {"layer"}).description = "layers, forward";
  add_pairs(group, "leading", c.leading, c.leading_residuals, c.leading_share, c.layers);
  if (!c.smallest.empty()) add_pairs(group, "smallest", c.smallest, c.smallest_residuals, c.smallest_share, c.layers);
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
