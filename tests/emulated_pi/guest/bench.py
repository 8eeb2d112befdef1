#!/usr/bin/python3
"""On the emulated Pi: does what the bench says on the second serial line. One line of JSON in, one out.

{"n": 1, "run": [...]}   a command: {"n": 1, "code": 0, "out": base64}
{"n": 2, "show": NAME}   puts a picture before the camera
{"n": 3, "time": 0}      {"n": 3, "mono": seconds, "wall": seconds}
"""

import base64
import json
import os
import select
import subprocess
import sys
import termios
import time
import tty

PICTURES, BEFORE = "/var/lib/bench/pictures", "/var/lib/bench/camera"


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    return {"code": done.returncode, "out": base64.b64encode(done.stdout).decode()}


def show(name):
    os.symlink(os.path.join(PICTURES, name), os.path.join(BEFORE, ".next"))
    os.replace(os.path.join(BEFORE, ".next"), os.path.join(BEFORE, "view.png"))
    return {}


def now(_):
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    return {"mono": time.monotonic(), "wall": time.time(), "boot": boot}


def answer(told):
    """What comes of one line."""
    asked = {"n": -1}
    try:
        asked = json.loads(told)
        name = next(key for key in asked if key != "n")
        return {"n": asked["n"], **{"run": run, "show": show, "time": now}[name](asked[name])}
    except Exception as cause:  # noqa: BLE001 - told to whoever asked
        return {"n": asked.get("n", -1), "error": repr(cause)}


def say(line, told):
    said = b"\n" + json.dumps(told).encode() + b"\n"
    while said:
        said = said[os.write(line, said) :]


def main():
    line = os.open("/dev/ttyS1", os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line, termios.TCSANOW)
    while not select.select([line], [], [], 1.0)[0]:
        say(line, {"n": 0})  # until somebody speaks: the line loses what is said before both ends listen
    rest = b""
    while True:
        *whole, rest = (rest + os.read(line, 4096)).split(b"\n")
        for told in filter(None, whole):
            say(line, answer(told))


sys.exit(main())
