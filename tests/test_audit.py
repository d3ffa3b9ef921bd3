"""The audit of the locked packages, with a service played by the test."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).parent.parent / ".ci" / "audit.py"
HOLE = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
UNFIXED = HOLE | {"fix_versions": []}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("audit", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(*vulns: dict[str, Any]) -> dict[str, Any]:
    return {"name": "some", "version": "1.0", "vulns": list(vulns)}


@pytest.mark.parametrize(
    ("probed", "locked", "status", "said"),
    [
        ([], [], 0, "SKIPPED"),
        ([package()], [package(HOLE)], 0, "SKIPPED"),
        ([{"name": "jinja2", "skip_reason": "not found"}], [package()], 0, "SKIPPED"),
        ([package(HOLE)], [], 0, "SKIPPED"),
        ([package(HOLE)], [package()], 0, "1 packages, 0 known holes"),
        ([package(HOLE)], [package(HOLE)], 1, "some 1.0 has PYSEC-1, fixed in 2.0"),
        ([package(HOLE)], [package(UNFIXED)], 0, "some 1.0 has PYSEC-1, fixed in nowhere yet"),
    ],
)
def test_only_a_hole_with_a_fix_fails(
    audit: ModuleType, capsys: pytest.CaptureFixture[str], probed, locked, status: int, said: str
) -> None:
    asked = iter([probed, locked])
    assert audit.main(lambda path, seconds: next(asked)) == status
    assert said in capsys.readouterr().out


def test_a_pip_audit_that_fails_has_found_nothing(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit.sys, "executable", "/nowhere/python")
    assert audit.ask(audit.LOCKED, 1) == []
