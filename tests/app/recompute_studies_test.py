"""The studies "continual" and "noise" worked out once more in numpy and double precision: what is held, the training under it, the noise.

The runs are small and take all that a number may depend on to be told apart."""
import unittest

import h5py

from flatsweep_runs import SOURCE, RunTest
from recompute.continual import ContinualChecks
from recompute.noise import NoiseChecks, OneStepChecks
from recompute.run import Run
from recompute.tasks import ContinualRun, Learning

ALL_METHODS = ["none", "l2", "ldc", "ldc-flatness", "ewc", "ewc-empirical", "ewc-batched", "laplace"]


def results_for(cls, ranks, study):
    """One run with the class's KEYS, open until its tests are over."""
    file = h5py.File(cls.of_class().run_well(ranks, "out", study=study, **cls.KEYS))
    cls.addClassCleanup(file.close)
    return file


class Continual(ContinualChecks):
    """A class gives KEYS; points are trained once for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.file = results_for(cls, 1, "continual")
        cls.study = ContinualRun(cls.file, SOURCE / "data")
        cls.learnings = [Learning(cls.study, cls.study.choice(point)) for point in range(len(cls.study.points["method"]))]


class EveryMethod(Continual, RunTest):
    """Two tasks, two layers, plain steps; minibatches that leave samples over."""
    KEYS = dict(data__train_limit=600, window__opens_at_epoch=5, window__length_epochs=3, train__batch_size=9, train__learning_rate=0.1,
                pca__layers=["fc2", "fc3"], continual__epochs=2, continual__methods=ALL_METHODS, continual__psi=[3.0, 5.0],
                continual__constraint_counts=[4, 20], continual__leading_mode=["in", "out"], continual__strength=[0.3, 30.0])


class Axes(Continual, RunTest):
    """What may change, with momentum and absolute strengths; labels of all classes."""
    KEYS = dict(data__train_limit=600, window__opens_at_epoch=5, window__length_epochs=2, train__batch_size=10, train__optimizer="momentum",
                train__momentum=0.8, train__learning_rate=0.03, continual__epochs=2, continual__labels="global",
                continual__trained=["analysed", "all", "fc1+fc3"], continual__biases=["held", "free"], continual__scale="absolute",
                continual__methods=["none", "l2", "ldc", "ewc"], continual__psi=[4.0], continual__constraint_counts=[20],
                continual__strength=[0.01, 100.0], continual__learning_rate=0.02)


class ThreeTasks(Continual, RunTest):
    """What the second task wants to be held joins what the first one did."""
    KEYS = dict(data__train_limit=600, window__opens_at_epoch=5, window__length_epochs=2, train__batch_size=10, train__sampling="fixed-partition",
                continual__tasks=[[0, 1], [3, 2], [4, 5]], continual__epochs=3,
                continual__methods=["none", "l2", "ldc", "ewc", "ewc-empirical", "ewc-batched", "laplace"], continual__psi=[4.0],
                continual__constraint_counts=[12], continual__strength=[1.0, 20.0])


class HeldLayers(Continual, RunTest):
    """Penalties on both analysed layers and on the second of them alone, two tasks after the first."""
    KEYS = dict(data__train_limit=600, window__opens_at_epoch=5, window__length_epochs=2, train__batch_size=10, train__sampling="fixed-partition",
                pca__layers=["fc2", "fc3"], continual__tasks=[[0, 1], [3, 2], [4, 5]], continual__epochs=2,
                continual__held=["analysed", "fc3"], continual__methods=["none", "l2", "ldc", "ewc"], continual__psi=[4.0],
                continual__constraint_counts=[12], continual__strength=[3.0])


class Convolutions(Continual, RunTest):
    KEYS = dict(data__train_limit=400, network__architecture=["conv 3 kernel 5", "pool 4"], pca__layers=["conv1"], window__opens_at_epoch=4,
                window__length_epochs=2, train__batch_size=10, train__learning_rate=0.05, continual__epochs=2, continual__methods=ALL_METHODS,
                continual__psi=[4.0], continual__constraint_counts=[10], continual__strength=[3.0], continual__trained=["analysed", "all"])


class Noise(NoiseChecks):
    """A class gives KEYS."""

    @classmethod
    def setUpClass(cls):
        cls.file = results_for(cls, 2, "noise")
        cls.runs = [Run(cls.file, SOURCE / "data", number) for number in range(len(cls.file["grid/seed"]))]


class EveryNoise(Noise, RunTest):
    """Modes measured three times, of fewer minibatches than the default's two epochs."""
    KEYS = dict(data__train_limit=300, network__width=7, train__batch_size=20, train__learning_rate=0.4, noise__epochs=25,
                noise__renew_epochs=10, noise__modes=12, noise__minibatches=40, noise__sgd_epochs=3,
                grid__noise_method=["sgd", "gd", "isotropic", "diagonal", "flatness-detecting"], grid__noise_amplitude=[0.7],
                grid__seed=[1, 2])


class OneStepOfNoise(OneStepChecks, Noise, RunTest):
    """The default number of minibatches."""
    KEYS = dict(data__train_limit=300, network__width=7, train__batch_size=20, train__learning_rate=0.4, noise__epochs=1, noise__modes=20,
                grid__noise_method=["flatness-detecting", "isotropic"], grid__noise_amplitude=[0.5, 2.0])


if __name__ == "__main__":
    unittest.main()
