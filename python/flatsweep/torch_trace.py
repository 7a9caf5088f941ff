"""Which modules of a PyTorch network run, in which order: it is run once, with hooks on them. The list of layers that
comes of it is believed only when it computes what the network does."""
from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .torch_layers import FUNCTIONS, Builder, Chain, UnsupportedNetwork


def run(chain: Chain, inputs: torch.Tensor) -> torch.Tensor:
    """What flatsweep computes with the list of layers."""
    out = inputs
    for layer in chain.layers:
        weight, bias = layer.weights()
        if layer.is_convolution:
            out = functional.conv2d(out, weight, bias, layer.module.stride, layer.module.padding)
        else:
            out = functional.linear(out.flatten(1), weight, bias)
        if layer.activation != "identity":
            out = FUNCTIONS[layer.activation](out)
        if layer.pool == "pool":
            out = functional.max_pool2d(out, layer.side)
        elif layer.pool == "average-pool":
            out = functional.avg_pool2d(out, layer.side)
        elif layer.pool:
            out = out.mean((2, 3))
    return out


class evaluation_mode:
    """The model in evaluation mode, without gradients; each module's mode comes back at the end."""

    def __init__(self, model: nn.Module) -> None:
        self.modes = [(module, module.training) for module in model.modules()]
        self.model, self.no_grad = model, torch.no_grad()

    def __enter__(self) -> None:
        self.model.eval()
        self.no_grad.__enter__()

    def __exit__(self, *error: object) -> None:
        self.no_grad.__exit__(*error)
        for module, mode in self.modes:
            module.training = mode


def _calls(model: nn.Module, inputs: torch.Tensor) -> tuple[list[tuple[str, nn.Module]], torch.Tensor]:
    """Modules without children in the order in which they are called, and what comes out at the end."""
    called: list[nn.Module] = []
    paths = {module: path for path, module in model.named_modules()}
    leaves = [module for module in paths if not list(module.children())]
    hooks = [leaf.register_forward_hook(lambda module, *_: called.append(module)) for leaf in leaves]
    try:
        out = model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [(paths[module], module) for module in called], out


def _check_parameters(model: nn.Module, chain: Chain) -> None:
    known = {id(p) for layer in chain.layers for part in (layer.module, layer.norm) if part for p in part.parameters()}
    for path, parameter in model.named_parameters():
        if id(parameter) not in known:
            raise UnsupportedNetwork(f"flatsweep cannot represent {path}: no layer of the list uses it")
        if parameter.dtype not in (torch.float32, torch.float64):
            raise UnsupportedNetwork(f"flatsweep cannot represent {path}: it is {parameter.dtype}; take float32 or 64")


def find_layers(model: nn.Module, shape: tuple[int, ...]) -> Chain:
    """The layers of `model` for inputs of `shape` (without the number of samples).

    Raises UnsupportedNetwork where flatsweep cannot represent it, or where its forward() does more than its modules.
    """
    first = next(model.parameters())
    inputs = torch.randn((4, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    inputs = inputs.to(first.device, first.dtype)
    with evaluation_mode(model):
        calls, expected = _calls(model, inputs)
        builder = Builder()
        for path, module in calls:
            builder.add(path, module)
        chain = builder.finish(model)
        _check_parameters(model, chain)
        out = run(chain, inputs)
        if builder.ended:
            out = functional.log_softmax(out, 1)
        # Rounding alone may differ: products in another order, normalisations folded.
        tolerance = 1e-4 * float(expected.abs().max())
        same = out.shape == expected.shape and torch.allclose(out, expected, rtol=1e-3, atol=tolerance)
    if not same:
        raise UnsupportedNetwork(
            "the model computes something else than its modules one after another: "
            + ", ".join(word for layer in chain.layers for word in layer.words())
            + "; write functions of forward() such as relu as modules, nn.ReLU(); flatsweep has no other connections")
    return chain
