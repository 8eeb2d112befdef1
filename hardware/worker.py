"""The decoders' own process: frames come in on standard input, codes go out on standard output.

A native decoder that hangs or crashes on a hostile picture takes this process with it and nothing else; its parent
(`hardware.isolated`) starts another. It ends when its input ends.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import BinaryIO

import msgspec
import numpy as np

from hardware.errors import ReaderError
from hardware.ports import Frame, Sight
from hardware.symbols import CascadeReader

HEADER = struct.Struct("<II")  # height, width of the frame that follows; or 0, size of the answer that follows
MAX_ANSWER_BYTES = 1 << 20


class Answer(msgspec.Struct, frozen=True):
    """What became of one frame. error: a sentence where the decoder failed on it."""

    sight: Sight = Sight()
    error: str | None = None


def main() -> None:
    """Answer frame after frame until the input ends."""
    frames, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a C library prints must not get between the answers
    reader = CascadeReader()
    _answer(answers, Answer(error="; ".join(reader.faults) or None))
    while header := frames.read(HEADER.size):
        height, width = HEADER.unpack(header)
        luma = np.frombuffer(frames.read(height * width), np.uint8).reshape(height, width)
        try:
            answer = Answer(reader.read(Frame(luma, 0, 0.0)))
        except ReaderError as failed:
            answer = Answer(error=str(failed))
        _answer(answers, answer)


def _answer(answers: BinaryIO, answer: Answer) -> None:
    body = msgspec.msgpack.encode(answer)
    answers.write(HEADER.pack(0, len(body)) + body)
    answers.flush()


if __name__ == "__main__":
    main()
