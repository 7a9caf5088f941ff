"""A results file as large as that of inputs/grid.toml: 243 replicas, each with numbers of its own, made up."""
import itertools

import h5py
import numpy as np

LAYER = "fc2"
AXES = {"batch_size": [10, 50, 250], "learning_rate": [0.05, 0.1, 0.2], "width": [25, 50, 75], "seed": list(range(1, 10))}
HOSTILE = "</script><script>window.harmed = 1</script><img src=x onerror='window.harmed = 2'>"
POINTS, EPOCHS, WINDOW = 27, 410, 400
EXPONENTS = {"flatness": ("psi", "psi_below"), "dynamics": ("psi_d", "psi_tau"), "nulls": ("walk_psi", "held_out_psi")}


def directions(modes, count=200):
    return np.unique(np.geomspace(1, modes, count).round().astype("i4")) - 1


def exponents(group, names, values):
    for name, value in zip(names, values):
        group.attrs.update({name: value, f"{name}_low": value - 0.1, f"{name}_high": value + 0.1, f"{name}_points": 150, f"{name}_status": "ok"})


def write_training(replica, random):
    group, epoch = replica.create_group("training"), np.arange(1, EPOCHS + 1)
    group["epoch"] = epoch
    for name, scale in (("train_loss", 2.0), ("test_loss", 1.0), ("train_error", 0.5), ("test_error", 0.3)):
        group[name] = scale / epoch * np.exp(0.1 * random.standard_normal(EPOCHS))
    group["train_error"][-20:] = 0.0


def write_flatness(replica, random, variance, psi):
    group = replica.create_group(f"flatness/{LAYER}")
    direction = directions(len(variance))
    width = (variance[direction] / 1e-3) ** (-1 / psi) * np.exp(0.1 * random.standard_normal(len(direction)))
    left, right = -0.52 * width, 0.48 * width
    left[-3:] = np.nan
    group["direction"], group["variance"] = direction, variance[direction]
    group["left"], group["right"], group["flatness"] = left, right, right - left
    group["slope"], group["curvature"], group["loss_curvature"] = -0.16 / width, 8 / width**2, 8e-3 / width**2
    group["status"] = np.where(np.isfinite(left), b"ok", b"left unbounded")
    theta = np.sort(random.uniform(-0.8, 0.8, (len(direction), POINTS)), axis=1) * width[:, np.newaxis]
    theta[:, POINTS // 2] = 0
    group["profile_theta"] = np.sort(theta, axis=1)
    group["profile_log_loss"] = np.log(1e-3) + 4 * (group["profile_theta"][()] / width[:, np.newaxis]) ** 2
    group.attrs.update(loss=1e-3, fit_first=1, fit_last=400, crossover_curvature=0.02)
    exponents(group, EXPONENTS["flatness"], (psi, psi))
    return width


def write_nulls(replica, random, variance, width):
    group = replica.create_group(f"nulls/{LAYER}")
    direction = directions(len(variance))
    noise = lambda: np.exp(0.2 * random.standard_normal(len(direction)))
    group["walk_spectrum"], group["white_noise_spectrum"] = 0.7 * variance, np.full(len(variance), variance.mean())
    for name in ("direction", "walk_direction", "half_direction"):
        group[name] = direction
    for name in ("walk_flatness", "half_flatness"):
        group[name] = width * noise()
    for name in ("walk_own_variance", "half_variance", "held_out_variance", "walk_variance", "predicted_variance"):
        group[name] = variance[direction] * noise()
    group.attrs["walk_learning_dimension_without_first"] = 300
    exponents(group, EXPONENTS["nulls"], (4.4, 1.8))


def write_replica(file, number, row, random):
    replica = file.create_group(f"replica/{number:06d}")
    replica.attrs.update(window_first_epoch=WINDOW, epochs_trained=EPOCHS)
    write_training(replica, random)
    modes = row["width"] ** 2
    psi = 3 + 0.004 * row["batch_size"] + 2 * row["learning_rate"] + 0.002 * row["width"] + 0.05 * random.standard_normal()
    variance = 1e-3 * np.arange(1, modes + 1) ** -2.5 * np.exp(0.05 * random.standard_normal(modes))
    variance = np.sort(variance)[::-1]
    pca = replica.create_group(f"pca/{LAYER}")
    pca["variance"], pca["cosine_content"] = variance, np.array([0.98, 0.1])
    pca["projection"] = random.standard_normal((10, 200), dtype="f4")
    pca.attrs.update(total_variance=variance.sum(), learning_dimension=100 + number, learning_dimension_without_first=300 + number,
                     learning_dimension_null=600, solution_alignment=0.9)
    width = write_flatness(replica, random, variance, psi)
    write_nulls(replica, random, variance, width)
    exponents(replica.create_group(f"dynamics/{LAYER}"), EXPONENTS["dynamics"], (0.6 * psi, 0.4 * psi))
    return psi


def write_summary(file, points, psi):
    """Rows of /summary: means over the seeds, as the program makes them."""
    mean = np.array([np.mean([psi[number] for number in numbers]) for numbers in points.values()])
    for table, names in (("psi", EXPONENTS["flatness"]), ("dynamics", EXPONENTS["dynamics"]), ("nulls", EXPONENTS["nulls"])):
        group = file.create_group(f"summary/{table}/{LAYER}")
        for place, name in enumerate(name for name in AXES if name != "seed"):
            group[name] = np.array([point[place] for point in points])
        for name in names:
            value = {"walk_psi": 0 * mean + 4.4, "held_out_psi": 0 * mean + 1.8, "psi_d": 0.6 * mean, "psi_tau": 0.4 * mean}.get(name, mean)
            group[name], group[f"{name}_low"], group[f"{name}_high"] = value, value - 0.05, value + 0.05
            group[f"{name}_status"], group[f"{name}_interval"] = (np.array([word] * len(mean)) for word in (b"ok", b"over seeds"))
        group["replicas"] = np.full(len(mean), len(AXES["seed"]))
    psi_group = file[f"summary/psi/{LAYER}"]
    for name, value in (("train_error", 0.0), ("test_error", 0.02), ("learning_dimension", 150.0), ("learning_dimension_without_first", 350.0),
                        ("solution_alignment", 0.9)):
        psi_group[name] = np.full(len(mean), value)


def write(path):
    rows = [dict(zip(AXES, values)) for values in itertools.product(*AXES.values())]
    random = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        for name in AXES:
            file[f"grid/{name}"] = np.array([row[name] for row in rows])
        status = np.array([b"done"] * len(rows), "S8")
        status[-1] = b"diverged"
        file["grid/status"], file["grid/epochs_trained"] = status, np.full(len(rows), EPOCHS, "i4")
        points, psi = {}, {}
        for number, row in enumerate(rows):
            if status[number] != b"done":
                file.create_group(f"replica/{number:06d}").attrs["message"] = HOSTILE
                write_training(file[f"replica/{number:06d}"], random)
                continue
            psi[number] = write_replica(file, number, row, random)
            points.setdefault(tuple(row[name] for name in AXES if name != "seed"), []).append(number)
        write_summary(file, points, psi)
        file.attrs["dataset"] = HOSTILE
