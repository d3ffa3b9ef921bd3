"""Runs modules of ours in processes of their own, and waits for them."""

import subprocess
import sys

from training.artefact import BrokenArtefact

from .config import ROOT


def run(module: str, *arguments: str, given: str, seconds: int) -> None:
    """Run a module that handles an artefact; `given` is what it reads from standard input.

    Raises `BrokenArtefact` with the last line that it wrote, or if it takes longer than that.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module, *arguments],
            input=given,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise BrokenArtefact(f"no answer within {seconds} s in a child process") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise BrokenArtefact(said)
