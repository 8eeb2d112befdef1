"""The error family of the hardware folder: what a device could not do.

An adapter turns its library's exceptions into one of these, `from` the cause. A refused visitor is
never an error; an error means that the device could not do its job.
"""


class HardwareError(Exception):
    """A device could not do its job."""


class CameraError(HardwareError):
    """The camera delivers no frames: absent, unplugged, its library missing, or nothing to show."""


class PinsError(HardwareError):
    """The pins cannot be driven: no factory by that name, no chip, a pin in use."""


class ReaderError(HardwareError):
    """A decoder failed on one frame. It costs that frame only."""


class ThermometerError(HardwareError):
    """The thermometer cannot be read. That is *not measured*, which is not *normal* (R4)."""
