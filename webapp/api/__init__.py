"""The HTTP API: one module a resource."""

from flask import Blueprint, Flask
from flask_swagger_ui import get_swaggerui_blueprint

from . import health, models, observations, openapi, predict, retrain


def init_app(app: Flask) -> None:
    """Register the calls below ``/api``, the probes, and the page to try them."""
    api = Blueprint("api", __name__, url_prefix="/api")
    for resource in (predict, observations, models, retrain, openapi):
        api.register_blueprint(resource.blueprint)
    app.register_blueprint(api)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(_documentation())
    # The blueprint itself answers /api/docs with a redirect only.
    app.add_url_rule("/api/docs", view_func=app.view_functions["docs.show"])


def _documentation() -> Blueprint:
    # Its files are the package's; its page is templates/index.template.html with static/docs.js.
    page: Blueprint = get_swaggerui_blueprint(
        "/api/docs", "/api/openapi.json", blueprint_name="docs"
    )
    return page
