"""`[visitors]` of collector.toml: what the town decides about visitors' phones."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

_Many = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]


class Needed(str, Enum):
    """What must be known of somebody before their phone shows a colour; before that it is unknown, and gates refer."""

    WORD = "word"  # they say who they are
    PHONE = "phone"  # the phone that stands beside the document has shown that it is theirs
    DOCUMENT = "document"  # a member of staff has seen the document


class VisitorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[visitors]`. confirm_phone: a code goes to the phone first; False where the town has no SMS.

    colour_needs: see `Needed`. call: whom visitors call who may not enter, such as 12345 or a name with a number.
    an_hour, an_hour_from_network, an_hour_at_code: registrations at most, of the whole centre, from one network address
    (thousands of phones share one), and at one venue code.
    """

    confirm_phone: bool = True
    colour_needs: Needed = Needed.PHONE
    call: Annotated[str, msgspec.Meta(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = ""
    an_hour: _Many = 20_000
    an_hour_from_network: _Many = 1_200
    an_hour_at_code: _Many = 3_000
