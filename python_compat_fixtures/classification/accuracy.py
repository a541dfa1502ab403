"""Share of correct predictions."""

from cases import Stem
from stat_scores_family import write_family


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_family(stem, "Accuracy", "accuracy")
