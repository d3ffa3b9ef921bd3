"""The language of what a reader sees: the URL's (``?lang=fr``), else the browser's first known one.

Pages and the dashboard are told in it; the API, the logs and the command line stay English.
"""

from collections.abc import Mapping

from babel import Locale, negotiate_locale
from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale, gettext

LANGUAGES = ("en", "fr")


def init_app(app: Flask) -> None:
    """Let ``gettext`` find the catalogues in ``translations/``."""
    Babel(app, locale_selector=_chosen)  # type: ignore[no-untyped-call]
    app.context_processor(lambda: {"language": current()})


def N_(text: str) -> str:
    """Mark a text that is English where it arises, and translated where it is shown."""
    return text


def current() -> Locale:
    """Return the reader's language, English where nobody reads."""
    return get_locale() or Locale("en")


def translated(labels: Mapping[str, str]) -> dict[str, str]:
    """Return marked labels in the reader's language, by their keys."""
    return {key: gettext(label) for key, label in labels.items()}


def _chosen() -> str:
    if not has_request_context():
        return "en"
    wanted = request.args.get("lang", "")
    if wanted in LANGUAGES:
        return wanted
    wishes = list(request.accept_languages.values())
    return negotiate_locale(wishes, LANGUAGES, sep="-") or "en"
