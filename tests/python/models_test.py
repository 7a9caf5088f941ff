"""flatsweep analyses networks made by PyTorch, and finds what autograd finds."""
import subprocess
import unittest

import h5py
import numpy as np
import torch
from foreign_networks import CASES, SAMPLES, TESTED, Reference, train, training_set
from package_runs import BINARY, SOURCE, RunTest, flatsweep
from columns import column  # in the folder that package_runs names
from torch import nn
from torch.nn import functional

FEW = {"network_curvature__enabled": True, "network_curvature__leading": 20, "network_curvature__smallest": 0,
       "network_curvature__tolerance": 1e-6, "network_curvature__density_probes": 1, "network_curvature__density_steps": 2,
       "network_curvature__trace_products": 6}


class ForeignTest(RunTest):
    def analyse(self, output, weights, **keys):
        """The results of one rank, without a launcher."""
        keys = {"study": "models", "model__weights": weights, "data__train_limit": SAMPLES, "data__test_limit": TESTED,
                "curvature__dense_limit": 2000} | FEW | keys
        words = self.command(1, output, **keys)
        done = subprocess.run(words[words.index(BINARY):], cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        return h5py.File(self.results(output))


class Autograd(ForeignTest):
    def save(self, case, model):
        path = self.folder / f"{case.name}.npz"
        np.savez(path, **{name: value.numpy() for name, value in model.state_dict().items()})
        return path

    def check(self, case):
        model = train(case)
        with self.analyse(case.name, self.save(case, model), network__architecture=case.architecture,
                          pca__layers=list(case.layers)) as file:
            reference, replica = Reference(model), file["replica/000000"]
            loss = reference.loss().item()
            self.assertLess(abs(replica["training/train_loss"][0] - loss), 1e-6 * max(loss, 1))
            leading = reference.leading_eigenvalues(20)
            found = replica["network_curvature/hessian/leading_eigenvalues"][()]
            np.testing.assert_allclose(found, leading, atol=1e-5 * leading[0], rtol=0)
            for layer, name in case.layers.items():
                self.check_layer(replica[f"curvature/{layer}"], reference.layer_hessian(name))

    def check_layer(self, group, hessian):
        """All eigenvalues, and what the basis does not show: the trace."""
        expected = np.linalg.eigvalsh(hessian)[::-1]
        self.assertGreater(expected[0], 0)
        np.testing.assert_allclose(group["hessian_eigenvalues"][()], expected, atol=1e-5 * expected[0], rtol=0)
        self.assertAlmostEqual(group.attrs["hessian_trace"] / np.trace(hessian), 1, delta=1e-5)

    def test_networks(self):
        for case in CASES:
            with self.subTest(case.name):
                self.check(case)


class WithoutTrajectory(Autograd):
    """Flatness, curvature and noise along directions that weights alone have."""

    def test_networks(self):
        for case in (CASES[1], CASES[3]):
            with self.subTest(case.name):
                self.check_bases(case)

    def check_bases(self, case):
        model = train(case)
        with self.analyse(case.name, self.save(case, model), network__architecture=case.architecture, pca__layers=["fc2"],
                          network_curvature__enabled=False, bases__enabled=True, bases__directions=12,
                          bases__basis=["hessian", "noise", "filters"], model__training="minibatches", train__batch_size=30) as file:
            bases, reference, name = file["replica/000000/bases/fc2"], Reference(model), case.layers["fc2"]
            self.check_hessian(bases["hessian"], reference, name)
            for basis in bases.values():
                for u, *sides in zip(basis["vectors"][()], basis["left"][()], basis["right"][()]):
                    self.check_sides(reference, name, u, sides)
            gradients = reference.sample_gradients(name)
            spread = np.cov(gradients.T, bias=True)
            along = bases["noise/vectors"][()] @ spread @ bases["noise/vectors"][()].T
            np.testing.assert_allclose(along, np.diag(np.linalg.eigvalsh(spread)[::-1][bases["noise/direction"][()]]),
                                       atol=1e-5 * along.max())
        with flatsweep.open(self.results(case.name)) as run:
            run.plot.fig_bases()

    def check_hessian(self, group, reference, name):
        """Along numpy's own eigenvectors; those of close eigenvalues are arbitrary."""
        values, vectors = np.linalg.eigh(reference.layer_hessian(name))
        values, vectors = values[::-1], vectors.T[::-1]
        gaps = np.minimum(np.abs(np.diff(values, prepend=np.inf)), np.abs(np.diff(values, append=-np.inf)))
        compared = [row for row, number in enumerate(group["direction"][()]) if gaps[number] > 0.01 * values[0]]
        self.assertGreaterEqual(len(compared), 4)
        for row in compared:
            number = group["direction"][row]
            u = vectors[number] * np.sign(vectors[number] @ group["vectors"][row])
            self.check_sides(reference, name, u, (group["left"][row], group["right"][row]), 2e-3)
            self.assertAlmostEqual(group["loss_curvature"][row] / values[number], 1, delta=1e-4)

    def check_sides(self, reference, name, u, sides, tolerance=2e-4):
        norm = reference.parameters[name].detach().norm().item()
        for side, sign in zip(sides, (-1, 1)):
            expected = reference.crossing(name, sign * u, 100 * norm)
            np.testing.assert_allclose(side, sign * expected, rtol=tolerance)


class Recording(ForeignTest):
    """What flatsweep.Recorder leaves is analysed as it is."""

    def record(self, path, every=1, steps=45, batch_size=50, activation=nn.ReLU, loss=None):
        torch.manual_seed(2)
        model = nn.Sequential(nn.Flatten(), nn.Linear(784, 7), activation(), nn.Linear(7, 6), activation(), nn.Linear(6, 10))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        images, labels = training_set()
        with flatsweep.Recorder(model, path, optimizer, batch_size=batch_size, every=every, loss=loss) as recorder:
            for _ in range(steps):
                chosen = torch.randint(len(labels), (batch_size,))
                optimizer.zero_grad()
                functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
                optimizer.step()
                recorder.step()
        return model

    def test_it_brings_its_architecture_and_its_steps(self):
        model = self.record(self.folder / "run.h5")
        with self.analyse("out", self.folder / "run.h5", network__architecture="lenet5") as file:
            self.assertEqual(column(file["grid/architecture"])[0], "fc 7, fc 6")
            replica = file["replica/000000"]
            np.testing.assert_array_equal(replica["weights/fc2"][()], model[3].weight.detach().numpy())
            with h5py.File(self.folder / "run.h5") as recording:
                rows = recording["trajectory/fc2"][()].astype(float)
            self.assertEqual(replica["pca/fc2"].attrs["window_iterations"], 45)
            np.testing.assert_allclose(replica["pca/fc2/variance"][()], np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1],
                                       atol=1e-10 * np.var(rows, axis=0).sum())
            velocity = np.diff(rows @ replica["pca/fc2/directions"][0])
            strength = replica["dynamics/fc2/noise_strength"][0]
            self.assertAlmostEqual(strength / np.mean(velocity**2), 1, delta=1e-6)
            self.assertEqual(replica["mlf/fc2"].attrs["status"], "absent")
        with flatsweep.open(self.results("out")) as run:
            self.assertEqual(run.grid["model"][0], "run")
            run.plot.fig1b()

    def test_it_brings_its_activations(self):
        model = self.record(self.folder / "run.h5", activation=nn.SiLU, loss="cross-entropy")
        images, labels = training_set()
        with self.analyse("out", self.folder / "run.h5") as file:
            self.assertEqual(column(file["grid/architecture"])[0], "fc 7 silu, fc 6 silu")
            loss = functional.cross_entropy(model(images), labels).item()
            self.assertAlmostEqual(file["replica/000000/training/train_loss"][0], loss, delta=1e-6 * loss)

    def test_minibatches_are_of_the_size_that_it_was_told(self):
        self.record(self.folder / "run.h5", steps=12, batch_size=25)
        with self.analyse("out", self.folder / "run.h5", model__training="minibatches") as file:
            self.assertEqual(file["replica/000000/mlf/fc2"].attrs["batch_size"], 25)

    def test_snapshots_that_are_steps_apart_have_no_velocity(self):
        self.record(self.folder / "run.h5", every=5)
        with self.analyse("out", self.folder / "run.h5") as file:
            self.assertEqual(file["replica/000000/dynamics/fc2"].attrs["message"], "absent: snapshots are 5 steps apart")
            self.assertEqual(file["replica/000000/pca/fc2"].attrs["window_iterations"], 9)


if __name__ == "__main__":
    unittest.main()
