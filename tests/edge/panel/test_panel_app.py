"""The panel over real files: what it believes, what it refuses, what it lets a browser do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from edge.panel.app import create_app
from edge.panel.config import PanelConfig
from edge.panel.demo import Demo
from edge.panel.freshness import GATE_FRESH_SECONDS, SYNC_FRESH_SECONDS, Now
from edge.panel.reading import MAX_STATUS_BYTES
from sync.outbox.durable import make_directory, replace_file
from sync.wire.record import ClockQuality
from sync.wire.statedir import StateDir
from sync.wire.status import GateStatus, Shown, SyncStatus

BOOT = "4fd5c1d8-0c1c-4d3e-9a39-6f2f2c5b7a10"
NOW = Now(boot=BOOT, mono=1000.0, wall=1_700_000_000.0)
PASSING = GateStatus(
    wall=NOW.wall,
    boot=BOOT,
    mono=999.5,
    pid=7,
    software="0.1.0",
    signal="pass",
    clock=ClockQuality.SYNCHRONIZED,
    outbox="0" * 32,
    next_sequence=13,
    acknowledged=1,
    lamps={"pass": True, "relay": True},
    shown=Shown(1, "pass", ["green"]),
)
SYNCED = SyncStatus(wall=NOW.wall, boot=BOOT, mono=999.5, pid=8, connected=True, backlog=0)


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """A gate's directory with nothing in it yet."""
    state = StateDir.at(tmp_path / "state")
    make_directory(state.run)
    return state


@pytest.fixture
def client(state: StateDir) -> FlaskClient:
    """A browser of a real gate's panel."""
    return create_app(state, PanelConfig(names=("gate-7.town.example",)), now=lambda: NOW).test_client()


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The demo's directory."""
    directory = tmp_path / "demo"
    directory.mkdir()
    return directory


@pytest.fixture
def demo_client(state: StateDir, demo: Path) -> FlaskClient:
    """A browser of the demo's panel."""
    return create_app(state, PanelConfig(), Demo(demo), now=lambda: NOW).test_client()


def write(path: Path, status: GateStatus | SyncStatus, **fields: object) -> None:
    """Write a status as its program does."""
    replace_file(path, msgspec.json.encode(msgspec.structs.replace(status, **fields)), durable=False)


def asked(client: FlaskClient, path: str = "/status") -> Any:
    """The JSON at that path."""
    return client.get(path).json


def seen(client: FlaskClient) -> Any:
    """The view that a page gets."""
    return asked(client)["view"]


