"""Many rows as columns, one row as plain numbers: what lets the same formulas serve both.

A numpy array of one value takes ten times as long as a plain number, and a prediction is asked for
one hour at a time, so that this is what most of its time would go to.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = Any
"""Of many rows an array of n values, of one row a plain number."""


def at(table: Any, cell: Column) -> Any:
    """Return the cells of a table; those outside are its end cells.

    The one cell of a plain number is a plain number, or a vector.
    """
    if isinstance(cell, int):
        cell = 0 if cell < 0 else min(cell, len(table) - 1)
        return table.item(cell) if table.ndim == 1 else table[cell]
    return table.take(cell, axis=0, mode="clip")


def columns_of(cells: NDArray[Any]) -> Any:
    """Return the columns of cells, or the plain numbers of one cell."""
    return cells.tolist() if cells.ndim == 1 else cells.T


def values_of(column: Column) -> list[Any]:
    """Return plain numbers, in a list."""
    return column.tolist() if isinstance(column, np.ndarray) else [column]


def across(column: Column) -> Column:
    """Return values as rows of one, so that each meets the whole vector of its row."""
    return column[:, None] if isinstance(column, np.ndarray) else column


def count(which: NDArray[np.bool_]) -> Column:
    """Return how many of each vector are so."""
    return np.count_nonzero(which) if which.ndim == 1 else np.add.reduce(which, axis=-1)


def whole(column: Column) -> Column:
    """Return values as integers."""
    return column.astype(np.int64) if isinstance(column, np.ndarray) else int(column)


def either(which: Column, these: Column, those: Column) -> Column:
    """Return these where it is so, else those."""
    if isinstance(which, np.ndarray):
        return np.where(which, these, those)
    return these if which else those


def at_least(low: Column, column: Column) -> Column:
    """Return values, or a higher bound in their place; NaN stays."""
    return either(column < low, low, column)


def at_most(high: Column, column: Column) -> Column:
    """Return values, or a lower bound in their place; NaN stays."""
    return either(column > high, high, column)
