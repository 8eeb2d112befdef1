"""`[alarms]` in collector.toml: when a trouble is worth telling somebody, and how often at most."""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[int, msgspec.Meta(ge=0, le=7 * 86_400)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """sick_after_seconds: a trouble must have lasted so long; a silence, `alarm_after_seconds` of the settings.

    calm_seconds: a trouble was gone for so long before it counts as over; twice as long after each earlier alarm of the
    same trouble within a day, at most calm_most_seconds: a gate that flaps is one alarm. gather_seconds: others that
    begin meanwhile stand in the same message. pause_seconds: between two messages.
    """

    sick_after_seconds: Seconds = 300
    calm_seconds: Seconds = 600
    calm_most_seconds: Seconds = 6 * 3600
    gather_seconds: Seconds = 120
    pause_seconds: Seconds = 600
