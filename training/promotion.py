"""Whether a challenger becomes champion; pure."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome and its reason, as the receipt shows it."""

    status: Literal["promoted", "kept", "rejected"]
    reason: str


def decide(
    challenger: dict[str, float],
    champion: dict[str, float] | None,
    baseline: dict[str, float],
) -> Decision:
    """Decide by MAE on the same newest hours: only strictly better than both is promoted.

    `champion` is None where nothing serves yet: then anything that predicts is promoted, and the
    reason says how it compares with the baseline.
    """
    mae, naive = challenger["mae"], baseline["mae"]
    if not math.isfinite(mae):
        return Decision("rejected", f"the challenger's MAE is {mae}")
    versus = f"MAE {mae:.2f}, seasonal-naive {naive:.2f}"
    if champion is None:
        return Decision("promoted", f"nothing served yet; {versus}")
    versus += f", champion {champion['mae']:.2f}"
    if mae >= champion["mae"]:
        return Decision("kept", f"not better than the champion: {versus}")
    if mae >= naive:
        return Decision("kept", f"not better than the baseline: {versus}")
    return Decision("promoted", f"better than champion and baseline: {versus}")
