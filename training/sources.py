"""Where histories come from: the embedded one, or any CSV with the same columns."""

from pathlib import Path

import pandas as pd

from training.schema import InvalidHistory, check_history

EMBEDDED = Path(__file__).parents[1] / "data" / "bike-sharing-washington.csv"


def embedded_history() -> pd.DataFrame:
    """Return the embedded history of Washington D.C., 2011 and 2012 (see data/README.md)."""
    return read_csv(EMBEDDED)


def read_csv(path: Path) -> pd.DataFrame:
    """Return the checked history of a CSV file.

    Raises
    ------
    InvalidHistory
        The file is no CSV, or a row is wrong; the message starts with the path.
    OSError
        The file can't be read.
    """
    try:
        # Only an empty cell is unknown: the text "NA" is a mistake to be named.
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
        return check_history(frame)
    except (InvalidHistory, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError) as error:
        raise InvalidHistory(f"{path}: {error}") from error
