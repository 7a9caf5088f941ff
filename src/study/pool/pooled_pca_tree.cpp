#include "pooled_pca_tree.hpp"

#include "flatsweep/linalg/entries.hpp"
#include "study/store/tree_entries.hpp"
#include "study/summary/grid_columns.hpp"

namespace flatsweep {

namespace {

void add_spectrum(Group& group, const PooledPca& pca, double fraction) {
  group.set("route", std::string(to_string(pca.route)));
  group.set("iterations", pca.iterations);
  group.set("total_variance", pca.total_variance);
  group.set("fraction", fraction);
  group.set("modes_for_fraction", std::int64_t{pca.modes_for_fraction});
  add(group, "variance", to_vector(pca.variance), {"mode"}, "1",
      "leading eigenvalues of sum_a (T_a/T) C_a, C_a the covariance of window a around its own mean");
  if (pca.residual.size() > 0)
    add(group, "residual", to_vector(pca.residual), {"mode"}, "1", "|C u - lambda u| of the modes");
  add(group, "between_variance", to_vector(pca.between_variance), {"mean_mode"}, "1",
      "eigenvalues of the covariance of the windows' means with weights T_a/T");
}

void add_directions(Group& group, const PooledPca& pca, const std::vector<std::int64_t>& seeds) {
  group.add("seed", std::span(seeds), {length(seeds)}, {"seed"}).description = "members of the pool";
  const auto& u = pca.directions;
  const std::uint64_t count = u.cols(), size = u.rows();
  // Columns (N, k) in memory are rows (k, N) in the file.
  group.add("directions", entries(u), {count, size}, {"stored_mode", "weight"}).description =
      "leading directions u_i of the pool, orthonormal rows";
  const Eigen::MatrixXd by_seed = pca.member_share.transpose();  // column-major (seeds, k) is row-major (k, seeds)
  add(group, "seed_share", {by_seed.data(), by_seed.data() + by_seed.size()}, {count, length(seeds)},
      {"stored_mode", "seed"}, "1", "part of the variance along u_i that each seed's window brings");
}

void add_overlaps(Group& group, const SeedOverlaps& overlaps, std::size_t seeds) {
  const std::vector<std::int32_t> counts(overlaps.count.begin(), overlaps.count.end());
  group.add("overlap_modes", std::span(counts), {length(counts)}, {"overlap_modes"}).description =
      "k, leading directions of each seed's own PCA that are compared";
  add(group, "overlap", overlaps.overlap, {length(counts), seeds, seeds}, {"overlap_modes", "seed", "other_seed"}, "1",
      "|U_a^T U_b|_F^2 / k of the seeds' own leading directions");
  std::vector<double> random, random_std;
  for (const auto& null : overlaps.random) {
    random.push_back(null.mean);
    random_std.push_back(null.std);
  }
  add(group, "overlap_mean", overlaps.mean, {"overlap_modes"}, "1", "mean over pairs of different seeds");
  add(group, "overlap_random", random, {"overlap_modes"}, "1", "expected for random subspaces, k/N");
  add(group, "overlap_random_std", random_std, {"overlap_modes"}, "1", "standard deviation of one such pair");
}

}  // namespace

Group pooled_pca_tree(const Replica& point, const std::vector<std::int64_t>& seeds, const PooledPca& pca,
                      const SeedOverlaps& overlaps, double fraction) {
  Group group;
  set_attributes(group, point, grid_columns(Study::landscape, AxisRows::grid_points));
  add_spectrum(group, pca, fraction);
  add_directions(group, pca, seeds);
  add_overlaps(group, overlaps, seeds.size());
  return group;
}

}  // namespace flatsweep
