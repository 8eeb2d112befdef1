"""`collector` in a terminal: the way through, and a user's mistakes as one sentence."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from sync.collector.visitors.model import IssuedPass
from sync.wire.envelope import MessageType, verify
from sync.wire.keys import KeyRing, Purpose
from sync.wire.passes import PassKind, Status, decode_claims, token_of
from sync.wire.policy import Policy, read_policy
from sync.wire.statedir import StateDir
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.people import registered
from tests.sync.collector.processes import collector, start_serving


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A state directory with a venue, a checkpoint and a gate, made by commands."""
    state = tmp_path / "centre"
    assert collector(state, "init").exit_code == 0
    for arguments, printed in [
        (["venue", "create", "东门市场"], "1\n"),
        (["checkpoint", "create", "南门", "--venue", "1", "--direction", "in"], "1\n"),
        (["gate", "create", "1号闸机", "--checkpoint", "1"], "gate-1\n"),
    ]:
        done = collector(state, *arguments)
        assert (done.exit_code, done.stdout) == (0, printed), done.stderr
    return state


def fails(state: Path, *arguments: str, stdin: str | None = None) -> str:
    """Run what cannot work; the one sentence that says why."""
    done = collector(state, *arguments, stdin=stdin)
    assert done.exit_code in (1, 2)
    assert done.stdout == ""
    return done.stderr.strip().splitlines()[-1]


def test_init_makes_different_keys_that_others_cannot_read(tmp_path: Path) -> None:
    """DESIGN 4: root, passes, updates, receipts, seal and accounts have different keys; the root lives apart."""
    state = tmp_path / "centre"
    assert collector(state, "init").exit_code == 0
    private = [*state.glob("keys/*.key"), *state.glob("root/*.key")]
    names = ["accounts.key", "pass.key", "receipt.key", "root.key", "seal.key", "update.key"]
    assert sorted(path.name for path in private) == names
    assert len({path.read_text() for path in private}) == len(names)
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert [path.name for path in (state / "root").iterdir()] == ["root.key"]


def test_init_again_changes_nothing(tmp_path: Path) -> None:
    """A second `make demo` goes on with the same keys."""
    state = tmp_path / "centre"
    collector(state, "init")
    before = {path: path.read_bytes() for path in state.glob("keys/*")}
    again = collector(state, "init")
    assert (again.exit_code, "already" in again.stderr) == (0, True)
    assert {path: path.read_bytes() for path in state.glob("keys/*")} == before


def test_an_interrupted_init_is_completed_with_the_keys_it_had_made(tmp_path: Path) -> None:
    """The signed list is written last."""
    state = tmp_path / "centre"
    collector(state, "init")
    kept = (state / "keys/pass.key").read_text()
    (state / "keys/keys.cose").unlink()
    (state / "keys/receipt.key").unlink()
    assert collector(state, "init").exit_code == 0
    assert (state / "keys/pass.key").read_text() == kept
    assert collector(state, "policy", "show").exit_code == 0


def test_everything_but_init_works_without_the_root_key(town: Path, tmp_path: Path) -> None:
    """It can be taken offline."""
    (town / "root/root.key").unlink()
    (town / "root").rmdir()
    done = collector(town, "gate", "provision", str(tmp_path / "g"), "--gate", "gate-1", "--collector-url", "http://a")
    assert done.exit_code == 0, done.stderr


def test_provisioning_writes_what_a_gate_needs(town: Path, tmp_path: Path) -> None:
    """Identity, key, root and a snapshot that opens under that root."""
    directory = tmp_path / "g"
    command = ["gate", "provision", str(directory), "--gate", "gate-1", "--collector-url", "https://centre.example/"]
    assert collector(town, *command).exit_code == 0
    gate = Gate(StateDir.at(directory))
    assert (gate.identity.gate, gate.identity.collector) == ("gate-1", "https://centre.example")
    assert (gate.snapshot.venue.venue_name, gate.snapshot.venue.checkpoint_name) == ("东门市场", "南门")
    assert os.readlink(gate.files.current_updates) == "1-1"
    assert gate.files.device_key.stat().st_mode & 0o777 == 0o600
    key = gate.files.device_key.read_text()
    assert collector(town, *command).exit_code == 0
    assert gate.files.device_key.read_text() == key


