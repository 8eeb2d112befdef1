"""PURE: what a wrapped failure of the network is really about, in one short sentence for people."""

from __future__ import annotations

MAX_SENTENCE = 300
_DEEPEST = 10


def innermost(error: BaseException) -> BaseException:
    """What requests and urllib3 wrap names their objects; the error inside names the cause."""
    for _ in range(_DEEPEST):
        candidates = (getattr(error, "reason", None), *error.args, error.__cause__)
        inner = next((part for part in candidates if isinstance(part, BaseException)), None)
        if inner is None:
            break
        error = inner
    return error


def sentence(error: BaseException) -> str:
    """The system's own words where it has some."""
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (told or type(error).__name__)[:MAX_SENTENCE]
