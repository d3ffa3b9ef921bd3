"""Look for known holes in what is locked; say SKIPPED where nobody can tell.

``pip-audit`` that reaches no service says "no known vulnerabilities", having looked at nothing.
So it is asked first about a release that is known to have some.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOCKED = Path(__file__).parent.parent / "requirements-cluster.txt"  # all that may serve and train
KNOWN = "jinja2==2.4.1"  # PYSEC-2014-8 and later ones
OPTIONS = ["--disable-pip", "--no-deps", "--format=json", "--progress-spinner=off", "--timeout=5"]

Dependency = dict[str, Any]
Ask = Callable[[Path, int], list[Dependency]]


def ask(requirements: Path, seconds: int) -> list[Dependency]:
    """Return what pip-audit says of each requirement; nothing if it fails or takes too long."""
    command = [Path(sys.executable).with_name("pip-audit"), *OPTIONS, "-r", requirements]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)  # noqa: S603
        found: list[Dependency] = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        return []
    return found


def main(ask: Ask = ask) -> int:
    """Print the holes, or why none were looked for; return 1 if one has a fix."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as probe:
        probe.write(KNOWN)
        probe.flush()
        if not any(item.get("vulns") for item in ask(Path(probe.name), 15)):
            print(f"Audit SKIPPED: no service answers that knows the holes of {KNOWN}.")
            return 0
    found = ask(LOCKED, 45)
    if not found:
        print("Audit SKIPPED: the service did not answer for what is locked within 45 s.")
        return 0
    holes = [(item, hole) for item in found for hole in item.get("vulns", [])]
    for item, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "nowhere yet"
        print(f"{item['name']} {item['version']} has {hole['id']}, fixed in {fixed}")
    for item in found:
        if "skip_reason" in item:
            print(f"Audit SKIPPED for {item['name']}: {item['skip_reason']}")
    print(f"Audit: {len(found)} packages, {len(holes)} known holes.")
    return int(any(hole["fix_versions"] for _, hole in holes))


if __name__ == "__main__":
    sys.exit(main())
