#include "flatsweep/analysis/constraints.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/row_modes.hpp"
#include "flatsweep/linalg/to_vector.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace flatsweep {

namespace {

Index at_most(std::int64_t wanted, Index there) { return std::min<Index>(wanted, there); }

}  // namespace

bool holds_directions(ConstraintKind kind) {
  return kind == ConstraintKind::ldc || kind == ConstraintKind::ldc_flatness;
}

void LayerConstraints::set_directions(const Pca& pca, std::int64_t count) {
  const auto kept = at_most(count, pca.directions.cols());
  directions = pca.directions.leftCols(kept).transpose().cast<float>();
  variance = to_vector(pca.variance.head(kept));
}

void LayerConstraints::set_flatness(const std::vector<DirectionFlatness>& measured) {
  flatness.assign(variance.size(), nan);
  for (const auto& f : measured)
    if (f.direction < std::ssize(flatness)) flatness[f.direction] = f.flatness();
}

void LayerConstraints::set_diagonals(const FisherDiagonals& diagonals) {
  fisher = to_vector(diagonals.exact);
  fisher_empirical = to_vector(diagonals.empirical);
  fisher_batched = to_vector(diagonals.batched);
}

// Rounding leaves the zero eigenvalues on either side of zero.
void LayerConstraints::set_fisher_modes(Eigen::MatrixXd hessian, std::int64_t count) {
  const auto pairs = eigen_symmetric(std::move(hessian));
  const auto kept = at_most(count, pairs.values.size());
  fisher_modes = pairs.vectors.leftCols(kept).transpose().cast<float>();
  fisher_values = to_vector(pairs.values.head(kept).cwiseMax(0.0));
}

namespace {

/// sigma ~ F^(-psi/2), so that F^-2 ~ sigma^(4/psi).
std::vector<double> stiffness_of(const LayerConstraints& layer, const ConstraintChoice& choice) {
  std::vector<double> stiffness;
  if (choice.kind == ConstraintKind::ldc)
    for (const double variance : layer.variance) stiffness.push_back(std::pow(variance, 2.0 / choice.psi));
  else
    for (const double f : layer.flatness) stiffness.push_back(std::isfinite(f) ? 1.0 / (f * f) : 0.0);
  return stiffness;
}

ModePenalty along_directions(const LayerConstraints& layer, const ConstraintChoice& choice) {
  const auto stiffness = stiffness_of(layer, choice);
  const Index first = choice.first_mode == LeadingMode::in ? 0 : 1;
  const Index count = at_most(choice.count, layer.directions.rows() - first);
  if (std::ssize(stiffness) < first + count) throw SolverError("the stiffness of a layer's directions is not known");
  return {layer.block,
          layer.anchor,
          layer.directions.middleRows(first, count),
          {stiffness.begin() + first, stiffness.begin() + first + count}};
}

WeightPenalty largest_entries(const LayerConstraints& layer, const std::vector<double>& diagonal, std::int64_t count) {
  std::vector<std::uint32_t> weight(diagonal.size());
  std::iota(weight.begin(), weight.end(), 0U);
  std::ranges::stable_sort(weight, std::greater{}, [&](std::uint32_t j) { return diagonal[j]; });
  weight.resize(std::min<std::size_t>(weight.size(), count));
  std::ranges::sort(weight);
  std::vector<double> stiffness;
  for (const auto j : weight) stiffness.push_back(diagonal[j]);
  return {layer.block, layer.anchor, std::move(weight), std::move(stiffness)};
}

WeightPenalty every_weight(const LayerConstraints& layer) {
  const std::vector<double> ones(layer.anchor.size(), 1.0);
  return largest_entries(layer, ones, std::ssize(ones));
}

ModePenalty fisher_penalty(const LayerConstraints& layer, std::int64_t wanted) {
  const auto count = at_most(wanted, layer.fisher_modes.rows());
  return {layer.block,
          layer.anchor,
          layer.fisher_modes.topRows(count),
          {layer.fisher_values.begin(), layer.fisher_values.begin() + count}};
}

}  // namespace

Penalty make_penalty(const LayerConstraints& layer, const ConstraintChoice& choice) {
  switch (choice.kind) {
    case ConstraintKind::ldc:
    case ConstraintKind::ldc_flatness:
      return along_directions(layer, choice);
    case ConstraintKind::ewc:
      return largest_entries(layer, layer.fisher, choice.count);
    case ConstraintKind::ewc_empirical:
      return largest_entries(layer, layer.fisher_empirical, choice.count);
    case ConstraintKind::ewc_batched:
      return largest_entries(layer, layer.fisher_batched, choice.count);
    case ConstraintKind::laplace:
      return fisher_penalty(layer, choice.count);
    case ConstraintKind::l2:
    case ConstraintKind::none:
      break;
  }
  return every_weight(layer);
}

namespace {

WeightPenalty sum_of_penalties(const WeightPenalty& earlier, const WeightPenalty& later) {
  std::map<std::uint32_t, double> sum;
  for (const auto* part : {&earlier, &later})
    for (std::size_t i = 0; i < part->weight.size(); ++i) sum[part->weight[i]] += part->stiffness[i];
  WeightPenalty merged{later.block, later.anchor, {}, {}};
  for (const auto& [weight, stiffness] : sum) {
    merged.weight.push_back(weight);
    merged.stiffness.push_back(stiffness);
  }
  return merged;
}

// sum_i k_i p_i p_i^T of both is R^T R with the rows sqrt(k_i) p_i.
ModePenalty sum_of_penalties(const ModePenalty& earlier, const ModePenalty& later) {
  RowMatrixF rows(earlier.modes.rows() + later.modes.rows(), later.modes.cols());
  rows << earlier.modes, later.modes;
  std::vector<double> stiffness = earlier.stiffness;
  stiffness.insert(stiffness.end(), later.stiffness.begin(), later.stiffness.end());
  for (std::size_t i = 0; i < stiffness.size(); ++i) rows.row(i) *= std::sqrt(stiffness[i]);
  if (rows.rows() == 0) return later;
  const auto modes = leading_row_modes(rows, rows.rows());
  return {later.block, later.anchor, modes.vectors.transpose().cast<float>(), to_vector(modes.values)};
}

}  // namespace

Penalty merge_penalties(const Penalty& earlier, const Penalty& later) {
  if (const auto* along_modes = std::get_if<ModePenalty>(&later))
    return sum_of_penalties(std::get<ModePenalty>(earlier), *along_modes);
  return sum_of_penalties(std::get<WeightPenalty>(earlier), std::get<WeightPenalty>(later));
}

}  // namespace flatsweep
