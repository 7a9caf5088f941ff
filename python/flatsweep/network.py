"""The trained network outside of flatsweep: weights in PyTorch's layout, and the network itself."""

from __future__ import annotations

import collections
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .analysis import Analysis
from .results import MLP, ResultsError

if TYPE_CHECKING:
    import torch

# The architectures that have a name, as docs/configuration.md spells them out.
NAMED = {"cnn-s1b": "conv 16 kernel 3 padding 1, pool 2, conv 32 kernel 5 padding 2, pool 2",
         "lenet5": "conv 6 kernel 5, pool 2, conv 16 kernel 5, pool 2, fc 120, fc 84"}
ACTIVATIONS = {"relu": "ReLU", "leaky-relu": "LeakyReLU", "tanh": "Tanh", "sigmoid": "Sigmoid", "gelu": "GELU", "silu": "SiLU",
               "identity": "Identity"}
LAYER = re.compile(r"(?P<kind>conv|pool|average-pool|fc|global-average-pool)(?: (?P<size>\d+))?(?: kernel (?P<kernel>\d+))?"
                   rf"(?: stride (?P<stride>\d+))?(?: padding (?P<padding>\d+))?(?: (?P<activation>{'|'.join(ACTIVATIONS)}))?")
SIZES = {"size": 0, "kernel": 0, "stride": 1, "padding": 0}
WEIGHT = re.compile(r"(?P<layer>(?:fc|conv)\d+)(?P<bias>_bias)?")


def units(weights: Any) -> str:
    """The units of an MLP's layers, its inputs first: "784-30-30-10"; "" where `weights`, {name: data set}, holds no such layers."""
    shapes = {int(match[1]): data.shape for name, data in weights.items() if (match := re.fullmatch(r"fc(\d+)", name)) and len(data.shape or ()) == 2}
    if sorted(shapes) != list(range(1, len(shapes) + 1)) or not shapes:
        return ""
    return "-".join(map(str, (shapes[1][1], *(shapes[number][0] for number in sorted(shapes)))))


def state(weights: Analysis) -> dict[str, np.ndarray]:
    """The group `weights`: {"fc1.weight": (outputs, inputs), "fc1.bias": (outputs,), ...}, forward."""
    found = {}
    for name in weights.arrays:
        match = WEIGHT.fullmatch(name)
        if match:  # else the scale of an axis
            found[match["layer"] + (".bias" if match["bias"] else ".weight")] = weights[name]
    return dict(sorted(found.items(), key=forward))


def forward(item: tuple[str, np.ndarray]) -> tuple[bool, int, bool]:
    """Convolutions stand before fully connected layers, a layer's weights before its biases."""
    match = re.fullmatch(r"([a-z]+)(\d+)\.(\w+)", item[0])
    assert match is not None
    return match[1] == "fc", int(match[2]), match[3] == "bias"


def layers(architecture: str, weights: dict[str, np.ndarray], activation: str = "relu") -> list[tuple[str, dict[str, int], str]]:
    """(kind, sizes, activation) from the input on, the last fully connected layer included.

    >>> [(kind, activation) for kind, sizes, activation in layers("conv 4 kernel 5 stride 2, pool 2, fc 7 gelu", {}, "tanh")]
    [('conv', 'tanh'), ('pool', 'tanh'), ('fc', 'gelu'), ('fc', 'identity')]
    >>> layers("conv 4 kernel 5 stride 2", {})[0][1]
    {'size': 4, 'kernel': 5, 'stride': 2, 'padding': 0}
    """
    if architecture == MLP:
        hidden = sum(name.endswith(".weight") for name in weights) - 1
        words = ["fc 0"] * hidden
    else:
        words = NAMED.get(architecture, architecture).split(", ")
    matches = [LAYER.fullmatch(word) for word in [*words, "fc 0 identity"]]
    if None in matches or activation not in ACTIVATIONS:
        raise ResultsError(f"the architecture {architecture!r} is not known; this flatsweep knows {MLP}, {', '.join(NAMED)} and "
                           "lists of layers: a newer one may know more")
    return [(match["kind"], {key: int(match[key] or usual) for key, usual in SIZES.items()}, match["activation"] or activation)
            for match in matches if match]


def sequential(architecture: str, weights: dict[str, np.ndarray], activation: str = "relu") -> torch.nn.Sequential:
    """The network with these weights; modules have the layers' names, so that its state_dict is `weights`."""
    try:
        import torch
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch (Debian: python3-torch)") from error
    modules = collections.OrderedDict(named_modules(layers(architecture, weights, activation), weights, torch.nn))
    network = torch.nn.Sequential(modules)
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in weights.items()})
    return network.eval()


def named_modules(specifications: list[tuple[str, dict[str, int], str]], weights: dict[str, np.ndarray], nn: Any) -> Any:
    """(name, module) of every layer; the sizes are those of the weights. An activation other than the identity stands behind its layer."""
    count: collections.Counter[str] = collections.Counter()
    flat = False
    for kind, sizes, activation in specifications:
        count[kind] += 1
        name = f"{kind}{count[kind]}".replace("-", "_")
        if kind in ("pool", "average-pool", "global-average-pool"):
            yield name, {"pool": nn.MaxPool2d, "average-pool": nn.AvgPool2d}.get(kind, nn.AdaptiveAvgPool2d)(sizes["size"] or 1)
            continue
        if kind == "fc" and not flat:
            yield "flatten", nn.Flatten()
            flat = True
        outputs, inputs = weights[name + ".weight"].shape[:2]
        yield name, (nn.Linear(inputs, outputs) if kind == "fc" else
                     nn.Conv2d(inputs, outputs, sizes["kernel"], stride=sizes["stride"], padding=sizes["padding"]))
        if activation != "identity":
            yield f"{activation.replace('-', '_')}_{name}", getattr(nn, ACTIVATIONS[activation])()
