"""Matrices of results.h5 for scipy.sparse.linalg."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np

from .results import NotInFile, read

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

VALUES = "eigenvalues"
# A spectrum and the vectors, one a row, that belong to it. The first pair is the principal component analysis's.
PAIRS = (("variance", "directions"), (VALUES, "eigenvectors"))


def matrices(group: h5py.Group) -> list[str]:
    """Names before `_eigenvalues`; "" for the one matrix of a group that needs no name, as of `pca`."""
    named = [name.removesuffix(VALUES).removesuffix("_") for name in group if name.endswith(VALUES)]
    return named or [""] * any(values in group and vectors in group for values, vectors in PAIRS)


def chosen(group: h5py.Group, matrix: str | None) -> str:
    there = matrices(group)
    if not there:
        raise NotInFile(f"{group.name} holds no eigenvalues")
    if matrix is None and len(there) == 1:
        return there[0]
    if matrix not in there:
        raise NotInFile(f"{group.name} has eigenvalues of {', '.join(there)}; name one of them")
    return matrix


def pair(group: h5py.Group, matrix: str) -> tuple[str, str]:
    """Names of the spectrum and of the vectors of a matrix, which need not be there."""
    begin = matrix + "_" if matrix else ""
    return next(((begin + values, begin + vectors) for values, vectors in PAIRS if begin + values in group))


def eigenvalues(group: h5py.Group, matrix: str | None = None) -> np.ndarray:
    return read(group[pair(group, chosen(group, matrix))[0]])


def operator(group: h5py.Group, matrix: str | None = None) -> LinearOperator:
    """The stored matrix, or V^T diag(l) V of the stored eigenpairs, which acts on the weights of the layer."""
    from scipy.sparse.linalg import LinearOperator, aslinearoperator

    name = chosen(group, matrix)
    if name and name in group and group[name].ndim == 2:
        return aslinearoperator(read(group[name]))
    values_name, vectors_name = pair(group, name)
    if vectors_name not in group:
        raise NotInFile(f"{group.name} has the eigenvalues of {name or 'its matrix'}, but neither the matrix nor its eigenvectors "
                        f"({vectors_name})")
    vectors = read(group[vectors_name])
    values = read(group[values_name])[:len(vectors)]

    def product(vector: np.ndarray) -> np.ndarray:
        return vectors.T @ ((values * (vectors @ vector).T).T)

    size = vectors.shape[1]
    return LinearOperator((size, size), matvec=product, rmatvec=product, matmat=product, dtype=vectors.dtype)
