"""Photographs from files: any picture that a person may send, and every file that is none."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hardware.errors import HardwareError
from hardware.photographs import PhotographError, load_luma, read_photograph
from hardware.scene import Exhibit, Surface, draw, symbol_picture
from tests.scenes import worn


def _frame(text: str, surface: Surface = Surface.PHONE) -> Image.Image:
    return Image.fromarray(draw([Exhibit(text, surface)], np.random.default_rng(3)))


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "PHOTO.JPEG"])
def test_a_photograph_says_its_text_and_who_read_it(tmp_path: Path, name: str) -> None:
    """`gate read`: texts, reader, milliseconds."""
    text = worn.text(np.random.default_rng(1))
    _frame(text).convert("RGB").save(tmp_path / name)
    reading = read_photograph(tmp_path / name)
    assert (reading.texts, reading.reader) == ((text,), "zxing")
    assert reading.milliseconds > 0


def test_a_picture_without_a_code_has_no_text_and_no_reader(tmp_path: Path) -> None:
    """Nothing is invented."""
    Image.fromarray(draw([], np.random.default_rng(1))).save(tmp_path / "empty.png")
    reading = read_photograph(tmp_path / "empty.png")
    assert (reading.texts, reading.reader) == ((), "")


def test_every_code_of_a_photograph_is_returned(tmp_path: Path) -> None:
    """Also one in dark mode beside one on paper."""
    rng = np.random.default_rng(2)
    texts = [worn.text(rng), worn.text(rng)]
    exhibits = [Exhibit(texts[0], Surface.PHONE_DARK), Exhibit(texts[1], Surface.PAPER)]
    Image.fromarray(draw(exhibits, rng)).save(tmp_path / "two.png")
    assert set(read_photograph(tmp_path / "two.png").texts) == set(texts)


def test_a_rescue_reads_what_zxing_alone_does_not(tmp_path: Path) -> None:
    """The whole cascade is tried, and pyzbar has its job (R23): bright bands across a screen."""
    for seed in range(20):
        circumstances = np.random.default_rng((seed, 1))
        text = worn.text(circumstances)
        luma = worn.scene(worn.Trouble.BANDS, text, circumstances, np.random.default_rng((seed, 2)))
        Image.fromarray(luma).save(tmp_path / "bands.png")
        reading = read_photograph(tmp_path / "bands.png")
        if reading.reader == "zbar-threshold":
            assert reading.texts == (text,)
            return
    pytest.fail("twenty banded screens, and none was read by pyzbar")


def test_a_photograph_lying_on_its_side_is_turned_as_its_camera_noted(tmp_path: Path) -> None:
    """EXIF orientation 6: the picture was taken with the phone upright."""
    picture = _frame("UPRIGHT")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif)
    assert load_luma(tmp_path / "turned.jpg").shape == (picture.height, picture.width)


def test_transparent_palette_and_deep_pictures_are_read(tmp_path: Path) -> None:
    """What screenshots and scanners produce."""
    symbol = symbol_picture("KINDS", 300)
    clear = Image.new("RGBA", symbol.size, (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), mask=symbol.point(lambda level: 255 - level))  # black modules on nothing
    deep = Image.fromarray(np.asarray(symbol).astype(np.uint16) * 200)
    kinds = {"clear": clear, "palette": symbol.convert("P"), "bits": symbol.convert("1"), "deep": deep}
    for name, picture in kinds.items():
        picture.save(tmp_path / f"{name}.png")
        assert read_photograph(tmp_path / f"{name}.png").texts == ("KINDS",), name


def test_a_large_photograph_is_reduced_and_still_read(tmp_path: Path) -> None:
    """Twelve megapixels and more from a phone."""
    picture = Image.new("L", (6000, 4000), 180)
    picture.paste(symbol_picture("LARGE", 1500), (2000, 900))
    picture.save(tmp_path / "large.jpg")
    assert max(load_luma(tmp_path / "large.jpg").shape) <= 4096
    assert read_photograph(tmp_path / "large.jpg").texts == ("LARGE",)


def _png_header(width: int, height: int) -> bytes:
    """The first bytes of a PNG that claims to be of this size."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def test_what_is_no_picture_is_one_clear_sentence(tmp_path: Path) -> None:
    """Missing, a directory, text, cut off, absurdly large: PhotographError that names the file, never a crash."""
    whole = tmp_path / "whole.jpg"
    _frame("CUT").save(whole)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:3000])
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "nothing.png").write_bytes(b"")
    (tmp_path / "bomb.png").write_bytes(_png_header(60000, 60000))
    (tmp_path / "folder.png").mkdir()
    for name in ("cut.jpg", "text.jpg", "nothing.png", "bomb.png", "folder.png", "missing.jpg"):
        with pytest.raises(PhotographError) as caught:
            read_photograph(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, HardwareError)
