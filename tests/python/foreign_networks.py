"""PyTorch networks for the tests of `flatsweep analyse`, and what autograd says of them in double precision."""
import dataclasses
import gzip
from typing import Callable

import numpy as np
import torch
from package_runs import SOURCE
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn
from torch.nn import functional

SAMPLES, TESTED = 300, 100


@dataclasses.dataclass
class Case:
    """A network, flatsweep's words for it, and the layers whose whole Hessian is compared."""
    name: str
    architecture: list[str]
    layers: dict[str, str]  # flatsweep's name -> PyTorch's
    build: Callable[[], nn.Module]


def mlp(*widths: int) -> nn.Sequential:
    sizes = (784, *widths, 10)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cnn() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 5), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(75, 12), nn.ReLU(), nn.Linear(12, 10))


def curved() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 5, stride=3), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 12), nn.GELU(), nn.Linear(12, 10))


CASES = [Case("mlp-1", ["fc 20"], {"fc2": "3.weight"}, lambda: mlp(20)),
         Case("mlp-3", ["fc 12", "fc 11", "fc 10"], {"fc2": "3.weight", "fc4": "7.weight"}, lambda: mlp(12, 11, 10)),
         Case("cnn", ["conv 4 kernel 3 padding 1", "pool 2", "conv 3 kernel 5", "pool 2", "fc 12"],
              {"conv1": "0.weight", "conv2": "3.weight", "fc2": "9.weight"}, cnn),
         Case("curved", ["conv 4 kernel 5 stride 3 tanh", "average-pool 2", "fc 12 gelu"], {"conv1": "0.weight", "fc2": "6.weight"}, curved)]


def idx(name: str) -> np.ndarray:
    content = gzip.decompress((SOURCE / f"data/mnist-sample/{name}.gz").read_bytes())
    shape = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def training_set() -> tuple[torch.Tensor, torch.Tensor]:
    """As flatsweep takes them: bytes over 255."""
    images = torch.from_numpy(idx("train-images-idx3-ubyte")[:SAMPLES, None].astype(np.float32) / 255)
    return images, torch.from_numpy(idx("train-labels-idx1-ubyte")[:SAMPLES].astype(np.int64))


def train(case: Case, steps: int = 60) -> nn.Module:
    torch.manual_seed(1)
    model = case.build()
    images, labels = training_set()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model


class Reference:
    """The network in double precision."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model.double()
        self.parameters = dict(self.model.named_parameters())
        images, self.labels = training_set()
        self.images = images.double()

    def loss(self) -> torch.Tensor:
        return functional.cross_entropy(self.model(self.images), self.labels)

    def layer_hessian(self, name: str) -> np.ndarray:
        """d^2 L/dw^2 of one layer's weights, row after row."""
        weight = self.parameters[name]
        gradient = torch.autograd.grad(self.loss(), weight, create_graph=True)[0].flatten()
        rows = [torch.autograd.grad(entry, weight, retain_graph=True)[0].flatten() for entry in gradient]
        return torch.stack(rows).numpy()

    def sample_gradients(self, name: str) -> np.ndarray:
        """(M, N) of one layer's weights."""
        losses = functional.cross_entropy(self.model(self.images), self.labels, reduction="none")
        rows = [torch.autograd.grad(loss, self.parameters[name], retain_graph=True)[0].flatten() for loss in losses]
        return torch.stack(rows).numpy()

    def crossing(self, name: str, u: np.ndarray, furthest: float) -> float:
        """The least d > 0 with L(w_0 + d u) = e L_0, by bisection; NaN where there is none up to the furthest."""
        weight, before = self.parameters[name], self.parameters[name].detach().clone()
        step = torch.from_numpy(np.ascontiguousarray(u)).reshape(before.shape)

        @torch.no_grad()
        def excess(d: float) -> float:
            weight.copy_(before + d * step)
            return self.loss().log().item() - level

        level = 0.0
        level = excess(0.0) + 1
        points = furthest * np.geomspace(1e-4, 1, 120)
        outer = next((number for number, d in enumerate(points) if excess(d) >= 0), None)
        if outer is None:
            found = np.nan
        else:
            low, high = (points[outer - 1] if outer else 0.0), points[outer]
            for _ in range(30):
                middle = (low + high) / 2
                low, high = (low, middle) if excess(middle) >= 0 else (middle, high)
            found = high
        with torch.no_grad():
            weight.copy_(before)
        return found

    def hessian_product(self) -> Callable[[np.ndarray], np.ndarray]:
        """H x over all weights and biases."""
        parameters = list(self.parameters.values())
        gradient = torch.cat([part.reshape(-1) for part in torch.autograd.grad(self.loss(), parameters, create_graph=True)])

        def product(x: np.ndarray) -> np.ndarray:
            found = torch.autograd.grad(gradient @ torch.from_numpy(x.ravel()), parameters, retain_graph=True)
            return torch.cat([part.reshape(-1) for part in found]).numpy()

        return product

    def leading_eigenvalues(self, count: int) -> np.ndarray:
        """The largest, descending."""
        size = sum(p.numel() for p in self.parameters.values())
        hessian = LinearOperator((size, size), self.hessian_product(), dtype=np.float64)
        start = np.random.default_rng(1).normal(size=size)
        return np.sort(eigsh(hessian, count, which="LA", tol=1e-9, v0=start, return_eigenvectors=False))[::-1]
