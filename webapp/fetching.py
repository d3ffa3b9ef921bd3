"""Brings the artefacts that another machine has trained to this one.

A training leaves what serves in the artefact store, or beside its run on MLflow's server, before
its version is stored. Here a child process gets it, since what that takes is never imported where
requests are answered; what it got counts for nothing until its checksums are those in the database.
"""

import logging
import shutil
from pathlib import Path

from flask import current_app

from training.artefact import BrokenArtefact, check_files

from . import children, queries
from .locks import FileLock

log = logging.getLogger(__name__)

TIMEOUT = 120  # seconds
DRAFT = ".fetched-"


def is_possible() -> bool:
    """Say whether artefacts can be fetched: other machines share the database and a store."""
    server = current_app.config["VLIB_MLFLOW_TRACKING_URI"].startswith(("http://", "https://"))
    return bool((server or current_app.config["VLIB_ARTEFACT_STORE"]) and queries.is_shared())


def fetch(version: int, directory: Path) -> None:
    """Put a version's artefact into a directory, unless it is there and whole.

    Of several processes one does it, and the others wait. Raises `BrokenArtefact`.
    """
    checksums = queries.checksums(version)
    with FileLock(directory.parent / "fetch.lock") as lock:
        lock.acquire(wait=True)
        if _is_whole(directory, checksums):
            return
        draft = directory.parent / f"{DRAFT}{version}"
        try:
            _download(queries.mlflow_run_of(version), draft)
            check_files(draft, checksums)
            _put_in_place(draft, directory)
        except OSError as error:
            raise BrokenArtefact(f"it can't be fetched: {error}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    log.info("The artefact of version %s was fetched", version)


def _is_whole(directory: Path, checksums: dict[str, str]) -> bool:
    try:
        check_files(directory, checksums)
    except BrokenArtefact:
        return False
    return True


def _download(run_id: str | None, draft: Path) -> None:
    """Let a child process get what serves of an MLflow run."""
    shutil.rmtree(draft, ignore_errors=True)
    module, address = "training.artefact_store", current_app.config["VLIB_ARTEFACT_STORE"]
    if not address:
        module, address = "training.tracking", current_app.config["VLIB_MLFLOW_TRACKING_URI"]
    try:  # the address may hold a password
        children.run(module, str(run_id), str(draft), given=address, seconds=TIMEOUT)
    except BrokenArtefact as error:
        raise BrokenArtefact(f"it can't be fetched: {error}") from None


def _put_in_place(draft: Path, directory: Path) -> None:
    """Move the files where they serve: all at once, or each over its damaged one."""
    if not directory.is_dir():
        draft.rename(directory)
        return
    for file in draft.iterdir():
        file.replace(directory / file.name)
