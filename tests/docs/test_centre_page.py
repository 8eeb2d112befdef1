"""docs/CENTRE.md: its commands, settings and programs, as somebody types them."""

from __future__ import annotations

import base64
import re
import shlex
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sync.collector.accounts import secrets
from sync.collector.alarms.limits import Limits
from sync.collector.alarms.rules import Alarm
from sync.collector.alarms.telling import Line, Telling
from sync.collector.alarms.webhooks import signed
from sync.collector.centre import Centre
from sync.collector.config import StateDir, load_settings
from sync.collector.messages.port import Message
from sync.collector.outbound.addresses import Rules
from sync.collector.outbound.errors import PeerFault
from sync.collector.outbound.post import Poster
from sync.collector.venues.maps import MapSettings
from sync.collector.venues.model import Venue
from sync.collector.venues.settings import VenueSettings
from sync.collector.visitors.phone.model import PhonePerson
from sync.collector.visitors.phone.registering import Desk
from sync.collector.visitors.phone.settings import VisitorSettings
from sync.collector.visitors.status.settings import Colour, StatusSettings
from tests.sync.collector.people import somebody
from tests.sync.collector.processes import collector

PAGE = (Path(__file__).parents[2] / "docs" / "CENTRE.md").read_text(encoding="utf-8")


def test_the_commands_for_personal_data_work_as_printed(tmp_path: Path) -> None:
    """One after the other, from an empty directory on."""
    section = PAGE[PAGE.index("## Personal data") : PAGE.index("## The fleet")]
    lines = "".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(lines) == 12
    person, visitor = somebody(1), "VISITOR"
    answers = {"add": f"{person.name}\n{person.number}\n{person.phone}\n", "find": f"{person.phone}\n"}
    assert collector(tmp_path, "init").exit_code == 0
    for line in lines:
        program, *arguments = [visitor if word == "VISITOR" else word for word in shlex.split(line, comments=True)]
        assert program == "collector"
        done = collector(tmp_path, *arguments, stdin=answers.get(arguments[1]))
        assert done.exit_code == 0, (line, done.stderr)
        if arguments[1] == "add":
            visitor = done.stdout.strip()
        if line.endswith("health 90"):
            assert done.stdout == "records\t21\napart\t90\nvisitors\t365\nhealth\t90\n"
    assert collector(tmp_path, "db", "check").exit_code == 0


def test_the_commands_for_keys_work_as_printed(tmp_path: Path) -> None:
    """One after the other, as on the founding day and a year later; the root key is off the machine meanwhile."""
    section = PAGE[PAGE.index("## The centre's keys") : PAGE.index("## Backup and restore")]
    (block,) = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    lines = block.splitlines()
    assert len(lines) == 6
    state, stick = tmp_path / "centre", str(tmp_path / "stick")
    assert collector(state, "init").exit_code == 0
    for line in lines:
        program, *arguments = shlex.split(line.replace("/media/stick", stick))
        assert program == "collector"
        done = collector(state, *arguments, stdin="y\n")
        assert done.exit_code == 0, (line, done.stderr)
    assert not (state / "root" / "root.key").exists()
    table = collector(state, "keys", "show").stdout
    assert [line.rpartition("\t")[2] for line in table.splitlines()[2:]].count("next") == 1


def test_who_is_green_works_as_printed(tmp_path: Path) -> None:
    """The commands on a list of the printed columns; the settings are read, those of [status] being the defaults."""
    section = PAGE[PAGE.index("## Who is green") : PAGE.index("## Personal data")]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    (lines,) = (text.splitlines() for name, text in blocks if not name)
    assert len(lines) == 4
    assert collector(tmp_path, "init").exit_code == 0
    until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 5 * 86_400))
    (tmp_path / "LIST.csv").write_text(f"证件号码,码色,原因,到期日\n{somebody(1).number},红码,密接,{until}\n", "gbk")
    for line in lines:
        arguments = [str(tmp_path / word) if word == "LIST.csv" else word for word in shlex.split(line)[1:]]
        done = collector(tmp_path, *arguments)
        assert done.exit_code == 0, (line, done.stderr)
    status, platform = (text for name, text in blocks if name == "toml")
    (tmp_path / "collector.toml").write_text(status + platform)
    settings = load_settings(StateDir(tmp_path))
    assert settings.status == StatusSettings()
    assert settings.platform is not None
    assert settings.platform.statuses["10"] is Colour.RED


