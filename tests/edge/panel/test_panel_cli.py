"""The command gate-panel, as its own process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

GATE_PANEL = Path(sys.executable).with_name("gate-panel")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [str(GATE_PANEL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_panel_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """It starts before any gate, says so, and SIGTERM ends it cleanly."""
    command = [str(GATE_PANEL), "run", "--state", str(tmp_path / "not-yet"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as panel:
        try:
            assert panel.stdout is not None
            url = panel.stdout.readline().split()[-1]
            assert requests.get(f"{url}healthz", timeout=10).status_code == 503
            panel.send_signal(signal.SIGTERM)
            _, complaints = panel.communicate(timeout=10)
        finally:
            panel.kill()
    assert panel.returncode == 0
    assert "waiting for a gate there" in complaints
    assert "Traceback" not in complaints


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    """Bad input: what is wrong and what to do, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = run("run", "--state", tmp_path, "--port", port)
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"Error: cannot listen on 127.0.0.1 port {port} (Address already in use)")
    assert len(failed.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1 port 8080"),
        (["--host", "no such host"], "cannot listen on no such host port 8080 (no such address)"),
        (["--port", "99999"], "99999 is not in the range"),
        (["--demo", "/no/such/directory"], "does not exist"),
        (["--config", "/no/such/file"], "does not exist"),
    ],
    ids=["foreign address", "no address", "no port", "no demo", "no configuration"],
)
def test_a_wrong_option_is_one_clear_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """Each names the option's value."""
    failed = run("run", "--state", tmp_path, *arguments)
    assert failed.returncode != 0
    assert sentence in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 80\n", "gate-panel.toml: unknown key `prot`: did you mean `port`?"),
        ('port = "http"\n', "gate-panel.toml: Expected `int`, got `str` - at `$.port`"),
        ("port = \n", "gate-panel.toml: "),
        ("names = 'me'\n", "gate-panel.toml: Expected `array`"),
    ],
    ids=["key", "type", "syntax", "names"],
)
def test_a_wrong_configuration_is_one_clear_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """The file, the key and what is expected."""
    file = tmp_path / "gate-panel.toml"
    file.write_text(text)
    failed = run("run", "--state", tmp_path, "--config", file)
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"Error: {sentence}")


def test_an_option_wins_over_the_configuration(tmp_path: Path) -> None:
    """The file says one port, the command line another; the refusal names the latter."""
    file = tmp_path / "gate-panel.toml"
    file.write_text('host = "127.0.0.1"\nport = 0\n')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = run("run", "--state", tmp_path, "--config", file, "--port", port)
    assert f"port {port} (Address already in use)" in failed.stderr


def test_the_help_names_every_option() -> None:
    """--help is enough to start it."""
    text = run("run", "--help").stdout
    for option in ("--state", "--run", "--port", "--host", "--config", "--demo"):
        assert option in text
