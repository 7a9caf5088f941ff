#include "result_trees.hpp"

#include "flatsweep/analysis/level_crossing.hpp"
#include "flatsweep/base/error.hpp"
#include "study/store/tree_entries.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

namespace flatsweep {

namespace {

using Shape = std::vector<std::uint64_t>;

struct Curve {
  const char* name;
  double EpochRecord::*member;
  const char* description;
};
constexpr std::array<Curve, 6> curves = {
    {{"train_loss", &EpochRecord::train_loss, "mean cross-entropy over the training set after the epoch"},
     {"train_error", &EpochRecord::train_error, "fraction of the training set classified wrongly"},
     {"test_loss", &EpochRecord::test_loss, "mean cross-entropy over the test set"},
     {"test_error", &EpochRecord::test_error, "fraction of the test set classified wrongly"},
     {"gradient_norm", &EpochRecord::gradient_norm,
      "mean over the epoch of A_g, norm of the minibatch gradient (eq. S2)"},
     {"gradient_alignment", &EpochRecord::gradient_alignment,
      "mean over the epoch of C_g, cosine of consecutive minibatch gradients (eq. S3)"}}};

void add_curves(Group& group, const TrainerState& state) {
  std::vector<std::int32_t> epochs;
  for (std::size_t i = 0; i < state.history.size(); ++i) epochs.push_back(static_cast<std::int32_t>(i) + 1);
  auto& epoch = group.add("epoch", std::span<const std::int32_t>(epochs), {length(epochs)}, {"epoch"});
  epoch.units = "epochs";
  epoch.description = "epochs done when the row was measured";
  for (const auto& curve : curves) {
    std::vector<double> values;
    for (const auto& record : state.history) values.push_back(record.*curve.member);
    add(group, curve.name, values, {"epoch"}, "1", curve.description);
  }
}

std::vector<std::string> weight_axes(const Layer& layer) {
  std::vector<std::string> axes = {layer.name + "_output", layer.name + "_input"};
  if (layer.convolution) axes.insert(axes.end(), {layer.name + "_row", layer.name + "_column"});
  return axes;
}

void add_weights(Group& group, const TrainerState& state, const Network& network) {
  const std::span<const float> all(state.weights);
  for (const auto& layer : network.layers) {
    const auto outputs = static_cast<std::uint64_t>(layer.outputs);
    group.add(layer.name, all.subspan(layer.weights, layer.size()), layer.shape(), weight_axes(layer)).description =
        "w_0, weights at the end of the window";
    group.add(layer.name + "_bias", all.subspan(layer.bias, outputs), {outputs}, {layer.name + "_output"}).description =
        "biases at the end of the window";
  }
}

}  // namespace

Group training_tree(const TrainerState& state, const Network& network, std::int64_t window_first_epoch) {
  Group root;
  root.set("epochs_trained", state.epoch);
  root.set("window_first_epoch", window_first_epoch);
  root.set("diverged", std::int64_t{state.diverged});
  add_curves(root.group("training"), state);
  add_weights(root.group("weights"), state, network);
  return root;
}

TrainerState state_from_training_tree(const Group& tree, const Network& network) {
  TrainerState state;
  state.epoch = tree.integer("epochs_trained");
  state.diverged = tree.integer("diverged") != 0;
  state.weights.resize(network.parameters);
  const auto& weights = tree.subgroup("weights");
  const auto& training = tree.subgroup("training");
  const auto take = [&](const std::string& name, std::size_t first, std::size_t size) {
    const auto values = weights.dataset(name).values<float>();
    if (values.size() != size) throw DamagedFile("the weights of " + name + " are not as many as the network has");
    std::ranges::copy(values, state.weights.begin() + static_cast<std::ptrdiff_t>(first));
  };
  for (const auto& layer : network.layers) {
    take(layer.name, layer.weights, layer.size());
    take(layer.name + "_bias", layer.bias, static_cast<std::size_t>(layer.outputs));
  }
  state.history.resize(training.dataset(curves.front().name).values<double>().size());
  for (const auto& curve : curves) {
    const auto values = numbers(training, curve.name, state.history.size());
    for (std::size_t i = 0; i < values.size(); ++i) state.history[i].*curve.member = values[i];
  }
  return state;
}

Group trajectory_tree(const std::vector<std::string>& layers, const std::vector<std::shared_ptr<RowMatrixF>>& rows) {
  Group root;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& matrix = *rows[i];
    const Shape shape = {static_cast<std::uint64_t>(matrix.rows()), static_cast<std::uint64_t>(matrix.cols())};
    auto& dataset = root.group("trajectory")
                        .add(layers[i], std::span(matrix.data(), static_cast<std::size_t>(matrix.size())), shape,
                             {layers[i] + "_iteration", layers[i] + "_weight"});
    dataset.description = "the layer's weights after every iteration of the window";
  }
  return root;
}

