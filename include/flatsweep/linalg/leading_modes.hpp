#pragma once

#include "flatsweep/linalg/symmetric_eigen.hpp"

#include <Eigen/Core>

#include <functional>
#include <span>

namespace flatsweep {

/// Y = A X for a symmetric positive semi-definite A; X (n, columns), Y is given its shape by the operator.
using BlockOperator = std::function<void(const Eigen::MatrixXd& x, Eigen::MatrixXd& y)>;

/// Are these leading eigenvalues, descending, all that is wanted?
using EnoughModes = std::function<bool(std::span<const double> values)>;

struct LeadingModesOptions {
  int block = 64;            ///< vectors multiplied at once
  double tolerance = 1e-10;  ///< of |Av - lv| relative to the largest eigenvalue
  Eigen::Index vectors = 0;  ///< how many leading vectors are wanted; 0 for as many as values
};

/// Leading eigenpairs, as many as `enough` asks for, by a block Krylov space that grows until they have converged
/// (Rayleigh-Ritz on span{X, AX, A^2 X, ...}, X random and always the same). Serial.
/// @return values and residuals of all converged leading modes, at least what `enough` asks for, all n of them at most
/// @throws SolverError when all n modes are not enough
[[nodiscard]] EigenPairs leading_modes(const BlockOperator& apply, Eigen::Index n, const EnoughModes& enough,
                                       const LeadingModesOptions& options = {});

/// The same for a matrix in memory; both triangles are read. Small ones are solved directly, all modes.
[[nodiscard]] EigenPairs leading_modes(Eigen::MatrixXd matrix, const EnoughModes& enough,
                                       const LeadingModesOptions& options = {});

}  // namespace flatsweep
