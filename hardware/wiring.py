"""Draws docs/wiring.svg: what hangs on which pin. `python -m hardware.wiring > docs/wiring.svg` after a change.

The BCM numbers are the defaults of gate.toml; a test compares them, and the drawing with what this draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

_ROWS = (
    "3V3 5V  GPIO2 5V  GPIO3 GND  GPIO4 GPIO14  GND GPIO15  GPIO17 GPIO18  GPIO27 GND  GPIO22 GPIO23  3V3 GPIO24 "
    "GPIO10 GND  GPIO9 GPIO25  GPIO11 GPIO8  GND GPIO7  GPIO0 GPIO1  GPIO5 GND  GPIO6 GPIO12  GPIO13 GND "
    "GPIO19 GPIO16  GPIO26 GPIO20  GND GPIO21"
)
HEADER = dict(enumerate(_ROWS.split(), start=1))
"""The 40-pin header of every Raspberry Pi since the B+: number → what it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part and its wires: (number on the header, what is written at the part's terminal)."""

    name: str
    notes: tuple[str, ...]
    wires: tuple[tuple[int, str], ...]
    colour: str


PARTS = (
    Part(
        "Thermometer MLX90614 (3.3 V type)",
        ("I²C address 0x5A; cable under 30 cm, away from the lock's",),
        ((1, "VIN"), (3, "SDA"), (5, "SCL"), (6, "GND")),
        "#0b5cb8",
    ),
    Part(
        "Relay module, opto-isolated, active high",
        ("10 kΩ from IN to GND: dropped while the Pi boots", "contact COM–NO: in the lock's circuit, below"),
        ((2, "VCC"), (11, "IN"), (9, "GND")),
        "#a80f1b",
    ),
    Part(
        "Driver ULN2003A → 12 V lamps and buzzer",
        ("12 V to the lamps' common and to COM (pin 9 of the ULN)",),
        (
            (15, "pass, green"),
            (13, "deny, red"),
            (16, "refer, yellow"),
            (18, "service, blue"),
            (22, "buzzer"),
            (14, "GND"),
        ),
        "#0a7a42",
    ),
    Part(
        "Passage sensor: contact of the arm, or of a light beam",
        ("potential-free, closed at rest: a cut wire is an alarm",),
        ((29, "contact"), (30, "GND")),
        "#8a3800",
    ),
    Part(
        "Fire loop relay, second contact (tells, never carries)",
        ("potential-free, closed while the loop is intact",),
        ((31, "contact"), (34, "GND")),
        "#8a3800",
    ),
    Part(
        "Button in the enclosure",
        ("potential-free, closed while pressed",),
        ((36, "contact"), (39, "GND")),
        "#5a2a84",
    ),
)

_WIDTH, _LEFT, _PITCH, _TOP = 1200, 130, 34, 96
_BOX_X, _BOX_WIDTH = 590, 590
_LOCK_Y = 1020
_STYLE = (
    "text{font:15px 'Noto Sans',Arial,sans-serif;fill:#16202c}.h{font-weight:700;font-size:17px}.n{fill:#51606f}"
    ".t{font-size:22px;font-weight:700}rect.b{fill:#fff;stroke:#16202c;stroke-width:1.5}.w{fill:none;stroke-width:2.5}"
    ".k{fill:none;stroke:#16202c;stroke-width:3}"
)


def draw() -> str:
    """The drawing as SVG."""
    body = [*_header(), *_parts(), *_lock()]
    height = _LOCK_Y + 240
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
            'aria-label="Wiring of the gate: Raspberry Pi header, parts, and the circuit of the lock">',
            f'<style>{_STYLE}</style><rect width="{_WIDTH}" height="{height}" fill="#f7f9fb"/>',
            _text(30, 44, "Venue Gate: wiring, with the pins that gate.toml has by default", "t"),
            _text(30, 70, "Numbers in the header are its own; GPIO names are the BCM numbers of gate.toml.", "n"),
            *body,
            "</svg>",
            "",
        ]
    )


