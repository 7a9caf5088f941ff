#include "layer_run.hpp"

#include "flatsweep/base/norm.hpp"
#include "psi_options.hpp"

namespace flatsweep {

LayerRun::LayerRun(const Communicator& team, const UnitContext& context, const TrainedUnit& trained, std::size_t index)
    : team_(team),
      context_(context),
      trained_(trained),
      name_(context.config.pca.layers[index]),
      network_(context.unit.replica.network(context.data.shape())),
      index_(network_.index_of(name_)),
      number_(index),
      no_directions_(std::ssize(solution()), 0),
      window_(trained.windows[index]) {}

FrozenRun LayerRun::frozen() const { return frozen_run(context_, trained_, network_, index_); }

std::span<const float> LayerRun::solution() const { return weights().subspan(layer().weights, layer().size()); }

double LayerRun::solution_norm() const { return euclidean_norm(solution()); }

LayerProbe& LayerRun::probe() {
  if (!probe_) probe_.emplace(network_, trained_.state.weights, index_, train());
  return *probe_;
}

const Eigen::MatrixXd& LayerRun::directions() const {
  const auto* pca = results.find<Pca>();
  return pca == nullptr ? no_directions_ : pca->directions;
}

std::vector<int> LayerRun::choose(std::int64_t count, DirectionChoice choice) const {
  return choose_directions(directions().cols(), count, choice);
}

PsiOptions LayerRun::fit_options() const {
  auto options = psi_options(config(), context_.unit.replica, context_.data.shape().train_count);
  if (const auto* pca = results.find<Pca>()) options.moving = pca->moving;
  return options;
}

}  // namespace flatsweep
