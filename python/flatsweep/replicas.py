"""One replica of a run: a trained network with its analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator

import h5py
import numpy as np

from . import names, network
from .analysis import Analysis, listed
from .results import NotInFile, Results, failure

if TYPE_CHECKING:
    import torch

    from .plot.plots import Plots

WEIGHTS = "weights"


class Layers:
    """An analysis of a replica, layer by layer: `replica.pca("fc2")`, or `replica.pca()` of the usual layer.

    >>> run[0].pca.layers
    ['fc2']
    >>> run[0].pca("fc7")
    Traceback (most recent call last):
        ...
    flatsweep.results.NotInFile: replica 0 has no pca of fc7; it has that of fc2
    """

    def __init__(self, replica: Replica, name: str) -> None:
        self.replica, self.name = replica, name

    @property
    def layers(self) -> list[str]:
        """Those that have numbers, forward; of an analysis of the whole network, its matrices."""
        return self.replica.results.layers(self.replica.number, self.name)

    def __call__(self, layer: str | None = None) -> Analysis:
        if layer is None:
            layer = usual(self.layers) or "any layer"
        path = f"{names.replica_path(self.replica.number)}/{self.name}/{layer}"
        if path not in self.replica.results.file:
            raise NotInFile(f"replica {self.replica.number} has no {self.name} of {layer}; it has that of {listed(self.layers)}")
        return Analysis(self.replica.results.group(path).group)

    def __getitem__(self, layer: str) -> Analysis:
        return self(layer)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __repr__(self) -> str:
        return f"<{self.name} of replica {self.replica.number}: {listed(self.layers)}>"


def usual(layers: list[str]) -> str | None:
    """The layer that is shown where none was named."""
    return names.USUAL_LAYER if names.USUAL_LAYER in layers else layers[0] if layers else None


class Replica:
    """One trained network. Its analyses are attributes: `run[0].flatness("fc2")`, `run[0].training`.

    >>> replica = run[0]
    >>> replica.status, replica.row["batch_size"]
    ('done', 50)
    >>> replica.training.test_error.shape
    (5,)
    >>> sorted(replica.weights())[:3]
    ['fc1.bias', 'fc1.weight', 'fc2.bias']
    """

    def __init__(self, results: Results, number: int) -> None:
        self.results, self.number = results, number

    @property
    def row(self) -> dict[str, Any]:
        """Its row of /grid."""
        return {name: np.asarray(values[self.number]).item() for name, values in self.results.grid.items()}

    @property
    def status(self) -> str:
        return str(self.row[names.STATUS])

    @property
    def message(self) -> str:
        """Why it is not done; "" where it is."""
        return str(self.group.attrs.get("message", ""))

    @property
    def group(self) -> h5py.Group:
        path = names.replica_path(self.number)
        if path not in self.results.file:
            raise NotInFile(f"replica {self.number} has left no numbers; its status is {self.status}")
        return self.results.file[path]

    @property
    def analyses(self) -> dict[str, list[str]]:
        """What there is, and the layers of each: {"pca": ["fc2"], "training": []}."""
        return {name: [below for below in node if isinstance(node[below], h5py.Group)]
                for name, node in self.group.items() if isinstance(node, h5py.Group)}

    @property
    def failures(self) -> dict[str, str]:
        """{"flatness/fc2": why there is a hole in place of its numbers}"""
        found = {f"{name}/{layer}": failure(self.group[name][layer]) for name, layers in self.analyses.items() for layer in layers}
        return {name: message for name, message in found.items() if message}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("results", "number"):
            raise AttributeError(name)
        there = self.analyses
        if name not in there:
            raise AttributeError(f"replica {self.number} has no {name}; it has {listed(there)}")
        return Layers(self, name) if there[name] else Analysis(self.group[name])

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.analyses]

    def weights(self) -> dict[str, np.ndarray]:
        """All weights at the end, named and laid out as in PyTorch's state_dict: `fc1.weight` is (outputs, inputs),
        `conv1.weight` (outputs, inputs, rows, columns), `fc1.bias` (outputs)."""
        return network.state(Analysis(self.group[WEIGHTS]))

    def to_torch(self) -> torch.nn.Sequential:
        """The trained network for PyTorch. It takes images as (samples, channels, rows, columns), pixels as value / 255."""
        return network.sequential(str(self.row.get("architecture", network.MLP)), self.weights(), str(self.row.get("activation", "relu")))

    @property
    def plot(self) -> Plots:
        """The figures of this replica: `run[3].plot.fig1a()`."""
        from .plot.plots import Plots
        return Plots(self.results, self.number)

    def __repr__(self) -> str:
        words = ", ".join(f"{name} {value}" for name, value in self.row.items() if name != REPLICA_AXIS)
        return f"<replica {self.number}: {words}>"


REPLICA_AXIS = "replica"  # the index of the rows, in /grid beside its columns
