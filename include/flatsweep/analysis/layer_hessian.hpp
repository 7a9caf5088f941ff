#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <span>

namespace flatsweep {

/// The mean loss over an image set to second order in one layer's weights around w_0, biases held.
struct LayerExpansion {
  double loss = 0.0;         ///< L_0
  Eigen::VectorXd gradient;  ///< (N,) dL/dw
  Eigen::MatrixXd hessian;   ///< (N, N) d^2L/dw^2, both triangles

  /// The Hessian of ln L: H/L_0 - g g^T/L_0^2. (SI S3)
  [[nodiscard]] Eigen::MatrixXd log_loss_hessian() const;
};

/// Of the layer's matrices of second order. `squares`: E[h^2] = (1/M) sum_n h_n^2, h_n the Hessian of sample n's loss.
enum class LayerMatrix { hessian, gauss_newton, squares };

/// The layer's exact Hessian in closed form. Between kinks of ReLU and max-pool the logits are linear in one layer's
/// weights, so that the Hessian is the Gauss-Newton block, (1/M) sum_n J_n^T (d^2 l/dy^2) J_n with J_n the Jacobian of
/// the outputs y, and d^2 l/dy^2 = diag p_n - p_n p_n^T of the cross-entropy. For a fully connected layer it
/// factorises: (1/M) sum_n B_n (x) h_n h_n^T, B_n the same form in the layer's pre-activations and h_n its input: one
/// product of packed symmetric matrices. Where the layer or one behind it has a curved activation, B_n has the terms of
/// sigma''; a convolution's Hessian is then found column by column, by products.
/// Of a Kronecker product the square is B_n^2 (x) |h_n|^2 h_n h_n^T; of h_n = F^T F it is F^T (F F^T) F.
/// @param weights (parameters,) the same on every rank   @param matrix what stands in `hessian`
/// @return the same on every rank, equal for any team size to rounding
/// @note Collective over `team`; minibatches of samples are dealt over its ranks.
/// @throws SolverError, agreed, when the layer has more than 32000 weights, and for the squares of a convolution with
/// curved activations
[[nodiscard]] LayerExpansion expand_loss(const Communicator& team, const Network& network,
                                         std::span<const float> weights, int layer_index, const ImageSet& set,
                                         LayerMatrix matrix = LayerMatrix::hessian);

}  // namespace flatsweep
