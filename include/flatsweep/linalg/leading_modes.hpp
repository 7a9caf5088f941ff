#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <span>

namespace flatsweep {

/// A X for a symmetric A, (n, columns) like X. Both are whole and the same on every rank.
/// @note Collective over the ranks that solve together.
using BlockOperator = std::function<Eigen::MatrixXd(const Eigen::MatrixXd& x)>;

/// Are these leading eigenvalues, descending, all that is wanted? Called on every rank.
using EnoughModes = std::function<bool(std::span<const double> values)>;

struct LeadingModesOptions {
  int block = 64;            ///< columns multiplied at once
  double tolerance = 1e-10;  ///< of |Av - lv| relative to the scale
  double scale = 0.0;        ///< 0 for the largest eigenvalue
  Index vectors = 0;         ///< how many leading vectors are wanted; 0 for as many as values
  std::uint64_t start = 0;   ///< which of the random first blocks
};

/// Leading eigenpairs, as many as `enough` asks for, by a block Krylov space that grows until they have converged
/// (Rayleigh-Ritz on span{X, AX, A^2 X, ...}, X random and always the same). The space's rows are dealt over the ranks;
/// where the operator's products are the same for any number of ranks, so is the result, bit for bit.
/// @return values and residuals of all leading modes that have converged, at least what `enough` asks for, and vectors;
///         the same on every rank
/// @note Collective.  @throws SolverError when all n modes are not enough
[[nodiscard]] EigenPairs leading_modes(const Communicator& comm, const BlockOperator& apply, Index n,
                                       const EnoughModes& enough, const LeadingModesOptions& options = {});

}  // namespace flatsweep
