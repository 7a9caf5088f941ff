"""The list of layers of a PyTorch network, in flatsweep's words.

flatsweep runs convolutions and fully connected layers one after another, each with an activation and, behind a
convolution, a pool.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch
from torch import nn
from torch.nn import functional


class UnsupportedNetwork(ValueError):
    """flatsweep cannot represent the network; the message names the module."""


# Each activation with the arguments that flatsweep has; they grow with x or not, which says whether they may change
# places with the largest of several numbers.
ACTIVATIONS = {
    nn.ReLU: ("relu", functional.relu, True),
    nn.LeakyReLU: ("leaky-relu", functional.leaky_relu, True),
    nn.Tanh: ("tanh", torch.tanh, True),
    nn.Sigmoid: ("sigmoid", torch.sigmoid, True),
    nn.GELU: ("gelu", functional.gelu, False),
    nn.SiLU: ("silu", functional.silu, False),
}
FUNCTIONS = {name: function for name, function, _ in ACTIVATIONS.values()}
GROWING = {name for name, _, growing in ACTIVATIONS.values() if growing}
NOTHING_IN_EVALUATION = (nn.Identity, nn.Dropout, nn.Dropout2d)


@dataclass
class Layer:
    """One weight layer: then comes its activation, then its pool."""
    name: str  # fc1, fc2, ..., conv1, ...
    path: str  # of the module in the model
    module: nn.Module
    norm: nn.Module | None = None  # folded into the weights
    activation: str = "identity"
    pool: str = ""  # pool, average-pool, global-average-pool
    side: int = 0

    @property
    def is_convolution(self) -> bool:
        return isinstance(self.module, nn.Conv2d)

    def words(self) -> list[str]:
        """As `network.architecture` has it: one text, and one more for a pool."""
        if not self.is_convolution:
            return [f"fc {self.module.out_features}"]
        convolution = self.module
        text = f"conv {convolution.out_channels} kernel {convolution.kernel_size[0]}"
        if convolution.stride[0] != 1:
            text += f" stride {convolution.stride[0]}"
        if convolution.padding[0] != 0:
            text += f" padding {convolution.padding[0]}"
        pool = [f"{self.pool} {self.side}" if self.side else self.pool] if self.pool else []
        return [text] + pool

    def weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias that do what the layer and its normalisation do in evaluation mode."""
        weight, bias = self.module.weight.detach(), self.module.bias
        bias = weight.new_zeros(weight.shape[0]) if bias is None else bias.detach()
        if self.norm is None:
            return weight, bias
        scale = torch.rsqrt(self.norm.running_var + self.norm.eps)
        if self.norm.affine:
            scale = scale * self.norm.weight.detach()
        shift = self.norm.bias.detach() if self.norm.affine else 0.0
        shape = (-1,) + (1,) * (weight.dim() - 1)
        return weight * scale.reshape(shape), (bias - self.norm.running_mean) * scale + shift


