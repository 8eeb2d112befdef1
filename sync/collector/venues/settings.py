"""`[venues]` of collector.toml: what the town decides about its venues."""

from __future__ import annotations

from typing import Annotated

import msgspec


class VenueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[venues]`. approval: new venues wait for the township; the notice lets a manager create at once (R11).

    region: code of the division where everybody's choice of a region begins, such as 440607 for Sanshui.
    silent_open_hours: opened so long without anybody registered, a venue is silent (R10). sign_up: people may make
    their own account, by a link to their phone or mailbox, where messages have a way out.
    """

    approval: bool = False
    region: Annotated[str, msgspec.Meta(pattern=r"^(\d{2}|\d{4}|\d{6}|\d{9})?\Z")] = ""
    silent_open_hours: Annotated[float, msgspec.Meta(gt=0, le=168)] = 4.0
    sign_up: bool = True
