"""Memory that the gate and its decoders' process both see: room for one frame, grown by the gate as frames need it.

Whose turn it is to look or to write is not decided here: their messages say so (`hardware.isolated`).
"""

from __future__ import annotations

import mmap
import os

import numpy as np
from numpy.typing import NDArray


class SharedMemory:
    """Behind a descriptor (memfd_create(2)), which the worker inherits; it is gone with the last of the two."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._map: mmap.mmap | None = None

    @classmethod
    def new(cls) -> SharedMemory:
        """For the process that starts the other. Raises OSError."""
        return cls(os.memfd_create("frame", os.MFD_CLOEXEC))

    def frame(self, height: int, width: int) -> NDArray[np.uint8]:
        """The memory as a frame of that size, uint8 of shape (height, width). Raises OSError."""
        size = height * width
        if self._map is None or len(self._map) < size:
            # Never made smaller: what the other process has mapped stays there (a missing page is a SIGBUS).
            if os.fstat(self.descriptor).st_size < size:
                os.ftruncate(self.descriptor, size)
            self._map = mmap.mmap(self.descriptor, max(size, 1))
        return np.frombuffer(self._map, np.uint8, size).reshape(height, width)

    def close(self) -> None:
        """Give it back; frames in it stay valid as long as somebody holds them."""
        self._map = None
        os.close(self.descriptor)
