"""Says a word aloud, in Chinese and English, through espeak-ng – where somebody wants that (R5). Never waits.

What it does NOT promise: that anybody hears it. Lamps, buzzer and display say the same, and none depends on it.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence

from hardware.ports import Condition, Indicator, Lamps, Signal
from hardware.states import RESULTS, STANDING

COMMAND = ("espeak-ng",)
VOICES = {"zh": "cmn", "en": "en"}
_SPEECH_SECONDS = 10.0


class Voice:
    """Speaks in a thread of its own; a new word cuts the one before short, as the next visitor needs it.

    languages: in the order in which they are spoken. trouble: why the newest word was not said, None when it was.
    """

    def __init__(self, languages: Sequence[str] = ("zh", "en"), command: Sequence[str] = COMMAND) -> None:
        self._languages, self._command = tuple(languages), tuple(command)
        self.trouble: str | None = None
        self._next: dict[str, str] | None = None
        self._speaking: subprocess.Popen[bytes] | None = None
        self._asked, self._lock, self._stopped = threading.Event(), threading.Lock(), False
        self._thread = threading.Thread(target=self._run, name="voice", daemon=True)
        self._thread.start()

    def say(self, word: dict[str, str]) -> None:
        """Say it as soon as possible. word: language → text."""
        with self._lock:
            self._next = word
            self._hush()
        self._asked.set()

    def close(self) -> None:
        """Be silent."""
        with self._lock:
            self._stopped, self._next = True, None
            self._hush()
        self._asked.set()
        self._thread.join(2.0)

    def _hush(self) -> None:
        if self._speaking is not None:
            self._speaking.kill()

    def _run(self) -> None:
        while self._asked.wait() and not self._stopped:
            self._asked.clear()
            with self._lock:
                word, self._next = self._next, None
            if word is not None:
                self._say(word)

    def _say(self, word: dict[str, str]) -> None:
        for language in self._languages:
            self._speak(VOICES[language], word[language])
            if self._asked.is_set():
                return

    def _speak(self, voice: str, text: str) -> None:
        try:
            with self._lock:
                if self._next is not None or self._stopped:
                    return
                # "--": a text that begins with a dash is no option
                command = [*self._command, "-v", voice, "--", text]
                self._speaking = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            code = self._speaking.wait(_SPEECH_SECONDS)
            self.trouble = None if code <= 0 else f"{self._command[0]} ended with code {code}"
        except subprocess.TimeoutExpired:
            self._hush()
            self.trouble = f"{self._command[0]} does not end"
        except OSError as cause:
            self.trouble = f"{self._command[0]} cannot be started: {cause.strerror}"
        finally:
            self._speaking = None


class SpokenIndicator:
    """An `Indicator` that also says each result; the rest is the other indicator's."""

    def __init__(self, indicator: Indicator, voice: Voice) -> None:
        self._indicator, self._voice = indicator, voice
        self._said: Signal | None = None

    def show(self, signal: Signal) -> None:
        """Show it, and say it once: ready is said by silence, and reading by its tick."""
        self._indicator.show(signal)
        standing = signal in (Signal.READY, Signal.READING) or (signal is self._said and signal in STANDING)
        self._said = signal
        if not standing:
            word = RESULTS[signal].word
            self._voice.say({"zh": word.zh, "en": word.en})

    def show_condition(self, condition: Condition) -> None:
        """Not said: it is the inspector's."""
        self._indicator.show_condition(condition)

    def show_link(self, connected: bool) -> None:
        """Not said."""
        self._indicator.show_link(connected)

    def lamps(self) -> Lamps:
        """The other indicator's."""
        return self._indicator.lamps()

    def close(self) -> None:
        """Silent and dark."""
        self._voice.close()
        self._indicator.close()
