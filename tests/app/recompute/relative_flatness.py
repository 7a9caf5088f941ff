"""Relative flatness of a layer by its definition, from the whole Hessian."""
import numpy

from .checks import LayerChecks, assert_close, for_each_layer
from .matrices import LayerMatrices

# Entries of Jacobians are in single precision, and kappa is a sum of squares of them.
ROUNDING = 1e-5


class RelativeFlatness(LayerChecks):
    @for_each_layer("relative_flatness")
    def test_definition(self, layer, group):
        """sum over outputs s, s' of <w_s, w_s'> tr H_ss'."""
        w = self.run_.network.layers[self.run_.network.index(layer)].weights
        blocks = LayerMatrices.of(self.run_, layer).hessian.reshape(*w.shape, *w.shape)
        expected = dict(relative_flatness=numpy.einsum("si,ti,sktk->", w, w, blocks), hessian_trace=numpy.einsum("sksk->", blocks),
                        weight_square=(w**2).sum())
        expected["scaled_trace"] = expected["hessian_trace"] * expected["weight_square"]
        for name, value in expected.items():
            assert_close(group.attrs[name], value, ROUNDING, name)
