"""The greatest precision where recall is at least a minimum."""

from cases import Stem
from threshold_scans import best_of_precision_recall, write_at_fixed


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    search = best_of_precision_recall("precision", "min_recall")
    write_at_fixed(stem, "PrecisionAtFixedRecall", "precision_at_fixed_recall", "min_recall", search)
