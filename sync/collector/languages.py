"""The pages' language: 中文 first, English complete; China time. Catalogues are read from .po files at start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, Response, request
from flask_babel import (
    Babel,
    Domain,
    force_locale,
    format_datetime,
    format_timedelta,
    get_locale,
    gettext,
    lazy_gettext,
)

from edge.reasons import REASONS

LANGUAGES = {"zh": "zh_Hans_CN", "en": "en"}
"""What ?lang= and the cookie may say, and the locale it means."""
_NAME = "lang"
_YEAR_SECONDS = 365 * 86_400
_CATALOGUES = Path(__file__).parent / "translations"


class _PoDomain(Domain):  # type: ignore[misc]  # flask_babel has no types
    """Compiles the catalogues in memory: no step of the set-up can be forgotten, no .mo can be older than its .po."""

    def __init__(self) -> None:
        super().__init__()
        self._catalogues = {path.parent.parent.name: _compile(path) for path in _CATALOGUES.glob("*/LC_MESSAGES/*.po")}

    def get_translations(self) -> NullTranslations:
        """The request's catalogue; none for Chinese, whose sentences are the message ids."""
        return self._catalogues.get(str(get_locale()), NullTranslations())


def init_app(app: Flask) -> None:
    """Set up languages: ?lang= chooses one and a cookie keeps it."""
    babel = Babel()
    babel.domain_instance = _PoDomain()
    babel.init_app(app, default_locale=LANGUAGES["zh"], default_timezone="Asia/Shanghai", locale_selector=_select)
    app.after_request(_keep_choice)
    app.jinja_env.globals.update(language=language, in_language=in_language, separator=separator)


@contextmanager
def spoken(chosen: str) -> Iterator[None]:
    """Sentences outside of a request, in "zh" or "en": at a terminal, in a message."""
    app = Flask(__name__)
    init_app(app)
    with app.test_request_context(query_string={_NAME: chosen}):
        yield


def language() -> str:
    """The request's language, "zh" or "en"."""
    for chosen in (request.args.get(_NAME), request.cookies.get(_NAME)):
        if chosen in LANGUAGES:
            return chosen
    return "zh"


def translate(message: str, **variables: object) -> str:
    """The sentence in the request's language; `message` is Chinese. Imported as `_`, which the extraction knows."""
    return str(gettext(message, **variables))


def lazy(message: str) -> Any:
    """The same for a sentence that is written down before there is a request. Imported as `_l`."""
    return lazy_gettext(message)


def speaking(code: str) -> AbstractContextManager[None]:
    """Within it, sentences are in that language: for somebody else than the one who asked."""
    return cast("AbstractContextManager[None]", force_locale(LANGUAGES[code]))


def in_language(code: str) -> str:
    """The address of this very page in another language."""
    arguments = request.args.to_dict() | {_NAME: code}
    return f"?{urlencode(arguments)}"


def moment(at: float) -> str:
    """A time of seconds since 1970 in China time, the same in every language."""
    return str(format_datetime(_utc(at), "yyyy-MM-dd HH:mm:ss"))


def machine_time(at: float) -> str:
    """For `<time datetime>`: RFC 3339."""
    return _utc(at).isoformat(timespec="seconds")


def duration(seconds: float) -> str:
    """In words: 45 seconds, 12 minutes."""
    return str(format_timedelta(timedelta(seconds=round(abs(seconds))), threshold=2))


def reason(code: str) -> str:
    """A reason's detail in words; a code that this centre does not know is shown as it is."""
    known = REASONS.get(code)
    return code if known is None else getattr(known.detail, language())


def separator() -> str:
    """Between the parts of a list."""
    return "；" if language() == "zh" else "; "


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(min(max(at, 0), 253_402_300_799 - 86_400), UTC)


def _select() -> str:
    return LANGUAGES[language()]


def _keep_choice(answer: Response) -> Response:
    if request.args.get(_NAME) in LANGUAGES:
        answer.set_cookie(_NAME, language(), max_age=_YEAR_SECONDS, httponly=True, samesite="Lax")
    return answer


def _compile(path: Path) -> Translations:
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=path.parent.parent.name))
    compiled.seek(0)
    return Translations(compiled)
