"""What is served: the forest as ONNX, and a small JSON; data, never code.

`python -m training.artefact DIRECTORY`, with the checksums as JSON on standard input, tries an
artefact in a process of its own: a crafted forest can take its process down.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.features import FEATURES, LEVEL
from training.history import Floats
from training.intervals import Intervals

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FOREST = "forest.onnx"
METADATA = "metadata.json"
_INPUT = "features"


class BrokenArtefact(Exception):
    """An artefact can't be served: the message names the file and the reason."""


def save(
    directory: Path, pipeline: Pipeline, intervals: Intervals, metadata: dict[str, Any]
) -> dict[str, str]:
    """Write a fitted pipeline as artefact and return the sha256 of each file by its name.

    `metadata` is kept beside what the artefact itself needs and must be fit for JSON.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    from training.model import forest_of, level_of

    columns = FloatTensorType([None, len(FEATURES) - 1])
    forest = to_onnx(forest_of(pipeline), initial_types=[(_INPUT, columns)])
    document = {
        **metadata,
        "features": FEATURES,
        "level": level_of(pipeline),
        "intervals": intervals.to_dict(),
    }
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FOREST).write_bytes(forest.SerializeToString())
    (directory / METADATA).write_text(json.dumps(document, indent=1, allow_nan=False))
    return {name: _sha256((directory / name).read_bytes()) for name in (FOREST, METADATA)}


class Artefact:
    """A model that predicts; make it with `load`."""

    def __init__(
        self, session: onnxruntime.InferenceSession, metadata: dict[str, Any], intervals: Intervals
    ) -> None:
        self.metadata = metadata
        self._session = session
        self._intervals = intervals
        self._level = float(metadata["level"])

    @classmethod
    def load(cls, directory: Path, checksums: dict[str, str]) -> Self:
        """Return the artefact in a directory.

        Raises
        ------
        BrokenArtefact
            A file is missing, has another checksum than given, or does not hold a model for
            these `FEATURES`.
        """
        forest = _read(directory / FOREST, checksums)
        text = _read(directory / METADATA, checksums)
        try:
            metadata = json.loads(text)
            if tuple(metadata["features"]) != FEATURES:
                raise ValueError("its features are not those of this version of the code")
            intervals = Intervals.from_dict(metadata["intervals"])
            if not 0 < float(metadata["level"]) < np.inf:
                raise ValueError("expected a level above 0")
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenArtefact(f"{METADATA}: {error!r}") from error
        try:
            artefact = cls(_session(forest), metadata, intervals)
            artefact.predict(np.zeros((1, len(FEATURES)), np.float32))
        except Exception as error:  # onnxruntime's errors share no base class
            raise BrokenArtefact(f"{FOREST}: {error}") from error
        return artefact

    def predict(self, matrix: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
        """Return rentals, lower and upper bound of each row of a feature matrix."""
        known = matrix[:, LEVEL].astype(np.float64)
        level = np.where(known > 0, known, self._level)
        inputs = np.ascontiguousarray(matrix[:, 1:])  # without the level, which is column 0
        ratio = self._session.run(None, {_INPUT: inputs})[0][:, 0]
        rentals = np.maximum(ratio.astype(np.float64), 0.0) * level
        lower, upper = self._intervals.bounds(rentals, matrix)
        return rentals, lower, upper


def _session(forest: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # One row takes microseconds: threads only add waiting, and workers are processes already.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(forest, options, providers=["CPUExecutionProvider"])


def _read(path: Path, checksums: dict[str, str]) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BrokenArtefact(f"{path.name}: {error.strerror}") from error
    if _sha256(content) != checksums.get(path.name):
        raise BrokenArtefact(f"{path.name}: its checksum is not the stored one")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Load the artefact and predict one row; leave with one line on standard error if it fails."""
    parser = argparse.ArgumentParser(description="Try an artefact; checksums: JSON on stdin.")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    try:
        Artefact.load(arguments.directory, json.load(sys.stdin))
    except (BrokenArtefact, ValueError) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
