"""Makes the card of an emulated Raspberry Pi: Debian for arm64, with the gate put on it by the project's own installer.

Everything comes through this machine's own package clients: the archive that apt is configured for, the index that pip
is. What takes minutes is kept in the cache and made again only when what went into it has changed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.emulated_pi.errors import EmulationError

ROOT = Path(__file__).parents[2]
GUEST = Path(__file__).with_name("guest")
SUITE = "bookworm"  # what Raspberry Pi OS stands on
PACKAGES = (
    *("ca-certificates", "dbus", "e2fsprogs", "iproute2", "kmod", "libzbar0", "procps", "systemd-sysv", "udev"),
    *("python3", "python3-cffi-backend", "python3-venv"),
)
EARLY_MODULES = ("ext4", "bcm2835")  # the file system and the SD host: Debian's kernel has everything else built in
LATER_MODULES = ("cdc_ether", "rndis_host", "dwc2")  # the network on the Pi's USB
BOARD = "a02082"  # Raspberry Pi 3 Model B, as gpiozero knows it; QEMU's tree says none
CARD_BYTES = 1 << 30  # QEMU wants a power of two
WHEELS_FOR = ("2_17", "2_26", "2_27", "2_28", "2_31", "2_34", "2_35", "2_36")
SOURCE = ("docs", "edge", "hardware", "sync", "systemd", "LICENSE", "README.md", "pyproject.toml")
APART = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")
"""Before a command: what it mounts and starts ends with it, however it ends."""
_BINFMT, _AARCH64 = Path("/proc/sys/fs/binfmt_misc"), Path("/usr/lib/binfmt.d/qemu-aarch64.conf")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Image:
    """What a Pi 3 is switched on with. tree_bytes: what is on the card; gate_bytes: the gate's programs of them."""

    kernel: Path
    initrd: Path
    device_tree: Path
    card: Path
    tree_bytes: int
    gate_bytes: int


def build(cache: Path, say: Say) -> Image:
    """The card and what boots it, from the cache where nothing changed. Raises EmulationError."""
    cache.mkdir(parents=True, exist_ok=True)
    with _foreign_programs():
        base = _kept(cache, "debian", _digest(SUITE, *PACKAGES), _debian, say, "Debian for arm64 (minutes)")
        before = (_text(Path(__file__)), _text(base / "stamp"))
        of_boot, of_gate = _contents(GUEST, "init"), (*_contents(ROOT, *SOURCE), *_contents(GUEST, "."))
        boot = _kept(cache, "boot", _digest(*before, *of_boot), partial(_boot, base), say, "kernel, first file system")
        gate = _kept(cache, "gate", _digest(*before, *of_gate), partial(_gate, base), say, "the gate (minutes)")
    tree_bytes, gate_bytes = (int(size) for size in _text(gate / "sizes").split())
    return Image(boot / "kernel", boot / "initrd", boot / "pi.dtb", gate / "card.img", tree_bytes, gate_bytes)


def _debian(to: Path) -> None:
    options = ("--arch=arm64", "--variant=minbase", f"--include={','.join(PACKAGES)}")
    _run(*APART, "debootstrap", *options, SUITE, to / "tree", *_archive())
    debs = to / "tree" / "var" / "tmp"
    depends = _run("chroot", to / "tree", "apt-cache", "depends", "linux-image-arm64")
    kernel = next(line.split()[-1] for line in depends.splitlines() if "Depends: linux-image-" in line)
    _run("chroot", to / "tree", "sh", "-c", f"cd /var/tmp && apt-get -qq download {kernel} busybox-static")
    for package in debs.glob("*.deb"):
        _run("dpkg", "-x", package, to / "kernel")
        package.unlink()
    _run("depmod", "-b", to / "kernel", _version(to))


