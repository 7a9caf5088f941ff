#!/usr/bin/python3
"""Writes pytorch_reference.txt beside this file: an independent run that the C++ tests compare with.

A network 20-8-6-4 (ReLU, biases, mean softmax cross-entropy) is trained by PyTorch in double precision,
20 steps on consecutive minibatches of 10, from one start by four optimisers, without and with weight decay. After the plain run the
loss is followed along one fixed direction of fc2.

    /usr/bin/python3 tests/train/pytorch_reference.py        rewrites pytorch_reference.txt, the same bytes each time
"""

import math
import pathlib

import torch
from torch import nn

SIZES = (20, 8, 6, 4)
SAMPLES, CLASSES, BATCH, STEPS = 60, 4, 10, 20
SEED = 35  # of the first 250 the one that learns most in 20 plain steps
FARTHEST = 15.0  # a direction whose crossings lie farther out is passed over
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "decayed-sgd": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.05),
    "decayed-momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.05),
    "decayed-nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05),
    "decayed-adam": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.5),
}
HEADER = f"""\
# Made by tests/train/pytorch_reference.py with PyTorch {torch.__version__}, float64. Do not edit; run the script.
# A record is a line "name d0 d1 ..." and a line with the values, row-major. Weights are (out, in).
# Network 20-8-6-4, ReLU, biases, mean softmax cross-entropy. Inputs are images / 255.
# Step s uses samples 10 (s mod 6) to 10 (s mod 6) + 9. sgd: alpha 0.1. momentum: v = 0.9 v + g, w -= 0.1 v.
# nesterov: the same v, w -= 0.1 (g + 0.9 v). adam: alpha 0.01, betas 0.9 and 0.999, eps 1e-8.
# decayed-*: with weight decay 0.05, of adam, which is then AdamW, 0.5.
# <optimizer>/loss: minibatch loss before each step.
# full_error: fraction of samples misclassified at the final weights. flatness/*: along `direction` of fc2 at
# the final sgd weights: left and right crossings of ln L = ln L_0 + 1, slope and curvature of ln L at 0.
"""


def make_data(generator):
    """Bytes with class-dependent means, so that 20 steps learn something."""
    labels = torch.randint(CLASSES, (SAMPLES,), generator=generator)
    means = 255.0 * torch.randint(2, (CLASSES, SIZES[0]), generator=generator)
    noise = 30 * torch.randn(SAMPLES, SIZES[0], generator=generator, dtype=torch.float64)
    return (means[labels] + noise).round().clamp(0, 255), labels


def make_network(generator):
    network = nn.Sequential()
    for i, (fan_in, fan_out) in enumerate(zip(SIZES, SIZES[1:]), start=1):
        layer = nn.Linear(fan_in, fan_out).double()
        for parameter in (layer.weight, layer.bias):
            nn.init.zeros_(parameter)
            uniform = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.data = (2 * uniform - 1) / math.sqrt(fan_in)
        network.add_module(f"fc{i}", layer)
        if i < len(SIZES) - 1:
            network.add_module(f"relu{i}", nn.ReLU())
    return network


def weights(network, prefix):
    """Records prefix/fc1, prefix/fc1_bias, ... holding copies."""
    for name, value in network.named_parameters():
        layer, kind = name.split(".")
        yield f"{prefix}/{layer}{'_bias' if kind == 'bias' else ''}", value.detach().clone()


def train(network, optimizer, inputs, labels):
    """Losses and minibatch gradients of all steps, each taken before the update."""
    losses, gradients = [], []
    for step in range(STEPS):
        first = step * BATCH % SAMPLES
        batch = slice(first, first + BATCH)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(inputs[batch]), labels[batch])
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
        optimizer.step()
    return torch.tensor(losses, dtype=torch.float64), torch.stack(gradients)


def training_records(name, start, inputs, labels):
    """Runs one optimiser from the common start; yields its records, leaves the final weights in `start`."""
    losses, gradients = train(start, OPTIMIZERS[name](start.parameters()), inputs, labels)
    norms = gradients.norm(dim=1)
    yield f"{name}/loss", losses
    yield f"{name}/gradient_norm", norms
    yield f"{name}/gradient_alignment", (gradients[:-1] * gradients[1:]).sum(1) / (norms[:-1] * norms[1:])
    yield from weights(start, f"{name}/final")
    with torch.no_grad():
        output = start(inputs)
        yield f"{name}/full_loss", nn.functional.cross_entropy(output, labels).reshape(1)
        yield f"{name}/full_error", (output.argmax(1) != labels).double().mean().reshape(1)


def log_loss_along(network, direction, inputs, labels):
    """The function theta -> ln L(w_0 + theta direction), direction in the weights of fc2."""
    fc1, fc2, fc3 = network.fc1, network.fc2, network.fc3

    def log_loss(theta):
        hidden = torch.relu(fc1(inputs))
        hidden = torch.relu(nn.functional.linear(hidden, fc2.weight + theta * direction, fc2.bias))
        return nn.functional.cross_entropy(fc3(hidden), labels).log()

    return log_loss


def crossing(level, sign):
    """Nearest root of `level` (below 0 at the origin) on the side `sign`; None when out to FARTHEST there is none."""
    inside, step = 0.0, 0.01
    while level(sign * (inside + step)) < 0:
        inside += step
        if inside > FARTHEST:
            return None
    outside = inside + step
    while outside - inside > 1e-13:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if level(sign * middle) < 0 else (inside, middle)
    return sign * (inside + outside) / 2


def flatness_records(network, inputs, labels):
    """Tries direction seeds 0, 1, ... until both sides reach the level."""
    for seed in range(100):
        generator = torch.Generator().manual_seed(seed)
        direction = torch.randn(network.fc2.weight.shape, generator=generator, dtype=torch.float64)
        direction /= direction.norm()
        log_loss = log_loss_along(network, direction, inputs, labels)
        theta = torch.zeros((), dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(log_loss(theta), theta, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, theta)
        with torch.no_grad():
            level = lambda t: (log_loss(t) - log_loss(0.0) - 1).item()
            left, right = crossing(level, -1), crossing(level, +1)
        if left is not None and right is not None:
            return {"direction": direction, "left": left, "right": right, "slope": slope, "curvature": curvature}
    raise RuntimeError("no direction reaches the level on both sides")


def write(path, records):
    with open(path, "w", encoding="ascii") as out:
        out.write(HEADER)
        for name, value in records:
            value = torch.as_tensor(value, dtype=torch.float64).detach()
            value = value.reshape(1) if value.dim() == 0 else value
            out.write(" ".join([name, *map(str, value.shape)]) + "\n")
            out.write(" ".join(f"{x:.17g}" for x in value.flatten().tolist()) + "\n")


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(SEED)
    images, labels = make_data(generator)
    start = make_network(generator)
    state = {key: value.clone() for key, value in start.state_dict().items()}
    records = [("images", images), ("labels", labels), *weights(start, "initial")]
    for name in OPTIMIZERS:
        start.load_state_dict(state)
        records += training_records(name, start, images / 255, labels)
        if name == "sgd":
            flat = flatness_records(start, images / 255, labels)
            records += [(f"flatness/{key}", value) for key, value in flat.items()]
    write(pathlib.Path(__file__).with_suffix(".txt"), records)


if __name__ == "__main__":
    main()
