"""What a visitor can show, in every hostile form: only what the centre signed, in the one form it wrote, is genuine."""

from __future__ import annotations

from collections.abc import Callable

import base45
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import credentials
from edge.verify import Finding, Genuine, NotGenuine, verify
from sync.wire.errors import NotGenuine as EnvelopeNotGenuine
from sync.wire.passes import MAX_COMPANIONS, PREFIX, PassClaims, PassKind, Status, issue, token_of
from sync.wire.record import ClockQuality, Moment
from sync.wire.updates import open_snapshot
from tests.vectors.make_passes import CLAIMS, FORGERIES, NOW, TOWN, forged

SNAPSHOT = open_snapshot(TOWN.snapshot(), TOWN.root.public)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
TEXT = issue(CLAIMS, TOWN.passes)
TOKEN = base45.b45decode(TEXT.removeprefix(PREFIX))

seconds = st.integers(0, 2**33)
claims_of_all_kinds = st.builds(
    PassClaims,
    issuer=st.text(max_size=12),
    issued_at=seconds,
    expires_at=seconds,
    serial=st.binary(min_size=12, max_size=12),
    kind=st.sampled_from(PassKind),
    status=st.sampled_from(Status),
    status_at=seconds,
    tested_at=st.none() | seconds,
    test_negative=st.none() | st.booleans(),
    companions=st.integers(0, MAX_COMPANIONS),
    venue=st.integers(0, 2**31),
    checkpoint=st.integers(0, 2**31),
    hint=st.none() | st.text(max_size=6),
)


def at(when: float) -> Moment:
    """A certain moment."""
    return Moment(when, "boot", 1.0, ClockQuality.SYNCHRONIZED)


def judged(text: str) -> Genuine | NotGenuine:
    """What the gate says of a text."""
    return verify(credentials.read(text), SNAPSHOT, at(NOW + 1))


@given(claims_of_all_kinds)
def test_what_the_centre_issues_is_read_as_it_was_issued(claims: PassClaims) -> None:
    """The wire form round-trips through text, envelope and claims."""
    found = judged(issue(claims, TOWN.passes))
    assert isinstance(found, Genuine)
    assert found.claims == claims


@given(
    st.text() | st.text(ALPHABET).map(PREFIX.__add__) | st.binary().map(lambda data: PREFIX + data.decode("latin-1"))
)
def test_any_text_is_answered_and_none_is_genuine(text: str) -> None:
    """Reading never crashes, whatever a visitor shows."""
    assert isinstance(judged(text), NotGenuine)


@given(st.binary(max_size=300))
def test_any_token_in_proper_base45_is_answered(token: bytes) -> None:
    """Past the text's form, every byte string reaches the envelope's reader."""
    assert isinstance(judged(PREFIX + base45.b45encode(token).decode()), NotGenuine)


@settings(max_examples=500)
@given(st.integers(0, len(TEXT) - 1), st.sampled_from(ALPHABET) | st.characters())
def test_no_single_changed_character_is_genuine(position: int, other: str) -> None:
    """Of the alphabet, or any other."""
    if other != TEXT[position]:
        assert isinstance(judged(TEXT[:position] + other + TEXT[position + 1 :]), NotGenuine)


@given(st.integers(0, len(TEXT)), st.sampled_from(ALPHABET) | st.characters(), st.integers(1, 3))
def test_no_inserted_or_missing_characters_are_genuine(position: int, more: str, count: int) -> None:
    """Nothing before, inside or behind."""
    assert isinstance(judged(TEXT[:position] + more * count + TEXT[position:]), NotGenuine)
    if position < len(TEXT):
        assert isinstance(judged(TEXT[:position] + TEXT[position + count :]), NotGenuine)


@given(st.integers(0, len(TOKEN) * 8 - 1))
def test_no_single_changed_bit_of_the_token_is_genuine(bit: int) -> None:
    """Beneath the text too."""
    changed = bytearray(TOKEN)
    changed[bit // 8] ^= 1 << bit % 8
    assert isinstance(judged(PREFIX + base45.b45encode(bytes(changed)).decode()), NotGenuine)


@given(st.text(ALPHABET + "\r\n\0", max_size=12))
def test_a_token_has_one_text(body: str) -> None:
    """Whatever is read encodes to itself again: nothing is forgiven, not even a line feed at the end."""
    try:
        token = token_of(PREFIX + body)
    except EnvelopeNotGenuine:
        return
    assert base45.b45encode(token).decode() == body


@pytest.mark.parametrize("change", [str.lower, str.swapcase, " {}".format, "{}\n".format, "{} ".format])
def test_another_spelling_is_another_text(change: Callable[[str], str]) -> None:
    """One form, and no kindness: whoever accepts two spellings of a pass has two passes."""
    assert isinstance(judged(change(TEXT)), NotGenuine)


@pytest.mark.parametrize("name", FORGERIES)
def test_nothing_but_the_canonical_form_is_genuine_even_signed_with_the_genuine_key(name: str) -> None:
    """RFC 9052 §4.2 in its strictest reading (DESIGN 3): what another implementation might overlook is refused."""
    parts, reason = FORGERIES[name]
    assert judged(forged(**parts)) == NotGenuine(reason)


def test_the_forger_of_these_tests_can_make_a_genuine_pass() -> None:
    """So that the others fail for the reason that they name."""
    assert isinstance(judged(forged()), Genuine)


@given(claims_of_all_kinds, seconds, seconds)
def test_a_later_clock_never_unexpires(claims: PassClaims, one: int, other: int) -> None:
    """Whatever the pass says, and however far the clock goes on."""
    credential = credentials.read(issue(claims, TOWN.passes))
    early, late = (verify(credential, SNAPSHOT, at(when)) for when in sorted((one, other)))
    assert isinstance(early, Genuine)
    assert isinstance(late, Genuine)
    assert Finding.EXPIRED not in early.findings or Finding.EXPIRED in late.findings
    assert Finding.NOT_YET_VALID not in late.findings or Finding.NOT_YET_VALID in early.findings


@given(st.lists(st.text(max_size=9) | st.sampled_from([TEXT, TEXT + "0", "VP1:"]), max_size=6))
def test_passes_in_view_are_never_chosen_between(texts: list[str]) -> None:
    """Every pass counts, once, in the order in which it was seen; of anything else one is enough."""
    passes = [text for text in dict.fromkeys(texts) if text.startswith(PREFIX)]
    assert credentials.most_telling(texts) == tuple(passes or texts[:1])
