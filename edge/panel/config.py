"""PURE: what gate-panel can be told in gate-panel.toml. Every key has a default; the command line wins."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sync.wire import tomlform

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]

LOCAL_NAMES = ("127.0.0.1", "localhost")


class PanelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the pages are served, and under which names.

    host: the address to listen on. port: 0 takes any free one. names: what a browser may call this machine,
    besides 127.0.0.1 and localhost; any other name in the address is refused (DNS rebinding).
    """

    host: Name = "127.0.0.1"
    port: Port = 8080
    names: tuple[Name, ...] = ()

    @property
    def allowed_names(self) -> list[str]:
        """Every name that the Host header may carry."""
        return [*LOCAL_NAMES, self.host, *self.names]


def read_config(text: str, name: str) -> PanelConfig:
    """Read the file's text; name: the file's. Raises `sync.wire.tomlform.ConfigError`, one sentence."""
    return tomlform.decode(text, PanelConfig, name)
