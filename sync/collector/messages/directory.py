"""Messages as files that people read: for a demo, a first try, and a centre whose mail others carry."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

from sync.causes import sentence
from sync.collector.messages.port import Message, NotYet
from sync.outbox.durable import make_directory, replace_file
from sync.outbox.system import SYSTEM, System


class DirectoryMessenger:
    """DIR/<id>.txt each, whole or not there, in the order of their names; a message sent twice is one file."""

    def __init__(self, directory: Path, system: System = SYSTEM) -> None:
        self._directory, self._system = directory, system

    def send(self, message: Message) -> None:
        """Raises NotYet when the disk does not take it."""
        lines = [
            f"To: {message.to}",
            f"Date: {formatdate()}",
            f"Subject: {message.subject}",
            f"Language: {message.language}",
            "",
            message.text,
        ]
        try:
            make_directory(self._directory, system=self._system)
            path = self._directory / f"{message.id}.txt"
            replace_file(path, ("\n".join(lines) + "\n").encode(), mode=0o600, system=self._system)
        except OSError as cause:
            raise NotYet(
                f"{self._directory} does not take the message: {sentence(cause)}", concerns_all=True
            ) from cause
