"""The decoders' own process: frames come in through shared memory, codes go out on standard output.

A request on standard input says the size of the frame that now lies in the memory; until it is answered, nobody writes
there.

A native decoder that hangs or crashes on a hostile picture takes this process with it and nothing else; its parent
(`hardware.isolated`) starts another. It ends when its input ends.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import BinaryIO

import msgspec

from hardware.errors import ReaderError
from hardware.ports import Frame, Sight
from hardware.shared import SharedMemory
from hardware.symbols import CascadeReader

HEADER = struct.Struct("<II")  # height, width of the frame in the memory; or 0, size of the answer that follows
MAX_ANSWER_BYTES = 1 << 20


class Answer(msgspec.Struct, frozen=True):
    """What became of one frame. error: a sentence where the decoder failed on it."""

    sight: Sight = Sight()
    error: str | None = None


def main() -> None:
    """Answer frame after frame until the input ends. The last argument is the descriptor of the shared memory."""
    memory, requests, answers = SharedMemory(int(sys.argv[-1])), sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a C library prints must not get between the answers
    reader = CascadeReader()
    _answer(answers, Answer(error="; ".join(reader.faults) or None))
    while request := requests.read(HEADER.size):
        try:
            answer = Answer(reader.read(Frame(memory.frame(*HEADER.unpack(request)), 0, 0.0)))
        except ReaderError as failed:
            answer = Answer(error=str(failed))
        _answer(answers, answer)


def _answer(answers: BinaryIO, answer: Answer) -> None:
    body = msgspec.msgpack.encode(answer)
    answers.write(HEADER.pack(0, len(body)) + body)
    answers.flush()


if __name__ == "__main__":
    main()
