"""What the commands of `gate` share: options, and our own error families as one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from edge.config import DEFAULT_FILE
from edge.errors import EdgeError
from hardware.errors import HardwareError
from sync.errors import SyncError

P = ParamSpec("P")
R = TypeVar("R")


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Tell a mistake or a fault in one sentence, with exit code 2; a traceback is our bug."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (EdgeError, HardwareError, SyncError) as cause:
            click.echo(f"gate: {cause}", err=True)
            sys.exit(2)

    return wrapped


config_option = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help=f"Configuration (default {DEFAULT_FILE})."
)
state_option = click.option(
    "--state", type=click.Path(path_type=Path), help="State directory, instead of the configured one."
)
