"""The demo's visitors: fresh passes a little ahead, of every sort."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from sync.collector.visitors.demo import LABELS, MIXTURE, Queue
from sync.wire.envelope import MessageType, verify
from sync.wire.errors import NotGenuine
from sync.wire.keys import KeyRing, Purpose
from sync.wire.passes import PassClaims, PassKind, Status, decode_claims, token_of
from tests.sync.collector.gateside import NOW, Site


class Camera(threading.Thread):
    """Takes the lowest number and removes it, as the demo gate's camera does."""

    def __init__(self, directory: Path, count: int) -> None:
        super().__init__(daemon=True)
        self.directory, self.count = directory, count
        self.seen: list[dict[str, object]] = []
        self.names: list[str] = []
        self.most_waiting = 0

    def run(self) -> None:
        """Until `count` visitors were seen, at most 30 s."""
        deadline = time.monotonic() + 30
        while len(self.seen) < self.count and time.monotonic() < deadline:
            waiting = sorted(self.directory.glob("*.json"))
            self.most_waiting = max(self.most_waiting, len(waiting))
            if waiting:
                self.seen.append(json.loads(waiting[0].read_text()))
                self.names.append(waiting[0].name)
                waiting[0].unlink()
            time.sleep(0.005)


def visitors(site: Site, labels: tuple[str, ...], count: int) -> Camera:
    """A camera that saw them all."""
    directory = site.directory / "visitors"
    camera = Camera(directory, count)
    camera.start()
    Queue(site.centre, directory, None, 1, labels).run(count)
    camera.join(40)
    assert len(camera.seen) == count
    return camera


def claims(site: Site, text: str) -> PassClaims:
    """What a pass says, if this centre signed it."""
    ring = KeyRing([site.centre.keys.current().signer(Purpose.PASS, NOW).verification_key()])
    return decode_claims(verify(token_of(text), ring, MessageType.PASS).payload)


def test_at_most_two_visitors_wait_and_their_numbers_rise(site: Site) -> None:
    """Two-minute scan results stay fresh."""
    camera = visitors(site, ("green",), 6)
    assert camera.names == [f"{number:08}.json" for number in range(1, 7)]
    assert camera.most_waiting <= 2


def test_all_labels_come_and_most_are_green(site: Site) -> None:
    """Variety, weighted to green."""
    camera = visitors(site, MIXTURE, len(MIXTURE))
    labels = [visitor["label"] for visitor in camera.seen]
    assert set(labels) == set(LABELS)
    assert labels.count("green") > len(labels) / 2


def test_each_label_shows_what_it_says(site: Site) -> None:
    """Green, saved, paper, yellow, red, expired, fever: genuine, and as named."""
    seen = {str(visitor["label"]): visitor for visitor in visitors(site, LABELS, len(LABELS)).seen}
    now = time.time()

    def only(label: str) -> PassClaims:
        (exhibit,) = seen[label]["exhibits"]  # type: ignore[misc]
        return claims(site, exhibit["text"])

    assert [(only(label).kind, only(label).status) for label in ("green", "saved", "paper", "yellow", "red")] == [
        (PassKind.SCAN_RESULT, Status.GREEN),
        (PassKind.SAVED, Status.GREEN),
        (PassKind.PAPER, Status.GREEN),
        (PassKind.SCAN_RESULT, Status.YELLOW),
        (PassKind.SCAN_RESULT, Status.RED),
    ]
    assert only("green").expires_at > now > only("expired").expires_at
    assert seen["paper"]["exhibits"][0]["surface"] == "paper"  # type: ignore[index]
    assert (seen["fever"]["celsius"], seen["empty"]["celsius"]) == (38.1, None)
    assert (seen["empty"]["exhibits"], len(seen["two_codes"]["exhibits"])) == ([], 2)  # type: ignore[arg-type]
    assert not seen["unknown_code"]["exhibits"][0]["text"].startswith("VP1:")  # type: ignore[index]


def test_a_forged_pass_is_not_genuine(site: Site) -> None:
    """Signed by a key that is not the centre's."""
    (visitor,) = visitors(site, ("forged",), 1).seen
    with pytest.raises(NotGenuine, match="not known"):
        claims(site, visitor["exhibits"][0]["text"])  # type: ignore[index]


def test_visitors_left_over_from_an_earlier_run_are_replaced(site: Site) -> None:
    """Their scan results have expired; the numbers go on."""
    directory = site.directory / "visitors"
    directory.mkdir()
    (directory / "00000041.json").write_text("{}")
    Queue(site.centre, directory, None, 1, ("green",)).run(2)
    assert sorted(path.name for path in directory.iterdir()) == ["00000042.json", "00000043.json"]
