"""What the service lamp tells the inspector (R26)."""

from __future__ import annotations

import pytest

from edge.conditions import conditions
from hardware.ports import Condition
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality
from sync.wire.status import Fault, StickPhase, StickStatus
from tests.conftest import NOW


@pytest.fixture
def trust(authority):
    return authority.snapshot(policy=Policy(trust_hours=24))


def test_a_gate_in_order_has_no_condition(trust, moment):
    """Nor has one whose clock keeps time by itself since it was last certain."""
    assert conditions([], moment(), trust, True) == set()
    assert conditions([], moment(clock=ClockQuality.HOLDOVER), trust, True) == set()


@pytest.mark.parametrize("quality", [ClockQuality.FLOOR, ClockQuality.UNKNOWN])
def test_a_clock_that_nobody_vouches_for_is_doubtful(trust, moment, quality):
    """Passes are judged by it."""
    assert conditions([], moment(clock=quality), trust, True) == {Condition.CLOCK_DOUBTFUL}


def test_data_older_than_the_policy_allows_is_stale(trust, moment):
    """And so is none at all."""
    assert conditions([], moment(at=NOW + 24 * 3600), trust, True) == set()
    assert conditions([], moment(at=NOW + 24 * 3600 + 1), trust, True) == {Condition.DATA_STALE}
    assert conditions([], moment(), None, True) == {Condition.DATA_STALE}


def test_offline_is_a_condition_of_its_own(trust, moment):
    """Beside whatever else holds."""
    assert conditions([], moment(), trust, False) == {Condition.OFFLINE}
    assert conditions([Fault.CAMERA], moment(), trust, False) == {Condition.OFFLINE, Condition.CAMERA_LOST}


@pytest.mark.parametrize(
    ("fault", "condition"),
    [
        (Fault.CAMERA, Condition.CAMERA_LOST),
        (Fault.THERMOMETER, Condition.THERMOMETER_LOST),
        (Fault.DISK, Condition.DISK_NEARLY_FULL),
        (Fault.OUTBOX, Condition.DISK_NEARLY_FULL),
        (Fault.TURNSTILE, Condition.FORCED),
    ],
)
def test_a_part_that_fails_is_on_the_lamp(trust, moment, fault, condition):
    """The rest is on the page."""
    assert conditions([fault], moment(), trust, True) == {condition}


@pytest.mark.parametrize(
    ("phase", "condition"),
    [
        (StickPhase.COPYING, Condition.COPYING),
        (StickPhase.WRITTEN, Condition.COPYING),
        (StickPhase.COPIED, Condition.COPIED),
        (StickPhase.FAILED, Condition.COPY_FAILED),
    ],
)
def test_a_stick_is_copied_to_until_it_is_unmounted_and_told_for_two_minutes(trust, moment, phase, condition):
    """Only then may it be pulled; and the lamp has other things to say later (R25)."""
    stick = StickStatus(boot="boot", mono=100.0, wall=NOW, pid=1, phase=phase)
    assert conditions([], moment(mono=100.0), trust, True, stick) == {condition}
    assert conditions([], moment(mono=220.0), trust, True, stick) == {condition}
    assert conditions([], moment(mono=220.1), trust, True, stick) == set()
    assert conditions([], moment(), trust, True, None) == set()
