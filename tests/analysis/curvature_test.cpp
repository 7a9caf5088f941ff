#include "flatsweep/analysis/curvature.hpp"

#include "analysis/toy_curvature.hpp"
#include "dense_modes.hpp"
#include "flatsweep/analysis/gradient_moments.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/orthonormal_basis.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace flatsweep::curvature_test {
namespace {

/// The toy problem's curvature along random orthonormal directions.
struct Toy : ToyTraining {
  explicit Toy(int index) : layer(index), weights(start().weights) {
    Random random(7, RandomPurpose::simulation);
    const Index size = std::ssize(block());
    Eigen::MatrixXd noise(size, size);
    for (double& entry : noise.reshaped()) entry = random.normal();
    directions = orthonormal_basis(noise);
  }
  [[nodiscard]] const Layer& block() const { return network.layers[layer]; }
  [[nodiscard]] MinibatchScheme scheme() const {
    return {10, Sampling::reshuffle, Sampler(Sampling::reshuffle, 103, 10, 1).order(0)};
  }
  [[nodiscard]] CurvatureProblem problem() const { return {network, weights, layer, train.set, scheme()}; }
  [[nodiscard]] LayerCurvature measure(const CurvatureOptions& how = {}) const {
    return measure_curvature(world(), problem(), directions, {0, 3, 11}, flatness, how, fit());
  }
  [[nodiscard]] static PsiOptions fit() {
    PsiOptions options;
    options.fit_first = 0;
    options.fit_last = 20;
    return options;
  }
  [[nodiscard]] LayerExpansion expand() const { return expand_loss(world(), network, weights, layer, train.set); }
  /// The mean loss by plain loops, `step` along a direction.
  [[nodiscard]] long double loss_along(int direction, long double step) const {
    auto moved = widen(weights);
    for (std::size_t i = 0; i < block().size(); ++i)
      moved[block().weights + i] += step * directions(static_cast<Index>(i), direction);
    return plain_evaluation(network, moved, train.set, 0, 103).loss / 103.0L;
  }

