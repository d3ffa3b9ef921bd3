"""The figures that a training leaves in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def figures(
    scored: pd.DataFrame,
    importance: Mapping[str, list[float]],
    dependence: Mapping[str, Mapping[str, Any]],
) -> dict[str, Figure]:
    """Return the figures by file name.

    `scored` has datetime, predicted and actual of the holdout at one horizon; the others are those
    of `training.understanding`.
    """
    found = {
        "predicted_against_actual.png": _predicted_against_actual(scored),
        "residuals_by_hour.png": _residuals_by_hour(scored),
        "permutation_importance.png": _importance(importance),
    }
    for name, curves in dependence.items():
        found[f"partial_dependence_{name}.png"] = _dependence(name, curves)
    return found


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


def _importance(importance: Mapping[str, list[float]]) -> Figure:
    figure = _figure()
    axes = figure.subplots()
    names = list(importance)[::-1]
    axes.boxplot([importance[name] for name in names], orientation="horizontal", tick_labels=names)
    axes.axvline(0, color="grey", linewidth=1)
    axes.set(xlabel="more MAE when shuffled, rentals", title="Holdout, 24 h ahead")
    return figure


def _dependence(name: str, curves: Mapping[str, Any]) -> Figure:
    figure = _figure()
    axes = figure.subplots()
    for curve in curves["curves"]:
        axes.plot(curves["values"], curve, color="grey", linewidth=0.5, alpha=0.5)
    axes.plot(curves["values"], curves["mean"], linewidth=3)
    axes.set(xlabel=name, ylabel="predicted rentals", title="Holdout, 24 h ahead")
    return figure