def test_provisioning_never_overwrites_another_gates_files(town: Path, tmp_path: Path) -> None:
    """Nor shuts a provisioned device out by mistake."""
    collector(town, "gate", "create", "2号闸机", "--checkpoint", "1")
    first, second, unknown = (str(tmp_path / name) for name in ("g1", "g2", "g3"))
    url = ["--collector-url", "http://127.0.0.1:8000"]
    assert collector(town, "gate", "provision", first, "--gate", "gate-1", *url).exit_code == 0
    assert "belongs to gate-1" in fails(town, "gate", "provision", first, "--gate", "gate-2", *url)
    assert "--replace" in fails(town, "gate", "provision", second, "--gate", "gate-1", *url)
    Path(unknown).mkdir()
    (Path(unknown) / "private").mkdir()
    (Path(unknown) / "private" / "device.key").write_text("00" * 32)
    assert "unknown gate" in fails(town, "gate", "provision", unknown, "--gate", "gate-2", *url)
    (Path(first) / "identity.json").write_text('{"gate":"gate-2","collector":"http://127.0.0.1:8000"}')
    assert "is gate-1's" in fails(town, "gate", "provision", first, "--gate", "gate-2", *url)
    assert collector(town, "gate", "provision", second, "--gate", "gate-1", "--replace", *url).exit_code == 0


def test_a_pass_is_genuine_and_its_serial_is_kept(site: Site) -> None:
    """DESIGN 3: the centre knows whose serial it is."""
    state = site.centre.state.path
    options = ["--checkpoint", "1", "--status", "yellow", "--companions", "2", "--tested-hours-ago", "3"]
    (visitor,) = registered(site, 1)
    done = collector(state, "pass", "issue", *options, "--visitor", visitor)
    ring = KeyRing([site.centre.keys.current().signer(Purpose.PASS, NOW).verification_key()])
    claims = decode_claims(verify(token_of(done.stdout.rstrip("\n")), ring, MessageType.PASS).payload)
    assert (claims.kind, claims.status, claims.venue, claims.checkpoint) == (PassKind.SCAN_RESULT, Status.YELLOW, 1, 1)
    assert (claims.companions, claims.expires_at - claims.issued_at) == (2, 120)
    assert claims.tested_at == claims.issued_at - 3 * 3600
    with site.centre.database.read() as session:
        assert session.get_one(IssuedPass, claims.serial).holder == visitor


def test_the_key_list_names_the_key_of_each_purpose(site: Site, gate: Gate) -> None:
    """What a gate gets is what the centre signs with."""
    keys = site.centre.keys.current()
    for purpose in (Purpose.PASS, Purpose.UPDATE, Purpose.RECEIPT):
        key = keys.signer(purpose, NOW)
        found = gate.snapshot.ring.find(key.kid)
        assert found is not None
        assert found[0].purpose is key.purpose is purpose
    assert site.centre.keys.sealing_key(b"\0" * 8) is None


