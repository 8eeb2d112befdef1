"""The centre as every command and page uses it: its directory, settings, database and keys – opened, or first made."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, select

# Each model registers its tables with Base by being imported.
import sync.collector.accounts.model
import sync.collector.alarms.model
import sync.collector.fleet.model
import sync.collector.intake.model
import sync.collector.members.model
import sync.collector.messages.model
import sync.collector.organizations.model
import sync.collector.policy.model
import sync.collector.privacy.model
import sync.collector.registration.model
import sync.collector.venues.code_model
import sync.collector.venues.model
import sync.collector.visitors.model
import sync.collector.visitors.phone.model
import sync.collector.visitors.status.model  # noqa: F401
from sync.collector import keys as key_files
from sync.collector import schema
from sync.collector.config import Settings, StateDir, database_url, load_settings
from sync.collector.database import Database
from sync.collector.errors import CollectorError, NotInitialized
from sync.collector.fleet.model import Epoch
from sync.collector.fleet.service import add_policy
from sync.collector.keys import CentreKeys
from sync.collector.privacy import keyfile
from sync.collector.privacy.model import AuditLine
from sync.outbox.durable import make_directory
from sync.wire.policy import Policy

_FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Centre:
    """An initialized centre. `close` gives its database connections back."""

    state: StateDir
    settings: Settings
    database: Database
    keys: CentreKeys

    @classmethod
    def open(cls, state: StateDir) -> Centre:
        """Raises NotInitialized when `initialize` was not run, Mistake for a wrong collector.toml."""
        settings = load_settings(state)
        url = database_url(state, settings)
        on_file = url.get_backend_name() == "sqlite"
        if (on_file and not state.database.exists()) or not key_files.exist(state):
            raise NotInitialized(f"{state.path} holds no collector yet: run `collector --state {state.path} init`")
        database = Database(url)
        try:
            with database.look() as connection:
                schema.require_current(connection)
            return cls(state, settings, database, CentreKeys(state))
        except BaseException:
            database.close()
            raise

    @property
    def address(self) -> str:
        """Where people open its pages, such as https://centre.example."""
        return self.settings.address or f"http://127.0.0.1:{self.settings.port}"

    def close(self) -> None:
        """Safe to call twice."""
        self.database.close()


def initialize(state: StateDir, now: float) -> bool:
    """Make directory, database, first epoch, first policy and keys; False when all of it is there already.

    An interrupted run is completed by the next one: the signed key list, written last, is the mark of the end.
    A database of an older version is brought up to date. Raises CollectorError.
    """
    url = database_url(state, load_settings(state))
    try:
        make_directory(state.path)
        state.path.chmod(0o700)
        database = Database(url)
        schema.upgrade(database)
        ensure_personal_key(state, database)
        if key_files.exist(state):
            database.close()
            Centre.open(state).close()
            return False
        with database.write() as session:
            if session.get(Epoch, _FIRST_EPOCH) is None:
                session.add(Epoch(number=_FIRST_EPOCH, began_at=now))
                add_policy(session, Policy(), now)
        database.close()
        key_files.create(state, _FIRST_EPOCH, int(now))
    except OSError as cause:
        raise CollectorError(f"{cause.filename or state.path}: {cause.strerror}; choose another --state") from cause
    return True


def ensure_personal_key(state: StateDir, database: Database) -> None:
    """Make the key file of personal data where there never was one: a lost one is never replaced by another.

    Raises OSError.
    """
    with database.look() as connection:
        is_used = connection.scalar(select(exists().select_from(AuditLine)))
    if not is_used:
        make_directory(state.keys)
        state.keys.chmod(0o700)
        keyfile.create(state)
