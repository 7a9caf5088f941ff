#pragma once

#include "flatsweep/base/index.hpp"

#include <Eigen/Core>

#include <cstdint>

namespace flatsweep {

/// What decides the loss of one sample: l = ln(1 + a exp(-gap)), eq. S5.
struct LogitMargin {
  double gap = 0.0;         ///< Delta Y: the correct output minus the largest wrong one
  double log_others = 0.0;  ///< ln a, a = sum over the wrong outputs of exp(y - the largest of them), at least 1
};

/// @param logits (samples, classes), two classes or more
[[nodiscard]] LogitMargin logit_margin(const Eigen::ArrayXXf& logits, Index sample, std::uint8_t label);
/// The gap alone, without an exponential.
[[nodiscard]] double gap_only(const Eigen::ArrayXXf& logits, Index sample, std::uint8_t label);

/// Least-squares lines gap = intercept + slope * theta, one for each sample (eq. S6). Where the gap stays within the
/// rounding of single precision, slope and R^2 are NaN.
struct GapLines {
  Eigen::VectorXd slope;      ///< (samples,) beta_k
  Eigen::VectorXd intercept;  ///< (samples,)
  Eigen::VectorXd r_squared;  ///< (samples,) 1 - residual / total sum of squares
};

/// @param theta (n,), two different values or more   @param gaps (n, samples)
[[nodiscard]] GapLines fit_gap_lines(const Eigen::VectorXd& theta, const Eigen::MatrixXd& gaps);

/// Every sample at theta = 0.
struct SamplesAtZero {
  Eigen::VectorXd gap;                         ///< (samples,) Delta Y_k(0)
  Eigen::VectorXd log_others;                  ///< (samples,) ln a_k
  [[nodiscard]] Eigen::VectorXd loss() const;  ///< (samples,) l_k(0)
};

/// ln L_1 as eqs S5-S8 predict it from the gaps' slopes, and how far it is from the measured one.
struct LossPrediction {
  Eigen::VectorXd log_loss;  ///< (n,)
  double max_error = 0.0;    ///< largest |predicted - measured| over the inner half of the range
  double rms_error = 0.0;
};

/// Mean and half variance of the gaps' slopes: the two numbers of eq. S8.
struct SlopeMoments {
  double mean = 0.0;           ///< beta
  double half_variance = 0.0;  ///< beta_2
};

/// Four forms of the same prediction, from the most complete to the one printed.
struct LossClosure {
  LossPrediction full;               ///< ln <ln(1 + a_k exp(-gap_k(0) - beta_k theta))>: S5 with S6
  LossPrediction exponential;        ///< ln <l_k(0) exp(-beta_k theta)>: S7
  LossPrediction weighted_cumulant;  ///< ln L_0 - beta theta + beta_2 theta^2, samples weighted by their loss
  LossPrediction plain_cumulant;     ///< the same with all samples alike, as S8 is printed
  SlopeMoments weighted, plain;
};

/// @param slope (samples,) beta_k, NaN for 0   @param theta (n,) ascending   @param measured (n,) ln L_1(theta)
/// Errors are taken over first/2 <= theta <= last/2 of a range that holds 0, or everywhere where no theta is there.
[[nodiscard]] LossClosure close_loss(const SamplesAtZero& samples, const Eigen::VectorXd& slope,
                                     const Eigen::VectorXd& theta, const Eigen::VectorXd& measured);

}  // namespace flatsweep
