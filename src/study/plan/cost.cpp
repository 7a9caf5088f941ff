#include "flatsweep/study/plan/cost.hpp"

#include "cost_shares.hpp"
#include "flatsweep/nn/matrix_product.hpp"
#include "study_cost.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace flatsweep {

namespace {

constexpr double flatness_share = 0.45;
constexpr double convolution_flatness_share = 0.7;
// Evaluations per direction, and what the softmax costs per sample and class, ReLU and pooling per output of a
// convolution, in flops.
constexpr double evaluations_per_direction = 20.0;
constexpr double rounds = 4.0;
constexpr double minimum_passes = 20.0;  // through the layers behind, with their tangents, until a minimum is found
constexpr double softmax_flops = 40.0;
constexpr double pointwise_flops = 8.0;

double layer_weights(const Network& network, const std::string& name) {
  return static_cast<double>(network.layer(name).size());
}

double pca_flops(double iterations, double size) {
  const double n = std::min(iterations, size);
  return iterations * size * n / covariance_share + 9.0 * n * n * n / 4.0 / eigensolve_share;
}

/// Vectors of the Krylov space until the leading modes have converged: twice the modes needed, seen for widths to 200.
double krylov_vectors(double modes) { return std::min(modes, 1300.0); }

bool solved_directly(double iterations, double size) {
  return std::min(iterations, size) <= static_cast<double>(PcaOptions{}.direct_modes);
}

/// The same with the leading modes alone: products of the snapshots with the Krylov space, and its orthonormalisation.
double leading_pca_flops(double iterations, double size) {
  if (solved_directly(iterations, size)) return pca_flops(iterations, size);
  const double vectors = krylov_vectors(std::min(iterations, size));
  return (4.0 * iterations * size * vectors + 4.0 * size * vectors * vectors) / covariance_share +
         9.0 * vectors * vectors * vectors / eigensolve_share;
}

/// ReLU and pooling of a convolution, whose outputs are many.
double pooling_flops(const Layer& layer) {
  return layer.convolution ? pointwise_flops * layer.outputs * layer.places() : 0.0;
}

double flops_after(const Network& network, int layer) {
  double flops = softmax_flops * network.classes();
  for (auto i = static_cast<std::size_t>(layer) + 1; i < network.layers.size(); ++i)
    flops += network.layers[i].product_flops() + pooling_flops(network.layers[i]);
  return flops;
}

double flatness_flops(const Network& network, const std::string& name, double samples, double directions) {
  const auto& layer = network.layer(name);
  // The pre-activations of a convolution are computed anew for every two responses.
  const double response = layer.product_flops() * (layer.convolution ? 1.5 : 1.0);
  const double evaluation = pooling_flops(layer) + flops_after(network, network.index_of(name));
  return directions * samples * (rounds * response + (evaluations_per_direction + 2.0) * evaluation) /
         (layer.convolution ? convolution_flatness_share : flatness_share);
}

/// One more step size along a direction whose response is there.
double evaluation_flops(const Network& network, const std::string& name) {
  return pooling_flops(network.layer(name)) + flops_after(network, network.index_of(name));
}

/// One sample's part of a product with a matrix of second derivatives, about two gradients.
double product_flops(const Network& network) { return 2.0 * network.training_flops() / training_share; }

double first_mode_flops(const Network& network, const std::string& name, double samples,
                        const FirstModeOptions& options) {
  // Every mode has the common points and as many of its own, mode 1 the gaps' as well.
  const double modes = std::min(static_cast<double>(options.modes), layer_weights(network, name));
  const double losses = options.points * (2.0 * modes + 1.0);
  return samples * (losses * evaluation_flops(network, name) + 4.0 * modes * network.layer(name).product_flops()) /
         flatness_share;
}

/// Matrices of a layer formed from samples and solved for their eigenvalues, or products with them.
double curvature_flops(const Network& network, const std::string& name, double samples,
                       const CurvatureOptions& options) {
  constexpr double matrices = 5.0, products_per_mode = 3.0;
  const double size = layer_weights(network, name);
  if (size > static_cast<double>(options.dense_limit))
    return matrices *
           (products_per_mode * std::min(static_cast<double>(options.modes), size) +
            std::min(static_cast<double>(options.trace_products), size)) *
           samples * product_flops(network);
  const auto& layer = network.layer(name);
  const double per_sample = size * size * (layer.convolution ? 1.0 + network.classes() : 1.5);
  return samples * per_sample / covariance_share + matrices * 4.0 / 3.0 * size * size * size / eigensolve_share;
}

double network_curvature_flops(const Network& network, double samples, const NetworkCurvatureConfig& options) {
  constexpr double products_per_pair = 5.0;
  const auto size = static_cast<double>(network.parameters);
  const auto at_most_all = [&](std::int64_t count) { return std::min(static_cast<double>(count), size); };
  const double products = products_per_pair * (at_most_all(options.leading) + at_most_all(options.smallest)) +
                          static_cast<double>(options.density_probes) * at_most_all(options.density_steps) +
                          at_most_all(options.trace_products);
  return static_cast<double>(options.kinds.size()) * products * samples * product_flops(network);
}

/// Projection of the window, the window once more, and the gradients of half an epoch at every frozen point.
double dynamics_flops(const Network& network, double size, double samples, double iterations, double epochs,
                      double directions, const DynamicsOptions& options) {
  const double frozen_at = std::min(static_cast<double>(options.frozen_at), iterations);
  const double frozen_epochs = 1.0 + 0.5 * frozen_at + (frozen_at > 0.0 ? epochs : 0.0);
  const double projected = iterations * (1.0 + 0.5 * frozen_at / epochs);
  return 2.0 * projected * size * directions / covariance_share +
         frozen_epochs * samples * network.training_flops() / training_share;
}

double mlf_flops(const Network& network, const std::string& name, double samples, double directions,
                 const MlfOptions& options) {
  const double evaluation = evaluation_flops(network, name);
  const double minimum = options.minima == MinimumPositions::measured ? minimum_passes * evaluation : 0.0;
  const double derivatives =
      2.0 * evaluation + network.layer(name).product_flops() + 2.0 * network.classes() * directions;
  return samples * directions * (derivatives + minimum) / flatness_share;
}

/// The walk is gone through three times, once by PCA; the halves and the scan are PCAs of shorter windows.
double nulls_flops(const Network& network, const std::string& name, double samples, double iterations, double epochs,
                   double directions, const NullsOptions& options) {
  const auto size = layer_weights(network, name);
  double flops = 0.0;
  if (options.walk)
    flops += 3.0 * epochs * samples * network.training_flops() / training_share + pca_flops(iterations, size);
  if (options.held_out) flops += pca_flops(0.5 * iterations, size);
  for (int halving = 0; halving <= options.scan_halvings && options.scan_halvings > 0; ++halving)
    flops += pca_flops(iterations / static_cast<double>(1 << halving), size);
  const double probed = (options.walk && options.walk_flatness ? 1.0 : 0.0) + (options.held_out ? 1.0 : 0.0);
  return flops + probed * flatness_flops(network, name, samples, directions);
}

/// Numbers that LayerProbe keeps of every sample: the layer's input, unless it is the image itself, and the
/// pre-activations, unless there are many. A row of a convolution's input has its zeros and one place more.
double probe_floats(const Network& network, const Layer& layer) {
  const bool first = layer.name == network.layers.front().name;
  if (!layer.convolution) return (first ? 0 : layer.inputs) + layer.outputs;
  const auto& c = *layer.convolution;
  return first ? 0.0 : static_cast<double>(c.input.channels) * c.input.height * (c.input.width + 2 * c.padding + 1);
}

/// Directions that are measured; log-spaced ones are fewer than asked for, and counted where they may be.
double probed_directions(double modes, std::int64_t count, DirectionChoice choice) {
  constexpr double most_counted = 1e6;
  const double wanted = count > 0 ? std::min(static_cast<double>(count), modes) : modes;
  if (wanted == modes || wanted > most_counted || choice == DirectionChoice::leading) return wanted;
  return static_cast<double>(choose_directions(static_cast<int>(modes), static_cast<int>(count), choice).size());
}

/// What the analyses after flatness take for one layer.
double analysis_flops(const Config& config, const Network& network, const std::string& name, double samples,
                      double iterations) {
  const double size = layer_weights(network, name), modes = std::min(iterations, size);
  const auto epochs = static_cast<double>(config.window.epochs);
  double flops = 0.0;
  if (config.first_mode.measure) flops += first_mode_flops(network, name, samples, config.first_mode);
  if (config.curvature.measure) flops += curvature_flops(network, name, samples, config.curvature);
  if (config.dynamics.measure)
    flops +=
        dynamics_flops(network, size, samples, iterations, epochs,
                       probed_directions(modes, config.dynamics.directions, config.dynamics.choice), config.dynamics);
  if (config.mlf.measure)
    flops += mlf_flops(network, name, samples, probed_directions(modes, config.mlf.directions, config.mlf.choice),
                       config.mlf);
  if (config.nulls.measure)
    flops += nulls_flops(network, name, samples, iterations, epochs,
                         probed_directions(modes, config.nulls.directions, DirectionChoice::log_spaced), config.nulls);
  return flops;
}

/// Peak of the PCA: the solve, with a copy of the snapshots where they are fewer than weights, or the directions and
/// what is written of them, once as a tree and once as a file in memory.
double pca_bytes(double iterations, double size, double kept) {
  const double modes = std::min(iterations, size);
  const double solve = size > iterations ? 20.0 * size * modes : 8.0 * size * modes;
  return std::max(32.0 * modes * modes + solve,
                  8.0 * size * (modes + 2.0 * (kept > 0.0 ? std::min(kept, modes) : modes)));
}

/// The principal directions, Hessian, noise covariance and the eigenvectors of one, with a copy and the work space of
/// the other's solve.
double curvature_bytes(double size, double modes, const CurvatureConfig& options) {
  if (!options.measure || size > static_cast<double>(options.dense_limit)) return 0.0;
  return 8.0 * size * (modes + 7.0 * size);
}

/// The principal directions and, in panels, the chosen ones with their projections; what is kept of every direction is
/// collected twice.
double dynamics_bytes(double iterations, double size, double modes, const DynamicsConfig& options) {
  constexpr double budget = 0x1.0p30, curves = 4.0;
  if (!options.measure) return 0.0;
  const double directions = probed_directions(modes, options.directions, options.choice);
  const double kept = curves * std::min(static_cast<double>(options.lags), iterations);
  return 8.0 * size * modes + std::min(8.0 * iterations * directions, budget) * (1.0 + size / iterations) +
         16.0 * directions * kept;
}

/// The principal directions, those of the walk, and the PCA of a shorter window.
double nulls_bytes(double iterations, double size, double modes, const NullsConfig& options) {
  if (!options.measure) return 0.0;
  const double part = options.scan_halvings > 0 || options.held_out ? pca_bytes(0.5 * iterations, size, 0.0) : 0.0;
  const double walk = options.walk ? pca_bytes(iterations, size, 0.0) : 0.0;
  const double walk_modes = options.walk ? std::min(iterations, size) : 0.0;
  return 8.0 * size * modes + std::max(walk, 8.0 * size * walk_modes + part);
}

/// The same with the leading modes alone: the Krylov space while it grows, a block of snapshots, and what is written.
double leading_pca_bytes(double iterations, double size, double kept) {
  if (solved_directly(iterations, size)) return pca_bytes(iterations, size, kept);
  const double vectors = krylov_vectors(std::min(iterations, size));
  return 20.0 * size * vectors + 24.0 * vectors * vectors + 16.0 * 512.0 * size + 24.0 * size * kept;
}

/// Activations and errors of a minibatch, weights, gradients and the optimiser's state.
double training_bytes(const Network& network, double batch) {
  double floats = 6.0 * static_cast<double>(network.parameters);
  for (const auto& layer : network.layers)
    floats += batch * (3.0 * layer.input_features() + static_cast<double>(layer.outputs) * layer.places());
  return 4.0 * floats;
}

}  // namespace

