"""What test_clean_debian.py runs inside the machine that it boots: looks at the services and writes /found.json."""

import json
import os
import pathlib
import pwd
import signal
import subprocess
import time
import urllib.request
from functools import partial


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def until(get, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds(value := get()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


def active(unit):
    return ask("systemctl", "is-active", unit)


def show(unit, name):
    return ask("systemctl", "show", "-P", name, unit)


def status():
    try:
        return json.loads(pathlib.Path("/run/venue-gate/status.json").read_bytes())
    except (OSError, ValueError):
        return {}


def owner(path):
    return pwd.getpwuid(os.stat(path).st_uid).pw_name


def health():
    try:
        with urllib.request.urlopen("http://127.0.0.1:8080/healthz", timeout=5) as answer:
            return json.loads(answer.read())
    except OSError as cause:
        return {"gate": str(cause)}


units = ("gate", "gate-sync", "gate-panel")
found = {"active": {unit: until(partial(active, unit), "active".__eq__) for unit in units}}
found["type"] = {unit: show(unit, "Type") for unit in units}
found["status"] = until(status, lambda told: told.get("signal") == "ready")
found["health"] = until(health, lambda told: told.get("gate") == "fresh")
found["users"] = {unit: owner(f"/proc/{show(unit, 'MainPID')}") for unit in units}
found["owners"] = ask("stat", "-c", "%U:%G %a", "/var/lib/venue-gate")
pid = int(show("gate", "MainPID"))
os.kill(pid, signal.SIGKILL)


def another(pid, seconds=60):
    """The gate's new process, once it is ready."""

    def came(now):
        return now not in ("0", str(pid)) and active("gate") == "active"

    return until(lambda: show("gate", "MainPID"), came, seconds)


found["restarted"] = another(pid)
found["status again"] = until(status, lambda told: told.get("pid") == int(found["restarted"] or 0))
wedged = int(show("gate", "MainPID"))
os.kill(wedged, signal.SIGSTOP)
found["after a wedge"] = another(wedged, 90)
until(status, lambda told: told.get("pid") == int(found["after a wedge"] or 0))
found["journal"] = ask("journalctl", "--no-pager", "-u", "gate", "-o", "cat")
# nspawn gives this machine a boot id of its own, which only programs with the machine's first /proc see.
doctor = ask(
    "systemd-run", "-q", "--pipe", "--wait", "-p", "ProtectProc=invisible", "/usr/local/bin/gate", "doctor", "--json"
)
found["doctor"] = doctor.splitlines()
pathlib.Path("/found.json").write_text(json.dumps(found))
