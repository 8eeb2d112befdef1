"""From matplotlib's SVG to the one that is sent: no style sheet, no metadata, words for whoever does not see it.

What stood in style attributes stands in presentation attributes, so that the strictest policy has nothing to forbid.
matplotlib draws no text: it stays text, drawn with the reader's own fonts – whoever reads the Chinese pages has Chinese
ones, and the server needs none. Lost: letters as paths, many times the bytes, and a font of 60 MB on every server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from sync.collector.charts.model import Words, legible

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_FONTS = "'Noto Sans CJK SC', 'Noto Sans SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_MOST_DESCRIPTION = 500
Xml.register_namespace("", _SVG)
Xml.register_namespace("xlink", _LINK)


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text at pixels from the upper left corner. anchor: start, middle or end."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: str = "start"


def finished(drawn: bytes, texts: Sequence[Text], words: Words, language: str) -> bytes:
    """The document to send. drawn: matplotlib's."""
    root = Xml.fromstring(drawn)  # noqa: S314 - our own drawing, without entities
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
        _without_style(parent)
    root.attrib |= {
        "width": root.get("width", "").removesuffix("pt"),
        "height": root.get("height", "").removesuffix("pt"),
        "role": "img",
        "aria-labelledby": "title description",
        "lang": "zh-Hans" if language == "zh" else "en",
        "font-family": _FONTS,
        "stroke-linejoin": "round",
    }
    for place, (name, told) in enumerate((("title", words.title), ("desc", words.description or words.title))):
        element = Xml.Element(f"{{{_SVG}}}{name}", {"id": "title" if name == "title" else "description"})
        element.text = legible(told, _MOST_DESCRIPTION)
        root.insert(place, element)
    root.extend(_text(each) for each in texts)
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _without_style(element: Xml.Element) -> None:
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name:
            element.set(name, value)


def _text(text: Text) -> Xml.Element:
    place = {"x": f"{text.x:.1f}", "y": f"{text.y:.1f}", "text-anchor": text.anchor}
    element = Xml.Element(f"{{{_SVG}}}text", place | {"font-size": f"{text.size:g}", "fill": text.colour})
    element.text = legible(text.text)
    return element
