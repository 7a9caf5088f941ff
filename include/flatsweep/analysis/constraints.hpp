#pragma once

#include "flatsweep/analysis/fisher_diagonal.hpp"
#include "flatsweep/analysis/flatness.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/train/penalty.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace flatsweep {

/// What a further task is held to (docs/science/continual.md; SI S8, S9).
enum class ConstraintKind { none, l2, ldc, ldc_flatness, ewc, ewc_empirical, ewc_batched, laplace };

template <>
inline constexpr auto enum_words<ConstraintKind> = make_enum_words<ConstraintKind>({
    {ConstraintKind::none, "none", "plain fine-tuning"},
    {ConstraintKind::l2, "l2", "|w - w*|^2 of the whole layer"},
    {ConstraintKind::ldc, "ldc",
     "along principal directions of the window, with the flatness F_i that sigma_i^2 predicts: F_i^-2 = "
     "sigma_i^(4/psi)"},
    {ConstraintKind::ldc_flatness, "ldc-flatness", "along the same directions with the measured F_i"},
    {ConstraintKind::ewc, "ewc",
     "the largest entries of the diagonal of the Fisher information, of every sample by itself"},
    {ConstraintKind::ewc_empirical, "ewc-empirical",
     "the largest entries of the diagonal of the empirical Fisher matrix"},
    {ConstraintKind::ewc_batched, "ewc-batched", "the largest means of squared minibatch gradients"},
    {ConstraintKind::laplace, "laplace", "the leading eigenpairs of the layer's whole Fisher information"},
});

/// Along principal directions of the window?
[[nodiscard]] bool holds_directions(ConstraintKind kind);

/// Whether constraints along principal directions begin with the first one, along which the weights drift, or with the
/// second.
enum class LeadingMode { in, out };

template <>
inline constexpr auto enum_words<LeadingMode> = make_enum_words<LeadingMode>({
    {LeadingMode::in, "in", "begin with the first direction, along which the weights drift"},
    {LeadingMode::out, "out", "begin with the second direction"},
});

struct ConstraintChoice {
  ConstraintKind kind = ConstraintKind::ldc;
  double psi = 4.0;          ///< of ldc
  std::int64_t count = 200;  ///< N_c; all that there are where these are fewer. Without meaning for none and l2
  LeadingMode first_mode = LeadingMode::in;
};

/// What one layer's solution w* offers to hold on to; a part that was not measured is empty.
struct LayerConstraints {
  ParameterBlock block;
  std::vector<float> anchor;                                     ///< (N,) w*
  RowMatrixF directions;                                         ///< (K, N) leading principal directions of the window
  std::vector<double> variance;                                  ///< (K,) sigma_i^2
  std::vector<double> flatness;                                  ///< (K,) F_i at w*; NaN where unbounded
  std::vector<double> fisher, fisher_empirical, fisher_batched;  ///< (N,) diagonals
  RowMatrixF fisher_modes;            ///< (L, N) leading eigenvectors of the Fisher information
  std::vector<double> fisher_values;  ///< (L,) their eigenvalues

  void set_directions(const Pca& pca, std::int64_t count);
  void set_flatness(const std::vector<DirectionFlatness>& measured);
  void set_diagonals(const FisherDiagonals& diagonals);
  /// @param hessian (N, N) of the loss by the layer's weights, which is its Fisher information   @throws SolverError
  void set_fisher_modes(Eigen::MatrixXd hessian, std::int64_t count);
};

/// Everything by lambda = 1. Along directions of unbounded flatness there is no stiffness.
/// @pre what `choice.kind` needs was measured; kind is not none
[[nodiscard]] Penalty make_penalty(const LayerConstraints& layer, const ConstraintChoice& choice);

/// The penalties of two earlier tasks as one, anchored where the later one was solved (the precisions of Laplace's
/// approximation add up; Huszar 2018 for EWC).
/// @pre both of one form and block   @throws SolverError
[[nodiscard]] Penalty merge_penalties(const Penalty& earlier, const Penalty& later);

}  // namespace flatsweep
