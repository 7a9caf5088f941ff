"""The comparison of seeds: pooled PCA and overlaps, as results.h5 has them."""
import unittest

import h5py
import numpy

from flatsweep_runs import PCA_ALONE, RunTest

POOL = dict(pooled_pca__enabled=True, pooled_pca__directions=5, **PCA_ALONE)
# N x N, T x T, and a Krylov space, of pools of two or three seeds.
COVARIANCE = dict(grid__width=[6, 9], grid__seed=[1, 2, 3], pca__directions=20, **POOL)
GRAM = dict(network__width=30, grid__seed=[1, 2], train__batch_size=50, pca__directions=20, **POOL)
# Both N and all snapshots are just more than the 3000 modes up to which all are computed.
PRODUCTS = dict(network__width=55, grid__seed=[1, 2], data__train_limit=760, train__batch_size=1, train__learning_rate=0.01, pca__directions=20,
                window__opens_at_epoch=1, pooled_pca__fraction=0.9, **POOL)


def everything(results):
    """{name: bits} of all data sets of replicas and summaries, {name@attribute: text} of their groups."""
    found = {}

    def add(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = node[()].tobytes()
        else:
            found.update((f"{name}@{key}", str(value)) for key, value in node.attrs.items())

    with h5py.File(results) as file:
        for group in ("grid", "replica", "summary"):
            file[group].visititems(lambda name, node, group=group: add(f"{group}/{name}", node))
    return found


class Pooled(RunTest):
    def check_against_numpy(self, path, number, replicas, fraction):
        """The pool of these replicas' trajectories, put through numpy."""
        with h5py.File(path) as file:
            windows = [file[f"replica/{r:06d}/trajectory/fc2"][()].astype(float) for r in replicas]
            centred = numpy.vstack([w - w.mean(axis=0) for w in windows])
            pool = file[f"summary/pooled_pca/fc2/{number:06d}"]
            expected = numpy.linalg.svd(centred, compute_uv=False) ** 2 / len(centred)
            variance, u = pool["variance"][()], pool["directions"][()]
            count = min(len(variance), len(expected))
            # Residuals of the Krylov space are 1e-10 of the largest eigenvalue; direct solves are far better.
            numpy.testing.assert_allclose(variance[:count], expected[:count], rtol=0, atol=1e-10 * expected[0])
            self.assertAlmostEqual(pool.attrs["total_variance"] / expected.sum(), 1.0, delta=1e-12)
            self.assertEqual(pool.attrs["modes_for_fraction"], 1 + numpy.argmax(numpy.cumsum(expected) >= fraction * expected.sum()))
            share = numpy.array([((w - w.mean(axis=0)) @ u.T).var(axis=0) * len(w) / len(centred) / variance[:5] for w in windows]).T
            numpy.testing.assert_allclose(pool["seed_share"][()], share, atol=1e-8)
            own = [file[f"replica/{r:06d}/pca/fc2/directions"][()] for r in replicas]
            for k, overlap in zip(pool["overlap_modes"][()], pool["overlap"][()]):
                both = [[numpy.sum((a[:k] @ b[:k].T) ** 2) / k for b in own] for a in own]
                numpy.testing.assert_allclose(overlap, both, atol=1e-12)
            return pool.attrs["route"]

    def check_route(self, keys, route, points, others):
        """One rank agrees with numpy; more ranks, and windows that are trained again for every pass, with one rank."""
        reference = self.run_well(1, "one", output__trajectory=True, **keys)
        seeds = len(keys["grid__seed"])
        for number in range(points):
            replicas = range(number * seeds, (number + 1) * seeds)
            self.assertEqual(self.check_against_numpy(reference, number, replicas, keys.get("pooled_pca__fraction", 0.999)), route)
        for ranks in others:
            with self.subTest(ranks=ranks):
                self.assert_same_results(reference, self.run_well(ranks, "more", "--overwrite", run__team_size=1, output__trajectory=True, **keys))
        with self.subTest("windows trained again"):  # of which no trajectory can be had
            replayed = self.run_well(2, "replayed", run__memory_per_rank=1e-6, **keys)
            first, second = everything(reference), everything(replayed)
            self.assertEqual({name for name in first | second if first.get(name) != second.get(name) and "trajectory" not in name}, set())

    def test_covariance(self):
        self.check_route(COVARIANCE, "covariance", 2, (3, 4))  # four ranks share three seeds, or two grid points in two groups

    def test_gram(self):
        self.check_route(GRAM, "gram", 1, (3,))

    def test_products(self):
        self.check_route(PRODUCTS, "products", 1, (3,))

    def test_one_seed_has_no_pool(self):
        with h5py.File(self.run_well(1, "single", **POOL)) as file:
            self.assertNotIn("pooled_pca", file["summary"])


if __name__ == "__main__":
    unittest.main()
