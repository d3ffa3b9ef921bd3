from pathlib import Path

import pandas as pd
import pytest

from training import report


def test_page_has_every_protocol_and_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(
        frame: pd.DataFrame, splits: list[report.Split], horizons: tuple[int | None, ...]
    ) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
        parts = []
        for number, (_, test) in enumerate(splits):
            part = frame.iloc[test][["datetime", "rentals"]].rename(columns={"rentals": "actual"})
            parts.append(
                part.assign(split=number, predicted=100.0, lower=0.0, upper=300.0, one_width=9.0)
            )
        return [(pd.concat(parts), pd.concat(parts)) for _ in horizons]

    monkeypatch.setattr(report, "backtests", made)
    # Boosting takes its time, and is scikit-learn's to test.
    monkeypatch.setattr(report, "_others", lambda frame, splits: iter(()))
    monkeypatch.setattr(report, "_lagged", lambda frame, splits: made(frame, splits, (1,))[0][0])
    page = tmp_path / "accuracy.md"
    monkeypatch.setattr(
        "sys.argv", ["report", "--output", str(page), "--protocol", "cyclic", "next-year"]
    )
    report.main()
    lines = page.read_text().splitlines()
    for protocol in ("cyclic", "next-year"):
        for horizon in ("1 h", "24 h", "48 h", "168 h", "none"):
            assert any(line.startswith(f"| {protocol} | {horizon} | **Vlib**") for line in lines)
    assert "## What was tried and did not help" in lines
