"""Shares of right positives among those predicted, and among those that are."""

from cases import Stem
from stat_scores_family import Member, write_member

NEGATIVES = {("ignore_index", 0): "recall looks at no negatives"}


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("Precision", "precision"))
    write_member(stem, Member("Recall", "recall", excused=NEGATIVES))
