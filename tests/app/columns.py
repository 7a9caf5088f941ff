"""Columns of results.h5 with their words, read by CF's attributes alone."""
import numpy


def column(data):
    """The values of a data set; of words a list of texts, flags with commas between them."""
    if "flag_meanings" not in data.attrs:
        return data[()]
    words = [word.replace("_", " ") for word in data.attrs["flag_meanings"].split(" ")]
    if "flag_texts" in data.attrs:
        words = data.attrs["flag_texts"].split("\n")
    if "flag_masks" in data.attrs:
        masks = data.attrs["flag_masks"].tolist()
        return numpy.array([", ".join(word for mask, word in zip(masks, words) if value & mask) for value in data[()].tolist()])
    meanings = dict(zip(data.attrs["flag_values"].tolist(), words))
    return numpy.array([meanings[value] for value in data[()].tolist()])