def test_a_policy_that_was_set_is_shown(town: Path) -> None:
    """What `show` prints can be edited and set."""
    shown = collector(town, "policy", "show").stdout
    assert read_policy(shown.encode()) == Policy()
    stricter = json.loads(shown) | {"fever_celsius": 37.2, "yellow": "deny"}
    assert collector(town, "policy", "set", "-", stdin=json.dumps(stricter)).exit_code == 0
    assert json.loads(collector(town, "policy", "show").stdout) == stricter


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gate", "provision", "x", "--gate", "gate-9", "--collector-url", "http://a"], "there is no gate gate-9"),
        (["gate", "provision", "x", "--gate", "gate-1", "--collector-url", "centre"], "is no address of a collector"),
        (["gate", "provision", "/proc/1/x", "--gate", "gate-1", "--collector-url", "http://a"], "/proc/1/x: "),
        (["gate", "create", "南门", "--checkpoint", "7"], "there is no checkpoint 7"),
        (["gate", "create", "南门", "--checkpoint", "1", "--id", "A B"], "a gate's id"),
        (["gate", "create", "南门", "--checkpoint", "1", "--id", "gate-1"], "already"),
        (["checkpoint", "create", "南门", "--venue", "1", "--direction", "in"], "already"),
        (["checkpoint", "create", "南门", "--venue", "8", "--direction", "in"], "there is no venue 8"),
        (["venue", "create", "东门市场"], "already"),
        (["venue", "create", "  "], "a name has"),
        (["pass", "issue"], "say --checkpoint"),
        (["pass", "issue", "--checkpoint", "1", "--valid-seconds", "121"], "1 to 120 seconds"),
        (["pass", "issue", "--checkpoint", "1", "--companions", "9"], "0 to 8 companions"),
        (["pass", "issue", "--kind", "gold"], "is not one of"),
        (["demo-visitors", "x", "--checkpoint", "1", "--only", "green,blue"], "blue: no such visitor"),
        (["demo-visitors", "x", "--checkpoint", "5", "--count", "1"], "there is no checkpoint 5"),
        (["policy", "set", "no-such-file.json"], "no-such-file.json"),
        (["serve", "--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid"),
    ],
    ids=lambda value: " ".join(value[:6]) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_in_one_sentence(
    town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    """No traceback, a non-zero exit code, and what to do."""
    monkeypatch.chdir(tmp_path)
    assert sentence in fails(town, *arguments)


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [("{", "the policy in force stays"), ('{"fever": 37}', "fever"), ('{"fever_celsius": 12}', "fever_celsius")],
)
def test_a_policy_that_cannot_be_read_leaves_the_old_one_in_force(town: Path, policy: str, sentence: str) -> None:
    """R9: an unknown field or an impossible value refuses the whole document."""
    assert sentence in fails(town, "policy", "set", "-", stdin=policy)
    assert read_policy(collector(town, "policy", "show").stdout.encode()) == Policy()


@pytest.mark.parametrize("arguments", [["serve"], ["venue", "list"], ["policy", "show"]])
def test_a_missing_state_says_run_init(tmp_path: Path, arguments: list[str]) -> None:
    """Before `init` nothing else works, and nothing is created by trying."""
    assert "init" in fails(tmp_path / "none", *arguments)
    assert not (tmp_path / "none").exists()


def test_a_taken_port_is_named(town: Path) -> None:
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 is taken" in fails(town, "serve", "--port", str(port))


def test_a_wrong_configuration_key_names_the_one_that_was_meant(town: Path) -> None:
    """collector.toml forbids what it does not know."""
    (town / "collector.toml").write_text("prot = 8001\n")
    assert "did you mean `port`?" in fails(town, "venue", "list")


def test_a_damaged_key_or_database_is_named(town: Path) -> None:
    """The file, and no traceback."""
    (town / "keys/receipt.key").write_text("xyz")
    assert "receipt.key is damaged" in fails(town, "venue", "list")
    (town / "keys/receipt.key").write_text("00" * 32)
    (town / "collector.db").write_bytes(b"not a database at all" * 400)
    assert "database" in fails(town, "venue", "list")


def test_serve_stops_cleanly_on_sigterm(town: Path) -> None:
    """What systemd sends."""
    process, _ = start_serving(town)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["gate"],
        ["gate", "provision"],
        ["pass", "issue"],
        ["visitor", "add"],
        ["privacy", "purge"],
        ["demo-visitors"],
    ],
)
def test_help_explains(tmp_path: Path, arguments: list[str]) -> None:
    """Every command, without a state."""
    done = collector(tmp_path / "none", *arguments, "--help")
    assert (done.exit_code, "Usage: collector" in done.stdout) == (0, True)
