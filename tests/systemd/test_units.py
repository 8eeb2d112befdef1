"""The units as systemd itself judges them, and the installer as far as it goes without a machine (R26)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edge.config import Config
from edge.panel.config import PanelConfig
from sync.config import SyncConfig

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "systemd").glob("gate*.service"))
SERVICES = ("gate.service", "gate-panel.service", "gate-sync.service")
STICK = ROOT / "systemd" / "gate-stick@.service"
DISK = ROOT / "systemd" / "gate-stick-disk@.service"
STANDING = [path for path in UNITS if path not in (STICK, DISK)]
MOUNTER = ROOT / "systemd" / "gate-stick"
INSTALLER = ROOT / "systemd" / "install-gate"
PROGRAMS = "/opt/venue-gate/current/bin/"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=60)


class Unit(dict[str, dict[str, list[str]]]):
    """A unit file: section → directive → its values in order."""

    def __init__(self, path: Path) -> None:
        section: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = self.setdefault(line.strip("[]"), {})
            elif "=" in line and not line.startswith("#"):
                name, _, value = line.partition("=")
                section.setdefault(name, []).append(value)


@pytest.fixture(params=UNITS, ids=lambda unit: unit.name)
def unit(request) -> Unit:
    return Unit(request.param)


@pytest.mark.parametrize("name", [*SERVICES, STICK.name])
def test_the_exposure_is_small(name):
    """DESIGN 9: `systemd-analyze security` ≤ 2.5."""
    judged = run("systemd-analyze", "security", "--offline=true", "--no-pager", ROOT / "systemd" / name)
    exposure = re.search(rf"exposure level for {name.replace('@', '@.*')}: ([0-9.]+)", judged.stdout)
    assert exposure, judged.stderr
    assert float(exposure.group(1)) <= 2.5


def test_systemd_finds_nothing_to_say(tmp_path):
    """`verify` on the units as they are, except that the programs are where this test finds them."""
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace(PROGRAMS, f"{Path(sys.executable).parent}/")
        text = text.replace("/opt/venue-gate/libexec/", f"{MOUNTER.parent}/")
        (tmp_path / path.name).write_text(text.replace("ExecStart=/usr/bin/cage", "ExecStart=/bin/true"))
    for path in (STICK, DISK):
        (tmp_path / path.name).rename(tmp_path / path.name.replace("@", "@sda1"))
    verified = run("systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("*.service")))
    assert (verified.returncode, verified.stderr.strip()) == (0, "")


def test_nothing_waits_for_a_network_or_a_clock(unit):
    """R24: people pass at power-on, wherever the cable is."""
    waits = " ".join(unit["Unit"].get("After", []) + unit["Unit"].get("Requires", []) + unit["Unit"].get("Wants", []))
    assert "network" not in waits
    assert "time-sync" not in waits


@pytest.mark.parametrize("path", STANDING, ids=lambda path: path.name)
def test_restarts_are_spaced_and_never_used_up(path):
    """A gate in a field has nobody to start it again."""
    unit = Unit(path)
    assert unit["Service"]["Restart"] == ["always"]
    assert float(unit["Service"]["RestartSec"][0]) >= 1
    assert unit["Unit"]["StartLimitIntervalSec"] == ["0"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_tells_that_it_is_ready_and_that_it_lives(name):
    """R26: `active` means ready, and a program that hangs is started anew."""
    service = Unit(ROOT / "systemd" / name)["Service"]
    assert (service["Type"], service["NotifyAccess"]) == (["notify"], ["main"])
    assert float(service["WatchdogSec"][0]) > 0


def test_nobody_is_root_and_the_page_is_another_user_than_the_gate():
    """Whoever breaks into a page meets neither the outbox nor the device's key (DESIGN 1). A mount alone is root's."""
    users = {path.name: Unit(path)["Service"]["User"][0] for path in UNITS if path != DISK}
    assert "root" not in users.values()
    assert users["gate.service"] == users["gate-sync.service"]
    assert users[STICK.name] == users["gate-sync.service"]
    assert len(set(users.values())) == 3
    panel = Unit(ROOT / "systemd" / "gate-panel.service")["Service"]
    assert panel["InaccessiblePaths"] == ["-/var/lib/venue-gate"]


def test_each_file_of_the_state_has_one_writer():
    """DESIGN 1, kept by the kernel: the gate cannot write receipts, gate-sync cannot write the outbox."""
    gate = Unit(ROOT / "systemd" / "gate.service")["Service"]
    sync = Unit(ROOT / "systemd" / "gate-sync.service")["Service"]
    towns = "-/var/lib/venue-gate/root.pub -/var/lib/venue-gate/ca.pem"
    assert gate["ReadOnlyPaths"] == ["-/var/lib/venue-gate/receipts -/var/lib/venue-gate/updates", towns]
    assert gate["InaccessiblePaths"] == ["-/var/lib/venue-gate/private"]
    assert sync["ReadOnlyPaths"] == ["-/var/lib/venue-gate/outbox", towns]


def test_whoever_reads_a_stick_has_no_network_and_cannot_mount():
    """A stranger's file system is mounted by one unit, and read by another that can do nothing else."""
    stick = Unit(STICK)["Service"]
    assert (stick["PrivateNetwork"], stick["PrivateDevices"]) == (["yes"], ["yes"])
    assert stick["CapabilityBoundingSet"] == [""]
    assert [name for name in stick if name.startswith("Exec")] == ["ExecStart"]
    assert stick["ExecStart"] == [f"{PROGRAMS}gate-sync stick --mounted /run/venue-gate-stick/%i"]
    assert stick["ReadOnlyPaths"] == ["-/var/lib/venue-gate/outbox"]


