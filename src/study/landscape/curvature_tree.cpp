#include "curvature_tree.hpp"

#include "missing_eigenpairs.hpp"
#include "study/store/hole.hpp"
#include "study/store/tree_entries.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;
using Axes = std::vector<std::string>;

struct SpectrumEntry {
  const char* name;
  MatrixSpectrum LayerCurvature::*spectrum;
  const char* matrix;
};
constexpr std::array<SpectrumEntry, 5> spectra = {
    {{"hessian", &LayerCurvature::hessian, "H, the Hessian of the loss, also its true Fisher matrix"},
     {"log_loss_hessian", &LayerCurvature::log_loss_hessian, "the Hessian of ln L, H/L_0 - g g^T/L_0^2"},
     {"empirical_fisher", &LayerCurvature::empirical_fisher, "the empirical Fisher matrix, (1/M) sum_n g_n g_n^T"},
     {"minibatch_second_moment", &LayerCurvature::minibatch_second_moment, "Q Q^T/N_m over minibatches (eq. S20)"},
     {"noise_covariance", &LayerCurvature::noise_covariance, "C_B, the covariance of a minibatch's gradient"}}};

// A wide layer's matrices are known by their leading modes only, each with a number of its own.
void add_spectrum(Group& group, const SpectrumEntry& entry, const MatrixSpectrum& spectrum) {
  if (spectrum.values.empty()) return;  // of minibatches that are not known
  const std::string name = entry.name, modes = name + "_mode";
  add(group, (name + "_eigenvalues").c_str(), spectrum.values, {modes}, "1",
      (std::string("eigenvalues of ") + entry.matrix + ", descending").c_str());
  if (!spectrum.residuals.empty())
    add(group, (name + "_residuals").c_str(), spectrum.residuals, {modes}, "1", "|A v - l v| of each eigenpair");
  group.set(name + "_trace", spectrum.trace);
  group.set(name + "_trace_error", spectrum.trace_error);
}

void add_directions(Group& group, const LayerCurvature& c) {
  if (c.direction.empty()) return;
  const std::vector<std::int32_t> direction(c.direction.begin(), c.direction.end());
  group.add("direction", std::span(direction), {length(direction)}, {"direction"}).description =
      "number of the principal direction, from 0";
  const Axes axes = {"direction"};
  add(group, "rayleigh", c.hessian_along, axes, "1", "p_i^T H p_i");
  add(group, "residual", c.hessian_residual, axes, "1", "|H p_i - (p_i^T H p_i) p_i|, 0 where p_i is an eigenvector");
  add(group, "log_loss_rayleigh", c.log_loss_along, axes, "1", "p_i^T H_lnL p_i");
  if (!c.noise_along.empty()) add(group, "noise_rayleigh", c.noise_along, axes, "1", "p_i^T C_B p_i");
  add(group, "flatness", c.flatness, axes, "1", "F_i, from flatness; NaN where unbounded or not measured");
  add(group, "flatness_curvature", c.flatness_curvature, axes, "1",
      "8/F_i^2, curvature of the parabola ln L of width F_i");
}

/// How the noise and the Hessian are related.
void add_noise(Group& group, const NoiseCurvature& relation, const PsiOptions& fit) {
  group.set("commutator", relation.commutator);
  group.set("commutator_null", relation.commutator_null);
  group.set("alignment", relation.alignment);
  group.set("alignment_null", relation.alignment_null);
  group.set("fit_first", std::int64_t{fit.fit_first});
  group.set("fit_last", std::int64_t{fit.fit_last});
  set_exponent(group, "noise_exponent_hessian_basis", relation.hessian_basis);
  set_exponent(group, "noise_exponent_pca_basis", relation.pca_basis);
  add(group, "noise_along_hessian", relation.noise_along_hessian, {"relation_mode"}, "1",
      "u_i^T C_B u_i, u_i the eigenvectors of H, steepest first");
}

void add_overlaps_of_spans(Group& group, const NoiseCurvature& relation) {
  if (relation.subspace.empty()) return;
  const std::vector<std::int32_t> subspace(relation.subspace.begin(), relation.subspace.end());
  group.add("subspace", std::span(subspace), {length(subspace)}, {"subspace"}).description =
      "k, number of leading modes whose spans are compared";
  const auto overlap = [&](const char* name, const Numbers& values, const char* description) {
    if (!values.empty()) add(group, name, values, {"subspace"}, "1", description);
  };
  overlap("overlap_noise_hessian", relation.noise_hessian, "|U_k^T V_k|^2/k of C_B and H: 1 where the spans agree");
  overlap("overlap_noise_pca", relation.noise_pca, "the same of C_B and the principal directions");
  overlap("overlap_hessian_pca", relation.hessian_pca, "the same of H and the principal directions");
  overlap("overlap_null", relation.overlap_null, "k/N, the mean for random spans");
}

}  // namespace

Group curvature_tree(const LayerCurvature& curvature, const PsiOptions& fit) {
  Group group;
  group.set("loss", curvature.loss);
  group.set("gradient_norm", curvature.gradient_norm);
  group.set("whole_spectra", std::int64_t{curvature.dense});
  std::string missing;
  for (const auto& entry : spectra) {
    add_spectrum(group, entry, curvature.*entry.spectrum);
    missing = add_missing(missing, entry.name, (curvature.*entry.spectrum).values);
  }
  mark_as_incomplete(group, missing);
  add_directions(group, curvature);
  if (!curvature.noise_covariance.values.empty()) add_noise(group, curvature.relation, fit);
  add_overlaps_of_spans(group, curvature.relation);
  return group;
}

}  // namespace flatsweep
