"""How the dashboard travels."""

import gzip

import pytest
from flask.testing import FlaskClient

from .conftest import UPDATE, body

PLOTLY = "/dashboard/_dash-component-suites/plotly/package_data/plotly.min.js"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/dashboard/assets/vlib.css?m=1", "immutable"),
        ("/dashboard/assets/theme.js", "stale-while-revalidate"),
        ("/dashboard/bootstrap/bootstrap.min.css", "stale-while-revalidate"),
        (PLOTLY, "stale-while-revalidate"),
    ],
)
def test_a_browser_keeps_the_files(client: FlaskClient, address: str, kept: str) -> None:
    with client.get(address) as answer:
        assert kept in answer.headers["Cache-Control"]


def test_what_a_callback_answers_is_compressed(client: FlaskClient) -> None:
    asked = body(client, "performance-result-section.children")
    plain = client.post(UPDATE, json=asked)
    small = client.post(UPDATE, json=asked, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 3
