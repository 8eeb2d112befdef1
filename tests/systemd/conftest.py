"""Fetched and made once for both installers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.systemd import debian


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of Python packages."""
    return debian.fetch_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Debian, to copy."""
    root = tmp_path_factory.mktemp("debian") / "root"
    debian.make_tree(root)
    return root
