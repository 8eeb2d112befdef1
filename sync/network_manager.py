"""Joins a Wi-Fi network through NetworkManager, over the system bus (R25).

The password goes into one message to NetworkManager and nowhere else: no argument list, no file of ours, no log. A
profile that did not lead to a connection is taken away again; one that did is kept, and NetworkManager joins it by
itself after a restart. What it does NOT establish: that the centre is reached over it.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Protocol

from jeepney import (
    AuthenticationError,
    DBusAddress,
    DBusErrorResponse,
    MatchRule,
    Properties,
    message_bus,
    new_method_call,
)
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.wrappers import unwrap_msg

from sync.wire.status import WifiStep
from sync.wire.wifi import Security, Wifi

PATIENCE_SECONDS = 75.0  # NetworkManager gives a password 25 s, and an address 45
CALL_SECONDS = 10.0
_NAME, _ROOT = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"
_DEVICE, _PROFILE = f"{_NAME}.Device", f"{_NAME}.Settings.Connection"
_WIFI = 2  # NMDeviceType
_UNAVAILABLE, _DISCONNECTED, _PREPARE, _ACTIVATED, _FAILED = 20, 30, 40, 100, 120  # NMDeviceState
_NEW_ACTIVATION = 60  # NMDeviceStateReason: the network before it is left
_REASONS = {  # NMDeviceStateReason
    **dict.fromkeys((5, 6, 15, 16, 17), WifiStep.NO_ADDRESS),
    **dict.fromkeys((7, 8, 9, 10, 11), WifiStep.WRONG_PASSWORD),
    53: WifiStep.NO_SUCH_NETWORK,
    **dict.fromkeys((35, 36, 37), WifiStep.NO_WIFI),
}
_KEY_MANAGEMENT = {Security.WPA: "wpa-psk", Security.WPA3: "sae"}


class Network(Protocol):
    """What can join a network."""

    def join(self, wifi: Wifi) -> WifiStep:
        """Join it, and wait until that has worked or not. Raises nothing: what is wrong is the answer."""
        ...


class NetworkManager:
    """A `Network`. bus: "SYSTEM", or the address of one as D-Bus writes it (unix:path=…)."""

    def __init__(self, bus: str = "SYSTEM", patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._bus, self._patience = bus, patience_seconds

    def join(self, wifi: Wifi) -> WifiStep:
        """As `Network`."""
        deadline = time.monotonic() + self._patience
        try:
            connection = open_dbus_connection(self._bus)
        except (OSError, AuthenticationError, TimeoutError, StopIteration, RuntimeError, KeyError):
            return WifiStep.NO_NETWORK_MANAGER
        try:
            with connection:
                return _Bus(connection).join(wifi, deadline)
        except DBusErrorResponse as refused:
            return _refusal(refused.name or "")
        except TimeoutError:
            return WifiStep.TIMED_OUT
        except OSError:
            return WifiStep.NO_NETWORK_MANAGER


class _Bus:
    """One conversation."""

    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection

    def join(self, wifi: Wifi, deadline: float) -> WifiStep:
        device = self._device()
        if device is None:
            return WifiStep.NO_WIFI
        rule = MatchRule(type="signal", interface=_DEVICE, member="StateChanged", path=device)
        self._ask(message_bus.AddMatch(rule))
        changes: deque[Any] = deque()
        with self._connection.filter(rule, queue=changes):
            profile = self._begin(wifi, device)
            try:
                step = self._wait(changes, deadline)
            except BaseException:
                self._quietly(profile, "Delete")
                raise
            self._quietly(profile, "Save" if step is WifiStep.JOINED else "Delete")
            return step

    def _device(self) -> str | None:
        """The first Wi-Fi adapter that works."""
        (paths,) = self._ask(new_method_call(_address(_ROOT, _NAME), "GetDevices"))
        for path in paths:
            told = self._properties(path)
            if told.get("DeviceType", ("u", 0))[1] == _WIFI and told.get("State", ("u", 0))[1] > _UNAVAILABLE:
                return str(path)
        return None

    def _properties(self, path: str) -> dict[str, Any]:
        (told,) = self._ask(Properties(_address(path, _DEVICE)).get_all())
        return dict(told)

    def _begin(self, wifi: Wifi, device: str) -> str:
        """In memory at first: after a power cut nothing is left of an attempt."""
        call = new_method_call(
            _address(_ROOT, _NAME),
            "AddAndActivateConnection2",
            "a{sa{sv}}ooa{sv}",
            (_settings(wifi), device, "/", {"persist": ("s", "memory")}),
        )
        profile, _active, _result = self._ask(call)
        return str(profile)

    def _wait(self, changes: deque[Any], deadline: float) -> WifiStep:
        has_begun = False
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return WifiStep.TIMED_OUT
            try:
                state, _old, reason = self._connection.recv_until_filtered(changes, timeout=left).body
            except TimeoutError:
                return WifiStep.TIMED_OUT
            has_begun = has_begun or _PREPARE <= state < _ACTIVATED
            if state == _ACTIVATED:
                return WifiStep.JOINED
            if state == _FAILED or (has_begun and state <= _DISCONNECTED and reason != _NEW_ACTIVATION):
                return _REASONS.get(reason, WifiStep.NO_SUCH_NETWORK)

    def _quietly(self, profile: str, method: str) -> None:
        """What becomes of the profile changes nothing about what is told."""
        try:
            self._ask(new_method_call(_address(profile, _PROFILE), method))
        except (DBusErrorResponse, TimeoutError, OSError):
            return

    def _ask(self, call: Any) -> Any:
        return unwrap_msg(self._connection.send_and_get_reply(call, timeout=CALL_SECONDS))


def _address(path: str, interface: str) -> DBusAddress:
    return DBusAddress(path, bus_name=_NAME, interface=interface)


def _settings(wifi: Wifi) -> dict[str, dict[str, tuple[str, Any]]]:
    """A connection profile as NetworkManager takes it (nm-settings-dbus)."""
    wireless = {"ssid": ("ay", wifi.name.encode()), "mode": ("s", "infrastructure"), "hidden": ("b", wifi.hidden)}
    settings: dict[str, dict[str, tuple[str, Any]]] = {
        "connection": {
            "id": ("s", f"venue-gate {wifi.name}"),
            "type": ("s", "802-11-wireless"),
            "autoconnect": ("b", True),
        },
        "802-11-wireless": wireless,
        "ipv4": {"method": ("s", "auto")},
        "ipv6": {"method": ("s", "auto")},
    }
    if wifi.security is not Security.OPEN:
        key = {"key-mgmt": ("s", _KEY_MANAGEMENT[wifi.security]), "psk": ("s", wifi.password)}
        settings["802-11-wireless-security"] = key
    return settings


def _refusal(name: str) -> WifiStep:
    """By the error's name alone: its text might repeat what was sent."""
    kind = name.rpartition(".")[2]
    if kind in ("ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected"):
        return WifiStep.NO_NETWORK_MANAGER
    if kind in ("PermissionDenied", "AccessDenied", "NotAuthorized", "AuthFailed"):
        return WifiStep.NOT_ALLOWED
    if kind in ("InvalidConnection", "InvalidProperty", "MissingProperty", "InvalidSetting", "MissingSetting"):
        return WifiStep.UNREADABLE
    return WifiStep.NO_SUCH_NETWORK
