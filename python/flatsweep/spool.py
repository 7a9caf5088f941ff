"""Rows of numbers that are written while something else goes on."""
from __future__ import annotations

import pathlib
import queue
import tempfile
import threading

import numpy as np

BLOCK_BYTES = 8 << 20  # of rows that are written together
WAITING_BLOCKS = 4  # so that memory is bounded where the disk is slower than the rows come


class Spool:
    """Rows of numbers, kept in a file without a name: it vanishes with the process. A thread writes it."""

    def __init__(self, folder: pathlib.Path, width: int, dtype: type) -> None:
        self.width, self.dtype, self.rows = width, dtype, 0
        self.file = tempfile.TemporaryFile(dir=folder, buffering=0)
        self.full: queue.Queue[tuple[np.ndarray, int] | None] = queue.Queue(WAITING_BLOCKS)
        self.free: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
        self.error: OSError | None = None
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()
        self._begin_block()

    def row(self) -> np.ndarray:
        """Where the next row goes."""
        if self.filled == len(self.block):
            self._hand_over()
            self._begin_block()
        self.filled += 1
        self.rows += 1
        return self.block[self.filled - 1]

    def finish(self) -> np.ndarray:
        """All rows, from the file."""
        self._hand_over()
        self.full.put(None)
        self.thread.join()
        self._raise()
        shape = (self.rows, self.width)
        if 0 in shape:
            return np.empty(shape, self.dtype)
        return np.memmap(self.file, self.dtype, "r", shape=shape)

    def abandon(self) -> None:
        self.full.put(None)
        self.thread.join()
        self.file.close()

    def _begin_block(self) -> None:
        rows = max(1, BLOCK_BYTES // max(1, self.width * np.dtype(self.dtype).itemsize))
        self.block = np.empty((rows, self.width), self.dtype) if self.free.empty() else self.free.get()
        self.filled = 0

    def _hand_over(self) -> None:
        self._raise()
        self.full.put((self.block, self.filled))

    def _raise(self) -> None:
        if self.error is not None:
            raise self.error

    def _write(self) -> None:
        for block, rows in iter(self.full.get, None):
            try:
                rest = memoryview(block[:rows]).cast("B") if rows and self.width else b""
                while self.error is None and len(rest):
                    rest = rest[self.file.write(rest):]
            except OSError as error:
                self.error = error
            self.free.put(block)
