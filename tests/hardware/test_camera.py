"""The `Camera` port: the same promises over a directory of photographs and over picamera2 (its stand-in)."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hardware.camera import DirectoryCamera, Picamera2Camera
from hardware.errors import CameraError
from hardware.ports import Camera, Frame
from tests.hardware.picamera2_standin import Library


class Rig(ABC):
    """A camera under test, and the hand that pulls its cable."""

    camera: Camera

    @abstractmethod
    def lose(self) -> None: ...

    @abstractmethod
    def restore(self) -> None: ...

    @abstractmethod
    def slow(self) -> Camera:
        """Such a camera whose second frame comes in an hour."""


class DirectoryRig(Rig):
    def __init__(self, root: Path) -> None:
        self._there, self._gone = root / "pictures", root / "away"
        self._there.mkdir()
        for number in range(3):
            Image.new("L", (64, 48), 60 * number).save(self._there / f"{number}.png")
        self.camera = DirectoryCamera(self._there, 2000, repeat=True)

    def lose(self) -> None:
        self._there.rename(self._gone)

    def restore(self) -> None:
        self._gone.rename(self._there)

    def slow(self) -> Camera:
        return DirectoryCamera(self._there, 1 / 3600, repeat=True)


class PicameraRig(Rig):
    def __init__(self) -> None:
        self._library = Library()
        self.camera = Picamera2Camera(library=self._library)

    def lose(self) -> None:
        self._library.plugged_in, self._library.failing = False, True

    def restore(self) -> None:
        self._library.plugged_in, self._library.failing = True, False

    def slow(self) -> Camera:
        camera = Picamera2Camera(library=self._library)
        _frame(camera)
        self._library.silent = True
        return _Delivered(camera)


class _Delivered:
    """A camera whose first frame was taken already, as the directory's is."""

    def __init__(self, camera: Camera) -> None:
        self._camera, self._first = camera, True

    def capture(self, timeout_seconds: float) -> Frame | None:
        if self._first:
            self._first = False
            return Frame(np.zeros((2, 2), np.uint8), 1, 0.0)
        return self._camera.capture(timeout_seconds)

    def close(self) -> None:
        self._camera.close()


