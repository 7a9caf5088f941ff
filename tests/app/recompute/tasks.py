"""Tasks learnt one after another in double precision: what is held, how strongly, and the training that is held to it."""
import copy

import numpy

from columns import column

from .matrices import LayerMatrices
from .network import Line, mean_gradient
from .philox import order_of_epoch
from .run import Run
from .training import evaluate


CHOICE = ("method", "trained", "biases", "held", "leading_mode", "psi", "constraint_count", "strength")


class Task:
    def __init__(self, run, classes, renumbered):
        def part(images, labels):
            kept = numpy.isin(labels, classes)
            return images[kept], numpy.array([classes.index(label) for label in labels[kept]]) if renumbered else labels[kept]
        self.images, self.labels = part(run.images, run.labels)
        self.test_images, self.test_labels = part(run.test_images, run.test_labels)


class Held:
    """Of one layer: half of the penalty's Hessian at lambda = 1, around the weights `anchor`."""

    def __init__(self, stiffness, anchor):
        self.stiffness, self.anchor = stiffness, anchor

    def joined(self, later):
        return Held(self.stiffness + later.stiffness, later.anchor)


def along(directions, stiffness):
    return (directions.T * stiffness) @ directions


class ContinualRun:
    """One replica of the study "continual"."""

    def __init__(self, file, root, number=0):
        self.run = Run(file, root, number)
        self.options, self.replica = self.run.config["continual"], self.run.replica
        self.points = {name: column(data) for name, data in self.replica["continual"].items()}
        self.tasks = [Task(self.run, classes, self.options["labels"] == "per-task") for classes in self.options["tasks"]]
        self.start = self.run.network
        self.epoch = int(self.run.row["epochs_trained"])
        self.rate = self.options["learning_rate"] or self.run.rate
        self.first = self.matrices(self.start, 0, self.epoch)

    def choice(self, point):
        return {name: self.points[name][point] for name in CHOICE}

    def matrices(self, network, task, epoch):
        """Of each analysed layer at these weights, over one task's training images; and the minibatches of an epoch."""
        run = copy.copy(self.run)
        run.network, run.images, run.labels = network, self.tasks[task].images, self.tasks[task].labels
        return {layer: (LayerMatrices(run, layer), self.order(task, epoch)) for layer in run.analysed}

    def order(self, task, epoch):
        return order_of_epoch(self.run.sampling, len(self.tasks[task].labels), self.run.batch, self.run.seed, epoch)

    def line(self, layer, direction):
        """The first task's loss along a direction from its solution."""
        direction = direction.astype("f4").astype(float)
        return Line(self.start, self.start.index(layer), self.tasks[0].images, self.tasks[0].labels, direction)

    @staticmethod
    def diagonals(own, order):
        """Sum over labels of p_c times the square of the gradient for that label; that of the set's labels; that of minibatches."""
        centred = own.jacobian - numpy.einsum("nc,ncw->nw", own.p, own.jacobian)[:, None]
        return {"ewc": numpy.einsum("nc,ncw->w", own.p, centred**2) / len(own.p), "ewc-empirical": (own.samples**2).mean(axis=0),
                "ewc-batched": (own.minibatches(order)**2).mean(axis=0)}

    def stiffness(self, choice, matrices, directions, variance, flatness):
        method, count, size = choice["method"], int(choice["constraint_count"]), directions.shape[1]
        first = 0 if choice["leading_mode"] == "in" else 1
        rows = slice(first, first + count)
        if method == "l2":
            return numpy.eye(size)
        if method == "ldc":
            return along(directions[rows], variance[rows] ** (2.0 / choice["psi"]))
        if method == "ldc-flatness":
            return along(directions[rows], numpy.nan_to_num(flatness[rows] ** -2.0, nan=0.0))
        if method == "laplace":
            values, vectors = numpy.linalg.eigh(matrices[0].hessian)
            return along(vectors.T[::-1][:count], values[::-1][:count].clip(0.0))
        diagonal = self.diagonals(*matrices)[method]
        largest = numpy.argsort(-diagonal, kind="stable")[:count]
        held = numpy.zeros(size)
        held[largest] = diagonal[largest]
        return numpy.diag(held)

    def first_held(self, choice):
        if choice["method"] == "none":
            return {}
        held = {}
        for layer in self.held_layers(choice):
            pca, flatness = self.replica[f"pca/{layer}"], None
            if choice["method"] == "ldc-flatness":
                flatness = self.replica[f"constraints/{layer}/flatness"][()]
            matrix = self.stiffness(choice, self.first[layer], pca["directions"][()], pca["variance"][()], flatness)
            held[layer] = Held(matrix, self.run.solution(layer))
        return held

    def held_layers(self, choice):
        return self.run.analysed if choice["held"] == "analysed" else choice["held"].split("+")

    def strength(self, choice, held):
        """lambda."""
        if self.options["scale"] == "absolute":
            return choice["strength"] * (10.0 ** -choice["psi"] if choice["method"] == "ldc" else 1.0)
        largest = max((numpy.linalg.eigvalsh(one.stiffness)[-1] for one in held.values()), default=0.0)
        return choice["strength"] / largest if largest > 0.0 else 0.0

    def trained(self, choice):
        """1 for every weight and bias that may change."""
        names = dict(analysed=self.run.analysed, all=[layer.name for layer in self.start.layers])
        layers = names.get(choice["trained"]) or choice["trained"].split("+")
        parts = []
        for layer in self.start.layers:
            free = layer.name in layers
            parts += [numpy.full(layer.weights.size, free), numpy.full(layer.bias.size, free and choice["biases"] == "free")]
        return numpy.concatenate(parts).astype(float)


