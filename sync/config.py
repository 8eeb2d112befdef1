"""Configuration of gate-sync: sync.toml, typed, and what holds when it says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from sync.backoff import Pace
from sync.transport import Patience
from sync.wire.tomlform import ConfigError, decode

DEFAULT_FILE = Path("/etc/venue-gate/sync.toml")

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class SyncConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """state_dir: what survives a reboot; run_dir: what need not, `run` inside state_dir unless said.

    greeting_seconds: the longest silence towards the centre. longest_wait_seconds: the longest pause between attempts.
    connect_seconds, read_seconds, exchange_seconds: see `transport.Patience`.
    """

    state_dir: str = "/var/lib/venue-gate"
    run_dir: str | None = None
    greeting_seconds: _Seconds = 30.0
    first_wait_seconds: _Seconds = 1.0
    longest_wait_seconds: _Seconds = 180.0
    connect_seconds: _Seconds = 10.0
    read_seconds: _Seconds = 30.0
    exchange_seconds: _Seconds = 120.0

    @property
    def pace(self) -> Pace:
        """How quickly to come back after failures."""
        return Pace(self.first_wait_seconds, self.longest_wait_seconds)

    @property
    def patience(self) -> Patience:
        """How long to wait within an exchange."""
        return Patience(self.connect_seconds, self.read_seconds, self.exchange_seconds)


def load(path: Path | None) -> SyncConfig:
    """Read the configuration. path: None for the usual file, which may be missing. Raises ConfigError."""
    file = path or DEFAULT_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as cause:
        if path is None:
            return SyncConfig()
        raise ConfigError(f"{file}: there is no such file") from cause
    except (OSError, UnicodeDecodeError) as cause:
        raise ConfigError(f"{file} cannot be read: {cause}") from cause
    return decode(text, SyncConfig, str(file))
