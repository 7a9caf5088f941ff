#include "flatsweep/analysis/logit_margin.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {
using Eigen::VectorXd;

double largest_wrong(const Eigen::ArrayXXf& logits, Index sample, Index label) {
  float largest = -std::numeric_limits<float>::infinity();
  for (Index c = 0; c < logits.cols(); ++c)
    if (c != label) largest = std::max(largest, logits(sample, c));
  return largest;
}

// ln(1 + exp(x)) without overflow, and with its relative precision where it is tiny.
double log_one_plus_exp(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

/// ln of the mean of exp(x).
double log_mean_exp(const VectorXd& x) {
  const double largest = x.maxCoeff();
  return largest + std::log((x.array() - largest).exp().mean());
}

SlopeMoments moments(const VectorXd& slope, const VectorXd& weights) {
  const double total = weights.sum();
  const double mean = weights.dot(slope) / total;
  return {mean, 0.5 * weights.dot((slope.array() - mean).square().matrix()) / total};
}

VectorXd cumulant(const SlopeMoments& beta, double log_loss, const VectorXd& theta) {
  return log_loss - beta.mean * theta.array() + beta.half_variance * theta.array().square();
}

LossPrediction with_errors(VectorXd predicted, const VectorXd& theta, const VectorXd& measured) {
  LossPrediction result{std::move(predicted), 0.0, 0.0};
  const double low = 0.5 * theta(0), high = 0.5 * theta(theta.size() - 1);
  const bool nothing_inside = (theta.array() < low || theta.array() > high).all();
  int points = 0;
  for (Index i = 0; i < theta.size(); ++i) {
    if (!nothing_inside && (theta(i) < low || theta(i) > high)) continue;
    const double error = std::abs(result.log_loss(i) - measured(i));
    result.max_error = std::max(result.max_error, error);
    result.rms_error += error * error;
    ++points;
  }
  result.rms_error = std::sqrt(result.rms_error / points);
  return result;
}

}  // namespace

double gap_only(const Eigen::ArrayXXf& logits, Index sample, std::uint8_t label) {
  return 1.0 * logits(sample, label) - largest_wrong(logits, sample, label);
}

LogitMargin logit_margin(const Eigen::ArrayXXf& logits, Index sample, std::uint8_t label) {
  const double largest = largest_wrong(logits, sample, label);
  double sum = 0.0;
  for (Index c = 0; c < logits.cols(); ++c)
    if (c != label) sum += std::exp(logits(sample, c) - largest);
  return {logits(sample, label) - largest, std::log(sum)};
}

GapLines fit_gap_lines(const VectorXd& theta, const Eigen::MatrixXd& gaps) {
  const VectorXd centred = theta.array() - theta.mean();
  const double n = theta.size();
  GapLines lines{centred.transpose() * gaps / centred.squaredNorm(), {}, VectorXd::Constant(gaps.cols(), nan)};
  const VectorXd mean = gaps.colwise().mean();
  lines.intercept = mean - theta.mean() * lines.slope;
  for (Index k = 0; k < gaps.cols(); ++k) {
    const VectorXd moved = gaps.col(k).array() - mean(k);
    // Outputs are sums of some dozens of single-precision terms of their own size or larger.
    const double rounding = 1e-6 * std::max(1.0, std::abs(mean(k)));
    const double total = moved.squaredNorm();
    if (total > n * rounding * rounding)
      lines.r_squared(k) = 1.0 - (moved - lines.slope(k) * centred).squaredNorm() / total;
    else
      lines.slope(k) = nan;
  }
  return lines;
}

VectorXd SamplesAtZero::loss() const { return (log_others - gap).unaryExpr(&log_one_plus_exp); }

LossClosure close_loss(const SamplesAtZero& samples, const VectorXd& slope, const VectorXd& theta,
                       const VectorXd& measured) {
  const VectorXd known_slope = slope.array().isNaN().select(0.0, slope);
  const VectorXd loss = samples.loss();
  const VectorXd log_loss = loss.array().log();
  const double log_mean = std::log(loss.mean());
  VectorXd full(theta.size()), exponential(theta.size());
  for (Index i = 0; i < theta.size(); ++i) {
    full(i) = std::log((samples.log_others - samples.gap - theta(i) * known_slope).unaryExpr(&log_one_plus_exp).mean());
    exponential(i) = log_mean_exp(log_loss - theta(i) * known_slope);
  }
  LossClosure closure;
  closure.weighted = moments(known_slope, loss);
  closure.plain = moments(known_slope, VectorXd::Ones(known_slope.size()));
  closure.full = with_errors(std::move(full), theta, measured);
  closure.exponential = with_errors(std::move(exponential), theta, measured);
  closure.weighted_cumulant = with_errors(cumulant(closure.weighted, log_mean, theta), theta, measured);
  closure.plain_cumulant = with_errors(cumulant(closure.plain, log_mean, theta), theta, measured);
  return closure;
}

}  // namespace flatsweep
