"""Agreement beyond chance."""

from cases import Stem
from confusion_family import Member, write_member

SPELLED = {("weights", "none"): "another spelling of None"}
OF_TWO = {("weights", w): "two labels have one distance" for w in ("linear", "quadratic")}


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    member = Member(
        "CohenKappa", "cohen_kappa", tasks=("binary", "multiclass"),
        arguments={"weights": [None, "linear", "quadratic", "none"]},
        wrong={"weights": [("cubic", None), (2, None)]},
        excused=SPELLED, excused_of_binary=OF_TWO,
    )
    write_member(stem, member)
