"""The measured parts of documents, each between two marks."""

from collections.abc import Iterable
from pathlib import Path


def replace(document: Path, name: str, lines: Iterable[str]) -> None:
    """Put lines in the place of those between the marks of that name."""
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, rest = document.read_text().split(first)
    _old, after = rest.split(last)
    document.write_text(before + first + "".join(f"{line}\n" for line in lines) + last + after)