@pytest.fixture(params=["directory", "picamera2"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    return DirectoryRig(tmp_path) if request.param == "directory" else PicameraRig()


def _frame(camera: Camera) -> Frame:
    """The next frame, within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        frame = camera.capture(1.0)
        if frame is not None:
            return frame
    raise AssertionError("no frame in ten seconds")


def _lost(camera: Camera) -> bool:
    """Whether it raises CameraError, if not at once (a directory's round goes on), then soon."""
    for _ in range(5):
        try:
            camera.capture(0.2)
        except CameraError:
            return True
    return False


def test_frames_are_grey_numbered_and_dated(rig: Rig) -> None:
    """Luma only, numbers that rise from 1, monotonic time that never runs backwards."""
    started = time.monotonic()
    frames = [_frame(rig.camera) for _ in range(7)]
    rig.camera.close()
    assert all(frame.luma.dtype == np.uint8 and frame.luma.ndim == 2 for frame in frames)
    assert [frame.number for frame in frames] == list(range(1, 8))
    dates = [started, *(frame.captured_at for frame in frames), time.monotonic()]
    assert dates == sorted(dates)


def test_no_new_frame_in_time_is_none_and_not_an_old_frame(rig: Rig) -> None:
    """A frame is delivered once; the wait is as long as was asked."""
    camera = rig.slow()
    assert camera.capture(1.0) is not None
    started = time.monotonic()
    assert camera.capture(0.05) is None
    assert 0.045 <= time.monotonic() - started < 5
    camera.close()


def test_a_lost_camera_is_an_error_and_comes_back_by_itself(rig: Rig) -> None:
    """DESIGN 9: a missing camera is a state. Each call tries again."""
    _frame(rig.camera)
    rig.lose()
    assert [_lost(rig.camera) for _ in range(2)] == [True, True]
    rig.restore()
    assert _frame(rig.camera).number > 1
    rig.camera.close()


def test_closing_twice_is_fine_and_a_closed_camera_opens_again(rig: Rig) -> None:
    """As every adapter."""
    rig.camera.close()
    _frame(rig.camera)
    rig.camera.close()
    rig.camera.close()
    _frame(rig.camera)
    rig.camera.close()


# A directory of photographs


def test_photographs_come_in_the_order_of_their_names_and_end(tmp_path: Path) -> None:
    """`gate run --camera DIR` shows every picture once."""
    for name, level in (("b.png", 20), ("a.PNG", 10), ("c.jpg", 30)):
        Image.new("L", (40, 30), level).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    camera = DirectoryCamera(tmp_path, 1000)
    assert [round(float(_frame(camera).luma.mean())) for _ in range(3)] == [10, 20, 30]
    assert camera.ended
    assert camera.capture(0.001) is None


def test_a_slow_reader_gets_the_next_photograph_and_no_burst(tmp_path: Path) -> None:
    """None is skipped, and none is made up for: the one after next is a period away."""
    for level in (10, 20, 30):
        Image.new("L", (40, 30), level).save(tmp_path / f"{level}.png")
    camera = DirectoryCamera(tmp_path, 20)
    first = _frame(camera)
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        np.sort(np.random.default_rng(1).random(10_000))  # a reader that is busy for four periods
    second, third = _frame(camera), _frame(camera)
    assert [round(float(f.luma.mean())) for f in (first, second, third)] == [10, 20, 30]
    assert third.captured_at - second.captured_at >= 0.045


def test_a_large_photograph_becomes_a_frame_of_a_cameras_size(tmp_path: Path) -> None:
    """A gate's camera gives 1280 pixels."""
    Image.new("L", (4000, 3000), 99).save(tmp_path / "large.jpg")
    assert _frame(DirectoryCamera(tmp_path, 10)).luma.shape == (960, 1280)


def test_an_unreadable_photograph_is_skipped_and_named(tmp_path: Path) -> None:
    """Never dropped silently, never fatal."""
    (tmp_path / "a.jpg").write_text("not a picture")
    Image.new("L", (40, 30), 77).save(tmp_path / "b.png")
    camera = DirectoryCamera(tmp_path, 100)
    assert round(float(_frame(camera).luma.mean())) == 77
    assert list(camera.unreadable) == ["a.jpg"]


def test_a_directory_without_pictures_is_one_clear_sentence(tmp_path: Path) -> None:
    """Missing, empty, a file, or full of what cannot be read."""
    empty, bad, file = tmp_path / "empty", tmp_path / "bad", tmp_path / "file"
    empty.mkdir()
    bad.mkdir()
    (bad / "x.png").write_bytes(b"no")
    file.write_text("no directory")
    for directory in (tmp_path / "missing", empty, bad, file):
        with pytest.raises(CameraError, match=directory.name):
            DirectoryCamera(directory, 100).capture(0.1)


# A Pi's camera


def test_the_luma_plane_is_cut_from_whatever_the_library_answers() -> None:
    """DESIGN 9: the stride may be wider, the form NV12, the size another."""
    for form, stride, size in (("YUV420", 0, (0, 0)), ("YUV420", 1344, (0, 0)), ("NV12", 704, (640, 480))):
        library = Library()
        library.format, library.stride, library.size = form, stride, size
        camera = Picamera2Camera(library=library)
        luma = _frame(camera).luma
        assert luma.shape == ((size[1], size[0]) if any(size) else (720, 1280))
        assert luma.max() == luma.min() == 1
        camera.close()


def test_a_form_without_a_grey_plane_is_an_error() -> None:
    """Read as grey, it would be noise that no code is ever found in."""
    library = Library()
    library.format = "XBGR8888"
    with pytest.raises(CameraError, match="XBGR8888"):
        Picamera2Camera(library=library).capture(0.1)
    assert library.devices[0].closed


def test_controls_that_a_module_lacks_are_left_out() -> None:
    """picamera2 raises for a control that the sensor does not offer; a fixed-focus module offers none for focus."""
    for offered, used in (((), set()), (("FrameDurationLimits",), {"FrameRate"}), (("AfMode",), {"AfMode"})):
        library = Library()
        library.controls = offered
        camera = Picamera2Camera(library=library)
        _frame(camera)
        assert set(library.devices[0].configuration["controls"]) == used
        camera.close()


class _Clock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_picture_that_waited_is_replaced_by_a_newer_one() -> None:
    """Newest frame only: the answer to a question that timed out is stale when the gate comes back late."""
    for waited, level in ((0.05, 1), (0.5, 2)):
        library, clock = Library(frame_seconds=0.02), _Clock()
        camera = Picamera2Camera(library=library, monotonic=clock)
        assert camera.capture(0.001) is None
        assert library.devices[0].told.wait(10)
        clock.now += waited
        frame = _frame(camera)
        assert (int(frame.luma[0, 0]), frame.captured_at) == (level, 100.0 if level == 1 else clock.now)
        camera.close()


def test_a_camera_that_falls_silent_is_opened_again() -> None:
    """It raises nothing when its cable comes off: libcamera only stops sending."""
    library, clock = Library(), _Clock()
    camera = Picamera2Camera(library=library, monotonic=clock)
    _frame(camera)
    library.silent = True
    clock.now += 2.9
    assert camera.capture(0.001) is None
    clock.now += 0.2
    with pytest.raises(CameraError, match="no picture for 3 s"):
        camera.capture(0.001)
    library.silent = False
    assert _frame(camera).number == 2
    assert [device.closed for device in library.devices] == [True, False]
    camera.close()


def test_a_camera_whose_driver_hangs_on_closing_does_not_hang_the_gate() -> None:
    """Stopping a camera whose cable came off can block for ever; the gate says so and goes on when it lets go."""
    library = Library()
    camera = Picamera2Camera(library=library)
    _frame(camera)
    library.failing = True
    library.close_hangs.clear()
    started = time.monotonic()
    with pytest.raises(CameraError, match="cancelled"):
        camera.capture(0.1)
    assert time.monotonic() - started < 5
    with pytest.raises(CameraError, match="does not let go"):
        camera.capture(0.1)
    library.failing = False
    library.close_hangs.set()
    deadline = time.monotonic() + 10
    while not library.devices[0].closed and time.monotonic() < deadline:
        pass
    assert _frame_after_errors(camera).number == 2
    camera.close()


def _frame_after_errors(camera: Camera) -> Frame:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            return _frame(camera)
        except CameraError:
            continue
    raise AssertionError("the camera did not come back")


def test_a_machine_without_picamera2_says_what_to_install() -> None:
    """It is apt's package; this machine may have it, then there is no camera."""
    with pytest.raises(CameraError, match=r"python3-picamera2|no camera answers"):
        Picamera2Camera().capture(0.1)
