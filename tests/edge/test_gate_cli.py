"""The command line `gate`, as people and other programs use it – and misuse it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import segno
from PIL import Image

from sync.wire.statedir import StateDir

GATE = os.path.join(os.path.dirname(sys.executable), "gate")
NOW = 1_650_000_000
AT = "2022-04-15T13:20:01+08:00"


def gate(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    return subprocess.run([GATE, *arguments], input=stdin, capture_output=True, timeout=60, check=False)


def refusal(done: subprocess.CompletedProcess[bytes], code: int = 2) -> str:
    """The one sentence of a refusal: exit code, no traceback, one line (or click's usage and one line)."""
    told = done.stderr.decode()
    assert done.returncode == code, told
    assert "Traceback" not in told
    return told.strip().splitlines()[-1]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "code.png"
    segno.make_qr("VP1:HELLO", error="m").save(str(path), scale=8)
    return path


def test_read_prints_a_json_line_for_each_picture(picture):
    """Other programs measure with it."""
    Image.new("L", (640, 480), 200).save(picture.with_name("empty.png"))
    done = gate("read", str(picture.parent), "--json")
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["texts"] for line in lines] == [["VP1:HELLO"], []]
    assert all(set(line) == {"file", "texts", "reader", "milliseconds"} for line in lines)
    assert lines[0]["reader"] == "zxing"


def test_read_goes_on_after_a_picture_that_cannot_be_read(picture):
    """Exit code 1, a sentence, and the others are read."""
    broken = picture.with_name("broken.png")
    broken.write_bytes(b"not a picture")
    done = gate("read", str(broken), str(picture), "--json")
    assert "broken.png" in refusal(done, code=1)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["texts"] for line in lines] == [[], ["VP1:HELLO"]]
    assert "error" in lines[0]


def test_read_refuses_a_directory_without_pictures(tmp_path):
    """It says what to put there."""
    assert "put .jpg or .png files there" in refusal(gate("read", str(tmp_path)))


def test_read_says_which_file_is_missing(tmp_path):
    """Told for that file; the others would be read."""
    assert "nowhere.png" in refusal(gate("read", str(tmp_path / "nowhere.png")), code=1)


@pytest.mark.parametrize(
    ("claims", "options", "outcome", "reasons"),
    [
        ({}, ["--temperature", "36.5"], "pass", ["green"]),
        ({}, [], "pass", ["green", "not_measured"]),
        ({}, ["--temperature", "37.3"], "deny", ["fever"]),
        ({"expires_at": NOW}, ["--temperature", "36.5"], "deny", ["expired"]),
    ],
)
def test_check_says_what_would_be_decided(authority, state, claims, options, outcome, reasons):
    """And why, as JSON."""
    authority.install(state)
    text = authority.pass_text(**claims)
    done = gate("check", text, "--at", AT, "--trust", str(state.root), "--json", *options)
    assert json.loads(done.stdout) == {"outcome": outcome, "reasons": reasons, "kind": "scan_result"}
    assert done.returncode == 0


@pytest.mark.parametrize("text", ["", "hello", "VP1:", "VP1:%%%", "x" * 100_000])
def test_check_answers_any_text(authority, state, text):
    """A hostile code is a refusal, not a fault."""
    authority.install(state)
    told = json.loads(gate("check", "--trust", str(state.root), "--json", "--", text).stdout)
    assert (told["outcome"], told["kind"]) == ("deny", None)


def test_check_answers_a_truncated_code(authority, state):
    """Half a pass is no pass."""
    authority.install(state)
    text = authority.pass_text()
    for length in (len(text) - 1, len(text) // 2, 6):
        told = json.loads(gate("check", text[:length], "--trust", str(state.root), "--json").stdout)
        assert told["outcome"] == "deny"


def test_check_answers_ten_megabytes_from_standard_input(authority, state):
    """Bounded: the first megabyte says that it is none of ours."""
    authority.install(state)
    told = json.loads(gate("check", "-", "--trust", str(state.root), "--json", stdin=b"A" * 10_000_000).stdout)
    assert told == {"outcome": "deny", "reasons": ["unknown_format"], "kind": None}


def test_check_explains_in_words(authority, state):
    """For whoever reads the terminal: both languages."""
    authority.install(state)
    told = gate("check", authority.pass_text(), "--at", AT, "--trust", str(state.root), "--temperature", "39").stdout
    lines = told.decode().splitlines()
    assert lines[0].startswith("deny by policy 1.1, issued 2022-04-15")
    assert lines[1].split() == [
        "deny",
        "fever",
        *["体温达到或超过上限", "/", "Temperature", "at", "or", "above", "the", "limit"],
    ]
    assert lines[2].startswith("kind: scan_result, issued 2022-04-15")
    assert lines[-1].startswith("clock: 2022-04-15")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "x", "--at", "yesterday", "--trust", "."], "is not a time"),
        (["check", "x", "--temperature", "warm"], "not a valid float"),
        (["check", "x", "--trust", "/nonexistent"], "provision the gate first"),
        (["run", "--config", "/nonexistent.toml"], "no configuration file"),
        (["run", "--camera", "picamera2", "--visitors", "/tmp"], "exclude each other"),
        (["read"], "Missing argument"),
        (["frobnicate"], "No such command"),
    ],
)
def test_a_users_mistake_is_one_sentence(arguments, sentence):
    """What is wrong and what to do; exit code 2."""
    assert sentence in refusal(gate(*arguments))