def _boot(base: Path, to: Path) -> None:
    version, kernel = _version(base), base / "kernel"
    shutil.copy(next((kernel / "boot").glob("vmlinuz-*")), to / "kernel")
    first = to / "first"
    for name in ("bin", "dev", "proc", "modules", "new"):
        (first / name).mkdir(parents=True)
    shutil.copy(kernel / "bin" / "busybox", first / "bin")
    shutil.copy(GUEST / "init", first / "init")
    (first / "init").chmod(0o755)
    for number, module in enumerate(_modules(kernel, version, EARLY_MODULES)):
        shutil.copy(module, first / "modules" / f"{number:02}.ko")
    names = "\n".join(str(path.relative_to(first)) for path in sorted(first.rglob("*"))) + "\n"
    packed = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], cwd=first, input=names.encode(), stdout=subprocess.PIPE, check=True
    )
    (to / "initrd").write_bytes(gzip.compress(packed.stdout))
    shutil.rmtree(first)
    tree = to / "pi.dtb"
    shutil.copy(next((kernel / "usr" / "lib").glob("linux-image-*/broadcom/bcm2837-rpi-3-b.dtb")), tree)
    _run("fdtput", "-r", tree, "/soc/serial@7e201000/bluetooth")  # else it takes /dev/ttyAMA0
    _run("fdtput", "-c", tree, "/system")
    _run("fdtput", "-t", "x", tree, "/system", "linux,revision", BOARD)


def _gate(base: Path, to: Path) -> None:
    tree, source, wheels = to / "tree", to / "source", to / "wheels"
    for name in SOURCE:
        _copy(ROOT / name, source / name)
    _wheels(source, wheels)
    _run("cp", "-a", base / "tree", tree)
    (tree / "etc" / "hostname").write_text("gate\n")
    (tree / "etc" / "hosts").write_text("127.0.0.1 localhost gate\n")
    version = _version(base)
    for module in _modules(base / "kernel", version, LATER_MODULES):
        _copy(module, tree / module.relative_to(base / "kernel"))
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(base / "kernel" / "lib" / "modules" / version / name, tree / "lib" / "modules" / version)
    _run("depmod", "-b", tree, version)
    _install(tree, source, wheels)
    _add_bench(tree)
    _run("chroot", tree, "apt-get", "clean")
    shutil.rmtree(tree / "var" / "lib" / "apt" / "lists", ignore_errors=True)
    (to / "sizes").write_text(f"{_size(tree)} {_size(tree / 'opt' / 'venue-gate')}\n")
    card = to / "card.img"
    with card.open("wb") as file:
        file.truncate(CARD_BYTES)
    _run("mkfs.ext4", "-q", "-d", tree, card)
    for done in (tree, source, wheels):
        shutil.rmtree(done)


def _install(tree: Path, source: Path, wheels: Path) -> None:
    """As on a Pi, but that nothing there says that it is one."""
    for name, origin in (("source", source), ("wheels", wheels)):
        (tree / "mnt" / name).mkdir()
        shutil.copytree(origin, tree / "mnt" / name, dirs_exist_ok=True)
    mounts = f"mount -t proc proc {tree}/proc && mount --bind /dev/null {tree}/dev/null"
    installer = f"chroot {tree} /mnt/source/systemd/install-gate --for-pi --wheels /mnt/wheels"
    _run(*APART, "sh", "-c", f"{mounts} && {installer}")
    for name in ("source", "wheels"):
        shutil.rmtree(tree / "mnt" / name)


def _add_bench(tree: Path) -> None:
    """The one thing on the card that no town's gate has: who answers on the second serial line (guest/bench.py)."""
    shutil.copy(GUEST / "bench.py", tree / "usr" / "local" / "sbin" / "bench")
    (tree / "usr" / "local" / "sbin" / "bench").chmod(0o755)
    shutil.copy(GUEST / "bench.service", tree / "etc" / "systemd" / "system")
    shutil.copy(GUEST / "usb.network", tree / "etc" / "systemd" / "network" / "usb.network")
    _run("chroot", tree, "systemctl", "--quiet", "enable", "bench.service", "systemd-networkd.service")
    # They take seconds of an emulated processor and belong to no gate.
    _run("chroot", tree, "systemctl", "--quiet", "mask", "systemd-networkd-wait-online.service", "e2scrub_reap.service",
         "getty@tty1.service", "serial-getty@ttyS1.service", "apt-daily.timer", "apt-daily-upgrade.timer")  # fmt: skip


