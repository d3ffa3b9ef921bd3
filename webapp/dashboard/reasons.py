"""Why a training ended as it did, and why a version serves."""

from flask_babel import gettext as _

from . import formats


def told(reason: str | None) -> str:
    """Return a reason in the reader's language where it is one of ours, else as it was given."""
    return _(reason) if reason else formats.UNKNOWN
