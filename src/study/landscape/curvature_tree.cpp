#include "curvature_tree.hpp"

#include "flatsweep/base/numbers.hpp"
#include "missing_eigenpairs.hpp"
#include "study/store/hole.hpp"
#include "study/store/tree_entries.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>

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
void add_matrix_spectrum(Group& group, const SpectrumEntry& entry, const MatrixSpectrum& spectrum) {
  if (spectrum.values.empty()) return;  // of minibatches that are not known
  const std::string name = entry.name, modes = name + "_mode", of = std::string(" of ") + entry.matrix;
  add(group, name + "_eigenvalues", spectrum.values, {modes}, "1", "eigenvalues, descending," + of);
  if (!spectrum.residuals.empty())
    add(group, name + "_residuals", spectrum.residuals, {modes}, "1",
        "|A v - l v| of each eigenpair, A being" + of.substr(3));
  group.set(name + "_trace", spectrum.trace, "1", "trace" + of);
  group.set(name + "_trace_error", spectrum.trace_error, "1",
            "standard error of the trace where that is an estimate, else 0," + of);
}

void add_along_directions(Group& group, const LayerCurvature& c) {
  if (c.direction.empty()) return;
  add_directions(group, c.direction);
  const Axes axes = {"direction"};
  add(group, "rayleigh", c.hessian_along, axes, "1", "p_i^T H p_i, H the layer's Hessian of the loss");
  add(group, "residual", c.hessian_residual, axes, "1",
      "|H p_i - (p_i^T H p_i) p_i|, 0 where p_i is an eigenvector of H");
  add(group, "log_loss_rayleigh", c.log_loss_along, axes, "1", "p_i^T H_lnL p_i, H_lnL the layer's Hessian of ln L");
  if (!c.noise_along.empty())
    add(group, "noise_rayleigh", c.noise_along, axes, "1",
        "p_i^T C_B p_i, C_B the covariance of a minibatch's gradient");
  add(group, "flatness", c.flatness, axes, "1", "F_i, from flatness; NaN where unbounded or not measured");
  add(group, "flatness_curvature", c.flatness_curvature, axes, "1",
      "8/F_i^2, curvature of the parabola ln L of width F_i; NaN where F_i is");
}

void add_overlaps_of_spans(Group& group, const NoiseCurvature& relation) {
  if (relation.subspace.empty()) return;
  add_integers(group, "subspace", relation.subspace, "subspace", "1",
               "k, number of leading modes whose spans are compared");
  const auto overlap = [&](const char* name, const Numbers& values, const std::string& description) {
    if (!values.empty()) add(group, name, values, {"subspace"}, "1", description);
  };
  const std::string spans = "|U_k^T V_k|^2/k, 1 where spans of k leading modes agree, of ";
  overlap("overlap_noise_hessian", relation.noise_hessian, spans + "C_B and H");
  overlap("overlap_noise_pca", relation.noise_pca, spans + "C_B and the principal directions");
  overlap("overlap_hessian_pca", relation.hessian_pca, spans + "H and the principal directions");
  overlap("overlap_null", relation.overlap_null, "k/N, mean overlap of random spans of k directions");
}

/// How the noise and the Hessian are related.
void add_noise(Group& group, const NoiseCurvature& relation, const PsiOptions& fit) {
  group.set("commutator", relation.commutator, "1",
            "|CH - HC|/(|C| |H|), Frobenius norms, of C_B and H; NaN where the matrices were not formed");
  group.set("commutator_null", relation.commutator_null, "1", "commutator when one of C_B and H is turned at random");
  group.set("alignment", relation.alignment, "1",
            "tr(CH)/(|C| |H|), Frobenius norms, of C_B and H; NaN where the matrices were not formed");
  group.set("alignment_null", relation.alignment_null, "1", "alignment when one of C_B and H is turned at random");
  set_fit_range(group, fit.fit_first, fit.fit_last);
  set_exponent(group, "noise_exponent_hessian_basis", relation.hessian_basis,
               "exponent g of u_i^T C_B u_i ~ h_i^g, u_i and h_i the eigenpairs of H; curvatures below 1e-7 of the "
               "largest are left out");
  set_exponent(group, "noise_exponent_pca_basis", relation.pca_basis,
               "exponent g of p_i^T C_B p_i ~ (p_i^T H p_i)^g; curvatures below 1e-7 of the largest are left out");
  add(group, "noise_along_hessian", relation.noise_along_hessian, {"relation_mode"}, "1",
      "u_i^T C_B u_i, u_i the eigenvectors of H, steepest first");
}

