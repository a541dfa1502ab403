"""What every retrieval metric is tried with: its misuse, its cases."""

import math
from dataclasses import dataclass, field

import torch
from cases import Case, Misuse, Stem, gives, pairwise
from draws import Draws
from rankings import EMPTY, TIES, documents, one_query, over_queries, with_ties, without_copies, without_relevant

BY_SORTING = "the values by Python's sort, added without rounding"
ROUNDED = "scores are compared as they are given; torchmetrics rounds float64 ones to float32"
COPIES = "a sample that comes again counts once; torchmetrics knows of no sample ids"
SIGN = "a score's sign means nothing in a ranking, and negative distances are scores; torchmetrics does not find relevant documents whose score is not above 0"
NEVER = "torchmetrics tests `not int and <= 0`, which is never true"
NO_GRADES = "a gain with negative relevances has no bounds, and one with NaN no value; torchmetrics takes any"
WEIGHTS = "queries have weights here; torchmetrics knows of none"
NAN_FIRST = "NaN is the greatest score in every ranking; torchmetrics ranks it last here"
ABOVE_0 = "all relevances above 0 are relevant, those between 0 and 1, too; torchmetrics cuts off what stands behind the point, or fails"
IN_FLOAT32 = "means are taken in float64; which k is the best must not depend on how float32 rounds them"
MAX_FPR = "torchmetrics tests `not float and in (0, 1]`"


@dataclass
class Member:
    """A metric of the family."""

    metric: str
    functional: str = ""
    ranks: dict = field(default_factory=dict)  # options with which a value depends on the order of documents
    unchecked: str | None = None  # why torchmetrics takes a top_k that means nothing
    sign: bool = False  # whether scores that are not above 0 give other values here
    graded: bool = False  # whether documents are relevant by degrees
    nan: str | None = None  # why a NaN score gives another value here
    between: str | None = None  # why relevances between 0 and 1 give another value here
    top: str = "top_k"  # the option that says how many documents are looked at; none has it not
    tops: tuple = (1, 2, 3, 100)  # values of it
    arguments: dict = field(default_factory=dict)  # the values of further options
    every: bool = True  # whether the cases that are the same for all are played with this one
    irrelevant: bool = False  # whether it is irrelevant documents that a query needs


def misuses(stem: Stem, member: Member) -> None:
    """Write what must be refused."""
    metric = member.metric
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, list(batches), **more))
    taken = {"reason": member.unchecked} if member.unchecked else {}
    refuse("unknown option", {"topk": 3}, "topk")
    for value in ("none", "", "NEG", 1, None):
        refuse(f"empty_target_action={value!r}", {"empty_target_action": value}, "empty_target_action")
    for value in ("all", 0.5):
        refuse(f"ignore_index={value!r}", {"ignore_index": value}, "ignore_index")
    for value in ("sum", "", 2, None):
        refuse(f"aggregation={value!r}", {"aggregation": value}, "aggregation")
    if member.top:
        for value in (0, -1):
            refuse(f"{member.top}={value!r}", {member.top: value}, member.top, **taken)
        for value in ("all", 1.5):
            refuse(f"{member.top}={value!r}", {member.top: value}, member.top, **(taken if value == 1.5 else {}))
    if "adaptive_k" in member.arguments:
        for value in ("yes", 1, None):
            refuse(f"adaptive_k={value!r}", {"adaptive_k": value}, "adaptive_k")
    if "min_precision" in member.arguments:
        for value in (-0.5, 1.5, "half", None):
            refuse(f"min_precision={value!r}", {"min_precision": value}, "min_precision")
    if "max_fpr" in member.arguments:
        for value in (0.0, -0.5, 1.5):
            refuse(f"max_fpr={value!r}", {"max_fpr": value}, "max_fpr", reason=MAX_FPR)
    good = documents("misuse", (6,))[0]
    bad = lambda name, word, options=None, why=None, **inputs: refuse(name, options or {}, word, [good, {**good, **inputs}], reason=why)
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
    if member.graded:
        for name, target in (("below 0", good["target"] - 1), ("below 0, floating", good["target"] - 0.5), ("NaN", good["target"] * math.nan), ("infinite", good["target"].float().log().neg())):
            bad(f"target {name}", "target", why=NO_GRADES, target=target)
    else:
        bad("target above 1", "target", target=good["target"] * 2)
        bad("target below 0", "target", target=good["target"] - 1)
        bad("target above 1, floating", "target", target=good["target"] * 1.5)
        bad("another target than the one ignored", "target", {"ignore_index": -1}, target=good["target"] - 2 * (torch.arange(6) == 1) - (torch.arange(6) == 4).long())
    refuse("scalars", {}, "dimension", [good, {"preds": torch.tensor(0.5), "target": torch.tensor(1), "indexes": torch.tensor(0)}])
    empty, full = without_relevant(documents("misuse/empty", (8,)), 2), {**one_query([good])[0], "target": torch.ones_like(good["target"])}
    if member.irrelevant:
        empty, full = [{**b, "target": 1 - b["target"]} for b in empty], {**full, "target": 1 - full["target"]}
    refuse("empty_target_action=error, a query without a relevant document", {"empty_target_action": "error"}, "query 2", [full, *empty], at="compute")


