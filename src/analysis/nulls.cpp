#include "flatsweep/analysis/nulls.hpp"

namespace flatsweep {

namespace {

std::vector<double> column(const std::vector<DirectionFlatness>& flatness, auto value) {
  std::vector<double> values;
  for (const auto& f : flatness) values.push_back(value(f));
  return values;
}

double width(const DirectionFlatness& f) { return f.flatness(); }
double curvature(const DirectionFlatness& f) { return f.loss_curvature; }

/// The directions that the walk, too, has: it may have fewer.
std::vector<int> walked(const std::vector<int>& direction, const NoiseWalk& walk) {
  std::vector<int> available;
  for (const int i : direction)
    if (i < walk.directions.cols()) available.push_back(i);
  return available;
}

void measure_walk_psi(Nulls& nulls, const std::vector<int>& direction, const PsiOptions& options) {
  VarianceFlatness relation;
  relation.direction = direction;
  for (const int i : direction) relation.variance.push_back(nulls.walk->spectrum(i));
  relation.flatness = column(nulls.walk_flatness, width);
  relation.loss_curvature = column(nulls.walk_flatness, curvature);
  nulls.walk_psi = fit_psi({&relation, 1}, options);
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
  if (options.walk && has_noise_walk(measured.run.options.optimizer.kind)) {
    nulls.walk =
        measure_noise_walk(team, measured.run, pca.directions, nulls.direction, column(measured.flatness, curvature));
    if (options.walk_flatness) {
      const auto own = walked(nulls.direction, *nulls.walk);
      nulls.walk_flatness = measure_flatness(team, probe, nulls.walk->directions, own, measured.solution_norm,
                                             flatness_options, checkpoint);
      measure_walk_psi(nulls, own, psi_options);
    }
  }
  if (options.scan_halvings > 0)
    nulls.scan = scan_window(team, measured.window, pca, nulls.direction, column(measured.flatness, width), psi_options,
                             options.scan_halvings);
  return nulls;
}

}  // namespace flatsweep