def test_udev_starts_it_by_the_kind_of_file_system_and_never_by_a_label():
    """A label is the stick's own word: in a rule it could name anything."""
    (rule,) = [
        line for line in (ROOT / "systemd" / "venue-gate.rules").read_text().splitlines() if "gate-stick" in line
    ]
    assert 'ENV{ID_BUS}=="usb"' in rule
    assert 'ENV{ID_FS_TYPE}=="vfat|exfat|ext4"' in rule
    assert 'ENV{SYSTEMD_WANTS}+="gate-stick@%k.service"' in rule
    assert not re.search(r"LABEL|UUID|SERIAL|VENDOR|MODEL|\$", rule)


def test_the_disk_is_mounted_where_all_see_it_and_let_go_when_it_was_read():
    """A mount namespace of its own would hide the mount from the unit that is to read it."""
    disk, stick = Unit(DISK), Unit(STICK)
    assert (disk["Unit"]["BindsTo"], disk["Unit"]["StopWhenUnneeded"]) == (["dev-%i.device"], ["yes"])
    assert stick["Unit"]["BindsTo"] == ["gate-stick-disk@%i.service"]
    assert stick["Unit"]["After"][0].startswith("gate-stick-disk@%i.service ")
    apart = {"ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "PrivateMounts", "ProtectKernelTunables"}
    apart |= {"ProtectProc", "ReadOnlyPaths", "ReadWritePaths", "ProtectControlGroups", "ProtectKernelModules"}
    assert not apart & set(disk["Service"])
    assert disk["Service"]["CapabilityBoundingSet"] == ["CAP_SYS_ADMIN CAP_DAC_OVERRIDE"]
    assert disk["Service"]["DeviceAllow"] == ["/dev/%i rw"]


def stubs(directory, **programs):
    """Programs of those names, in the shell's words, before the system's own."""
    for name, text in programs.items():
        path = directory / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{directory}/calls\n{text}\n')
        path.chmod(0o755)
    paths = {"VENUE_GATE_STICKS": str(directory / "sticks"), "VENUE_GATE_RUN": str(directory)}
    return {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}", **paths}


def calls(directory):
    """What was called, in order."""
    return (directory / "calls").read_text().splitlines() if (directory / "calls").exists() else []


@pytest.mark.parametrize(
    ("kind", "owner"),
    [
        ("vfat", ",uid=venue-gate,gid=venue-gate,umask=0077"),
        ("exfat", ",uid=venue-gate,gid=venue-gate,umask=0077"),
        ("ext4", ""),
    ],
)
def test_a_stick_is_mounted_with_as_little_as_it_needs(tmp_path, kind, owner):
    """No programs, no devices, no set-uid, no links; and unmounted, whereupon gate-sync is told."""
    environment = stubs(tmp_path, blkid=f"echo {kind}", mount="", umount="", findmnt="")
    assert subprocess.run([MOUNTER, "mount", "sda1"], env=environment, check=False).returncode == 0
    place = tmp_path / "sticks" / "sda1"
    options = f"rw,nosuid,nodev,noexec,nosymfollow,noatime{owner}"
    assert calls(tmp_path)[-1] == f"mount -t {kind} -o {options} /dev/sda1 {place}"
    assert place.is_dir()
    assert subprocess.run([MOUNTER, "unmount", "sda1"], env=environment, check=False).returncode == 0
    assert calls(tmp_path)[-1] == f"umount {place}"
    assert not place.exists()
    assert (tmp_path / "stick-out").exists()


@pytest.mark.parametrize("kind", ["", "ntfs", "vfat exfat", "swap", "crypto_LUKS"])
def test_other_file_systems_are_left_alone(tmp_path, kind):
    """Nothing is mounted, whatever it says."""
    environment = stubs(tmp_path, blkid=f"echo {kind}", mount="", findmnt="exit 1")
    done = subprocess.run([MOUNTER, "mount", "sda1"], env=environment, check=False, capture_output=True)
    assert done.returncode == 1
    assert not [call for call in calls(tmp_path) if call.startswith("mount")]


@pytest.mark.parametrize("name", ["", "../sda1", "sda1 /etc", "sda1;reboot", "$(reboot)", "-o", "sd\u00e41"])
def test_a_name_that_is_no_device_does_nothing(tmp_path, name):
    """udev gives the kernel's own names; nothing else is ever looked at."""
    environment = stubs(tmp_path, blkid="echo vfat", mount="", umount="", findmnt="")
    for verb in ("check", "mount", "unmount"):
        assert subprocess.run([MOUNTER, verb, name], env=environment, check=False, capture_output=True).returncode == 1
    assert calls(tmp_path) == []


def test_the_gate_can_ask_for_the_clocks_state():
    """`ProtectClock` refuses adjtimex also to those who only ask; every time would be "not certain"."""
    gate = Unit(ROOT / "systemd" / "gate.service")["Service"]
    assert "ProtectClock" not in gate
    assert "adjtimex clock_adjtime clock_adjtime64" in gate["SystemCallFilter"]


def test_the_settings_that_are_installed_are_valid_and_agree():
    """One place for what need not survive a reboot, known to all three."""
    etc = ROOT / "systemd" / "etc"
    gate = msgspec.toml.decode((etc / "gate.toml").read_bytes(), type=Config)
    sync = msgspec.toml.decode((etc / "sync.toml").read_bytes(), type=SyncConfig)
    msgspec.toml.decode((etc / "gate-panel.toml").read_bytes(), type=PanelConfig)
    panel = Unit(ROOT / "systemd" / "gate-panel.service")["Service"]["ExecStart"][0].split()
    assert gate.state.run == sync.run_dir == panel[panel.index("--run") + 1] == "/run/venue-gate"
    assert gate.state.directory == sync.state_dir == "/var/lib/venue-gate"


def test_laying_out_twice_keeps_settings_that_somebody_changed(tmp_path):
    """Idempotent; an upgrade overwrites units, never settings."""
    assert run(INSTALLER, "--root", tmp_path).returncode == 0
    settings = tmp_path / "etc" / "venue-gate" / "gate.toml"
    settings.write_text("# ours\n")
    unit = tmp_path / "etc" / "systemd" / "system" / "gate.service"
    unit.write_text("old")
    done = run(INSTALLER, "--root", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert settings.read_text() == "# ours\n"
    assert unit.read_text() == (ROOT / "systemd" / "gate.service").read_text()
    assert {path.name for path in unit.parent.iterdir()} == {path.name for path in UNITS}
    assert (tmp_path / "opt" / "venue-gate" / "libexec" / "gate-stick").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc" / "sysusers.d" / "venue-gate.conf").exists()
    assert (tmp_path / "etc" / "udev" / "rules.d" / "60-venue-gate.rules").exists()
    rule = (tmp_path / "etc" / "polkit-1" / "rules.d" / "60-venue-gate.rules").read_text()
    assert set(re.findall(r'"(org[^"]+)"', rule)) == {
        f"org.freedesktop.NetworkManager.{action}"
        for action in ("network-control", "settings.modify.system", "wifi.scan")
    }
    assert 'subject.user == "venue-gate"' in rule


def test_the_towns_key_and_authority_come_with_the_installation(tmp_path):
    """R25: from a hand of IT's, as digits or as a file; a gate is not moved under another root by a slip."""
    pem, key, file = tmp_path / "town.pem", "ab" * 32, tmp_path / "root.pub"
    pem.write_text("-----BEGIN CERTIFICATE-----\n")
    file.write_text(f"{key}\n")
    for given in (key, file):
        assert run(INSTALLER, "--root", tmp_path / "image", "--root-key", given, "--ca", pem).returncode == 0
        state = tmp_path / "image" / "var" / "lib" / "venue-gate"
        assert (state / "root.pub").read_text().strip() == key
        assert (state / "ca.pem").read_text() == pem.read_text()
    (state / "identity.json").write_text("{}")
    other = run(INSTALLER, "--root", tmp_path / "image", "--root-key", "cd" * 32)
    assert (other.returncode, "--forget-gate" in other.stderr) == (1, True)
    assert (state / "root.pub").read_text().strip() == key


def test_a_mistake_is_one_sentence():
    """No half of an installation for a mistyped option."""
    for arguments in (["--uninstal"], ["--wheels", "/no/such/directory"], ["--root"], ["--root-key", "abc"]):
        done = run(INSTALLER, *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("install-gate: ")
        assert len(done.stderr.splitlines()) == 1


def test_the_help_says_what_it_does():
    """Every option that there is."""
    shown = run(INSTALLER, "--help").stdout
    assert shown.startswith("Installs the gate")
    assert {"--uninstall", "--root", "--with-display", "--wheels", "--root-key", "--ca", "--forget-gate"} <= set(
        re.findall(r"--[a-z-]+", shown)
    )
