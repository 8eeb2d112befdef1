"""Which machine this is: board and card, so that a cloned card is found out (DESIGN 7); its temperature and disk."""

from __future__ import annotations

import os
from pathlib import Path

_BOARD = (Path("/sys/firmware/devicetree/base/serial-number"), Path("/etc/machine-id"))
_CARD = Path("/sys/block/mmcblk0/device/cid")
_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")


def name() -> str:
    """`board:card` – a Pi's serial number and its card's CID; elsewhere the machine id and "-"."""
    board = next((text for text in map(_read, _BOARD) if text), "unknown")
    return f"{board}:{_read(_CARD) or '-'}"


def board_celsius() -> float | None:
    """The processor's temperature, None where there is no sensor."""
    text = _read(_THERMAL)
    return int(text) / 1000 if text and text.lstrip("-").isdigit() else None


def disk_used(path: Path) -> float:
    """The used share (0 … 1) of the file system that holds `path`, as an unprivileged program sees it."""
    stat = os.statvfs(path)
    return round(1 - stat.f_bavail / stat.f_blocks, 4) if stat.f_blocks else 1.0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="ignore").strip("\0\n ")
    except OSError:
        return ""
