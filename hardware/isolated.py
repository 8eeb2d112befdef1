"""Keeps the decoders in a process of their own, so that one which hangs or crashes costs a frame and not the gate.

Native code cannot be interrupted inside our process; a process can be killed. Costs a copy of each frame through a
pipe and the memory of a second interpreter. It is not a sandbox: the worker has the gate's user and files.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence

import msgspec
import numpy as np

from hardware.errors import ReaderError
from hardware.ports import Frame, Sight
from hardware.worker import HEADER, MAX_ANSWER_BYTES, Answer

_COMMAND = (sys.executable, "-m", "hardware.worker")
_PIPE_BYTES = 1 << 20  # a frame in one piece; Linux gives every user this much
_START_SECONDS = 20.0  # a Pi imports numpy from a slow card


class IsolatedReader:
    """A SymbolReader around a worker process, started anew whenever it does not answer in time."""

    def __init__(self, frame_seconds: float = 1.0, command: Sequence[str] = _COMMAND) -> None:
        """frame_seconds: how long one frame may take. command: starts a worker (`hardware.worker`)."""
        self.faults: tuple[str, ...] = ()
        self.restarts = 0
        self._frame_seconds, self._command = frame_seconds, tuple(command)
        self._worker: subprocess.Popen[bytes] | None = None

    def read(self, frame: Frame) -> Sight:
        """Look at one frame; see the port. Raises ReaderError, after which another worker reads the next."""
        worker = self._worker or self._start()
        luma = np.ascontiguousarray(frame.luma)
        try:
            deadline = time.monotonic() + self._frame_seconds
            _send(worker, memoryview(HEADER.pack(*luma.shape)), deadline)
            _send(worker, luma.data.cast("B"), deadline)
            answer = _receive(worker, deadline)
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as cause:
            self.close()
            self.restarts += 1
            raise ReaderError(
                f"the decoder was stopped on one frame ({cause}); the next is read by a new one"
            ) from cause
        if answer.error is not None:
            raise ReaderError(answer.error)
        return answer.sight

    def close(self) -> None:
        """Stop the worker. Safe to call twice; a later read starts another."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.kill()
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                pipe.close()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            # Its own session: Ctrl-C on the gate must not hit the worker first.
            worker = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
            )
            self._worker = worker
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            ready = _receive(worker, time.monotonic() + _START_SECONDS)
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as cause:
            self.close()
            raise ReaderError(f"the decoder's process does not start ({cause})") from cause
        self.faults = (ready.error,) if ready.error else ()
        return worker


def _send(worker: subprocess.Popen[bytes], rest: memoryview, deadline: float) -> None:
    assert worker.stdin is not None
    while rest:
        _wait(worker.stdin.fileno(), select.POLLOUT, deadline)
        rest = rest[os.write(worker.stdin.fileno(), rest) :]


def _receive(worker: subprocess.Popen[bytes], deadline: float) -> Answer:
    _, size = HEADER.unpack(_exactly(worker, HEADER.size, deadline))
    if size > MAX_ANSWER_BYTES:
        raise EOFError("an answer of absurd size")
    return msgspec.msgpack.decode(_exactly(worker, size, deadline), type=Answer)


def _exactly(worker: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
    assert worker.stdout is not None
    received = bytearray()
    while len(received) < size:
        _wait(worker.stdout.fileno(), select.POLLIN, deadline)
        chunk = os.read(worker.stdout.fileno(), size - len(received))
        if not chunk:
            raise EOFError("it ended")
        received += chunk
    return bytes(received)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    ready = select.poll()
    ready.register(descriptor, event)
    if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError("it did not answer in time")
