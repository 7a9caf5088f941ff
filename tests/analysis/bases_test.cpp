#include "flatsweep/analysis/bases.hpp"

#include "analysis/toy_curvature.hpp"
#include "dense_modes.hpp"
#include "flatsweep/analysis/snapshot_recorder.hpp"
#include "flatsweep/analysis/stationarity.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/to_vector.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace flatsweep::bases_test {
namespace {

/// The small training problem after some epochs, with the window of the last four.
struct Trained : ToyTraining {
  explicit Trained(int index) : layer(index) {
    options.optimizer.learning_rate = 0.3;
    auto training = trainer();
    for (int epoch = 0; epoch < 6; ++epoch) training.run_steps();
    SnapshotRecorder recorder({network.layers[layer].weight_block()}, epochs * training.iterations_per_epoch());
    for (int epoch = 0; epoch < epochs; ++epoch)
      training.run_steps([&](std::span<const float> moved) { recorder.record(moved); });
    weights = training.state().weights;
    rows = *recorder.rows().front();
    window = in_memory(recorder.rows().front());
    pca = principal_components(world(), window);
  }
  [[nodiscard]] MinibatchScheme scheme() const {
    return {10, Sampling::reshuffle, Sampler(Sampling::reshuffle, 103, 10, 1).order(10)};
  }
  [[nodiscard]] CurvatureProblem problem() const { return {network, weights, layer, train.set, scheme()}; }
  [[nodiscard]] static PsiOptions fit() {
    PsiOptions range{.fit_first = 0, .fit_last = 60};
    range.crossover = 0.05;
    return range;
  }
  [[nodiscard]] BasisMeasurement measure(const Communicator& team, Basis basis,
                                         const std::vector<DirectionFlatness>& known = {},
                                         bool with_window = true) const {
    const FrozenRun run{network, weights, layer, train.set, options, 6, epochs};
    const BasisOptions all{.directions = 0};
    auto range = fit();
    range.moving = pca.moving;
    LayerProbe probe(network, weights, layer, train.set);
    const BasisProblem problem{run, scheme(), true, window, with_window ? &pca : nullptr, known, 2.0};
    return measure_basis(team, problem, make_bases(team, problem, bases, all), basis, probe, all, {}, range);
  }
  [[nodiscard]] Eigen::MatrixXd matrix(CurvatureKind kind) const {
    CurvatureOperator op(world(), network, weights, train.set, kind, layer, scheme());
    return dense(op);
  }
  [[nodiscard]] double loss_at(const Eigen::VectorXd& u, double step) const {
    auto moved = weights;
    for (Index i = 0; i < u.size(); ++i)
      moved[network.layers[layer].weights + static_cast<std::size_t>(i)] += static_cast<float>(step * u(i));
    return Evaluator(network).evaluate(moved, train.set).loss;
  }

