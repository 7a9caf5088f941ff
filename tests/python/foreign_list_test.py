"""Twelve PyTorch networks as two lists through `flatsweep analyse`: depths 1 to 5, every activation, both losses, strides, average pools, a
folded batch normalisation, 26 classes and 30 features. Loss, spectra, a layer's whole Hessian and the flatness along principal directions are those of PyTorch
in double precision, which shares no line with flatsweep."""
import dataclasses
import unittest
from typing import Callable

import h5py
import numpy as np
import torch
from package_runs import RunTest, flatsweep
from torch import nn
from torch.nn import functional

FEATURES, CLASSES, SAMPLES, SNAPSHOTS = (1, 5, 6), 26, 200, 8
MOST_STEPS = 3000
ACTIVATIONS = {"relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU, "identity": nn.Identity}


@dataclasses.dataclass
class Case:
    """A network and the activations between its layers, as modules in order."""
    name: str
    loss: str
    build: Callable[[], nn.Sequential]
    learnt: float  # the loss at which it is analysed


def mlp(depth: int, activation: str, width: int = 7, normalised: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for number in range(depth):
        layers.append(nn.Linear(30 if number == 0 else width, width))
        if normalised and number == 0:
            layers.append(nn.BatchNorm1d(width))
        layers.append(ACTIVATIONS[activation]())
    return nn.Sequential(*layers, nn.Linear(width, CLASSES))


def cnn(activation: str, normalised: bool = False) -> nn.Sequential:
    between: list[nn.Module] = [nn.BatchNorm2d(4)] if normalised else []
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), *between, ACTIVATIONS[activation](), nn.Conv2d(4, 3, 2, padding=1), nn.Tanh(),
                         nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 6), ACTIVATIONS[activation](), nn.Linear(6, CLASSES))


CASES = [Case("depth-1", "cross-entropy", lambda: mlp(1, "relu"), 0.5),
         Case("depth-2", "cross-entropy", lambda: mlp(2, "tanh"), 0.5),
         Case("depth-3", "cross-entropy", lambda: mlp(3, "sigmoid"), 0.5),
         Case("depth-4", "cross-entropy", lambda: mlp(4, "gelu"), 0.5),
         Case("depth-5", "cross-entropy", lambda: mlp(5, "silu"), 0.5),
         Case("strided-cnn", "cross-entropy", lambda: cnn("leaky-relu"), 0.5),
         Case("normalised", "cross-entropy", lambda: mlp(2, "relu", normalised=True), 0.5),
         Case("linear", "square", lambda: mlp(2, "identity"), 0.42),
         Case("square-leaky", "square", lambda: mlp(1, "leaky-relu"), 0.4),
         Case("square-deep", "square", lambda: mlp(4, "tanh"), 0.38),
         Case("square-cnn", "square", lambda: cnn("gelu"), 0.41),
         Case("square-normalised-cnn", "square", lambda: cnn("relu", normalised=True), 0.41)]


def folded(model: nn.Sequential) -> nn.Sequential:
    """The same function without normalisation, in double precision."""
    layers: list[nn.Module] = []
    for module in model.double().eval():
        if not isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layers.append(module)
            continue
        before = layers[-1]
        scale = module.weight / torch.sqrt(module.running_var + module.eps)
        with torch.no_grad():
            before.weight.mul_(scale.reshape(-1, *[1] * (before.weight.dim() - 1)))
            before.bias.copy_((before.bias - module.running_mean) * scale + module.bias)
    return nn.Sequential(*layers)


def loss_of(outputs: torch.Tensor, labels: torch.Tensor, kind: str) -> torch.Tensor:
    if kind == "cross-entropy":
        return functional.cross_entropy(outputs, labels)
    return 0.5 * ((outputs - functional.one_hot(labels, CLASSES)) ** 2).sum(1).mean()


def nearest_crossing(level: Callable[[float], float], sign: float, reach: float) -> float:
    """The nearest root of `level`, below 0 at the origin, on one side, by steps and bisection; NaN where there is none within reach."""
    inside, step = 0.0, 0.002
    while level(sign * (inside + step)) < 0:
        inside += step
        step *= 1.05
        if inside > reach:
            return np.nan
    outside = inside + step
    while outside - inside > 1e-9:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if level(sign * middle) < 0 else (inside, middle)
    return sign * inside