def test_the_commands_for_accounts_work_as_printed(tmp_path: Path) -> None:
    """One after the other, in a centre with a venue; a link is printed where the page says so."""
    section = PAGE[PAGE.index("## Accounts") : PAGE.index("## Venues and their people")]
    lines = "".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(lines) == 5
    first = collector(tmp_path, "init")
    assert first.stdout.startswith("http://127.0.0.1:8000/link/")
    assert collector(tmp_path, "venue", "create", "东门市场").exit_code == 0
    links = {first.stdout}
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "collector"
        done = collector(tmp_path, *arguments)
        assert done.exit_code == 0, (line, done.stderr)
        links.add(done.stdout)
        if arguments[1] == "list":
            assert "mei\tno password\tno\tinspector of venue 1\t李梅" in done.stdout
    assert len([link for link in links if "/link/" in link]) == 3


def test_the_commands_for_venues_work_as_printed(tmp_path: Path) -> None:
    """On a venue that waits for its township, and one that is refused."""
    section = PAGE[PAGE.index("## Venues and their people") : PAGE.index("## What this machine carries")]
    lines = "".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(lines) == 3
    assert collector(tmp_path, "init").exit_code == 0
    centre = Centre.open(StateDir(tmp_path))
    for line in lines:
        with centre.database.write() as session:
            session.merge(Venue(id=7, name="永安百货", state="waiting"))
        done = collector(tmp_path, *shlex.split(line, comments=True)[1:])
        assert done.exit_code == 0, (line, done.stderr)
    centre.close()


def test_the_settings_of_venues_are_read_as_printed(tmp_path: Path) -> None:
    """They are the defaults but for the region."""
    section = PAGE[PAGE.index("## collector.toml") : PAGE.index("## The TLS proxy")]
    (printed_toml,) = re.findall(r"^```toml\n(\[venues\].*?)^```", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "collector.toml").write_text(printed_toml)
    settings = load_settings(StateDir(tmp_path))
    assert (settings.venues, settings.map) == (VenueSettings(region="440607"), MapSettings())


