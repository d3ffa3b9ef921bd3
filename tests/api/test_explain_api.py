"""What each feature adds to a prediction."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.api.test_predict_api import HOUR, pointers


@pytest.mark.parametrize("as_of", [None, "2012-12-24T08:00:00", "2012-12-20T08:00:00"])
def test_contributions_add_up_to_the_prediction(client: FlaskClient, as_of: str | None) -> None:
    answer = client.post("/api/predict?explain=true", json=HOUR | {"as_of": as_of}).get_json()
    assert {"baseline", "hour", "temperature"} <= set(answer["contributions"])
    assert sum(answer["contributions"].values()) == pytest.approx(answer["rentals"], abs=0.001)


def test_an_explained_prediction_is_the_same_and_stored(client: FlaskClient) -> None:
    plain = client.post("/api/predict?explain=false", json=HOUR).get_json()
    explained = client.post("/api/predict?explain=true", json=HOUR).get_json()
    assert "contributions" not in plain
    assert plain["rentals"] == explained["rentals"]
    assert client.get(f"/api/predictions/{explained['prediction_id']}").status_code == 200


def test_explain_is_true_or_false(client: FlaskClient) -> None:
    refused = client.post("/api/predict?explain=yes", json=HOUR)
    assert refused.status_code == 422
    assert pointers(refused.get_json()) == ["/query/explain"]


def test_without_its_arrays_a_model_predicts_but_does_not_explain(
    client: FlaskClient, instance: Path
) -> None:
    assert client.post("/api/predict", json=HOUR).status_code == 200
    (instance / "models" / "1" / "trees.npz").unlink()
    assert client.post("/api/predict", json=HOUR).status_code == 200
    refused = client.post("/api/predict?explain=true", json=HOUR)
    assert refused.status_code == 503
    assert "trees.npz" in refused.get_json()["detail"]
