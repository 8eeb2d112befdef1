"""Genuine or not, and for here or not (DESIGN 3)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge import credentials
from edge.credentials import Credential
from edge.verify import Finding, Genuine, NotGenuine, verify
from sync.wire.keys import Purpose, SigningKey
from sync.wire.passes import PassKind
from sync.wire.record import ClockQuality, Moment

NOW = 1_650_000_000


def look(authority, moment, text: str, *, at: float = NOW + 1, **snapshot):
    """What the gate of VENUE finds about a text."""
    return verify(credentials.read(text), authority.snapshot(**snapshot), moment(at))


def test_a_pass_of_the_centre_for_this_gate_is_genuine(authority, moment):
    """Nothing is held against it."""
    found = look(authority, moment, authority.pass_text())
    assert isinstance(found, Genuine)
    assert found.findings == ()


@pytest.mark.parametrize(
    ("claims", "finding"),
    [
        ({"venue": 8}, Finding.ELSEWHERE),
        ({"checkpoint": 4}, Finding.ELSEWHERE),
        ({"venue": 0, "checkpoint": 0}, Finding.ELSEWHERE),  # a scan result always names its checkpoint
        ({"expires_at": NOW + 1}, Finding.EXPIRED),
        ({"issued_at": NOW + 400, "expires_at": NOW + 500}, Finding.NOT_YET_VALID),
    ],
)
def test_what_a_genuine_pass_says_against_itself(authority, moment, claims, finding):
    """Issued for here, not expired, not from the future."""
    assert look(authority, moment, authority.pass_text(**claims)).findings == (finding,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("hello", "unknown_format"), ("VP1:", "malformed"), ("VP1:%%%", "malformed"), ("vp1:AB", "unknown_format")],
)
def test_a_text_that_is_no_pass_is_told_why(authority, moment, text, reason):
    """The reason is the reader's."""
    assert look(authority, moment, text) == NotGenuine(reason)


def test_a_gate_without_keys_says_so(authority, moment):
    """Before anything is verified."""
    assert verify(credentials.read(authority.pass_text()), None, moment()) == NotGenuine("no_trust")


def test_a_code_in_the_form_of_a_pass_is_a_credential_of_its_format(authority):
    """Its token, unchecked."""
    read = credentials.read(authority.pass_text())
    assert isinstance(read, Credential)
    assert read.format == "VP1"


@pytest.mark.parametrize(("ahead", "findings"), [(300, ()), (301, (Finding.NOT_YET_VALID,))])
def test_five_minutes_are_no_future(authority, moment, ahead, findings):
    """DESIGN 5: two clocks never agree to the second."""
    text = authority.pass_text(issued_at=NOW + 1 + ahead, expires_at=NOW + 900)
    assert look(authority, moment, text).findings == findings


def test_a_saved_pass_holds_anywhere(authority, moment):
    """Only a scan result is bound to its checkpoint."""
    text = authority.pass_text(kind=PassKind.SAVED, venue=0, checkpoint=0)
    assert look(authority, moment, text).findings == ()


def test_a_stranger_key_is_refused(authority, moment):
    """The key is looked up by its name, and nothing else verifies what names it."""
    stranger = type(authority)().passes
    assert look(authority, moment, authority.pass_text(key=stranger)) == NotGenuine("unknown_key")


def test_a_key_of_another_purpose_signs_no_pass(authority, moment):
    """DESIGN 4: a compromised receipt key cannot make passes."""
    disguised = SigningKey(authority.receipts.private, Purpose.PASS)
    assert look(authority, moment, authority.pass_text(key=disguised)) == NotGenuine("wrong_purpose")


def test_a_withdrawn_key_verifies_nothing_issued_later(authority, moment):
    """`reject_issued_after`: passes from before the theft stay good, later ones are refused."""
    text = authority.pass_text()
    assert look(authority, moment, text, **{"pass": {"reject_issued_after": NOW - 1}}) == NotGenuine("key_not_valid")
    assert isinstance(look(authority, moment, text, **{"pass": {"reject_issued_after": NOW}}), Genuine)


def test_no_single_changed_character_verifies(authority, moment):
    """Every position of the text, changed to another character of the alphabet."""
    text = authority.pass_text()
    snapshot = authority.snapshot()
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
    for position in range(len(text)):
        changed = alphabet[(alphabet.index(text[position]) + 1 + position % 43) % 45]
        forged = text[:position] + changed + text[position + 1 :]
        assert isinstance(verify(credentials.read(forged), snapshot, moment()), NotGenuine), position


@given(st.text() | st.text().map("VP1:".__add__))
def test_any_text_is_answered(text):
    """Reading never crashes, whatever a visitor shows."""
    now = Moment(NOW, "b", 1.0, ClockQuality.SYNCHRONIZED)
    assert isinstance(verify(credentials.read(text), None, now), NotGenuine)


@given(at=st.integers(NOW - 10_000, NOW + 10_000), later=st.integers(0, 100_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_later_clock_never_unexpires(authority, moment, at, later):
    """What is expired stays expired."""
    snapshot = authority.snapshot()
    credential = credentials.read(authority.pass_text())
    before, after = (verify(credential, snapshot, moment(time)) for time in (at, at + later))
    assert Finding.EXPIRED not in before.findings or Finding.EXPIRED in after.findings
