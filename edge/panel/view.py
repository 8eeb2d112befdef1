"""PURE: what the visitor display shows, from what the gate and gate-sync say. Reads no file and no clock.

A result is shown only while the gate says it now; everything else is "out of order, call the staff".
"""

from __future__ import annotations

import msgspec

from edge.panel import words
from edge.panel.freshness import Now, Readings, Silence
from edge.reasons import REASONS, Saying, Text, words_for
from hardware.ports import Signal
from sync.wire.record import ClockQuality, Outcome
from sync.wire.status import STICK_SHOWN_SECONDS, Fault, GateStatus, Step, SyncStatus, WifiStep


class View(msgspec.Struct, frozen=True):
    """The display at one moment; `panel.js` puts each text into the slot of its name.

    state: a `Signal`. number: the result's: the same result twice is announced twice. place: proper names.
    lamps: name → lit, None when it is not known. alarms: names of the texts that somebody should look into.
    """

    state: str
    number: int
    place: str
    texts: dict[str, Text]
    lamps: dict[str, bool | None]
    alarms: tuple[str, ...]


def view(readings: Readings, now: Now) -> View:
    """Lay out what both programs say."""
    gate = None if isinstance(readings.gate, Silence) else readings.gate
    sync = None if isinstance(readings.sync, Silence) else readings.sync
    signal, saying = result(gate)
    key_words = _key_words(sync)
    if signal is Signal.CONFIRM_WORDS and key_words:
        saying = Saying(saying.word, key_words)
    lamps = {name: gate.lamps.get(name) if gate else None for name in words.LAMPS}
    faults = _faults(readings.gate)
    texts = {
        "word": saying.word,
        "advice": saying.advice,
        "link": _link(gate, sync),
        "contact": _contact(sync, now),
        "backlog": _backlog(gate, sync),
        "clock": words.CLOCKS[gate.clock] if gate else words.UNKNOWN,
        "trust": _trust(gate),
        "faults": _joined(faults) if faults else words.NO_FAULTS,
        **{f"lamp-{name}": _lamp(name, lit) for name, lit in lamps.items()},
    }
    stick = _stick(sync, now)
    if stick is not None:
        texts["stick"] = stick[0]
    setup = _setup(gate, sync, signal)
    if setup is not None:
        texts["setup"] = setup
    if gate and gate.direction:
        texts["direction"] = words.DIRECTIONS[gate.direction]
    alarms = {
        "link": sync is None or not sync.connected or sync.trouble is not None,
        "clock": gate is None or gate.clock not in (ClockQuality.SYNCHRONIZED, ClockQuality.HOLDOVER),
        "trust": gate is None or gate.trust is None or Fault.TRUST in gate.faults,
        "stick": stick is not None and stick[1],
        "faults": bool(faults),
        "setup": setup is not None,
    }
    return View(
        state=signal.value,
        number=gate.shown.number if gate and gate.shown else 0,
        place=_place(gate),
        texts=texts,
        lamps=lamps,
        alarms=tuple(name for name, alarming in alarms.items() if alarming),
    )


def panel_silent() -> View:
    """What a page shows by itself when gate-panel no longer answers."""
    blank = view(Readings(Silence.MISSING, Silence.MISSING), Now("", 0.0, 0.0))
    saying = words.PANEL_SILENT
    texts = blank.texts | {"word": saying.word, "advice": saying.advice, "faults": saying.advice}
    return msgspec.structs.replace(blank, texts=texts)


def result(gate: GateStatus | None) -> tuple[Signal, Saying]:
    """The signal in force and its words: the deciding reason's where there is one. Never its `detail`."""
    if gate is None:
        return Signal.OUT_OF_ORDER, words.GATE_SILENT
    try:
        signal = Signal(gate.signal)
    except ValueError:  # a newer gate's: this panel cannot vouch for what it means
        return Signal.OUT_OF_ORDER, words.SIGNALS[Signal.OUT_OF_ORDER]
    if gate.shown is not None and gate.shown.signal == gate.signal and gate.shown.codes:
        code = gate.shown.codes[0]
        if code in REASONS:
            return signal, _saying(signal, code, gate.shown.tell_the_queue)
    if signal is Signal.READING and gate.hint in words.HINTS:
        return signal, Saying(words.SIGNALS[signal].word, words.HINTS[gate.hint])
    return signal, words.SIGNALS[signal]


