"""How many examples a property test draws: few in the ordinary run, THOROUGH times as many in `make stress`.

Each run draws others, so that many short runs look into as many corners as a long one."""

from __future__ import annotations

import os


def examples(ordinary: int) -> int:
    """max_examples for `hypothesis.settings`."""
    return ordinary * int(os.environ.get("THOROUGH", "1"))
