"""What may import what, and what an import may do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WEB_WORKER_NEVER_LOADS = ("mlflow", "sklearn", "skl2onnx", "skops", "matplotlib")


class WithoutTypeChecking(ast.NodeTransformer):
    """Leaves out what is imported for the type checker alone."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        checking = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if checking else self.generic_visit(node)


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, at its top or inside, relative ones resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    names: set[str] = set()
    for node in ast.walk(WithoutTypeChecking().visit(ast.parse(path.read_text()))):
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
    [
        ("mlflow", "training/tracking.py"),
        ("apscheduler", "webapp/scheduler.py"),
        ("distributed", "training/cluster.py"),
    ],
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


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other in a ring; empty if none do."""
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for other in sorted(graph[module]):
            if cycle := visit(other, [*trail, module]):
                return cycle
        done.add(module)
        return []

    return next((cycle for module in sorted(graph) if (cycle := visit(module, []))), [])


def test_find_cycle_finds_one() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_no_import_cycles() -> None:
    graph = {}
    for path in [*files("training"), *files("webapp")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        graph[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = imported(path)
    packages = {name for name in graph if any(other.startswith(f"{name}.") for other in graph)}
    # A package's __init__ comes before its modules whoever imports them; that is no ring.
    edges = {name: (found & set(graph)) - packages for name, found in graph.items()}
    assert find_cycle(edges) == []
