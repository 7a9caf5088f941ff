#include "nn/network_kinds.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/nn/patch_executor.hpp"

#include <gtest/gtest.h>

#include <cmath>

// Every activation, layer and loss against plain loops in 80 bits.
namespace flatsweep::network_kinds_test {
namespace {

/// A direction in one layer's weights, with all others 0.
std::vector<float> within(const Layer& layer, std::size_t parameters, std::int64_t seed) {
  std::vector<float> whole(parameters, 0.0F);
  std::ranges::copy(random_direction(layer.size(), seed), whole.begin() + layer.weights);
  return whole;
}

TEST(NetworkKinds, LossAndErrors) {
  for (const auto& [name, problem] : network_kinds()) {
    SCOPED_TRACE(name);
    const auto exact = plain_evaluation(problem->network, widen(problem->weights), problem->images.set, 0,
                                        problem->images.labels.size());
    const auto sum = forward(*problem).loss(problem->images.labels);
    EXPECT_NEAR(sum.loss, static_cast<double>(exact.loss), 1e-6 * static_cast<double>(exact.loss));
    EXPECT_EQ(sum.errors, exact.errors);
  }
}

// Sums of a hundred terms in single precision; differences with a step of 1e-6 err by 1e-11.
TEST(NetworkKinds, GradientsEqualFiniteDifferences) {
  for (const auto& [name, problem] : network_kinds()) {
    SCOPED_TRACE(name);
    LossSum sum;
    const auto gradient = problem->gradient(sum);
    for (std::size_t i = 0; i < gradient.size(); i += 1 + gradient.size() / 50)
      EXPECT_NEAR(gradient[i], slope_by(*problem, i), 3e-6 * largest(gradient)) << "weight " << i;
  }
}

// Terms of either sign as large as those of the Gauss-Newton matrix, in single precision.
TEST(NetworkKinds, HessianProductsEqualFiniteDifferences) {
  for (const auto& [name, problem] : network_kinds()) {
    SCOPED_TRACE(name);
    const auto u = random_direction(problem->network.parameters, 4),
               v = random_direction(problem->network.parameters, 5);
    auto executor = forward(*problem);
    std::vector<float> along_u(u.size()), along_v(u.size()), gauss_newton(u.size());
    executor.hessian_product(problem->weights, u, problem->images.labels, along_u);
    executor.hessian_product(problem->weights, v, problem->images.labels, along_v);
    executor.gauss_newton_product(problem->weights, v, problem->images.labels, gauss_newton);
    const double scale = dot(v, gauss_newton) + std::abs(dot(v, along_v)) + std::abs(dot(u, along_u));
    EXPECT_NEAR(dot(u, along_v), mixed_difference(*problem, u, v), 3e-6 * scale);
    EXPECT_NEAR(dot(v, along_v), mixed_difference(*problem, v, v), 3e-6 * scale);
    EXPECT_NEAR(dot(v, along_u), dot(u, along_v), 3e-6 * scale);
    // The passes are as they were.
    std::vector<float> gradient(v.size());
    (void)executor.backward(problem->weights, problem->images.labels, gradient);
    LossSum ignored;
    EXPECT_EQ(gradient, problem->gradient(ignored));
  }
}

// The matrix J^T (d^2 l/dy^2) J by tangents of the logits.
TEST(NetworkKinds, GaussNewtonProductsEqualThoseOfDifferencesOfTheOutputs) {
  for (const auto& [name, problem] : network_kinds()) {
    SCOPED_TRACE(name);
    const auto v = random_direction(problem->network.parameters, 5);
    auto executor = forward(*problem);
    std::vector<float> product(v.size());
    executor.gauss_newton_product(problem->weights, v, problem->images.labels, product);
    constexpr long double h = 1e-6L;
    long double expected = 0.0L;
    for (std::size_t n = 0; n < problem->images.labels.size(); ++n) {
      const auto at = [&, &kind = *problem](long double step) {
        return plain_logits(kind.network, moved(kind, v, step, v, 0.0L), kind.images.set.image(n));
      };
      const auto here = at(0.0L), up = at(h), down = at(-h);
      long double total = 0.0L, mean = 0.0L, square = 0.0L;
      for (std::size_t c = 0; c < here.size(); ++c) {
        const long double t = (up[c] - down[c]) / (2.0L * h);
        const long double p = problem->network.loss == Loss::square ? 1.0L : std::exp(here[c]);
        total += p;
        mean += p * t;
        square += p * t * t;
      }
      expected += problem->network.loss == Loss::square ? square : square / total - mean * mean / (total * total);
    }
    EXPECT_NEAR(dot(v, product), static_cast<double>(expected), 3e-6 * static_cast<double>(expected));
  }
}

TEST(NetworkKinds, ProductsWithALayersHessianEqualFiniteDifferences) {
  for (const auto& [name, problem] : network_kinds())
    for (std::size_t index = 0; index < problem->network.layers.size(); ++index) {
      const auto& layer = problem->network.layers[index];
      SCOPED_TRACE(name + " " + layer.name);
      const auto p = within(layer, problem->network.parameters, 4), q = within(layer, problem->network.parameters, 5);
      const std::span<const float> inner(p.data() + layer.weights, layer.size()),
          other(q.data() + layer.weights, layer.size());
      auto executor = forward(*problem);
      std::vector<float> product(layer.size()), again(layer.size()), gauss_newton(p.size());
      const auto sum = executor.layer_hessian_product(problem->weights, static_cast<int>(index), inner,
                                                      problem->images.labels, product);
      executor.gauss_newton_product(problem->weights, p, problem->images.labels, gauss_newton);
      const double scale = dot(p, gauss_newton) + std::abs(sum.second);
      EXPECT_NEAR(sum.second, mixed_difference(*problem, p, p), 3e-6 * scale + 1e-8);
      EXPECT_NEAR(dot(product, other), mixed_difference(*problem, p, q), 5e-6 * scale + 1e-8);
      constexpr long double h = 1e-6L;
      const auto slope =
          (problem->loss_at(moved(*problem, p, h, p, 0.0L)) - problem->loss_at(moved(*problem, p, -h, p, 0.0L))) /
          (2.0L * h);
      EXPECT_NEAR(sum.first, static_cast<double>(slope), 3e-6 * problem->batch);
      EXPECT_NEAR(sum.loss, executor.loss(problem->images.labels).loss, 1e-12);
    }
}

/// The loss of a sample once the pre-activations of fully connected layer `index` are `z`.
long double loss_behind(const Problem& problem, std::size_t index, Wide z, std::size_t sample) {
  const auto weights = widen(problem.weights);
  const auto& layers = problem.network.layers;
  for (auto& number : z) number = plain_activation(layers[index].activation, number);
  for (std::size_t i = index + 1; i < layers.size(); ++i) z = plain_fully_connected(layers[i], weights, z);
  return plain_loss(problem.network, z, problem.images.set, sample);
}

// Differences of the loss by pairs of pre-activations.
TEST(NetworkKinds, SecondDerivativesByPreactivationsEqualFiniteDifferences) {
  constexpr long double h = 1e-4L;  // errs by 1e-8 of fourth derivatives, and by 1e-19/1e-8 of the loss
  for (const auto& [name, problem] : network_kinds())
    for (std::size_t index = 0; index < problem->network.layers.size(); ++index) {
      const auto& layer = problem->network.layers[index];
      if (layer.convolution) continue;
      SCOPED_TRACE(name + " " + layer.name);
      const std::size_t outputs = layer.outputs, samples = problem->images.labels.size();
      auto executor = forward(*problem);
      std::vector<float> found(samples * outputs * outputs);
      executor.preactivation_hessian(problem->weights, static_cast<int>(index), problem->images.labels, found);
      const double tolerance = 2e-6 * largest(found) + 1e-7;
      const auto input = executor.samples_of_input(static_cast<int>(index), static_cast<int>(samples));
      for (const std::size_t n : {std::size_t{0}, samples - 1}) {
        Layer linear = layer;
        linear.activation = Activation::identity;
        Wide h_n;
        for (Index i = 0; i < layer.inputs; ++i) h_n.push_back(input(i, n));
        const auto z = plain_fully_connected(linear, widen(problem->weights), h_n);
        for (std::size_t a = 0; a < outputs; ++a)
          for (std::size_t b = 0; b <= a; b += 2) {
            const auto loss = [&, &kind = *problem](long double da, long double db) {
              auto there = z;
              there[a] += da;
              there[b] += db;
              return loss_behind(kind, index, there, n);
            };
            const auto difference = (loss(h, h) - loss(h, -h) - loss(-h, h) + loss(-h, -h)) / (4.0L * h * h);
            EXPECT_NEAR(found[(n * outputs + a) * outputs + b], static_cast<double>(difference), tolerance)
                << n << ": " << a << ", " << b;
            EXPECT_NEAR(found[(n * outputs + b) * outputs + a], static_cast<double>(difference), tolerance);
          }
      }
    }
}

TEST(NetworkKinds, JacobiansEqualFiniteDifferencesOfTheOutputs) {
  for (const auto& [name, problem] : network_kinds()) {
    SCOPED_TRACE(name);
    expect_jacobians(*problem, 3e-6);
  }
}

// A slope is exact; the second derivative has terms that forward tangents do not know.
TEST(NetworkKinds, DerivativesAlongTangentsSayWhereTheSecondIsNotKnown) {
  for (const auto& [name, problem] : network_kinds()) {
    SCOPED_TRACE(name);
    const auto& layer = problem->network.layers[0];
    const auto p = within(layer, problem->network.parameters, 4);
    auto executor = forward(*problem);
    AlignedVector<float> tangent(executor.layer(0).preactivations());
    executor.layer(0).apply_weights(executor.layer(0).input(), p.data() + layer.weights, tangent);
    const auto sum = executor.derivatives(problem->weights, 0, tangent, problem->images.labels);
    std::vector<float> product(layer.size());
    const auto exact = executor.layer_hessian_product(
        problem->weights, 0, std::span(p).subspan(layer.weights, layer.size()), problem->images.labels, product);
    EXPECT_NEAR(sum.first, exact.first, 3e-6 * problem->batch);
    EXPECT_EQ(std::isnan(sum.second), problem->network.curved());
    if (!problem->network.curved()) {
      EXPECT_NEAR(sum.second, exact.second, 3e-6 * exact.second);
    }
  }
}

/// How the gradient of the first layer changes when `addend` is added to the error of its pre-activations, along v.
double change_along(const Problem& problem, std::span<const float> addend, std::span<const float> v) {
  auto executor = forward(problem);
  std::vector<float> whole(problem.network.parameters), before(whole), after(whole);
  executor.gradient_sum(problem.weights, problem.images.labels, whole);
  auto& layer = executor.layer(0);
  // Of a convolution the output's error is still there.
  layer.receive_error();
  layer.collect_gradient(problem.weights, before, InputError::not_wanted);
  for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(before[i], whole[i], 1e-5 * largest(whole)) << i;
  layer.add_error(addend);
  layer.collect_gradient(problem.weights, after, InputError::not_wanted);
  double sum = 0.0;
  for (std::size_t i = 0; i < v.size(); ++i) sum += (static_cast<double>(after[i]) - before[i]) * v[i];
  return sum;
}

/// With 0 beside the rows of images, where the fused kernels leave numbers without meaning.
AlignedVector<float> on_places_alone(const Layer& layer, int batch, const std::vector<float>& numbers) {
  if (!has_fused_kernels(layer)) return {numbers.begin(), numbers.end()};
  const ImageRows rows{layer.outputs, layer.convolution->height(), layer.convolution->width(), batch, 0};
  AlignedVector<float> kept(numbers.size(), 0.0F);
  for (int o = 0; o < rows.channels; ++o)
    for (int y = 0; y < rows.height; ++y)
      std::copy_n(numbers.begin() + rows.at(o, y), rows.row_length(), kept.begin() + rows.at(o, y));
  return kept;
}

// a . (V h) = (a h^T) . V for the fused kernels of ReLU layers and for patches.
TEST(NetworkKinds, AnErrorThatIsAddedGoesIntoTheGradientOfAConvolution) {
  auto problems = convolution_problems();
  const auto kinds = network_kinds();
  for (const auto& [name, problem] : kinds)
    if (problem->network.convolutional()) problems.push_back(problem.get());
  for (const auto* problem : problems) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    const auto v = random_direction(problem->network.layers[0].size(), 4);
    auto executor = forward(*problem);
    auto& layer = executor.layer(0);
    AlignedVector<float> moved(layer.preactivations());
    layer.apply_weights(layer.input(), v.data(), moved);
    const auto addend = on_places_alone(problem->network.layers[0], problem->batch, random_direction(moved.size(), 6));
    double expected = 0.0, scale = 0.0;
    for (std::size_t i = 0; i < moved.size(); ++i) {
      expected += static_cast<double>(moved[i]) * addend[i];
      scale += std::abs(static_cast<double>(moved[i]) * addend[i]);
    }
    EXPECT_NEAR(change_along(*problem, addend, v), expected, 1e-5 * scale);
  }
}

}  // namespace
}  // namespace flatsweep::network_kinds_test
