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

ProximalStep::ProximalStep(std::span<const Penalty> penalties, std::vector<double> lambdas, double rate) {
  std::vector<double> twice_rate;  // 2 a lambda of the held points
  for (std::size_t point = 0; point < lambdas.size(); ++point)
    if (lambdas[point] > 0.0) {
      held_.push_back(point);
      twice_rate.push_back(2.0 * rate * lambdas[point]);
    }
  if (held_.empty()) return;
  const Eigen::Map<const Eigen::ArrayXd> strength(twice_rate.data(), std::ssize(twice_rate));
  for (const auto& penalty : penalties) {
    if (const auto* p = std::get_if<ModePenalty>(&penalty)) {
      Eigen::MatrixXd shrinkage(std::ssize(held_), std::ssize(p->stiffness));
      for (Index i = 0; i < shrinkage.cols(); ++i)
        shrinkage.col(i) = p->stiffness[i] * strength / (1.0 + p->stiffness[i] * strength);
      modes_.push_back({p->block, p->anchor, ModeShrinkage(p->modes, shrinkage)});
    } else {
      const auto& q = std::get<WeightPenalty>(penalty);
      std::vector<std::vector<float>> kept;
      for (const double s : strength) {
        auto& of_point = kept.emplace_back();
        for (const double k : q.stiffness) of_point.push_back(1.0 / (1.0 + s * k));
      }
      weights_.push_back({q.block, q.anchor, q.weight, std::move(kept)});
    }
  }
}

void ProximalStep::apply(std::span<const std::span<float>> points) {
  for (auto& modes : modes_) {
    std::vector<std::span<float>> parts;
    for (const auto point : held_) parts.push_back(points[point].subspan(modes.block.offset, modes.block.size));
    modes.shrinkage.apply(parts, modes.anchor);
  }
  for (const auto& part : weights_)
    for (std::size_t p = 0; p < held_.size(); ++p) {
      float* const w = points[held_[p]].data() + part.block.offset;
      for (std::size_t i = 0; i < part.weight.size(); ++i) {
        const auto j = part.weight[i];
        w[j] = part.anchor[j] + part.kept[p][i] * (w[j] - part.anchor[j]);
      }
    }
}

}  // namespace flatsweep