  static constexpr int epochs = 4;
  const std::vector<Basis> bases = {Basis::pca, Basis::hessian, Basis::noise, Basis::random, Basis::filters};
  int layer;
  std::vector<float> weights;
  RowMatrixF rows;
  SnapshotSource window;
  Pca pca;
};

void expect_orthonormal(const Eigen::MatrixXd& vectors) {
  const Eigen::MatrixXd gram = vectors.transpose() * vectors;
  EXPECT_LT((gram - Eigen::MatrixXd::Identity(gram.rows(), gram.cols())).cwiseAbs().maxCoeff(), 1e-12);
}

/// The basis has the eigenvalues of the matrix, by another library's solver, and makes it diagonal. The two matrices
/// are sums of single-precision products by two routes.
void expect_eigenvectors(const BasisVectors& basis, const Eigen::MatrixXd& matrix) {
  const auto values = dense_modes(matrix).values;
  expect_orthonormal(basis.vectors);
  const Eigen::MatrixXd along = basis.vectors.transpose() * matrix * basis.vectors;
  for (Index i = 0; i < along.rows(); ++i) {
    EXPECT_NEAR(basis.eigenvalue[static_cast<std::size_t>(i)], values(i), 3e-6 * values(0));
    for (Index j = 0; j < along.cols(); ++j) EXPECT_NEAR(along(i, j), i == j ? values(i) : 0.0, 3e-6 * values(0));
  }
}

TEST(Bases, HessianAndNoiseAreEigenvectorsOfMatricesMadeColumnByColumn) {
  for (const int layer : {1, 2}) {
    const Trained toy(layer);
    expect_eigenvectors(hessian_basis(world(), toy.problem(), {}), toy.matrix(CurvatureKind::hessian));
    expect_eigenvectors(noise_basis(world(), toy.problem(), {}), toy.matrix(CurvatureKind::noise_covariance));
  }
}

// The outputs of a softmax may all grow by the same: 8 of the last layer's 40 directions change nothing.
TEST(Bases, DirectionsOfTheNullSpaceAreNotDetermined) {
  const Trained toy(2);
  EXPECT_LE(hessian_basis(world(), toy.problem(), {}).determined, 32);
  EXPECT_GE(hessian_basis(world(), toy.problem(), {}).determined, 16);  // some dead units
  EXPECT_LE(noise_basis(world(), toy.problem(), {}).determined, 32);
}

TEST(Bases, WithoutTheMatrixAreItsLeadingEigenvectors) {
  const Trained toy(1);
  const BasisOptions free{.dense_limit = 0, .modes = 5, .tolerance = 1e-5};
  for (const auto make : {hessian_basis, noise_basis}) {
    const auto whole = make(world(), toy.problem(), {}, {}), leading = make(world(), toy.problem(), free, {});
    ASSERT_EQ(leading.vectors.cols(), 5);
    for (Index i = 0; i < 5; ++i) {
      EXPECT_NEAR(leading.eigenvalue[static_cast<std::size_t>(i)], whole.eigenvalue[static_cast<std::size_t>(i)],
                  3e-6 * whole.eigenvalue[0]);
      EXPECT_NEAR(std::abs(leading.vectors.col(i).dot(whole.vectors.col(i))), 1.0, 1e-4);  // gaps of some per cent
    }
  }
}

TEST(Bases, RandomIsAFrameOfTheSeedAndTheLayer) {
  const auto first = random_basis(30, 12, 4, 1);
  ASSERT_EQ(first.vectors.cols(), 12);
  expect_orthonormal(first.vectors);
  EXPECT_EQ(first.determined, 12);
  EXPECT_EQ(first.vectors, random_basis(30, 12, 4, 1).vectors);
  EXPECT_NE(first.vectors, random_basis(30, 12, 5, 1).vectors);
  EXPECT_NE(first.vectors, random_basis(30, 12, 4, 2).vectors);
  EXPECT_EQ(random_basis(30, 99, 4, 1).vectors.cols(), 30);
}

// Plain algebra on the window's rows. Snapshots are in single precision, their differences some 1e-3.
TEST(Bases, WindowAlongEveryBasisIsThatOfItsRows) {
  const Trained toy(1);
  const Eigen::MatrixXd rows = toy.rows.cast<double>();
  const Eigen::MatrixXd steps = rows.bottomRows(rows.rows() - 1) - rows.topRows(rows.rows() - 1);
  for (const auto basis : {Basis::pca, Basis::hessian, Basis::noise, Basis::random}) {
    const auto found = toy.measure(world(), basis);
    ASSERT_EQ(std::ssize(found.dynamics.direction), found.vectors.cols());
    const Eigen::MatrixXd theta = (rows.rowwise() - rows.colwise().mean()) * found.vectors;
    const Eigen::MatrixXd v = steps * found.vectors;
    const double leading = toy.pca.variance(0);
    for (Index i = 0; i < theta.cols(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_NEAR(found.dynamics.variance[at], theta.col(i).squaredNorm() / static_cast<double>(rows.rows()),
                  1e-11 * leading);
      const Eigen::VectorXd drift = (rows.rowwise() - rows.colwise().mean()) * toy.pca.directions.col(0);
      const Eigen::VectorXd rest = theta.col(i) - drift * found.vectors.col(i).dot(toy.pca.directions.col(0));
      EXPECT_NEAR(found.variance_without_first[at], rest.squaredNorm() / static_cast<double>(rows.rows()),
                  1e-11 * leading);
      if (!std::isfinite(found.dynamics.noise_strength[at])) continue;
      EXPECT_NEAR(found.dynamics.noise_strength[at], v.col(i).squaredNorm() / static_cast<double>(v.rows()),
                  1e-11 * leading);
      EXPECT_NEAR(found.dynamics.drift[at], v.col(i).mean(), 1e-14);
      EXPECT_GE(found.dynamics.drift[at], 0.0);
      EXPECT_EQ(found.dynamics.tau[at], found.dynamics.variance[at] / found.dynamics.noise_strength[at]);
    }
  }
}

// Crossings are found to 1e-4 of their position; ln L changes by a few units over it.
TEST(Bases, LossAndNoiseAlongABasisAreThoseOfTheNetwork) {
  const Trained toy(1);
  const auto hessian = toy.matrix(CurvatureKind::hessian);
  const auto gradients = gradient_rows(toy.network, toy.weights, toy.train.set, 1, 10, toy.scheme().order);
  for (const auto basis : {Basis::hessian, Basis::random}) {
    const auto found = toy.measure(world(), basis);
    int bounded = 0;
    for (Index i = 0; i < found.vectors.cols(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const Eigen::VectorXd u = found.vectors.col(i);
      EXPECT_NEAR(found.flatness[at].loss_curvature, u.dot(hessian * u), 5e-6 * hessian.norm());
      if (basis == Basis::hessian) {
        EXPECT_NEAR(found.flatness[at].loss_curvature, found.eigenvalue[at], 5e-6 * found.eigenvalue[0]);
      }
      for (const double side : {found.flatness[at].left, found.flatness[at].right}) {
        if (!std::isfinite(side) || std::abs(side) > 20.0) continue;
        EXPECT_NEAR(std::log(toy.loss_at(u, side) / toy.loss_at(u, 0.0)), 1.0, 3e-3);
        ++bounded;
      }
      const Eigen::VectorXd projected = gradients * u;
      const double spread = projected.squaredNorm() / 10.0 - std::pow(projected.mean(), 2);
      const double left_out = 1.0 - 0.3 / (10.0 * (10.0 + 0.3 - 1.0));  // an epoch leaves 3 samples of 103 out
      if (!std::isfinite(found.noise[at])) continue;
      EXPECT_NEAR(found.noise[at], spread / left_out, 1e-5 * gradients.squaredNorm());
      EXPECT_NEAR(found.noise_strength[at], 0.09 * found.noise[at], 1e-15);
    }
    EXPECT_GT(bounded, 20);
  }
}

/// NaN at the same places.
void expect_same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) << i;
}

TEST(Bases, PrincipalDirectionsGiveWhatTheAnalysesBeforeGive) {
  const Trained toy(1);
  LayerProbe probe(toy.network, toy.weights, 1, toy.train.set);
  const std::vector<int> chosen = {0, 1, 2, 3, 5, 8, 11, 14, 17, 20, 22, 25, 27};
  const auto flatness = measure_flatness(world(), probe, toy.pca.directions, chosen, 2.0, {});
  auto range = Trained::fit();
  range.moving = toy.pca.moving;
  const auto relation = relate(flatness, toy.pca);
  const auto psi = fit_psi({&relation, 1}, range);
  const auto dynamics = measure_dynamics(world(), toy.window, toy.pca, chosen, {});
  const auto moved = relate(dynamics, flatness, toy.pca.rounding);
  const auto exponents = fit_dynamics({&moved, 1}, range);
  const auto found = toy.measure(world(), Basis::pca, flatness);
  EXPECT_EQ(found.dynamics.direction, chosen);
  EXPECT_EQ(found.dynamics.variance, relation.variance);
  expect_same_bits(found.dynamics.noise_strength, dynamics.noise_strength);
  expect_same_bits(found.dynamics.tau_window, dynamics.tau_window);
  EXPECT_EQ(found.psi.all.points, psi.all.points);
  EXPECT_EQ(found.psi.all.status, psi.all.status);
  EXPECT_EQ(found.exponents.psi_d.points, exponents.psi_d.points);
  EXPECT_GT(psi.all.points, 8);
}

// What the loss and the minibatches say is the same; signs are not the drift's.
TEST(Bases, WithoutAWindowAreThereButForPrincipalDirections) {
  const Trained toy(1);
  for (const auto basis : {Basis::hessian, Basis::noise, Basis::random, Basis::filters}) {
    const auto expected = toy.measure(world(), basis), found = toy.measure(world(), basis, {}, false);
    ASSERT_EQ(found.vectors.cols(), expected.vectors.cols());
    EXPECT_EQ(found.determined, expected.determined);
    EXPECT_EQ(found.psi.all.status, FitStatus::not_measured);
    EXPECT_TRUE(std::isfinite(found.mean_flatness));
    for (Index i = 0; i < found.vectors.cols(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_EQ(found.vectors.col(i).maxCoeff(), found.vectors.col(i).cwiseAbs().maxCoeff());
      const double sign = found.vectors.col(i).dot(expected.vectors.col(i));
      EXPECT_EQ(found.vectors.col(i), std::copysign(1.0, sign) * expected.vectors.col(i));
      EXPECT_TRUE(std::isnan(found.dynamics.variance[at]));
      EXPECT_NEAR(found.flatness[at].loss_curvature, expected.flatness[at].loss_curvature, 1e-5);
    }
    EXPECT_EQ(found.noise_curvature.points, expected.noise_curvature.points);
  }
  const FrozenRun run{toy.network, toy.weights, toy.layer, toy.train.set, toy.options, 6, Trained::epochs};
  const std::vector<DirectionFlatness> none;
  const BasisProblem problem{run, toy.scheme(), true, toy.window, nullptr, none, 2.0};
  EXPECT_FALSE(make_bases(world(), problem, toy.bases, {}).vectors.contains(Basis::pca));
}

TEST(Bases, FiltersHaveTheirShareOfTheNorm) {
  const std::vector<float> solution = {3.0F, 0.0F, 0.0F, 4.0F, 0.0F, 0.0F};
  const auto found = filter_basis(solution, 3, 2, 4, 1);
  ASSERT_EQ(found.vectors.cols(), 2);
  EXPECT_EQ(found.determined, 2);
  for (const auto u : found.vectors.colwise()) {
    EXPECT_NEAR(u.segment(0, 2).norm(), 0.6, 1e-14);
    EXPECT_NEAR(u.segment(2, 2).norm(), 0.8, 1e-14);
    EXPECT_EQ(u.segment(4, 2).norm(), 0.0);
  }
}

// Eigenvectors in a null space are any basis of it, which may differ with the number of ranks.
TEST(Bases, DoNotDependOnTheRanks) {
  const Trained toy(2);
  for (const auto basis : {Basis::pca, Basis::hessian, Basis::noise, Basis::random}) {
    const auto expected = toy.measure(Communicator::self(), basis), found = toy.measure(world(), basis);
    EXPECT_EQ(found.determined, expected.determined);
    const auto count = static_cast<std::size_t>(found.determined);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_NEAR(found.dynamics.variance[i], expected.dynamics.variance[i], 1e-4 * expected.dynamics.variance[i]);
      EXPECT_NEAR(found.noise[i], expected.noise[i], 1e-4 * expected.noise[i]);
      EXPECT_NEAR(found.predicted.window[i], expected.predicted.window[i], 1e-4 * expected.predicted.window[i]);
      if (world().is_root()) {
        EXPECT_NEAR(found.whole_prediction[i], expected.whole_prediction[i], 1e-4 * expected.whole_prediction[i]);
      }
    }
  }
}

// Sums over the rows, and the growth of the norm that follows.
TEST(Stationarity, SaysHowFastTheNormGrows) {
  const Trained toy(1);
  const Eigen::MatrixXd rows = toy.rows.cast<double>();
  const double squares = (rows.bottomRows(rows.rows() - 1) - rows.topRows(rows.rows() - 1)).squaredNorm();
  const double growth = rows.row(rows.rows() - 1).squaredNorm() - rows.row(0).squaredNorm();
  const double r = stationarity(world(), toy.window);
  EXPECT_NEAR((1.0 - 1.0 / r) * squares, growth, 1e-11 * rows.squaredNorm());
  const RowMatrixF still = RowMatrixF::Ones(5, 3);
  EXPECT_TRUE(std::isnan(stationarity(world(), in_memory(std::make_shared<const RowMatrixF>(still)))));
}

/// Three weights, H and C without a common eigenvector.
struct TwoMatrices {
  Eigen::MatrixXd vectors, hessian, noise, root{3, 3};
  Eigen::VectorXd curvature{{2.0, 0.7, 0.2}};