def _saying(signal: Signal, code: str, tell_the_queue: bool) -> Saying:
    if signal in (Signal.PASS, Signal.REFER, Signal.DENY):
        return words_for(Outcome(signal.value), code, tell_the_queue)
    if signal is Signal.ALREADY_USED:
        return Saying(words.SIGNALS[signal].word, REASONS[code].advice)
    return Saying(REASONS[code].word, REASONS[code].advice)


def _place(gate: GateStatus | None) -> str:
    if gate is None:
        return ""
    names = (gate.venue_name, gate.checkpoint_name, gate.gate_name or gate.gate)
    return " · ".join(dict.fromkeys(name for name in names if name))


def _lamp(name: str, lit: bool | None) -> Text:
    if lit is None:
        return words.UNKNOWN
    on, off = words.LAMP_STATES[name]
    return on if lit else off


def _backlog(gate: GateStatus | None, sync: SyncStatus | None) -> Text:
    if gate is not None:
        return words.waiting(gate.backlog)
    return words.waiting(sync.backlog) if sync else words.UNKNOWN


def _link(gate: GateStatus | None, sync: SyncStatus | None) -> Text:
    if sync is None:
        return words.SYNC_SILENT
    working = gate is not None and gate.signal != Signal.OUT_OF_ORDER
    state = words.ONLINE if sync.connected else words.OFFLINE_WORKING if working else words.OFFLINE
    if sync.trouble is None:
        return state
    trouble = words.TROUBLES[sync.trouble]
    return Text(f"{state.zh}（{trouble.zh}）", f"{state.en} ({trouble.en})")


def _stick(sync: SyncStatus | None, now: Now) -> tuple[Text, bool] | None:
    """What to say of a stick that is there or was lately, and whether it went wrong."""
    stick = sync.stick if sync else None
    if stick is None or stick.boot != now.boot or now.mono - stick.mono > STICK_SHOWN_SECONDS:
        return None
    said = words.STICKS[stick.phase]
    if stick.trouble is None:
        return said, False
    trouble = words.STICK_TROUBLES[stick.trouble]
    return Text(f"{said.zh}（{trouble.zh}）", f"{said.en} ({trouble.en})"), True


def _contact(sync: SyncStatus | None, now: Now) -> Text:
    if sync is None:
        return words.UNKNOWN
    return words.NEVER if sync.last_contact is None else words.age(now.wall - sync.last_contact)


def _key_words(sync: SyncStatus | None) -> Text | None:
    if sync is None or sync.setup is None or not sync.setup.words:
        return None
    return words.key_words(sync.setup.words, sync.setup.words_zh)


_ENDED = (Step.REFUSED, Step.ENROLLED)


def _setup(gate: GateStatus | None, sync: SyncStatus | None, signal: Signal) -> Text | None:
    """What goes on of enrolment and Wi-Fi; None on an ordinary day. The key words stand large where they can."""
    told = []
    if gate is not None and gate.setup_seconds is not None:
        told.append(words.setup_open(gate.setup_seconds))
    is_done = gate is not None and gate.enrolled and gate.setup_seconds is None  # how it ended is of no use any more
    if sync is not None and sync.setup is not None and not (is_done and sync.setup.step in _ENDED):
        step, key_words = words.SETUP_STEPS[sync.setup.step], _key_words(sync)
        if key_words is not None and signal is not Signal.CONFIRM_WORDS:
            step = Text(f"{step.zh}：{key_words.zh}", f"{step.en}: {key_words.en}")
        told.append(step)
    elif gate is not None and not gate.enrolled:
        told.append(words.NOT_ENROLLED)
    if sync is not None and sync.wifi is not None and not (is_done and sync.wifi.step is not WifiStep.JOINING):
        step = words.WIFI_STEPS[sync.wifi.step]
        told.append(Text(f"{step.zh}（{sync.wifi.network}）", f"{step.en} ({sync.wifi.network})"))
    return _joined(told) if told else None


def _trust(gate: GateStatus | None) -> Text:
    if gate is None:
        return words.UNKNOWN
    if gate.trust is None or gate.trust_issued_at is None:
        return words.NO_TRUST
    return words.age(gate.wall - gate.trust_issued_at)


def _faults(gate: GateStatus | Silence) -> list[Text]:
    if isinstance(gate, Silence):
        return [words.SILENCES[gate]]
    faults = [words.FAULTS[fault] for fault in gate.faults]
    if gate.queue.damaged:
        faults.append(words.damaged(gate.queue.damaged))
    return faults


def _joined(sentences: list[Text]) -> Text:
    return Text("；".join(text.zh for text in sentences), "; ".join(text.en for text in sentences))
