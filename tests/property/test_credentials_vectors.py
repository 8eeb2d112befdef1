"""The vectors of passes: what another implementation is checked with is what this one does."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from edge import credentials
from edge.verify import Genuine, NotGenuine, verify
from sync.wire.record import ClockQuality, Moment
from sync.wire.updates import open_snapshot
from tests.vectors.make_passes import NOW, TOWN, vectors

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/passes.json").read_text(encoding="utf-8"))
SNAPSHOT = open_snapshot(TOWN.snapshot(), TOWN.root.public)


def judged(text: str) -> Genuine | NotGenuine:
    """What a gate with the vectors' keys says, a second after their time."""
    return verify(credentials.read(text), SNAPSHOT, Moment(NOW + 1, "boot", 1.0, ClockQuality.SYNCHRONIZED))


@pytest.mark.parametrize("vector", VECTORS["genuine"], ids=lambda vector: vector["name"])
def test_a_genuine_pass_says_what_is_written_down(vector):
    """Text → envelope → claims."""
    found = judged(vector["text"])
    assert isinstance(found, Genuine)
    told = msgspec.to_builtins(found.claims, builtin_types=(bytes,)) | {"serial": found.claims.serial.hex()}
    assert told == vector["claims"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["name"])
def test_a_hostile_form_is_refused_with_its_reason(vector):
    """Each was signed by the genuine key: only the form is wrong."""
    assert judged(vector["text"]) == NotGenuine(vector["reason"])


def test_what_is_written_today_is_what_was_written_then():
    """Signatures are deterministic: a difference is a change of the protocol."""
    assert vectors() == VECTORS