@dataclass
class Chain:
    """The layers, and what a reader of numbers made with them should know."""
    layers: list[Layer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def architecture(self) -> list[str]:
        """flatsweep adds the output layer itself."""
        return [word for layer in self.layers[:-1] for word in layer.words()]


def _refuse(path: str, module: nn.Module, why: str) -> NoReturn:
    raise UnsupportedNetwork(f"flatsweep cannot represent {path or 'the model'} ({type(module).__name__}): {why}")


def _one(path: str, module: nn.Module, what: str, value: Any) -> int:
    """The number of a pair of equal ones."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(set(pair)) != 1 or not isinstance(pair[0], int):
        _refuse(path, module, f"{what} = {value} must be one number for rows and columns")
    return pair[0]


def _check_convolution(path: str, module: nn.Module) -> None:
    for what in ("kernel_size", "stride", "padding"):
        _one(path, module, what, getattr(module, what))
    if module.groups != 1 or set(module.dilation) != {1} or module.padding_mode != "zeros":
        _refuse(path, module, "groups, dilation and padding other than zeros are not known")


def _check_activation(path: str, module: nn.Module) -> None:
    if isinstance(module, nn.LeakyReLU) and module.negative_slope != 0.01:
        _refuse(path, module, f"its slope is {module.negative_slope}, and 0.01 is the one that is known")
    if isinstance(module, nn.GELU) and module.approximate != "none":
        _refuse(path, module, "its approximation by tanh is another function; take GELU()")


class Builder:
    """Takes modules in the order in which they run."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.counts = {"fc": 0, "conv": 0}
        self.ended: str | None = None

    def last(self, path: str, module: nn.Module) -> Layer:
        if not self.chain.layers:
            _refuse(path, module, "it stands before the first layer with weights")
        return self.chain.layers[-1]

    def add(self, path: str, module: nn.Module) -> None:
        if self.ended:
            _refuse(path, module, f"it stands behind {self.ended}, which must be the last")
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            self.add_layer(path, module)
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            self.add_norm(path, module)
        elif type(module) in ACTIVATIONS:
            self.add_activation(path, module)
        elif isinstance(module, (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)):
            self.add_pool(path, module)
        elif isinstance(module, nn.LogSoftmax):
            self.ended = path
            self.chain.notes.append(f"{path} (LogSoftmax) is a part of the cross-entropy")
        elif isinstance(module, NOTHING_IN_EVALUATION):
            if getattr(module, "p", 0.0) > 0.0:
                self.chain.notes.append(f"{path} ({type(module).__name__}) is left out, as in evaluation mode")
        elif not (isinstance(module, nn.Flatten) and module.start_dim == 1 and module.end_dim == -1):
            _refuse(path, module, "there is no such layer; see docs/own-networks.md")

    def add_layer(self, path: str, module: nn.Module) -> None:
        kind = "conv" if isinstance(module, nn.Conv2d) else "fc"
        if kind == "conv":
            _check_convolution(path, module)
            if self.counts["fc"]:
                _refuse(path, module, "it stands behind a fully connected layer")
        if any(layer.module is module for layer in self.chain.layers):
            _refuse(path, module, "it is used twice, with the same weights")
        self.counts[kind] += 1
        if module.bias is None:
            self.chain.notes.append(f"{path} has no biases; they are 0")
        self.chain.layers.append(Layer(f"{kind}{self.counts[kind]}", path, module))

    def add_norm(self, path: str, module: nn.Module) -> None:
        layer = self.last(path, module)
        if layer.norm is not None or layer.activation != "identity" or layer.pool:
            _refuse(path, module, f"only right behind a layer with weights can it be folded into them; {layer.path} is "
                                  "followed by something else")
        if not module.track_running_stats:
            _refuse(path, module, "without running means it depends on the other samples of a minibatch")
        layer.norm = module
        self.chain.notes.append(f"{path} ({type(module).__name__}) is folded into {layer.path}, as in evaluation mode: "
                                f"weights and trajectory of {layer.name} are the folded ones")

    def add_activation(self, path: str, module: nn.Module) -> None:
        _check_activation(path, module)
        layer, name = self.last(path, module), ACTIVATIONS[type(module)][0]
        if layer.activation != "identity":
            _refuse(path, module, f"{layer.path} has the activation {layer.activation} already")
        if layer.pool and not (layer.pool == "pool" and name in GROWING):
            _refuse(path, module, f"it stands behind the pool of {layer.path}; exchange the two")
        layer.activation = name

    def add_pool(self, path: str, module: nn.Module) -> None:
        layer = self.last(path, module)
        if not layer.is_convolution or layer.pool:
            _refuse(path, module, f"a pool stands behind a convolution, one for each; it follows {layer.path}")
        if isinstance(module, nn.AdaptiveAvgPool2d):
            if _one(path, module, "output_size", module.output_size) != 1:
                _refuse(path, module, "only output_size = 1, the mean of all places, is known")
            layer.pool = "global-average-pool"
            return
        side = _one(path, module, "kernel_size", module.kernel_size)
        stride, padding = (_one(path, module, what, getattr(module, what)) for what in ("stride", "padding"))
        dilated = getattr(module, "dilation", 1) not in (1, (1, 1)) or getattr(module, "divisor_override", None)
        if stride != side or padding != 0 or dilated or module.ceil_mode:
            _refuse(path, module, "its squares must lie side by side: stride = kernel_size, padding = 0, no ceil_mode")
        layer.pool, layer.side = ("pool" if isinstance(module, nn.MaxPool2d) else "average-pool"), side

    def finish(self, model: nn.Module) -> Chain:
        if not self.chain.layers or self.chain.layers[-1].is_convolution:
            _refuse("", model, "its last layer must be fully connected (Linear)")
        last = self.chain.layers[-1]
        if last.activation != "identity":
            _refuse(last.path, last.module, f"it is the output layer, and {last.activation} stands behind it")
        return self.chain