def _wheels(source: Path, to: Path) -> None:
    """Every Python package of the gate for the Pi's processor."""
    project = tomllib.loads(_text(source / "pyproject.toml"))
    for_pi = [wanted.partition(";")[0] for wanted in project["project"]["optional-dependencies"]["pi"]]
    platforms = [f"--platform=manylinux_{glibc}_aarch64" for glibc in WHEELS_FOR] + ["--platform=manylinux2014_aarch64"]
    python = ("--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none")
    build = project["build-system"]["requires"]
    _run(
        *(sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "-d", to),
        *("--only-binary=:all:", *python, *platforms, source, *for_pi, *build),
    )


def _archive() -> tuple[str, ...]:
    """Where this machine's own apt finds Debian; () for debootstrap's own default."""
    if not (found := _debian_uris()):
        _run("apt-get", "update", "-qq")  # a new machine knows none before it
        found = _debian_uris()
    return tuple(found[:1])


def _debian_uris() -> list[str]:
    told = _run("apt-get", "indextargets", "--format", "$(LABEL)|$(COMPONENT)|$(REPO_URI)", "Created-By: Packages")
    return [line.split("|")[2] for line in told.splitlines() if line.startswith("Debian|main|")]


@contextmanager
def _foreign_programs() -> Iterator[None]:
    """While the card is made, this kernel runs arm64 programs; it is left as it was found."""
    if platform.machine() == "aarch64":
        yield
        return
    mounted = not (_BINFMT / "register").exists()
    if mounted:
        _run("mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT)
    registered = not (_BINFMT / "qemu-aarch64").exists()
    try:
        if registered:
            (_BINFMT / "register").write_text(_text(_AARCH64))
        yield
    finally:
        if registered and (_BINFMT / "qemu-aarch64").exists():
            (_BINFMT / "qemu-aarch64").write_text("-1")
        if mounted:
            _run("umount", _BINFMT)


def _kept(cache: Path, name: str, stamp: str, make: Callable[[Path], None], say: Say, what: str) -> Path:
    """The directory `name` of the cache, made anew where its stamp is another."""
    done = cache / name
    if (done / "stamp").exists() and _text(done / "stamp") == stamp:
        return done
    say(what)
    draft = cache / f"{name}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    make(draft)
    (draft / "stamp").write_text(stamp)
    shutil.rmtree(done, ignore_errors=True)
    draft.rename(done)
    return done


def _run(*command: object) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise EmulationError(f"{command[0]}: {(done.stderr or done.stdout)[-2000:].strip()}")
    return done.stdout


def _version(base: Path) -> str:
    return next((base / "kernel" / "lib" / "modules").iterdir()).name


def _modules(kernel: Path, version: str, names: tuple[str, ...]) -> list[Path]:
    """The files of these modules and of what they need, in the order in which they are loaded."""
    found: dict[Path, None] = {}
    for name in names:
        told = _run("modprobe", "-d", kernel, "-S", version, "--show-depends", name)
        found |= {Path(line.split()[1]): None for line in told.splitlines() if line.startswith("insmod ")}
    return list(found)


def _contents(root: Path, *names: str) -> Iterator[str]:
    """The text of every file there, with its name."""
    for name in names:
        start = root / name
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _size(tree: Path) -> int:
    return int(_run("du", "-s", "--block-size=1", tree).split()[0])


def _copy(origin: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if origin.is_dir():
        shutil.copytree(origin, to, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(origin, to)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def needs() -> list[str]:
    """What is missing on this machine, as sentences; [] for nothing."""
    missing = (
        [] if os.geteuid() == 0 else ["root: run it with sudo (it mounts, and makes a card for another processor)"]
    )
    programs = ("qemu-system-aarch64", "debootstrap", "fdtput", "cpio", "mkfs.ext4", "modprobe", "losetup")
    missing += [f"the program {name}" for name in programs if shutil.which(name) is None]
    if platform.machine() != "aarch64" and not _AARCH64.exists():
        missing.append(f"{_AARCH64}, of Debian's package qemu-user-static")
    return missing
