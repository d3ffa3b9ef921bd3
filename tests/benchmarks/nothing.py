"""A handler that does nothing, on the settings of ``flask serve``: what the others are held to.

python -m tests.benchmarks.nothing --port PORT
"""

import sys

import granian
from flask import Flask

from webapp import server

app = Flask(__name__)


@app.route("/api/predict", methods=["GET", "POST"])
def nothing() -> dict[str, str]:
    """Answer."""
    return {"status": "live"}


def load() -> Flask:
    """Load it in a worker."""
    server.keep_the_processor()
    return app


if __name__ == "__main__":
    granian.Granian(
        "tests.benchmarks.nothing:app",
        address="127.0.0.1",
        port=int(sys.argv[-1]),
        workers=2,
        **server.SETTINGS,
    ).serve(target_loader=load, wrap_loader=False)
