"""`[alarms]` in collector.toml: when a trouble is worth telling somebody, and how often at most."""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[int, msgspec.Meta(ge=0, le=7 * 86_400)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """silent_after_seconds: no word of a gate for so long. sick_after_seconds: any other trouble lasted so long.

    calm_seconds: a trouble was gone for so long before it counts as over; twice as long after each earlier alarm of the
    same trouble within a day, at most calm_most_seconds: a gate that flaps is one alarm. gather_seconds: others that
    begin meanwhile stand in the same message. pause_seconds: between two messages.
    """

    silent_after_seconds: Annotated[int, msgspec.Meta(ge=5, le=7 * 86_400)] = 900
    sick_after_seconds: Seconds = 300
    calm_seconds: Seconds = 600
    calm_most_seconds: Seconds = 6 * 3600
    gather_seconds: Seconds = 120
    pause_seconds: Seconds = 600
