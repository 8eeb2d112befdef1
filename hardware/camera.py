"""Where frames come from: a Pi's camera (picamera2), or a directory of photographs. Both are the `Camera` port."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.errors import CameraError
from hardware.photographs import SUFFIXES, PhotographError, load_luma
from hardware.ports import Frame

_log = logging.getLogger(__name__)
_FRESH_SECONDS = 0.1  # a picture that waited longer for us is stale: take the next one
_SILENCE_SECONDS = 3.0  # a camera that runs sends thirty pictures a second
_CLOSE_SECONDS = 2.0
_LUMA_FIRST = {"YUV420", "YVU420", "NV12", "NV21"}  # planar forms whose first rows are the Y plane
_REAL_NAME = {"FrameRate": "FrameDurationLimits"}  # picamera2's own short form
_AF_MANUAL, _AE_SHORT = 0, 1  # libcamera: AfModeManual, ExposureShort


class DirectoryCamera:
    """Shows the photographs of a directory (JPEG, PNG) in the order of their names, at a rate.

    Unlike a lens it skips no picture for a slow reader: the next one is due one period after the last was taken, or
    when it is asked for. A picture that cannot be read is left out and named in `unreadable`. Frames are no larger than
    a gate's camera gives them.
    """

    def __init__(
        self, directory: Path, frames_per_second: float = 10.0, repeat: bool = False, max_side: int = 1280
    ) -> None:
        """repeat: begin again after the last picture (files that came meanwhile are seen); else end there."""
        self.unreadable: dict[str, str] = {}
        self._directory, self._repeat, self._max_side = directory, repeat, max_side
        self._period = 1.0 / frames_per_second
        self._waiting: list[Path] | None = None
        self._due = time.monotonic()
        self._number = 0
        self._shown_in_round = False

    @property
    def ended(self) -> bool:
        """Whether every picture was shown and none will follow."""
        return self._waiting == [] and not self._repeat

    def pictures(self) -> list[Path]:
        """The photographs that are there now. Raises CameraError when there is none."""
        try:
            found = sorted(path for path in self._directory.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError as cause:
            raise CameraError(f"no directory of pictures at {self._directory}: {cause.strerror}") from cause
        if not found:
            raise CameraError(f"{self._directory} holds no picture: put .jpg or .png files there")
        return found

    def capture(self, timeout_seconds: float) -> Frame | None:
        """The next picture when it is due; see the port."""
        if not self._waiting and not self.ended:
            self._begin_round()
        wait = self._due - time.monotonic()
        if self.ended or wait > timeout_seconds:
            time.sleep(timeout_seconds)
            return None
        time.sleep(max(0.0, wait))
        luma = self._next_readable()
        if luma is None:
            if not self._shown_in_round:
                self._waiting = None
                raise CameraError(f"no picture in {self._directory} can be read: {len(self.unreadable)} tried")
            return None
        now = time.monotonic()
        self._due = now + self._period
        self._number += 1
        return Frame(luma, self._number, now)

    def close(self) -> None:
        """Nothing is held open."""

    def _begin_round(self) -> None:
        self._waiting, self._shown_in_round = self.pictures(), False

    def _next_readable(self) -> NDArray[np.uint8] | None:
        while self._waiting:
            path = self._waiting.pop(0)
            try:
                luma = load_luma(path, self._max_side)
            except PhotographError as unreadable:
                if path.name not in self.unreadable:
                    _log.warning("skipped: %s", unreadable)
                self.unreadable[path.name] = str(unreadable)
            else:
                self._shown_in_round = True
                self.unreadable.pop(path.name, None)
                return luma
        return None


class Picamera2Camera:
    """A Raspberry Pi's camera, read as grey frames (DESIGN 9, "Camera facts"; picamera2 0.3.38).

    Opened by the first capture, so that a missing camera is a state and not a failed start. After any failure, and
    after three seconds without a picture, it is closed and the next capture opens it again.
    """

    def __init__(
        self,
        camera_number: int = 0,
        size: tuple[int, int] = (720, 1280),
        frames_per_second: float = 30.0,
        lens_dioptres: float = 5.0,
        library: Any = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """size: (height, width) asked for. lens_dioptres: 1 / distance in metres, for a lens that can focus.

        library: the module `picamera2`, imported when it is first needed unless given.
        """
        self._monotonic = monotonic
        self._camera_number, self._size = camera_number, size
        self._frames_per_second, self._lens_dioptres = frames_per_second, lens_dioptres
        self._library = library
        self._device: Any = None
        self._luma_size = size
        self._asked: _Asked | None = None
        self._alive_at = 0.0
        self._number = 0
        self._closing: threading.Thread | None = None

    def capture(self, timeout_seconds: float) -> Frame | None:
        """The first frame whose exposure ends after the call, or one not older than 0.1 s; see the port."""
        if self._device is None:
            self._open()
        try:
            return self._newest(timeout_seconds)
        except Exception as cause:  # libcamera's errors come as whatever its binding makes of them
            self.close()
            if isinstance(cause, CameraError):
                raise
            raise CameraError(f"the camera failed: {cause}") from cause

    def close(self) -> None:
        """Free the camera, waiting at most two seconds: stopping one whose cable came off can block for ever."""
        device, self._device, self._asked = self._device, None, None
        if device is None:
            return
        self._closing = threading.Thread(target=_close_quietly, args=(device,), name="camera-close", daemon=True)
        self._closing.start()
        self._closing.join(_CLOSE_SECONDS)

    def _open(self) -> None:
        if self._closing is not None and self._closing.is_alive():
            raise CameraError("the camera's driver does not let go of it: check the cable, then restart the gate")
        if self._library is None:
            self._library = _import_picamera2()
        try:
            device = self._library.Picamera2(self._camera_number)
        except Exception as cause:
            raise CameraError(
                f"no camera answers: check its cable and `rpicam-hello --list-cameras` ({cause})"
            ) from cause
        self._device, self._alive_at = device, self._monotonic()
        try:
            self._start(device)
        except Exception as cause:
            self.close()
            if isinstance(cause, CameraError):
                raise
            raise CameraError(f"the camera does not start: {cause}") from cause

    def _start(self, device: Any) -> None:
        wanted = {
            "FrameRate": self._frames_per_second,
            "AfMode": _AF_MANUAL,
            "LensPosition": self._lens_dioptres,
            "AeExposureMode": _AE_SHORT,
        }
        offered = device.camera_controls  # not every module focuses; an unknown control is an error in picamera2
        controls = {name: value for name, value in wanted.items() if _REAL_NAME.get(name, name) in offered}
        height, width = self._size
        device.configure(
            device.create_video_configuration(
                main={"size": (width, height), "format": "YUV420"},
                controls=controls,
                buffer_count=4,
                queue=False,  # no picture is kept back for us: what comes is newer than the question
                display=None,
                encode=None,
            )
        )
        given = device.camera_configuration()["main"]  # another size or form than asked for may come silently
        if given["format"] not in _LUMA_FIRST:
            raise CameraError(f"the camera gives {given['format']}, which has no grey plane to read")
        self._luma_size = (given["size"][1], given["size"][0])
        device.start()

    def _newest(self, timeout_seconds: float) -> Frame | None:
        if self._asked is None or self._asked.age() > _FRESH_SECONDS:
            self._asked = _Asked(self._device, self._monotonic)
        try:
            array = self._asked.job.get_result(timeout=timeout_seconds)
        except TimeoutError:
            if self._monotonic() - self._alive_at > _SILENCE_SECONDS:
                raise CameraError(f"the camera sent no picture for {_SILENCE_SECONDS:.0f} s") from None
            return None
        self._alive_at = self._monotonic()
        arrived_at = self._asked.arrived_at or self._alive_at
        self._asked = None
        height, width = self._luma_size
        self._number += 1
        return Frame(array[:height, :width], self._number, arrived_at)


class _Asked:
    """One question to the camera for its next picture, which may outlive the capture that asked."""

    def __init__(self, device: Any, monotonic: Callable[[], float]) -> None:
        self.arrived_at: float | None = None
        self._monotonic = monotonic
        self.job = device.capture_array("main", wait=False, signal_function=self._arrived)

    def age(self) -> float:
        """Seconds for which the picture has been waiting; 0 while it has not come."""
        return 0.0 if self.arrived_at is None else self._monotonic() - self.arrived_at

    def _arrived(self, _job: Any) -> None:
        self.arrived_at = self._monotonic()


def _import_picamera2() -> Any:
    try:
        return importlib.import_module("picamera2")
    except Exception as cause:  # its own imports fail in many ways where libcamera is missing or does not fit
        raise CameraError(
            f"picamera2 cannot be used ({cause}): on a Raspberry Pi, apt install python3-picamera2 "
            "and make the virtual environment with --system-site-packages"
        ) from cause


def _close_quietly(device: Any) -> None:
    try:
        device.close()
    except Exception as cause:  # noqa: BLE001 - it failed already; the next capture opens it anew
        _log.warning("closing the camera: %s", cause)
