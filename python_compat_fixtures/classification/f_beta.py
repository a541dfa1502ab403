"""Weighted means of precision and recall."""

from cases import Case, Misuse, Stem
from labelled import binary
from stat_scores_family import Member, write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("F1Score", "f1_score"))
    too_large = "torchmetrics squares beta when it computes, which overflows"
    wrong = {"beta": [(0.0, None), (-1.0, None), ("two", None), (None, None), (1e200, too_large)]}
    write_member(stem, Member("FBetaScore", "fbeta_score", given={"beta": 2.0}, arguments={"beta": [2.0, 0.5]}, wrong=wrong))
    for task in ("Binary", "Multiclass", "Multilabel"):
        counts = {"num_classes": 3} if task == "Multiclass" else {"num_labels": 3} if task == "Multilabel" else {}
        stem.refuse(Misuse(f"{task}FBetaScore/no beta", f"{task}FBetaScore", counts, "beta"))
    options = {"task": "binary", "beta": 0.5}
    stem.add(Case("FBetaScore/task=binary, beta=0.5", "FBetaScore", options, binary("FBetaScore/beta", "labels"), "fbeta_score"))
