#!/usr/bin/python3
"""psi and the flatness curve of every finished replica, with h5py: read_results.py [RESULTS.h5 [LAYER]]"""
import sys

import h5py
import numpy as np

path = sys.argv[1] if len(sys.argv) > 1 else "runs/quickstart/results.h5"
layer = sys.argv[2] if len(sys.argv) > 2 else "fc2"
with h5py.File(path) as file:
    status = file["grid/status"]
    words = status.attrs["flag_meanings"].split()  # of the numbers 0, 1, ...
    for replica in np.flatnonzero(status[()] == words.index("done")):
        group = file[f"replica/{replica:06d}/flatness/{layer}"]
        direction, flatness, variance = (group[name][()] for name in ("direction", "flatness", "variance"))
        inside = (direction >= group.attrs["fit_first"]) & (direction <= group.attrs["fit_last"])
        known = inside & (flatness > 0) & (variance > 0)  # an unbounded side is NaN, a weight that stands still has variance 0
        psi = -np.polyfit(np.log(flatness[known]), np.log(variance[known]), 1)[0]
        print(f"replica {replica}, seed {file['grid/seed'][replica]}: psi = {group.attrs['psi']:.4f}, fitted here {psi:.4f}")
        for i in range(len(direction)):
            print(f"{direction[i] + 1:6d} {flatness[i]:12.5g} {variance[i]:12.5g}")  # counted from 1, as in the paper