double measure_product_rate() {
  constexpr int m = 64, n = 48, k = 256;
  const MatrixProduct product({m, n, k, m, k, m}, Target::overwrite);
  const std::vector<float> a(m * k, 0.5F), b(k * n, 0.25F);
  std::vector<float> c(m * n);
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  double seconds = 0.0;
  int runs = 0;
  while (seconds < 0.03) {
    for (int i = 0; i < 100; ++i) product(a.data(), b.data(), c.data());
    runs += 100;
    seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return 2.0 * m * n * k * runs / seconds * 1e-9;
}

double window_bytes(const Config& config, const Replica& replica, const DatasetShape& data) {
  const auto network = replica.network(data);
  const auto iterations = static_cast<double>(config.window.epochs * replica.iterations_per_epoch(data));
  double bytes = 0.0;
  for (const auto& layer : config.pca.layers) bytes += 4.0 * iterations * layer_weights(network, layer);
  return bytes;
}

bool window_fits(const Config& config, const Replica& replica, const DatasetShape& data) {
  return window_bytes(config, replica, data) <= config.run.memory_per_rank * 0x1.0p30;
}

namespace {

Cost estimate_landscape(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  const auto network = replica.network(data);
  const double flop_seconds = 1e-9 / rate;
  const auto samples = static_cast<double>(data.train_count);
  const auto epochs = static_cast<double>(config.window.epoch + config.window.epochs);
  const auto iterations = static_cast<double>(config.window.epochs * replica.iterations_per_epoch(data));
  Cost cost;
  cost.training_seconds =
      epochs * flop_seconds *
      (network.training_flops() * samples / training_share +
       network.forward_flops() * static_cast<double>(data.train_count + data.test_count) / evaluation_share);
  const bool fits = window_fits(config, replica, data);
  cost.bytes = fits ? window_bytes(config, replica, data) : 0.0;
  double largest = training_bytes(network, static_cast<double>(replica.batch_size));
  for (const auto& name : config.pca.layers) {
    const double size = layer_weights(network, name);
    const double modes = std::min(iterations, size);
    const bool leading = config.pca.spectrum == Spectrum::leading;
    cost.pca_seconds += flop_seconds * (leading ? leading_pca_flops(iterations, size) : pca_flops(iterations, size));
    if (config.flatness.measure)
      cost.flatness_seconds +=
          flop_seconds * flatness_flops(network, name, samples,
                                        probed_directions(modes, config.flatness.directions, config.flatness.choice));
    cost.analysis_seconds += flop_seconds * analysis_flops(config, network, name, samples, iterations);
    const auto kept = std::min(static_cast<double>(config.pca.directions), modes);
    const double pca = leading ? leading_pca_bytes(iterations, size, kept) : pca_bytes(iterations, size, kept);
    const double directions = leading ? krylov_vectors(modes) : modes;
    const bool probed = config.flatness.measure || config.nulls.measure;
    const double probe = probed ? 4.0 * samples * probe_floats(network, network.layer(name)) : 0.0;
    const double analyses = std::max({8.0 * size * directions, curvature_bytes(size, directions, config.curvature),
                                      dynamics_bytes(iterations, size, directions, config.dynamics),
                                      nulls_bytes(iterations, size, directions, config.nulls)});
    largest = std::max({largest, pca, probe + analyses});
  }
  if (config.network_curvature.measure)
    cost.analysis_seconds += flop_seconds * network_curvature_flops(network, samples, config.network_curvature);
  cost.bytes += largest;
  return cost;
}

/// The first task with its PCA, then the points.
Cost estimate_continual(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  Config first = config;
  first.flatness.measure = first.first_mode.measure = first.dynamics.measure = false;
  first.mlf.measure = first.nulls.measure = first.filters.measure = false;
  first.curvature.measure = first.network_curvature.measure = false;
  const auto task = mean_task(config.continual, data);
  auto cost = estimate_landscape(first, replica, task, rate);
  const auto points = estimate_points(config, replica, task, rate);
  cost.analysis_seconds += points.analysis_seconds;
  cost.bytes += points.bytes;
  return cost;
}

}  // namespace

Cost estimate_cost(const Config& config, const Replica& replica, const DatasetShape& data, double rate) {
  switch (config.study) {
    case Study::continual:
      return estimate_continual(config, replica, data, rate);
    case Study::noise:
      return estimate_noise(config, replica, data, rate);
    case Study::landscape:
      break;
  }
  return estimate_landscape(config, replica, data, rate);
}

}  // namespace flatsweep
