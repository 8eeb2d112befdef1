"""What every answer of the centre says to browsers, unless it says otherwise itself."""

from __future__ import annotations

from flask import Response

# No inline script or style, nothing from elsewhere: town networks are closed.
# data: are the marks in Bootstrap's own style sheet.
IMAGES = "img-src 'self' data:"
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; {IMAGES}; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",  # static files bring their own
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def with_headers(answer: Response) -> Response:
    """The answer with those that it lacks."""
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
