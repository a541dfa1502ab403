"""The greatest specificity where sensitivity is at least a minimum."""

from cases import Stem
from threshold_scans import best_of_roc, write_at_fixed


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    search = best_of_roc("specificity", "min_sensitivity")
    write_at_fixed(stem, "SpecificityAtSensitivity", "specificity_at_sensitivity", "min_sensitivity", search)
