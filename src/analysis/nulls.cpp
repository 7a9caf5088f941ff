#include "flatsweep/analysis/nulls.hpp"

#include "flatsweep/base/column_of.hpp"
#include "known_windows.hpp"

namespace flatsweep {

namespace {

PsiOptions moving_among(PsiOptions options, int moving) {
  options.moving = moving;
  return options;
}

}  // namespace

Nulls measure_nulls(const Communicator& team, const Measured& measured, LayerProbe& probe, const NullsOptions& options,
                    const FlatnessOptions& flatness_options, const PsiOptions& psi_options,
                    const std::function<void(double fraction)>& checkpoint) {
  const Pca& pca = measured.pca;
  Nulls nulls;
  nulls.direction = measured.direction;
  nulls.white_noise_spectrum = white_noise_spectrum(pca.total_variance, pca.variance.size(), pca.iterations);
  nulls.white_noise_band = white_noise_band(pca.total_variance, pca.variance.size(), pca.iterations);
  if (options.walk && measured.run.step()) {
    nulls.walk = measure_noise_walk(team, measured.run, pca.directions, nulls.direction,
                                    column_of(measured.flatness, &DirectionFlatness::loss_curvature));
    nulls.fresh_walk_psi = fit_own_psi(nulls.direction, nulls.walk->fresh_walk_variance, measured.flatness,
                                       nulls.walk->rounding, moving_among(psi_options, pca.moving));
    if (options.walk_flatness && nulls.walk->reason.empty()) {
      const std::vector<int> own(nulls.direction.begin(), nulls.direction.begin() + nulls.walk->directions.cols());
      nulls.walk_flatness = numbered_flatness(team, probe, nulls.walk->directions, own, measured.solution_norm,
                                              flatness_options, checkpoint);
      nulls.walk_psi = fit_own_psi(own, entries(nulls.walk->spectrum, own), nulls.walk_flatness, nulls.walk->rounding,
                                   moving_among(psi_options, nulls.walk->moving));
    }
  }
  std::optional<ChosenPca> last_half;  // a window of the scan, too
  if (options.held_out && pca.iterations >= 8) {
    const auto half = pca.iterations / 2;
    last_half = chosen_components(team, part_of(measured.window, pca.iterations - half, half), nulls.direction);
    nulls.held_out = measure_held_out(team, measured.window, *last_half, probe, measured.solution_norm,
                                      flatness_options, psi_options, checkpoint);
  }
  if (options.scan_halvings > 0)
    nulls.scan =
        scan_window(team, measured.window, pca, last_half ? &*last_half : nullptr, nulls.direction,
                    column_of(measured.flatness, &DirectionFlatness::flatness), psi_options, options.scan_halvings);
  return nulls;
}

}  // namespace flatsweep
