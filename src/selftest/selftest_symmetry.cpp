// Moves of the weights that leave the network's function as it is.
#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "selftest_groups.hpp"
#include "selftest_problem.hpp"

#include <cmath>

namespace flatsweep {

namespace {

constexpr int layer = 1;                  // fc2
constexpr double factor = 1.7;            // no power of two, so that products round
constexpr double single_rounding = 2e-6;  // of losses and Jacobians in single precision

using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The weights of a layer and its bias, inside a flat weight vector.
struct LayerView {
  Eigen::Map<RowMatrix> w;
  Eigen::Map<Eigen::VectorXf> bias;
  LayerView(const Layer& at, std::vector<float>& weights)
      : w(weights.data() + at.weights, at.outputs, at.inputs), bias(weights.data() + at.bias, at.outputs) {}
};

/// The units of `layer` in reverse order.
std::vector<float> reordered(const SelfTestProblem& problem) {
  auto weights = problem.weights();
  LayerView own(problem.layer(layer), weights), next(problem.layer(layer + 1), weights);
  own.w = own.w.colwise().reverse().eval();
  own.bias = own.bias.reverse().eval();
  next.w = next.w.rowwise().reverse().eval();
  return weights;
}

/// The units of `layer` louder, those who listen to them deafer.
std::vector<float> rescaled(const SelfTestProblem& problem) {
  auto weights = problem.weights();
  LayerView own(problem.layer(layer), weights), next(problem.layer(layer + 1), weights);
  own.w *= factor;
  own.bias *= factor;
  next.w /= factor;
  return weights;
}

}  // namespace

std::vector<Check> symmetry_checks(const Communicator& world) {
  const SelfTestProblem problem(SelfTestProblem::perceptron());
  const auto expand = [&](const std::vector<float>& weights) {
    return expand_loss(world, problem.network(), weights, layer, problem.images());
  };
  const auto spectrum = [&](const LayerExpansion& at) { return eigen_symmetric(world, at.hessian).values; };
  const auto plain = expand(problem.weights()), reverse = expand(reordered(problem)),
             scaled = expand(rescaled(problem));
  const Eigen::VectorXd values = spectrum(plain);
  const double moved = (spectrum(reverse) - values).cwiseAbs().maxCoeff() / values(0);
  return {
      {"hidden units in another order: loss over loss", 1.0, reverse.loss / plain.loss, single_rounding, "permutation"},
      {"hidden units in another order: eigenvalues, relative", 0.0, moved, 2 * single_rounding, "permutation"},
      {"weights times 1.7, then over 1.7: loss over loss", 1.0, scaled.loss / plain.loss, single_rounding,
       "ReLU scale"},
      {"weights times 1.7, then over 1.7: trace over trace", factor * factor,
       plain.hessian.trace() / scaled.hessian.trace(), 4 * single_rounding * factor * factor, "ReLU scale: 1.7^2"}};
}

}  // namespace flatsweep
