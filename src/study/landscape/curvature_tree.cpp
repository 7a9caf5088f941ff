#include "curvature_tree.hpp"

#include "study/store/hole.hpp"
#include "study/store/tree_entries.hpp"

#include <Eigen/Core>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
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

/// "12 of 20 smallest eigenpairs converged" behind what was said before, where some did not; the rest are NaN.
std::string add_missing(std::string said, const std::string& name, const Numbers& values) {
  const auto known = std::ranges::count_if(values, [](double value) { return std::isfinite(value); });
  if (known == std::ssize(values)) return said;
  return (said.empty() ? "" : said + "; ") +
         fmt::format("{} of {} {} eigenpairs converged", known, values.size(), name);
}

// A wide layer's matrices are known by their leading modes only, each with a number of its own.
void add_spectrum(Group& group, const SpectrumEntry& entry, const MatrixSpectrum& spectrum) {
  const std::string name = entry.name, modes = name + "_mode";
  add(group, (name + "_eigenvalues").c_str(), spectrum.values, {modes}, "1",
      (std::string("eigenvalues of ") + entry.matrix + ", descending").c_str());
  if (!spectrum.residuals.empty())
    add(group, (name + "_residuals").c_str(), spectrum.residuals, {modes}, "1", "|A v - l v| of each eigenpair");
  group.set(name + "_trace", spectrum.trace);
  group.set(name + "_trace_error", spectrum.trace_error);
}

void add_directions(Group& group, const LayerCurvature& c) {
  const std::vector<std::int32_t> direction(c.direction.begin(), c.direction.end());
  group.add("direction", std::span(direction), {length(direction)}, {"direction"}).description =
      "number of the principal direction, from 0";
  const Axes axes = {"direction"};
  add(group, "rayleigh", c.hessian_along, axes, "1", "p_i^T H p_i");
  add(group, "residual", c.hessian_residual, axes, "1", "|H p_i - (p_i^T H p_i) p_i|, 0 where p_i is an eigenvector");
  add(group, "log_loss_rayleigh", c.log_loss_along, axes, "1", "p_i^T H_lnL p_i");
  add(group, "noise_rayleigh", c.noise_along, axes, "1", "p_i^T C_B p_i");
  add(group, "flatness", c.flatness, axes, "1", "F_i, from flatness; NaN where unbounded or not measured");
  add(group, "flatness_curvature", c.flatness_curvature, axes, "1",
      "8/F_i^2, curvature of the parabola ln L of width F_i");
}

void add_relation(Group& group, const NoiseCurvature& relation, const PsiOptions& fit) {
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
  const std::vector<std::int32_t> subspace(relation.subspace.begin(), relation.subspace.end());
  group.add("subspace", std::span(subspace), {length(subspace)}, {"subspace"}).description =
      "k, number of leading modes whose spans are compared";
  const auto overlap = [&](const char* name, const Numbers& values, const char* description) {
    add(group, name, values, {"subspace"}, "1", description);
  };
  overlap("overlap_noise_hessian", relation.noise_hessian, "|U_k^T V_k|^2/k of C_B and H: 1 where the spans agree");
  overlap("overlap_noise_pca", relation.noise_pca, "the same of C_B and the principal directions");
  overlap("overlap_hessian_pca", relation.hessian_pca, "the same of H and the principal directions");
  overlap("overlap_null", relation.overlap_null, "k/N, the mean for random spans");
}

// A matrix of Eigen is kept by columns, a data set by rows.
void add_rows(Group& group, const char* name, const Eigen::MatrixXd& values, Axes axes, const char* description) {
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = values;
  add(group, name, {rows.data(), rows.data() + rows.size()},
      {static_cast<std::uint64_t>(rows.rows()), static_cast<std::uint64_t>(rows.cols())}, std::move(axes), "1",
      description);
}

void add_pairs(Group& group, const std::string& end, const Numbers& values, const Numbers& residuals,
               const Numbers& shares, const Axes& layers) {
  const std::string mode = end + "_mode";
  add(group, (end + "_eigenvalues").c_str(), values, {mode}, "1", "eigenvalues from this end of the spectrum");
  add(group, (end + "_residuals").c_str(), residuals, {mode}, "1", "|A v - l v| of each eigenpair");
  add(group, (end + "_layer_share").c_str(), shares, {length(values), length(layers)}, {mode, "layer"}, "1",
      "share of |v|^2 in each layer's weights and biases");
}

void add_density(Group& group, const SpectralDensity& density) {
  add_rows(group, "density_nodes", density.nodes, {"probe", "step"}, "nodes of stochastic Lanczos quadrature");
  add_rows(group, "density_weights", density.weights, {"probe", "step"}, "their weights, 1 in all for each probe");
  add(group, "density_eigenvalue", to_vector(density.grid), {"density_eigenvalue"}, "1",
      "eigenvalues at which the density is given");
  add(group, "density", to_vector(density.density), {"density_eigenvalue"}, "1",
      "share of eigenvalues per unit of eigenvalue, smoothed");
  group.set("density_width", density.width);
}

void add_matrix(Group& group, const NetworkCurvature& c) {
  group.set("parameters", c.size);
  group.set("products", c.products);
  group.set("trace", c.trace.value);
  group.set("trace_error", c.trace.error);
  group.add("layer", std::span<const std::string>(c.layers), {"layer"}).description = "layers, forward";
  add_pairs(group, "leading", c.leading, c.leading_residuals, c.leading_share, c.layers);
  if (!c.smallest.empty()) add_pairs(group, "smallest", c.smallest, c.smallest_residuals, c.smallest_share, c.layers);
  add_density(group, c.density);
  mark_as_incomplete(group, add_missing(add_missing("", "leading", c.leading), "smallest", c.smallest));
}

}  // namespace

Group curvature_tree(const std::string& layer, const LayerCurvature& curvature, const PsiOptions& fit) {
  Group root;
  auto& group = root.group("curvature/" + layer);
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
  add_relation(group, curvature.relation, fit);
  return root;
}

std::string network_curvature_path(CurvatureKind kind) { return fmt::format("network_curvature/{}", to_string(kind)); }

Group network_curvature_tree(const NetworkCurvature& matrix) {
  Group root;
  add_matrix(root.group(network_curvature_path(matrix.kind)), matrix);
  return root;
}

}  // namespace flatsweep
