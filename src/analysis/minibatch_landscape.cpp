#include "flatsweep/analysis/minibatch_landscape.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"

#include <boost/math/tools/toms748_solve.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace flatsweep {

MinibatchLandscape::MinibatchLandscape(const Network& network, std::span<const float> weights, int layer,
                                       const ImageSet& set, int batch_size, const Eigen::MatrixXf& directions)
    : network_(network),
      weights_(weights.begin(), weights.end()),
      layer_(layer),
      minibatch_(set, batch_size),
      executor_(network, batch_size, network.curved(layer) ? Direction::forward_and_backward : Direction::forward_only),
      pass_(executor_.layer(layer)),
      directions_(directions),
      preactivation_(pass_.preactivations(), 0.0F),
      response_(pass_.preactivations(), 0.0F),
      softmax_(batch_size, network.classes()),
      roots_(batch_size * network.classes(), directions.cols()),
      means_(batch_size, directions.cols()) {}

void MinibatchLandscape::load(std::span<const std::uint32_t> samples) {
  minibatch_.take(samples);
  executor_.load(minibatch_.images());
  executor_.forward(weights_);
  pass_.apply_weights(pass_.input(), weights_.data() + network_.layers[layer_].weights, preactivation_);
  pass_.add_bias(weights_, preactivation_);
}

void MinibatchLandscape::apply_weights(int i) {
  pass_.apply_weights(pass_.input(), directions_.col(i).data(), response_);
}

// The right class is left out of the sum, so that a small loss keeps its digits: p_c = e_c/(1 + s), l = log1p(s).
void MinibatchLandscape::weigh_outputs() {
  loss_ = 0.0;
  for (Index n = 0; n < softmax_.rows(); ++n) {
    const Index right = minibatch_.labels()[n];
    const double right_output = executor_.logits()(n, right);
    double shift = 0.0;  // so that no exponential overflows
    for (Index c = 0; c < softmax_.cols(); ++c) shift = std::max(shift, executor_.logits()(n, c) - right_output);
    double wrong = 0.0;
    for (Index c = 0; c < softmax_.cols(); ++c) {
      softmax_(n, c) = c == right ? 0.0 : std::exp(executor_.logits()(n, c) - right_output - shift);
      wrong += softmax_(n, c);
    }
    softmax_.row(n) /= std::exp(-shift) + wrong;
    loss_ += shift > 0.0 ? shift + std::log(std::exp(-shift) + wrong) : std::log1p(wrong);
  }
  loss_ /= softmax_.rows();
}

MinibatchDerivatives MinibatchLandscape::derivatives() {
  move_to(0.0);
  if (network_.curved(layer_)) return by_products();
  return network_.loss == Loss::square ? of_square_loss() : of_cross_entropy();
}

MinibatchDerivatives MinibatchLandscape::by_products() {
  MinibatchDerivatives result{0.0, Eigen::VectorXd(directions_.cols()), {}};
  Eigen::MatrixXf products(directions_.rows(), directions_.cols());
  const std::size_t size = directions_.rows();
  for (Index i = 0; i < directions_.cols(); ++i) {
    const auto sum = executor_.layer_hessian_product(weights_, layer_, {directions_.col(i).data(), size},
                                                     minibatch_.labels(), {products.col(i).data(), size});
    result.loss = sum.loss / std::ssize(minibatch_.labels());
    result.gradient(i) = sum.first / std::ssize(minibatch_.labels());
  }
  const Eigen::MatrixXd curvature = directions_.cast<double>().transpose() * products.cast<double>();
  result.curvature = (curvature + curvature.transpose()) / (2.0 * minibatch_.labels().size());
  return result;
}

