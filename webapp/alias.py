"""MLflow's alias `champion` follows the database: a process, which `retraining` starts."""

import logging
import os
import sys
import time

from flask import current_app

from training import tracking

from . import create_app, locks, queries

log = logging.getLogger(__name__)

PAUSES = (0, *(2**n for n in range(11)))  # seconds; half an hour in all


def main(activation: str) -> None:
    """Follow an activation in a process of its own."""
    os.nice(10)  # other machines fetch the champion just now
    logging.basicConfig(level=logging.INFO)
    with create_app().app_context():
        follow(int(activation))


def follow(activation: int) -> None:
    """Set the alias to the champion, trying again while the store is away.

    A newer activation has a process of its own, and this one leaves it to that.
    """
    for pause in PAUSES:
        time.sleep(pause)
        try:
            _set(activation)
        except tracking.TrackingUnavailable as error:
            log.warning("MLflow's alias can't follow the champion yet: %s", error)
        else:
            return
    log.error("MLflow's alias does not follow the champion; activate it again to try again")


def _set(activation: int) -> None:
    """Set the alias, if the activation still is the newest."""
    uri = current_app.config["VLIB_MLFLOW_TRACKING_URI"]
    with locks.of_all("alias") as lock:
        lock.acquire(wait=True)  # else one that read before could set after a newer one
        champion = queries.champion_in_mlflow()
        if champion is not None and queries.newest_activation() == activation:
            tracking.set_champion(uri, champion)


if __name__ == "__main__":
    main(*sys.argv[1:])
