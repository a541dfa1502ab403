"""Intersection over union of targets and predictions."""

import inspect
from dataclasses import replace

from cases import Case, Stem, concatenated, copied, find_functional, play, same
from confusion_family import Member, write_member
from stat_scores_family import AVERAGE_WRONG, AVERAGES, ILL_TYPED


def without_functional(case: Case) -> Case:
    """Leave the functional out where torchmetrics' takes `ignore_index` for a label, which its class does not."""
    if case.final_by:
        return case  # what is expected of the class is of the functional, too
    function = find_functional(case.functional)
    accepted = {k: v for k, v in case.options.items() if k in inspect.signature(function).parameters}
    value = function(**copied(concatenated(case.batches)), **accepted)
    return case if same(value, play(case.metric, case.options, case.batches)[1], 1e-6, 1e-7) else replace(case, functional=None)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    averages = ["macro", *(a for a in AVERAGES if a != "macro")]
    member = Member(
        "JaccardIndex", "jaccard_index", arguments={"zero_division": [0, 1, 0.5]}, of_labels={"average": averages},
        wrong=AVERAGE_WRONG | {"zero_division": [("half", ILL_TYPED)]}, settled=without_functional,
    )
    write_member(stem, member)
