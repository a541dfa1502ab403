"""True positives, false positives, true negatives, false negatives and support."""

from cases import Stem
from stat_scores_family import write_family


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_family(stem, "StatScores", "stat_scores")
