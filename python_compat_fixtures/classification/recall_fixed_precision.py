"""The greatest recall where precision is at least a minimum."""

from cases import Stem
from threshold_scans import best_of_precision_recall, write_at_fixed


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    search = best_of_precision_recall("recall", "min_precision")
    write_at_fixed(stem, "RecallAtFixedPrecision", "recall_at_fixed_precision", "min_precision", search)
