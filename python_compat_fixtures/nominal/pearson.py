"""Pearson's contingency coefficient."""

import numpy as np
from associations import Member, phi_squared, write as write_member
from cases import Stem


def by_definition(table: np.ndarray, options: dict) -> float:
    """Compute it of a table."""
    phi = phi_squared(table, False)
    return float(np.sqrt(phi / (1 + phi)))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("PearsonsContingencyCoefficient", "pearsons_contingency_coefficient", by_definition))
