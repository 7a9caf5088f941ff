"""Records the training of a PyTorch network for `flatsweep analyse`; docs/own-networks.md describes the file."""
from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, Sequence

import h5py
import numpy as np
import torch

from .spool import BLOCK_BYTES, Spool
from .torch_layers import Chain, UnsupportedNetwork
from .torch_trace import find_layers

__all__ = ["Recorder", "UnsupportedNetwork"]

FORMAT, VERSION = "flatsweep-recording", 1
LOSSES = {torch.nn.CrossEntropyLoss: "cross-entropy", torch.nn.NLLLoss: "cross-entropy", torch.nn.MSELoss: "square"}


def _optimizer_facts(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """What is the same for all parameters; what is not, nobody can tell for a layer."""
    groups = optimizer.param_groups

    def common(key: str) -> Any:
        values = {json.dumps(group.get(key), default=str) for group in groups}
        return json.loads(values.pop()) if len(values) == 1 else None

    kind = type(optimizer).__name__.lower()
    if kind == "sgd" and common("momentum"):
        kind = "nesterov" if common("nesterov") else "momentum"
    facts = {"optimizer": kind, "momentum": common("momentum"), "dampening": common("dampening"),
             "weight_decay": common("weight_decay"), "adam_epsilon": common("eps")}
    facts["adam_beta1"], facts["adam_beta2"] = common("betas") or (None, None)
    return {name: value for name, value in facts.items() if value is not None}


def _learning_rate(optimizer: torch.optim.Optimizer | None) -> float:
    """NaN where it is not known, or not the same for all parameters."""
    rates = {group["lr"] for group in optimizer.param_groups} if optimizer is not None else set()
    return float(rates.pop()) if len(rates) == 1 else float("nan")


def _loss_name(loss: str | torch.nn.Module | None) -> str | None:
    if loss is None or loss in LOSSES.values():
        return loss
    for kind, name in LOSSES.items():
        if isinstance(loss, kind):
            return name
    raise ValueError(f"loss = {loss!r} must be 'cross-entropy', 'square', or a loss of torch.nn of that kind")


class Recorder:
    """Keeps the weights of `model` after each `every`-th step, and writes them to `path` when it is closed.

        with flatsweep.Recorder(model, "run.h5", optimizer, batch_size=50) as recorder:
            for inputs, labels in batches:
                ...
                optimizer.step()
                recorder.step()

    layers: those whose trajectory is kept, by flatsweep's names (fc1, conv1) or the model's; all by default. Of the
    others the weights at the last snapshot are kept. What is not given is absent from the file, and so is what follows
    from it in an analysis.

    The first step() runs the model once to find its layers, with four random samples of the shape that it was last
    called with; it raises UnsupportedNetwork, naming the module, where flatsweep cannot represent the model. Each other
    step costs one copy of the weights. An exception in the block leaves no file.
    """

    def __init__(self, model: torch.nn.Module, path: str | os.PathLike[str],
                 optimizer: torch.optim.Optimizer | None = None, batch_size: int | None = None, every: int = 1,
                 layers: Sequence[str] | None = None, loss: str | torch.nn.Module | None = None) -> None:
        for name, value in (("batch_size", batch_size), ("every", every)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} = {value!r} must be a whole number of 1 or more")
        self.model, self.path = model, Path(path)
        if not self.path.absolute().parent.is_dir():
            raise FileNotFoundError(f"{self.path.absolute().parent} is no folder; make it before recording")
        self.optimizer, self.batch_size, self.every, self.loss = optimizer, batch_size, every, _loss_name(loss)
        self.wanted = layers
        self.chain: Chain | None = None
        self.spool: Spool | None = None
        self.steps, self.closed = 0, False
        self.at: list[int] = []
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.shape: tuple[int, ...] | None = None
        self.hook = model.register_forward_pre_hook(self._see_inputs)

    def step(self, loss: float | torch.Tensor | None = None) -> None:
        """To be called after optimizer.step(). loss: of the minibatch, a number that is kept beside the snapshot."""
        if self.closed:
            raise RuntimeError("the recorder is closed; make another one with another path")
        if self.chain is None:
            self._begin()
        self.steps += 1
        if self.steps % self.every == 0:
            self._keep(loss)

    def close(self) -> None:
        """Writes the file: under a name of its own first, so that `path` is never half."""
        if self.closed:
            return
        if self.chain is None:
            self._begin()
        if not self.at:
            self._copy()
        rows = self.spool.finish()
        self._end()
        partial = self.path.with_name(f"{self.path.name}.partial-{secrets.token_hex(8)}")
        try:
            with h5py.File(partial, "x") as file:
                self._write(file, rows)
            _publish(partial, self.path)
        finally:
            partial.unlink(missing_ok=True)
            self.spool.file.close()

    def abandon(self) -> None:
        """Ends without a file."""
        if not self.closed:
            self._end()
            if self.spool is not None:
                self.spool.abandon()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close() if kind is None else self.abandon()

    def _see_inputs(self, _: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.shape = tuple(inputs[0].shape[1:])
        self.hook.remove()

    def _end(self) -> None:
        self.closed = True
        self.hook.remove()

    def _begin(self) -> None:
        self.hook.remove()
        self.shape = self.shape or self._guess_shape()
        self.chain = find_layers(self.model, self.shape)
        self.kept = self._choose()
        self.latest = [(weight.cpu().clone(), bias.cpu().clone())
                       for weight, bias in (layer.weights() for layer in self.chain.layers)]
        first = self.latest[0][0]
        self.dtype = np.float64 if first.dtype == torch.float64 else np.float32
        width = sum(self.latest[i][0].numel() for i in self.kept)
        self.spool = Spool(self.path.absolute().parent, width, self.dtype)

    def _guess_shape(self) -> tuple[int, ...]:
        """Of a model that has not been called: a fully connected first layer says it itself."""
        first = next((m for m in self.model.modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d))), None)
        if not isinstance(first, torch.nn.Linear):
            raise RuntimeError("call the model once before the first step() of the recorder: the size of its images is "
                               "not known")
        return (first.in_features,)

    def _choose(self) -> list[int]:
        layers = self.chain.layers
        if self.wanted is None:
            return list(range(len(layers)))
        names = {key: i for i, layer in enumerate(layers) for key in (layer.path, layer.name)}
        unknown = [name for name in self.wanted if name not in names]
        if unknown:
            raise ValueError(f"layers: there is no {unknown[0]!r}; the layers are "
                             + ", ".join(f"{layer.name} ({layer.path})" for layer in layers))
        return sorted({names[name] for name in self.wanted})

    @torch.no_grad()
    def _copy(self, row: torch.Tensor | None = None) -> None:
        """The weights of now: those with a trajectory into `row`, where there is one, all else into `latest`."""
        begin = 0
        for i, (layer, (weight, bias)) in enumerate(zip(self.chain.layers, self.latest)):
            new_weight, new_bias = layer.weights()
            bias.copy_(new_bias)
            if row is None or i not in self.kept:
                weight.copy_(new_weight)
            else:
                row[begin:begin + weight.numel()].view_as(weight).copy_(new_weight)
                begin += weight.numel()

    def _keep(self, loss: float | torch.Tensor | None) -> None:
        self._copy(torch.from_numpy(self.spool.row()))
        self.at.append(self.steps)
        self.rates.append(_learning_rate(self.optimizer))
        self.losses.append(float("nan") if loss is None else float(loss))

    def _write(self, file: h5py.File, rows: np.ndarray) -> None:
        layers = self.chain.layers
        file.attrs.update({
            "format": FORMAT, "format_version": VERSION, "torch": str(torch.__version__), "every": self.every,
            "steps": self.steps, "snapshots": len(self.at), "input_shape": json.dumps(self.shape),
            "architecture": json.dumps(self.chain.architecture()), "outputs": layers[-1].module.out_features,
            "layers": json.dumps([layer.name for layer in layers]),
            "modules": json.dumps([layer.path for layer in layers]),
            "activations": json.dumps([layer.activation for layer in layers]), "notes": json.dumps(self.chain.notes)})
        given = {"batch_size": self.batch_size, "loss": self.loss}
        if self.optimizer is not None:
            given.update(_optimizer_facts(self.optimizer))
        file.attrs.update({name: value for name, value in given.items() if value is not None})
        if self.at:
            self._write_snapshots(file, rows)
        for layer, (weight, bias) in zip(layers, self.latest):
            file[f"weights/{layer.name}"] = weight.numpy()
            file[f"weights/{layer.name}_bias"] = bias.numpy()

    def _write_snapshots(self, file: h5py.File, rows: np.ndarray) -> None:
        file["step"] = np.array(self.at, np.int64)
        for name, values in (("learning_rate", self.rates), ("minibatch_loss", self.losses)):
            if not np.all(np.isnan(values)):
                file[name] = np.array(values)
        begin = 0
        for i in self.kept:
            weight = self.latest[i][0]
            width = weight.numel()
            weight.copy_(torch.from_numpy(np.array(rows[-1, begin:begin + width])).view_as(weight))
            target = file.create_dataset(f"trajectory/{self.chain.layers[i].name}", (len(rows), width), self.dtype)
            block = max(1, BLOCK_BYTES // (width * target.dtype.itemsize))
            for first in range(0, len(rows), block):
                target[first:first + block] = rows[first:first + block, begin:begin + width]
            begin += width


def _publish(partial: Path, path: Path) -> None:
    with open(partial, "rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)
    folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
