#!/usr/bin/python3
"""The same with xarray, which takes axes from the file: read_results_xarray.py [RESULTS.h5 [LAYER]]

Debian: python3-xarray and python3-h5netcdf, or python3-netcdf4 with engine="netcdf4".
"""
import sys

import numpy as np
import xarray

path = sys.argv[1] if len(sys.argv) > 1 else "runs/quickstart/results.h5"
layer = sys.argv[2] if len(sys.argv) > 2 else "fc2"


def read(group):
    return xarray.load_dataset(path, group=group, engine="h5netcdf")


grid = read("grid")
words = grid.status.attrs["flag_meanings"].split()  # of the numbers 0, 1, ...
for replica in grid.replica[grid.status == words.index("done")].values:
    curve = read(f"replica/{replica:06d}/flatness/{layer}")
    fitted = curve.sel(direction=slice(curve.attrs["fit_first"], curve.attrs["fit_last"]))
    fitted = fitted.where((fitted.flatness > 0) & (fitted.variance > 0), drop=True)
    psi = -np.polyfit(np.log(fitted.flatness), np.log(fitted.variance), 1)[0]
    seed = int(grid.seed.sel(replica=replica))
    print(f"replica {replica}, seed {seed}: psi = {curve.attrs['psi']:.4f}, fitted here {psi:.4f}")
    print(curve[["flatness", "variance"]].to_dataframe().to_string())
