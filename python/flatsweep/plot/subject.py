"""What a figure shows: one replica of a run, and one of its layers."""

import dataclasses

from ..results import MLP, Results, ResultsError
from .. import names
from . import style


@dataclasses.dataclass
class Subject:
    """What to draw: one replica, and its analysed layer (None: fc2, or else the first there is)."""

    results: Results
    replica: int
    layer: str | None = None

    def layer_of(self, analysis):
        layers = self.results.layers(self.replica, analysis)
        if self.layer or not layers:
            return self.layer or "<layer>"
        return "fc2" if "fc2" in layers else layers[0]

    def analysis(self, name, replica=None):
        """The group of analysis `name` ("pca", "flatness") of this replica or of another one."""
        replica = self.replica if replica is None else replica
        return self.results.group(f"replica/{replica:06d}/{name}/{self.layer_of(name)}")

    def whole(self):
        """The replica's own group, for its attributes."""
        return self.results.group(f"replica/{self.replica:06d}")

    def training(self):
        return self.results.group(f"replica/{self.replica:06d}/training")

    def convolutional(self):
        """Has the network convolutions? The weights of one are (out, in, y, x)."""
        path = f"replica/{self.replica:06d}/weights/conv1"
        return path in self.results.file and self.results.file[path].ndim == 4

    def seeds(self):
        """Finished replicas of the same grid point."""
        return self.results.points().get(self.results.point(self.replica), [self.replica])

    def label(self):
        """The grid point in words, for titles; what is usual (MLP, SGD, reshuffling) is left out."""
        grid = {key: values[self.replica] for key, values in self.results.grid.items()}
        point = (f"$B$ = {grid['batch_size']}, $\\alpha$ = {grid['learning_rate']:g}" if names.MODEL not in grid
                 else f"model {grid[names.MODEL]}")
        for key, usual in (("optimizer", "sgd"), ("sampling", "reshuffle")):
            if grid.get(key, usual) != usual:
                point += f", {grid[key]}"
        point += "".join(f", {name.replace('_', ' ')} {grid[name]}" for name in self.results.axes if name not in names.KNOWN_AXES)
        name = grid.get("architecture", MLP)
        if name == MLP:
            return point
        return style.wrapped(name) + (", " if len(name) < 20 else "\n") + point


def open_subject(results, replica=None, layer=None):
    """The subject with `replica` checked; by default the first that finished."""
    done = results.done()
    if not done:
        raise ResultsError(f"{results.file.filename} holds no finished replica; see /grid/status")
    if replica is not None and replica not in done:
        raise ResultsError(f"replica {replica} is not among the finished ones ({done[0]} to {done[-1]})")
    return Subject(results, done[0] if replica is None else replica, layer)
