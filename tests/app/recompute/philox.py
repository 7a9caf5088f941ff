"""The program's random numbers (docs/architecture.md, "Random numbers"): Philox4x32-10 of Salmon et al. (2011), minibatches, first weights."""
import numpy

PURPOSES = dict(initial_weights=1, sampling=2, bootstrap=3, gradient_noise=4, solver=6, label_noise=7, teacher=8)
MASK = numpy.uint64(0xFFFFFFFF)
HIGH = numpy.uint64(32)


def philox(counters, key):
    """Ten rounds of the blocks `counters` (n, 4), words of 32 bits in 64; `key` two words. Returns (n, 4)."""
    c0, c1, c2, c3 = (counters[:, i].copy() for i in range(4))
    k0, k1 = (int(word) for word in key)
    for _ in range(10):
        first, second = numpy.uint64(0xD2511F53) * c0, numpy.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (second >> HIGH) ^ c1 ^ numpy.uint64(k0), second & MASK, (first >> HIGH) ^ c3 ^ numpy.uint64(k1), first & MASK
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return numpy.stack([c0, c1, c2, c3], axis=1)


class Stream:
    """The words of (seed, purpose, stream), one after another."""

    def __init__(self, seed, purpose, stream=0):
        seed %= 1 << 64
        self.key = (seed & 0xFFFFFFFF, seed >> 32)
        self.upper = (PURPOSES[purpose] << 56) ^ (stream % (1 << 64))
        self.block = 0
        self.left = numpy.empty(0, dtype=numpy.uint64)
        self.spare = numpy.empty(0)

    def words(self, count):
        blocks = -(-max(count - self.left.size, 0) // 4)
        if blocks:
            numbers = numpy.arange(self.block, self.block + blocks, dtype=numpy.uint64)
            counters = numpy.empty((blocks, 4), dtype=numpy.uint64)
            counters[:, 0], counters[:, 1] = numbers & MASK, numbers >> HIGH
            counters[:, 2], counters[:, 3] = self.upper & 0xFFFFFFFF, self.upper >> 32
            self.left = numpy.concatenate([self.left, philox(counters, self.key).ravel()])
            self.block += blocks
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def uniform(self, count):
        pairs = self.words(2 * count).reshape(count, 2)
        return (((pairs[:, 0] << HIGH) | pairs[:, 1]) >> numpy.uint64(11)).astype(float) * 2.0**-53

    def normal(self, count):
        """Box and Muller's, two from two uniform numbers; the second waits for the next call."""
        pairs = self.uniform(2 * ((count - self.spare.size + 1) // 2)).reshape(-1, 2)
        radius, angle = numpy.sqrt(-2.0 * numpy.log1p(-pairs[:, 0])), 2.0 * numpy.pi * pairs[:, 1]
        both = numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=1).ravel()
        both = numpy.concatenate([self.spare, both])
        self.spare = both[count:]
        return both[:count]

    def below(self, bounds):
        """One integer in [0, bound) for each of `bounds`, by multiplication; a word that would favour some of them is passed over (Lemire 2019)."""
        bounds = numpy.asarray(bounds, dtype=numpy.uint64)
        words = self.words(bounds.size)
        while True:
            products = words * bounds
            rejected = numpy.flatnonzero((products & MASK) < numpy.uint64(1 << 32) % bounds)
            if rejected.size == 0:
                return (products >> HIGH).astype(int)
            words = numpy.append(numpy.delete(words, rejected[0]), self.words(1))


def permutation(count, stream):
    order = list(range(count))
    last = numpy.arange(count, 1, -1)
    for i, j in zip(last - 1, stream.below(last)):
        order[i], order[j] = order[j], order[i]
    return numpy.array(order)


def order_of_epoch(sampling, samples, batch, seed, epoch):
    """Numbers of the samples, one row a minibatch."""
    iterations = samples // batch
    fresh = Stream(seed, "sampling", epoch + 1)
    if sampling == "with-replacement":
        return fresh.below(numpy.full(iterations * batch, samples)).reshape(iterations, batch)
    kept = permutation(samples, fresh if sampling == "reshuffle" else Stream(seed, "sampling"))
    rows = kept[:iterations * batch].reshape(iterations, batch)
    return rows[permutation(iterations, fresh)] if sampling == "fixed-partition" else rows
