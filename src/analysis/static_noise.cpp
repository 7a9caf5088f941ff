#include "flatsweep/analysis/static_noise.hpp"

#include "flatsweep/analysis/gradient_noise.hpp"
#include "flatsweep/analysis/window_noise.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/par/agreement.hpp"

#include <cmath>

namespace flatsweep {

StaticNoise static_noise(const Communicator& team, const FrozenRun& run,
                         const std::function<std::unique_ptr<Trainer>()>& restart_window,
                         const Eigen::MatrixXd& directions, const std::vector<int>& chosen, int frozen_points) {
  const GradientProblem problem{run.network, run.layer, run.set, run.options.batch_size};
  const auto sampler = run.sampler();
  const double factor = velocity_per_gradient(run.options.optimizer);
  StaticNoise noise;
  noise.at_solution = gradient_noise(team, problem, run.weights, run.options.sampling, sampler,
                                     run.first_epoch + run.epochs, directions, chosen);
  std::vector<FrozenWeights> frozen;
  on_root(team, [&] {
    if (!std::isfinite(factor) || frozen_points == 0) return;
    const auto trainer = restart_window();
    frozen = freeze_weights(*trainer, run.epochs, sampler, frozen_points);
  });
  noise.in_window = window_gradient_square(team, problem, frozen, directions, chosen);
  for (auto* route : {&noise.at_solution, &noise.in_window})
    for (double& value : *route) value *= factor;
  return noise;
}

double median_ratio(const std::vector<double>& noise, const Dynamics& dynamics, const DynamicsRelation& relation,
                    const DynamicsFit& fit) {
  auto moving = noise;
  for (std::size_t i = 0; i < moving.size(); ++i)
    if (!(relation.variance[i] > relation.rounding)) moving[i] = nan;
  return median_ratio(dynamics.direction, moving, dynamics.noise_strength, fit.fit_first, fit.fit_last);
}

}  // namespace flatsweep
