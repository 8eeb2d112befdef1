"""Keeps the decoders in a process of their own, so that one which hangs or crashes costs a frame and not the gate.

Native code cannot be interrupted inside our process; a process can be killed. Costs a copy of each frame into memory
that both see, two changes of process, and the memory of a second interpreter. It is not a sandbox: the worker has the
gate's user and files.
"""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import msgspec
import numpy as np

from hardware.errors import ReaderError
from hardware.ports import Frame, Sight
from hardware.shared import SharedMemory
from hardware.worker import HEADER, MAX_ANSWER_BYTES, Answer

_COMMAND = (sys.executable, "-m", "hardware.worker")
_START_SECONDS = 20.0  # a Pi imports numpy from a slow card
_CHUNK_BYTES = 1 << 16


class IsolatedReader:
    """A SymbolReader around a worker process, started anew whenever it does not answer in time."""

    def __init__(self, frame_seconds: float = 1.0, command: Sequence[str] = _COMMAND) -> None:
        """frame_seconds: how long one frame may take. command: starts a worker (`hardware.worker`)."""
        self.faults: tuple[str, ...] = ()
        self.restarts = 0
        self._frame_seconds, self._command = frame_seconds, tuple(command)
        self._worker: _Worker | None = None

    def read(self, frame: Frame) -> Sight:
        """Look at one frame; see the port. Raises ReaderError, after which another worker reads the next."""
        worker = self._worker or self._start()
        try:
            answer = worker.look(frame, time.monotonic() + self._frame_seconds)
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
        if worker is not None:
            worker.kill()

    def _start(self) -> _Worker:
        try:
            self._worker = worker = _Worker.of(self._command)
            ready = worker.receive(time.monotonic() + _START_SECONDS)
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as cause:
            self.close()
            raise ReaderError(f"the decoder's process does not start ({cause})") from cause
        self.faults = (ready.error,) if ready.error else ()
        return worker


@dataclass(frozen=True, slots=True)
class _Worker:
    """A running process, and the memory through which it is shown a frame. One frame at a time: it is ours again with
    the answer, or when the process is killed.
    """

    process: subprocess.Popen[bytes]
    memory: SharedMemory
    requests: IO[bytes]
    answers: IO[bytes]
    answered: select.poll

    @classmethod
    def of(cls, command: Sequence[str]) -> _Worker:
        memory = SharedMemory.new()
        try:
            process = subprocess.Popen(
                (*command, str(memory.descriptor)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=(memory.descriptor,),
                start_new_session=True,  # Ctrl-C on the gate must not hit the worker first
            )
        except OSError:
            memory.close()
            raise
        assert process.stdin is not None
        assert process.stdout is not None
        answered = select.poll()
        answered.register(process.stdout, select.POLLIN)
        return cls(process, memory, process.stdin, process.stdout, answered)

    def look(self, frame: Frame, deadline: float) -> Answer:
        """What it sees in one frame. Raises OSError, EOFError, TimeoutError, MsgspecError."""
        height, width = frame.luma.shape
        np.copyto(self.memory.frame(height, width), frame.luma)
        self.requests.write(HEADER.pack(height, width))  # one at a time: the pipe has room
        return self.receive(deadline)

    def receive(self, deadline: float) -> Answer:
        """Its next answer. Raises as `look`."""
        received = bytearray()
        wanted = HEADER.size
        while len(received) < wanted:
            if not self.answered.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError("it did not answer in time")
            chunk = self.answers.read(_CHUNK_BYTES)
            if not chunk:
                raise EOFError("it ended")
            received += chunk
            if len(received) >= HEADER.size:
                wanted = HEADER.size + _size(received)
        return msgspec.msgpack.decode(memoryview(received)[HEADER.size : wanted], type=Answer)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.requests, self.answers):
            pipe.close()
        self.memory.close()


def _size(received: bytearray) -> int:
    size: int = HEADER.unpack_from(received)[1]
    if size > MAX_ANSWER_BYTES:
        raise EOFError("an answer of absurd size")
    return size
