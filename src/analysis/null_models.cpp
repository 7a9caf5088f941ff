#include "flatsweep/analysis/null_models.hpp"

#include <cmath>
#include <numbers>

namespace flatsweep {

using std::numbers::pi;

namespace {

// A total (a trace) and a sum of eigenvalues agree to rounding only.
double enough(double total, double fraction) { return fraction * total * (1.0 - 1e-12); }

}  // namespace

double random_walk_fraction(int k) { return 6.0 / (pi * pi * k * k); }

namespace {

double random_walk_variance(int k, double length) {
  const double sine = std::sin(pi * k / (2.0 * length));
  return 1.0 / (4.0 * sine * sine);
}

}  // namespace

// sum_{k=1}^{T-1} 1/(4 sin^2(pi k/2T)) = (T^2 - 1)/6, from sum_{k=1}^{m-1} 1/sin^2(pi k/m) = (m^2 - 1)/3 with m = 2T.
int random_walk_learning_dimension(std::int64_t steps, double fraction, int first_mode) {
  const double length = steps;
  double total = (length * length - 1.0) / 6.0;
  for (int k = 1; k < first_mode && k < steps; ++k) total -= random_walk_variance(k, length);
  const double wanted = enough(total, fraction);
  double held = 0.0;
  int k = first_mode - 1;
  while (held < wanted && k < steps - 1) held += random_walk_variance(++k, length);
  return k - first_mode + 1;
}

double cosine_content(std::span<const double> theta, int k) {
  const double length = theta.size();
  double overlap = 0.0;
  double squares = 0.0;
  for (std::size_t t = 0; t < theta.size(); ++t) {
    overlap += std::cos(pi * k * (t + 0.5) / length) * theta[t];
    squares += theta[t] * theta[t];
  }
  return squares > 0.0 ? 2.0 / length * overlap * overlap / squares : 0.0;
}

int learning_dimension(std::span<const double> variances, double total, double fraction) {
  const double wanted = enough(total, fraction);
  double held = 0.0;
  int dimension = 0;
  for (const double variance : variances) {
    if (held >= wanted) return dimension;
    held += variance;
    ++dimension;
  }
  return held >= wanted ? dimension : dimension + 1;
}

}  // namespace flatsweep
