"""A stand-in for the module `picamera2`, so that the adapter's own logic runs without a Pi.

It has the calls that the adapter makes, with the signatures and the failures read in picamera2 0.3.38's source. It does
NOT establish that a real camera, libcamera or another version of picamera2 behaves like this: tests/device does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALL_CONTROLS = ("AeExposureMode", "AfMode", "FrameDurationLimits", "LensPosition")


class Job:
    """picamera2.job.Job: a result that comes with a later frame."""

    def __init__(self) -> None:
        self._future: Future[NDArray[np.uint8]] = Future()

    def get_result(self, timeout: float | None = None) -> NDArray[np.uint8]:
        return self._future.result(timeout)


class Library:
    """The module: `Picamera2(number)` opens the camera. Its other attributes say what kind of camera is plugged in."""

    def __init__(self, frame_seconds: float = 0.001) -> None:
        self.frame_seconds = frame_seconds
        self.plugged_in, self.silent, self.failing, self.close_hangs = True, False, False, threading.Event()
        self.stride, self.format, self.size = 0, "YUV420", (0, 0)  # given instead of what was asked; 0: as asked
        self.controls: tuple[str, ...] = ALL_CONTROLS
        self.devices: list[Device] = []
        self.close_hangs.set()  # cleared: closing blocks

    def Picamera2(self, camera_num: int = 0) -> Device:
        if not self.plugged_in:
            raise RuntimeError("Camera(s) not found (Do not forget to disable legacy camera with raspi-config).")
        self.devices.append(Device(self))
        return self.devices[-1]


class Device:
    """One opened camera. Frame n has the grey level n all over its luma plane, 255 in the chroma and the padding."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self.frames, self.started, self.closed = 0, False, False
        self.told = threading.Event()  # a frame was announced
        self.configuration: dict[str, Any] = {}
        self.camera_controls = dict.fromkeys(library.controls, (0, 1, 0))

    def create_video_configuration(self, **asked: Any) -> dict[str, Any]:
        return asked

    def configure(self, configuration: dict[str, Any]) -> None:
        for name in configuration["controls"]:
            if {"FrameRate": "FrameDurationLimits"}.get(name, name) not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        main = dict(configuration["main"])
        main["format"] = self._library.format
        main["size"] = self._library.size if any(self._library.size) else main["size"]
        main["stride"] = self._library.stride or main["size"][0]
        self.configuration = {**configuration, "main": main}

    def camera_configuration(self) -> dict[str, Any]:
        return self.configuration

    def start(self) -> None:
        self.started = True

    def capture_array(self, name: str, wait: bool | None, signal_function: Callable[[Job], None]) -> Job:
        assert (name, wait, self.started, self.closed) == ("main", False, True, False)
        job = Job()
        if self._library.failing:
            job._future.set_exception(RuntimeError("the request was cancelled"))
        elif not self._library.silent:
            threading.Timer(self._library.frame_seconds, self._expose, (job, signal_function)).start()
        return job

    def close(self) -> None:
        self._library.close_hangs.wait()
        self.closed = True

    def _expose(self, job: Job, signal_function: Callable[[Job], None]) -> None:
        with self._lock:
            self.frames += 1
            width, height = self.configuration["main"]["size"]
            array = np.full((height * 3 // 2, self.configuration["main"]["stride"]), 255, np.uint8)
            array[:height, :width] = self.frames
        job._future.set_result(array)
        signal_function(job)
        self.told.set()
