"""Where the collector's files are, and what `collector.toml` may say. Reads that one file, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from sync.collector.errors import Mistake
from sync.wire import tomlform

DEFAULT_STATE = Path("/var/lib/venue-gate-collector")


@dataclass(frozen=True, slots=True)
class StateDir:
    """The centre's state directory. `root_key` is in a directory of its own, so that it can be taken offline."""

    path: Path

    @property
    def config(self) -> Path:
        """Optional: `Settings` as TOML."""
        return self.path / "collector.toml"

    @property
    def database(self) -> Path:
        """SQLite; beside it stand its -wal and -shm."""
        return self.path / "collector.db"

    @property
    def keys(self) -> Path:
        """The keys that the running centre needs."""
        return self.path / "keys"

    @property
    def root(self) -> Path:
        """The root key: signs the key list and nothing else; may be carried away after `init`."""
        return self.path / "root"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """collector.toml.

    issuer: the short name that passes carry. host, port: where `serve` listens unless its options say otherwise.
    threads: requests served at once. silent_after_seconds: a gate that was not heard of for longer is shown as silent.
    """

    issuer: Annotated[str, msgspec.Meta(min_length=1, max_length=16)] = "VG"
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8000
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    silent_after_seconds: Annotated[int, msgspec.Meta(ge=5, le=86_400)] = 60


def load_settings(state: StateDir) -> Settings:
    """Read collector.toml; all defaults when there is none. Raises Mistake with one sentence."""
    try:
        text = state.config.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as cause:
        raise Mistake(f"{state.config} cannot be read: {cause}") from cause
    try:
        return tomlform.decode(text, Settings, str(state.config))
    except tomlform.ConfigError as cause:
        raise Mistake(str(cause)) from cause
