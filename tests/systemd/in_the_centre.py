"""What test_clean_debian_collector.py runs inside the machine that it boots: uses the centre, and writes /found.json.

/src holds a newer release than the one that is installed.
"""

import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time
import traceback
import urllib.error
import urllib.request

STATE = "/var/lib/venue-gate-collector"
CURRENT = "/opt/venue-gate-collector/current"
USER = ["setpriv", "--reuid=venue-gate-collector", "--regid=venue-gate-collector", "--init-groups"]
SEND = """
import sys, http.client, pathlib
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sync.wire import jsonform
from sync.wire.batch import Batch, Report, pack
from sync.wire.keys import Purpose, SigningKey
from sync.wire.receipt import decode_answer, read_receipt
from sync.wire.updates import FILES, open_snapshot
gate = pathlib.Path(sys.argv[1])
files = {name: (gate / "updates/current" / name).read_bytes() for name in FILES}
snapshot = open_snapshot(files, bytes.fromhex((gate / "root.pub").read_text()))
private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex((gate / "private" / "device.key").read_text()))
report, cursor = Report((0, 0), 0, "1", "b", 1.0), int(sys.argv[2])
batch = Batch("gate-1", "0" * 32, cursor, cursor, [], 1.0, "ab" * 16, report)
line = http.client.HTTPConnection("127.0.0.1", 8000)
line.request("POST", "/v1/batches", pack(batch, SigningKey(private, Purpose.GATE), snapshot.sealing_key),
             {"Content-Type": "application/cose"})
receipt = read_receipt(decode_answer(line.getresponse().read()).receipt, snapshot.ring)
print(receipt.next, receipt.epoch)
"""
found = {}


def ask(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options).stdout.strip()


def told(*command):
    """Exit code and last line of what it said."""
    done = subprocess.run(command, capture_output=True, text=True)
    return [done.returncode, (done.stdout + done.stderr).strip()[-600:]]


def until(get, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds(value := get()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


def active():
    return ask("systemctl", "is-active", "collector")


def show(name):
    return ask("systemctl", "show", "-P", name, "collector")


def readiness():
    try:
        with urllib.request.urlopen("http://127.0.0.1:8000/readyz", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as cause:
        return cause.code
    except OSError as cause:
        return str(cause)


def collector(*arguments):
    return ask(*USER, "/usr/local/bin/collector", *arguments)


def install(source, *options):
    return told(f"{source}/systemd/install-collector", "--wheels", "/wheels", *options)


def send(cursor):
    """The receipt's `next` and epoch, for a greeting of the one gate."""
    return ask(f"{CURRENT}/bin/python", "-c", SEND, "/gate", str(cursor))


def broken(name, file, text):
    """A newer release in which that file is another."""
    source = pathlib.Path(f"/broken-{name}")
    shutil.copytree("/src", source)
    (source / file).write_text(text)
    return source


def look():
    found["active"] = until(active, "active".__eq__)
    found["ready"] = until(readiness, (200).__eq__)
    found["type"] = show("Type")
    pid = show("MainPID")
    found["user"] = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
    found["state"] = ask("stat", "-c", "%U:%G %a", STATE)
    root = pathlib.Path(STATE) / "root"
    found["root key"] = [path.name for path in root.iterdir()]
    found["root key as the service sees it"] = ask("ls", "-A", f"/proc/{pid}/root{root}")
    found["made"] = [
        collector("venue", "create", "东门市场"),
        collector("checkpoint", "create", "南门", "--venue", "1", "--direction", "in"),
        collector("gate", "create", "1号闸机", "--checkpoint", "1"),
    ]
    address = ["--gate", "gate-1", "--collector-url", "http://127.0.0.1:8000"]
    os.mkdir("/gate")
    shutil.chown("/gate", "venue-gate-collector")
    collector("gate", "provision", "/gate", *address)
    found["receipt"] = send(1)
    found["again"] = install("/installed")
    os.mkdir("/backups")
    shutil.chown("/backups", "venue-gate-collector")
    found["backup"] = told(*USER, "/usr/local/bin/collector", "backup", "/backups/centre.tar")
    pid = show("MainPID")  # installing restarts
    os.kill(int(pid), signal.SIGKILL)
    found["after a kill"] = until(lambda: show("MainPID"), lambda now: now not in ("0", pid))
    until(readiness, (200).__eq__)

    found["no start"] = install(broken("start", "sync/collector/server.py", "raise SystemExit('broken')\n"))
    found["after no start"] = [os.readlink(CURRENT), active(), readiness()]
    no_upgrade = (
        pathlib.Path("/src/sync/collector/storage.py")
        .read_text()
        .replace("        changed = schema.upgrade(database)", "        raise CollectorError('no upgrade today')")
    )
    found["no upgrade"] = install(broken("upgrade", "sync/collector/storage.py", no_upgrade))
    until(readiness, (200).__eq__)
    found["after no upgrade"] = [os.readlink(CURRENT), active(), readiness()]

    before = show("MainPID")
    found["upgrade"] = install("/src")
    found["after the upgrade"] = [active(), until(readiness, (200).__eq__), show("MainPID") != before]
    found["in force"] = ask("cat", f"{CURRENT}/lib/python3.11/site-packages/sync/collector/__init__.py")
    found["backups"] = sorted(os.listdir(f"{STATE}/backups"))
    found["gates"] = collector("gate", "list").splitlines()[-1:]
    found["receipt after the upgrade"] = send(1)

    found["uninstall"] = install("/src", "--uninstall")
    found["left"] = [os.path.lexists(path) for path in (CURRENT, "/usr/local/bin/collector", f"{STATE}/collector.db")]
    found["unit left"] = told("systemctl", "cat", "collector")[0] == 0
    # An older database, as it stands after a long time without the programs.
    found["back"] = install("/src")
    found["ready when back"] = until(readiness, (200).__eq__)
    found["receipt when back"] = send(1)
    found["stop"] = [told("systemctl", "stop", "collector")[0], show("Result"), show("ExecMainStatus")]

    shutil.move(STATE, "/old-state")
    os.mkdir(STATE, 0o700)
    shutil.chown(STATE, "venue-gate-collector", "venue-gate-collector")
    found["restore"] = told(*USER, "/usr/local/bin/collector", "restore", "/backups/centre.tar")
    found["check"] = told(*USER, "/usr/local/bin/collector", "db", "check")
    found["start"] = told("systemctl", "start", "collector")
    until(readiness, (200).__eq__)
    found["receipt of the restored"] = send(1)


try:
    look()
except (OSError, ValueError, KeyError, IndexError):
    found["failed"] = traceback.format_exc()
found["journal"] = ask("journalctl", "--no-pager", "-u", "collector", "-o", "cat")
pathlib.Path("/found.json").write_text(json.dumps(found, ensure_ascii=False, indent=1))
