"""The soak, for a few seconds: its invariants hold, and it would notice if they did not."""

from __future__ import annotations

import pytest

from tests.conftest import Authority
from tests.whole import soak


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.stress)])
def test_nothing_opens_by_mistake_while_everything_fails(tmp_path, seed):
    """R2, R26: `make soak MINUTES=n` runs the same for as long as one likes."""
    tally = soak.run(6.0, seed, tmp_path / "gate")
    assert tally.wrong == []
    assert tally.openings > tally.visitors["green"] / 4
    assert tally.visitors.total() > 50


def test_an_opening_without_its_pass_would_be_noticed(tmp_path):
    """A relay that moves by itself; a test that cannot fail is none."""
    watched = soak.Soak(tmp_path / "gate", seed=3)
    watched.barrier.open()
    watched.check_records()
    watched.close()
    assert len(watched.tally.wrong) == 2


def test_a_gate_that_lets_nobody_in_would_be_noticed(tmp_path):
    """Nothing opens by mistake where nothing opens: passes by another centre's key."""
    watched = soak.Soak(tmp_path / "gate", seed=3)
    watched.authority = Authority()
    watched.mend()
    watched.close()
    assert len(watched.tally.wrong) == 1
