"""`[status]` of collector.toml: what the town decides about who is green."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

DAY_SECONDS = 86_400.0
_Days = Annotated[int, msgspec.Meta(ge=1, le=90)]


class Default(str, Enum):
    """How somebody stands who registered and of whom nothing is known. Unknown is referred at every gate."""

    UNKNOWN = "unknown"
    GREEN = "green"


class StatusSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[status]`. default: of who registered and nothing is known.

    positive_days: a positive test is red so long after the sample, unless a later negative or the authority says
    otherwise. declaration_days: symptoms or a contact are yellow so long, unless the authority looks before.
    """

    default: Default = Default.UNKNOWN
    positive_days: _Days = 14
    declaration_days: _Days = 14

    @property
    def counts_days(self) -> int:
        """How long a test or declaration may count."""
        return max(self.positive_days, self.declaration_days)
