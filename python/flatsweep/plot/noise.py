"""Figure S15: full-batch gradient descent with noise of several shapes, beside SGD."""

import numpy as np

from . import style
from ..results import NotInFile

NAMES = {"sgd": "SGD", "gd": "GD", "flatness-detecting": r"GD, flatness-detecting noise", "isotropic": "GD, isotropic noise",
         "diagonal": "GD, diagonal noise"}


def runs(results):
    """{(method, sigma_n, alpha): its finished replicas}, in grid order."""
    grid = results.grid
    if "noise_method" not in grid:
        raise NotInFile("the file is not of the study \"noise\"")
    found = {}
    for replica in results.done():
        key = grid["noise_method"][replica], grid["noise_amplitude"][replica], grid["learning_rate"][replica]
        found.setdefault(key, []).append(replica)
    return found


def curves(results, replicas, name):
    """One number by epoch, an array for each seed: a loss that is reached ends a training."""
    return [results.group(f"replica/{replica:06d}/training").array(name) for replica in replicas]


def label(key, found):
    method, sigma, rate = key
    words = [NAMES.get(method, method)]
    if sigma > 0 and len({other[1] for other in found if other[0] == method}) > 1:
        words.append(rf"$\sigma_n$ = {sigma:g}")
    if len({other[2] for other in found if other[0] == method}) > 1:
        words.append(rf"$\alpha$ = {rate:g}")
    return ", ".join(words)


def figS15(subject):
    """Training loss and test error against epochs, and test error against training loss (dots: the end); means over
    seeds.
    """
    found = runs(subject.results)
    figure, (loss, error, equal) = style.axes(height=2.9, width=style.PAGE, ncols=3)
    for number, (key, replicas) in enumerate(found.items()):
        draw_run(subject.results, (loss, error, equal), number, replicas, label(key, found))
    loss.set(xscale="log", yscale="log", xlabel="epochs", ylabel="training loss")
    error.set(xscale="log", yscale="log", xlabel="epochs", ylabel="test error (%)")
    equal.set(xscale="log", yscale="log", xlabel="training loss", ylabel="test error (%)")
    equal.invert_xaxis()
    loss.legend(fontsize=5.5, loc="lower left")
    figure.suptitle(subject.common("all layers trained"), fontsize=8)
    return figure


def draw_run(results, panels, number, replicas, name):
    """The mean over seeds, as long as all go on; an epoch of gradient descent is one step, one of SGD many."""
    loss, error = curves(results, replicas, "train_loss"), curves(results, replicas, "test_error")
    ends = np.array([[losses[-1], 100 * errors[-1]] for losses, errors in zip(loss, error)])
    shortest = min(map(len, loss))
    loss, error = (np.mean([seed[:shortest] for seed in seeds], axis=0) for seeds in (loss, error))
    colour = style.colour(number)
    epoch = np.arange(1, shortest + 1)
    keep = np.unique(np.geomspace(1, shortest, 400).astype(int)) - 1
    for panel, values in zip(panels, (loss, 100 * error)):
        panel.plot(epoch[keep], values[keep], style.line(number), color=colour, linewidth=0.9, label=name)
    panels[2].plot(loss[keep], 100 * error[keep], style.line(number), color=colour, linewidth=0.8)
    panels[2].errorbar(*ends.mean(axis=0), yerr=standard_error(ends[:, 1]), fmt=style.marker(number), color=colour, markersize=3, capsize=2)


def standard_error(values):
    return values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
