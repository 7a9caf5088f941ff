"""A network of the results, given to PyTorch, classifies the test images as flatsweep did."""
import gzip
import unittest

import numpy as np
import torch
from package_runs import SOURCE, PackageTest, flatsweep

LAYERS = {"lenet5": "fc2", "conv 4 kernel 5 padding 2, pool 3, fc 20": "fc1"}


def idx(name):
    content = gzip.decompress((SOURCE / f"data/mnist-sample/{name}.gz").read_bytes())
    shape = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


class Torch(PackageTest):
    images = torch.from_numpy(idx("t10k-images-idx3-ubyte")[:200, np.newaxis].astype(np.float32) / 255)
    labels = torch.from_numpy(idx("t10k-labels-idx1-ubyte")[:200].astype(np.int64))

    def check(self, replica):
        network = replica.to_torch()
        with torch.no_grad():
            outputs = network(self.images)
        error = (outputs.argmax(1) != self.labels).double().mean().item()
        self.assertAlmostEqual(error, replica.training.test_error[-1], delta=1e-12)
        # Both losses are sums of 200 numbers in single precision.
        self.assertAlmostEqual(torch.nn.functional.cross_entropy(outputs, self.labels).item() / replica.training.test_loss[-1], 1, delta=1e-5)
        self.assertEqual({name: tuple(values.shape) for name, values in network.state_dict().items()},
                         {name: values.shape for name, values in replica.weights().items()})

    def test_fully_connected_networks(self):
        for replica in self.run_of_four:
            self.check(replica)

    def test_convolution_networks(self):
        only_pca = {f"{name}.enabled": False for name in ("flatness", "first_mode", "curvature", "network_curvature", "dynamics", "mlf",
                                                          "filters", "nulls")}
        for number, (architecture, layer) in enumerate(LAYERS.items()):
            value = architecture if architecture == "lenet5" else architecture.split(", ")
            with self.package_run(f"conv{number}", settings=only_pca | {"network.architecture": value, "pca.layers": [layer]}) as run:
                self.assertEqual(run[0].row["architecture"], architecture)
                self.check(run[0])

    def test_an_architecture_that_is_not_known_is_refused(self):
        with self.assertRaisesRegex(flatsweep.ResultsError, "'transformer' is not known; this flatsweep knows mlp, cnn-s1b"):
            flatsweep.replicas.network.sequential("transformer", {})


if __name__ == "__main__":
    unittest.main()
