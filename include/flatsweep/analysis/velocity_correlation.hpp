#pragma once

#include "flatsweep/linalg/autocorrelation.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// How the velocity v(t) = theta(t+1) - theta(t) of one coordinate remembers itself (SI S5, eqs S14-S19), time in
/// iterations (Delta t = 1). Curves stand at the lags asked for.
struct VelocityCorrelation {
  double variance = 0.0;            ///< sigma^2 = <theta^2> - <theta>^2 over the window
  double noise_strength = 0.0;      ///< D = C(0) = <v^2>; nothing is subtracted, so that a drift is in it
  double tau = 0.0;                 ///< sigma^2 / D, the identity that defines it
  double tau_window = 0.0;          ///< T^-1 sum_{t<T} S(t), eq. S19 as printed
  double window_identity = 0.0;     ///< (D/T^2) sum_{t<T} (T-t) S(t) / sigma^2: 1 in the mean over many windows
  double drift = 0.0;               ///< <v>
  std::vector<double> correlation;  ///< c(h) = C(h)/D, c(0) = 1
  std::vector<double> integrated_correlation;  ///< G(h) = 1 + 2 sum_{1..h} c
  std::vector<double> displacement;            ///< S(h) = sum_{s<h} G(s): D S(h) is the mean square displacement, S18
  std::vector<double> measured_displacement;   ///< <(theta(t+h) - theta(t))^2>_t / D
};

/// C(h) is the sum of v(t) v(t+h) over the T-1-h pairs that there are, divided by their number and not by T: only so is
/// its mean that of an endless stationary process at every lag, which G, S and both times add up.
/// sigma^2 = (1/T^2) sum_h (T-h) <(theta(t+h) - theta(t))^2>_t is algebra and holds to rounding.
/// @param theta (T,), T >= 2   @param lags each from 0 to T - 2
/// @param autocorrelation for series of T numbers at least
/// A coordinate that does not move has D = 0 and NaN in all that is divided by it.
[[nodiscard]] VelocityCorrelation correlate_velocity(std::span<const double> theta, std::span<const std::int64_t> lags,
                                                     Autocorrelation& autocorrelation);
/// The same of several coordinates, as many transforms at once as can be. @param theta (T,) each
[[nodiscard]] std::vector<VelocityCorrelation> correlate_velocities(std::span<const std::span<const double>> theta,
                                                                    std::span<const std::int64_t> lags,
                                                                    Autocorrelation& autocorrelation);

}  // namespace flatsweep
