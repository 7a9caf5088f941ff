#pragma once

#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/logit_margin.hpp"
#include "flatsweep/analysis/mode_profiles.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace flatsweep {

struct FirstModeOptions {
  int points = 21;      ///< values of theta, 3 or more
  int samples = 1000;   ///< samples whose gaps are stored, spread evenly over the set; 1 or more
  int modes = 8;        ///< directions whose ln L is stored, 1 or more: the first, others evenly in ln i
  int last_mode = 300;  ///< the last of them, in the paper's counting
};

/// Where the common range of theta comes from: the crossings ln L_1 = ln L_0 + 1, or +-3 sigma_1 where they are not
/// known on both sides.
enum class ThetaRange { crossings, three_sigma };

template <>
inline constexpr auto enum_words<ThetaRange> = make_enum_words<ThetaRange>({
    {ThetaRange::crossings, "crossings"},
    {ThetaRange::three_sigma, "three sigma"},
});

/// Moving along the first principal direction (SI S2, eqs S4-S8).
struct FirstMode {
  ThetaRange range = ThetaRange::crossings;
  Eigen::VectorXd theta;             ///< (n,) ascending, evenly spaced
  double median_r_squared = 0.0;     ///< of the gaps' lines, all samples
  std::vector<std::int32_t> sample;  ///< numbers of the stored samples in the set
  std::vector<std::uint8_t> label;   ///< (stored,)
  Eigen::MatrixXd gap;               ///< (n, stored) Delta Y_k(theta)
  GapLines lines;                    ///< (stored,)
  SamplesAtZero at_zero;             ///< (stored,)
  double stored_median_r_squared = 0.0;
  std::vector<ModeProfile> modes;      ///< ascending, direction 1 first
  std::optional<LossClosure> closure;  ///< from all samples; absent where the loss is not the cross-entropy
  double alignment = 0.0;              ///< |p_1 . w_0| / |w_0|
  double component_correlation = 0.0;  ///< of p_1j with w_0j
  double gap_correlation = 0.0;        ///< of beta_k with Delta Y_k(0), all samples
  double gap_proportionality = 0.0;    ///< c of the best beta_k = c Delta Y_k(0)
  double solution_norm = 0.0;          ///< |w_0|; c |w_0| = 1 for a network whose gaps are proportional to |w_0|
};

/// @param solution (N,) w_0 of the layer   @param labels of the probe's samples
/// @param flatness of some directions, by number; may be empty. Only `direction`, `left` and `right` are read.
/// @param checkpoint called between passes over the samples on every rank; may throw Stopped
/// @return the same on every rank, for any team
/// @note Collective over `team`: values of theta and modes are dealt over the ranks.  @throws Stopped, agreed
[[nodiscard]] FirstMode measure_first_mode(const Communicator& team, LayerProbe& probe, const Pca& pca,
                                           std::span<const float> solution, std::span<const std::uint8_t> labels,
                                           std::span<const DirectionFlatness> flatness, const FirstModeOptions& options,
                                           const std::function<void(double fraction)>& checkpoint = {});

}  // namespace flatsweep
