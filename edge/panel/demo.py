"""The demo's own part of the page: the switch that cuts the link, and what the camera sees.

Only where `gate-panel run --demo DIR` says so. `DIR/link` holds "up" or "cut", is written here alone, and the
demo makes it true. `DIR/view.jpg` is read only.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec
from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from sync.outbox.durable import replace_file

MAX_VIEW_BYTES = 4 * 1024 * 1024


class Link(StrEnum):
    """The link as the switch wants it."""

    UP = "up"
    CUT = "cut"


class DemoView(msgspec.Struct, frozen=True):
    """The demo's part of the page. camera: whether there is a picture of what the camera sees."""

    link: Link
    camera: bool


class Demo:
    """The demo's directory."""

    def __init__(self, directory: Path) -> None:
        self._link = directory / "link"
        self._view = directory / "view.jpg"

    def view(self) -> DemoView:
        """What the page shows of it."""
        return DemoView(self.link(), self._view.is_file())

    def link(self) -> Link:
        """The wanted link; up until somebody cut it."""
        try:
            return Link(self._link.read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            return Link.UP

    def want(self, link: Link) -> None:
        """Move the switch. Raises OSError."""
        replace_file(self._link, link.value.encode("ascii"), durable=False)

    def picture(self) -> bytes | None:
        """The newest JPEG, None when there is none."""
        try:
            with self._view.open("rb") as file:
                content = file.read(MAX_VIEW_BYTES + 1)
        except OSError:
            return None
        return content if len(content) <= MAX_VIEW_BYTES else None


def pages(demo: Demo) -> Blueprint:
    """The switch (the only POST of the panel, protected by the app's CSRFProtect) and the picture."""
    blueprint = Blueprint("demo", __name__)

    @blueprint.post("/demo/link")
    def move_switch() -> BaseResponse:
        try:
            link = Link(request.form.get("link", ""))
        except ValueError:
            abort(400)
        try:
            demo.want(link)
        except OSError:
            abort(503)
        return redirect(url_for("display"), code=303)

    @blueprint.get("/view.jpg")
    def picture() -> Response:
        content = demo.picture()
        if content is None:
            abort(404)
        return Response(content, mimetype="image/jpeg")

    return blueprint
