#include "flatsweep/train/penalty.hpp"

#include "flatsweep/base/error.hpp"

#include <algorithm>

namespace flatsweep {

double largest_stiffness(std::span<const Penalty> penalties) {
  double largest = 0.0;
  for (const auto& penalty : penalties)
    std::visit(
        [&](const auto& p) {
          for (const double k : p.stiffness) largest = std::max(largest, k);
        },
        penalty);
  return largest;
}

double proximal_rate(const OptimizerOptions& optimizer) {
  if (const auto step = linear_step(optimizer)) return step->drift();
  throw ConfigError(
      "a penalty has no proximal step beside adam; take an optimizer whose steps are linear in the gradients, as sgd");
}

ProximalStep::ProximalStep(std::span<const Penalty> penalties, double lambda, double rate) {
  for (const auto& penalty : penalties) {
    if (const auto* along_modes = std::get_if<ModePenalty>(&penalty)) {
      std::vector<double> shrinkage;
      for (const double k : along_modes->stiffness) {
        const double strength = 2.0 * rate * lambda * k;
        shrinkage.push_back(strength / (1.0 + strength));
      }
      modes_.push_back({along_modes->block, along_modes->anchor, ModeShrinkage(along_modes->modes, shrinkage)});
    } else {
      const auto& p = std::get<WeightPenalty>(penalty);
      std::vector<float> kept;
      for (const double k : p.stiffness) kept.push_back(static_cast<float>(1.0 / (1.0 + 2.0 * rate * lambda * k)));
      weights_.push_back({p.block, p.anchor, p.weight, std::move(kept)});
    }
  }
}

void ProximalStep::apply(std::span<float> weights) {
  for (auto& modes : modes_) modes.shrinkage.apply(weights.subspan(modes.block.offset, modes.block.size), modes.anchor);
  for (const auto& part : weights_) {
    float* const w = weights.data() + part.block.offset;
    for (std::size_t i = 0; i < part.weight.size(); ++i) {
      const auto j = part.weight[i];
      w[j] = part.anchor[j] + part.kept[i] * (w[j] - part.anchor[j]);
    }
  }
}

}  // namespace flatsweep
