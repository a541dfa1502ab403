"""Precision averaged over the gains of recall."""

from cases import Stem
from curves_family import write_curves


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_curves(stem, "AveragePrecision", "average_precision")