def token(client: FlaskClient) -> str:
    """The CSRF token of a page that this browser opened."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").text)
    assert found
    return found[1]


def test_a_fresh_result_is_shown(client: FlaskClient, state: StateDir) -> None:
    """R5: what the gate says now is what the visitor sees."""
    write(state.status, PASSING)
    assert seen(client)["state"] == "pass"
    assert "请通行" in client.get("/").text


def test_a_status_is_believed_up_to_its_last_fresh_moment(client: FlaskClient, state: StateDir) -> None:
    """Five seconds old is the oldest that counts as now."""
    write(state.status, PASSING, mono=NOW.mono - GATE_FRESH_SECONDS)
    assert seen(client)["state"] == "pass"


def _whole() -> bytes:
    return msgspec.json.encode(PASSING)


NOT_TRUE_NOW: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing": ("missing", lambda path: None),
    "empty": ("unreadable", lambda path: path.write_bytes(b"")),
    "torn": ("unreadable", lambda path: path.write_bytes(_whole()[:-20])),
    "not a status": ("unreadable", lambda path: path.write_bytes(b'{"signal": "pass"}')),
    "not UTF-8": ("unreadable", lambda path: path.write_bytes(_whole().replace(b"0.1.0", b"\xff"))),
    "nested without end": ("unreadable", lambda path: path.write_bytes(b'{"x":' + b"[" * 60_000)),
    "endless": ("unreadable", lambda path: path.write_bytes(_whole() + b" " * MAX_STATUS_BYTES)),
    "a directory": ("unreadable", lambda path: path.mkdir()),
    "old": ("stale", lambda path: write(path, PASSING, mono=NOW.mono - GATE_FRESH_SECONDS - 0.1)),
    "later than now": ("stale", lambda path: write(path, PASSING, mono=NOW.mono + 1)),
    "not a time": ("unreadable", lambda path: path.write_bytes(_whole().replace(b"999.5", b"null"))),
    "of another boot": ("other_boot", lambda path: write(path, PASSING, boot="another")),
}


@pytest.mark.parametrize("case", NOT_TRUE_NOW)
def test_a_status_that_is_not_true_now_never_shows_a_green(client: FlaskClient, state: StateDir, case: str) -> None:
    """A gate that does not answer is out of order, whatever its last file says."""
    answer, put = NOT_TRUE_NOW[case]
    put(state.status)
    view = seen(client)
    assert view["state"] == "out_of_order"
    assert view["texts"]["advice"]["zh"] == "闸机程序无应答，请找工作人员。"
    page = client.get("/").text
    assert 'data-state="out_of_order"' in page
    assert "请通行" not in page
    health = client.get("/healthz")
    assert (health.status_code, asked(client, "/healthz")["gate"]) == (503, answer)


def test_a_gate_that_comes_back_is_shown_again(client: FlaskClient, state: StateDir) -> None:
    """The display recovers without a restart."""
    state.status.write_bytes(b"{")
    assert seen(client)["state"] == "out_of_order"
    write(state.status, PASSING)
    assert seen(client)["state"] == "pass"


def test_health_is_good_while_the_gate_answers(client: FlaskClient, state: StateDir) -> None:
    """R23: a supervisor needs no page to know; a silent uploader alone does not stop the gate."""
    write(state.status, PASSING)
    health = client.get("/healthz")
    assert health.status_code == 200
    assert health.json == {
        "gate": "fresh",
        "sync": "missing",
        "age_seconds": 0.5,
        "signal": "pass",
        "faults": [],
        "backlog": 12,
    }


def test_an_old_online_is_not_shown(client: FlaskClient, state: StateDir) -> None:
    """gate-sync too must have said so just now."""
    write(state.status, PASSING)
    write(state.sync_status, SYNCED, mono=NOW.mono - SYNC_FRESH_SECONDS)
    assert seen(client)["texts"]["link"]["en"] == "Online"
    write(state.sync_status, SYNCED, mono=NOW.mono - SYNC_FRESH_SECONDS - 0.1)
    assert seen(client)["texts"]["link"]["en"] == "Upload program does not answer"
    assert asked(client, "/healthz")["sync"] == "stale"


def test_an_unchanged_status_is_not_sent_again(client: FlaskClient, state: StateDir) -> None:
    """Four polls a second cost almost nothing while nothing happens."""
    write(state.status, PASSING)
    etag = client.get("/status").headers["ETag"]
    unchanged = client.get("/status", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    write(state.status, PASSING, signal="ready")
    assert client.get("/status", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/status", "/healthz", "/static/panel.js"])
def test_another_name_in_the_host_header_is_refused(client: FlaskClient, state: StateDir, path: str) -> None:
    """A hostile page that points its own name at this machine (DNS rebinding) reads nothing."""
    write(state.status, PASSING)
    refused = client.get(path, headers={"Host": "attacker.example:8080"})
    assert refused.status_code == 400
    assert "请通行" not in refused.text


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "gate-7.town.example"])
def test_this_machines_own_names_are_answered(client: FlaskClient, host: str) -> None:
    """127.0.0.1, localhost and what gate-panel.toml names."""
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/status", "/healthz", "/nothing-here"])
def test_every_answer_forbids_foreign_content_and_keeping(client: FlaskClient, path: str) -> None:
    """No inline or foreign script, no frame, no sniffing, no copy on the way."""
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_a_real_gates_panel_can_be_told_nothing(client: FlaskClient) -> None:
    """The visitor display is read-only: no switch, no picture, no POST anywhere."""
    assert client.post("/").status_code == 405
    assert client.post("/demo/link", data={"link": "cut"}).status_code == 404
    assert client.get("/view.jpg").status_code == 404
    assert "csrf_token" not in client.get("/").text


def test_the_switch_moves_the_link_both_ways(demo_client: FlaskClient, demo: Path) -> None:
    """The demo's page cuts and restores the link, and shows which of the two is wanted."""
    assert asked(demo_client)["demo"]["link"] == "up"
    for wanted in ("cut", "up"):
        moved = demo_client.post("/demo/link", data={"link": wanted, "csrf_token": token(demo_client)})
        assert (moved.status_code, moved.location) == (303, "/")
        assert (demo / "link").read_text() == wanted
        assert asked(demo_client)["demo"]["link"] == wanted


