// PCA of a random walk in many dimensions against its closed form.
#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "selftest_groups.hpp"

#include <fmt/format.h>

#include <cmath>
#include <memory>

namespace flatsweep {

namespace {

constexpr int steps = 200, dimensions = 4000;

SnapshotSource random_walk() {
  Random random(1, RandomPurpose::simulation);
  auto rows = std::make_shared<RowMatrixF>(steps, dimensions);
  Eigen::VectorXd position = Eigen::VectorXd::Zero(dimensions);
  for (int t = 0; t < steps; ++t) {
    for (double& x : position) x += random.normal();
    rows->row(t) = position.cast<float>();
  }
  return in_memory(rows);
}

/// Mode k's variance is a mean over the dimensions of squared normal numbers, relative deviation sqrt(2/4000); four of
/// them, times 1 - f because numerator and denominator move together.
Check fraction_check(const Pca& pca, int k) {
  const double expected = random_walk_fraction(k);
  const double tolerance = 4.0 * std::sqrt(2.0 / dimensions) * expected * (1.0 - expected);
  return {fmt::format("random walk: variance fraction of mode {}", k), expected,
          pca.variance(k - 1) / pca.total_variance, tolerance, "6/(pi^2 k^2)"};
}

/// Modes that hold 99.9 % of the spectrum of J L L^T J, L the lower triangle of ones, J = 1 - 1/T.
Check learning_dimension_check(const Communicator& world) {
  Eigen::MatrixXd walk = Eigen::MatrixXd::Zero(steps, steps);
  walk.triangularView<Eigen::Lower>().setOnes();
  walk.rowwise() -= walk.colwise().mean().eval();
  const Eigen::VectorXd values = eigen_symmetric(world, walk * walk.transpose()).values;
  const int expected = learning_dimension(entries(values).first(steps), values.sum());
  return {"random walk of 200 steps: modes that hold 99.9 %", 1.0 * expected,
          1.0 * random_walk_learning_dimension(steps), 0.0, "dense spectrum"};
}

}  // namespace

std::vector<Check> random_walk_checks(const Communicator& world) {
  const auto pca = principal_components(world, random_walk());
  std::vector<Check> checks;
  for (const int k : {1, 2, 3}) checks.push_back(fraction_check(pca, k));
  // Mode 1 mixes with mode 2 by an angle of about sqrt(1/4000) f_1/(f_1 - f_2) = 0.02.
  checks.push_back({"random walk: cosine content of mode 1", 1.0, pca.cosine_content(0), 0.01, "cos(pi (t+1/2)/T)"});
  checks.push_back(learning_dimension_check(world));
  checks.push_back({"long random walk: modes that hold 99.9 %", 608.0,
                    1.0 * random_walk_learning_dimension(100'000'000), 0.0, "6/(pi^2 0.001)"});
  return checks;
}

}  // namespace flatsweep
