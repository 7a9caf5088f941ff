#include "flatsweep/linalg/leading_modes.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "krylov_space.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {
using Eigen::MatrixXd;

// The projected problem is solved whenever the space has grown by this factor.
constexpr double growth = 1.15;

Eigen::VectorXd residuals_of(const EigenPairs& ritz, const MatrixXd& coupling) {
  if (coupling.rows() == 0) return Eigen::VectorXd::Zero(ritz.values.size());
  return (coupling * ritz.vectors.bottomRows(coupling.cols())).colwise().norm().transpose();
}

/// The converged leading Ritz pairs: up to the first that has not.
Index converged(const EigenPairs& ritz, const LeadingModesOptions& options) {
  const double bound = options.tolerance * (options.scale > 0.0 ? options.scale : std::abs(ritz.values(0)));
  const auto* end = ritz.residuals.data() + ritz.residuals.size();
  return std::find_if_not(ritz.residuals.data(), end, [&](double r) { return r <= bound; }) - ritz.residuals.data();
}

}  // namespace

EigenPairs leading_modes(const Communicator& comm, const BlockOperator& apply, Index n, const EnoughModes& enough,
                         const LeadingModesOptions& options) {
  KrylovSpace space(comm, apply, n, options.block, options.start);
  double next_check = 2.0 * options.block;
  while (true) {
    space.grow();
    if (space.size() < next_check && space.size() < n && space.coupling().rows() > 0) continue;
    next_check = growth * space.size();
    auto ritz = eigen_symmetric_on_root(comm, space.projected());
    ritz.residuals = residuals_of(ritz, space.coupling());
    const Index count = converged(ritz, options);
    if (count > 0 && enough(entries(ritz.values).first(count))) {
      const Index wanted = options.vectors > 0 ? std::min(options.vectors, count) : count;
      return {ritz.values.head(count), space.combine(ritz.vectors.leftCols(wanted)), ritz.residuals.head(count)};
    }
    if (space.size() == n)
      throw_error(ErrorKind::solver,
                  "all " + std::to_string(n) + " modes do not hold what was asked of the leading ones", true);
  }
}

}  // namespace flatsweep
