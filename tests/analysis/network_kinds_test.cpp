// Curved activations, the square loss, strides and average pools in every analysis that differentiates the loss,
// against plain loops in 80 bits.
#include "nn/network_kinds.hpp"

#include "analysis/layer_problems.hpp"
#include "analysis/toy_curvature.hpp"
#include "analysis/toy_minibatches.hpp"
#include "dense_modes.hpp"
#include "flatsweep/analysis/curvature.hpp"
#include "flatsweep/analysis/fisher_diagonal.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/minibatch_landscape.hpp"
#include "flatsweep/analysis/relative_flatness.hpp"
#include "flatsweep/base/index.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::network_kinds_test {
namespace {

std::vector<std::unique_ptr<LayerProblem>> kinds_of_layers() {
  std::vector<std::unique_ptr<LayerProblem>> list;
  for (const auto& [name, problem] : network_kinds())
    for (int layer = 0; layer < static_cast<int>(problem->network.layers.size()); ++layer)
      if (problem->network.layers[layer].size() < 120)
        list.push_back(std::make_unique<LayerProblem>(problem->network, layer, 21));
  return list;
}

std::string describe(const LayerProblem& problem) {
  const auto& layer = problem.network.layers[problem.layer];
  return layer.name + " of " + name_of(problem.network, 21) + " " + std::string(to_string(layer.activation)) + " " +
         std::string(to_string(problem.network.loss));
}

LayerExpansion expand(const LayerProblem& problem, LayerMatrix matrix = LayerMatrix::hessian) {
  return expand_loss(world(), problem.network, problem.weights, problem.layer, problem.images.set, matrix);
}

TEST(NetworkKinds, LayerHessiansEqualFiniteDifferences) {
  for (const auto& problem : kinds_of_layers()) {
    SCOPED_TRACE(describe(*problem));
    const auto expansion = expand(*problem);
    EXPECT_EQ((expansion.hessian - expansion.hessian.transpose()).cwiseAbs().maxCoeff(), 0.0);
    EXPECT_NEAR(expansion.loss, static_cast<double>(problem->loss(0, 0.0L)), 2e-6 * expansion.loss);
    const double scale = expansion.hessian.cwiseAbs().maxCoeff() +
                         expand(*problem, LayerMatrix::gauss_newton).hessian.cwiseAbs().maxCoeff();
    const std::size_t step = problem->size / 3 + 1;
    for (std::size_t i = 0; i < problem->size; i += step) {
      EXPECT_NEAR(expansion.gradient(static_cast<Index>(i)), problem->first_difference(i), 3e-6);
      for (std::size_t j = 0; j <= i; j += step)
        EXPECT_NEAR(expansion.hessian(static_cast<Index>(i), static_cast<Index>(j)), problem->second_difference(i, j),
                    4e-6 * scale + 1e-8)
            << i << ", " << j;
    }
  }
}

// The negative control: with a curved activation the Gauss-Newton matrix of a hidden layer is not the Hessian, of the
// last layer it is; with straight ones it is both.
TEST(NetworkKinds, TheGaussNewtonMatrixIsTheHessianOfStraightNetworksAlone) {
  for (const auto& problem : kinds_of_layers()) {
    SCOPED_TRACE(describe(*problem));
    const auto hessian = expand(*problem).hessian, gauss_newton = expand(*problem, LayerMatrix::gauss_newton).hessian;
    const double difference = (hessian - gauss_newton).norm() / gauss_newton.norm();
    if (problem->network.curved(problem->layer)) {
      EXPECT_GT(difference, 1e-3);
    } else {
      EXPECT_EQ(difference, 0.0);
    }
  }
}

// With the square loss the last layer's Hessian is the unit matrix times mean h h^T.
TEST(NetworkKinds, TheLastLayersHessianUnderTheSquareLossIsThatOfItsInputs) {
  for (const auto& problem : kinds_of_layers()) {
    if (problem->network.loss != Loss::square || problem->layer + 1 < static_cast<int>(problem->network.layers.size()))
      continue;
    SCOPED_TRACE(describe(*problem));
    const auto& layer = problem->network.layers[problem->layer];
    NetworkExecutor executor(problem->network, 21, Direction::forward_only);
    executor.load(problem->images.pointers(0, 21));
    executor.forward(problem->weights);
    const Eigen::MatrixXd h = executor.samples_of_input(problem->layer, 21).cast<double>();
    const Eigen::MatrixXd second = h * h.transpose() / 21.0, hessian = expand(*problem).hessian;
    for (int a = 0; a < layer.outputs; ++a)
      for (int b = 0; b < layer.outputs; ++b) {
        const Eigen::MatrixXd block = hessian.block(a * layer.inputs, b * layer.inputs, layer.inputs, layer.inputs);
        EXPECT_LT((block - (a == b ? 1.0 : 0.0) * second).cwiseAbs().maxCoeff(), 1e-6 * second.cwiseAbs().maxCoeff());
      }
  }
}

/// The definition of relative flatness, with the dense Hessian.
double kappa_of(const LayerProblem& problem, const Eigen::MatrixXd& h) {
  const auto& layer = problem.network.layers[problem.layer];
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::MatrixXd w =
      Eigen::Map<const RowMajor>(problem.weights.data() + layer.weights, layer.outputs, layer.inputs).cast<double>();
  double kappa = 0.0;
  for (int s = 0; s < layer.outputs; ++s)
    for (int t = 0; t < layer.outputs; ++t)
      kappa += w.row(s).dot(w.row(t)) * h.block(s * layer.inputs, t * layer.inputs, layer.inputs, layer.inputs).trace();
  return kappa;
}

TEST(NetworkKinds, RelativeFlatnessIsThatOfTheDenseHessian) {
  for (const auto& problem : kinds_of_layers()) {
    SCOPED_TRACE(describe(*problem));
    const auto found =
        relative_flatness(world(), problem->network, problem->weights, problem->layer, problem->images.set);
    const auto hessian = expand(*problem).hessian, gauss_newton = expand(*problem, LayerMatrix::gauss_newton).hessian;
    const double scale =
        std::abs(kappa_of(*problem, gauss_newton)) + found.weight_square * (hessian - gauss_newton).norm();
    EXPECT_NEAR(found.value, kappa_of(*problem, hessian), 3e-6 * scale);
    EXPECT_NEAR(found.hessian_trace, hessian.trace(), 3e-6 * gauss_newton.trace());
  }
}

TEST(NetworkKinds, ProbesEqualPlainLoops) {
  for (const auto& [name, problem] : network_kinds())
    for (std::size_t index = 0; index < problem->network.layers.size(); ++index) {
      const auto& layer = problem->network.layers[index];
      SCOPED_TRACE(name + " " + layer.name);
      const auto direction = random_direction(layer.size());
      const double count = problem->images.labels.size();
      const auto loss = [&, &kind = *problem](long double step) {
        auto moved = widen(kind.weights);
        for (std::size_t i = 0; i < direction.size(); ++i) moved[layer.weights + i] += step * direction[i];
        return kind.loss_at(moved) / static_cast<long double>(count);
      };
      LayerProbe probe(problem->network, problem->weights, static_cast<int>(index), problem->images.set);
      const std::vector<double> steps = {0.0, 0.4, -0.9};
      std::vector<double> losses(steps.size());
      const LayerProbe::Profile profile{direction, steps, losses};
      probe.evaluate({&profile, 1});
      for (std::size_t i = 0; i < steps.size(); ++i)
        EXPECT_NEAR(losses[i], static_cast<double>(loss(steps[i])), 3e-6 * (1.0 + losses[i]));
      const LayerProbe::WeightDirection along = direction;
      const auto found = probe.derivatives({&along, 1}).front();
      constexpr long double h = 1e-5L;
      const long double up = loss(h), at = loss(0.0L), down = loss(-h);
      EXPECT_NEAR(found.loss, static_cast<double>(at), 2e-6 * found.loss);
      EXPECT_NEAR(found.first, static_cast<double>((up - down) / (2.0L * h)), 3e-6);
      EXPECT_NEAR(found.second, static_cast<double>((up - 2.0L * at + down) / (h * h)),
                  3e-6 * (1.0 + std::abs(found.second)));
    }
}

bool without_kinks(const Network& network) {
  return std::ranges::all_of(network.layers, [](const Layer& layer) {
    const bool chooses =
        layer.convolution && layer.convolution->pool > 1 && layer.convolution->pooling == Pooling::largest;
    return !chooses && (layer.curved() || layer.activation == Activation::identity);
  });
}

TEST(NetworkKinds, MinibatchLandscapesEqualFiniteDifferences) {
  for (const auto& [name, problem] : network_kinds()) {
    const ToyMinibatches toy(problem->network);
    for (int layer = 0; layer < static_cast<int>(toy.network.layers.size()); ++layer) {
      SCOPED_TRACE(name + " " + toy.at(layer).name);
      const auto directions = toy.directions(layer, 2);
      const Eigen::MatrixXf columns = directions.cast<float>();
      MinibatchLandscape landscape(toy.network, toy.weights, layer, toy.images.set, ToyMinibatches::batch, columns);
      const auto samples = toy.minibatch(1);
      landscape.load(samples);
      const auto found = landscape.derivatives();
      const auto at = [&](const Eigen::VectorXd& step) { return toy.loss(samples, layer, step); };
      EXPECT_NEAR(found.loss, static_cast<double>(at(0.0 * directions.col(0))), 2e-6 * found.loss);
      constexpr double h = 1e-5;
      for (Index i = 0; i < 2; ++i) {
        EXPECT_NEAR(found.gradient(i), toy.slope(samples, layer, directions.col(i), 0.0), 1e-5);
        for (Index j = 0; j < 2; ++j) {
          const auto p = directions.col(i), q = directions.col(j);
          const auto mixed = (at(h * (p + q)) - at(h * (p - q)) - at(h * (q - p)) + at(-h * (p + q))) / (4.0L * h * h);
          EXPECT_NEAR(found.curvature(i, j), static_cast<double>(mixed), 1e-5 * (1.0 + found.curvature.trace()));
        }
      }
      const double minimum = landscape.minimum(0, {0.3, 2.0, 1e-5});
      if (!std::isnan(minimum) && without_kinks(toy.network)) {  // a kink may be a minimum, too
        EXPECT_LT(std::abs(toy.slope(samples, layer, directions.col(0), minimum)), 1e-3);
      }
    }
  }
}

/// Moments of one sample's gradient by one weight over labels, or over normal errors of the outputs: sum_c J_c^2.
double fisher(const LayerProblem& problem, std::size_t weight) {
  constexpr long double h = 1e-6L;
  double sum = 0.0;
  for (std::size_t n = 0; n < 21; ++n) {
    const auto at = [&](long double step) {
      auto moved = widen(problem.weights);
      moved[problem.first + weight] += step;
      return plain_logits(problem.network, moved, problem.images.set.image(n));
    };
    const auto up = at(h), here = at(0.0L), down = at(-h);
    long double total = 0.0L, mean = 0.0L, square = 0.0L;
    for (std::size_t c = 0; c < here.size(); ++c) {
      const long double p = problem.network.loss == Loss::square ? 1.0L : std::exp(here[c]);
      const long double j = (up[c] - down[c]) / (2.0L * h);
      total += p;
      mean += p * j;
      square += p * j * j;
    }
    sum += static_cast<double>(problem.network.loss == Loss::square ? square
                                                                    : square / total - mean * mean / total / total);
  }
  return sum / 21.0;
}

TEST(NetworkKinds, FisherDiagonalsEqualThoseOfDifferencesOfTheOutputs) {
  for (const auto& problem : kinds_of_layers()) {
    SCOPED_TRACE(describe(*problem));
    std::vector<std::uint32_t> order(20);
    std::iota(order.begin(), order.end(), 0U);
    const auto found =
        fisher_diagonals(world(), problem->network, problem->weights, problem->layer, problem->images.set, 10, order);
    for (std::size_t i = 0; i < problem->size; i += problem->size / 3 + 1)
      EXPECT_NEAR(found.exact(static_cast<Index>(i)), fisher(*problem, i), 1e-5 * found.exact.maxCoeff());
  }
}

// Leading modes by products alone against the matrix that is formed.
TEST(NetworkKinds, CurvatureByProductsIsThatOfTheMatrix) {
  for (const auto& problem : kinds_of_layers()) {
    if (problem->size < 30 || problem->network.layers[0].activation == Activation::relu) continue;
    SCOPED_TRACE(describe(*problem));
    const Index size = static_cast<Index>(problem->size);
    const Eigen::MatrixXd directions = Eigen::MatrixXd::Identity(size, size);
    CurvatureOptions options;
    options.dense_limit = 0;
    options.modes = 5;
    options.tolerance = 1e-6;
    const MinibatchScheme scheme{7, Sampling::reshuffle, Sampler(Sampling::reshuffle, 21, 7, 1).order(0)};
    const auto found =
        measure_curvature(world(), {problem->network, problem->weights, problem->layer, problem->images.set, scheme},
                          directions, {0, 3}, {}, options, {});
    const auto hessian = expand(*problem).hessian;
    const Eigen::VectorXd values = dense_modes(hessian).values;
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(found.hessian.values[i], values(static_cast<Index>(i)), 3e-6 * values(0));
    EXPECT_NEAR(found.hessian_along[1], hessian(3, 3), 3e-6 * values(0));
  }
}

}  // namespace
}  // namespace flatsweep::network_kinds_test
