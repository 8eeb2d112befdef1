"""The voice, with a program that writes down what it was told in espeak-ng's place (R5)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from hardware.indicator import LampIndicator, LampPins
from hardware.pins import make_factory
from hardware.ports import Signal
from hardware.states import RESULTS
from hardware.voice import SpokenIndicator, Voice

WORD = {"zh": "请通行", "en": "Please pass"}


@pytest.fixture
def spoken(tmp_path):
    """The texts that were begun, in order; and the command that begins them, with the seconds that it takes."""
    log = tmp_path / "spoken"
    log.touch()
    script = tmp_path / "speak.py"
    script.write_text(
        "import sys, time\n"
        f"open({str(log)!r}, 'a').write('|'.join(sys.argv[2:]) + '\\n')\n"
        "time.sleep(float(sys.argv[1]))\n"
    )
    return log, lambda seconds: (sys.executable, str(script), str(seconds))


def lines(log: Path, count: int) -> list[str]:
    deadline = time.monotonic() + 10
    while len(told := log.read_text().splitlines()) < count:
        assert time.monotonic() < deadline, told
    return told


def test_a_word_is_said_in_both_languages(spoken):
    """Chinese first."""
    log, command = spoken
    voice = Voice(command=command(0))
    voice.say(WORD)
    assert lines(log, 2) == ["-v|cmn|--|请通行", "-v|en|--|Please pass"]
    voice.close()
    assert voice.trouble is None


def test_the_next_word_cuts_the_one_before_short_and_nobody_waits(spoken):
    """The next visitor's result is what counts."""
    log, command = spoken
    voice = Voice(command=command(60))
    begun = time.monotonic()
    voice.say(WORD)
    lines(log, 1)
    voice.say({"zh": "不能通行", "en": "No entry"})
    assert lines(log, 2)[1] == "-v|cmn|--|不能通行"
    voice.close()
    assert time.monotonic() - begun < 10


def test_a_voice_that_is_not_there_is_a_state():
    """No espeak-ng, no loudspeaker: the gate goes on."""
    voice = Voice(command=("/no/such/espeak-ng",))
    voice.say(WORD)
    deadline = time.monotonic() + 5
    while voice.trouble is None:
        assert time.monotonic() < deadline
    assert "cannot be started" in voice.trouble
    voice.close()


def test_each_result_is_said_once_as_it_is_shown(spoken):
    """Ready is said by silence; out of order when it begins, not for an hour; lamps go on as without a voice."""
    log, command = spoken
    lamps = LampIndicator(make_factory("mock"), LampPins(22, 27, 23, 24, 25))
    indicator = SpokenIndicator(lamps, Voice(("en",), command(0)))
    for number, signal in enumerate((Signal.PASS, Signal.DENY, Signal.OUT_OF_ORDER), start=1):
        indicator.show(Signal.READY)
        indicator.show(signal)
        assert indicator.lamps().lit[RESULTS[signal].lamps[0]]
        assert lines(log, number)[-1] == f"-v|en|--|{RESULTS[signal].word.en}"
    indicator.show(Signal.OUT_OF_ORDER)
    indicator.close()
    assert len(log.read_text().splitlines()) == 3
