"""Where the collector's files are, and what `collector.toml` may say. Reads that one file, nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sync.collector.alarms.limits import Limits
from sync.collector.errors import Mistake
from sync.collector.messages.settings import MailSettings, MessagesSettings, OutboundSettings, SmsSettings
from sync.collector.venues.maps import MapSettings
from sync.collector.venues.settings import VenueSettings
from sync.collector.visitors.phone.settings import VisitorSettings
from sync.collector.visitors.status.settings import PlatformSettings, StatusSettings
from sync.wire import tomlform

DEFAULT_STATE = Path("/var/lib/venue-gate-collector")
DATABASE_VARIABLE = "COLLECTOR_DATABASE"


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

    @property
    def fonts(self) -> Path:
        """Optional: fonts of the town's, for posters with characters that Debian's have not."""
        return self.path / "fonts"

    @property
    def simulation(self) -> Path:
        """There, when `init --simulation` made this centre: what it holds never happened."""
        return self.path / "simulation"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """collector.toml.

    database: PostgreSQL as postgresql://user@host/name; unless said, the SQLite file in the state directory. issuer:
    the short name that passes carry. host, port: where `serve` listens unless its options say otherwise. workers:
    processes, 0 for as many as fit the database and the machine. threads: of each, one request at a time.
    silent_after_seconds: a gate that was not heard of for longer is shown as silent. alarm_after_seconds: such a
    silence is a trouble that IT is told of. stick_days: likewise for a gate
    whose newest word came on a stick. metrics_token: who sends it may read /metrics from elsewhere. address: where
    people open the pages through the proxy, such as https://centre.example; without it they answer this machine
    only. second_factor: False lets IT and authority sign in by password alone; only without an address. mail, sms,
    messages, outbound: how messages and webhooks leave (`messages.settings`). alarms: when to tell somebody
    (`alarms.rules`). venues: what the town decides about venues
    (`venues.settings`). map: whose tiles a position is chosen on (`venues.maps`). status: what the town decides about
    who is green (`visitors.status.settings`). platform: the province's, where there is one. visitors: what the town
    decides about visitors' phones (`visitors.phone.settings`).
    """

    database: str | None = None
    issuer: Annotated[str, msgspec.Meta(min_length=1, max_length=16)] = "VG"
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8000
    workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    silent_after_seconds: Annotated[int, msgspec.Meta(ge=5, le=86_400)] = 60
    metrics_token: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{16,200}\Z")] | None = None
    alarm_after_seconds: Annotated[int, msgspec.Meta(ge=60, le=30 * 86_400)] = 900
    stick_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 14
    address: Annotated[str, msgspec.Meta(pattern=r"^https://[a-zA-Z0-9.-]+(:\d+)?\Z")] | None = None
    second_factor: bool = True
    mail: MailSettings | None = None
    sms: SmsSettings | None = None
    messages: MessagesSettings = MessagesSettings()
    outbound: OutboundSettings = OutboundSettings()
    alarms: Limits = Limits()
    venues: VenueSettings = VenueSettings()
    map: MapSettings = MapSettings()
    status: StatusSettings = StatusSettings()
    platform: PlatformSettings | None = None
    visitors: VisitorSettings = VisitorSettings()

    def __post_init__(self) -> None:
        if self.address is not None and not self.second_factor:
            raise ValueError("second_factor = false is for a centre without an address")


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


def database_url(state: StateDir, settings: Settings) -> URL:
    """Where the database is: the environment's word, else collector.toml's, else the state directory's file.

    Raises Mistake for what is no PostgreSQL address; the sentence never repeats it, for it may hold a password.
    """
    asked = os.environ.get(DATABASE_VARIABLE) or settings.database
    if asked is None:
        return URL.create("sqlite", database=str(state.database))
    try:
        url = make_url(asked)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() != "postgresql" or not url.database:
        raise Mistake(
            "`database` is the address of a PostgreSQL database, such as postgresql://collector@host/collector"
        )
    return url.set(drivername="postgresql+psycopg")
