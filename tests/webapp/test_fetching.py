"""A version that another machine has trained is fetched, and served if it is what was stored."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from training import artefact_store
from training.artefact import METADATA, BrokenArtefact
from webapp import fetching, predictor, queries, retraining, versions

pytestmark = pytest.mark.postgres


@pytest.fixture
def elsewhere(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the champion's artefact is, in place of MLflow; on this machine there is none."""
    app.config["VLIB_MLFLOW_TRACKING_URI"] = "http://127.0.0.1:1"

    def download(_run_id: str | None, draft: Path) -> None:
        shutil.copytree(tmp_path / "elsewhere", draft)

    monkeypatch.setattr(fetching, "_download", download)
    with app.app_context():
        yield versions.directory(1).rename(tmp_path / "elsewhere")


def test_a_champion_that_is_not_here_is_fetched(elsewhere: Path) -> None:
    current = predictor.current()
    assert (current.coming, current.serving) == (True, None)
    assert predictor.missing() == ["model 1 is being fetched; no model serves"]
    current.mend()
    assert current.serving is not None and current.problem is None
    assert {path.name for path in elsewhere.iterdir()} <= {
        path.name for path in versions.directory(1).iterdir()
    }


def test_what_is_not_what_was_stored_never_serves(elsewhere: Path) -> None:
    (elsewhere / METADATA).write_text("{}")
    current = predictor.current()
    current.mend()
    assert (current.serving, current.coming) == (None, False)
    assert current.problem is not None and "its checksum is not the stored one" in current.problem
    assert not versions.directory(1).exists()
    assert not list(versions.folder().glob(f"{fetching.DRAFT}*"))


def test_a_damaged_file_is_replaced(app: Flask, elsewhere: Path) -> None:
    shutil.copytree(elsewhere, versions.directory(1))
    current = predictor.current()
    assert current.serving is not None
    (versions.directory(1) / METADATA).write_text("{}")
    current.refresh()
    assert current.problem is not None
    current.mend()
    assert current.problem is None
    assert (versions.directory(1) / METADATA).read_text() != "{}"


def test_what_was_pruned_here_can_be_activated(elsewhere: Path) -> None:
    assert retraining.activate(1, "it is back", "cli")["status"] == "champion"
    assert versions.directory(1).is_dir()


def test_a_store_that_is_away_is_named(app: Flask) -> None:
    app.config["VLIB_MLFLOW_TRACKING_URI"] = "http://127.0.0.1:1"
    with app.app_context():
        shutil.rmtree(versions.directory(1))
        with pytest.raises(BrokenArtefact, match="127.0.0.1:1: .*Connection refused"):
            fetching.fetch(1, versions.directory(1))


def test_it_is_fetched_from_the_artefact_store(app: Flask, tmp_path: Path) -> None:
    app.config["VLIB_ARTEFACT_STORE"] = address = (tmp_path / "shared").as_uri()
    with app.app_context():
        directory, checksums = versions.directory(1), queries.checksums(1)
        run_id = queries.mlflow_run_of(1)
        assert run_id is not None
        artefact_store.publish(address, run_id, directory, checksums)
        shutil.rmtree(directory)
        predictor.current().mend()
        assert predictor.missing() == []
        assert {path.name for path in directory.iterdir()} >= checksums.keys()


@pytest.mark.parametrize(
    ("address", "reason"),
    [("file:///nowhere", "No such file"), ("s3://bucket/vlib", "s3fs"), ("odd://", "Protocol")],
)
def test_an_artefact_store_that_is_away_is_named(app: Flask, address: str, reason: str) -> None:
    app.config["VLIB_ARTEFACT_STORE"] = address
    with app.app_context():
        shutil.rmtree(versions.directory(1))
        with pytest.raises(BrokenArtefact, match=f"artefact store can't be used: .*{reason}"):
            fetching.fetch(1, versions.directory(1))