def test_run_says_which_key_of_the_configuration_is_wrong(tmp_path):
    """The likely one is named."""
    path = tmp_path / "gate.toml"
    path.write_text("[pins]\nrelai = 4\n")
    assert "did you mean `relay`" in refusal(gate("run", "--config", str(path)))


def test_drop_does_its_work_and_says_nothing(tmp_path):
    """It has nobody to talk to: systemd runs the same after each gate."""
    path = tmp_path / "gate.toml"
    path.write_text('[pins]\nfactory = "mock"\n')
    done = gate("drop", "--config", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_drop_goes_on_to_the_usual_pins_where_the_configuration_is_damaged(tmp_path):
    """A lock must not stay open for a typing mistake; here, without a Pi, its pins are what is missing."""
    path = tmp_path / "gate.toml"
    path.write_text("[pins\n")
    assert "pin factory 'lgpio' cannot be used here" in refusal(gate("drop", "--config", str(path)))


def test_run_refuses_a_directory_without_pictures(tmp_path):
    """At once, not as a camera that is lost for ever."""
    (tmp_path / "pictures").mkdir()
    done = gate("run", "--state", str(tmp_path / "s"), "--pins", "mock", "--camera", str(tmp_path / "pictures"))
    assert "holds no picture" in refusal(done)


def test_run_names_the_unusable_pin_factory(tmp_path, picture):
    """Real pins are never replaced silently."""
    done = gate("run", "--state", str(tmp_path / "s"), "--pins", "nonsense", "--camera", str(picture.parent))
    assert "not one of: mock" in refusal(done)


def test_a_second_gate_on_the_same_state_is_refused(tmp_path, picture):
    """One writer for each outbox."""
    arguments = ["run", "--state", str(tmp_path / "s"), "--pins", "mock", "--camera", str(picture.parent)]
    first = subprocess.Popen([GATE, *arguments], stderr=subprocess.PIPE)
    try:
        _wait_for(tmp_path / "s" / "run" / "status.json", first)
        assert "another process writes" in refusal(gate(*arguments))
    finally:
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0


def test_a_gate_shown_photographs_decides_about_them(authority, tmp_path):
    """`gate run --camera DIR`: real decoders, real decision, real record."""
    state = StateDir.at(tmp_path / "s")
    authority.install(state)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    segno.make_qr(authority.pass_text(), error="m").save(str(pictures / "pass.png"), scale=8)
    running = subprocess.Popen([GATE, "run", "--state", str(state.root), "--pins", "mock", "--camera", str(pictures)])
    try:
        _wait_for(state.status, running, lambda told: told["shown"] is not None)
        shown = json.loads(state.status.read_bytes())["shown"]
        assert shown["codes"][0] == "expired"  # it was made for the day of the notice
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0


def test_a_missing_camera_is_said_in_words_and_the_gate_waits_for_it(tmp_path):
    """R26: a state, not a reason to stop; what to install stands in the log."""
    arguments = ["run", "--state", str(tmp_path / "s"), "--pins", "mock", "--camera", "picamera2"]
    running = subprocess.Popen([GATE, *arguments], stderr=subprocess.PIPE)
    try:
        _wait_for(tmp_path / "s" / "run" / "status.json", running, lambda told: "camera" in told["faults"])
    finally:
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=10)
    assert running.returncode == 0
    assert b"python3-picamera2" in told
    assert b"Traceback" not in told


def _wait_for(path: Path, process: subprocess.Popen, condition=lambda told: True) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read() if process.stderr else "it ended"
        try:
            if condition(json.loads(path.read_bytes())):
                return
        except (FileNotFoundError, ValueError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"{path} did not say what was waited for")
