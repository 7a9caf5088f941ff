"""Directions and solution as matrices of filters and their weights."""
import math

import numpy

from .checks import LayerChecks, assert_close, assert_each_close, assert_near, for_each_layer


def effective(energies):
    return 1.0 / (energies**2).sum()


def spearman_with_number(values):
    below = (values[:, None] > values[None, :]).sum(axis=1) + 0.5 * ((values[:, None] == values[None, :]).sum(axis=1) - 1)
    return numpy.corrcoef(below, numpy.arange(len(values)))[0, 1]


class Filters(LayerChecks):
    @for_each_layer("filters")
    def test_measures(self, layer, group):
        w, p = self.run_.solution(layer), self.run_.replica[f"pca/{layer}/directions"][()]
        outputs, inputs = self.run_.network.layers[self.run_.network.index(layer)].weights.shape
        size, norm = w.size, numpy.linalg.norm(w)
        squares = (p / numpy.linalg.norm(p, axis=1, keepdims=True))**2
        cells = squares.reshape(-1, outputs, inputs)
        expected = dict(projection=(p @ w)**2, projection_fraction=(p @ w)**2 / norm**2,
                        sparsity=(math.sqrt(size) - numpy.sqrt(squares).sum(axis=1)) / (math.sqrt(size) - 1.0),
                        participation=[effective(row) / size for row in squares],
                        effective_filters=[effective(c.sum(axis=1)) for c in cells], effective_taps=[effective(c.sum(axis=0)) for c in cells])
        assert_close(group.attrs["solution_norm"], norm, 1e-12, "solution_norm")
        for name, values in expected.items():
            assert_near(group[name][()], values, 1e-10 * numpy.max(values), name)

    @for_each_layer("filters")
    def test_nulls(self, layer, group):
        """Means over random unit vectors, drawn."""
        outputs, inputs = self.run_.network.layers[self.run_.network.index(layer)].weights.shape
        size, w = outputs * inputs, self.run_.solution(layer)
        x = numpy.random.default_rng(1).standard_normal((20000, size))
        squares = x**2 / (x**2).sum(axis=1, keepdims=True)
        cells = squares.reshape(-1, outputs, inputs)
        # Hoyer's mean, and numbers that take part from mean sums of squares.
        drawn = dict(projection=(w @ w) / size, sparsity=((math.sqrt(size) - numpy.sqrt(squares).sum(axis=1)) / (math.sqrt(size) - 1.0)).mean(),
                     participation=1.0 / (squares**2).sum(axis=1).mean() / size,
                     effective_filters=1.0 / (cells.sum(axis=2)**2).sum(axis=1).mean(),
                     effective_taps=1.0 / (cells.sum(axis=1)**2).sum(axis=1).mean())
        for name, value in drawn.items():
            # 20,000 draws of numbers that scatter by less than a half.
            assert_each_close(group.attrs[f"{name}_null"], value, 0.01, f"{name}_null")

    @for_each_layer("filters")
    def test_rank_correlations(self, layer, group):
        moving = self.moving(layer)
        self.assertEqual(group.attrs["moving"], moving)
        for name in ("projection", "sparsity", "participation", "effective_filters", "effective_taps"):
            values = group[name][()]
            assert_near(group.attrs[f"{name}_rank_correlation"], spearman_with_number(values), 1e-9, name)
            assert_near(group.attrs[f"{name}_moving_rank_correlation"], spearman_with_number(values[:moving]), 1e-9, name)
