"""Wi-Fi by the code that routers and phones show, through NetworkManager; the password is nowhere but there (R25)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.joining import Joining
from sync.network_manager import NetworkManager
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.statedir import StateDir
from sync.wire.status import Handover, WifiStep
from sync.wire.wifi import Security, Wifi, read_code, write_code
from tests.sync.network_manager_standin import PROFILE, Air, StandIn

SECRET = "a-long;secret\\with:signs"
MARKET = Wifi("西南镇;market", Security.WPA, SECRET)


@pytest.fixture
def air(tmp_path: Path) -> Iterator[StandIn]:
    there = {MARKET.name: ("wpa-psk", SECRET), "open": ("", ""), "new": ("sae", "s")}
    standin = StandIn(tmp_path / "bus", Air(there))
    yield standin
    standin.close()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("WIFI:T:WPA;S:mynetwork;P:mypassword;;", Wifi("mynetwork", Security.WPA, "mypassword")),
        ("WIFI:S:mynetwork;T:WPA;P:mypassword;;", Wifi("mynetwork", Security.WPA, "mypassword")),
        ('WIFI:T:WPA;S:"quoted";P:"password1";;', Wifi("quoted", Security.WPA, "password1")),
        (r"WIFI:S:\"foo\;bar\\baz\";;", Wifi(r'"foo;bar\baz"', Security.OPEN)),
        ("WIFI:T:nopass;S:open;P:;;", Wifi("open", Security.OPEN)),
        ("WIFI:S:open;;", Wifi("open", Security.OPEN)),
        ("WIFI:T:SAE;S:new;P:s;;", Wifi("new", Security.WPA3, "s")),
        ("WIFI:T:WPA;S:h;P:12345678;H:true;;", Wifi("h", Security.WPA, "12345678", hidden=True)),
        ("WIFI:T:WPA;R:1;S:h;P:12345678;;", Wifi("h", Security.WPA, "12345678")),
        ("WIFI:S:silent;P:12345678;;", Wifi("silent", Security.WPA, "12345678")),
        (f"WIFI:T:WPA;S:hex;P:{'ab' * 32};;", Wifi("hex", Security.WPA, "ab" * 32)),
    ],
)
def test_a_code_is_read_as_it_is_meant(text: str, meant: Wifi) -> None:
    """The examples of ZXing's page and what phones write: any order, quotes, escapes, open, hidden, WPA3."""
    assert read_code(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "WIFI:", "WIFI:;;", "WIFI:T:WPA;P:12345678;;", "WIFI:T:WPA;S:x;P:1234567;;", "WIFI:T:WEP;S:x;P:12345;;"),
        *("WIFI:T:WPA2-EAP;S:x;P:12345678;;", "WIFI:S:a;S:b;;", "WIFI:S:a", "WIFI:S;;", "WIFI:S:a\\", "wifi:S:a;;"),
        *(
            "WIFI:S:" + "长" * 11 + ";;",
            "WIFI:T:WPA;S:x;P:" + "g" * 64 + ";;",
            "WIFI:S:a\nb;;",
            "WIFI:S:a;;" + " " * 400,
        ),
    ],
)
def test_what_is_no_such_code_is_refused_without_repeating_it(text: str) -> None:
    """A sentence for IT never holds what may be a password."""
    with pytest.raises(WireError) as refused:
        read_code(text)
    assert "1234567" not in str(refused.value)


_NAMES = st.text(min_size=1, max_size=32).filter(
    lambda name: 0 < len(name.encode("utf-8", "replace")) <= 32 and name.isprintable()
)
_PASSWORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=8, max_size=63)


@given(
    st.one_of(
        st.builds(Wifi, _NAMES, st.just(Security.OPEN), st.just(""), st.booleans()),
        st.builds(Wifi, _NAMES, st.just(Security.WPA), _PASSWORDS, st.booleans()),
        st.builds(Wifi, _NAMES, st.just(Security.WPA3), _PASSWORDS, st.booleans()),
    )
)
def test_what_is_written_is_read_again(wifi: Wifi) -> None:
    """Whatever signs stand in name and password."""
    text = write_code(wifi)
    if len(text) <= 400:
        assert read_code(text) == wifi


@given(st.text(st.sampled_from('WIFI:TSPH;\\":, \x00ab1é'), max_size=60))
def test_no_text_makes_the_reader_fall(text: str) -> None:
    """Anything can stand in a QR code."""
    for candidate in (text, f"WIFI:{text}", f"WIFI:S:x;{text};"):
        try:
            assert read_code(candidate).name
        except WireError:
            continue


def test_a_password_is_not_in_a_representation() -> None:
    """A traceback or a careless log line must not tell it."""
    assert SECRET not in repr(MARKET)


def test_a_network_is_joined_and_kept(air: StandIn) -> None:
    """In memory until it works, then for good; as WPA, and the name as bytes."""
    assert NetworkManager(air.address).join(MARKET) is WifiStep.JOINED
    assert air.profiles == {PROFILE: "disk"}
    assert air.settings["802-11-wireless-security"] == {"key-mgmt": ("s", "wpa-psk"), "psk": ("s", SECRET)}
    assert air.settings["802-11-wireless"]["hidden"] == ("b", False)


