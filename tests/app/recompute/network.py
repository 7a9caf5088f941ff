"""A ReLU network in double precision: outputs, losses, gradients, Jacobians and Hessian-vector products."""
import copy

import numpy


def softmax(outputs):
    shifted = numpy.exp(outputs - outputs.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def losses(outputs, labels):
    """Cross-entropy of each sample; ln(1 + sum over wrong outputs), which keeps the digits of a small loss."""
    rows = numpy.arange(len(labels))
    away = outputs - outputs[rows, labels][:, None]
    away[rows, labels] = -numpy.inf
    largest = numpy.maximum(away.max(axis=1), 0.0)
    wrong = numpy.exp(away - largest[:, None]).sum(axis=1)
    return numpy.where(largest > 0.0, largest + numpy.log(numpy.exp(-largest) + wrong), numpy.log1p(wrong))


class Dense:
    def __init__(self, name, weights, bias, relu):
        self.name, self.weights, self.bias, self.relu = name, weights, bias, relu

    def open(self, h):
        """What multiplies the weights, (samples, 1, inputs)."""
        return h.reshape(len(h), 1, -1)

    def blocks(self, t):
        """Numbers at the layer's places in blocks (..., block), of each of which the largest is kept."""
        return t[:, 0, :, None]

    def select(self, z):
        """What makes the choices of ReLU and pooling at z: on other numbers, and back from the layer's outputs to its places."""
        mask = (z[:, 0] > 0.0) if self.relu else numpy.ones(z[:, 0].shape)
        return lambda t: t[:, 0] * mask, lambda d: (d * mask)[:, None]

    def close(self, d):
        """Numbers at `open`'s places brought back to those of the layer's input."""
        return d[:, 0]


class Convolution:
    relu = True

    def __init__(self, name, weights, bias, shape, kernel, padding, pool):
        self.name, self.weights, self.bias = name, weights, bias
        self.shape, self.kernel, self.padding, self.pool = shape, kernel, padding, pool
        self.rows, self.columns = (side + 2 * padding - kernel + 1 for side in shape[1:])

    def open(self, h):
        """Patches (samples, places, inputs), inputs counted channel, row, column."""
        edge = (self.padding, self.padding)
        padded = numpy.pad(h.reshape(len(h), *self.shape), ((0, 0), (0, 0), edge, edge))
        patches = numpy.lib.stride_tricks.sliding_window_view(padded, (self.kernel, self.kernel), axis=(2, 3))
        return patches.transpose(0, 2, 3, 1, 4, 5).reshape(len(h), self.rows * self.columns, -1)

    def blocks(self, t):
        """(samples, channels, rows, columns, places of a pool); places left over at the rim are dropped."""
        s, rows, columns = self.pool, self.rows // self.pool, self.columns // self.pool
        image = t.reshape(len(t), self.rows, self.columns, -1)[:, :rows * s, :columns * s]
        return image.reshape(len(t), rows, s, columns, s, -1).transpose(0, 5, 1, 3, 2, 4).reshape(len(t), -1, rows, columns, s * s)

    def select(self, z):
        pools = self.blocks(z)
        best = pools.argmax(axis=-1)[..., None]
        mask = numpy.take_along_axis(pools, best, -1) > 0.0

        def forward(t):
            return (numpy.take_along_axis(self.blocks(t), best, -1) * mask)[..., 0]

        def backward(d):
            spread = numpy.zeros(pools.shape)
            numpy.put_along_axis(spread, best, d.reshape(best.shape) * mask, -1)
            return self.unblock(spread)
        return forward, backward

    def unblock(self, pools):
        count, channels, rows, columns, _ = pools.shape
        s = self.pool
        image = numpy.zeros((count, self.rows, self.columns, channels))
        image[:, :rows * s, :columns * s] = pools.reshape(count, channels, rows, columns, s, s).transpose(
            0, 2, 4, 3, 5, 1).reshape(count, rows * s, columns * s, channels)
        return image.reshape(count, self.rows * self.columns, channels)

    def close(self, d):
        channels, height, width = self.shape
        k, p = self.kernel, self.padding
        padded = numpy.zeros((len(d), channels, height + 2 * p, width + 2 * p))
        patches = d.reshape(len(d), self.rows, self.columns, channels, k, k)
        for i in range(k):
            for j in range(k):
                padded[:, :, i:i + self.rows, j:j + self.columns] += patches[..., i, j].transpose(0, 3, 1, 2)
        return padded[:, :, p:p + height, p:p + width].reshape(len(d), -1)


class Evaluation:
    """A network's layers at one set of images: inputs, choices of ReLU and pooling, outputs."""

    def __init__(self, layers, images):
        self.layers, self.inputs, self.forward, self.backward = layers, [], [], []
        h = images
        for layer in layers:
            self.inputs.append(layer.open(h))
            z = self.inputs[-1] @ layer.weights.T + layer.bias
            forward, backward = layer.select(z)
            self.forward.append(forward)
            self.backward.append(backward)
            h = forward(z)
        self.outputs = h

    def errors(self, index, seed):
        """d (seed . outputs) / d z of layer `index`, z before ReLU: (samples, places, outputs)."""
        for i in range(len(self.layers) - 1, index - 1, -1):
            at_z = self.backward[i](seed)
            if i > index:
                seed = self.layers[i].close(at_z @ self.layers[i].weights)
        return at_z

    def gradients(self, seed):
        """Gradients of seed . outputs with respect to each layer's weights and bias, summed over samples: [(W, b), ...]."""
        result = []
        for i in range(len(self.layers) - 1, -1, -1):
            at_z = self.backward[i](seed)
            result.append((numpy.tensordot(at_z, self.inputs[i], ((0, 1), (0, 1))), at_z.sum(axis=(0, 1))))
            if i > 0:
                seed = self.layers[i].close(at_z @ self.layers[i].weights)
        return result[::-1]

    def jacobian(self, index, bias=False):
        """d outputs / d weights of a layer (and, last, its bias): (samples, classes, weights)."""
        count, classes = self.outputs.shape
        parts = []
        for c in range(classes):
            at_z = self.errors(index, numpy.broadcast_to(numpy.eye(classes)[c], (count, classes)))
            part = numpy.matmul(at_z.transpose(0, 2, 1), self.inputs[index]).reshape(count, -1)
            parts.append(numpy.concatenate([part, at_z.sum(axis=1)], axis=1) if bias else part)
        return numpy.stack(parts, axis=1)


class Network:
    def __init__(self, layers):
        self.layers = layers

    def index(self, name):
        return [layer.name for layer in self.layers].index(name)

    def __call__(self, images):
        return Evaluation(self.layers, images)

    def with_weights(self, index, weights):
        """A network with other weights in one layer."""
        moved = copy.copy(self.layers[index])
        moved.weights = weights.reshape(moved.weights.shape)
        return Network([*self.layers[:index], moved, *self.layers[index + 1:]])

    def flat(self):
        return numpy.concatenate([part.ravel() for layer in self.layers for part in (layer.weights, layer.bias)])

    def at(self, flat):
        """The network with all weights and biases from one vector, layer by layer, weights before biases."""
        layers, first = [], 0
        for layer in map(copy.copy, self.layers):
            for name in ("weights", "bias"):
                old = getattr(layer, name)
                setattr(layer, name, flat[first:first + old.size].reshape(old.shape))
                first += old.size
            layers.append(layer)
        return Network(layers)


def flatten(gradients):
    return numpy.concatenate([part.ravel() for pair in gradients for part in pair])


def mean_gradient(network, images, labels):
    """Gradient of the mean loss, all weights and biases in one vector; and the mean loss."""
    at = network(images)
    seed = (softmax(at.outputs) - numpy.eye(at.outputs.shape[1])[labels]) / len(labels)
    return flatten(at.gradients(seed)), losses(at.outputs, labels).mean()


class Line:
    """Loss and slope of one set of samples along a direction of one layer's weights."""

    def __init__(self, network, index, images, labels, direction):
        self.network, self.index, self.labels = network, index, labels
        layer, opened = network.layers[index], network(images).inputs[index]
        self.z = layer.blocks(opened @ layer.weights.T + layer.bias)
        self.change = layer.blocks(opened @ direction.reshape(layer.weights.shape).T)
        self.target = numpy.eye(10)[labels]

    def outputs(self, theta):
        h = (self.z + theta * self.change).max(axis=-1)
        if self.network.layers[self.index].relu:
            h = numpy.maximum(h, 0.0)
        for layer in self.network.layers[self.index + 1:]:
            z = layer.open(h) @ layer.weights.T + layer.bias
            h = layer.select(z)[0](z)
        return h

    def loss(self, theta):
        return losses(self.outputs(theta), self.labels).mean()

    def slope(self, theta):
        moved = self.z + theta * self.change
        best = moved.argmax(axis=-1)[..., None]
        h, t = (numpy.take_along_axis(numbers, best, -1)[..., 0] for numbers in (moved, self.change))
        if self.network.layers[self.index].relu:
            h, t = numpy.maximum(h, 0.0), t * (h > 0.0)
        for layer in self.network.layers[self.index + 1:]:
            z, change = layer.open(h) @ layer.weights.T + layer.bias, layer.open(t) @ layer.weights.T
            forward = layer.select(z)[0]
            h, t = forward(z), forward(change)
        return ((softmax(h) - self.target) * t).sum(axis=1).mean()

    def log_losses(self, thetas):
        return numpy.log([self.loss(theta) for theta in thetas])


class HessianProducts:
    """H v and its Gauss-Newton part, for all weights and biases: gradients differentiated along v (Pearlmutter 1994). ReLU and pooling keep
    their choices, so that the products are exact between kinks."""

    def __init__(self, network, images, labels):
        self.network, self.at = network, network(images)
        self.p = softmax(self.at.outputs)
        self.first = (self.p - numpy.eye(self.p.shape[1])[labels]) / len(labels)
        self.count = len(labels)
        self.errors = [self.at.errors(i, self.first) for i in range(len(network.layers))]

    def tangents(self, v):
        """Change of every layer's opened input, and of the outputs."""
        changes, opened, h = self.network.at(v).layers, [], None
        for i, (layer, change) in enumerate(zip(self.network.layers, changes)):
            z = self.at.inputs[i] @ change.weights.T + change.bias
            opened.append(None if h is None else layer.open(h))
            if h is not None:
                z = z + opened[-1] @ layer.weights.T
            h = self.at.forward[i](z)
        return changes, opened, h

    def second(self, outputs):
        return self.p * (outputs - (self.p * outputs).sum(axis=1, keepdims=True)) / self.count

    def gauss_newton(self, v):
        return flatten(self.at.gradients(self.second(self.tangents(v)[2])))

    def hessian(self, v):
        changes, opened, outputs = self.tangents(v)
        seed, result = self.second(outputs), []
        for i in range(len(changes) - 1, -1, -1):
            at_z = self.at.backward[i](seed)
            weights = numpy.tensordot(at_z, self.at.inputs[i], ((0, 1), (0, 1)))
            if opened[i] is not None:
                weights = weights + numpy.tensordot(self.errors[i], opened[i], ((0, 1), (0, 1)))
            result.append((weights, at_z.sum(axis=(0, 1))))
            if i > 0:
                layer = self.network.layers[i]
                seed = layer.close(at_z @ layer.weights + self.errors[i] @ changes[i].weights)
        return flatten(result[::-1])
