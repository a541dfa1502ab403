"""The greatest sensitivity where specificity is at least a minimum."""

from cases import Stem
from threshold_scans import best_of_roc, write_at_fixed


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    search = best_of_roc("sensitivity", "min_specificity")
    write_at_fixed(stem, "SensitivityAtSpecificity", "sensitivity_at_specificity", "min_specificity", search)
