#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/snapshots.hpp"
#include "flatsweep/par/communicator.hpp"

#include <cstdint>
#include <vector>

namespace flatsweep {

struct DynamicsOptions {
  std::int64_t directions = 0;                            ///< how many; 0 for all
  DirectionChoice spacing = DirectionChoice::log_spaced;  ///< which, when not all
  int lags = 200;          ///< about so many lags of the curves are kept, spaced evenly in ln(lag + 1)
  int frozen_points = 25;  ///< iterations of the window at which the noise is measured with frozen weights; 0 for none
};

/// Velocity correlations along directions (SI S5), the principal ones or others; see VelocityCorrelation for the
/// formulas. One entry or row per chosen direction: all but its variance NaN where that is rounding, or
/// half or more of its velocity.
struct Dynamics {
  std::int64_t iterations = 0;                 ///< T
  std::vector<int> direction;                  ///< (n,) 0-based number of the direction
  std::vector<double> variance;                ///< (n,) sigma_i^2, of the set where it knows it
  std::vector<double> noise_strength;          ///< (n,) D_i
  std::vector<double> tau;                     ///< (n,) sigma_i^2 / D_i, iterations
  std::vector<double> tau_window;              ///< (n,) eq. S19 as printed, iterations; may be negative
  std::vector<double> window_identity;         ///< (n,)
  std::vector<double> drift;                   ///< (n,) <v_i>
  std::vector<std::int64_t> lag;               ///< (h,) ascending, 0 and T - 2 among them
  std::vector<double> correlation;             ///< (n, h) c_i, row-major like the three below
  std::vector<double> integrated_correlation;  ///< (n, h) G_i
  std::vector<double> displacement;            ///< (n, h) S_i
  std::vector<double> measured_displacement;   ///< (n, h)
};

/// Passes over the window project it on the chosen directions; each direction is then analysed by one rank. The result
/// is bitwise the same for any team size, source and budget.
/// @param window read on rank 0 only, once or, beyond the budget, several times
/// @param chosen column numbers of set.directions, ascending   @param budget bytes of projections that a rank may hold
/// @return the same on all ranks
/// @note Collective over `team`.  @throws ConfigError where a chosen number is no column's
[[nodiscard]] Dynamics measure_dynamics(const Communicator& team, const SnapshotSource& window, const DirectionSet& set,
                                        const std::vector<int>& chosen, const DynamicsOptions& options,
                                        std::int64_t budget = std::int64_t{1} << 30);

/// A vector's sign is free. As for principal directions (decision 0006) the window is to drift along it, not against
/// it.
/// @param vectors (N, n), of the n directions of `dynamics`
void orient_along_drift(Eigen::MatrixXd& vectors, Dynamics& dynamics);

}  // namespace flatsweep