  int layer;
  std::vector<float> weights;
  Eigen::MatrixXd directions;
  std::vector<DirectionFlatness> flatness;
};

/// Descending, by another library's solver.
std::vector<double> eigenvalues(const Eigen::MatrixXd& matrix) {
  const Eigen::VectorXd values = dense_modes(matrix).values;
  return {values.begin(), values.end()};
}

/// Up to the rounding of a backward stable solve of at most 160 rows.
void expect_spectrum(const MatrixSpectrum& spectrum, const Eigen::MatrixXd& matrix) {
  const auto values = eigenvalues(matrix);
  EXPECT_EQ(spectrum.values.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(spectrum.values[i], values[i], 1e-12 * matrix.norm());
  EXPECT_NEAR(std::accumulate(spectrum.values.begin(), spectrum.values.end(), 0.0), spectrum.trace,
              1e-12 * matrix.norm());
  EXPECT_NEAR(spectrum.trace, matrix.trace(), 1e-12 * matrix.norm());
  EXPECT_EQ(spectrum.trace_error, 0.0);
}

TEST(Curvature, SpectraAreThoseOfTheMatrices) {
  for (const int layer : {0, 1, 2}) {
    const Toy toy(layer);
    const auto result = toy.measure();
    const auto expansion = toy.expand();
    const auto moments = gradient_moments(world(), toy.network, toy.weights, layer, toy.train.set);
    EXPECT_TRUE(result.dense);
    EXPECT_EQ(result.size, std::ssize(toy.block()));
    EXPECT_NEAR(result.loss, expansion.loss, 1e-15);
    EXPECT_NEAR(result.gradient_norm, expansion.gradient.norm(), 1e-15);
    expect_spectrum(result.hessian, expansion.hessian);
    expect_spectrum(result.log_loss_hessian, expansion.log_loss_hessian());
    expect_spectrum(result.empirical_fisher, moments.second);
    expect_spectrum(result.noise_covariance, moments.noise_covariance(toy.scheme()));
    expect_spectrum(result.minibatch_second_moment,
                    minibatch_second_moment(world(), toy.network, toy.weights, layer, toy.train.set, toy.scheme()));
  }
}

TEST(Curvature, AlongDirectionsEqualsFiniteDifferencesOfPlainLoops) {
  const Toy toy(1);
  const auto result = toy.measure();
  EXPECT_EQ(result.direction, (std::vector<int>{0, 3, 11}));
  for (std::size_t i = 0; i < 3; ++i) {
    constexpr long double h = 1e-5L;  // rounding of 80 bits, 1e-19/h^2, and few kinks within
    const auto up = toy.loss_along(result.direction[i], h), at = toy.loss_along(result.direction[i], 0.0L),
               down = toy.loss_along(result.direction[i], -h);
    const auto second = static_cast<double>((up - 2.0L * at + down) / (h * h));
    const auto second_log = static_cast<double>((std::log(up) - 2.0L * std::log(at) + std::log(down)) / (h * h));
    EXPECT_NEAR(result.hessian_along[i], second, 4e-6 * result.hessian.values[0]);  // Jacobians in single precision
    EXPECT_NEAR(result.log_loss_along[i], second_log, 4e-6 * result.log_loss_hessian.values[0]);
  }
}

TEST(Curvature, AlongEigenvectorsIsTheSpectrumWithoutResiduals) {
  Toy toy(1);
  const auto expansion = toy.expand();
  toy.directions = dense_modes(expansion.hessian).vectors;
  const auto result = toy.measure();
  const double rounding = 1e-13 * expansion.hessian.norm();
  for (std::size_t i = 0; i < 3; ++i) {
    const auto mode = static_cast<std::size_t>(result.direction[i]);
    EXPECT_NEAR(result.hessian_along[i], result.hessian.values[mode], rounding);
    EXPECT_NEAR(result.noise_along[i], result.relation.noise_along_hessian[mode],
                1e-12 * result.noise_covariance.values[0]);
    EXPECT_LE(result.hessian_residual[i], rounding);
  }
  for (std::size_t i = 0; i < 5; ++i)  // up to 10 modes; zero eigenvalues have no eigenvectors of their own
    EXPECT_NEAR(result.relation.hessian_pca[i], 1.0, 1e-9);
}

TEST(Curvature, ResidualIsThatOfTheRayleighQuotient) {
  const Toy toy(2);
  const auto result = toy.measure();
  const auto hessian = toy.expand().hessian;
  const Eigen::VectorXd p = toy.directions.col(3);
  EXPECT_NEAR(result.hessian_residual[1], (hessian * p - p.dot(hessian * p) * p).norm(), 1e-14 * hessian.norm());
}

// The outputs may be shifted all together for each of the layer's 8 inputs; and the outputs of a ReLU layer grow in
// proportion to its weights, so that H_lnL = H/L - g g^T/L^2 is a positive matrix less one of rank one.
TEST(Curvature, HasTheSignsThatTheNetworkForces) {
  const auto last = Toy(2).measure();
  for (std::size_t i = 40 - 8; i < 40; ++i)
    EXPECT_LE(std::abs(last.hessian.values[i]), 1e-7 * last.hessian.values[0]);  // Jacobians in single precision
  for (const int layer : {0, 1, 2}) {
    const auto result = Toy(layer).measure();
    const auto& log_loss = result.log_loss_hessian.values;
    EXPECT_GE(log_loss[log_loss.size() - 2], -1e-9 * log_loss[0]);
    EXPECT_GE(result.hessian.values.back(), -1e-12 * result.hessian.values[0]);
    EXPECT_GE(result.noise_covariance.values.back(), -1e-12 * result.noise_covariance.values[0]);
  }
}

TEST(Curvature, BringsFlatnessToItsDirections) {
  Toy toy(1);
  toy.flatness.resize(1);
  toy.flatness[0].direction = 3;
  toy.flatness[0].left = -1.5;
  toy.flatness[0].right = 2.5;
  const auto result = toy.measure();
  EXPECT_TRUE(std::isnan(result.flatness[0]));
  EXPECT_TRUE(std::isnan(result.flatness_curvature[2]));
  EXPECT_EQ(result.flatness[1], 4.0);
  EXPECT_EQ(result.flatness_curvature[1], 0.5);
}

TEST(Curvature, RelationIsThatOfTheFormedMatrices) {
  const Toy toy(1);
  const auto result = toy.measure();
  const auto hessian = toy.expand().hessian;
  const auto noise =
      gradient_moments(world(), toy.network, toy.weights, 1, toy.train.set).noise_covariance(toy.scheme());
  const Eigen::MatrixXd commutator = noise * hessian - hessian * noise;
  const double norms = noise.norm() * hessian.norm();
  EXPECT_NEAR(result.relation.commutator, commutator.norm() / norms, 1e-13);
  EXPECT_NEAR(result.relation.alignment, (noise * hessian).trace() / norms, 1e-13);
  EXPECT_EQ(result.relation.subspace, (std::vector<int>{1, 2, 3, 5, 10, 20, 30, 50}));
  EXPECT_EQ(result.relation.overlap_null[3], 5.0 / 64.0);
  EXPECT_EQ(result.relation.noise_along_hessian.size(), 64U);
  EXPECT_GT(result.relation.hessian_basis.value, 0.5);  // C resembles H: near 1
  EXPECT_LT(result.relation.hessian_basis.value, 1.5);
}

CurvatureOptions matrix_free(int modes) {
  CurvatureOptions options;
  options.dense_limit = 10;
  options.modes = modes;
  options.trace_products = 30;
  return options;
}

void expect_leading(const MatrixSpectrum& modes, const MatrixSpectrum& whole, std::size_t count) {
  EXPECT_EQ(modes.values.size(), count);
  EXPECT_EQ(modes.residuals.size(), count);
  for (std::size_t i = 0; i < modes.values.size(); ++i) {
    // A residual bounds the error of an eigenvalue of the operator, whose products are in single precision.
    EXPECT_NEAR(modes.values[i], whole.values[i], modes.residuals[i] + 3e-6 * whole.values[0]);
    EXPECT_LE(modes.residuals[i], 1e-5 * modes.values[0]);
  }
  EXPECT_NEAR(modes.trace, whole.trace, 5.0 * modes.trace_error + 1e-5 * whole.trace);
  EXPECT_GT(modes.trace_error, 0.0);
  const Eigen::Map<const Eigen::VectorXd> all(whole.values.data(), std::ssize(whole.values));
  EXPECT_LE(modes.trace_error, std::sqrt(2.0 * all.squaredNorm() / 10.0));  // of ten plain sign probes
}

TEST(Curvature, MatrixFreeAgreesWithFormedMatrices) {
  for (const int layer : {0, 1}) {
    const Toy toy(layer);
    const auto whole = toy.measure(), modes = toy.measure(matrix_free(6));
    EXPECT_FALSE(modes.dense);
    EXPECT_NEAR(modes.loss, whole.loss, 1e-6);
    EXPECT_NEAR(modes.gradient_norm, whole.gradient_norm, 1e-6);
    expect_leading(modes.hessian, whole.hessian, 6);
    expect_leading(modes.log_loss_hessian, whole.log_loss_hessian, 6);
    expect_leading(modes.empirical_fisher, whole.empirical_fisher, 6);
    expect_leading(modes.minibatch_second_moment, whole.minibatch_second_moment, 6);
    expect_leading(modes.noise_covariance, whole.noise_covariance, 6);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(modes.hessian_along[i], whole.hessian_along[i], 3e-6 * whole.hessian.values[0]);
      EXPECT_NEAR(modes.log_loss_along[i], whole.log_loss_along[i], 3e-6 * whole.log_loss_hessian.values[0]);
      EXPECT_NEAR(modes.noise_along[i], whole.noise_along[i], 3e-6 * whole.noise_covariance.values[0]);
      EXPECT_NEAR(modes.hessian_residual[i], whole.hessian_residual[i], 3e-6 * whole.hessian.values[0]);
    }
    EXPECT_TRUE(std::isnan(modes.relation.commutator));
    EXPECT_EQ(modes.relation.noise_along_hessian.size(), 6U);
    for (std::size_t i = 0; i < modes.relation.subspace.size(); ++i)  // angles err by residual over gap
      EXPECT_NEAR(modes.relation.noise_hessian[i], whole.relation.noise_hessian[i], 1e-3);
  }
}

TEST(Curvature, StopsWhenAsked) {
  const Toy toy(1);
  for (const auto& options : {CurvatureOptions{}, matrix_free(4)}) {
    int calls = 0;
    const auto stop = [&](double) {
      if (++calls == 3) throw Stopped("enough");
    };
    EXPECT_THROW((void)measure_curvature(world(), toy.problem(), toy.directions, {0}, {}, options, Toy::fit(), stop),
                 Stopped);
    EXPECT_EQ(calls, 3);
  }
}

}  // namespace
}  // namespace flatsweep::curvature_test
