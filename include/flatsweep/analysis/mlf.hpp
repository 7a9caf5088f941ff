#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace flatsweep {

enum class MinimumPositions { measured, left_out };

template <>
inline constexpr auto enum_words<MinimumPositions> = make_enum_words<MinimumPositions>({
    {MinimumPositions::measured, "measured", "the costly part: some ten passes each through the layers behind"},
    {MinimumPositions::left_out, "left-out", "without the positions of minima"},
});

/// Options of the ensemble of minibatch loss functions (MLF).
struct MlfOptions {
  std::int64_t directions = 60;                           ///< how many; 0 for all
  DirectionChoice spacing = DirectionChoice::log_spaced;  ///< which, when not all
  std::int64_t minibatches = 0;                           ///< how many; 0 for all of the given order
  int pairs = 100;                                        ///< pairs of directions whose M_ij is kept per minibatch
  MinimumPositions minima =
      MinimumPositions::measured;  ///< the costly part: some ten passes each through the layers behind
  double reach = 4.0;              ///< how far a minimum is looked for, in F_i
  double tolerance = 1e-5;         ///< of its position, in F_i
};

/// The directions along which minibatch loss functions are taken, with what is known of the whole loss along them.
struct MlfDirections {
  std::vector<int> direction;     ///< (n,) 0-based numbers, ascending
  std::vector<double> flatness;   ///< (n,) F_i, NaN where unbounded or not measured
  std::vector<double> curvature;  ///< (n,) d^2 ln L/d theta^2 at w_0, NaN where not measured
};
/// Takes F_i and curvature from what was measured; NaN for directions that `flatness` does not hold.
[[nodiscard]] MlfDirections mlf_directions(const std::vector<int>& chosen, std::span<const DirectionFlatness> flatness);

/// Where minibatch loss functions are measured.
struct MlfProblem {
  const Network& network;
  std::span<const float> weights;  ///< w_0, all of them
  int layer = 0;
  const ImageSet& set;
  int batch_size = 0;
  std::span<const std::uint32_t> order;  ///< a whole number of minibatches, as Sampler::order gives them
};

/// (directions or pairs, minibatches)
using MlfMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// ln L^mu of every minibatch and its derivatives at w_0 (SI S4, eqs S9-S13).
struct MlfSamples {
  std::vector<int> direction;  ///< (n,)
  int batch_size = 0;
  std::vector<double> log_loss;  ///< (mu,) ln L^mu(w_0)
  MlfMatrix gradient;            ///< (n, mu) d_i ln L^mu
  MlfMatrix m_diagonal;          ///< (n, mu) M_ii = d_ii ln L^mu
  MlfMatrix theta;               ///< (n, mu) a minimum of L^mu along direction i, theta~_i; NaN: none within reach
  MlfMatrix theta_newton;        ///< (n, mu) -d_i ln L^mu / M_ii; NaN where M_ii <= 0
  std::vector<std::array<int, 2>> pairs;  ///< rows of `direction`, spread evenly over all pairs
  MlfMatrix m_off_diagonal;               ///< (pairs, mu) M_ij
  Eigen::MatrixXd m_mean;                 ///< (n, n) <M_ij>, all pairs; M_ii^(0) on the diagonal
  Eigen::MatrixXd m_variance;             ///< (n, n) sigma_ij^2, 1/mu; sigma_M,i^2 on the diagonal
  /// (n,) d^2 ln L/d theta_i^2 of the mean loss L = <L^mu>, exact:
  /// <L^mu (M_ii + d_i^2)>/<L^mu> - (<L^mu d_i>/<L^mu>)^2, d_i the gradient of ln L^mu
  std::vector<double> mean_loss_curvature;

  [[nodiscard]] Index minibatches() const { return std::ssize(log_loss); }
};

/// Derivatives at w_0 are exact between kinks; minima are found on the exact slope. Minibatches are dealt over the
/// team; results are equal for any team size. Minima are looked for within reach * F_i, or reach * sqrt(8/curvature of
/// the mean loss) where F_i is not known.
/// @param directions (N, n) orthonormal columns, whose numbers are `along.direction`
/// @param checkpoint called between minibatches on every rank; may throw Stopped
/// @note Collective over `team`.  @throws ConfigError, SolverError, Stopped, agreed
[[nodiscard]] MlfSamples measure_mlf(const Communicator& team, const MlfProblem& problem,
                                     const Eigen::MatrixXd& directions, const MlfDirections& along,
                                     const MlfOptions& options,
                                     const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
