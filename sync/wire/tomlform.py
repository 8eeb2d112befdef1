"""PURE: typed TOML, for the configuration of every program; a mistake is one sentence that says what to mend."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TypeVar, get_args

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class ConfigError(ValueError):
    """A configuration that cannot be used. The sentence names the key and what is expected."""


def decode(text: str, form: type[T], name: str) -> T:
    """Read TOML into `form`, whose structs forbid unknown fields. Raises ConfigError, naming the file by `name`."""
    try:
        return msgspec.toml.decode(text, type=form)
    except msgspec.DecodeError as cause:
        raise ConfigError(f"{name}: {_explain(str(cause), form)}") from cause


def _explain(message: str, form: type[msgspec.Struct]) -> str:
    """The library's sentence, and for an unknown key the one that was probably meant."""
    if "unknown field" not in message:
        return message
    unknown = message.split("`")[1]
    close = get_close_matches(unknown, sorted(_field_names(form)), n=1)
    hint = f"did you mean `{close[0]}`?" if close else "remove it, or see docs/OPERATIONS.md for the keys"
    return f"unknown key `{unknown}`: {hint}"


def _field_names(form: type[msgspec.Struct]) -> set[str]:
    names: set[str] = set()
    for field in msgspec.structs.fields(form):
        names.add(field.encode_name)
        for inner in (field.type, *get_args(field.type)):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                names |= _field_names(inner)
    return names
