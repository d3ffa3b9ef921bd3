"""What may import what, and what an import may do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WEB_WORKER_NEVER_LOADS = ("mlflow", "sklearn", "skl2onnx", "skops", "matplotlib")


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, at its top or inside, relative ones resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_training_knows_nothing_of_the_web() -> None:
    for path in files("training"):
        tops = {name.split(".")[0] for name in imported(path)}
        assert not tops & {"webapp", "flask", "dash"}, path


@pytest.mark.parametrize(
    ("library", "home"),
    [("mlflow", "training/tracking.py"), ("apscheduler", "webapp/scheduler.py")],
)
def test_a_library_has_one_home(library: str, home: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in [*files("training"), *files("webapp")]
        if library in {name.split(".")[0] for name in imported(path)}
    }
    assert users == {home}


def test_dashboard_reads_through_queries_alone() -> None:
    for path in files("webapp/dashboard"):
        names = imported(path)
        assert not {name for name in names if name.split(".")[0] == "sqlalchemy"}, path
        assert "webapp.models" not in names, path


def test_importing_and_building_the_app_has_no_effect(tmp_path: Path) -> None:
    code = f"""
import sys, threading
from webapp import create_app
create_app({{"VLIB_INSTANCE_PATH": {str(tmp_path / "none")!r}}})
assert threading.active_count() == 1, threading.enumerate()
loaded = [name for name in {WEB_WORKER_NEVER_LOADS!r} if name in sys.modules]
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "none").exists()


def test_no_import_cycles() -> None:
    graph = {}
    for path in [*files("training"), *files("webapp")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        graph[module] = imported(path)
    modules = set(graph)

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        for other in sorted(graph.pop(module, set()) & modules):
            # A package's __init__ is loaded before its modules by any import of them.
            if not module.startswith(f"{other}."):
                visit(other, (*trail, module)) if other in graph else None

    for module in sorted(modules):
        visit(module, ())
