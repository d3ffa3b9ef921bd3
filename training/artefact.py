"""What is served: forests as ONNX, a small JSON, arrays that explain; data, never code.

`python -m training.artefact DIRECTORY`, with the checksums as JSON on standard input, tries an
artefact in a process of its own: a crafted forest can take its process down.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.bands import BANDS, band_of
from training.columns import Column, at_least, columns_of
from training.explain import Trees
from training.features import FEATURES, HORIZON, LEVEL
from training.history import Floats
from training.intervals import Intervals, scale_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FORESTS = tuple(f"{band.name}.onnx" for band in BANDS)
"""One for each of `BANDS`."""
METADATA = "metadata.json"
TREES = "trees.npz"
"""Read only when a prediction is explained."""
UNDERSTANDING = "understanding.json"
"""For the dashboard; a model serves without it."""
RUNTIME: str = onnxruntime.__version__
_INPUT = "features"
_OUTPUT = ["variable"]


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

    from training.model import forests_of, level_of

    forests = forests_of(pipeline)
    directory.mkdir(parents=True, exist_ok=True)
    for band, name in zip(BANDS, FORESTS, strict=True):
        columns = FloatTensorType([None, len(band.columns)])
        model = to_onnx(forests[band.name], initial_types=[(_INPUT, columns)])
        (directory / name).write_bytes(model.SerializeToString())
    document = {
        **metadata,
        "features": FEATURES,
        "bands": {band.name: band.columns.tolist() for band in BANDS},
        "level": level_of(pipeline),
        "intervals": intervals.to_dict(),
    }
    (directory / METADATA).write_text(json.dumps(document, indent=1, allow_nan=False))
    Trees.of(forests).save(directory / TREES)
    names = (*FORESTS, METADATA, TREES)
    return {name: _sha256((directory / name).read_bytes()) for name in names}


def save_understanding(
    directory: Path, importance: dict[str, Any], dependence: dict[str, Any]
) -> dict[str, str]:
    """Write what `training.understanding` found beside a model; return the file's sha256."""
    document = {"importance": importance, "dependence": dependence}
    content = json.dumps(document, allow_nan=False).encode()
    (directory / UNDERSTANDING).write_bytes(content)
    return {UNDERSTANDING: _sha256(content)}


def read_understanding(directory: Path, checksums: dict[str, str]) -> dict[str, Any]:
    """Return `importance` and `dependence` of a stored model, as `training.understanding` says.

    Raises
    ------
    BrokenArtefact
        The file is missing or has another checksum than given.
    """
    document: dict[str, Any] = json.loads(_read(directory / UNDERSTANDING, checksums))
    return document


def check_files(directory: Path, checksums: dict[str, str]) -> None:
    """Read what an artefact is made of; raise `BrokenArtefact` if a file is not what was stored."""
    for name in (*FORESTS, METADATA, TREES):
        _read(directory / name, checksums)


class Artefact:
    """A model that predicts; make it with `load`."""

    def __init__(
        self,
        sessions: list[onnxruntime.InferenceSession],
        metadata: dict[str, Any],
        intervals: Intervals,
        trees: Callable[[], Trees],
    ) -> None:
        self.metadata = metadata
        self._sessions = sessions
        self._intervals = intervals
        self._level = float(metadata["level"])
        self._read_trees = trees
        self._trees: Trees | None = None

    @classmethod
    def load(cls, directory: Path, checksums: dict[str, str]) -> Self:
        """Return the artefact in a directory.

        Raises
        ------
        BrokenArtefact
            A file is missing, has another checksum than given, or does not hold a model for
            these `FEATURES`.
        """
        forests = [_read(directory / name, checksums) for name in FORESTS]
        text = _read(directory / METADATA, checksums)
        _read(directory / TREES, checksums)
        try:
            metadata = json.loads(text)
            if tuple(metadata["features"]) != FEATURES:
                raise ValueError("its features are not those of this version of the code")
            if metadata["bands"] != {band.name: band.columns.tolist() for band in BANDS}:
                raise ValueError("its bands are not those of this version of the code")
            intervals = Intervals.from_dict(metadata["intervals"])
            if not 0 < float(metadata["level"]) < np.inf:
                raise ValueError("expected a level above 0")
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenArtefact(f"{METADATA}: {error!r}") from error
        sessions = []
        for band, name, forest in zip(BANDS, FORESTS, forests, strict=True):
            try:
                session = _session(forest)
                session.run(_OUTPUT, {_INPUT: np.zeros((1, len(band.columns)), np.float32)})
            except Exception as error:  # onnxruntime's errors share no base class
                raise BrokenArtefact(f"{name}: {error}") from error
            sessions.append(session)
        # The arrays may have changed, or be gone, by the time they are asked for.
        return cls(
            sessions,
            metadata,
            intervals,
            lambda: Trees.load(_read(directory / TREES, checksums)),
        )

    def predict(self, matrix: NDArray[np.float32]) -> Floats:
        """Return rentals, lower and upper bound of each row of a feature matrix: float64[3, n]."""
        features: Sequence[Column] = columns_of(matrix[0] if len(matrix) == 1 else matrix)
        scale = scale_of(features[LEVEL], self._level)
        ratio = self._ratio(band_of(features[HORIZON]), matrix)
        predicted = at_least(0.0, ratio) * scale
        bounds = self._intervals.around(predicted, scale, features)
        return np.array([predicted, *bounds]).reshape(3, -1)

    def explain(self, row: NDArray[np.float32]) -> dict[str, float]:
        """Return each feature's contribution to one row's prediction, in rentals.

        Path contributions (see `training.explain`); `baseline` is what the forest predicts of an
        hour of which nothing is known but the level, and all of them add up to the prediction.

        Raises
        ------
        BrokenArtefact
            The arrays are missing or are not those that were stored.
        """
        if self._trees is None:
            self._trees = self._read_trees()
        number = band_of(row[HORIZON].item())
        columns = BANDS[number].columns
        baseline, ratios = self._trees.contributions(BANDS[number].name, row[columns])
        level = scale_of(row[LEVEL].item(), self._level)
        found = {
            FEATURES[column]: level * ratio for column, ratio in zip(columns, ratios, strict=True)
        }
        return {"baseline": level * baseline, **found}

    def _ratio(self, bands: Column, matrix: NDArray[np.float32]) -> Column:
        """Return rentals to the level, of many rows or of one."""
        if isinstance(bands, int):
            return self._run(bands, matrix).item()
        ratio = np.empty(len(matrix))
        for band in np.unique(bands):
            members = np.flatnonzero(bands == band)
            ratio[members] = self._run(band, matrix.take(members, axis=0))
        return ratio

    def _run(self, band: int, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        inputs = matrix.take(BANDS[band].columns, axis=1)
        ratio: NDArray[np.float32] = self._sessions[band].run(_OUTPUT, {_INPUT: inputs})[0][:, 0]
        return ratio


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
