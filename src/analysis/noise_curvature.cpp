#include "flatsweep/analysis/noise_curvature.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace flatsweep {

namespace {

/// E |A B' - B' A|^2 over B' = O B O^T with O uniform on the orthogonal group. From E B'_ij B'_kl =
/// a d_ij d_kl + b (d_ik d_jl + d_il d_jk), whose a and b follow from (tr B)^2 and tr B^2 (Collins and Sniady 2006).
double mean_square_commutator(double n, double trace_a, double square_a, double trace_b, double square_b) {
  const double unit = n * (n - 1.0) * (n + 2.0);
  if (unit <= 0.0) return 0.0;
  const double a = ((n + 1.0) * trace_b * trace_b - 2.0 * square_b) / unit;
  const double b = (n * square_b - trace_b * trace_b) / unit;
  const double crossed = a * square_a + b * (square_a + trace_a * trace_a);  // E tr(A B' A B')
  return std::max(0.0, 2.0 * (square_a * square_b / n - crossed));
}

}  // namespace

void compare_matrices(const Eigen::MatrixXd& noise, const Eigen::MatrixXd& hessian, NoiseCurvature& relation) {
  const double n = noise.rows();
  const double norms = noise.norm() * hessian.norm();
  if (norms == 0.0) return;
  const Eigen::MatrixXd product = noise * hessian;
  relation.commutator = (product - product.transpose()).norm() / norms;
  relation.commutator_null =
      std::sqrt(mean_square_commutator(n, noise.trace(), noise.squaredNorm(), hessian.trace(), hessian.squaredNorm())) /
      norms;
  relation.alignment = product.trace() / norms;
  relation.alignment_null = noise.trace() * hessian.trace() / (n * norms);
}

Exponent fit_noise(std::span<const int> number, std::span<const double> curvature, std::span<const double> noise,
                   const PsiOptions& options) {
  constexpr double rounding = 1e-7;  // of the largest curvature: products are in single precision, 2^-24 = 6e-8
  const double largest = curvature.empty() ? 0.0 : std::ranges::max(curvature);
  PowerLawSample sample;
  for (std::size_t i = 0; i < number.size(); ++i) {
    if (!options.takes(number[i])) continue;
    if (!(curvature[i] > rounding * largest)) continue;
    sample.x.push_back(curvature[i]);
    sample.y.push_back(noise[i]);
  }
  return fit_power_law({&sample, 1});
}

}  // namespace flatsweep