class Learning:
    """The further tasks of one point. `curves`: (loss, error, undecided) of every task's test images, one row an epoch."""

    def __init__(self, study, choice):
        self.study, self.choice, self.network = study, choice, study.start
        self.free, self.held = study.trained(choice), study.first_held(choice)
        self.strength = study.strength(choice, self.held)
        self.curves, epoch = [self.evaluate_test()], study.epoch
        for task in range(1, len(study.tasks)):
            self.velocity, snapshots = numpy.zeros(self.free.size), []
            for _ in range(study.options["epochs"]):
                self.learn_epoch(task, epoch, snapshots)
                epoch += 1
                self.curves.append(self.evaluate_test())
            if task + 1 < len(study.tasks) and self.held:
                length = min(study.run.epochs, study.options["epochs"]) * len(study.order(task, 0))
                self.hold_on(task, epoch, snapshots[-length:])

    def evaluate_test(self):
        return [evaluate(self.network, task.test_images, task.test_labels) for task in self.study.tasks]

    def evaluate_train(self):
        return [evaluate(self.network, task.images, task.labels) for task in self.study.tasks]

    def displacement(self):
        start = self.study.start
        moved = [self.layer(name).weights - start.layers[start.index(name)].weights for name in self.study.run.analysed]
        return numpy.sqrt(sum((part**2).sum() for part in moved))

    def layer(self, name):
        return self.network.layers[self.network.index(name)]

    def learn_epoch(self, task, epoch, snapshots):
        images, labels = self.study.tasks[task].images, self.study.tasks[task].labels
        for samples in self.study.order(task, epoch):
            gradient, _ = mean_gradient(self.network, images[samples], labels[samples])
            gradient = gradient * self.free
            self.velocity = self.study.run.beta * self.velocity + gradient
            self.network = self.network.at(self.network.flat() - self.study.rate * self.study.run.along(gradient, self.velocity))
            self.draw_back()
            snapshots.append({name: self.layer(name).weights.ravel() for name in self.held})

    def draw_back(self):
        """The proximal step: to the least of |w - w'|^2/(2 rate) + lambda (w' - w*)^T S (w' - w*)."""
        if not self.strength > 0.0:
            return
        rate = self.study.rate / (1.0 - self.study.run.beta)
        for name, held in self.held.items():
            moved = self.layer(name).weights.ravel() - held.anchor
            matrix = numpy.eye(moved.size) + 2.0 * rate * self.strength * held.stiffness
            self.network = self.network.with_weights(self.network.index(name), held.anchor + numpy.linalg.solve(matrix, moved))

    def hold_on(self, task, epoch, snapshots):
        """What this task wants to be held joins what is held already, around the weights as they are now."""
        matrices = self.study.matrices(self.network, task, epoch)
        for name in self.held:
            rows = numpy.array([snapshot[name] for snapshot in snapshots])
            _, singular, directions = numpy.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
            stiffness = self.study.stiffness(self.choice, matrices[name], directions, singular**2 / len(rows), None)
            self.held[name] = self.held[name].joined(Held(stiffness, self.layer(name).weights.ravel()))
