"""`collector account` and `collector organization`: for the machine's own console, where no second factor is asked for.

Passwords are never typed here: their owners choose them by a one-time link.
"""

from __future__ import annotations

import time

import click

from sync.collector.accounts import secrets, service
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.accounts.service import Purpose
from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.errors import Mistake
from sync.collector.organizations import service as organizations
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Act, at_terminal
from sync.collector.privacy.commands import reason_option
from sync.collector.terminal import created, opened, table

_WAY = "Who opens it chooses the password."


@click.group()
def account() -> None:
    """Accounts: who may sign in to the pages, and as what. Every change stands in the audit."""


_login = click.argument("login")
_role = click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
_venue = click.option("--venue", type=int, help="For venue_administrator and inspector: the venue's number.")
_organization = click.option("--organization", type=int, help="For recorder: the organization's number.")
_region = click.option("--region", help='For authority: the code of the division, "" for the whole centre.')


@account.command("create")
@_login
@click.argument("name")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option("--address", default="", help="mailto:… or tel:+86…, for a forgotten password.")
@click.pass_obj
def create(state: StateDir, login: str, name: str, language: str, address: str) -> None:
    """Create an account and print its one-time link. Then appoint it."""
    with opened(state) as centre, personal(centre, at_terminal("new account"), time.time()) as access:
        row = service.create(access.session, login, name, access.now, language)
        service.set_address(row, secrets.load(state), address)
        token = service.issue_link(access.session, row, access.now)
        access.note(Act.ACCOUNT, detail=row.named)
        link = link_text(centre, token)
    created(link, f"{row.login} may choose a password within 24 hours. Next: collector account appoint {row.login} …")


@account.command("list")
@click.pass_obj
def list_accounts(state: StateDir) -> None:
    """Print every account: number, login, state, second factor, roles and name."""
    with opened(state) as centre, centre.database.read() as session:
        rows = [
            (
                row.id,
                row.login,
                _state(row.disabled_at, row.password),
                "yes" if row.totp else "no",
                ",".join(_said(each) for each in row.roles()) or "-",
                row.name,
            )
            for row in service.accounts(session)
        ]
    table(
        ("account", "login", "state", "second factor", "roles", "name"),
        rows,
        "No account yet: collector account create --help",
    )


@account.command("appoint")
@_login
@_role
@_venue
@_organization
@_region
@reason_option
@click.pass_obj
def appoint(
    state: StateDir, login: str, role: str, venue: int | None, organization: int | None, region: str | None, reason: str
) -> None:
    """Give LOGIN a role."""
    asked = Appointment(Role(role), venue, organization, region)
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        row = service.find(access.session, login)
        service.appoint(access.session, row, asked, access.now)
        access.note(Act.APPOINT, detail=f"{row.named} {_said(asked)}")
    click.echo(f"{login} is {_said(asked)}.", err=True)


@account.command("dismiss")
@_login
@_role
@_venue
@_organization
@_region
@reason_option
@click.pass_obj
def dismiss(
    state: StateDir, login: str, role: str, venue: int | None, organization: int | None, region: str | None, reason: str
) -> None:
    """Take a role away from LOGIN."""
    asked = Appointment(Role(role), venue, organization, region)
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        row = service.find(access.session, login)
        number = next((each.id for each in row.appointments if each.appointment() == asked), 0)
        service.dismiss(access.session, row, number)
        access.note(Act.DISMISS, detail=f"{row.named} {_said(asked)}")
    click.echo(f"{login} is {_said(asked)} no longer.", err=True)


@account.command("disable")
@_login
@reason_option
@click.pass_obj
def disable(state: StateDir, login: str, reason: str) -> None:
    """Nobody signs in to LOGIN any more; who is signed in is out."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        row = service.find(access.session, login)
        service.disable(access.session, row, access.now)
        access.note(Act.DISABLE, detail=row.named)
    click.echo(f"{login} is disabled.", err=True)


@account.command("enable")
@_login
@reason_option
@click.pass_obj
def enable(state: StateDir, login: str, reason: str) -> None:
    """LOGIN may be used again."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        row = service.find(access.session, login)
        service.enable(access.session, row)
        access.note(Act.ENABLE, detail=row.named)
    click.echo(f"{login} may sign in again.", err=True)


@account.command("link")
@_login
@click.option(
    "--forget-second-factor",
    is_flag=True,
    help="The phone is lost: so is the password; a new one and another phone are set up.",
)
@click.option("--enter", is_flag=True, help="It signs in at once: where collector.toml says second_factor = false.")
@reason_option
@click.pass_obj
def link(state: StateDir, login: str, forget_second_factor: bool, enter: bool, reason: str) -> None:
    """Print a new one-time link for LOGIN; earlier ones end."""
    purpose = Purpose.ENTER if enter else Purpose.PASSWORD
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        if enter and centre.settings.second_factor:
            raise Mistake("--enter is for a demo: collector.toml says second_factor = false there")
        row = service.find(access.session, login)
        service.revoke_links(access.session, row)
        token = service.issue_link(access.session, row, access.now, purpose=purpose)
        if forget_second_factor:
            service.forget_second_factor(access.session, row)
        access.note(Act.LINK, detail=f"{row.named}{' without second factor' if forget_second_factor else ''}")
    created(link_text(centre, token, purpose), f"{'It signs in' if enter else _WAY} Once, within 24 hours.")


def link_text(centre: Centre, token: str, purpose: Purpose = Purpose.PASSWORD) -> str:
    """What is printed to be opened in a browser."""
    return f"{centre.address}/{'enter' if purpose is Purpose.ENTER else 'link'}/{token}"


@click.group()
def organization() -> None:
    """Organizations (R21): schools, companies, offices."""


@organization.command("create")
@click.argument("name")
@click.pass_obj
def create_organization(state: StateDir, name: str) -> None:
    """Create an organization called NAME and print its number."""
    with opened(state) as centre, centre.database.write() as session:
        row = organizations.create(session, name)
    created(row.id, f"Organization {row.id} is {row.name}.")


@organization.command("list")
@click.pass_obj
def list_organizations(state: StateDir) -> None:
    """Print every organization: number and name."""
    with opened(state) as centre, centre.database.read() as session:
        rows = [(row.id, row.name) for row in organizations.organizations(session)]
    table(("organization", "name"), rows, "No organization yet: collector organization create NAME")


def _state(disabled_at: float | None, password: str | None) -> str:
    if disabled_at is not None:
        return "disabled"
    return "active" if password else "no password"


def _said(appointment: Appointment) -> str:
    if appointment.venue is not None:
        return f"{appointment.role.value} of venue {appointment.venue}"
    if appointment.organization is not None:
        return f"{appointment.role.value} of organization {appointment.organization}"
    if appointment.region is not None:
        return f"{appointment.role.value} of region {appointment.region or '(all)'}"
    return appointment.role.value