MinibatchDerivatives MinibatchLandscape::of_square_loss() {
  const Index batch = softmax_.rows();
  Eigen::ArrayXXd residual = executor_.logits().topRows(batch).cast<double>();
  if (const auto* targets = executor_.real_targets())
    residual -= targets->topRows(batch).cast<double>();
  else
    for (Index n = 0; n < batch; ++n) residual(n, minibatch_.labels()[n]) -= 1.0;
  MinibatchDerivatives result{0.5 * residual.square().sum() / batch, Eigen::VectorXd(directions_.cols()), {}};
  for (Index i = 0; i < directions_.cols(); ++i) {
    apply_weights(i);
    const Eigen::ArrayXXd moved = executor_.tangents(weights_, layer_, response_).topRows(batch).cast<double>();
    roots_.col(i) = moved.matrix().reshaped();
    result.gradient(i) = (residual * moved).sum() / batch;
  }
  result.curvature.noalias() = roots_.transpose() * roots_;
  result.curvature /= batch;
  return result;
}

MinibatchDerivatives MinibatchLandscape::of_cross_entropy() {
  const Index batch = softmax_.rows(), classes = softmax_.cols();
  weigh_outputs();
  const Eigen::ArrayXXd square_roots = softmax_.sqrt();
  for (Index i = 0; i < directions_.cols(); ++i) {
    apply_weights(i);
    const auto& tangents = executor_.tangents(weights_, layer_, response_);
    for (Index n = 0; n < batch; ++n) {
      const float right = tangents(n, minibatch_.labels()[n]);
      double mean = 0.0;
      for (Index c = 0; c < classes; ++c) {
        const double u = tangents(n, c) - right;
        roots_(c * batch + n, i) = square_roots(n, c) * u;
        mean += softmax_(n, c) * u;
      }
      means_(n, i) = mean;
    }
  }
  MinibatchDerivatives result{loss_, means_.colwise().mean(), {}};
  result.curvature.noalias() = roots_.transpose() * roots_;
  result.curvature.noalias() -= means_.transpose() * means_;
  result.curvature /= batch;
  return result;
}

void MinibatchLandscape::move_to(double theta) {
  pass_.activate(preactivation_, response_, theta);
  executor_.forward(weights_, layer_ + 1);
}

double MinibatchLandscape::slope(double theta) {
  move_to(theta);
  return executor_.derivatives(weights_, layer_, response_, minibatch_.labels()).first;
}

namespace {

struct Point {
  double theta = 0.0;
  double slope = 0.0;
};
struct Bracket {
  Point near;  ///< downhill still, seen from 0
  Point far;   ///< uphill; its slope is NaN when `furthest` is reached first, or the loss is level there
};

Bracket bracket_outwards(const std::function<double(double)>& slope, const MinibatchLandscape::MinimumSearch& search,
                         double slope_at_zero) {
  const double downhill = slope_at_zero > 0.0 ? -1.0 : 1.0;
  Bracket bracket{{0.0, slope_at_zero}, {}};
  const double guess = std::isfinite(search.guess) ? std::max(0.0, downhill * search.guess) : 0.0;
  double step = std::clamp(guess, 1e-2 * search.furthest, search.furthest);
  for (;; step = std::min(2.0 * step, search.furthest)) {
    bracket.far = {downhill * step, slope(downhill * step)};
    if (bracket.far.slope * downhill > 0.0) return bracket;
    if (step >= search.furthest || bracket.far.slope == 0.0) break;
    bracket.near = bracket.far;
  }
  bracket.far.slope = nan;
  return bracket;
}

}  // namespace

double MinibatchLandscape::minimum(int i, const MinimumSearch& search) {
  if (!(search.furthest > 0.0)) return nan;
  apply_weights(i);
  const auto at = [this](double theta) { return slope(theta); };
  const double slope_at_zero = at(0.0);
  if (slope_at_zero == 0.0) return nan;
  auto [near, far] = bracket_outwards(at, search, slope_at_zero);
  if (std::isnan(far.slope)) return nan;
  if (near.theta > far.theta) std::swap(near, far);
  const auto narrow = [&](double a, double b) { return std::abs(b - a) <= search.tolerance; };
  std::uintmax_t steps = 200;
  const auto [low, high] =
      boost::math::tools::toms748_solve(at, near.theta, far.theta, near.slope, far.slope, narrow, steps);
  if (!narrow(low, high))
    throw SolverError(fmt::format("the minimum of a minibatch loss function between {} and {} was not found to {}", low,
                                  high, search.tolerance));
  return 0.5 * (low + high);
}

}  // namespace flatsweep
