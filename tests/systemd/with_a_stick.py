"""What test_stick_unit.py runs inside the machine that it boots: a stick is put in, twice; writes /found.json.

udev runs in no container: the unit is started by hand, without its binding to a device.
"""

import json
import pathlib
import subprocess
import sys
import time

name = pathlib.Path("/stick").read_text().strip()
run = pathlib.Path("/run/venue-gate")


def ask(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return f"{done.stdout}{done.stderr}".strip()


def until(get, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds(value := get()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


def told(file):
    try:
        return json.loads((run / file).read_bytes())
    except (OSError, ValueError):
        return {}


def phase():
    return (told("sync-status.json").get("stick") or {}).get("phase")


def unit():
    started = ask("systemctl", "start", f"gate-stick@{name}.service")
    return {
        "started": started,
        "result": ask("systemctl", "show", "-P", "Result", f"gate-stick@{name}.service"),
        "phase": until(phase, lambda seen: seen in ("copied", "failed")),
        "stick": told("stick.json"),
        "mounted": ask("findmnt", "-rn", f"/run/venue-gate-stick/{name}"),
    }


found = {"service": until(lambda: ask("systemctl", "is-active", "gate-sync"), "active".__eq__)}
found["records"] = until(lambda: told("status.json").get("next_sequence", 1), lambda count: count > 1)
found["visit"] = unit()
# Under ProtectProc as the services: nspawn's own boot id is only seen by programs with the machine's first /proc.
found["status"] = ask("systemd-run", "-q", "--pipe", "--wait", "-p", "ProtectProc=invisible", "gate-sync", "status")
found["again"] = unit()
found["journal"] = ask("journalctl", "--no-pager", "-u", f"gate-stick@{name}", "-o", "cat")
found["owner"] = ask("stat", "-c", "%U", "/var/lib/venue-gate/courier.json")
pathlib.Path("/found.json").write_text(json.dumps(found))
sys.exit(0)
