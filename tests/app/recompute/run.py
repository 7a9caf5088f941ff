"""One replica of a results file with what it was made from: configuration, data, network, minibatches."""
import gzip
import re
import tomllib

import numpy

from columns import column

from . import philox
from .network import Convolution, Dense, Line, Network, mean_gradient

NAMED = {"cnn-s1b": ["conv 16 kernel 3 padding 1", "pool 2", "conv 32 kernel 5 padding 2", "pool 2"],
         "lenet5": ["conv 6 kernel 5", "pool 2", "conv 16 kernel 5", "pool 2", "fc 120", "fc 84"]}


def idx(file, header):
    return numpy.frombuffer(gzip.decompress(file.read_bytes()), dtype=numpy.uint8)[header:]


def read_images(folder, prefix, limit):
    """Images (samples, pixels) in [0, 1], and labels."""
    labels = idx(folder / f"{prefix}-labels-idx1-ubyte.gz", 8)
    images = idx(folder / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(labels.size, -1)
    count = limit or labels.size
    return images[:count] / 255.0, labels[:count].astype(int)


def layer_words(architecture, replica):
    if architecture == "mlp":
        return [f"fc {replica['width']}"] * int(replica["hidden_layers"])
    text = architecture
    return NAMED.get(text) or [word.strip() for word in text.split(",")]


def shapes(words):
    """(kind, outputs, inputs, ...) of every layer, the last one with 10 outputs added; images of 28 x 28."""
    shape, layers = (1, 28, 28), []
    for word in [*words, "fc 10"]:
        if pool := re.match(r"pool (\d+)$", word):
            layers[-1]["pool"] = int(pool[1])
            shape = (shape[0], shape[1] // int(pool[1]), shape[2] // int(pool[1]))
        elif conv := re.match(r"conv (\d+) kernel (\d+)(?: padding (\d+))?$", word):
            outputs, kernel, padding = int(conv[1]), int(conv[2]), int(conv[3] or 0)
            layers.append(dict(shape=shape, kernel=kernel, padding=padding, pool=1, size=(outputs, shape[0] * kernel**2)))
            shape = (outputs, *(side + 2 * padding - kernel + 1 for side in shape[1:]))
        else:
            outputs = int(word.split()[1])
            layers.append(dict(size=(outputs, int(numpy.prod(shape)))))
            shape = (outputs, 1, 1)
    return layers


def build(words, parts):
    """`parts`: (weights, bias) of every layer, in any shape."""
    layers, kinds = [], dict(fc=0, conv=0)
    given = shapes(words)
    for number, (layer, (weights, bias)) in enumerate(zip(given, parts)):
        size = layer.pop("size")
        kind = "conv" if "kernel" in layer else "fc"
        kinds[kind] += 1
        name, matrix = f"{kind}{kinds[kind]}", numpy.asarray(weights, dtype=float).reshape(size)
        bias = numpy.asarray(bias, dtype=float)
        layers.append(Convolution(name, matrix, bias, **layer) if layer else Dense(name, matrix, bias, number + 1 < len(given)))
    return Network(layers)


def first_network(words, seed):
    """Uniform in +-1/sqrt(inputs), weights before biases, kept in single precision."""
    parts = []
    for number, layer in enumerate(shapes(words)):
        outputs, inputs = layer["size"]
        values = (2.0 * philox.Stream(seed, "initial_weights", number).uniform(outputs * (inputs + 1)) - 1.0) / numpy.sqrt(inputs)
        values = values.astype("f4")
        parts.append((values[:outputs * inputs], values[outputs * inputs:]))
    return build(words, parts)


class Run:
    """A replica of an open results file."""

    def __init__(self, file, root, number=0):
        self.file, self.row = file, {name: column(data)[number] for name, data in file["grid"].items()}
        self.config = tomllib.loads(file.attrs["config"])
        self.replica = file[f"replica/{number:06d}"]
        data = self.config["data"]
        self.images, self.labels = read_images(root / data["name"], "train", data["train_limit"])
        self.test_images, self.test_labels = read_images(root / data["name"], "t10k", data["test_limit"])
        self.words = layer_words(self.row["architecture"], self.row)
        names = [name for name in self.layer_names()]
        self.network = build(self.words, [(self.replica[f"weights/{n}"][()], self.replica[f"weights/{n}_bias"][()]) for n in names])
        self.first_epoch, self.epochs = self.config["window"]["opens_at_epoch"], self.config["window"]["length_epochs"]
        self.batch, self.rate, self.seed = int(self.row["batch_size"]), float(self.row["learning_rate"]), int(self.row["seed"])
        self.sampling, self.optimizer = self.row["sampling"], self.row["optimizer"]
        self.beta = self.config["train"]["momentum"] if self.optimizer in ("momentum", "nesterov") else 0.0
        self.iterations = len(self.labels) // self.batch
        self.analysed = self.config["pca"]["layers"]

    def layer_names(self):
        counts = dict(fc=0, conv=0)
        for layer in shapes(self.words):
            kind = "conv" if "kernel" in layer else "fc"
            counts[kind] += 1
            yield f"{kind}{counts[kind]}"

    def order(self, epoch, seed=None):
        return philox.order_of_epoch(self.sampling, len(self.labels), self.batch, self.seed if seed is None else seed, epoch)

    def window_order(self, seed=None):
        """All minibatches of the window, in order."""
        return numpy.concatenate([self.order(self.first_epoch + epoch, seed) for epoch in range(self.epochs)])

    def along(self, gradient, velocity):
        """What the step goes along, where it is linear in the gradients; `velocity` holds this gradient already."""
        return gradient + self.beta * velocity if self.optimizer == "nesterov" else velocity

    def solution(self, layer):
        return self.network.layers[self.network.index(layer)].weights.ravel()

    def line(self, layer, direction, samples=slice(None)):
        """The loss of some samples along a direction from the solution. The program probes directions in single precision."""
        direction = direction.astype("f4").astype(float)
        return Line(self.network, self.network.index(layer), self.images[samples], self.labels[samples], direction)

    def retrain(self):
        """Trains once more in double precision. Returns rows of the curves, and all weights after every iteration."""
        trainer = Trainer(self)
        return [trainer.epoch(number) for number in range(self.first_epoch + self.epochs)], trainer.trajectory


class Trainer:
    def __init__(self, run):
        self.run, self.network = run, first_network(run.words, run.seed)
        self.w = self.network.flat()
        self.m, self.v, self.steps, self.previous = numpy.zeros(self.w.size), numpy.zeros(self.w.size), 0, None
        self.trajectory = [self.w.copy()]

    def epoch(self, number):
        """Mean gradient norm and mean cosine of consecutive gradients."""
        norms, cosines = [], []
        for samples in self.run.order(number):
            g, _ = mean_gradient(self.network.at(self.w), self.run.images[samples], self.run.labels[samples])
            norms.append(numpy.linalg.norm(g))
            if self.previous is not None:
                cosines.append(g @ self.previous / (norms[-1] * numpy.linalg.norm(self.previous)))
            self.previous = g
            self.step(g)
            self.trajectory.append(self.w.copy())
        return numpy.mean(norms), numpy.mean(cosines)

    def step(self, g):
        self.steps += 1
        if self.run.optimizer == "adam":
            options = self.run.config["train"]
            b1, b2 = options["adam_beta1"], options["adam_beta2"]
            self.m = b1 * self.m + (1.0 - b1) * g
            self.v = b2 * self.v + (1.0 - b2) * g**2
            change = self.m / (1.0 - b1**self.steps) / (numpy.sqrt(self.v / (1.0 - b2**self.steps)) + options["adam_epsilon"])
        else:
            self.m = self.run.beta * self.m + g
            change = self.run.along(g, self.m)
        self.w = self.w - self.run.rate * change
