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
LAYER = re.compile(r"(?P<kind>conv|pool|fc) (?P<size>\d+)(?: kernel (?P<kernel>\d+))?(?: padding (?P<padding>\d+))?")
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


def layers(architecture: str, weights: dict[str, np.ndarray]) -> list[tuple[str, dict[str, int]]]:
    """(kind, sizes) from the input on, the last fully connected layer included.

    >>> layers("conv 4 kernel 5, pool 2", {})
    [('conv', {'size': 4, 'kernel': 5, 'padding': 0}), ('pool', {'size': 2, 'kernel': 0, 'padding': 0}), ('fc', {'size': 0, 'kernel': 0, 'padding': 0})]
    """
    if architecture == MLP:
        hidden = sum(name.endswith(".weight") for name in weights) - 1
        words = ["fc 0"] * hidden
    else:
        words = NAMED.get(architecture, architecture).split(", ")
    matches = [LAYER.fullmatch(word) for word in [*words, "fc 0"]]
    if None in matches:
        raise ResultsError(f"the architecture {architecture!r} is not known; this flatsweep knows {MLP}, {', '.join(NAMED)} and "
                           "lists of layers: a newer one may know more")
    return [(match["kind"], {key: int(match[key] or 0) for key in ("size", "kernel", "padding")}) for match in matches if match]


def sequential(architecture: str, weights: dict[str, np.ndarray]) -> torch.nn.Sequential:
    """The network with these weights; modules have the layers' names, so that its state_dict is `weights`."""
    try:
        import torch
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch (Debian: python3-torch)") from error
    modules = collections.OrderedDict(named_modules(layers(architecture, weights), weights, torch.nn))
    modules.popitem()  # the ReLU behind the last layer
    network = torch.nn.Sequential(modules)
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in weights.items()})
    return network.eval()


def named_modules(specifications: list[tuple[str, dict[str, int]]], weights: dict[str, np.ndarray], nn: Any) -> Any:
    """(name, module) of every layer; the sizes are those of the weights. ReLU stands behind every layer that has weights."""
    count: collections.Counter[str] = collections.Counter()
    flat = False
    for kind, sizes in specifications:
        count[kind] += 1
        name = f"{kind}{count[kind]}"
        if kind == "pool":
            yield name, nn.MaxPool2d(sizes["size"])
            continue
        if kind == "fc" and not flat:
            yield "flatten", nn.Flatten()
            flat = True
        outputs, inputs = weights[name + ".weight"].shape[:2]
        yield name, nn.Linear(inputs, outputs) if kind == "fc" else nn.Conv2d(inputs, outputs, sizes["kernel"], padding=sizes["padding"])
        yield f"relu_{name}", nn.ReLU()