@pytest.mark.parametrize(
    ("wifi", "settings"),
    [(Wifi("open", Security.OPEN), None), (Wifi("new", Security.WPA3, "s"), "sae")],
)
def test_open_and_wpa3_networks_are_joined_too(air: StandIn, wifi: Wifi, settings: str | None) -> None:
    """Each with the key management that it needs."""
    assert NetworkManager(air.address).join(wifi) is WifiStep.JOINED
    asked = air.settings.get("802-11-wireless-security")
    assert (asked and asked["key-mgmt"][1]) == settings


@pytest.mark.parametrize(
    ("changes", "wifi", "step"),
    [
        ({}, Wifi(MARKET.name, Security.WPA, "another-one"), WifiStep.WRONG_PASSWORD),
        ({}, Wifi("elsewhere", Security.WPA, SECRET), WifiStep.NO_SUCH_NETWORK),
        ({"no_dhcp": {MARKET.name}}, MARKET, WifiStep.NO_ADDRESS),
        ({"adapter": False}, MARKET, WifiStep.NO_WIFI),
        ({"radio_on": False}, MARKET, WifiStep.NO_WIFI),
        ({"allowed": False}, MARKET, WifiStep.NOT_ALLOWED),
        ({"running": False}, MARKET, WifiStep.NO_NETWORK_MANAGER),
        ({"hangs": True}, MARKET, WifiStep.TIMED_OUT),
    ],
)
def test_each_way_to_fail_has_its_own_word_and_leaves_no_profile(
    air: StandIn, changes: dict[str, object], wifi: Wifi, step: WifiStep
) -> None:
    """The old network is NetworkManager's to go back to."""
    for name, value in changes.items():
        setattr(air.air, name, value)
    assert NetworkManager(air.address, patience_seconds=1.0).join(wifi) is step
    assert air.profiles == {}


def test_no_bus_is_no_network_manager(tmp_path: Path) -> None:
    """A machine without D-Bus; nothing is raised."""
    assert NetworkManager(f"unix:path={tmp_path / 'none'}").join(MARKET) is WifiStep.NO_NETWORK_MANAGER


BOOT = "b" * 36


def hand_over(state: StateDir, text: str, boot: str = BOOT, ago: float = 1.0) -> None:
    state.run.mkdir(parents=True, exist_ok=True)
    state.wifi.write_bytes(jsonform.encode(Handover(text, boot, time.monotonic() - ago)))


def until(joining: Joining, *steps: WifiStep) -> None:
    deadline = time.monotonic() + 10
    while joining.setup is None or joining.setup.step not in steps:
        assert time.monotonic() < deadline, f"not within 10 s: {joining.setup}"
        joining.step(time.monotonic())
        time.sleep(0.01)


def test_a_code_that_the_gate_handed_over_is_joined_and_its_password_is_gone(
    air: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No file, no log line and no status holds it, whatever became of it."""
    caplog.set_level(logging.DEBUG)
    state = StateDir.at(tmp_path / "gate")
    joining = Joining(state, NetworkManager(air.address), BOOT, threading.Event())
    for wifi, step in (
        (Wifi(MARKET.name, Security.WPA, SECRET + "x"), WifiStep.WRONG_PASSWORD),
        (MARKET, WifiStep.JOINED),
    ):
        hand_over(state, write_code(wifi))
        until(joining, step)
        assert not state.wifi.exists()
        assert joining.setup is not None
        assert joining.setup.network == MARKET.name
        told = jsonform.encode(joining.setup).decode() + caplog.text
        assert "secret" not in told
    assert not [path for path in state.root.rglob("*") if path.is_file() and b"secret" in path.read_bytes()]


@pytest.mark.parametrize(
    ("text", "boot", "ago"), [(write_code(MARKET), "other", 1.0), (write_code(MARKET), BOOT, 700.0)]
)
def test_an_old_code_is_removed_and_not_used(air: StandIn, tmp_path: Path, text: str, boot: str, ago: float) -> None:
    """Of another boot, or of long ago; its password does not stay either."""
    state = StateDir.at(tmp_path / "gate")
    joining = Joining(state, NetworkManager(air.address), BOOT, threading.Event())
    hand_over(state, text, boot, ago)
    joining.step(time.monotonic())
    assert (joining.setup, state.wifi.exists(), air.asked) == (None, False, [])


def test_a_code_that_cannot_be_read_is_told(air: StandIn, tmp_path: Path) -> None:
    """And a torn file is nothing."""
    state = StateDir.at(tmp_path / "gate")
    joining = Joining(state, NetworkManager(air.address), BOOT, threading.Event())
    hand_over(state, "WIFI:T:WEP;S:x;P:12345;;")
    until(joining, WifiStep.UNREADABLE)
    state.wifi.write_bytes(b"{")
    joining.step(time.monotonic())
    assert joining.setup is not None
    assert joining.setup.step is WifiStep.UNREADABLE