def test_the_settings_and_the_command_of_visitors_phones_work_as_printed(tmp_path: Path) -> None:
    """The printed settings are the defaults, but for whom to call; staff type what a phone shows."""
    section = PAGE[PAGE.index("## Visitors' phones") : PAGE.index("## The database")]
    (block,) = re.findall(r"^```toml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    commands = section.replace(block, "").replace("```toml\n```\n", "")
    (line,) = "".join(re.findall(r"^```\n(.*?)^```", commands, re.MULTILINE | re.DOTALL)).splitlines()
    (tmp_path / "collector.toml").write_text(block)
    assert load_settings(StateDir(tmp_path)).visitors == VisitorSettings(call="12345")
    assert collector(tmp_path, "init").exit_code == 0
    centre = Centre.open(StateDir(tmp_path))
    Desk(centre, secrets.load(centre.state), lambda *_: None).take_word(somebody(1), "", "127.0.0.1", time.time())
    with centre.database.read() as session:
        person = session.scalars(select(PhonePerson)).one()
    centre.close()
    arguments = shlex.split(line, comments=True)[1:]
    done = collector(tmp_path, *arguments, stdin=f"{person.desk[:4].lower()}-{person.desk[4:]}\n")
    assert (done.exit_code, done.stdout) == (0, f"{person.visitor}\n")
    assert collector(tmp_path, *arguments, stdin="0000-0000\n").exit_code != 0


def printed(kind: str) -> str:
    """The one example of that kind in the section on messages and alarms."""
    section = PAGE[PAGE.index("## Messages and alarms") : PAGE.index("## The centre's keys")]
    (found,) = (text for name, text in re.findall(r"^```(\w*)\n(.*?)^```", section, re.M | re.S) if name == kind)
    return str(found)


def test_the_commands_for_alarms_work_as_printed(tmp_path: Path) -> None:
    """With messages written into a directory; a recipient's id is what `add` printed."""
    lines = printed("").splitlines()
    assert len(lines) == 8
    assert collector(tmp_path, "init").exit_code == 0
    (tmp_path / "collector.toml").write_text(f'[messages]\ndirectory = "{tmp_path}/out"\n')
    recipient = "RECIPIENT"
    for line in lines:
        program, *arguments = [recipient if word == "RECIPIENT" else word for word in shlex.split(line, comments=True)]
        assert program == "collector"
        done = collector(tmp_path, *arguments)
        assert done.exit_code == 0, (line, done.stderr)
        if arguments[1] == "add":
            recipient = done.stdout.strip()
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_the_settings_of_messages_are_read_as_printed(tmp_path: Path) -> None:
    """Each key is one that collector.toml knows; what is commented out too."""
    (tmp_path / "collector.toml").write_text(re.sub(r"^# (\w+ =)", r"\1", printed("toml"), flags=re.MULTILINE))
    settings = load_settings(StateDir(tmp_path))
    assert settings.mail is not None
    assert settings.sms is not None
    assert (settings.mail.fitting_port, settings.sms.success, settings.alarms) == (587, {"code": 0}, Limits())
    assert settings.outbound.rules().allowed


def test_the_receiver_of_webhooks_takes_what_the_centre_signs(capsys: pytest.CaptureFixture[str]) -> None:
    """The printed program, on a port of its own: an alarm is told once, a forged one refused."""
    secret = "whsec_" + base64.b64encode(bytes(32)).decode()
    program: dict[str, Any] = {"__name__": "receiver"}
    exec(printed("python").replace("whsec_…", secret), program)
    program["Receiver"].log_message = lambda *_said: None
    server = program["HTTPServer"](("127.0.0.1", 0), program["Receiver"])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    line = Line(Alarm(1, "silent", 0.0), "gate-1", "1号闸机", "东门市场", "南门")
    text = Telling([line], [], 1, 0.0, "")._event("gates.alarm")
    message = Message("webhook:1", "gates.alarm", text, id="1" * 32)
    sender = Poster(Rules.allowing([url]))
    for _ in range(2):
        assert sender.post(url, text.encode(), signed(message, secret, time.time())).status == 204
    with pytest.raises(PeerFault, match="403"):
        sender.post(url, text.encode(), signed(message, "whsec_" + base64.b64encode(b"x" * 32).decode(), time.time()))
    server.shutdown()
    server.server_close()
    thread.join(5)
    assert capsys.readouterr().out == "gate-1 silent 1970-01-01T00:00:00+00:00\n"


def test_the_commands_for_venue_codes_work_as_printed(tmp_path: Path) -> None:
    """In a centre with a venue and a checkpoint; the files are written where they are named."""
    section = PAGE[PAGE.index("## The venue code") : PAGE.index("## Visitors' phones")]
    lines = "".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(lines) == 3
    for before in (
        ("init",),
        ("venue", "create", "东门市场"),
        ("checkpoint", "create", "--venue", "1", "--direction", "in", "南门"),
    ):
        assert collector(tmp_path / "state", *before).exit_code == 0
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        files = [word for word in arguments if "." in word]
        done = collector(tmp_path / "state", *(str(tmp_path / word) if word in files else word for word in arguments))
        assert (program, done.exit_code, done.stdout[:24]) == ("collector", 0, "HTTP://127.0.0.1:8000/V/")
        assert all((tmp_path / file).stat().st_size for file in files)
