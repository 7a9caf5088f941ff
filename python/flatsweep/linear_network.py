"""What SGD does to a linear network of two layers, f = V W x, about a minimum of the square loss, in closed form.

Inputs are white, residuals are independent of them and of variance s^2 in every output. The Hessian is J^T J, J the derivative of V W by
all weights, and the noise of a minibatch's gradient s^2/B times it. A mode of J, output k of V = sum_k v_k a_k g_k^T and input l of
W = sum_l w_l h_l x_l^T, has the curvature mu = v_k^2 + w_l^2, of which the second layer has w_l^2, along a_k h_l^T, and the first v_k^2,
along g_k x_l^T. So the variance of a mode is shared by the layers in proportion to the curvature that each has of it.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import numpy as np

from . import names
from .results import NotInFile, text

if TYPE_CHECKING:
    from .results import Results

SAMPLINGS = ("with-replacement", "reshuffle")


class TwoLayers:
    """The modes of V W; `first`: W (hidden, inputs), `second`: V (outputs, hidden)."""

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        left, values, right = np.linalg.svd(np.asarray(second, float))
        self.output, self.behind = left, right  # a_k in columns, g_k in rows
        before, others, inputs = np.linalg.svd(np.asarray(first, float))
        self.hidden, self.input = before, inputs  # h_l in columns, x_l in rows
        self.of_second = padded(others, len(inputs)) ** 2  # w_l^2, the second layer's curvatures
        self.of_first = padded(values, len(left)) ** 2  # v_k^2, the first layer's
        self.curvature = self.of_first[:, np.newaxis] + self.of_second  # mu (outputs, inputs)

    def variance(self, layer: int, vectors: np.ndarray, of_mode: np.ndarray) -> np.ndarray:
        """Variance along each row of `vectors`, directions of the weights of layer 1 or 2, where a mode has `of_mode` (outputs, inputs)."""
        own = self.of_second if layer == 2 else self.of_first[:, np.newaxis]
        share = np.divide(own, self.curvature, out=np.zeros_like(self.curvature), where=self.curvature > 0)
        left, right = (self.output.T, self.hidden) if layer == 2 else (self.behind, self.input.T)
        along = left @ vectors.reshape(len(vectors), left.shape[1], right.shape[0]) @ right
        rows, columns = min(along.shape[1], share.shape[0]), min(along.shape[2], share.shape[1])
        return np.einsum("nkl,kl->n", along[:, :rows, :columns] ** 2, (share * of_mode)[:rows, :columns])


def padded(values: np.ndarray, count: int) -> np.ndarray:
    """Singular values, with zeros for the null space."""
    return np.concatenate([values, np.zeros(count - len(values))])


def window_variance(curvature: float, noise: float, learning_rate: float, epoch: int, window: int, sampling: str) -> float:
    """Variance, the window's mean taken out, of theta <- theta - alpha (curvature theta + xi), stationary, in a window of whole epochs.

    `noise`: <xi^2>; `epoch`, `window`: iterations. Of `sampling` "reshuffle" an epoch's noise adds up to 0.
    """
    if sampling not in SAMPLINGS:
        raise ValueError(f"no variance is known for {sampling}; it is for {' and '.join(SAMPLINGS)}")
    decay = 1 - learning_rate * curvature
    bridged = sampling == "reshuffle"
    noise *= learning_rate**2 * (epoch / (epoch - 1) if bridged else 1)
    powers = decay ** np.arange(epoch)
    sums, squares = np.cumsum(powers), np.cumsum(powers**2)
    gained = noise * (squares - bridged * sums**2 / epoch)  # within an epoch, after each of its steps
    start = gained[-1] / (1 - decay ** (2 * epoch))
    position = start * decay ** (2 * np.arange(1, epoch + 1)) + gained
    left = np.cumsum(decay ** np.arange(window))[::-1]  # what each step's noise adds to the sum of the snapshots behind it
    of_mean = noise * (np.sum(left**2) - bridged * np.sum(left.reshape(-1, epoch).sum(axis=1) ** 2) / epoch)
    return float(position.mean() - (of_mean + start * (decay * left[0]) ** 2) / window**2)


def coupled_variance(results: Results, replica: int, layer: str, basis: str) -> np.ndarray:
    """Variance in the window along the directions of bases/<layer>/<basis>, from the weights at its end and the layer's noise.

    The noise is s^2/B = u^T C_B u/(u^T H u), the median over the directions, which is one number where the closed form holds.
    """
    check(results, replica)
    group = results.group(f"{names.replica_path(replica)}/bases/{layer}/{basis}")
    weights = results.group(f"{names.replica_path(replica)}/weights")
    modes = TwoLayers(weights.array("fc1"), weights.array("fc2"))
    curved = group.array("loss_curvature") > 0
    noise = np.nanmedian(group.array("noise_variance")[curved] / group.array("loss_curvature")[curved])
    window = int(group.number("window_iterations"))
    epoch = window // tomllib.loads(text(results.file.attrs["config"]))["window"]["length_epochs"]
    rate, sampling = float(results.grid["learning_rate"][replica]), str(results.grid["sampling"][replica])
    of_mode = [window_variance(mu, noise * mu, rate, epoch, window, sampling) if mu > 0 else 0.0 for mu in modes.curvature.ravel()]
    return modes.variance(int(layer.removeprefix("fc")), group.array("vectors"), np.reshape(of_mode, modes.curvature.shape))


def check(results: Results, replica: int) -> None:
    """Raises NotInFile where the closed form is not that of the network."""
    wanted = {"activation": "identity", "loss": "square", "optimizer": "sgd", "hidden_layers": 1, "architecture": "mlp"}
    for name, value in wanted.items():
        found = results.grid[name][replica] if name in results.grid else None
        if found != value:
            raise NotInFile(f"the closed form is known for {name} = {value} alone, not for {found}")
    if str(results.grid["sampling"][replica]) not in SAMPLINGS:
        raise NotInFile(f"the closed form is known for the samplings {' and '.join(SAMPLINGS)} alone")
