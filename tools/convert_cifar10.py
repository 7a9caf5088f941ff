#!/usr/bin/env python3
"""Converts CIFAR-10 from PNG batches to its own binary form; called by tools/get-data.

usage: convert_cifar10.py PACKAGE OUTPUT

PACKAGE holds data_batch_1..5.png and test_batch.png, each 10000 rows of one image: 1024 RGB pixels, row-major; and the
labels, train_lables.json and test_lables.json (the package spells them so). OUTPUT receives data_batch_1..5.bin and
test_batch.bin: 10000 records of 1 label byte, then 1024 red, 1024 green and 1024 blue bytes.
"""
import json
import sys
from collections import Counter
from pathlib import Path

from PIL import Image

IMAGES, PIXELS, CLASSES = 10000, 1024, 10
# Means of the red, green and blue bytes over the 50000 training images, as published many times over for this set.
TRAINING_MEANS = (125.307, 122.950, 113.865)
MEAN_TOLERANCE = 0.001  # the published means are rounded to three digits


def read_labels(path, count):
    """The labels as bytes, checked to hold every class equally often."""
    labels = json.loads(path.read_text())
    per_class = Counter(labels)
    if per_class != {label: count // CLASSES for label in range(CLASSES)}:
        sys.exit(f"{path.name}: {count // CLASSES} labels of each class 0..9 expected, found {dict(per_class)}; fetch again")
    return bytes(labels)


def read_planes(path):
    """The red, green and blue bytes of a batch, each IMAGES * PIXELS long."""
    with Image.open(path) as image:
        if image.size != (PIXELS, IMAGES) or image.mode != "RGB":
            sys.exit(f"{path.name}: {PIXELS} x {IMAGES} RGB expected, found {image.size} {image.mode}; fetch again")
        return [plane.tobytes() for plane in image.split()]


def write_batch(path, labels, planes):
    with open(path, "wb") as file:
        for i in range(IMAGES):
            row = slice(i * PIXELS, (i + 1) * PIXELS)
            file.write(labels[i:i + 1] + b"".join(plane[row] for plane in planes))


def convert_training(package, output):
    labels = read_labels(package / "train_lables.json", 5 * IMAGES)
    sums = [0, 0, 0]
    for batch in range(5):
        planes = read_planes(package / f"data_batch_{batch + 1}.png")
        sums = [total + sum(plane) for total, plane in zip(sums, planes)]
        write_batch(output / f"data_batch_{batch + 1}.bin", labels[batch * IMAGES:(batch + 1) * IMAGES], planes)
    means = [total / (5 * IMAGES * PIXELS) for total in sums]
    if any(abs(mean - known) > MEAN_TOLERANCE for mean, known in zip(means, TRAINING_MEANS)):
        sys.exit(f"training channel means are {means}, not the known {TRAINING_MEANS}; this is not CIFAR-10")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    package, output = map(Path, sys.argv[1:])
    convert_training(package, output)
    write_batch(output / "test_batch.bin", read_labels(package / "test_lables.json", IMAGES),
                read_planes(package / "test_batch.png"))


if __name__ == "__main__":
    main()
