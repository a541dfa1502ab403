"""Tschuprow's T."""

import numpy as np
from associations import YATES, Member, corrected, phi_squared, write as write_member
from cases import Stem


def by_definition(table: np.ndarray, options: dict) -> float:
    """Compute it of a table."""
    with np.errstate(all="ignore"):
        if options.get("bias_correction", True):
            phi, rows, columns = corrected(table)
            return float("nan") if min(rows, columns) == 1 else float(np.clip(np.sqrt(phi / np.sqrt((rows - 1) * (columns - 1))), 0, 1))
        rows, columns = table.shape
        return float(np.clip(np.sqrt(np.float64(phi_squared(table, False)) / np.sqrt(float((rows - 1) * (columns - 1)))), 0, 1))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("TschuprowsT", "tschuprows_t", by_definition, corrects=True, differs={"nearly independent": YATES, "independent": YATES, "two values": YATES}))
