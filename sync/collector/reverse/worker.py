"""A process for one photograph: bytes on standard input, the texts of its codes on standard output, then it ends.

Whatever a picture does to the decoders, it does here: this process has little memory, little time, writes no file, and
its parent kills it (`reverse.reading`). It is not a sandbox: it has the collector's user and reads what that reads.
"""

from __future__ import annotations

import os
import resource
import sys
from enum import Enum
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from edge.credentials import most_telling
from edge.credentials.vp1 import PREFIX

if TYPE_CHECKING:  # loaded once this process is bound
    from PIL import Image

MAX_PICTURE_BYTES = 8_000_000
MAX_PIXELS = 40_000_000  # of a picture that is unpacked whole; 160 MB with transparency
MAX_TEXT = 1_000
MAX_JPEG_PIXELS = 110_000_000  # a JPEG is unpacked at a fraction of its size
MEMORY_BYTES = 1_200_000_000  # of addresses: the libraries alone map 500 MB of them
CPU_SECONDS = 8
SIDES = (1_280, 2_400, 700)
"""What the longer side is made to, one after the other until a pass is read."""
_MOST_TEXTS = 20
_NICE = 5  # gates' batches go first
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")


class Fault(str, Enum):
    """Why nothing was looked for in a picture."""

    HEIC = "heic"
    FORMAT = "format"
    BROKEN = "broken"
    TOO_LARGE = "too_large"
    ANIMATED = "animated"


class Seen(msgspec.Struct, frozen=True):
    """texts: of every code that was read, the passes alone where there are any. fault: why nobody looked."""

    texts: tuple[str, ...] = ()
    fault: Fault | None = None


def look(content: bytes) -> Seen:
    """What is to be seen in a photograph."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if content[4:8] == b"ftyp" and content[8:12] in _HEIC:
        return Seen(fault=Fault.HEIC)
    Image.MAX_IMAGE_PIXELS = None  # ours are below, and tell apart
    try:
        with Image.open(BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
            is_jpeg = picture.format in ("JPEG", "MPO")
            if picture.width * picture.height > (MAX_JPEG_PIXELS if is_jpeg else MAX_PIXELS):
                return Seen(fault=Fault.TOO_LARGE)
            if getattr(picture, "is_animated", False) and picture.format != "MPO":
                return Seen(fault=Fault.ANIMATED)
            if is_jpeg:
                picture.draft("L", (max(SIDES), max(SIDES)))
            picture.thumbnail((max(SIDES), max(SIDES)))
            return Seen(_texts(ImageOps.exif_transpose(_on_white(picture))))
    except UnidentifiedImageError:
        return Seen(fault=Fault.FORMAT)
    except MemoryError:
        return Seen(fault=Fault.TOO_LARGE)
    except Exception:  # noqa: BLE001 - whatever a decoder throws at a hostile file
        return Seen(fault=Fault.BROKEN)


def _on_white(picture: Image.Image) -> Image.Image:
    """Grey; a symbol on nothing lies on white."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("L")
    return picture.convert("L")


def _texts(picture: Image.Image) -> tuple[str, ...]:
    import numpy as np

    from hardware.errors import ReaderError
    from hardware.ports import Frame
    from hardware.symbols import CascadeReader

    found: dict[str, None] = {}
    for side in SIDES:
        scaled = picture.copy()
        scaled.thumbnail((side, side))
        try:
            sight = CascadeReader().read(Frame(np.asarray(scaled), 1, 0.0))
        except ReaderError:
            continue
        found |= dict.fromkeys(symbol.text for symbol in sight.symbols)
        if any(text.startswith(PREFIX) for text in found):
            break
    return tuple(text[:MAX_TEXT] for text in most_telling(found)[:_MOST_TEXTS])


def main() -> None:
    """Answer once."""
    answers: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a C library prints must not get into the answer
    _bound()
    content = sys.stdin.buffer.read(MAX_PICTURE_BYTES + 1)
    seen = Seen(fault=Fault.TOO_LARGE) if len(content) > MAX_PICTURE_BYTES else look(content)
    answers.write(msgspec.json.encode(seen))
    answers.close()


def _bound() -> None:
    for what, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    os.nice(_NICE)


if __name__ == "__main__":
    main()
