"""The decoders in a process of their own: a hang or a crash costs one frame (issue: a decoder that hangs)."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from hardware.errors import ReaderError
from hardware.isolated import IsolatedReader
from hardware.ports import Frame
from hardware.scene import Exhibit, draw
from hardware.symbols import CascadeReader

# A worker like the real one whose decoder misbehaves on a frame whose first pixel is 0: it stands for a defect in
# native code, which cannot be provoked at will.
_MOODY = """
import os, time
import hardware.worker as worker
from hardware.symbols import CascadeReader
class Moody(CascadeReader):
    def read(self, frame):
        if frame.luma[0, 0] == 0:
            {misbehave}
        return super().read(frame)
worker.CascadeReader = Moody
worker.main()
"""


def _frame(text: str) -> Frame:
    luma = draw([Exhibit(text)], np.random.default_rng(1)).copy()
    luma[0, 0] = 255
    return Frame(luma, 1, 0.0)


def _cursed() -> Frame:
    return Frame(np.zeros((720, 1280), np.uint8), 1, 0.0)


def test_the_worker_reads_what_the_cascade_reads() -> None:
    """Text, stage and corners are the same on either side of the pipe."""
    reader = IsolatedReader()
    try:
        assert reader.read(_frame("THROUGH A PIPE")).symbols == CascadeReader().read(_frame("THROUGH A PIPE")).symbols
        assert reader.read(Frame(np.full((3, 5), 7, np.uint8), 2, 0.0)).symbols == ()
    finally:
        reader.close()


def test_frames_of_any_size_follow_each_other() -> None:
    """The memory grows with them; what a larger frame left in it is never seen in a smaller one."""
    reader = IsolatedReader()
    try:
        large = draw([Exhibit("LARGE")], np.random.default_rng(1))
        wide = np.full((720, 1400), 255, np.uint8)
        wide[:, 60:1340] = large  # a part of a wider array, as a camera's luma plane is
        assert reader.read(Frame(np.full((200, 300), 255, np.uint8), 1, 0.0)).symbols == ()
        assert reader.read(Frame(wide[:, 60:1340], 2, 0.0)).symbols[0].text == "LARGE"
        assert reader.read(Frame(np.full((700, 1280), 255, np.uint8), 3, 0.0)).symbols == ()
        assert reader.read(Frame(wide, 4, 0.0)).symbols[0].text == "LARGE"
    finally:
        reader.close()


@pytest.mark.parametrize(
    "misbehave", ["time.sleep(3600)", "os.abort()", "os._exit(0)", "os.write(2, b'x'); raise SystemExit(3)"]
)
def test_a_decoder_that_hangs_or_crashes_costs_that_frame_only(misbehave: str) -> None:
    """The frame is a ReaderError within its time; the next one is read by a new process."""
    reader = IsolatedReader(1.0, (sys.executable, "-c", _MOODY.format(misbehave=misbehave)))
    try:
        assert reader.read(_frame("BEFORE")).symbols[0].text == "BEFORE"
        with pytest.raises(ReaderError, match="stopped on one frame"):
            reader.read(_cursed())
        assert reader.read(_frame("AFTER")).symbols[0].text == "AFTER"
        assert reader.restarts == 1
    finally:
        reader.close()


def test_a_worker_that_cannot_start_is_a_reader_error() -> None:
    """Whatever the command is: missing, or something else that ends at once."""
    for command in (("/nonexistent/worker",), (sys.executable, "-c", "print('hello')"), (sys.executable, "-c", "")):
        with pytest.raises(ReaderError, match="does not start"):
            IsolatedReader(1.0, command).read(_cursed())


def test_closing_twice_is_fine_and_a_later_read_starts_anew() -> None:
    """As every adapter; each takes its descriptors with it."""
    held = len(os.listdir("/proc/self/fd"))
    reader = IsolatedReader()
    reader.close()
    assert reader.read(_frame("ONE")).symbols[0].text == "ONE"
    reader.close()
    reader.close()
    assert reader.read(_frame("TWO")).symbols[0].text == "TWO"
    reader.close()
    assert len(os.listdir("/proc/self/fd")) == held
