"""Reads the codes in a photograph that somebody sent, in a process of its own: bounded in time, memory, number."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from threading import BoundedSemaphore

import msgspec

from sync.collector.errors import CollectorError
from sync.collector.reverse.worker import Fault, Seen

COMMAND = (sys.executable, "-m", "sync.collector.reverse.worker")
AT_ONCE = 2
"""Photographs that one process of the server looks at at the same time: of eight threads six stay free."""
_WAIT_SECONDS = 3.0
_PICTURE_SECONDS = 10.0
_MAX_ANSWER_BYTES = 64_000
_CHUNK_BYTES = 1 << 14
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "HOME")


class Busy(CollectorError):
    """Others' photographs are looked at just now."""


class PhotographReader:
    """Safe to share between threads.

    at_once: photographs looked at together; who comes then waits for `wait_seconds`. picture_seconds: for one.
    command: starts a worker.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        wait_seconds: float = _WAIT_SECONDS,
        picture_seconds: float = _PICTURE_SECONDS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._free = BoundedSemaphore(at_once)
        self._wait_seconds, self._picture_seconds, self._command = wait_seconds, picture_seconds, tuple(command)

    def read(self, picture: bytes) -> Seen:
        """What is to be seen. A worker that died or took too long has found nothing: the picture is broken.

        Raises Busy.
        """
        if not self._free.acquire(timeout=self._wait_seconds):
            raise Busy("other photographs are being read")
        try:
            return self._asked(picture)
        finally:
            self._free.release()

    def _asked(self, picture: bytes) -> Seen:
        descriptor = os.memfd_create("photograph", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb+", buffering=0) as memory:
            memory.write(picture)
            memory.seek(0)
            worker = subprocess.Popen(
                self._command,
                stdin=memory,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,
                env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"OPENBLAS_NUM_THREADS": "1"},
            )
        try:
            return msgspec.json.decode(self._answer(worker), type=Seen)
        except (OSError, msgspec.MsgspecError):
            return Seen(fault=Fault.BROKEN)
        finally:
            worker.kill()
            worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()

    def _answer(self, worker: subprocess.Popen[bytes]) -> bytes:
        """All that it says until it ends, or until its time is over."""
        assert worker.stdout is not None
        deadline, said = time.monotonic() + self._picture_seconds, bytearray()
        poll = select.poll()
        poll.register(worker.stdout, select.POLLIN)
        while len(said) <= _MAX_ANSWER_BYTES:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                break
            chunk = worker.stdout.read(_CHUNK_BYTES)
            if not chunk:
                return bytes(said)
            said += chunk
        return b""
