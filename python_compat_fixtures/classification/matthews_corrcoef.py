"""Correlation of predicted and true labels."""

from dataclasses import replace

from cases import Case, Stem, play, same
from confusion_family import Member, write_member


def floating(case: Case) -> Case:
    """Expect a float where torchmetrics gives an integer."""
    as_float = lambda batches: play(case.metric, case.options, batches)[1].float()
    forward, final = case.forward_by or (lambda b: as_float([b])), case.final_by or as_float
    if case.final_by:
        return replace(case, forward_by=lambda b: forward(b).float(), final_by=lambda bs: final(bs).float())
    theirs = play(case.metric, case.options, case.batches)[:2]
    if same(list(theirs), [[forward(b) for b in case.batches], final(case.batches)]):
        return case
    return replace(
        case, reason="a perfect score is as floating as any; torchmetrics gives the integers 1 and -1",
        reference="torchmetrics, as float32", forward_by=forward, final_by=final,
    )


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("MatthewsCorrCoef", "matthews_corrcoef", settled=floating))
