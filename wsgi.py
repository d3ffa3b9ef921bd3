"""The entry of every server: ``flask run``, ``flask serve``, Granian, gunicorn."""

from webapp import create_app, startup

app = create_app()
startup.under_flask_run(app)
