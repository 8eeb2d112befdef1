"""requests' adapter whose connections are made by whoever judged the address, not by urllib3's own look-up."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

Connect = Callable[[str, str, int], socket.socket]
"""Scheme, host and port to a connected socket."""


class PinnedAdapter(HTTPAdapter):
    """Certificates are still checked against the name: only the look-up is taken out of urllib3's hands."""

    def __init__(self, connect: Connect) -> None:
        self._pools = _pool_classes(connect)
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools


def _pool_classes(connect: Connect) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect("http", self.host, self.port or 80)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect("https", self.host, self.port or 443)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