  TwoMatrices() {
    Random random(8, RandomPurpose::simulation);
    Eigen::MatrixXd turn(3, 3);
    for (auto& entry : turn.reshaped()) entry = random.normal();
    for (auto& entry : root.reshaped()) entry = random.normal();
    vectors = dense_basis(turn);
    hessian = vectors * curvature.asDiagonal() * vectors.transpose();
    noise = root * root.transpose();
  }
  [[nodiscard]] BasisVectors of_hessian() const { return {to_vector(curvature), vectors, 3}; }
  [[nodiscard]] BasisVectors of_noise() const {
    const auto modes = dense_modes(noise);
    return {to_vector(modes.values), modes.vectors, 3};
  }
};

FrozenRun quadratic_run(const ToyTraining& toy, std::span<const float> weights, Sampling sampling, double beta,
                        std::int64_t epochs) {
  FrozenRun run{toy.network, weights, 0, toy.train.set, toy.options, 0, epochs};
  run.options.sampling = sampling;
  run.options.optimizer.learning_rate = 0.3;
  run.options.optimizer.kind = beta > 0.0 ? OptimizerKind::momentum : OptimizerKind::sgd;
  run.options.optimizer.momentum = beta;
  return run;
}

/// SGD with momentum on three weights, H and C without a common eigenvector, white noise: the variances along the
/// eigenvectors of H of a long run.
Eigen::VectorXd simulated(const Eigen::MatrixXd& hessian, const Eigen::MatrixXd& root, const Eigen::MatrixXd& vectors,
                          double rate, double beta) {
  constexpr int steps = 2000000;
  Random random(3, RandomPurpose::simulation);
  Eigen::VectorXd w = Eigen::VectorXd::Zero(3), v = w;
  Eigen::ArrayXd sum = Eigen::ArrayXd::Zero(3), squares = sum;
  for (int t = -10000; t < steps; ++t) {
    const Eigen::VectorXd xi{{random.normal(), random.normal(), random.normal()}};
    v = beta * v + hessian * w + root * xi;
    w -= rate * v;
    if (t < 0) continue;
    const Eigen::ArrayXd theta = (vectors.transpose() * w).array();
    sum += theta;
    squares += theta.square();
  }
  return (squares / steps - (sum / steps).square()).matrix();
}

// A run of 2e6 steps has 2e6 (1 - beta)/(2 tau) independent squares or more, tau = (1 - beta)/(alpha h): 0.6 % for the
// softest; four of them. Along the eigenvectors of H the rest of C does not matter.
TEST(PredictedVariance, AlongEigenvectorsOfTheHessianIsThatOfAnExactSimulation) {
  const TwoMatrices two;
  const auto& [vectors, hessian, noise, root, curvature] = two;
  ASSERT_GT((noise * hessian - hessian * noise).norm(), 0.1 * noise.norm() * hessian.norm());
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  for (const double beta : {0.0, 0.8}) {
    const auto run = quadratic_run(toy, weights, Sampling::with_replacement, beta, 20000);
    const Eigen::VectorXd along = (vectors.transpose() * noise * vectors).diagonal();
    const auto predicted = predict_variance(run, to_vector(curvature), to_vector(along));
    const auto measured = simulated(hessian, root, vectors, 0.3, beta);
    for (Index i = 0; i < 3; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double h = curvature(i);
      EXPECT_NEAR(predicted.stationary[at],
                  0.3 * along(i) * (1.0 + beta) / ((1.0 - beta) * h * (2.0 * (1.0 + beta) - 0.3 * h)),
                  1e-12 * predicted.stationary[at]);
      EXPECT_NEAR(measured(i) / predicted.stationary[at], 1.0, 0.025);
      EXPECT_NEAR(predicted.window[at] / predicted.stationary[at], 1.0, 1e-3);  // 200000 iterations are a long window
    }
  }
}

// The stationary covariance of (w, v), S = A S A^T + P, as one linear system of 36 numbers. A window of 200000
// iterations takes 1e-3 away.
TEST(WholePrediction, OfLongWindowsSolvesTheLyapunovEquationOfWeightsAndVelocities) {
  const TwoMatrices two;
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(3, 3);
  for (const double beta : {0.0, 0.8}) {
    Eigen::MatrixXd a(6, 6), kick(6, 3);
    a << one - 0.3 * two.hessian, -0.3 * beta * one, two.hessian, beta * one;
    kick << -0.3 * one, one;
    const Eigen::MatrixXd added = kick * two.noise * kick.transpose();
    Eigen::MatrixXd system = Eigen::MatrixXd::Identity(36, 36);
    for (Index i = 0; i < 6; ++i)
      for (Index j = 0; j < 6; ++j) system.block(6 * i, 6 * j, 6, 6) -= a(i, j) * a;
    const Eigen::VectorXd solution =
        dense_solution(system.transpose() * system, system.transpose() * added.reshaped().matrix());
    const Eigen::MatrixXd stationary = solution.reshaped(6, 6).topLeftCorner(3, 3);
    const WholePrediction prediction(quadratic_run(toy, weights, Sampling::with_replacement, beta, 20000),
                                     two.of_hessian(), two.of_noise());
    const auto found = prediction.along(one);
    const auto alone =
        predict_variance(quadratic_run(toy, weights, Sampling::with_replacement, beta, 20000),
                         to_vector(two.hessian.diagonal().eval()), to_vector(two.noise.diagonal().eval()));
    for (Index i = 0; i < 3; ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_NEAR(found[at] / stationary(i, i), 1.0, 1e-3) << "momentum " << beta;
      EXPECT_GT(std::abs(alone.window[at] / stationary(i, i) - 1.0), 0.03);  // what the rest of the matrices does
    }
  }
}

/// SGD of three weights over the reshuffled epochs of the toy, in the weights themselves: what each noise of a long
/// past does to every snapshot of the window, and the covariance of the noises written out.
Eigen::MatrixXd dense_window(const TwoMatrices& two, Sampling sampling, double beta, std::int64_t epochs) {
  constexpr Index m = 10, past = 40 * m;
  const Index window = epochs * m, count = past + window;
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(3, 3);
  std::vector<Eigen::MatrixXd> response;  // of w, so many iterations after the noise
  Eigen::MatrixXd w = -0.3 * one, v = one;
  for (Index n = 0; n < count; ++n) {
    response.push_back(w);
    v = (beta * v + two.hessian * w).eval();
    w -= 0.3 * v;
  }
  Eigen::MatrixXd all = Eigen::MatrixXd::Zero(3 * window, 3 * count);
  for (Index t = 0; t < window; ++t)
    for (Index s = 0; s <= past + t; ++s)
      all.block(3 * t, 3 * s, 3, 3) = response[static_cast<std::size_t>(past + t - s)];
  Eigen::MatrixXd noise = Eigen::MatrixXd::Zero(3 * count, 3 * count);
  for (Index s = 0; s < count; ++s)
    for (Index t = 0; t < count; ++t) {
      const double pair = s == t ? 1.0 : s / m == t / m && sampling == Sampling::reshuffle ? -10.0 / 93.0 : 0.0;
      noise.block(3 * s, 3 * t, 3, 3) = pair * two.noise;
    }
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(3, 3 * count), sum = Eigen::MatrixXd::Zero(3, 3);
  for (Index t = 0; t < window; ++t) mean += all.middleRows(3 * t, 3) / static_cast<double>(window);
  for (Index t = 0; t < window; ++t) {
    const Eigen::MatrixXd rest = all.middleRows(3 * t, 3) - mean;
    sum += rest * noise * rest.transpose() / static_cast<double>(window);
  }
  return sum;
}

// Epochs of 10 minibatches of 10 samples out of 103. The past of 400 iterations is e^-24 of the start and less.
TEST(WholePrediction, OfShortWindowsIsThatOfDenseMatrices) {
  const TwoMatrices two;
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  for (const auto sampling : {Sampling::with_replacement, Sampling::reshuffle})
    for (const double beta : {0.0, 0.8}) {
      const WholePrediction prediction(quadratic_run(toy, weights, sampling, beta, 3), two.of_hessian(),
                                       two.of_noise());
      const auto dense = dense_window(two, sampling, beta, 3);
      const Eigen::MatrixXd directions = dense_basis(two.noise * two.hessian + Eigen::MatrixXd::Identity(3, 3));
      const auto found = prediction.along(directions);
      for (Index i = 0; i < 3; ++i) {
        const double expected = directions.col(i).dot(dense * directions.col(i));
        EXPECT_NEAR(found[static_cast<std::size_t>(i)], expected, 1e-9 * dense.norm())
            << to_string(sampling) << ", momentum " << beta;
      }
    }
}

TEST(WholePrediction, IsNotKnownWhereSgdIsUnstable) {
  const TwoMatrices two;
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  auto steep = two.of_hessian();
  steep.eigenvalue.front() = 7.0;
  const WholePrediction prediction(quadratic_run(toy, weights, Sampling::reshuffle, 0.0, 3), steep, two.of_noise());
  for (const double value : prediction.along(Eigen::MatrixXd::Identity(3, 3))) EXPECT_TRUE(std::isnan(value));
}

TEST(PredictedVariance, WeightDecayIsARestoringForce) {
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  FrozenRun run{toy.network, weights, 0, toy.train.set, toy.options, 0, 4};
  const std::vector<double> curvature = {0.5, -0.1}, steeper = {0.7, 0.1}, noise = {2.0, 2.0};
  const auto expected = predict_variance(run, steeper, noise);
  run.options.optimizer.weight_decay = 0.2;
  const auto found = predict_variance(run, curvature, noise);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    EXPECT_NEAR(found.window[i], expected.window[i], 1e-12 * expected.window[i]);
    EXPECT_NEAR(found.stationary[i], expected.stationary[i], 1e-12 * expected.stationary[i]);
  }
}

TEST(PredictedVariance, IsNotKnownForAdamNorWithoutARestoringForce) {
  const ToyTraining toy;
  const auto weights = toy.start().weights;
  FrozenRun run{toy.network, weights, 0, toy.train.set, toy.options, 0, 4};
  const std::vector<double> curvature = {-1.0, std::nan("")}, noise = {2.0, 2.0};
  const auto flat = predict_variance(run, curvature, noise);
  EXPECT_EQ(flat.window, flat.flat);
  EXPECT_TRUE(std::isinf(flat.stationary[0]) && std::isinf(flat.stationary[1]));
  run.options.optimizer.kind = OptimizerKind::adam;
  const auto unknown = predict_variance(run, curvature, noise);
  for (const auto* values : {&unknown.window, &unknown.flat, &unknown.stationary})
    for (const double value : *values) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace flatsweep::bases_test
