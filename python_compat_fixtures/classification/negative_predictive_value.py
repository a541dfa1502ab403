"""Share of right negatives among those predicted."""

from cases import Stem
from stat_scores_family import Member, heeds_as_functional, write_member

DROPPED = {("zero_division", 1): "torchmetrics' class drops it; the cases that state this difference show it"}


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("NegativePredictiveValue", "negative_predictive_value", settled=heeds_as_functional, excused=DROPPED))
