"""SGD on a quadratic loss, with the covariance of its noise written out: the variance to be expected in a window."""
import numpy


def noise_covariance(sampling, samples, batch, iterations):
    """Of the noise of one epoch's minibatches, variance 1. Minibatches without a common sample: what one takes the others lack."""
    if sampling == "with-replacement":
        return numpy.eye(iterations)
    # Under reshuffling they are drawn from all samples; fixed ones are what the mean is taken over.
    common = -batch / (samples - batch) if sampling == "reshuffle" else -1.0 / (iterations - 1)
    return numpy.full((iterations, iterations), common) + (1.0 - common) * numpy.eye(iterations)


class QuadraticRun:
    """The run's steps on lambda theta^2/2: v' = beta v + lambda theta + noise, and theta moves against v' or as `run.along` has it."""

    def __init__(self, curvature, run):
        self.curvature, self.sampling, self.epochs, self.iterations = curvature, run.sampling, run.epochs, len(run.labels) // run.batch

        def step(theta, velocity, noise):
            gradient = curvature * theta + noise
            velocity = run.beta * velocity + gradient
            return theta - run.rate * run.along(gradient, velocity), velocity

        self.a = numpy.array([step(1.0, 0.0, 0.0), step(0.0, 1.0, 0.0)]).T
        self.kick = numpy.array(step(0.0, 0.0, 1.0))
        self.covariance = noise_covariance(run.sampling, len(run.labels), run.batch, self.iterations)

    def power(self, n):
        return numpy.linalg.matrix_power(self.a, n)

    def of_epoch(self):
        """What an epoch's noise adds to the state at its end: (2, m)."""
        return numpy.array([self.power(self.iterations - 1 - j) @ self.kick for j in range(self.iterations)]).T

    @property
    def moving(self):
        """The parts of a state that have a limit: without force not theta, which adds nothing to a covariance about the mean."""
        return numpy.diag([float(self.curvature > 0.0), 1.0])

    def still(self, matrix):
        """Without force a constant theta adds nothing to the variance about the mean, and its covariance has no limit."""
        return matrix if self.curvature > 0.0 else numpy.diag([0.0, 1.0]) @ matrix @ numpy.diag([0.0, 1.0])

    def start(self):
        """Stationary covariance of the state at the end of an epoch."""
        a, b = self.power(self.iterations), self.of_epoch()
        added = self.still(b @ self.covariance @ b.T)
        if self.curvature > 0.0:
            return numpy.linalg.solve(numpy.eye(4) - numpy.kron(a, a), added.ravel()).reshape(2, 2)
        return numpy.diag([0.0, added[1, 1] / (1.0 - a[1, 1]**2)])

    def responses(self):
        """theta after each iteration of the window: to the start state (T, 2), to the noise (T, T)."""
        steps = self.iterations * self.epochs
        states = numpy.array([self.power(t + 1)[0] for t in range(steps)])
        kicks = [(self.power(t) @ self.kick)[0] for t in range(steps)]
        noise = numpy.array([[kicks[t - s] if s <= t else 0.0 for s in range(steps)] for t in range(steps)])
        return states, noise

    def window_variance(self):
        """For noise of variance 1."""
        states, noise = self.responses()
        steps = len(states)
        centre = numpy.eye(steps) - 1.0 / steps
        if self.sampling == "shuffle-once":
            return self.periodic(centre @ states, centre @ noise)
        states, noise = centre @ states, centre @ noise
        whole = numpy.kron(numpy.eye(self.epochs), self.covariance)
        return numpy.trace(states @ self.start() @ states.T + noise @ whole @ noise.T) / steps

    def repeated(self):
        """What the noises of an epoch that comes over and over make the state at its end."""
        a, b = self.power(self.iterations), self.of_epoch()
        if self.curvature > 0.0:
            return numpy.linalg.solve(numpy.eye(2) - a, b)
        return numpy.array([numpy.zeros(self.iterations), b[1] / (1.0 - a[1, 1])])

    def periodic(self, states, noise):
        """The same minibatches over and over: the state repeats with the epoch."""
        answer = states @ self.repeated() + noise.reshape(len(noise), self.epochs, self.iterations).sum(axis=1)
        return numpy.trace(answer @ self.covariance @ answer.T) / len(answer)


def window_covariance(modes):
    """Of runs with all these curvatures whose noises are one and the same of variance 1."""
    states, noise = zip(*(mode.responses() for mode in modes))
    steps, first = len(states[0]), modes[0]
    centre = numpy.eye(steps) - 1.0 / steps
    if first.sampling == "shuffle-once":
        answers = [centre @ (state @ mode.repeated() + answer.reshape(steps, first.epochs, first.iterations).sum(axis=1))
                   for mode, state, answer in zip(modes, states, noise)]
        return products(answers, first.covariance) / steps
    states = [centre @ state @ mode.moving for mode, state in zip(modes, states)]
    whole = numpy.kron(numpy.eye(first.epochs), first.covariance)
    result = products([centre @ answer for answer in noise], whole)
    powers = [mode.moving @ mode.power(mode.iterations) @ mode.moving for mode in modes]
    added = [mode.moving @ mode.of_epoch() for mode in modes]
    for i, (a, b) in enumerate(zip(powers, added)):
        for j, (c, d) in enumerate(zip(powers, added)):
            start = numpy.linalg.solve(numpy.eye(4) - numpy.kron(a, c), (b @ first.covariance @ d.T).ravel()).reshape(2, 2)
            result[i, j] += numpy.trace(states[i] @ start @ states[j].T)
    return result / steps


def products(answers, covariance):
    """tr(A_i K A_j^T) of all pairs."""
    left = numpy.array([(answer @ covariance).ravel() for answer in answers])
    return left @ numpy.array([answer.ravel() for answer in answers]).T
