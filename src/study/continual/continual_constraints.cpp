#include "continual_constraints.hpp"

#include "flatsweep/analysis/layer_hessian.hpp"
#include "flatsweep/base/norm.hpp"

#include <algorithm>
#include <numeric>

namespace flatsweep {

ConstraintNeeds needs_of(std::span<const ConstraintPath> paths) {
  ConstraintNeeds needs;
  for (const auto& path : paths) {
    const auto count = path.choice.count;
    switch (path.choice.kind) {
      case ConstraintKind::ldc_flatness:
        needs.flatness = true;
        [[fallthrough]];
      case ConstraintKind::ldc:
        needs.directions = std::max(needs.directions, path.choice.first_mode == LeadingMode::in ? count : count + 1);
        break;
      case ConstraintKind::ewc:
      case ConstraintKind::ewc_empirical:
      case ConstraintKind::ewc_batched:
        needs.diagonals = true;
        break;
      case ConstraintKind::laplace:
        needs.fisher_modes = std::max(needs.fisher_modes, count);
        break;
      case ConstraintKind::none:
      case ConstraintKind::l2:
        break;
    }
  }
  return needs;
}

namespace {

std::vector<DirectionFlatness> flatness_along(const Communicator& team, const SolvedTask& task, const Pca& pca,
                                              std::int64_t count, const std::function<void(double)>& checkpoint) {
  const int index = task.network.index_of(task.layer);
  const auto block = task.network.layer(task.layer).weight_block();
  LayerProbe probe(task.network, task.weights, index, task.train);
  std::vector<int> chosen(std::min<std::int64_t>(count, pca.directions.cols()));
  std::iota(chosen.begin(), chosen.end(), 0);
  const auto& options = task.context.config.flatness;
  return measure_flatness(team, probe, pca.directions, chosen,
                          euclidean_norm(task.weights.subspan(block.offset, block.size)),
                          {options.tolerance, options.max_displacement}, checkpoint);
}

FisherDiagonals diagonals_of(const Communicator& team, const SolvedTask& task) {
  const auto options = task.context.unit.replica.trainer_options(task.context.config);
  const Sampler sampler(options.sampling, task.train.count(), options.batch_size, options.seed);
  return fisher_diagonals(team, task.network, task.weights, task.network.index_of(task.layer), task.train,
                          options.batch_size, sampler.order(task.next_epoch));
}

}  // namespace

LayerConstraints measure_constraints(const Communicator& team, const SolvedTask& task, const Pca* pca,
                                     const ConstraintNeeds& needs, const std::function<void(double)>& checkpoint) {
  const auto block = task.network.layer(task.layer).weight_block();
  const auto solution = task.weights.subspan(block.offset, block.size);
  LayerConstraints layer;
  layer.block = block;
  layer.anchor.assign(solution.begin(), solution.end());
  if (pca != nullptr && needs.directions > 0) layer.set_directions(*pca, needs.directions);
  if (pca != nullptr && needs.flatness)
    layer.set_flatness(flatness_along(team, task, *pca, needs.directions, checkpoint));
  if (needs.diagonals) layer.set_diagonals(diagonals_of(team, task));
  if (needs.fisher_modes > 0) {
    auto expansion = expand_loss(team, task.network, task.weights, task.network.index_of(task.layer), task.train,
                                 LayerMatrix::gauss_newton);
    layer.set_fisher_modes(std::move(expansion.hessian), needs.fisher_modes);
  }
  return layer;
}

}  // namespace flatsweep
