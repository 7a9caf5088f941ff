#include "flatsweep/nn/cached_products.hpp"

#include "flatsweep/nn/vector.hpp"
#include "nn/problems.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace flatsweep::cached_products_test {
namespace {

using Matrix = CachedProducts::Matrix;

/// Networks of one to four layers, narrower and wider than a tile of registers, with more and fewer samples than a
/// block.
std::vector<std::unique_ptr<Problem>> problems() {
  std::vector<std::unique_ptr<Problem>> made;
  made.push_back(std::make_unique<Problem>(7, 0, 1, 3, 5));
  made.push_back(std::make_unique<Problem>(21, 3, 9, 6, 150));
  made.push_back(std::make_unique<Problem>(32, 2, 20, 10, 128));
  made.push_back(std::make_unique<Problem>(15, 1, 70, 17, 300));
  made.push_back(std::make_unique<Problem>(40, 2, 50, 10, 700));
  for (const auto activation : {Activation::leaky_relu, Activation::tanh, Activation::sigmoid, Activation::gelu,
                                Activation::silu, Activation::identity})
    made.push_back(std::make_unique<Problem>(multilayer_perceptron(21, 3, 18, 6, activation), 150));
  auto mixed = multilayer_perceptron(21, 3, 9, 6);
  mixed.layers[1].activation = Activation::tanh;
  made.push_back(std::make_unique<Problem>(std::move(mixed), 140));
  return made;
}

CachedProducts cache(const Problem& problem) {
  CachedProducts cached(problem.network, problem.weights);
  const auto count = problem.images.labels.size();
  const std::span<const std::uint8_t> labels(problem.images.labels);
  for (std::size_t first = 0; first < count; first += CachedProducts::block_samples) {
    const auto size = std::min<std::size_t>(CachedProducts::block_samples, count - first);
    cached.add(problem.images.pointers(first, size), labels.subspan(first, size));
  }
  return cached;
}

/// The same by the executor, whose products are checked against finite differences.
std::vector<float> by_executor(const Problem& problem, Matrix matrix, std::span<const float> v) {
  auto executor = forward(problem);
  std::vector<float> product(v.size());
  if (matrix == Matrix::hessian) executor.hessian_product(problem.weights, v, problem.images.labels, product);
  if (matrix == Matrix::gauss_newton) executor.gauss_newton_product(problem.weights, v, problem.images.labels, product);
  if (matrix == Matrix::empirical_fisher)
    executor.second_moment_product(problem.weights, v, problem.images.labels, NetworkExecutor::Gradients::of_samples,
                                   product);
  return product;
}

// Single precision on both sides, sums in other orders over a few hundred samples.
TEST(CachedProducts, EqualThoseOfTheNetworkExecutor) {
  for (const auto& problem : problems()) {
    auto cached = cache(*problem);
    for (const auto matrix : {Matrix::hessian, Matrix::gauss_newton, Matrix::empirical_fisher}) {
      SCOPED_TRACE(name_of(problem->network, problem->batch) + ", matrix " + std::to_string(static_cast<int>(matrix)));
      const auto v = random_direction(problem->network.parameters, 5);
      const auto expected = by_executor(*problem, matrix, v);
      std::vector<double> product(v.size(), 0.0);
      cached.multiply(matrix, v, 0, product);
      for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(product[i], expected[i], 5e-6 * largest(expected)) << i;
    }
  }
}

// v^T H v by three losses in 80 bits. A step of 3e-5 errs by 1e-9 of higher derivatives; rounding of the summed loss,
// 1e-19 of it each time, is divided by the square of the step. Products are in single precision.
TEST(CachedProducts, OfTheHessianEqualFiniteDifferencesOfPlainLoops) {
  for (const auto& problem : problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    const auto v = random_direction(problem->network.parameters, 6);
    const auto loss = [&](long double step) {
      auto moved = widen(problem->weights);
      for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += step * v[i];
      return problem->loss_at(moved);
    };
    const auto form = [&](Matrix matrix) {
      std::vector<double> product(v.size(), 0.0);
      cache(*problem).multiply(matrix, v, 0, product);
      return std::inner_product(product.begin(), product.end(), v.begin(), 0.0);
    };
    constexpr long double h = 3e-5L;
    const long double at = loss(0.0L);
    const auto difference = static_cast<double>((loss(h) - 2.0L * at + loss(-h)) / (h * h));
    const auto rounding = static_cast<double>(5e-19L * at / (h * h));
    EXPECT_NEAR(form(Matrix::hessian), difference, 1e-5 * form(Matrix::gauss_newton) + rounding);
  }
}

TEST(CachedProducts, OfLaterLayersLeaveTheFirstOnesOut) {
  for (const auto& problem : problems()) {
    auto cached = cache(*problem);
    for (std::size_t first = 1; first < problem->network.layers.size(); ++first) {
      auto v = random_direction(problem->network.parameters, 5);
      const auto start = problem->network.layers[first].weights;
      std::fill_n(v.begin(), start, 0.0F);
      const auto expected = by_executor(*problem, Matrix::hessian, v);
      std::vector<double> product(v.size(), 0.0);
      cached.multiply(Matrix::hessian, v, first, product);
      for (std::size_t i = 0; i < start; ++i) EXPECT_EQ(product[i], 0.0);
      for (std::size_t i = start; i < v.size(); ++i) EXPECT_NEAR(product[i], expected[i], 5e-6 * largest(expected));
    }
  }
}

TEST(CachedProducts, SuitNetworksWithoutConvolutionsThatFit) {
  const auto network = multilayer_perceptron(784, 2, 50, 10);
  EXPECT_TRUE(CachedProducts::suits(network, 60000, std::size_t{1} << 30));
  EXPECT_FALSE(CachedProducts::suits(network, 60000, std::size_t{1} << 26));
  const auto curved = multilayer_perceptron(784, 2, 50, 10, Activation::tanh);
  EXPECT_TRUE(CachedProducts::suits(curved, 60000, std::size_t{1} << 30));
  // Of every sample two more numbers a hidden unit, in whole registers.
  EXPECT_EQ(CachedProducts::bytes(curved, 7) - CachedProducts::bytes(network, 7),
            7 * 2 * 2 * whole_registers(50) * sizeof(float));
  EXPECT_FALSE(CachedProducts::suits(convolution_problems().front()->network, 1, std::size_t{1} << 30));
}

// Images of few bright pixels, an odd number of them, and rows of more registers than one tile.
TEST(PackedImages, ProductsAndGradientsEqualPlainLoops) {
  Random random(3, RandomPurpose::simulation);
  for (const int features : {1, 2, 17, 60})
    for (const std::size_t stride :
         {std::size_t{vector_lanes}, std::size_t{7 * vector_lanes}, std::size_t{17 * vector_lanes}}) {
      const std::size_t count = 19, padded = PackedImages::padded_features(features);
      std::vector<std::vector<std::uint8_t>> images(count, std::vector<std::uint8_t>(features));
      std::vector<const std::uint8_t*> pointers;
      for (auto& image : images) {
        for (auto& pixel : image) pixel = random.below(3) == 0 ? static_cast<std::uint8_t>(random.below(256)) : 0;
        pointers.push_back(image.data());
      }
      const PackedImages packed(pointers, features);
      AlignedVector<float> weights(padded * stride), rows(count * stride, 1.0F), gradient(padded * stride, 2.0F);
      for (auto& w : weights) w = static_cast<float>(random.uniform(-1.0, 1.0));
      packed.add_products(weights.data(), stride, rows.data());
      packed.add_gradient(rows.data(), stride, gradient.data());
      for (std::size_t o = 0; o < stride; ++o) {
        for (std::size_t n = 0; n < count; ++n) {
          double sum = 1.0;
          for (std::size_t i = 0; i < images[n].size(); ++i) sum += images[n][i] / 255.0 * weights[i * stride + o];
          EXPECT_NEAR(rows[n * stride + o], sum, 1e-5);  // sixty terms of order one
        }
        for (std::size_t i = 0; i < static_cast<std::size_t>(features); ++i) {
          double sum = 2.0;
          for (std::size_t n = 0; n < count; ++n) sum += images[n][i] / 255.0 * rows[n * stride + o];
          EXPECT_NEAR(gradient[i * stride + o], sum, 1e-5 * (1.0 + std::abs(sum)));
        }
      }
    }
}

}  // namespace
}  // namespace flatsweep::cached_products_test
