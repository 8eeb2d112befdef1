"""Makes `passes.json`: passes that another implementation must accept or refuse, each with the reason (DESIGN 3).

`python -m tests.vectors.make_passes`, after a change of the protocol's version; keys as in `make.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import base45
import cbor2
import msgspec

from sync.wire.envelope import MessageType
from sync.wire.passes import PREFIX, PassClaims, PassKind, Status, encode_claims, issue
from tests.sync.town import Town

NOW = 1_650_000_000
TOWN = Town()
CLAIMS = PassClaims(
    issuer="xinan", issued_at=NOW, expires_at=NOW + 120, serial=bytes(range(12)), kind=PassKind.SCAN_RESULT,
    status=Status.GREEN, status_at=NOW - 3_600, tested_at=NOW - 40_000, test_negative=True, venue=7, checkpoint=3,
)  # fmt: skip
_DAYS = 86_400
GENUINE = {
    "a scan result": CLAIMS,
    "a saved pass that holds anywhere": msgspec.structs.replace(
        CLAIMS, kind=PassKind.SAVED, venue=0, checkpoint=0, expires_at=NOW + 7 * _DAYS
    ),
    "a paper pass with companions, a masked name and no test": msgspec.structs.replace(
        CLAIMS, kind=PassKind.PAPER, venue=0, checkpoint=0, expires_at=NOW + 180 * _DAYS, companions=8, hint="张*",
        tested_at=None, test_negative=None,
    ),
    "a red one with a positive test": msgspec.structs.replace(CLAIMS, status=Status.RED, test_negative=False),
}  # fmt: skip


def forged(
    *,
    protected: dict[Any, Any] | None = None,
    unprotected: dict[Any, Any] | None = None,
    payload: bytes | None = None,
    label: bytes = MessageType.PASS.label,
    tag: int = 18,
    context: str = "Signature1",
    canonical: bool = True,
    behind: bytes = b"",
) -> str:
    """A pass that the genuine pass key signed over exactly these parts: only its form is wrong."""
    header = cbor2.dumps({1: -8, 4: TOWN.passes.kid} if protected is None else protected, canonical=canonical)
    content = encode_claims(CLAIMS) if payload is None else payload
    signature = TOWN.passes.private.sign(cbor2.dumps([context, header, label, content], canonical=True))
    token = cbor2.dumps(cbor2.CBORTag(tag, [header, unprotected or {}, content, signature])) + behind
    return PREFIX + base45.b45encode(token).decode()


KID = TOWN.passes.kid
FORGERIES = {
    "an unprotected header": ({"unprotected": {4: KID}}, "not_canonical"),
    "a kid in the unprotected header only": ({"protected": {1: -8}, "unprotected": {4: KID}}, "malformed"),
    "trailing bytes": ({"behind": b"\0"}, "not_canonical"),
    "no kid": ({"protected": {1: -8}}, "malformed"),
    "a foreign kid": ({"protected": {1: -8, 4: b"stranger"}}, "unknown_key"),
    "the kid of another of our keys": ({"protected": {1: -8, 4: TOWN.receipts.kid}}, "wrong_purpose"),
    "a kid of another length": ({"protected": {1: -8, 4: KID[:4]}}, "malformed"),
    "another algorithm": ({"protected": {1: -7, 4: KID}}, "not_canonical"),
    "no algorithm": ({"protected": {4: KID}}, "not_canonical"),
    "an unknown critical header": ({"protected": {1: -8, 2: [99], 4: KID, 99: 1}}, "not_canonical"),
    "one more header": ({"protected": {1: -8, 3: 60, 4: KID}}, "not_canonical"),
    "headers in another order": ({"protected": {4: KID, 1: -8}, "canonical": False}, "not_canonical"),
    "another type of message": ({"label": MessageType.RECEIPT.label}, "bad_signature"),
    "another signature context": ({"context": "Signature"}, "bad_signature"),
    "another tag": ({"tag": 98}, "malformed"),
    "claims of another form": ({"payload": cbor2.dumps({1: "xinan"})}, "malformed"),
    "more companions than a pass can have": (
        {"payload": encode_claims(msgspec.structs.replace(CLAIMS, companions=9))},
        "malformed",
    ),
    "a serial that is too short": (
        {"payload": encode_claims(msgspec.structs.replace(CLAIMS, serial=bytes(11)))},
        "malformed",
    ),
    "claims with something behind": ({"payload": encode_claims(CLAIMS) + b"\0"}, "not_canonical"),
    "claims in another order": (
        {"payload": cbor2.dumps(dict(reversed(cbor2.loads(encode_claims(CLAIMS)).items())))},
        "not_canonical",
    ),
    "one more claim": (
        {"payload": cbor2.dumps(cbor2.loads(encode_claims(CLAIMS)) | {3: "aud"}, canonical=True)},
        "not_canonical",
    ),
    "a key in place of a pass": ({"payload": b""}, "malformed"),
}


def vectors() -> dict[str, Any]:
    """Name → text, and the claims or the reason."""
    return {
        "signing_key": TOWN.passes.private.private_bytes_raw().hex(),
        "public_key": TOWN.passes.public.hex(),
        "kid": KID.hex(),
        "genuine": [
            {"name": name, "claims": _told(claims), "text": issue(claims, TOWN.passes)}
            for name, claims in GENUINE.items()
        ],
        "refused": [
            {"name": name, "reason": reason, "text": forged(**parts)} for name, (parts, reason) in FORGERIES.items()
        ],
    }


def _told(claims: PassClaims) -> dict[str, Any]:
    return msgspec.to_builtins(claims, builtin_types=(bytes,)) | {"serial": claims.serial.hex()}


if __name__ == "__main__":
    path = Path(__file__).parent / "passes.json"
    path.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
