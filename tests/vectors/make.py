"""Makes the fixed vectors beside this file: `python -m tests.vectors.make`, after a change of the protocol's version.

The keys are known to everybody and sign nothing else. Signatures are deterministic (RFC 8032 §5.1.6); seals are not, so
that `batch.json` and `carried.json` differ from run to run and any of them opens.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from sync.wire.badges import Badge, badge_hash, text_of
from sync.wire.batch import Batch, Hole, Report, pack
from sync.wire.carried import BatchName, Return, device_seal, device_seal_public, gate_folder, seal_return
from sync.wire.passes import PassClaims, PassKind, Status, issue
from sync.wire.receipt import Answer, Receipt, SetAside, encode_answer, sign_receipt
from sync.wire.staff import Staff, StaffEntry, encode_staff
from tests.sync.town import Town

HERE = Path(__file__).parent
CLAIMS = PassClaims(
    issuer="xinan", issued_at=1_650_000_000, expires_at=1_650_000_120, serial=bytes(range(12)),
    kind=PassKind.SCAN_RESULT, status=Status.GREEN, status_at=1_649_990_000, tested_at=1_649_950_000,
    test_negative=True, venue=1_234, checkpoint=56,
)  # fmt: skip
RECORDS = [b'{"type":"started","n":1}', b'{"type":"started","n":3}']
BATCH = Batch(
    gate="gate-7", outbox="00112233445566778899aabbccddeeff", first=41, next=44,
    records=[msgspec.Raw(record) for record in RECORDS], sent_at=1_650_000_000.25, nonce="0f" * 16,
    report=Report((1, 1), 3, "0.1.0", "8a6f3c1e-5d27-4b90-9c3e-7f1a2b3c4d5e", 12.5), holes=[Hole(42, 42, "burnt")],
)  # fmt: skip
URGENT = msgspec.structs.replace(BATCH, first=12, next=12, holes=[], urgent=[41, 43])
RECEIPT = Receipt(
    gate="gate-7", outbox="00112233445566778899aabbccddeeff", epoch=1, next=44, centre_time=1_650_000_000.5,
    nonce="0f" * 16, set_aside=[SetAside(43, "not a record")], conflicts=[41],
)  # fmt: skip

PIN = "48291537"
BADGE = Badge(57, bytes(range(16)))
STAFF = Staff((
    StaffEntry(
        number=57, name="李＊", checkpoint=21, badge=badge_hash(BADGE), until=1_651_248_000,
        pin="$argon2id$v=19$m=65536,t=3,p=1$AAECAwQFBgcICQoLDA0ODw$"
        "SabQe9kZ0GxhTx9qnSXwT0M6rDAvUXOXm1aT4sW73NI",
    ),
    StaffEntry(number=58, name="O＊", checkpoint=0, pin=None, badge=None, until=1_651_248_000),
))  # fmt: skip


def vectors() -> dict[str, dict[str, Any]]:
    """Name → what is signed, by which private key, and the bytes."""
    town = Town()
    receipt = sign_receipt(RECEIPT, town.receipts)
    return {
        "pass": {
            "signing_key": town.passes.private.private_bytes_raw().hex(),
            "public_key": town.passes.public.hex(),
            "claims": msgspec.to_builtins(CLAIMS, builtin_types=(bytes,)) | {"serial": CLAIMS.serial.hex()},
            "text": issue(CLAIMS, town.passes),
        },
        "receipt": {
            "signing_key": town.receipts.private.private_bytes_raw().hex(),
            "public_key": town.receipts.public.hex(),
            "receipt": msgspec.to_builtins(RECEIPT),
            "signed": receipt.hex(),
            "answer": encode_answer(Answer(receipt)).hex(),
        },
        "batch": {
            "signing_key": town.gate.private.private_bytes_raw().hex(),
            "public_key": town.gate.public.hex(),
            "sealing_private_key": town.seal.private_bytes_raw().hex(),
            "sealing_public_key": town.seal_public.hex(),
            "batch": json.loads(msgspec.json.encode(BATCH)),
            "records": [record.decode() for record in RECORDS],
            "body": pack(BATCH, town.gate, town.seal_public).hex(),
            "urgent_batch": json.loads(msgspec.json.encode(URGENT)),
            "urgent_body": pack(URGENT, town.gate, town.seal_public).hex(),
        },
        "carried": {
            "device_key": town.gate.private.private_bytes_raw().hex(),
            "seal_private_key": device_seal(town.gate).private_bytes_raw().hex(),
            "sealing_key": device_seal_public(town.gate),
            "folder": gate_folder(town.gate.kid),
            "file": str(BatchName(BATCH.outbox, BATCH.first, BATCH.next)),
            "receipts": [receipt.hex()],
            "updates": {"venue.json": town.snapshot()["venue.json"].hex()},
            "sealed": seal_return(
                Return([receipt], {"venue.json": town.snapshot()["venue.json"]}),
                bytes.fromhex(device_seal_public(town.gate)),
            ).hex(),
        },
        "updates": {
            "root_private_key": town.root.private.private_bytes_raw().hex(),
            "root_public_key": town.root.public.hex(),
            "update_signing_key": town.updates.private.private_bytes_raw().hex(),
            "order": [1, 1],
            "sealing_public_key": town.seal_public.hex(),
            "files": {name: content.hex() for name, content in town.snapshot().items()},
        },
        "staff": {
            "root_public_key": town.root.public.hex(),
            "update_signing_key": town.updates.private.private_bytes_raw().hex(),
            "order": [1, 2],
            "badge": {"number": BADGE.number, "secret": BADGE.secret.hex(), "text": text_of(BADGE)},
            "pin": PIN,
            "staff": encode_staff(STAFF).decode(),
            "files": {name: content.hex() for name, content in town.snapshot((1, 2), staff=STAFF).items()},
        },
    }


def main() -> None:
    """Write each vector."""
    for name, vector in vectors().items():
        (HERE / f"{name}.json").write_text(json.dumps(vector, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
