"""A chart as an answer: strict about what the picture may do, kept by the browser, asked for again only by its ETag."""

from __future__ import annotations

from flask import Response, request

POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Opened by itself it runs nothing, loads nothing, and needs no style of its own."""
_NARROW = "narrow"


def wanted_size() -> dict[str, bool]:
    """Keyword arguments of `draw` for this request: `?narrow=1` is what figure.html asks for on a phone."""
    return {_NARROW: request.args.get(_NARROW) == "1"}


def response(svg: bytes) -> Response:
    """The picture, or 304 where the browser has it. What a chart shows depends on who looks: no cache is shared."""
    answer = Response(svg, content_type="image/svg+xml; charset=utf-8")
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.add_etag()
    answer.make_conditional(request)
    return answer
