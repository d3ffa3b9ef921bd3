"""The entry of every server: ``flask run``, ``flask serve``, Granian, gunicorn."""

import gc

gc.disable()  # nothing that loads is garbage, and looking for some is a sixth of the start

from webapp import create_app, startup  # noqa: E402 - what loads is this

app = create_app()
gc.freeze()
gc.enable()
startup.under_flask_run(app)
