"""Share of the negatives that are predicted so."""

from cases import Stem
from stat_scores_family import Member, write_member

POSITIVES = {("ignore_index", 1): "specificity looks at no positives"}


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("Specificity", "specificity", divides=False, excused=POSITIVES))
