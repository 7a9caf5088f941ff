#!/usr/bin/python3
"""Writes pytorch_cnn_reference.txt beside this file: an independent run of both convolutional networks.

cnn-s1b and lenet5 are trained by PyTorch in double precision at full size, 20 steps on minibatches of 50, from
weights and images that splitmix.hpp makes bit for bit alike; the file holds results and check sums only. After
each run the loss is followed along one direction of each convolution layer.

    /usr/bin/python3 tests/train/pytorch_cnn_reference.py        rewrites pytorch_cnn_reference.txt
"""

import collections
import math
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

SAMPLES, CLASSES, BATCH, STEPS = 500, 10, 50, 20
SQUARE = 4  # pixels of a side, in the images' patterns
SAMPLED = 8  # entries of each block of weights that are written
FARTHEST = 50.0  # a direction whose crossings lie farther out is passed over
Architecture = collections.namedtuple("Architecture", "planes layers")
ARCHITECTURES = {
    "cnn-s1b": Architecture((1, 28, 28), lambda: [
        ("conv1", nn.Conv2d(1, 16, 3, padding=1)), ("relu1", nn.ReLU()), ("pool1", nn.MaxPool2d(2)),
        ("conv2", nn.Conv2d(16, 32, 5, padding=2)), ("relu2", nn.ReLU()), ("pool2", nn.MaxPool2d(2)),
        ("flat", nn.Flatten()), ("fc1", nn.Linear(1568, 10))]),
    "lenet5": Architecture((3, 32, 32), lambda: [
        ("conv1", nn.Conv2d(3, 6, 5)), ("relu1", nn.ReLU()), ("pool1", nn.MaxPool2d(2)),
        ("conv2", nn.Conv2d(6, 16, 5)), ("relu2", nn.ReLU()), ("pool2", nn.MaxPool2d(2)),
        ("flat", nn.Flatten()), ("fc1", nn.Linear(400, 120)), ("relu3", nn.ReLU()),
        ("fc2", nn.Linear(120, 84)), ("relu4", nn.ReLU()), ("fc3", nn.Linear(84, 10))]),
}
# Max-pooling switches where two outputs tie within single precision's rounding; the loss of cnn-s1b then departs by up
# to 1e-4. Nine rates were tried with eight kinds of rounding each; at this one there was least of it.
RUNS = {
    "cnn-s1b/sgd": lambda p: torch.optim.SGD(p, lr=0.028),
    "lenet5/momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "lenet5/adam": lambda p: torch.optim.Adam(p, lr=0.001),
}
HEADER = f"""\
# Made by tests/train/pytorch_cnn_reference.py with PyTorch {torch.__version__}, float64. Do not edit; run the script.
# A record is a line "name d0 d1 ..." and a line with the values. Mean softmax cross-entropy; inputs are bytes / 255.
# cnn-s1b: conv 1->16 3x3 pad 1, ReLU, maxpool 2, conv 16->32 5x5 pad 2, ReLU, maxpool 2, fc 1568->10.
# lenet5: conv 3->6 5x5, ReLU, maxpool 2, conv 6->16 5x5, ReLU, maxpool 2, fc 400->120->84->10 with ReLU between.
# Weights, labels and images: streams 1, 2, 3 and 4 of splitmix.hpp; 500 images; step s uses minibatch s mod 10 of 50.
# sgd: alpha 0.028. momentum: v = 0.9 v + g, w -= 0.01 v. adam: alpha 0.001, betas 0.9 and 0.999, eps 1e-8.
# <network>/inputs: sum of all weights, of the pixel bytes, of (n + 1) label_n.
# <network>/<optimizer>/loss, gradient_norm: of each minibatch before its step; gradient_alignment: consecutive steps.
# first_gradient/<block>: sum of squares of the first step's gradient. <block>: conv1, conv1_bias, ...
# final/<block>: sum, sum of squares, and the entries floor(k size / 8), k = 0..7, after the last step.
# full_loss, full_error: over the 500 images at the final weights, as all that follows.
# flatness/<layer>: stream of the direction (splitmix_direction over the layer's weights), left and right crossing of
# ln L = ln L_0 + 1, slope and curvature of ln L at 0.
"""


