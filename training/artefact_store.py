"""Keeps what serves where other machines can get it: any folder that fsspec has an address for.

`python -m training.artefact_store RUN DIRECTORY`, with the store's address on standard input,
fetches a run's files; fsspec and what it needs for the address stay out of the web workers.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class StoreUnavailable(Exception):
    """The artefact store can't be used; the message says why."""


def publish(address: str, run_id: str, directory: Path, names: Iterable[str]) -> None:
    """Copy files of a directory into the folder of a run; raise `StoreUnavailable`."""
    try:
        files, root = _open(address)
        files.makedirs(f"{root}/{run_id}", exist_ok=True)
        for name in names:
            files.put_file(str(directory / name), f"{root}/{run_id}/{name}")
    except (OSError, ValueError, ImportError) as error:
        raise StoreUnavailable(f"The artefact store can't be used: {error}") from error


def fetch(address: str, run_id: str, directory: Path) -> None:
    """Make a directory of a run's files; raise `StoreUnavailable`."""
    try:
        files, root = _open(address)
        found = files.ls(f"{root}/{run_id}", detail=False)
        directory.mkdir()
        for path in found:
            files.get_file(path, str(directory / Path(path).name))
    except (OSError, ValueError, ImportError) as error:
        raise StoreUnavailable(f"The artefact store can't be used: {error}") from error


def _open(address: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    files, root = url_to_fs(address)
    return files, root.rstrip("/")


def main() -> None:
    """Fetch a run's files; leave with one line on standard error if it fails."""
    parser = argparse.ArgumentParser(description="Fetch what serves; the store: on stdin.")
    parser.add_argument("run")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    try:
        fetch(sys.stdin.read(), arguments.run, arguments.directory)
    except StoreUnavailable as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
