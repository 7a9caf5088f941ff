"""What a figure shows: one replica of a run, and one of its layers."""

import dataclasses

from ..results import MLP, Results, ResultsError
from .. import names, network
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

    def layers(self, analysis, kind):
        """The layers with numbers of `analysis` whose names begin with `kind`, "fc" or "conv"."""
        return [layer for layer in self.results.layers(self.replica, analysis) if layer.startswith(kind)]

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

    def network(self):
        """The network in words: the units of an MLP's layers, else its name or its list of layers."""
        name = str(self.results.grid.get("architecture", [MLP] * (self.replica + 1))[self.replica])
        if name != MLP:
            return style.wrapped(name)
        units = network.units(self.results.file.get(f"replica/{self.replica:06d}/weights", {}))
        return units or ("network made elsewhere" if names.MODEL in self.results.grid else name)

    def common(self, *layers):
        """What the networks of a figure over the whole grid have in common, and the layers shown."""
        varied = [name for name in ("architecture", "width", "hidden_layers") if len(set(self.results.grid.get(name, ()))) > 1]
        words = self.network() if not varied else "several networks" if "architecture" in varied else \
            str(self.results.grid.get("architecture", [MLP])[0])
        return ", ".join((words, *layers))

    def label(self, analysis=None):
        """The network, the layer of the analysis and the grid point, for titles; what is usual (SGD, reshuffling) is left out."""
        layer = [self.layer_of(analysis)] if analysis else []
        name, point = self.network(), ", ".join((*layer, self.point_words()))
        return name + ("\n" if "\n" in name or len(name) + len(point) > 52 else ", ") + point

    def point_words(self):
        grid = {key: values[self.replica] for key, values in self.results.grid.items()}
        point = (f"$B$ = {grid['batch_size']}, $\\alpha$ = {grid['learning_rate']:g}" if names.MODEL not in grid
                 else f"model {grid[names.MODEL]}")
        for key, usual in (("optimizer", "sgd"), ("sampling", "reshuffle")):
            if grid.get(key, usual) != usual:
                point += f", {grid[key]}"
        point += "".join(f", {name.replace('_', ' ')} {grid[name]}" for name in self.results.axes if name not in names.KNOWN_AXES)
        return point


def open_subject(results, replica=None, layer=None):
    """The subject with `replica` checked; by default the first that finished."""
    done = results.done()
    if not done:
        raise ResultsError(f"{results.path} holds no finished replica; see /grid/status")
    if replica is not None and replica not in done:
        raise ResultsError(f"replica {replica} is not among the finished ones ({done[0]} to {done[-1]})")
    return Subject(results, done[0] if replica is None else replica, layer)
