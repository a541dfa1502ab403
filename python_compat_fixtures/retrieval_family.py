"""What every retrieval metric over relevant documents is tried with: its misuse, its cases."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from cases import Case, Misuse, Stem, pairwise
from draws import Draws
from rankings import EMPTY, TIES, documents, mean_over_queries, one_query, with_ties, without_copies, without_relevant

BY_SORTING = "the values by Python's sort, added without rounding"
ROUNDED = "scores are compared as they are given; torchmetrics rounds float64 ones to float32"
COPIES = "a sample that comes again counts once; torchmetrics knows of no sample ids"


@dataclass
class Member:
    """A metric of the family."""

    metric: str
    functional: str
    formula: Callable  # of (score, relevance) from the first to the last
    ranks: dict = field(default_factory=dict)  # options with which a value depends on the order of documents
    unchecked: str | None = None  # why torchmetrics takes a top_k that means nothing
    sign: str | None = None  # why scores that are not above 0 give other values here


def misuses(stem: Stem, metric: str, unchecked: str | None) -> None:
    """Write what must be refused."""
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, list(batches), **more))
    taken = {"reason": unchecked} if unchecked else {}
    refuse("unknown option", {"topk": 3}, "topk")
    for value in ("none", "", "NEG", 1, None):
        refuse(f"empty_target_action={value!r}", {"empty_target_action": value}, "empty_target_action")
    for value in ("all", 0.5):
        refuse(f"ignore_index={value!r}", {"ignore_index": value}, "ignore_index")
    for value in ("sum", "", 2, None):
        refuse(f"aggregation={value!r}", {"aggregation": value}, "aggregation")
    for value in (0, -1):
        refuse(f"top_k={value!r}", {"top_k": value}, "top_k", **taken)
    for value in ("all", 1.5):
        refuse(f"top_k={value!r}", {"top_k": value}, "top_k", **(taken if value == 1.5 else {}))
    good = documents("misuse", (6,))[0]
    bad = lambda name, word, options=None, **inputs: refuse(name, options or {}, word, [good, {**good, **inputs}])
    refuse("no indexes", {}, "indexes", [good, {k: v for k, v in good.items() if k != "indexes"}])
    refuse("unknown input", {}, "query", [good, {**good, "query": good["indexes"]}])
    bad("indexes None", "indexes", indexes=None)
    bad("indexes int32", "indexes", indexes=good["indexes"].int())
    bad("indexes floating", "indexes", indexes=good["indexes"].float())
    bad("indexes of another shape", "indexes", indexes=good["indexes"][:5])
    bad("a column of indexes", "indexes", indexes=good["indexes"].unsqueeze(1))
    bad("target of another shape", "target", target=good["target"][:5])
    bad("integer scores", "preds", preds=good["target"])
    bad("a number as scores", "preds", preds=0.5)
    bad("target above 1", "target", target=good["target"] * 2)
    bad("target below 0", "target", target=good["target"] - 1)
    bad("target above 1, floating", "target", target=good["target"] * 1.5)
    bad("another target than the one ignored", "target", {"ignore_index": -1}, target=good["target"] - 2 * (torch.arange(6) == 1) - (torch.arange(6) == 4).long())
    refuse("scalars", {}, "dimension", [good, {"preds": torch.tensor(0.5), "target": torch.tensor(1), "indexes": torch.tensor(0)}])
    empty = without_relevant(documents("misuse/empty", (8,)), 2)
    refuse("empty_target_action=error, a query without a relevant document", {"empty_target_action": "error"}, "query 2", [{**one_query([good])[0], "target": torch.ones_like(good["target"])}, *empty], at="compute")


def write(stem: Stem, member: Member) -> None:
    """Write a member's cases."""
    misuses(stem, member.metric, member.unchecked)
    case = lambda name, options, batches, **more: stem.add(Case(f"{member.metric}/{name}", member.metric, {**member.ranks, **options}, batches, **more))
    exact = lambda bs: mean_over_queries(bs, member.formula)
    by = {"reference": BY_SORTING, "forward_by": lambda b: exact([b]), "final_by": exact}
    signed = {"reason": member.sign, **by} if member.sign else {}
    case("queries", {}, documents("queries"))
    case("many queries", {}, documents("many", (30, 50, 40), 45))
    case("a document each", {}, documents("each", (12,), 1000, relevant=2))
    case("two dimensions", {}, [{k: v.reshape(-1, 3) for k, v in b.items()} for b in documents("shapes", (9, 3, 12))])
    case("a row for each query", {}, [{**b, "indexes": torch.arange(len(b["indexes"]) // 4).repeat_interleave(4)} for b in documents("rows", (12, 8))])
    logits = documents("logits", (12, 1, 20), 3, "logits", 6)
    case("logits", {}, logits, **signed)
    case("no score above 0", {}, [{**b, "preds": b["preds"] - 8} for b in logits], **signed)
    case("negative distances", {}, [{"preds": torch.tensor([-0.2, -0.9, -0.8, -0.1]), "target": torch.tensor([1, 1, 0, 0]), "indexes": torch.tensor([0, 1, 0, 1])}], **signed)
    negative = one_query(documents("logits/one", (7,), 1, "logits", 4))
    case("one query, no score above 0", {}, [{**b, "preds": b["preds"] - 8} for b in negative], functional=member.functional, **signed)
    case("a score of 0", {}, [{"preds": torch.tensor([0.0, -0.5, 0.25]), "target": torch.tensor([1, 0, 0]), "indexes": torch.zeros(3).long()}], **signed)
    infinite = [{"preds": torch.tensor([math.inf, -math.inf, 1.0, 2.0]), "target": torch.tensor([0, 1, 1, 0]), "indexes": torch.tensor([5, 5, 5, 5])}]
    case("infinite scores", {}, infinite)
    case("a NaN score", {}, [{**infinite[0], "preds": torch.tensor([1.0, math.nan, 0.5, math.inf])}])
    for dtype in (torch.bool, torch.int32, torch.float32, torch.float64):
        case(f"target {str(dtype)[6:]}", {}, [{**b, "target": b["target"].to(dtype)} for b in documents("target")])
    case("graded target", {}, [{**b, "target": b["target"] * Draws("retrieval/graded").probabilities(len(b["target"]))} for b in documents("graded")])
    case("scores float64", {}, [{**b, "preds": b["preds"].double()} for b in documents("double")])
    far = torch.tensor([-(2**63), 2**63 - 1, -1, 2**40])
    case("any numbers as queries", {}, [{**b, "indexes": far[b["indexes"]]} for b in documents("far")])
    case("700 documents of 3 queries", {}, documents("sorted/700", (700, 5), 3, "logits", 9))
    case("1300 documents of 90 queries", {}, documents("sorted/1300", (1300, 5), 90, "logits", 9), **signed)

    some = without_relevant(without_relevant(documents("empty", (12, 1, 15), 5, relevant=2), 1), 3)
    for action in ("skip", "neg", "pos"):
        case(f"empty_target_action={action}", {"empty_target_action": action}, some)
    nothing = [{**b, "target": torch.zeros_like(b["target"])} for b in some]
    for action in ("skip", "pos"):
        case(f"empty_target_action={action}, nothing relevant", {"empty_target_action": action}, nothing)
    case("empty_target_action=error", {"empty_target_action": "error"}, [{**b, "target": torch.ones_like(b["target"])} for b in some])
    ignored = [{**b, "target": torch.where(Draws(f"retrieval/ignored/{i}").integers(len(b["target"]), 0, 3) == 0, -1, b["target"])} for i, b in enumerate(documents("ignored", (12, 9)))]
    case("ignore_index=-1", {"ignore_index": -1}, ignored)
    case("ignore_index=0", {"ignore_index": 0}, documents("ignored/0", (9, 14)))
    found = lambda bs: mean_over_queries(bs, member.formula, 0)
    case("a batch that is ignored", {"ignore_index": 0}, [*documents("ignored/all", (9, 1)), {k: v[:1] * 0 for k, v in ignored[0].items()}], **{**by, "forward_by": lambda b: found([b]), "final_by": found, "reason": EMPTY})
    few = documents("top", (20, 16), 3, relevant=7)
    for k in (1, 2, 3, 100):
        case(f"top_k={k}", {"top_k": k}, few)
    for aggregation in ("mean", "median", "min", "max"):
        for count in (4, 5):
            case(f"aggregation={aggregation}, {count} queries", {"aggregation": aggregation}, documents(f"aggregation/{count}", (20, 13), count))
    arguments = {"empty_target_action": ["skip", "neg", "pos"], "ignore_index": [None, -1], "top_k": [None, 1, 2], "aggregation": ["mean", "median", "min", "max"]}
    for i, options in enumerate(pairwise(Draws("retrieval/pairs"), arguments)):
        batches = without_relevant(documents(f"pairs/{i}", (15, 11), 5, relevant=4), 2)
        batches = [{**b, "target": torch.where((torch.arange(len(b["target"])) % 5 == 1) & (options["ignore_index"] is not None), -1, b["target"])} for b in batches]
        case(f"pair {i}", options, batches)

    for k in (None, 2):
        query = one_query(documents(f"one/{k}", (8, 3), relevant=4), 3)
        case(f"one query, top_k={k}", {"top_k": k} if k else {}, query, functional=member.functional)
    case("one query, nothing relevant", {}, [{**b, "target": torch.zeros_like(b["target"])} for b in query], functional=member.functional)

    ties = with_ties(documents("ties", (20, 1, 17), 2, relevant=2))
    case("ties", {}, ties, reason=TIES, **by)
    case("ties, one query", {}, one_query(with_ties(documents("ties/query", (20, 1, 17), 2, relevant=2))), functional=member.functional, reason=TIES, **by)
    case("ties, many documents", {}, with_ties(documents("ties/many", (800, 40), 300, relevant=2)), reason=TIES, **by)
    case("ties of which none matters", {}, [{"preds": torch.tensor([0.5, 0.5, 0.75]), "target": torch.tensor([0, 0, 1]), "indexes": torch.tensor([1, 1, 1])}])
    near = [{"preds": torch.tensor([0.75, 0.5, 0.5 + 2**-40, 0.25], dtype=torch.float64), "target": torch.tensor([0, 0, 1, 0]), "indexes": torch.zeros(4).long()}]
    case("scores that float32 cannot tell apart", {}, near, reason=ROUNDED, **by)

    case("an empty batch", {}, documents("nothing", (5, 0, 4)), reason=EMPTY, **by)
    ids = lambda batches, name: list(torch.tensor(Draws(f"retrieval/ids/{name}").shuffled(range(sum(len(b["preds"]) for b in batches)))).split([len(b["preds"]) for b in batches]))
    once = documents("again/2", (9, 1, 14), relevant=4)
    case("sample ids, each once", {}, once, ids=ids(once, "once"))
    again = [*once, {k: v.flip(0) for k, v in once[0].items()}, {k: torch.cat([once[2][k][:3], once[1][k]]) for k in once[0]}]
    first, second, third = ids(once, "again")
    repeated = [first, second, third, first.flip(0), torch.cat([third[:3], second])]
    alone = {"forward_by": lambda b: exact([b]), "final_by": lambda bs: exact(without_copies(bs, repeated))}
    case("sample ids, some again", {}, again, ids=repeated, reason=COPIES, **{**by, **alone})
    six, four, three = torch.tensor([1, 0, 1, 1, 0, 1]).bool(), torch.tensor([0, 1, 1, 0]).bool(), torch.tensor([1, 1, 0]).bool()
    case("rows that do not count", {}, documents("valid", (6, 4)), valid=[six, four])
    case("rows that do not count, in two dimensions", {}, [{k: v.reshape(-1, 2) for k, v in b.items()} for b in documents("valid/2", (12, 6))], valid=[six, three])
    stem.require(member.metric, {**arguments, "empty_target_action": ["neg", "skip", "pos", "error"], "ignore_index": [None, -1, 0], "top_k": [None, 1, 2]})
