#pragma once

#include "flatsweep/data/minibatch.hpp"
#include "flatsweep/nn/network_executor.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// The mean loss L^mu of one minibatch and its derivatives in the plane of some directions, at w_0: exact between the
/// kinks of a piecewise-linear network. With t_i the rates at which a sample's outputs move along p_i, p its softmax
/// and e its label, d_i L = mean (p - e).t_i and d_ij L = mean t_i^T (diag p - p p^T) t_j.
struct MinibatchDerivatives {
  double loss = 0.0;
  Eigen::VectorXd gradient;   ///< (n,)
  Eigen::MatrixXd curvature;  ///< (n, n), both triangles
};

/// Loss functions of single minibatches along directions in one layer's weights, L^mu(w_0 + theta p_i), for fully
/// connected and convolution layers. What does not depend on the direction is computed once per minibatch. Rank-local.
class MinibatchLandscape {
 public:
  /// @param directions (N, n) columns, each in the order of the layer's weights
  MinibatchLandscape(const Network& network, std::span<const float> weights, int layer, const ImageSet& set,
                     int batch_size, const Eigen::MatrixXf& directions);

  /// Moves on to the minibatch of these samples, `batch_size` of them.
  void load(std::span<const std::uint32_t> samples);

  [[nodiscard]] MinibatchDerivatives derivatives();

  struct MinimumSearch {
    double guess = 0.0;      ///< where the minimum is thought to be: the first step on the way out
    double furthest = 0.0;   ///< how far to look
    double tolerance = 0.0;  ///< of the position, absolute
  };
  /// A minimum downhill of 0 along direction `i`: dL^mu/dtheta is followed in growing steps until it turns, and its
  /// zero between the last two is found to within the tolerance. NaN when it turns at no step within `furthest`. A dip
  /// of the loss that is narrower than a step may be passed over. A kink may be a minimum, too.
  /// @throws SolverError when the bracket does not close
  [[nodiscard]] double minimum(int i, const MinimumSearch& search);

 private:
  void apply_weights(int i);
  [[nodiscard]] double slope(double theta);
  void move_to(double theta);
  /// Where activations are curved: the Hessian times each direction.
  [[nodiscard]] MinibatchDerivatives by_products();
  [[nodiscard]] MinibatchDerivatives of_square_loss();
  [[nodiscard]] MinibatchDerivatives of_cross_entropy();
  void weigh_outputs();

  Network network_;
  std::vector<float> weights_;
  int layer_;
  Minibatch minibatch_;
  NetworkExecutor executor_;
  LayerExecutor& pass_;
  const Eigen::MatrixXf& directions_;
  AlignedVector<float> preactivation_;  // z_0 of the minibatch at hand, bias included
  AlignedVector<float> response_;       // how it moves along a direction
  double loss_ = 0.0;
  Eigen::ArrayXXd softmax_;  // (batch, classes), 0 at the right class
  Eigen::MatrixXd roots_;  // (batch * classes, n) sqrt(p_c) u_ic, u_i = t_i - t_i(right class); t_i of the square loss
  Eigen::MatrixXd means_;  // (batch, n) sum_c p_c u_ic
};

}  // namespace flatsweep
