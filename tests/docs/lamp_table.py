"""The table of docs/OPERATIONS.md that says how each state looks and sounds, from `hardware.states` itself.

`python -m tests.docs.lamp_table` prints it; a test compares the page with it.
"""

from __future__ import annotations

from itertools import groupby

from hardware.rhythm import Rhythm
from hardware.states import COLOURS, CONDITIONS, RESULTS, SERVICE_LAMP, Look

HEADER = ["| state | lamp | rhythm | sound |", "|---|---|---|---|"]


def rows() -> list[str]:
    """Every line of the table."""
    looks = [*RESULTS.values(), *CONDITIONS.values()]
    return HEADER + [
        f"| {look.word.zh} {look.word.en} | {_lamps(look)} | {_light(look)} | {_sound(look)} |" for look in looks
    ]


def _lamps(look: Look) -> str:
    named = {name: name for name in COLOURS} | {SERVICE_LAMP: "service"}
    return " and ".join(f"{named[name]} ({COLOURS[name]})" for name in look.lamps) or "none"


def _light(look: Look) -> str:
    return "dark" if look.rhythm is None else _steps(look.rhythm)


def _sound(look: Look) -> str:
    if look.sound is None:
        return "silent"
    tones = _steps(look.sound)
    return f"{tones}, until it ends" if look.sound.repeats else tones


def _steps(rhythm: Rhythm) -> str:
    """Seconds on, alike ones counted: `0.6, 3 × 0.05`; and the pause before it begins again."""
    if not rhythm.steps:
        return "steady"
    runs = [(on, len(list(alike))) for on, alike in groupby(rhythm.steps[::2])]
    told = ", ".join(f"{count} × {on:g}" if count > 1 else f"{on:g}" for on, count in runs)
    return f"{told}, pause {rhythm.steps[-1]:g}" if rhythm.repeats else told


if __name__ == "__main__":
    print("\n".join(rows()))
