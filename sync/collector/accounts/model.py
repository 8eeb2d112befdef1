"""Accounts, what they are appointed to, where they are signed in, one-time links, and failures that count.

No password and no token stands here, only what tells that one is right. Staff's addresses and second factors are
sealed with a key that is not in the database (`accounts.secrets`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, ForeignKey, Index, LargeBinary, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sync.collector.accounts.named import named
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.database import REFERENCE, Base
from sync.collector.venues.model import MAX_NAME

MAX_LOGIN = 64
TOKEN_HASH = 32


class Account(Base):
    """Somebody who may sign in. login: as it is typed, in lower case.

    password: Argon2id in the PHC string format, None until one was chosen. address: sealed; `mailto:` or `tel:`, for
    links and alarms. totp: sealed secret of the second factor, None without; totp_step: the newest step whose code was
    used, no code counts twice (RFC 6238 §5.2). disabled_at: since when nobody signs in.
    """

    __tablename__ = "account"
    __table_args__ = ({"info": REFERENCE},)

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(MAX_LOGIN), unique=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    language: Mapped[str] = mapped_column(String(2), default="zh", server_default="zh")
    address: Mapped[bytes | None] = mapped_column(LargeBinary)
    password: Mapped[str | None] = mapped_column(Text)
    totp: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[float] = mapped_column(Float)
    disabled_at: Mapped[float | None] = mapped_column(Float)
    appointments: Mapped[list[AppointmentRow]] = relationship(
        lazy="selectin", order_by="AppointmentRow.id", cascade="all, delete-orphan"
    )

    @property
    def named(self) -> str:
        """As the audit names it."""
        return named(self.id, self.login)

    def roles(self) -> tuple[Appointment, ...]:
        """What the account is, and of what."""
        return tuple(row.appointment() for row in self.appointments)


class AppointmentRow(Base):
    """A role of an account, and of what (`accounts.permissions`). One administrator a venue, one venue each (R12)."""

    __tablename__ = "appointment"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[str] = mapped_column(String(24))
    venue_id: Mapped[int | None] = mapped_column(ForeignKey("venue.id"), index=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    region: Mapped[str | None] = mapped_column(String(12))
    since: Mapped[float] = mapped_column(Float)

    __table_args__ = (
        Index(
            "appointment_once",
            "account_id",
            "role",
            func.coalesce(venue_id, 0),
            func.coalesce(organization_id, 0),
            func.coalesce(region, ""),
            unique=True,
        ),
        *(
            Index(
                name,
                column,
                unique=True,
                sqlite_where=text(f"role = '{Role.VENUE_ADMINISTRATOR.value}'"),
                postgresql_where=text(f"role = '{Role.VENUE_ADMINISTRATOR.value}'"),
            )
            for name, column in (("one_administrator", "venue_id"), ("one_venue", "account_id"))
        ),
        {"info": REFERENCE},
    )

    def appointment(self) -> Appointment:
        """As a value."""
        return Appointment(Role(self.role), self.venue_id, self.organization_id, self.region)


class SignedIn(Base):
    """A browser that is signed in. token: SHA-256 of what its cookie holds.

    second_factor_at: None while only the password was right. agent: what the browser called itself, for its owner.
    """

    __tablename__ = "signed_in"
    __table_args__ = ({"info": REFERENCE},)

    token: Mapped[bytes] = mapped_column(LargeBinary(TOKEN_HASH), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    began_at: Mapped[float] = mapped_column(Float)
    seen_at: Mapped[float] = mapped_column(Float)
    second_factor_at: Mapped[float | None] = mapped_column(Float)
    agent: Mapped[str] = mapped_column(String(120))


class OneTimeLink(Base):
    """A link that works once. token: SHA-256 of what the link holds. purpose: `accounts.service.Purpose`."""

    __tablename__ = "one_time_link"
    __table_args__ = ({"info": REFERENCE},)

    token: Mapped[bytes] = mapped_column(LargeBinary(TOKEN_HASH), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(8))
    expires_at: Mapped[float] = mapped_column(Float)


class Tally(Base):
    """Failures that count. subject: a keyed hash of what they are counted by (`accounts.limits`).

    began_at, last_at: of the first and the newest of these failures.
    """

    __tablename__ = "tally"
    __table_args__ = ({"info": REFERENCE},)

    subject: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    failures: Mapped[int] = mapped_column()
    began_at: Mapped[float] = mapped_column(Float)
    last_at: Mapped[float] = mapped_column(Float, index=True)