class ForeignList(RunTest):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(1)
        means = random.normal(size=(CLASSES, *FEATURES))
        labels = np.concatenate([np.arange(CLASSES), random.integers(0, CLASSES, SAMPLES - CLASSES)])
        images = (means[labels] + random.normal(size=(SAMPLES, *FEATURES))).astype("f4")
        (self.folder / "data/own").mkdir(parents=True)
        np.savez(self.folder / "data/own/data.npz", train_images=images, train_labels=labels, test_images=images[:50], test_labels=labels[:50])
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels)

    def train(self, case):
        """A short training, whose last steps are recorded."""
        torch.manual_seed(1)
        model = case.build()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        with flatsweep.Recorder(model, self.folder / case.loss / f"{case.name}.h5", loss=case.loss) as recorder:
            snapshots = 0
            for _ in range(MOST_STEPS):
                optimizer.zero_grad()
                loss = loss_of(model(self.images), self.labels, case.loss)
                loss.backward()
                optimizer.step()
                if snapshots > 0 or loss.item() < case.learnt:
                    recorder.step()
                    snapshots += 1
                if snapshots == SNAPSHOTS:
                    break
            self.assertEqual(snapshots, SNAPSHOTS, case.name)
        return folded(model)

    def analyse(self, loss):
        keys = {"study": "models", "model__weights": self.folder / loss / "*.h5", "data__name": "own", "data__root": self.folder / "data",
                "data__train_limit": 0, "data__test_limit": 0, "train__loss": loss, "pca__layers": ["fc1"], "flatness__directions": "all",
                "flatness__tolerance": 1e-5,
                "curvature__enabled": True, "network_curvature__leading": 20, "network_curvature__smallest": 0,
                "network_curvature__tolerance": 1e-6, "network_curvature__density_probes": 1, "network_curvature__density_steps": 2,
                "network_curvature__trace_products": 6, "first_mode__enabled": False, "dynamics__enabled": False, "mlf__enabled": False,
                "nulls__enabled": False, "filters__enabled": False}
        return h5py.File(self.run_well(1, loss, **keys))

    def check(self, case, model, replica):
        images, labels = self.images.double(), self.labels
        modules = [module for module in model if isinstance(module, (nn.Linear, nn.Conv2d))]
        first = next(module for module in modules if isinstance(module, nn.Linear))
        parameters = [p for module in modules for p in (module.weight, module.bias)]
        loss = loss_of(model(images), labels, case.loss)
        self.assertLess(abs(replica["training/train_loss"][0] / loss.item() - 1), 1e-6)
        gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters, create_graph=True)])
        rows = [torch.cat([g.reshape(-1) for g in torch.autograd.grad(entry, parameters, retain_graph=True)]) for entry in gradient]
        whole = torch.stack(rows).numpy()
        self.assertNotIn("message", replica["network_curvature/hessian"].attrs, replica["network_curvature/hessian"].attrs.get("message"))
        values = np.linalg.eigvalsh(whole)[::-1]
        np.testing.assert_allclose(replica["network_curvature/hessian/leading_eigenvalues"][()], values[:20], rtol=0, atol=1e-5 * values[0])
        begin = sum(p.numel() for p in parameters[:2 * modules.index(first)])
        block = whole[begin:begin + first.weight.numel(), begin:begin + first.weight.numel()]
        own = np.linalg.eigvalsh(block)[::-1]
        np.testing.assert_allclose(replica["curvature/fc1/hessian_eigenvalues"][()], own, rtol=0, atol=1e-5 * own[0])
        self.check_flatness(case, model, first, replica)

    def check_flatness(self, case, model, layer, replica):
        """F_i = theta_right - theta_left between the crossings of L = e L_0, by bisection of its own along flatsweep's p_i."""
        images, directions, flatness = self.images.double(), replica["pca/fc1/directions"][()], replica["flatness/fc1"]
        solution = layer.weight.detach().clone()

        def log_loss(direction, theta):
            with torch.no_grad():
                layer.weight.copy_(solution + theta * direction)
                return loss_of(model(images), self.labels, case.loss).log().item()

        for place, number in list(enumerate(flatness["direction"][()]))[:4]:
            direction = torch.from_numpy(directions[number]).reshape(solution.shape)
            at_zero = log_loss(direction, 0.0)
            sides = [nearest_crossing(lambda theta: log_loss(direction, theta) - at_zero - 1, sign, 100) for sign in (-1, 1)]
            # A saturated network never loses e times as much: then there is no flatness in either program.
            np.testing.assert_allclose(flatness["flatness"][place], sides[1] - sides[0], rtol=1e-4)

    def test_all_twelve(self):
        models = {}
        for case in CASES:
            (self.folder / case.loss).mkdir(exist_ok=True)
            models[case.name] = self.train(case)
        for loss in ("cross-entropy", "square"):
            with self.analyse(loss) as file:
                names = flatsweep.open(self.results(loss)).grid["model"].tolist()
                self.assertEqual(sorted(names), sorted(case.name for case in CASES if case.loss == loss))
                for case in (case for case in CASES if case.loss == loss):
                    with self.subTest(case.name):
                        self.check(case, models[case.name], file[f"replica/{names.index(case.name):06d}"])


if __name__ == "__main__":
    unittest.main()
