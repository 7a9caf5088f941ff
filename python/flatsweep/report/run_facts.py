"""What was run, on what and by what, in a few lines; and what went wrong."""

import collections
import re

import numpy as np

from .. import names, network
from ..results import MLP, absence, failure, one_line

AXES = (("B", "batch_size"), ("alpha", "learning_rate"), ("H", "width"), ("hidden layers", "hidden_layers"),
        ("optimiser", "optimizer"), ("sampling", "sampling"), ("method", "noise_method"), ("sigma_n", "noise_amplitude"),
        ("psi assumed", "psi_assumed"), ("seeds", "seed"))


def study(file):
    """The name of the study, by what only that study writes."""
    if names.MODEL in file["grid"]:
        return "models"
    if "noise_method" in file["grid"]:
        return "noise"
    return "continual" if any("continual" in replica for replica in file.get("replica", {}).values()) else "landscape"


def duration(seconds):
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60:.0f} s" if minutes else f"{seconds:.1f} s"


def listed(values):
    """The values that occur, in their order."""
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in dict.fromkeys(values.tolist()))


def grid(results):
    words = (*AXES, *((name.replace("_", " "), name) for name in results.axes if name not in {known for _, known in AXES}))
    return "; ".join(f"{word} {listed(results.grid[name])}" for word, name in words if name in results.grid
                     and not (name in ("width", "hidden_layers") and not results.grid[name].any()))


def networks(results):
    """Every architecture of the file with its layers and its number of weights, biases included."""
    found = {}
    for name, replica in results.file.get("replica", {}).items():
        architecture = str(results.grid["architecture"][int(name)]) if "architecture" in results.grid else MLP
        if len(replica.get("weights", ())):
            found.setdefault(layers(replica["weights"], architecture))  # keeps the order, once each
    return "; ".join(found)


def layers(weights, architecture):
    count = sum(data.size for name, data in weights.items() if is_layer(name.removesuffix("_bias")))
    if architecture == MLP:
        architecture = network.units(weights) or architecture
    return f"{architecture} ({count} weights and biases)"


def is_layer(name):
    return re.fullmatch(r"(fc|conv)\d+", name) is not None


def window(results):
    """First and last epoch of the window; a range where they differ between the replicas that finished."""
    ends = [tuple(int(replica.attrs[name]) for name in ("window_first_epoch", "epochs_trained"))
            for name, replica in results.file.get("replica", {}).items()
            if int(name) in results.done() and "window_first_epoch" in replica.attrs]
    if not ends:
        return ""
    return "epochs " + " to ".join(str(low) if low == high else f"{low}–{high}" for low, high in
                                   ((min(end), max(end)) for end in zip(*ends)))


def facts(results):
    """(name, text) of what there is to say."""
    file, attributes = results.file, results.file.attrs
    provenance = file["provenance"].attrs if "provenance" in file else {}

    def peak_memory():
        memory = np.asarray(provenance.get("peak_memory", [])).max(initial=0) / 2**20
        return f"{memory:.0f} MiB" if memory else ""

    def program():
        return " ".join(str(attributes.get(name, "")) for name in ("flatsweep_version", "git_commit")).strip()

    def statuses():
        counts = collections.Counter(map(str, results.grid["status"]))
        return ", ".join(f"{count} {status}" for status, count in counts.items())

    def size_of_file():
        return f"{results.path} ({results.path.stat().st_size / 2**20:.1f} MiB)" if results.finished else ""

    pairs = [("Study", lambda: study(file)), ("Data", lambda: str(attributes.get("dataset", ""))),
             ("Network", lambda: networks(results)), ("Grid", lambda: grid(results)),
             ("Window", lambda: window(results) if study(file) not in ("noise", "models") else ""), ("Replicas", statuses),
             ("Ranks", lambda: str(provenance.get("mpi_ranks", ""))),
             ("Wall time", lambda: duration(provenance["seconds"]) if "seconds" in provenance else ""),
             ("Peak memory of a rank", peak_memory), ("Finished", lambda: str(provenance.get("created_utc", ""))),
             ("Program", program), ("Machine", lambda: str(provenance.get("machine", ""))),
             ("Results", size_of_file)]
    return [(name, text) for name, text in ((name, said(say)) for name, say in pairs) if text]


def said(say):
    """What there is to say; of what cannot be read, that."""
    try:
        return say()
    except Exception as error:  # of a file that is damaged, or not of flatsweep
        return f"cannot be read: {one_line(error)}"


def configuration(file):
    """The configuration with defaults filled in, as it was run."""
    def text():
        full = file["provenance"].attrs.get("config_in_full") if "provenance" in file else None
        return str(full or file.attrs.get("config", ""))
    return said(text)


def replicas_of(file):
    """The groups below /replica; none of what is no group."""
    replicas = file.get("replica", {})
    return {name: replica for name, replica in replicas.items() if hasattr(replica, "items")} if hasattr(replicas, "items") else {}


def warnings(results):
    """Replicas that did not finish, and what the run's log warned of."""
    lines = []
    for status in ("diverged", "failed", names.UNSOLVED):
        numbers = [number for number, value in enumerate(results.grid["status"]) if value == status]
        if numbers:
            lines.append(f"{len(numbers)} of {len(results.grid['status'])} replicas {status}: {', '.join(map(str, numbers))}")
    for name, replica in replicas_of(results.file).items():
        if replica.attrs.get("message") and str(replica.attrs.get(names.STATUS)) != names.UNSOLVED:  # a result, not a problem
            lines.append(said(lambda: f"replica {int(name)}: {replica.attrs['message']}"))
        lines += holes(replica, f"replica {name.lstrip('0') or '0'}: ")
    pooled = results.file.get("summary/pooled_pca", {})
    return lines + absences(results) + holes(pooled, "pooled_pca/") + logged_warnings(results.folder / "log.txt")


def absences(results):
    """What was not recorded of networks made elsewhere, once for all that it concerns."""
    found = {}

    def visit(replica, name, node):
        if absence(node):
            found.setdefault(f"{name} is {absence(node)}", set()).add(replica)
        elif "absent" in node.attrs:
            found.setdefault(f"{name} lacks {node.attrs['absent']}", set()).add(replica)

    for name, replica in replicas_of(results.file).items():
        said(lambda: replica.visititems(lambda path, node, name=name: visit(name, path, node)) or "")
    total = len(results.done())
    return [words if len(replicas) == total else f"{words} ({len(replicas)} of {total} replicas)" for words, replicas in found.items()]


def holes(group, begin):
    """Analyses below a group that failed, or of which a part is missing."""
    lines = []

    def visit(name, node):
        if failure(node):
            lines.append(f"{begin}{name} failed: {failure(node)}")
        elif "incomplete" in node.attrs:
            lines.append(f"{begin}{name}: {node.attrs['incomplete']}")

    def look():
        for name, part in group.items():
            if name not in ("training", "weights", "trajectory") and hasattr(part, "visititems"):
                part.visititems(lambda below, node, name=name: visit(f"{name}/{below}", node))
        return ""

    trouble = said(look)
    return lines + ([f"{begin}{trouble}"] if trouble else [])


def logged_warnings(log):
    """Each once, without the time."""
    if not log.is_file():
        return []
    text = log.read_text(encoding="utf-8", errors="replace")
    return list(dict.fromkeys(re.findall(r"^[-\d]+ [:\d]+ warning: (.*)$", text, re.MULTILINE)))
