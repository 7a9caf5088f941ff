#include "pooled_pca_tree.hpp"

#include "flatsweep/linalg/entries.hpp"
#include "study/store/tree_entries.hpp"
#include "study/summary/grid_columns.hpp"

namespace flatsweep {

namespace {

void add_pooled_spectrum(Group& group, const PooledPca& pca, double fraction) {
  group.set(
      "route", std::string(to_string(pca.route)), "",
      "how the modes were found: covariance (N x N) or gram (T x T), all of them; products: leading ones, C applied "
      "window by window and never formed");
  group.set("iterations", pca.iterations, "iterations", "T, number of snapshots of all seeds");
  group.set("total_variance", pca.total_variance, "1", "trace of C = sum_a (T_a/T) C_a");
  group.set("fraction", fraction, "1", "pooled_pca.fraction, fraction of the variance that modes_for_fraction counts");
  group.set("modes_for_fraction", std::int64_t{pca.modes_for_fraction}, "1",
            "number of leading modes that hold the fraction of the variance");
  add(group, "variance", to_vector(pca.variance), {"mode"}, "1",
      "leading eigenvalues of C = sum_a (T_a/T) C_a, C_a the covariance of the T_a snapshots of seed a around their "
      "own mean");
  if (pca.residual.size() > 0)
    add(group, "residual", to_vector(pca.residual), {"mode"}, "1", "|C u - lambda u| of each mode");
  add(group, "between_variance", to_vector(pca.between_variance), {"mean_mode"}, "1",
      "eigenvalues of the covariance of the windows' means, weights T_a/T: what centring over the pool would add to C");
}

void add_pooled_directions(Group& group, const PooledPca& pca, const std::vector<std::int64_t>& seeds) {
  describe(group.add("seed", std::span(seeds), {length(seeds)}, {"seed"}), "1", "seeds whose windows are pooled");
  const auto& u = pca.directions;
  const std::uint64_t count = u.cols(), size = u.rows();
  // Columns (N, k) in memory are rows (k, N) in the file.
  describe(group.add("directions", entries(u), {count, size}, {"stored_mode", "weight"}), "1",
           "leading directions u_i of the pool, orthonormal rows; the entry of largest size is positive");
  const Eigen::MatrixXd by_seed = pca.member_share.transpose();  // column-major (seeds, k) is row-major (k, seeds)
  add(group, "seed_share", {by_seed.data(), by_seed.data() + by_seed.size()}, {count, length(seeds)},
      {"stored_mode", "seed"}, "1",
      "(T_a/T) u_i^T C_a u_i / lambda_i, part of the variance along u_i that each seed's window brings; rows sum to 1");
}

void add_overlaps(Group& group, const SeedOverlaps& overlaps, std::size_t seeds) {
  add_integers(group, "overlap_modes", overlaps.count, "overlap_modes", "1",
               "k, number of leading directions of each seed's own PCA that are compared");
  add(group, "overlap", overlaps.overlap, {length(overlaps.count), seeds, seeds},
      {"overlap_modes", "seed", "other_seed"}, "1",
      "|U_a^T U_b|_F^2 / k, U_a the first k directions of seed a's own PCA");
  std::vector<double> random, random_std;
  for (const auto& null : overlaps.random) {
    random.push_back(null.mean);
    random_std.push_back(null.std);
  }
  add(group, "overlap_mean", overlaps.mean, {"overlap_modes"}, "1", "mean overlap over pairs of different seeds");
  add(group, "overlap_random", random, {"overlap_modes"}, "1", "overlap expected for random subspaces, k/N");
  add(group, "overlap_random_std", random_std, {"overlap_modes"}, "1",
      "standard deviation of the overlap of two random subspaces");
}

}  // namespace

Group pooled_pca_tree(const Replica& point, const std::vector<std::int64_t>& seeds, const PooledPca& pca,
                      const SeedOverlaps& overlaps, double fraction) {
  Group group;
  set_attributes(group, point, grid_columns(Study::landscape, AxisRows::grid_points));
  add_pooled_spectrum(group, pca, fraction);
  add_pooled_directions(group, pca, seeds);
  add_overlaps(group, overlaps, seeds.size());
  return group;
}

}  // namespace flatsweep