@pytest.mark.parametrize("forged", [{}, {"csrf_token": "x"}], ids=["none", "guessed"])
def test_the_switch_needs_this_pages_token(demo_client: FlaskClient, demo: Path, forged: dict[str, str]) -> None:
    """A page of somebody else cannot move the switch."""
    token(demo_client)
    refused = demo_client.post("/demo/link", data={"link": "cut", **forged})
    assert refused.status_code == 400
    assert not (demo / "link").exists()


def test_the_switch_refuses_a_token_of_another_browser(state: StateDir, demo_client: FlaskClient, demo: Path) -> None:
    """The token is bound to the session."""
    other = demo_client.application.test_client()
    token(other)
    refused = other.post("/demo/link", data={"link": "cut", "csrf_token": token(demo_client)})
    assert refused.status_code == 400
    assert not (demo / "link").exists()


def test_the_session_cookie_leaves_only_with_this_sites_own_requests(demo_client: FlaskClient) -> None:
    """SameSite=Strict, HttpOnly, and a name that the collector on another port does not use."""
    cookie = demo_client.get("/").headers["Set-Cookie"]
    assert cookie.startswith("gate-panel=")
    assert "SameSite=Strict" in cookie
    assert "HttpOnly" in cookie


def test_the_switch_takes_only_its_two_positions(demo_client: FlaskClient, demo: Path) -> None:
    """Nothing else can be written into the demo's directory."""
    refused = demo_client.post("/demo/link", data={"link": "../up", "csrf_token": token(demo_client)})
    assert refused.status_code == 400
    assert not (demo / "link").exists()


def test_a_switch_that_cannot_be_written_says_so(demo_client: FlaskClient, demo: Path) -> None:
    """A demo directory that went away is one sentence, not a traceback."""
    token_before = token(demo_client)
    demo.rmdir()
    refused = demo_client.post("/demo/link", data={"link": "cut", "csrf_token": token_before})
    assert refused.status_code == 503
    assert "请求未能完成" in refused.text


def test_the_cameras_picture_is_the_newest_and_kept_nowhere(demo_client: FlaskClient, demo: Path) -> None:
    """Faces may be in it: no cache keeps a copy."""
    assert demo_client.get("/view.jpg").status_code == 404
    assert asked(demo_client)["demo"]["camera"] is False
    (demo / "view.jpg").write_bytes(b"\xff\xd8 one")
    picture = demo_client.get("/view.jpg")
    assert (picture.data, picture.mimetype) == (b"\xff\xd8 one", "image/jpeg")
    assert picture.headers["Cache-Control"] == "no-store"
    assert asked(demo_client)["demo"]["camera"] is True


def test_a_page_of_an_earlier_start_can_tell(state: StateDir) -> None:
    """A kiosk's page outlives an upgrade of gate-panel; the new one names itself so that the page loads anew."""
    first, second = (create_app(state, PanelConfig()).test_client() for _ in range(2))
    assert asked(first)["instance"] == asked(first)["instance"]
    assert asked(first)["instance"] != asked(second)["instance"]
