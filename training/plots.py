"""The figures that a training leaves in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def figures(scored: pd.DataFrame, importances: Mapping[str, float]) -> dict[str, Figure]:
    """Return the figures by file name.

    `scored` has datetime, predicted and actual of the holdout at one horizon; `importances` the
    forest's impurity importance of each feature.
    """
    return {
        "predicted_against_actual.png": _predicted_against_actual(scored),
        "residuals_by_hour.png": _residuals_by_hour(scored),
        "importances.png": _importances(importances),
    }


def _figure() -> Figure:
    # Without pyplot nothing global is touched and no display is asked for.
    from matplotlib.figure import Figure

    return Figure(figsize=(7, 5), layout="constrained")


def _predicted_against_actual(scored: pd.DataFrame) -> Figure:
    figure = _figure()
    axes = figure.subplots()
    highest = float(scored[["actual", "predicted"]].max().max())
    axes.plot([0, highest], [0, highest], color="grey", linewidth=1)
    axes.scatter(scored["actual"], scored["predicted"], s=6)
    axes.set(xlabel="actual rentals", ylabel="predicted rentals", title="Holdout, 24 h ahead")
    return figure


def _residuals_by_hour(scored: pd.DataFrame) -> Figure:
    figure = _figure()
    axes = figure.subplots()
    residual = (scored["predicted"] - scored["actual"]).to_numpy()
    hour = scored["datetime"].dt.hour.to_numpy()
    axes.boxplot([residual[hour == each] for each in range(24)], positions=range(24))
    axes.axhline(0, color="grey", linewidth=1)
    axes.set(xlabel="hour of the day", ylabel="predicted - actual rentals", title="Holdout")
    return figure


def _importances(importances: Mapping[str, float]) -> Figure:
    figure = _figure()
    axes = figure.subplots()
    order = np.argsort(list(importances.values()))
    names = np.array(list(importances))[order]
    axes.barh(names, np.array(list(importances.values()))[order])
    axes.set(xlabel="impurity importance")
    return figure
