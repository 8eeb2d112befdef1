"""docs/PROTOCOL.md is what `sync.wire` does: every example and every limit of the page is checked against the code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.reasons import REASONS
from sync.collector.alarms import telling
from sync.collector.messages.gateway import filled
from sync.collector.visitors.status import platform
from sync.collector.visitors.status.settings import PlatformSettings
from sync.transport import PATH
from sync.wire import (
    badges,
    batch,
    carried,
    enrolment,
    passes,
    receipt,
    record,
    rolling,
    staff,
    statuslist,
    updates,
    wifi,
)
from sync.wire.envelope import MessageType, verify
from sync.wire.errors import NotGenuine
from sync.wire.keys import KeyRing
from sync.wire.policy import MAX_POLICY_BYTES, Policy
from sync.wire.urgent import REPORTED
from tests.sync.town import Town
from tests.vectors.make import BADGE, BATCH, CLAIMS, RECEIPT, STAFF

PAGE = (Path(__file__).parents[2] / "docs" / "PROTOCOL.md").read_text(encoding="utf-8")
TOWN = Town()
BLOCKS = {name: text for _, name, text in re.findall(r"^```(\w+) ([\w-]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)}


def as_form(form: Any) -> Callable[[str], None]:
    """The example reads as `form`, and writing it again gives the same fields in the same order."""

    def check(text: str) -> None:
        read = msgspec.json.decode(text, type=form, strict=True)
        shown = json.loads(text)
        written = json.loads(msgspec.json.encode(read))
        assert written == shown
        assert list(written) == list(shown)

    return check


def problem(text: str) -> None:
    assert list(json.loads(text)) == ["type", "title", "status", "detail"]  # RFC 9457 §3.1


def claims(text: str) -> None:
    assert json.loads(text) == msgspec.to_builtins(CLAIMS, builtin_types=(bytes,)) | {"serial": CLAIMS.serial.hex()}


def pass_text(text: str) -> None:
    token = passes.token_of(text.strip())
    opened = verify(token, KeyRing([TOWN.passes.verification_key()]), MessageType.PASS)
    assert passes.decode_claims(opened.payload) == CLAIMS
    assert f"A usual pass has {len(token)} bytes and {len(text.strip())} characters" in PAGE


def receipt_envelope(text: str) -> None:
    assert bytes.fromhex(text) == receipt.sign_receipt(RECEIPT, TOWN.receipts)


def status_list(text: str) -> None:
    made = statuslist.build({bytes(range(8)): 1_650_000_120}, [bytes(range(255, 247, -1))])
    assert bytes.fromhex(text) == made.content


def staff_list(text: str) -> None:
    as_form(staff.StaffList)(text)
    assert staff.read_staff(text.encode()) == STAFF


def badge(text: str) -> None:
    read = badges.read_badge(text.strip())
    assert (read, STAFF.with_badge(read)) == (BADGE, STAFF.entries[0])


def request(text: str) -> None:
    assert text.startswith(f"POST {PATH} HTTP/1.1\n")


def layout(text: str) -> None:
    folder = carried.gate_folder(TOWN.gate.kid)
    name = carried.BatchName(BATCH.outbox, BATCH.first, BATCH.next)
    names = [carried.MARKER, carried.NOTE, f"{folder}/{name}", f"{folder}/{carried.ANSWER}"]
    assert text.splitlines() == [f"{carried.FOLDER}/{name}" for name in names]
    assert f'"centre": "{TOWN.root.kid.hex()}"' in BLOCKS["marker"]


def enrolment_code(text: str) -> None:
    assert text.strip() == enrolment.write_code(enrolment.Code("https://centre.example", bytes([7]) * 16))


def platform_request(text: str) -> None:
    """What is sent unless said, with somebody put in."""
    said = json.loads(text)
    assert filled(PlatformSettings(url="https://x.example").body, said) == said
    assert re.fullmatch("[0-9a-f]{32}", said["id"])


def platform_answer(text: str) -> None:
    """Believed for the request above it."""
    asked = json.loads(BLOCKS["platform-request"])
    found = platform.read(text.encode(), PlatformSettings(url="https://x.example"), asked["id"], "", 1_790_000_000.0)
    assert found.status.name.lower() == json.loads(text)["status"]
    assert found.asserted_at == json.loads(text)["asserted_at"]
    assert found.test is not None
    assert f"{platform.MAX_ANSWER_BYTES:,} bytes" in PAGE


CHECKS: dict[str, Callable[[str], None]] = {
    "receipt-envelope": receipt_envelope,
    "pass": pass_text,
    "pass-claims": claims,
    "record-scan": as_form(record.Record),
    "record-folded": as_form(record.Record),
    "record-started": as_form(record.Record),
    "record-registered": as_form(record.Record),
    "record-taken-back": as_form(record.Record),
    "record-passage": as_form(record.Record),
    "record-adopted": as_form(record.Record),
    "record-fire_loop": as_form(record.Record),
    "status-list": status_list,
    "staff": staff_list,
    "badge": badge,
    "batch": as_form(batch.Batch),
    "receipt": as_form(receipt.Receipt),
    "keys": as_form(updates.KeyList),
    "manifest": as_form(updates.Manifest),
    "policy": as_form(Policy),
    "venue": as_form(updates.VenueCard),
    "request": request,
    "problem": problem,
    "stick": layout,
    "marker": as_form(carried.Marker),
    "enrolment-code": enrolment_code,
    "enrolment-request": as_form(enrolment.Request),
    "enrolment-verdict": as_form(enrolment.Verdict),
    "key-roll": as_form(rolling.Roll),
    "webhook": as_form(telling.Event),
    "platform-request": platform_request,
    "platform-answer": platform_answer,
}


def test_every_example_of_the_page_is_checked() -> None:
    """An example without a check is prose that rots."""
    assert sorted(BLOCKS) == sorted(CHECKS)
    assert PAGE.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("name", CHECKS)
def test_an_example_is_what_the_code_does(name: str) -> None:
    """Both ways."""
    CHECKS[name](BLOCKS[name])


def test_the_policy_of_the_page_is_the_default() -> None:
    """It says so."""
    assert msgspec.json.decode(BLOCKS["policy"], type=Policy) == Policy()


def test_the_receipt_of_the_page_is_the_one_in_its_envelope() -> None:
    """The bytes and their meaning stand on one page."""
    assert msgspec.json.decode(BLOCKS["receipt"], type=receipt.Receipt) == RECEIPT


def table(heading: str) -> dict[str, list[str]]:
    """Rows of the first table whose header starts with that word: first cell → the other cells."""
    rows: dict[str, list[str]] = {}
    for line in PAGE[PAGE.index(f"| {heading} |") :].splitlines()[2:]:
        if not line.startswith("|"):
            break
        first, *others = [cell.strip() for cell in line.strip("|").split("|")]
        rows[first] = others
    return rows


def test_the_limits_of_the_page_are_the_limits_of_the_code() -> None:
    """All of them, none more."""
    printed = {name: int(cells[0].replace(",", "")) for name, cells in table("what").items()}
    signed = {MessageType.RECEIPT.max_bytes, MessageType.KEYS.max_bytes, MessageType.UPDATE.max_bytes}
    assert len(signed) == 1
    assert enrolment.MAX_TEXT == wifi.MAX_TEXT
    assert len({MessageType.ENROL.max_bytes, MessageType.ENROLLED.max_bytes, MessageType.ROLL.max_bytes}) == 1
    assert printed == {
        "text of a pass, characters": passes.MAX_TEXT,
        "envelope of a pass, bytes": MessageType.PASS.max_bytes,
        "one record, bytes": record.MAX_RECORD_BYTES,
        "records in a batch": batch.MAX_RECORDS,
        "records in an urgent batch": batch.MAX_URGENT,
        "holes in a batch": batch.MAX_HOLES,
        "a batch inside, inflated, bytes": batch.MAX_BYTES,
        "envelope of a batch, bytes": MessageType.BATCH.max_bytes,
        "envelope of a receipt, a key list or a manifest, bytes": signed.pop(),
        "text of an enrolment code or a Wi-Fi code, characters": enrolment.MAX_TEXT,
        "envelope of an enrolment request, a verdict or a key roll, bytes": MessageType.ENROL.max_bytes,
        "keys, manifest, policy file or venue card, bytes": updates.MAX_FILE_BYTES,
        "a policy, bytes": MAX_POLICY_BYTES,
        "`withdrawn.list`, bytes": updates.LIMITS[updates.WITHDRAWN],
        "`withdrawn.delta`, bytes": updates.LIMITS[updates.WITHDRAWN_DELTA],
        "`staff.json`, bytes": updates.LIMITS[updates.STAFF],
        "inspectors in a staff list": staff.MAX_INSPECTORS,
        "text of a badge, characters": badges.MAX_TEXT,
        "an answer, bytes": receipt.MAX_ANSWER_BYTES,
        "what goes back to a gate on a stick, bytes": carried.MAX_RETURN_BYTES,
        "receipts in it": carried.MAX_RECEIPTS,
    }


def test_the_cost_of_a_pin_on_the_page_is_that_of_the_code() -> None:
    """What a second implementation must be ready for."""
    m, t, p = staff.MEMORY_KIB, staff.PASSES, staff.LANES
    said = f"`m` {m.start:,} to {m.stop - 1:,} KiB, `t` {t.start} to {t.stop - 1}, `p` {p.start} to {p.stop - 1}"
    assert said in PAGE


def test_the_urgent_reasons_of_the_page_are_those_of_the_code() -> None:
    """And each is a reason that a gate can give."""
    sentence = PAGE[PAGE.index("Urgent is the record") : PAGE.index(": a person who was refused")]
    assert set(re.findall(r"`(\w+)`", sentence)) - {"pass"} == REPORTED
    assert REASONS.keys() >= REPORTED


def test_the_types_of_the_page_are_the_types_of_the_code() -> None:
    """external_aad and purpose of each."""
    printed = {(cells[0].strip("`"), cells[1]) for cells in table("type").values()}
    assert printed == {(each.label.decode(), each.purpose.value) for each in MessageType}


def test_the_reasons_of_the_page_are_the_reasons_of_the_code() -> None:
    """`NotGenuine` lists them too."""
    printed = [reason.strip("`") for reason in table("reason")]
    assert all(f'"{reason}"' in (NotGenuine.__doc__ or "") for reason in printed)
    assert len(printed) == (NotGenuine.__doc__ or "").count('"') // 2