# --- splitmix.hpp in numpy ---------------------------------------------------------------------------------


def splitmix64(stream, count):
    """The first `count` numbers of a stream."""
    z = (np.uint64(stream << 32) | np.arange(count, dtype=np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(stream, count):
    return (splitmix64(stream, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def square_of(planes):
    """For each pixel the index of the first pixel of its square of SQUARE x SQUARE."""
    channel, y, x = np.indices(planes)
    return np.ravel_multi_index((channel, y // SQUARE * SQUARE, x // SQUARE * SQUARE), planes).ravel()


def make_images(planes):
    """Black and white squares that depend on the class, under noise, so that 20 steps learn something; labels."""
    features = math.prod(planes)
    labels = np.floor(CLASSES * uniform(2, SAMPLES)).astype(np.int64)
    white = (splitmix64(3, CLASSES * features) >> np.uint64(63)).reshape(CLASSES, features)[:, square_of(planes)]
    noise = (splitmix64(4, SAMPLES * features) >> np.uint64(56)).reshape(SAMPLES, features)
    pixels = (np.uint64(3 * 255) * white[labels] + noise) // np.uint64(4)
    return torch.from_numpy(pixels.astype(np.float64)).reshape(SAMPLES, *planes), torch.from_numpy(labels)


def make_network(architecture):
    """The network with the weights of stream 1, rounded to single precision as ours are."""
    network = nn.Sequential(collections.OrderedDict(architecture.layers())).double()
    numbers = uniform(1, sum(p.numel() for p in network.parameters()))
    first = 0
    for layer in layers(network).values():
        bound = 2 / math.sqrt(layer.weight[0].numel())
        for parameter in (layer.weight, layer.bias):
            values = bound * (2 * numbers[first : first + parameter.numel()] - 1)
            parameter.data = torch.from_numpy(values.astype(np.float32).astype(np.float64)).reshape(parameter.shape)
            first += parameter.numel()
    return network


def make_direction(stream, shape):
    direction = torch.from_numpy(2 * uniform(stream, math.prod(shape)) - 1).reshape(shape)
    return direction / direction.norm()


def layers(network):
    """{name: layer} of the layers that have weights, in forward order."""
    return {name: layer for name, layer in network.named_children() if hasattr(layer, "weight")}


def blocks(network):
    """{conv1: weights, conv1_bias: biases, ...} in the order of the flat vector."""
    return {name + ending: parameter for name, layer in layers(network).items()
            for ending, parameter in (("", layer.weight), ("_bias", layer.bias))}


# --- training ----------------------------------------------------------------------------------------------


def train(network, optimizer, inputs, labels):
    """Losses and minibatch gradients of all steps, each taken before the update."""
    losses, gradients = [], []
    for step in range(STEPS):
        first = step * BATCH % SAMPLES
        batch = slice(first, first + BATCH)
        optimizer.zero_grad()
        loss = cross_entropy(network(inputs[batch]), labels[batch])
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
        optimizer.step()
    return torch.tensor(losses, dtype=torch.float64), torch.stack(gradients)


def summary(values):
    """Sum, sum of squares and a few entries of an array."""
    flat = values.detach().flatten()
    entries = flat[torch.arange(SAMPLED) * len(flat) // SAMPLED]
    return torch.cat([flat.sum().reshape(1), flat.square().sum().reshape(1), entries])


def training_records(network, optimizer, inputs, labels):
    """Trains and yields what the run showed; leaves the final weights in `network`."""
    sizes = [p.numel() for p in network.parameters()]
    losses, gradients = train(network, optimizer, inputs, labels)
    norms = gradients.norm(dim=1)
    yield "loss", losses
    yield "gradient_norm", norms
    yield "gradient_alignment", (gradients[:-1] * gradients[1:]).sum(1) / (norms[:-1] * norms[1:])
    for name, part in zip(blocks(network), gradients[0].split(sizes)):
        yield f"first_gradient/{name}", part.square().sum()
    for name, block in blocks(network).items():
        yield f"final/{name}", summary(block)
    with torch.no_grad():
        output = torch.cat([network(batch) for batch in inputs.split(BATCH)])
        yield "full_loss", cross_entropy(output, labels)
        yield "full_error", (output.argmax(1) != labels).double().mean()


# --- flatness ----------------------------------------------------------------------------------------------


def log_loss_along(network, name, direction, inputs, labels):
    """The function theta -> ln L(w_0 + theta direction): the layer's output is linear in theta."""
    place = list(dict(network.named_children())).index(name)
    layer, behind = network[place], network[place + 1 :]
    with torch.no_grad():
        before = [network[:place](batch) for batch in inputs.split(BATCH)]
        outputs = [layer(batch) for batch in before]
        changes = [nn.functional.conv2d(batch, direction, padding=layer.padding) for batch in before]

    def log_loss(theta):
        logits = [behind(output + theta * change) for output, change in zip(outputs, changes)]
        return cross_entropy(torch.cat(logits), labels).log()

    return log_loss


def crossing(level, sign):
    """Nearest root of `level` (below 0 at the origin) on the side `sign`; None when out to FARTHEST there is none."""
    inside, outside = 0.0, 0.02
    while level(sign * outside) < 0:
        inside, outside = outside, 1.1 * outside
        if inside > FARTHEST:
            return None
    while outside - inside > 1e-11:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if level(sign * middle) < 0 else (inside, middle)
    return sign * (inside + outside) / 2


def flatness_record(network, name, first_stream, inputs, labels):
    """Stream, left, right, slope, curvature; streams first_stream + 0, 10, 20, ... until both sides reach the level."""
    for stream in range(first_stream, first_stream + 100, 10):
        direction = make_direction(stream, getattr(network, name).weight.shape)
        log_loss = log_loss_along(network, name, direction, inputs, labels)
        theta = torch.zeros((), dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(log_loss(theta), theta, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, theta)
        with torch.no_grad():
            base = log_loss(0.0)
            sides = [crossing(lambda t: (log_loss(t) - base - 1).item(), sign) for sign in (-1, +1)]
        if None not in sides:
            return torch.tensor([stream, *sides, slope.item(), curvature.item()], dtype=torch.float64)
    raise RuntimeError(f"no direction of {name} reaches the level on both sides")


# --- the file ----------------------------------------------------------------------------------------------


def input_sums(network, images, labels):
    """What a test compares first: were the same weights, images and labels made?"""
    order = torch.arange(1, SAMPLES + 1)
    return torch.stack([sum(p.sum() for p in network.parameters()), images.sum(), (order * labels).sum().double()])


def run_records(run):
    """All records of one run, the inputs' sums first."""
    name = run.split("/")[0]
    images, labels = make_images(ARCHITECTURES[name].planes)
    network = make_network(ARCHITECTURES[name])
    yield f"{name}/inputs", input_sums(network, images, labels)
    for what, value in training_records(network, RUNS[run](network.parameters()), images / 255, labels):
        yield f"{run}/{what}", value
    for number, layer in enumerate(("conv1", "conv2"), start=1):
        yield f"{run}/flatness/{layer}", flatness_record(network, layer, 5 + number, images / 255, labels)


def write(path, records):
    with open(path, "w", encoding="ascii") as out:
        out.write(HEADER)
        for name, value in records.items():
            value = value.detach().double().reshape(-1)
            out.write(f"{name} {len(value)}\n")
            out.write(" ".join(f"{x:.17g}" for x in value.tolist()) + "\n")


def main():
    torch.set_num_threads(1)
    records = {}
    for run in RUNS:
        records.update(run_records(run))
    write(pathlib.Path(__file__).with_suffix(".txt"), records)


if __name__ == "__main__":
    main()