def _place(number: int) -> tuple[float, float]:
    return _LEFT + 44 * ((number - 1) % 2), _TOP + _PITCH * ((number - 1) // 2) + 20


def _header() -> list[str]:
    wired = {number for part in PARTS for number, _ in part.wires}
    drawn = [f'<rect class="b" x="{_LEFT - 24}" y="{_TOP - 4}" width="92" height="{20 * _PITCH + 12}" rx="8"/>']
    for number, name in sorted(HEADER.items()):
        x, y = _place(number)
        fill = "#16202c" if number in wired else "#fff"
        ink = "#fff" if number in wired else "#51606f"
        drawn.append(f'<circle cx="{x}" cy="{y}" r="13" fill="{fill}" stroke="#51606f"/>')
        drawn.append(
            f'<text x="{x}" y="{y + 5}" text-anchor="middle" style="font-size:12px;fill:{ink}">{number}</text>'
        )
        side, anchor = (x - 34, "end") if number % 2 else (x + 30, "start")
        if number % 2 or number not in wired:
            drawn.append(_text(side, y + 5, name, "" if number in wired else "n", anchor))
        else:
            drawn.append(_text(side, y - 4, name, "", anchor, 12))  # between two wires
    return drawn


def _parts() -> list[str]:
    drawn, y, lane = [], _TOP, 0
    for part in PARTS:
        rows = max(len(part.wires), 1)
        height = 34 + 20 * len(part.notes) + 24 * rows
        drawn.append(f'<rect class="b" x="{_BOX_X}" y="{y}" width="{_BOX_WIDTH}" height="{height}" rx="8"/>')
        drawn.append(_text(_BOX_X + 128, y + 26, part.name, "h"))
        for line, note in enumerate(part.notes):
            drawn.append(_text(_BOX_X + 128, y + 48 + 20 * line, note, "n"))
        for row, (number, terminal) in enumerate(part.wires):
            at = y + height - 24 * rows + 24 * row + 4
            drawn += _wire(number, at, lane, part.colour)
            drawn.append(_text(_BOX_X + 12, at + 5, terminal))
            lane += 1
        y += height + 14
    return drawn


def _wire(number: int, to_y: float, lane: int, colour: str) -> list[str]:
    """From a pin of the header to a part's terminal: out to the right, down its own lane, across."""
    x, y = _place(number)
    lane_x = _LEFT + 158 + lane * 13
    # The inner column goes out between two rows.
    start = f"M{x} {y + 13}V{y + _PITCH / 2}H{lane_x}" if number % 2 else f"M{x + 13} {y}H{lane_x}"
    return [
        f'<path class="w" stroke="{colour}" d="{start}V{to_y}H{_BOX_X}"/>',
        f'<circle cx="{_BOX_X}" cy="{to_y}" r="4" fill="{colour}"/>',
    ]


def _lock() -> list[str]:
    """The circuit of the lock: everything in series, the fire loop in hardware (R8, DESIGN 9)."""
    y = _LOCK_Y + 80
    drawn = [
        _text(
            30,
            _LOCK_Y,
            "Circuit of the lock: power opens, without power it is closed inward; exit is mechanically free",
            "h",
        ),
        _text(
            30, _LOCK_Y + 24, "Everything in series. The program opens the relay; it cannot bridge the fire loop.", "n"
        ),
        f'<path class="k" d="M60 {y}H1120V{y + 100}H60Z"/>',
    ]
    in_line = (
        (90, 150, "12 V supply", "3 A, fused"),
        (300, 250, "Fire loop relay, first contact", "normally closed; opens with the alarm"),
        (610, 220, "Relay module COM–NO", "closed for one opening"),
        (890, 190, "Lock, 12 V", "diode 1N4007 across it"),
    )
    for x, width, name, note in in_line:
        drawn.append(f'<rect class="b" x="{x}" y="{y - 34}" width="{width}" height="68" rx="8"/>')
        drawn.append(_text(x + width / 2, y - 6, name, "h", "middle", 15))
        drawn.append(_text(x + width / 2, y + 18, note, "n", "middle", 13))
    drawn.append(
        _text(
            30,
            y + 134,
            "A lock that power keeps closed (fail-safe) takes the fire loop's contact the same way: no power, free.",
            "n",
        )
    )
    return drawn


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start", size: int | None = None) -> str:
    style = f' style="font-size:{size}px"' if size else ""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}"{style}>{escape(text)}</text>'


if __name__ == "__main__":
    print(draw(), end="")  # noqa: T201 - a script
