"""A message bus with a NetworkManager on it that behaves, and fails, as the real one does: same calls, states, reasons.

Speaks D-Bus over a socket of its own, so that a test needs neither dbus-daemon nor root. What it knows of the real one:
the interface's documentation (NMDeviceState, NMDeviceStateReason) and the order of states that its log shows.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, Message, MessageType, Parser, new_error, new_method_return, new_signal

NM, ROOT = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"
DEVICE, PROFILE = f"{ROOT}/Devices/3", f"{ROOT}/Settings/7"


@dataclass
class Air:
    """What is there. networks: name → (key management, password). no_dhcp: networks that give no address."""

    networks: dict[str, tuple[str, str]] = field(default_factory=dict)
    no_dhcp: set[str] = field(default_factory=set)
    adapter: bool = True
    radio_on: bool = True
    allowed: bool = True
    running: bool = True
    hangs: bool = False


class StandIn:
    """Started with a path for its socket; `address` is what `NetworkManager` is given."""

    def __init__(self, path: Path, air: Air) -> None:
        self.address, self.air = f"unix:path={path}", air
        self.asked: list[str] = []
        self.profiles: dict[str, str] = {}  # path → memory or disk
        self.settings: dict[str, Any] = {}
        self._serial = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            rest = self._greet(client)
            parser = Parser()
            parser.add_data(rest)
            while True:
                while (message := parser.get_next_message()) is not None:
                    self._answer(client, message)
                data = client.recv(65_536)
                if not data:
                    return
                parser.add_data(data)

    @staticmethod
    def _greet(client: socket.socket) -> bytes:
        data = b""
        while b"AUTH EXTERNAL" not in data or not data.endswith(b"\r\n"):
            data += client.recv(1_024)
        client.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
        data = b""
        while b"BEGIN\r\n" not in data:
            data += client.recv(65_536)
        return data.partition(b"BEGIN\r\n")[2]

    def _send(self, client: socket.socket, message: Message) -> None:
        self._serial += 1
        client.sendall(message.serialise(self._serial))

    def _answer(self, client: socket.socket, call: Message) -> None:
        if call.header.message_type is not MessageType.method_call:
            return
        member = call.header.fields[HeaderFields.member]
        path = call.header.fields[HeaderFields.path]
        self.asked.append(member)

        def reply(signature: str = "", body: tuple[Any, ...] = ()) -> None:
            self._send(client, new_method_return(call, signature or None, body))

        def refuse(name: str, text: str = "no") -> None:
            self._send(client, new_error(call, name, "s", (text,)))

        if member == "Hello":
            reply("s", (":1.1",))
        elif member == "AddMatch":
            reply()
        elif not self.air.running:
            refuse("org.freedesktop.DBus.Error.ServiceUnknown")
        elif member == "GetDevices":
            reply("ao", ([f"{ROOT}/Devices/1", *([DEVICE] if self.air.adapter else [])],))
        elif member == "GetAll":
            is_wifi = path == DEVICE
            state = (30 if self.air.radio_on else 20) if is_wifi else 100
            reply("a{sv}", ({"DeviceType": ("u", 2 if is_wifi else 1), "State": ("u", state)},))
        elif member == "AddAndActivateConnection2":
            if not self.air.allowed:
                refuse(f"{NM}.PermissionDenied", "Not authorized to control networking.")
                return
            settings, device, _, options = call.body
            assert device == DEVICE
            self.settings, self.profiles[PROFILE] = settings, options["persist"][1]
            reply("ooa{sv}", (PROFILE, f"{ROOT}/ActiveConnection/9", {}))
            self._activate(client, settings)
        elif member == "Save":
            self.profiles[path] = "disk"
            reply()
        elif member == "Delete":
            del self.profiles[path]
            reply()
        else:
            refuse("org.freedesktop.DBus.Error.UnknownMethod")

    def _activate(self, client: socket.socket, settings: dict[str, Any]) -> None:
        """The states that a device goes through (new, old, reason)."""
        name = bytes(settings["802-11-wireless"]["ssid"][1]).decode()
        security = settings.get("802-11-wireless-security", {})
        given = (security.get("key-mgmt", ("s", ""))[1], security.get("psk", ("s", ""))[1])
        steps = [(110, 100, 60), (30, 110, 60), (40, 30, 0), (50, 40, 0)]
        if self.air.hangs:
            pass
        elif name not in self.air.networks:
            steps += [(120, 50, 53), (30, 120, 0)]
        elif given != self.air.networks[name]:
            steps += [(60, 50, 8), (120, 60, 7), (30, 120, 0)]
        elif name in self.air.no_dhcp:
            steps += [(70, 50, 0), (120, 70, 5), (30, 120, 0)]
        else:
            steps += [(70, 50, 0), (80, 70, 0), (90, 80, 0), (100, 90, 0)]
        emitter = DBusAddress(DEVICE, NM, f"{NM}.Device")
        for step in steps:
            self._send(client, new_signal(emitter, "StateChanged", "uuu", step))
