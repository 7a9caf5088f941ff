#include "flatsweep/analysis/curvature_operator.hpp"

#include "analysis/toy_curvature.hpp"
#include "dense_modes.hpp"
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "nn/problems.hpp"

#include <gtest/gtest.h>

namespace flatsweep::curvature_operator_test {
namespace {

TEST(CurvatureOperator, HessianOfALayerEqualsItsClosedForm) {
  const ToyTraining toy;
  for (const int layer : {0, 1, 2}) {
    const auto closed = expand_loss(world(), toy.network, toy.start().weights, layer, toy.train.set).hessian;
    expect_equal(dense(toy, CurvatureKind::hessian, layer), closed);
    expect_equal(dense(toy, CurvatureKind::gauss_newton, layer), closed);
  }
}

// A layer of 900 weights at a trained point: its Hessian formed and solved whole, and products alone given to SLEPc.
TEST(CurvatureOperator, LeadingFiftyEigenvaluesEqualThoseOfTheClosedForm) {
  const Network network = multilayer_perceptron(196, 2, 30, 10);
  const ToyImages images{300, 196, 10, 4};
  TrainerState start;
  start.weights = initial_weights(network, 1, Initialisation::plain);
  Trainer trainer(network, images.set, images.set, {10, Sampling::reshuffle, 1, {}}, std::move(start));
  for (int epoch = 0; epoch < 2; ++epoch) trainer.run_steps();
  const auto& weights = trainer.state().weights;

  CurvatureOperator op(world(), network, weights, images.set, CurvatureKind::hessian, 1);
  const auto product = [&](std::span<const double> x, std::span<double> y) { op.apply(x, y); };
  const auto found = leading_eigenpairs(world(), product, op.size(), 50, 1e-6).values;
  const auto expected = dense_modes(expand_loss(world(), network, weights, 1, images.set).hessian).values;
  for (Index i = 0; i < 50; ++i) EXPECT_NEAR(found(i) / expected(i), 1.0, 1e-6) << i;
}

// Between layers the Hessian has terms that the Gauss-Newton matrix lacks.
TEST(CurvatureOperator, WholeHessianEqualsDifferencesOfGradients) {
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  const auto hessian = dense(toy, CurvatureKind::hessian, std::nullopt);
  EXPECT_LT((hessian - hessian.transpose()).cwiseAbs().maxCoeff(), 3e-6 * hessian.cwiseAbs().maxCoeff());
  const auto wide = widen(weights);
  const auto count = static_cast<std::size_t>(toy.train.set.count());
  const auto loss = [&](std::size_t i, long double di, std::size_t j, long double dj) {
    auto moved = wide;
    moved[i] += di;
    moved[j] += dj;
    return plain_evaluation(toy.network, moved, toy.train.set, 0, count).loss / static_cast<long double>(count);
  };
  constexpr long double h = 1e-5L;
  for (std::size_t i = 0; i < weights.size(); i += 37)
    for (std::size_t j = 0; j < weights.size(); j += 53) {
      const auto difference =
          (loss(i, h, j, h) - loss(i, h, j, -h) - loss(i, -h, j, h) + loss(i, -h, j, -h)) / (4 * h * h);
      EXPECT_NEAR(hessian(static_cast<Index>(i), static_cast<Index>(j)), static_cast<double>(difference),
                  1e-5 * hessian.cwiseAbs().maxCoeff());
    }
  const auto gauss_newton = dense(toy, CurvatureKind::gauss_newton, std::nullopt);
  EXPECT_GT((hessian - gauss_newton).cwiseAbs().maxCoeff(), 0.01 * hessian.cwiseAbs().maxCoeff());
}

TEST(CurvatureOperator, EmpiricalFisherIsTheSecondMomentOfSampleGradients) {
  const ToyTraining toy;
  for (const int layer : {0, 1, 2}) {
    const auto rows = gradient_rows(toy, layer, 1, everyone(toy));
    expect_equal(dense(toy, CurvatureKind::empirical_fisher, layer),
                 rows.transpose() * rows / static_cast<double>(rows.rows()));
  }
}

TEST(CurvatureOperator, MinibatchSecondMomentIsThatOfMinibatchGradients) {
  const ToyTraining toy;
  const MinibatchScheme scheme{10, Sampling::reshuffle, Sampler(Sampling::reshuffle, 103, 10, 1).order(0)};
  const auto rows = gradient_rows(toy, 1, 10, scheme.order);
  for (const std::size_t most_kept : {CurvatureOperator::memory, std::size_t{0}})
    expect_equal(dense(toy, CurvatureKind::minibatch_second_moment, 1, scheme, most_kept),
                 rows.transpose() * rows / static_cast<double>(rows.rows()));
}

TEST(CurvatureOperator, NoiseCovarianceIsThatOfManyMinibatches) {
  const ToyTraining toy;
  for (const auto sampling : {Sampling::reshuffle, Sampling::with_replacement}) {
    const auto covariance = dense(toy, CurvatureKind::noise_covariance, 2, {10, sampling, {}});
    const Sampler sampler(sampling, 103, 10, 1);
    double trace = 0.0, count = 0.0;
    const Eigen::RowVectorXd mean = gradient_rows(toy, 2, 1, everyone(toy)).colwise().mean();
    for (int epoch = 0; epoch < 400; ++epoch) {
      const auto order = sampler.order(epoch);
      const auto rows = gradient_rows(toy, 2, 10, order);
      trace += (rows.rowwise() - mean).squaredNorm();
      count += static_cast<double>(rows.rows());
    }
    // 4000 minibatches; their squared norms scatter by about half of their mean: 0.5/sqrt(4000) = 0.8 %.
    EXPECT_NEAR(trace / count, covariance.trace(), 0.03 * covariance.trace());
    // What distinguishes the two ways of drawing, (M - B)/(M - 1) = 0.91, lies outside of that.
  }
}

TEST(CurvatureOperator, WorksForConvolutions) {
  for (const auto* problem : convolution_problems()) {
    SCOPED_TRACE(name_of(problem->network, problem->batch));
    if (problem->network.layers[0].size() > 200) continue;
    CurvatureOperator op(world(), problem->network, problem->weights, problem->images.set, CurvatureKind::hessian, 0);
    expect_equal(dense(op), expand_loss(world(), problem->network, problem->weights, 0, problem->images.set).hessian);
  }
}

}  // namespace
}  // namespace flatsweep::curvature_operator_test
