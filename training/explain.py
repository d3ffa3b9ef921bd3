"""How a forest comes to one prediction; numpy only.

Path contributions (Saabas, Interpreting random forests, 2014; Palczewska et al., Interpreting
random forest classification models using a feature contribution method, 2013): each split on a
row's path moves the mean of the training rows below, and that move is the contribution of the
feature it splits on. They add up to the prediction, minus the mean at the root.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from training.history import Floats

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

_ARRAYS = ("root", "feature", "threshold", "left", "right", "value")


@dataclass(frozen=True, slots=True)
class Trees:
    """The nodes of each band's forest, all trees behind each other.

    Attributes
    ----------
    nodes : dict
        By band, then: root int32[trees]; feature int16 (-1: a leaf), threshold float32, left and
        right int32, value float32, all [nodes].
    """

    nodes: dict[str, dict[str, NDArray[Any]]]

    @classmethod
    def of(cls, forests: dict[str, RandomForestRegressor]) -> Self:
        """Take the nodes from fitted forests."""
        return cls({band: _nodes(forest) for band, forest in forests.items()})

    def save(self, path: Path) -> None:
        """Write them; no pickle is in the file."""
        arrays = {
            f"{band}.{name}": a for band, all_ in self.nodes.items() for name, a in all_.items()
        }
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Return what `save` wrote."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            bands = dict.fromkeys(key.partition(".")[0] for key in arrays.files)
            return cls({band: {n: arrays[f"{band}.{n}"] for n in _ARRAYS} for band in bands})

    def contributions(self, band: str, row: NDArray[np.float32]) -> tuple[float, Floats]:
        """Return the mean at the roots, and what each of the row's features adds to it."""
        nodes = self.nodes[band]
        feature, value = nodes["feature"], nodes["value"].astype(np.float64)
        at = nodes["root"].astype(np.int64)
        baseline = float(value[at].mean())
        added = np.zeros(len(row))
        trees = len(at)
        while True:
            at = at[feature[at] >= 0]
            if not len(at):
                return baseline, added / trees
            split = feature[at].astype(np.int64)
            goes_left = row[split] <= nodes["threshold"][at]
            below = np.where(goes_left, nodes["left"][at], nodes["right"][at]).astype(np.int64)
            np.add.at(added, split, value[below] - value[at])
            at = below


def _nodes(forest: RandomForestRegressor) -> dict[str, NDArray[Any]]:
    trees = [estimator.tree_ for estimator in forest.estimators_]
    counts = np.array([tree.node_count for tree in trees])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    shift = np.repeat(starts, counts)
    leaf = np.concatenate([tree.children_left for tree in trees]) < 0
    exact = np.concatenate([tree.threshold for tree in trees])
    threshold = exact.astype(np.float32)
    # Rounded down, a float32 is at most the threshold exactly when it was before.
    above = threshold > exact
    threshold[above] = np.nextafter(threshold[above], np.float32(-np.inf))
    feature = np.concatenate([tree.feature for tree in trees])
    return {
        "root": starts.astype(np.int32),
        "feature": np.where(leaf, -1, feature).astype(np.int16),
        "threshold": threshold,
        "left": (np.concatenate([tree.children_left for tree in trees]) + shift).astype(np.int32),
        "right": (np.concatenate([tree.children_right for tree in trees]) + shift).astype(np.int32),
        "value": np.concatenate([tree.value[:, 0, 0] for tree in trees]).astype(np.float32),
    }
