"""Activations, losses, strides, pools, 26 classes and 30 features: a run's losses, the leading eigenvalues of the whole Hessian and all of
one layer's Hessian beside PyTorch's automatic differentiation in double precision, which shares no line with flatsweep."""
import unittest

import h5py
import numpy
import torch
from torch.nn import functional

from columns import column
from flatsweep_runs import PCA_ALONE, RunTest

ACTIVATIONS = {"relu": torch.relu, "leaky-relu": functional.leaky_relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "gelu": functional.gelu,
               "silu": functional.silu, "identity": lambda z: z}
KEYS = PCA_ALONE | dict(data__name="own", data__train_limit=0, data__test_limit=0, train__batch_size=10, train__learning_rate=0.05,
                        window__opens_at_epoch=2, network_curvature__enabled=True, network_curvature__leading=20,
                        network_curvature__smallest=0, network_curvature__density_probes=1, network_curvature__density_steps=2,
                        network_curvature__trace_products=6, curvature__enabled=True)


def loss_of(outputs, labels, kind):
    if labels.is_floating_point():
        return 0.5 * ((outputs - labels) ** 2).sum(1).mean()
    if kind == "cross-entropy":
        return functional.cross_entropy(outputs, labels)
    return 0.5 * ((outputs - functional.one_hot(labels, outputs.shape[1])) ** 2).sum(1).mean()


def hessian(loss, weights):
    return torch.autograd.functional.hessian(loss, weights, vectorize=True).numpy()


class NetworkKinds(RunTest):
    def write_data(self, shape, classes):
        """Classes around random means, in single precision."""
        folder = self.folder / "data/own"
        folder.mkdir(parents=True, exist_ok=True)
        random = numpy.random.default_rng(1)
        means = random.normal(size=(classes, *shape))
        arrays = {}
        for part, count in (("train", 130), ("test", 40)):
            labels = random.permutation(numpy.arange(count) % classes)
            arrays[part + "_labels"] = labels
            arrays[part + "_images"] = (means[labels] + random.normal(size=(count, *shape))).astype("f4")
            arrays[part + "_targets"] = (numpy.eye(classes)[labels] + random.normal(size=(count, classes))).astype("f4")
        numpy.savez(folder / "data.npz", **arrays)
        return {name: torch.from_numpy(values.astype("f8") if values.dtype == "f4" else values) for name, values in arrays.items()}

    def check(self, forward, layer, data, **keys):
        """Every replica against the same network in PyTorch; `forward(images, weights by name, activation)` gives its outputs."""
        results = self.run_well(1, "out", "--overwrite", **KEYS, data__root=self.folder / "data", pca__layers=[layer], **keys)
        with h5py.File(results) as file:
            self.assertEqual(set(column(file["grid/status"]).tolist()), {"done"})
            for replica in file["replica"].values():
                with self.subTest(**{name: replica.attrs[name] for name in ("activation", "loss", "hidden_layers")}):
                    self.check_replica(replica, forward, layer, data)

    def check_replica(self, replica, forward, layer, data):
        stored = {name: values for name, values in replica["weights"].items() if replica["weights"][name].dtype == "f4"}
        names = sorted(stored, key=lambda name: (name.startswith("fc"), name.replace("_bias", "~")))
        sizes = [stored[name].size for name in names]
        flat = torch.from_numpy(numpy.concatenate([stored[name][()].ravel() for name in names]).astype("f8"))
        images, labels = data["train_images"], data["train_targets" if "targets = \"real\"" in replica.file.attrs["config"] else "train_labels"]
        activation, kind = ACTIVATIONS[replica.attrs["activation"]], replica.attrs["loss"]

        def loss(weights):
            parts = {name: part.reshape(stored[name].shape) for name, part in zip(names, weights.split(sizes))}
            return loss_of(forward(images, parts, activation), labels, kind)

        self.assertAlmostEqual(replica["training/train_loss"][-1] / loss(flat).item(), 1, delta=1e-6)
        whole = hessian(loss, flat)
        values = numpy.linalg.eigvalsh(whole)[::-1]
        found = replica["network_curvature/hessian/leading_eigenvalues"][()]
        numpy.testing.assert_allclose(found, values[:20], rtol=0, atol=1e-5 * values[0])
        first = sum(sizes[:names.index(layer)])
        block = whole[first:first + stored[layer].size, first:first + stored[layer].size]
        curvature, directions = replica[f"curvature/{layer}"], replica[f"pca/{layer}/directions"][()]
        own = numpy.linalg.eigvalsh(block)[::-1]
        numpy.testing.assert_allclose(curvature["hessian_eigenvalues"][()], own, rtol=0, atol=1e-5 * own[0])
        along = directions[curvature["direction"][()]]
        numpy.testing.assert_allclose(curvature["rayleigh"][()], numpy.einsum("ij,jk,ik->i", along, block, along), rtol=0,
                                      atol=1e-5 * own[0])

    def mlp(self, images, weights, activation):
        last = sum(not name.endswith("_bias") for name in weights)
        for number in range(1, last + 1):
            images = functional.linear(images, weights[f"fc{number}"], weights[f"fc{number}_bias"])
            images = activation(images) if number < last else images
        return images

    def test_every_activation_with_both_losses(self):
        data = self.write_data((30,), 26)
        self.check(self.mlp, "fc2", data, network__width=6, grid__activation=list(ACTIVATIONS), grid__loss=["cross-entropy", "square"])

    def test_every_depth(self):
        data = self.write_data((30,), 2)
        self.check(self.mlp, "fc1", data, network__width=5, grid__hidden_layers=[1, 3, 5], network__activation="tanh", train__loss="square")

    def test_real_targets(self):
        data = self.write_data((30,), 4)
        self.check(self.mlp, "fc2", data, network__width=6, data__targets="real", train__loss="square", grid__activation=["relu", "gelu", "identity"])

    def test_strides_and_average_pools(self):
        data = self.write_data((2, 9, 8), 4)

        def forward(images, weights, activation):
            z = functional.conv2d(images, weights["conv1"], weights["conv1_bias"], stride=2, padding=1)
            z = functional.avg_pool2d(activation(z), 2)
            z = functional.conv2d(z, weights["conv2"], weights["conv2_bias"], padding=1)
            z = functional.adaptive_avg_pool2d(functional.silu(z), 1).flatten(1)
            return functional.linear(z, weights["fc1"], weights["fc1_bias"])

        self.check(forward, "conv1", data, grid__activation=["relu", "gelu", "tanh"], grid__loss=["cross-entropy", "square"],
                   network__architecture=["conv 4 kernel 3 stride 2 padding 1", "average-pool 2", "conv 5 kernel 2 padding 1 silu",
                                          "global-average-pool"])


if __name__ == "__main__":
    unittest.main()
