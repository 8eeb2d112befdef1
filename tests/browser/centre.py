"""A centre for the browser tests: a real `collector serve`, and what every page of it must keep to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

COLLECTOR = str(Path(sys.executable).with_name("collector"))
WIDTHS = (320, 1440)


def start(state: Path, port: int = 0) -> tuple[subprocess.Popen[str], str]:
    """`collector serve`, and its address."""
    command = [COLLECTOR, "--state", str(state), "serve", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[1].rstrip("/")


def collector(state: Path, *arguments: str) -> str:
    """What a command prints; it must work."""
    command = [COLLECTOR, "--state", str(state), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def watch(page: Page) -> list[str]:
    """Everything that a page must not do, as it happens: script errors, and what the content security policy stops."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Security Policy" in message.text else None)
    return faults


def too_wide(page: Page) -> list[str]:
    """What is wider than the screen, at a phone's width and a desk's."""
    found: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url} is wider than {width} px")
    return found


def faults_of(page: Page) -> list[str]:
    """At a phone's width and a desk's: nothing wider than the screen, nothing that axe-core objects to."""
    found = too_wide(page)
    answer: Any = Axe().run(page)
    return found + [
        f"{page.url}: {rule['id']} {rule['nodes'][0]['html'][:200]}" for rule in answer.response["violations"]
    ]
