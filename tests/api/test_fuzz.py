"""Ten thousand bad requests from one seed: none is a 5xx, none is told back what it said."""

import json
import random
from typing import Any

from flask.testing import FlaskClient

MARKER = "Zq9xMARKx9qZ"
POSTS = [
    "/api/predict",
    "/api/predict/batch",
    "/api/observations",
    "/api/retrain",
    "/api/models/1/activate",
]
LISTINGS = ["/api/predictions", "/api/observations", "/api/models", "/api/retrain", "/api/model"]
PARAMETERS = ["limit", "cursor", "from", "to", "source", "model_version", "other"]
FIELDS = ["datetime", "weather", "temperature", "humidity", "windspeed", "as_of", "items", "reason"]
VALUES: list[Any] = [
    MARKER,
    f"2012-12-25T{MARKER}",
    f"\ud800{MARKER}\x00",
    [MARKER],
    {MARKER[:0]: MARKER},
    {"a": {"b": [MARKER] * 3}},
    None,
    True,
    -1,
    1e308,
    float("nan"),
    float("-inf"),
    10**300,
    "",
    [],
    {},
]


def bad_json(chance: random.Random) -> str:
    """Return JSON that no call takes: there is always an unknown field."""
    fields = {name: chance.choice(VALUES) for name in chance.sample(FIELDS, 4)}
    return json.dumps(fields | {"unknown": chance.choice(VALUES)})


def bad_body(chance: random.Random) -> bytes:
    text = bad_json(chance)
    cut = chance.randrange(1, len(text))
    return chance.choice(
        [
            text.encode(),
            text[:cut].encode(),
            text[cut:].encode(),
            text.encode("utf-16"),
            chance.randbytes(40) + MARKER.encode(),
            ("[" * 40 + text + "]" * 40).encode(),
            ("[" * chance.randrange(900, 9000)).encode(),
            ("-" * chance.randrange(2) + "9" * 4000).encode(),
            text.replace(":", ": 1" + "0" * 5000 + ', "x":', 1).encode(),
            ("{" + text[1:-1] + "," + text[1:-1] + "}").encode(),
            b"[" + b"1," * 7000 + b"1]",
            MARKER.encode() * 2000,
        ]
    )


def bad_request(chance: random.Random) -> dict[str, Any]:
    """Return the arguments of a request that deserves a 4xx."""
    if chance.random() < 0.3:
        name = chance.choice(PARAMETERS)
        value = chance.choice([MARKER, f"%00{MARKER}%ff", f"9{MARKER}", f"2012-01-01T{MARKER}"])
        query = f"{name}={value}"
        return {"path": chance.choice(LISTINGS), "query_string": query, "method": "GET"}
    if chance.random() < 0.1:
        path = f"/api/{chance.choice(['', 'predictions/', 'retrain/', 'models/'])}{MARKER}"
        return {"path": path, "method": chance.choice(["GET", "POST", "PATCH", "DELETE", "BREW"])}
    kind = "application/json" if chance.random() < 0.8 else f"text/{MARKER}"
    headers = {"Idempotency-Key": f"{MARKER} {MARKER}"} if chance.random() < 0.1 else {}
    return {
        "path": chance.choice(POSTS),
        "method": "POST",
        "data": bad_body(chance),
        "content_type": kind,
        "headers": headers,
    }


def test_ten_thousand_bad_requests(client: FlaskClient, admin: dict[str, str]) -> None:
    chance = random.Random(20121225)
    for number in range(10_000):
        asked = bad_request(chance)
        headers = asked.pop("headers", {}) | (admin if chance.random() < 0.8 else {})
        answer = client.open(**asked, headers=headers)
        assert 400 <= answer.status_code < 500, (number, asked, answer.data)
        assert answer.mimetype == "application/problem+json", (number, asked)
        assert answer.json["request_id"] == answer.headers["X-Request-ID"]
        assert MARKER not in answer.text, (number, asked, answer.data)
        assert MARKER not in str(answer.headers), (number, asked)
        if answer.status_code == 422:
            pointers = [error["pointer"] for error in answer.json["errors"]]
            assert pointers, (number, asked)
            assert all(not pointer or pointer.startswith("/") for pointer in pointers)
