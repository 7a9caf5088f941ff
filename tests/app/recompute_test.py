"""Every number of results.h5 that follows from others, or from weights and data, worked out once more in numpy and double precision.

The runs are small and take all that a number may depend on to be told apart: momentum, every sampling, a remainder of samples, windows with
fewer snapshots than weights, convolutions, Adam. `-k Momentum` goes through one run, `-k Flatness` through one analysis."""
import functools
import unittest

import h5py

from flatsweep_runs import SOURCE, RunTest
from recompute.apart import Apart
from recompute.bases import Bases
from recompute.curvature import Curvature
from recompute.dynamics import Dynamics
from recompute.filters import Filters
from recompute.first_mode import FirstMode
from recompute.flatness import Flatness
from recompute.mlf import MinibatchLossFunctions
from recompute.network_curvature import NetworkCurvature
from recompute.network_window import NetworkWindow
from recompute.nulls import Nulls
from recompute.pca import Pca
from recompute.relative_flatness import RelativeFlatness
from recompute.run import Run
from recompute.summary import Summary
from recompute.training import Training

EVERY_RUN = (Training, Pca, Flatness, FirstMode, Curvature, Dynamics, MinibatchLossFunctions, Filters, RelativeFlatness, Nulls, Bases, Apart)
ALL_KINDS = ["hessian", "gauss-newton", "empirical-fisher", "minibatch-second-moment", "noise-covariance"]
COMMON = dict(output__trajectory=True, relative_flatness__enabled=True, curvature__squared_hessian=True, bases__enabled=True, bases__directions=20, data__train_limit=700,
              data__test_limit=150, flatness__tolerance=1e-6, flatness__max_displacement=30.0, flatness__directions=22, flatness__fit_last=40, window__opens_at_epoch=2, dynamics__frozen_points=5,
              network_curvature__enabled=False, network_curvature__trace_products=60, network_curvature__density_probes=2)


class Recomputed(RunTest):
    """One run: `self.run_` is its first replica, `self.retrained` our own training of it, `self.file` the results."""
    KEYS, ANALYSES, RANKS = {}, EVERY_RUN, 1

    @classmethod
    @functools.cache
    def once(cls):
        run = cls()
        run.setUp()
        unittest.addModuleCleanup(run.doCleanups)
        file = h5py.File(run.run_well(cls.RANKS, "out", **{**COMMON, **cls.KEYS}))
        unittest.addModuleCleanup(file.close)
        first = Run(file, SOURCE / "data")
        return file, first, first.retrain()

    @classmethod
    def setUpClass(cls):
        cls.file, cls.run_, cls.retrained = cls.RUN.once()


class Momentum(Recomputed):
    """Two layers, momentum; curvatures on both sides of the crossover."""
    KEYS = dict(pca__layers=["fc2", "fc3"], train__optimizer="momentum", train__momentum=0.9, train__learning_rate=0.02, train__batch_size=50,
                flatness__directions=40,
                window__length_epochs=7, network__width=8, network_curvature__enabled=True, network_curvature__tolerance=1e-6,
                network_curvature__leading=10, network_curvature__window=True)
    ANALYSES = (*EVERY_RUN, NetworkCurvature, NetworkWindow)


class Nesterov(Recomputed):
    """What depends on how a step follows from the gradients."""
    KEYS = dict(train__optimizer="nesterov", train__momentum=0.7, train__learning_rate=0.05, train__batch_size=50, network__width=7,
                window__length_epochs=4, flatness__directions=14)
    ANALYSES = (Training, Pca, Flatness, Dynamics, Nulls, Bases)


class Convolutions(Recomputed):
    """A convolution and its pool in front of the analysed layer's outputs; exact traces of all matrices of the network."""
    KEYS = dict(network__architecture=["conv 2 kernel 5 padding 1", "pool 6"], pca__layers=["conv1"], train__batch_size=25,
                train__learning_rate=0.15, window__length_epochs=4, data__train_limit=250, mlf__directions=4, flatness__directions=14,
                bases__mlf=True, nulls__directions=8, network_curvature__enabled=True, network_curvature__kinds=ALL_KINDS, network_curvature__smallest=0,
                network_curvature__trace_products=400, network_curvature__tolerance=1e-6, network_curvature__leading=10,
                network_curvature__window=True)
    ANALYSES = (*EVERY_RUN, NetworkCurvature, NetworkWindow)


class WithReplacement(Recomputed):
    """Fewer snapshots than weights; two seeds; minibatch loss functions along all bases."""
    KEYS = dict(train__sampling="with-replacement", pca__layers=["fc2"], network__width=9, train__batch_size=60, window__length_epochs=5,
                grid__seed=[3, 4], train__learning_rate=0.2, bases__mlf=True)
    ANALYSES = (*EVERY_RUN, Summary)


class Remainder(Recomputed):
    """Minibatches that leave 28 samples over, others in each epoch."""
    KEYS = dict(train__batch_size=48, window__length_epochs=4, train__learning_rate=0.25, network__width=6)
    ANALYSES = (Training, Flatness, Dynamics, Nulls, Bases)


class ShuffleOnce(Recomputed):
    """Minibatch loss functions along all bases, by three ranks."""
    KEYS = dict(train__sampling="shuffle-once", network__width=7, train__batch_size=20, window__length_epochs=3, train__learning_rate=0.3,
                bases__mlf=True)
    RANKS = 3


class FixedPartition(Recomputed):
    """Curvature by products alone, of leading modes; minibatch loss functions along them, by two ranks."""
    KEYS = dict(train__sampling="fixed-partition", network__width=6, train__batch_size=45, window__length_epochs=4, train__learning_rate=0.25,
                curvature__dense_limit=20, curvature__modes=6, bases__dense_limit=20, bases__modes=8, bases__mlf=True)
    RANKS = 2


class Adam(Recomputed):
    """The leading directions instead of spaced ones."""
    KEYS = dict(flatness__spacing="leading", dynamics__spacing="leading", dynamics__directions=25, curvature__spacing="leading",
                curvature__directions=20, train__optimizer="adam", train__learning_rate=0.004, train__batch_size=50, network__width=7,
                window__length_epochs=4)


# A class of tests for each run and analysis, MomentumFlatness and so on.
for run in (Momentum, Nesterov, Convolutions, Remainder, WithReplacement, ShuffleOnce, FixedPartition, Adam):
    for analysis in run.ANALYSES:
        globals()[run.__name__ + analysis.__name__] = type(run.__name__ + analysis.__name__, (analysis, run), dict(RUN=run))


if __name__ == "__main__":
    unittest.main()