Group pca_tree(const std::string& layer, const Pca& pca, std::int64_t kept) {
  Group root;
  auto& group = root.group("pca/" + layer);
  group.set("window_iterations", pca.iterations);
  group.set("total_variance", pca.total_variance);
  group.set("rounding_variance", pca.rounding);
  group.set("moving", std::int64_t{pca.moving});
  if (pca.moving == 0) group.set("reason", std::string("the weights moved by no more than single precision rounds"));
  group.set("learning_dimension", std::int64_t{pca.learning_dimension});
  group.set("learning_dimension_without_first", std::int64_t{pca.learning_dimension_without_first});
  group.set("learning_dimension_null", std::int64_t{pca.learning_dimension_null});
  group.set("solution_alignment", pca.solution_alignment);
  add(group, "mean", to_vector(pca.mean), {"weight"}, "1", "mean weights over the window");
  add(group, "variance", to_vector(pca.variance), {"mode"}, "1",
      "sigma_i^2, variance along principal direction i; NaN where it was not computed");
  add(group, "cosine_content", to_vector(pca.cosine_content), {"leading_mode"}, "1",
      "likeness of theta_k(t) to the k-th cosine of a free random walk, 0 to 1");
  const auto count = kept > 0 ? std::min<Eigen::Index>(kept, pca.directions.cols()) : pca.directions.cols();
  const auto size = static_cast<std::uint64_t>(pca.directions.rows());
  // Columns (N, K) in memory are rows (K, N) in the file.
  auto& directions = group.add("directions", std::span(pca.directions.data(), static_cast<std::size_t>(count) * size),
                               {static_cast<std::uint64_t>(count), size}, {"stored_mode", "weight"});
  directions.description = "principal directions p_i, orthonormal rows, oriented along the window's net displacement";
  auto& projection =
      group.add("projection", std::span(pca.projection.data(), static_cast<std::size_t>(pca.projection.size())),
                {static_cast<std::uint64_t>(pca.projection.rows()), static_cast<std::uint64_t>(pca.projection.cols())},
                {"projected_mode", "iteration"});
  projection.description = "theta_k(t) = (w(t) - <w>).p_k of the first modes";
  return root;
}

namespace {

using Numbers = std::vector<double>;

Numbers column(const std::vector<DirectionFlatness>& flatness, auto member) {
  Numbers values;
  for (const auto& f : flatness) values.push_back(std::invoke(member, f));
  return values;
}

/// Profiles have different lengths; the file has one, NaN behind the shorter ones.
void add_profiles(Group& group, const std::vector<DirectionFlatness>& flatness) {
  std::size_t points = 1;
  for (const auto& f : flatness) points = std::max(points, f.profile_theta.size());
  Numbers theta(flatness.size() * points, std::numeric_limits<double>::quiet_NaN());
  Numbers log_loss = theta;
  for (std::size_t i = 0; i < flatness.size(); ++i) {
    const auto count = static_cast<std::ptrdiff_t>(flatness[i].profile_theta.size());
    const auto at = static_cast<std::ptrdiff_t>(i * points);
    std::copy_n(flatness[i].profile_theta.begin(), count, theta.begin() + at);
    std::copy_n(flatness[i].profile_log_loss.begin(), count, log_loss.begin() + at);
  }
  const Shape shape = {length(flatness), points};
  group.add("profile_theta", std::span<const double>(theta), shape, {"direction", "profile_point"}).description =
      "displacements along the direction at which the loss was evaluated";
  group.add("profile_log_loss", std::span<const double>(log_loss), shape, {"direction", "profile_point"}).description =
      "ln L at those displacements";
}

}  // namespace