class Writer:
    """Writes cases of a member, those that mean to differ with the values by sorting."""

    def __init__(self, stem: Stem, member: Member) -> None:
        self.stem, self.member = stem, member

    def __call__(self, name: str, options: dict, batches: list, why: str | None = None, **more) -> None:
        """Write a case; `why` says why torchmetrics may give something else."""
        member, given = self.member, {**self.member.ranks, **options}
        case = Case(f"{member.metric}/{name}", member.metric, given, batches, **more)
        if case.functional == "":
            case.functional = None
        exact = lambda bs: over_queries(bs, member.metric, given)
        if case.weights and self.agrees(case, exact):
            return  # the weights say nothing
        if why and (case.ids or case.weights or not self.agrees(case, exact)):
            case.reason, case.reference = why, BY_SORTING
            case.forward_by, case.final_by = case.forward_by or (lambda b: exact([b])), case.final_by or exact
        self.stem.add(case)

    @staticmethod
    def agrees(case: Case, exact) -> bool:
        """Tell whether torchmetrics gives the same as sorting."""
        weighed = [b | {"sample_weight": w} for b, w in zip(case.batches, case.weights)] if case.weights else case.batches
        return gives(case, case.batches, [exact([b]) for b in weighed], exact(weighed))


def write(stem: Stem, member: Member) -> None:
    """Write a member's cases."""
    misuses(stem, member)
    case = Writer(stem, member)
    signed = SIGN if member.sign else None
    curve = IN_FLOAT32 if "min_precision" in member.arguments else None
    case("queries", {}, documents("queries"), curve)
    case("many queries", {}, documents("many", (30, 50, 40), 45), curve)
    case("a document each", {}, documents("each", (12,), 1000, relevant=2), curve)
    case("two dimensions", {}, [{k: v.reshape(-1, 3) for k, v in b.items()} for b in documents("shapes", (9, 3, 12))], curve)
    logits = documents("logits", (12, 1, 20), 3, "logits", 6)
    case("no score above 0", {}, [{**b, "preds": b["preds"] - 8} for b in logits], signed or curve)
    negative = one_query(documents("logits/one", (7,), 1, "logits", 4))
    case("one query, no score above 0", {}, [{**b, "preds": b["preds"] - 8} for b in negative], signed, functional=member.functional)
    infinite = [{"preds": torch.tensor([math.inf, -math.inf, 1.0, 2.0]), "target": torch.tensor([0, 1, 1, 0]), "indexes": torch.tensor([5, 5, 5, 5])}]
    case("infinite scores", {}, infinite, signed)
    case("a NaN score", {}, [{**infinite[0], "preds": torch.tensor([1.0, math.nan, 0.5, math.inf])}], member.nan)
    case("graded target", {}, [{**b, "target": b["target"] * Draws("retrieval/graded").probabilities(len(b["target"]))} for b in documents("graded")], member.between or curve)
    case("target float32", {}, [{**b, "target": b["target"].float()} for b in documents("target")], member.between)
    if member.graded:
        grades = lambda name, top, sizes=(9, 1, 14), queries=4: [{**b, "target": Draws(f"retrieval/{name}/{i}").integers(len(b["target"]), 0, top)} for i, b in enumerate(documents(name, sizes, queries))]
        case("degrees", {}, grades("degrees", 5))
        case("degrees, top_k=3", {"top_k": 3}, grades("degrees/top", 5, (20, 16), 3))
        case("degrees beyond a byte", {}, grades("degrees/large", 1000))
        case("degrees, some of them ignored", {"ignore_index": -1}, [{**b, "target": b["target"] - 1} for b in grades("degrees/ignored", 4)])
        case("degrees, floating", {}, [{**b, "target": b["target"] * 2.5} for b in documents("degrees/floating")])
        case("degrees with ties", {}, with_ties(grades("degrees/ties", 5, (20, 1, 17), 2)))
        case("degrees with ties, one query", {"top_k": 7}, with_ties(one_query(grades("degrees/ties/one", 5, (12, 9), 1))), functional=member.functional)
    if member.every:
        case("a row for each query", {}, [{**b, "indexes": torch.arange(len(b["indexes"]) // 4).repeat_interleave(4)} for b in documents("rows", (12, 8))])
        case("logits", {}, logits, signed)
        case("negative distances", {}, [{"preds": torch.tensor([-0.2, -0.9, -0.8, -0.1]), "target": torch.tensor([1, 1, 0, 0]), "indexes": torch.tensor([0, 1, 0, 1])}], signed)
        case("a score of 0", {}, [{"preds": torch.tensor([0.0, -0.5, 0.25]), "target": torch.tensor([1, 0, 0]), "indexes": torch.zeros(3).long()}], signed)
        for dtype in (torch.bool, torch.int32, torch.float64):
            case(f"target {str(dtype)[6:]}", {}, [{**b, "target": b["target"].to(dtype)} for b in documents("target")])
        case("scores float64", {}, [{**b, "preds": b["preds"].double()} for b in documents("double")])
        far = torch.tensor([-(2**63), 2**63 - 1, -1, 2**40])
        case("any numbers as queries", {}, [{**b, "indexes": far[b["indexes"]]} for b in documents("far")])
        case("700 documents of 3 queries", {}, documents("sorted/700", (700, 5), 3, "logits", 9))
        case("1300 documents of 90 queries", {}, documents("sorted/1300", (1300, 5), 90, "logits", 9), signed)
    else:
        case("300 documents of 3 queries", {}, documents("sorted/300", (300, 5), 3, relevant=9), curve)

    some = without_relevant(without_relevant(documents("empty", (12, 1, 15), 5, relevant=2), 1), 3)
    nothing = [{**b, "target": torch.zeros_like(b["target"])} for b in some]
    everything = [{**b, "target": torch.ones_like(b["target"])} for b in some]
    if member.irrelevant:
        some, nothing, everything = [{**b, "target": 1 - b["target"]} for b in some], everything, nothing
    for action in ("skip", "neg", "pos"):
        case(f"empty_target_action={action}", {"empty_target_action": action}, some, curve)
        case(f"empty_target_action={action}, nothing relevant", {"empty_target_action": action}, nothing)
    case("empty_target_action=error", {"empty_target_action": "error"}, everything)
    case("all are relevant", {}, [{**b, "target": torch.ones_like(b["target"])} for b in some])
    ignored = [{**b, "target": torch.where(Draws(f"retrieval/ignored/{i}").integers(len(b["target"]), 0, 3) == 0, -1, b["target"])} for i, b in enumerate(documents("ignored", (12, 9)))]
    case("ignore_index=-1", {"ignore_index": -1}, ignored, curve)
    case("ignore_index=0", {"ignore_index": 0}, documents("ignored/0", (9, 14)))
    case("a batch that is ignored", {"ignore_index": 0}, [*documents("ignored/all", (9, 1)), {k: v[:1] * 0 for k, v in ignored[0].items()}], EMPTY)
    case("all are ignored", {"ignore_index": 0}, [{k: v[:3] * 0 for k, v in ignored[0].items()}], EMPTY)
    few = documents("top", (20, 16), 3, relevant=7)
    for k in member.tops if member.top else ():
        case(f"{member.top}={k}", {member.top: k}, few, curve)
    short = documents("short", (7, 6), 4, relevant=2)
    for name, values in member.arguments.items():
        for value in values[1:]:
            more = {member.top: 5} if name == "adaptive_k" else {}
            case(f"{name}={value}", {**more, name: value}, short if name == "adaptive_k" else few, curve)
    for aggregation in ("mean", "median", "min", "max"):
        for count in (4, 5):
            case(f"aggregation={aggregation}, {count} queries", {"aggregation": aggregation}, documents(f"aggregation/{count}", (20, 13), count), curve)
    arguments = {"empty_target_action": ["skip", "neg", "pos"], "ignore_index": [None, -1], "aggregation": ["mean", "median", "min", "max"]} | member.arguments
    if member.top:
        arguments[member.top] = [None, 1, 2]
    for i, options in enumerate(pairwise(Draws("retrieval/pairs"), arguments)):
        batches = without_relevant(documents(f"pairs/{i}", (15, 11), 5, relevant=4), 2)
        batches = [{**b, "target": torch.where((torch.arange(len(b["target"])) % 5 == 1) & (options["ignore_index"] is not None), -1, b["target"])} for b in batches]
        case(f"pair {i}", options, batches, curve)

    for k in (None, 2, 20):
        query = one_query(documents(f"one/{k}", (8, 3), relevant=4), 3)
        for name in ("", *(n for n in member.arguments if member.functional)):
            if k and not member.top:
                continue
            given = ({member.top: k} if k else {}) | ({name: member.arguments[name][-1]} if name else {})
            case(f"one query, {given}", given, query, curve, functional=member.functional)
    case("one query, nothing relevant", {}, [{**b, "target": torch.zeros_like(b["target"])} for b in query], functional=member.functional)
    case("one query, all relevant", {}, [{**b, "target": torch.ones_like(b["target"])} for b in query], functional=member.functional)

    case("ties", {}, with_ties(documents("ties", (20, 1, 17), 2, relevant=2)), TIES)
    case("ties, one query", {}, one_query(with_ties(documents("ties/query", (20, 1, 17), 2, relevant=2))), TIES, functional=member.functional)
    many = (800, 40) if member.every else (200, 40)
    case("ties, many documents", {}, with_ties(documents("ties/many", many, many[0] * 3 // 8, relevant=2)), TIES)
    case("ties of which none matters", {}, [{"preds": torch.tensor([0.5, 0.5, 0.75]), "target": torch.tensor([0, 0, 1]), "indexes": torch.tensor([1, 1, 1])}])
    near = [{"preds": torch.tensor([0.75, 0.5, 0.5 + 2**-40, 0.25], dtype=torch.float64), "target": torch.tensor([0, 0, 1, 0]), "indexes": torch.zeros(4).long()}]
    case("scores that float32 cannot tell apart", {}, near, ROUNDED)

    case("an empty batch", {}, documents("nothing", (5, 0, 4)), EMPTY)
    exact = lambda bs: over_queries(bs, member.metric, member.ranks)
    if member.every:
        ids = lambda batches, name: list(torch.tensor(Draws(f"retrieval/ids/{name}").shuffled(range(sum(len(b["preds"]) for b in batches)))).split([len(b["preds"]) for b in batches]))
        once = documents("again/2", (9, 1, 14), relevant=4)
        case("sample ids, each once", {}, once, ids=ids(once, "once"))
        again = [*once, {k: v.flip(0) for k, v in once[0].items()}, {k: torch.cat([once[2][k][:3], once[1][k]]) for k in once[0]}]
        first, second, third = ids(once, "again")
        repeated = [first, second, third, first.flip(0), torch.cat([third[:3], second])]
        case("sample ids, some again", {}, again, COPIES, ids=repeated, final_by=lambda bs: exact(without_copies(bs, repeated)))
    six, four, three = torch.tensor([1, 0, 1, 1, 0, 1]).bool(), torch.tensor([0, 1, 1, 0]).bool(), torch.tensor([1, 1, 0]).bool()
    case("rows that do not count", {}, documents("valid", (6, 4)), valid=[six, four])
    case("rows that do not count, in two dimensions", {}, [{k: v.reshape(-1, 2) for k, v in b.items()} for b in documents("valid/2", (12, 6))], valid=[six, three])
    weigh(case, curve)
    tops = [None, *member.tops[:2]]
    stem.require(member.metric, {**arguments, "empty_target_action": (["pos", "skip", "neg", "error"] if member.irrelevant else ["neg", "skip", "pos", "error"]), "ignore_index": [None, -1, 0]} | ({member.top: tops} if member.top else {}))


def weigh(case: Writer, curve: str | None) -> None:
    """Write cases of queries that weigh."""
    weighed = without_relevant(documents("weights", (12, 1, 20), 7, relevant=3), 2)
    for kind, of_query in (("floating", torch.tensor([0.5, 0.25, 3.0, 1.0, 0.0, 2.5, 0.75])), ("integer", torch.tensor([2, 1, 0, 3, 1, 5, 1]))):
        for aggregation in ("mean", "median", "min", "max"):
            case(f"{kind} weights, aggregation={aggregation}", {"aggregation": aggregation}, weighed, WEIGHTS, weights=[of_query[b["indexes"]] for b in weighed])
    action = "pos" if case.member.irrelevant else "skip"
    case(f"weights, empty_target_action={action}", {"empty_target_action": action}, weighed, WEIGHTS, weights=[(b["indexes"] + 1).float() for b in weighed])
