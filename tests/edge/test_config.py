"""A configuration that cannot be used is one sentence that says what to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import Config, load
from edge.errors import NotSetUp


def written(directory: Path, text: str) -> Path:
    path = directory / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_a_gate_on_a_pi(tmp_path):
    """An empty file is a whole configuration."""
    assert load(written(tmp_path, "")) == Config()
    assert Config().pins.factory == "lgpio"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[pinz]\nrelay = 4", "did you mean `pins`"),
        ("[pins]\nrelai = 4", "did you mean `relay`"),
        ("[pins]\nrelay = 40", "<= 27"),
        ("[pins]\nrelay = 'four'", "int"),
        ("[barrier]\nopen_seconds = 0", ">= 0.05"),
        ("[camera]\nsource = 'webcam'", "webcam"),
        ("[pins\n", "gate.toml"),
    ],
)
def test_a_mistake_names_the_key(tmp_path, text, sentence):
    """Which file, which key, what is expected."""
    with pytest.raises(NotSetUp) as caught:
        load(written(tmp_path, text))
    assert sentence in str(caught.value)
    assert "gate.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    """Only the default file may be missing."""
    with pytest.raises(NotSetUp, match="no configuration file"):
        load(tmp_path / "nowhere.toml")
