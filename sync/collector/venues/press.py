"""Sets posters and cards in type: Typst with Debian's Noto Sans CJK, and with what the town adds.

Prints no box for a character. Fonts are embedded as subsets. The same words on the same day give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from sync.collector.errors import Mistake

if TYPE_CHECKING:  # 40 MB of type and typesetter are loaded with the first poster, in the worker that makes it
    import typst

NOTO = Path("/usr/share/fonts/opentype/noto")
"""Where Debian's fonts-noto-cjk puts its files."""
FAMILY = "Noto Sans CJK SC"
DEBIAN_PACKAGE = "fonts-noto-cjk"
_OTHERS = "DejaVu Sans"  # comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic beyond Noto's
_SUFFIXES = (".ttf", ".otf", ".ttc")
TEMPLATES = Path(__file__).parents[1] / "templates"
POSTER = TEMPLATES / "venues" / "poster.typ"


class NoFont(Mistake):
    """The machine has no Chinese font."""

    def __init__(self) -> None:
        super().__init__(f"there is no Chinese font for posters: apt-get install {DEBIAN_PACKAGE}")


class NoGlyph(Mistake):
    """Characters that no font here has. characters: they; directory: where a font that has them can be put."""

    def __init__(self, characters: str, directory: Path) -> None:
        points = ", ".join(f"{letter} (U+{ord(letter):04X})" for letter in characters)
        super().__init__(f"no font here has {points}: put one that has them into {directory}")
        self.characters, self.directory = characters, directory


@dataclass(frozen=True)
class _Cases:
    """Fonts as Typst has them, their families in order of preference, and every character that one of them has."""

    seen: tuple[tuple[str, int], ...]
    fonts: typst.Fonts
    families: list[str]
    characters: frozenset[int]


@dataclass
class Press:
    """Safe to share between threads. own: the town's fonts, a directory that may be missing. noto: Debian's."""

    own: Path
    noto: Path = NOTO
    _cases: _Cases | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def check(self, words: Iterable[str]) -> None:
        """Whether these can be printed. Raises NoFont, NoGlyph."""
        known = self._open().characters
        lacking = {letter for word in words for letter in word if letter != "\u200b" and ord(letter) not in known}
        if lacking:
            raise NoGlyph("".join(sorted(lacking)), self.own)

    def lacking(self, word: str) -> set[str]:
        """Which of its characters no font here has. Raises NoFont."""
        known = self._open().characters
        return {letter for letter in word if ord(letter) not in known}

    def print(self, poster: dict[str, Any], words: Iterable[str], day: int, template: Path = POSTER) -> bytes:
        """The PDF. poster: what the template asks for. words: those of them that are not ours. day: seconds since 1970.

        Raises NoFont, NoGlyph.
        """
        import typst

        self.check(words)
        cases = self._open()
        told = json.dumps(poster | {"fonts": cases.families}, ensure_ascii=False)
        compiler = typst.Compiler(template.read_bytes(), font_paths=cases.fonts, sys_inputs={"poster": told})
        with self._lock:
            made = compiler.compile(format="pdf", timestamp=day)
        assert isinstance(made, bytes)
        return made

    def _open(self) -> _Cases:
        """Read anew where a file of the town's, or Noto itself, came or went."""
        seen = tuple((str(path), path.stat().st_mtime_ns) for path in self._files())
        if self._cases is None or self._cases.seen != seen:
            self._cases = _cases(seen, self.own.resolve())
        return self._cases

    def _files(self) -> list[Path]:
        import matplotlib

        noto = sorted(self.noto.glob("NotoSansCJK*.ttc"))
        if not noto:
            raise NoFont
        own = sorted(path for path in self.own.glob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        others = sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf"))
        return [path.resolve() for path in (*noto, *others, *own)]


def _cases(seen: tuple[tuple[str, int], ...], own: Path) -> _Cases:
    import typst

    directories = dict.fromkeys(str(Path(path).parent) for path, _ in seen)
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[*directories])
    files = {path for path, _ in seen}
    known = [each for each in fonts.fonts() if each.path in files]
    added = dict.fromkeys(each.family for each in known if each.path and Path(each.path).parent == own)
    families = [*dict.fromkeys((FAMILY, _OTHERS, *added))]
    return _Cases(seen, fonts, families, frozenset().union(*(_covered(name, known) for name in families)))


def _covered(family: str, known: Iterable[typst.FontInfo]) -> frozenset[int]:
    """What every weight of it has: a name is bold, an address is not. Noto's weights have the same; one is read."""
    upright = [each for each in known if each.family == family and each.style == "normal"]
    faces = sorted((each.path, each.index) for each in upright if each.path)[: 1 if family == FAMILY else None]
    return frozenset.intersection(*(_characters(*face) for face in faces)) if faces else frozenset()


def _characters(path: str, index: int) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(path, fontNumber=index, lazy=True) as face:
        return frozenset(face.getBestCmap() or ())
