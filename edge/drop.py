"""Drops the relay and darkens the lamps after a gate that has ended, however it did (DESIGN 9: fail-secure inward).

systemd runs it (`ExecStopPost`), because a kernel may keep a pin as its dead program had it; so it imports no more than
it needs. It does NOT decide whether the gate should have ended.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edge import config as configuration
from edge.errors import NotSetUp
from hardware import pins
from hardware.errors import PinsError


def drop(config_file: Path | None) -> None:
    """By the numbers in the configuration, or by the defaults where it cannot be read. Raises NotSetUp, PinsError.

    The pins of a gate that runs are left alone: lgpio gives a line to one program at a time.
    """
    unread: NotSetUp | None = None
    try:
        config = configuration.load(config_file).pins
    except NotSetUp as cause:
        unread, config = cause, configuration.Pins()
    pins.drop(pins.make_factory(config.factory), config.outputs)
    if unread is not None:
        raise unread


if __name__ == "__main__":
    try:
        drop(None)
    except (NotSetUp, PinsError) as trouble:
        sys.exit(f"gate drop: {trouble}")