void add_squares(Group& group, const SquaredHessian& squared) {
  const SpectrumEntry entry{"squared_hessian", nullptr, "E[h^2], the mean of the squared Hessians of single samples"};
  add_matrix_spectrum(group, entry, squared.spectrum);
  const auto compare = [&](const std::string& name, const std::string& other, const NoiseCurvature& with) {
    const std::string pair = other + " and E[h^2]", turned = " when one of the two is turned at random";
    group.set(name + "_commutator", with.commutator, "1", "|AB - BA|/(|A| |B|), Frobenius norms, of " + pair);
    group.set(name + "_commutator_null", with.commutator_null, "1", "commutator of " + pair + turned);
    group.set(name + "_alignment", with.alignment, "1", "tr(AB)/(|A| |B|), Frobenius norms, of " + pair);
    group.set(name + "_alignment_null", with.alignment_null, "1", "alignment of " + pair + turned);
  };
  compare("squared_noise", "C_B", squared.beside_noise);
  compare("squared_hessian", "H", squared.beside_hessian);
  set_exponent(group, "squared_curvature_exponent", squared.curvature_exponent,
               "exponent x of u_i^T E[h^2] u_i ~ h_i^x, u_i and h_i the eigenpairs of H; curvatures below 1e-7 of the "
               "largest are left out");
  set_exponent(group, "squared_noise_exponent", squared.noise_exponent,
               "exponent g of u_i^T C_B u_i ~ (u_i^T E[h^2] u_i)^g, u_i the eigenvectors of H; values of E[h^2] below "
               "1e-7 of the largest are left out");
  add(group, "squared_along_hessian", squared.along_hessian, {"squared_hessian_mode"}, "1",
      "u_i^T E[h^2] u_i, u_i the eigenvectors of H, steepest first");
}

double frobenius_norm(const MatrixSpectrum& spectrum, bool whole) {
  if (!whole) return nan;
  return std::sqrt(std::accumulate(spectrum.values.begin(), spectrum.values.end(), 0.0,
                                   [](double sum, double value) { return sum + value * value; }));
}

/// Of single samples' gradients: tr S = <|g_n|^2> - |g|^2.
double gradient_noise_scale(const LayerCurvature& c) {
  const double square = c.gradient_norm * c.gradient_norm;
  return (c.empirical_fisher.trace - square) / square;
}

/// B tr(C_B H)/(2 L |H|_F^2), from the cosine between the two matrices.
double scaled_alignment(const LayerCurvature& c, std::optional<int> batch_size) {
  if (!batch_size) return nan;
  return *batch_size * c.relation.alignment * frobenius_norm(c.noise_covariance, c.dense) /
         (2.0 * c.loss * frobenius_norm(c.hessian, c.dense));
}

/// What theories of the noise at a minimum of the square loss are about (Wu et al. 2022), of any loss.
void set_noise_scales(Group& group, const LayerCurvature& c, std::optional<int> batch_size) {
  group.set("hessian_frobenius_norm", frobenius_norm(c.hessian, c.dense), "1",
            "Frobenius norm of H; NaN where the matrix was not formed");
  group.set(
      "gradient_noise_scale", gradient_noise_scale(c), "samples",
      "tr S/|g|^2, S the covariance of single samples' gradients and g the gradient of L in this layer's weights");
  group.set(
      "scaled_alignment", scaled_alignment(c, batch_size), "1",
      "tr(C H)/(2 L_0 |H|_F^2), C = B C_B, the alignment of noise and curvature of Wu et al. (2022), who have it for "
      "the square loss; NaN where the matrices were not formed or minibatches are not known");
}

}  // namespace

Group curvature_tree(const LayerCurvature& curvature, const PsiOptions& fit, std::optional<int> batch_size) {
  Group group;
  group.set("loss", curvature.loss, "1", "L_0 = L(w_0), mean loss over the training set");
  group.set("gradient_norm", curvature.gradient_norm, "1", "norm of the gradient of L in this layer's weights at w_0");
  group.set("whole_spectra", std::int64_t{curvature.dense}, "1",
            "1: all eigenvalues, of matrices that were formed; 0: leading ones, found without the matrices");
  set_noise_scales(group, curvature, batch_size);
  std::string missing;
  for (const auto& entry : spectra) {
    add_matrix_spectrum(group, entry, curvature.*entry.spectrum);
    missing = add_missing(missing, entry.name, (curvature.*entry.spectrum).values);
  }
  mark_as_incomplete(group, missing);
  add_along_directions(group, curvature);
  if (!curvature.noise_covariance.values.empty()) add_noise(group, curvature.relation, fit);
  if (curvature.squared) add_squares(group, *curvature.squared);
  add_overlaps_of_spans(group, curvature.relation);
  return group;
}

}  // namespace flatsweep
