"""Homogeneity, completeness and their harmonic mean."""

from cases import Misuse, Stem
from clusterings import Member, write as write_member

NONE_SHARED = "clusterings that tell nothing of one another have a harmonic mean of 0; torchmetrics gives 1"
BETAS = (0.5, 2.0, 1e-3)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    for metric, functional in (("HomogeneityScore", "homogeneity_score"), ("CompletenessScore", "completeness_score")):
        write_member(stem, Member(metric, functional, f"sklearn.metrics.{functional}"))
    metric = "VMeasureScore"
    for beta in (0.0, -1.0):
        stem.refuse(Misuse(f"{metric}/beta={beta}", metric, {"beta": beta}, "beta"))
    differs = {name: NONE_SHARED for name in ("one cluster predicted", "independent")}
    write_member(stem, Member(metric, "v_measure_score", "sklearn.metrics.v_measure_score", [{"beta": b} for b in BETAS], differs=differs))
    stem.require(metric, {"beta": list(BETAS)})