Group flatness_tree(const std::string& layer, const std::vector<DirectionFlatness>& flatness, const Pca& pca,
                    const PsiFit& fit, double loss) {
  Group root;
  auto& group = root.group("flatness/" + layer);
  group.set("loss", loss);
  set_exponent(group, "psi", fit.all);
  set_exponent(group, "psi_below", fit.below);
  set_exponent(group, "psi_above", fit.above);
  group.set("crossover_curvature", fit.crossover);
  group.set("fit_first", std::int64_t{fit.fit_first});
  group.set("fit_last", std::int64_t{fit.fit_last});
  group.set("rounding_variance", pca.rounding);
  std::vector<std::int32_t> direction;
  std::vector<std::string> status;
  Numbers sigma, width;
  for (const auto& f : flatness) {
    direction.push_back(f.direction);
    status.push_back(f.status());
    sigma.push_back(pca.variance(f.direction));
    width.push_back(predicted_width(f.slope, f.curvature));
  }
  group.add("direction", std::span<const std::int32_t>(direction), {length(direction)}, {"direction"}).description =
      "number of the principal direction, from 0";
  const std::vector<std::string> axes = {"direction"};
  add(group, "left", column(flatness, &DirectionFlatness::left), axes, "1",
      "nearest point left of 0 where L = e L_0; NaN: never reached");
  add(group, "right", column(flatness, &DirectionFlatness::right), axes, "1", "the same to the right");
  add(group, "flatness", column(flatness, &DirectionFlatness::flatness), axes, "1", "F_i = right - left");
  add(group, "slope", column(flatness, &DirectionFlatness::slope), axes, "1", "d ln L / d theta at 0");
  add(group, "curvature", column(flatness, &DirectionFlatness::curvature), axes, "1",
      "d^2 ln L / d theta^2 at 0, between kinks");
  add(group, "loss_curvature", column(flatness, &DirectionFlatness::loss_curvature), axes, "1",
      "p_i^T H p_i, H the Hessian of the loss");
  add(group, "predicted_width", width, axes, "1", "width of ln L = ln L_0 + 1 from slope and curvature alone");
  add(group, "variance", sigma, axes, "1", "sigma_i^2 of the direction");
  group.add("status", std::span<const std::string>(status), axes).description =
      "ok | left unbounded | right unbounded | unbounded";
  add_profiles(group, flatness);
  return root;
}

std::vector<DirectionFlatness> flatness_from_tree(const Group& flatness) {
  std::vector<DirectionFlatness> list;
  for (const auto direction : flatness.dataset("direction").values<std::int32_t>()) {
    list.emplace_back();
    list.back().direction = direction;
  }
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].direction < 0 || (i > 0 && list[i].direction <= list[i - 1].direction))
      throw DamagedFile("the directions of flatness are not in order");
  const auto fill = [&](const char* name, double DirectionFlatness::*member) {
    const auto values = numbers(flatness, name, list.size());
    for (std::size_t i = 0; i < list.size(); ++i) list[i].*member = values[i];
  };
  fill("left", &DirectionFlatness::left);
  fill("right", &DirectionFlatness::right);
  fill("slope", &DirectionFlatness::slope);
  fill("curvature", &DirectionFlatness::curvature);
  fill("loss_curvature", &DirectionFlatness::loss_curvature);
  return list;
}

VarianceFlatness relation_from_tree(const Group& flatness) {
  const auto direction = flatness.dataset("direction").values<std::int32_t>();
  const auto count = direction.size();
  return {{direction.begin(), direction.end()},
          numbers(flatness, "variance", count),
          numbers(flatness, "flatness", count),
          numbers(flatness, "loss_curvature", count),
          flatness.real("rounding_variance")};
}

}  // namespace flatsweep
