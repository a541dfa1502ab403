"""How answers differ by group."""

import math
from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from draws import Draws
from labelled import binary
from stat_scores_family import COMMON_WRONG, THRESHOLD_WRONG, label
from weighted import EVERY_KIND, REASON, TOLERANCE, weights_for

GROUPS = 3
ABSENT = "a group that a batch lacks has no part in it; torchmetrics counts the others as if their numbers had no gap"
NO_TARGET = "without targets nothing is ignored; torchmetrics ignores all of it with an ignore_index of 0"
READ = "`input` says what the scores are; torchmetrics has no such argument"
DECIDED = "whether scores are logits is decided over everything accumulated; torchmetrics decides batch by batch"
ANY = "torchmetrics gives these two classes any argument, and looks at none that it does not know"
ARGUMENTS = {"threshold": [0.5, 0.3], "ignore_index": [None, -1, 0, 1, 5], "validate_args": [True, False]}
UNCHECKED = {("validate_args", False): "looks at inputs alone"}


def grouped(name: str, kind: str, groups: int = GROUPS, sizes=(12, 9, 15), **more) -> list:
    """Draw batches in which all groups occur."""
    draws, batches = Draws(f"groups/{name}"), binary(name, kind, sizes=sizes, **more)
    for b in batches:
        b["groups"] = draws.integers(len(b["preds"]), 0, groups)
        b["groups"][:groups] = torch.arange(groups)
    return batches


def counted(batches: list, options: dict, groups: int, reading: str = "auto") -> list:
    """Count tp, fp, tn, fn of each group, or sums of weights, as fractions."""
    scores = torch.cat([b["preds"].reshape(-1) for b in batches])
    kept = torch.cat([b["target"].reshape(-1) for b in batches]) != options.get("ignore_index", -(10**9)) if batches[0].get("target") is not None else None
    outside = scores.is_floating_point() and bool(((scores < 0) | (scores > 1))[... if kept is None else kept].any())
    logits = reading == "logits" or (reading == "auto" and outside)
    table = [[Fraction(0)] * 4 for _ in range(groups)]
    for b in batches:
        if not len(b["preds"]):
            continue
        p = b["preds"].reshape(len(b["preds"]), -1)
        p = p.float() if p.is_floating_point() and p.dtype is not torch.float64 else p
        yes = (p.sigmoid() if logits else p) > options.get("threshold", 0.5) if p.is_floating_point() else p == 1
        target = torch.zeros_like(yes, dtype=torch.long) if b.get("target") is None else b["target"].reshape(len(p), -1)
        of_rows = b["groups"].reshape(len(p), -1).expand(yes.shape)
        weights = b.get("sample_weight", torch.ones(len(p))).double()
        for row, (given, goals, in_groups) in enumerate(zip(yes.tolist(), target.tolist(), of_rows.tolist(), strict=True)):
            for is_yes, goal, group in zip(given, goals, in_groups, strict=True):
                if goal in (0, 1) and (b.get("target") is None or goal != options.get("ignore_index")):
                    cell = (0 if is_yes else 3) if goal else (1 if is_yes else 2)
                    table[group][cell] += Fraction(float(weights[row]))
    return table


def ratio(a: Fraction, b: Fraction) -> Fraction:
    """Divide, with 0 for a divisor of 0."""
    return a / b if b else Fraction(0)


def worst_to_best(name: str, rates: list) -> dict:
    """Name the groups of the least and the greatest rate, and compute their ratio."""
    worst, best = rates.index(min(rates)), rates.index(max(rates))
    return {f"{name}_{worst}_{best}": torch.tensor(float(ratio(rates[worst], rates[best])), dtype=torch.float32)}


def value_of(metric: str, table: list, task: str = "all") -> dict:
    """Compute the value of counts."""
    if metric == "BinaryGroupStatRates":
        rates = lambda row: [float(c / sum(row)) if sum(row) else math.nan for c in row]
        return {f"group_{i}": torch.tensor(rates(row), dtype=torch.float32) for i, row in enumerate(table)}
    parity = worst_to_best("DP", [ratio(tp + fp, tp + fp + tn + fn) for tp, fp, tn, fn in table])
    opportunity = worst_to_best("EO", [ratio(tp, tp + fn) for tp, _, _, fn in table])
    return (parity if task != "equal_opportunity" else {}) | (opportunity if task != "demographic_parity" else {})


def by(metric: str, options: dict, reason: str, reading: str = "auto") -> dict:
    """Expect the exact value."""
    of = lambda batches: value_of(metric, counted(batches, options, options["num_groups"], reading), options.get("task", "all"))
    return {"reason": reason, "reference": "the definition in fractions", "forward_by": lambda b: of([b]), "final_by": of}


def both(stem: Stem, metric: str, functional: str) -> None:
    """Add what both metrics show."""
    own = metric == "BinaryFairness"  # its functional has no num_groups

    def add(name: str, given: dict, batches: list, **more) -> None:
        stem.add(Case(f"{metric}/{name}", metric, {"num_groups": GROUPS} | given, batches, more.pop("functional", None if own and "final_by" in more else functional), **more))

    for kind in ("labels", "probabilities", "logits"):
        add(kind, {}, grouped(f"{metric}/{kind}", kind))
        add(f"{kind}, more dimensions", {}, grouped(f"{metric}/{kind} more", kind, sizes=(4, 3, 5), rest=(2, 2)))
        for given in ({"threshold": 0.3}, {"ignore_index": -1}, {"ignore_index": 5, "threshold": 0.75}, {"validate_args": False}):
            if kind != "labels" or "threshold" not in given:
                add(f"{kind}, {label(given)}", given, grouped(f"{metric}/{kind} given", kind, sizes=(20, 9), ignore_index=given.get("ignore_index")))
    for ignore_index in (0, 1):
        add(f"ignore_index={ignore_index}", {"ignore_index": ignore_index}, grouped(f"{metric}/ignored", "probabilities"))
    add("two groups", {"num_groups": 2}, grouped(f"{metric}/two", "probabilities", 2))
    add("one group", {"num_groups": 1}, grouped(f"{metric}/one", "probabilities", 1))
    add("many samples", {"num_groups": 7}, grouped(f"{metric}/many", "logits", 7, sizes=(1300, 8)))
    add("a group of its own for each", {"num_groups": 3}, grouped(f"{metric}/own", "probabilities", sizes=(3,)))
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        add(f"{str(dtype).removeprefix('torch.')} scores", {}, [{**b, "preds": b["preds"].to(dtype)} for b in grouped(f"{metric}/dtype", "probabilities")])
    for name in ("probabilities", "logits"):
        given = {"input": "logits" if name == "probabilities" else "probabilities"}
        options = {"num_groups": GROUPS} | given
        add(f"{name} read as {given['input']}", given, grouped(f"{metric}/in", name), **by(metric, options, READ, given["input"]))
    options = {"num_groups": GROUPS}
    mixed = grouped(f"{metric}/mixed a", "probabilities") + grouped(f"{metric}/mixed b", "logits")
    add("probabilities, then logits", {}, mixed, **by(metric, options, DECIDED))
    absent = grouped(f"{metric}/absent", "probabilities")
    absent[0]["groups"], absent[1]["groups"] = absent[0]["groups"].clamp(min=1), torch.full_like(absent[1]["groups"], 2)
    add("a group that a batch lacks", {}, absent, **by(metric, options, ABSENT))
    # The functional has as many groups as occur.
    add("a group without samples", {"num_groups": 4}, grouped(f"{metric}/without", "probabilities"), functional=None)
    add("groups of int32", {}, [{**b, "groups": b["groups"].int()} for b in grouped(f"{metric}/int32", "probabilities")], **by(metric, options, "groups may be integers of any type"))
    each = grouped(f"{metric}/each", "probabilities", sizes=(6, 5), rest=(2,))
    for b in each:
        b["groups"] = Draws(f"{metric}/each").integers(b["preds"].shape, 0, GROUPS)
        b["groups"][:2] = torch.tensor([[0, 1], [2, 0]])
    add("a group for each position", {}, each, **by(metric, options, "groups may have the shape of predictions, as torchmetrics says; there it fails"))
    valid = [torch.tensor([True] * 9 + [False] * 3), torch.tensor([True] * 6 + [False] * 3), torch.tensor([True] * 12 + [False] * 3)]
    add("rows that do not count", {}, grouped(f"{metric}/valid", "probabilities"), valid=valid)
    for kind in ("labels", "probabilities"):
        batches = grouped(f"{metric}/weights", kind, sizes=(40, 12, 31))
        for weights in EVERY_KIND:
            weighted(stem, metric, kind, batches, weights, options)
    wrong = COMMON_WRONG | THRESHOLD_WRONG | {"num_groups": [(0, "torchmetrics never refuses a number"), ("three", None), (None, None)], "input": [("scores", ANY)]}
    if metric == "BinaryFairness":
        wrong["task"] = [("parity", None), (None, None)]
    for option, attempts in wrong.items():
        for value, reason in attempts:
            stem.refuse(Misuse(f"{metric}/{option}={value!r}", metric, options | {option: value}, option, reason=reason))
    for option in ("treshold", "dist_sync_on_step"):
        stem.refuse(Misuse(f"{metric}/{option}", metric, options | {option: 1.5}, option, reason=ANY))
    stem.refuse(Misuse(f"{metric}/no num_groups", metric, {}, "num_groups"))
    good = grouped(f"{metric}/good", "probabilities", sizes=(6,))[0]
    reject = lambda name, word, change, **more: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, [good, good | change], **more))
    bad, worse = good["target"].clone(), good["preds"].clone()
    bad[1], worse[2] = 2, math.nan
    reject("a target out of range", "target", {"target": bad})
    reject("shapes that differ", "target", {"target": good["target"][:-1]})
    reject("a score that is not a number", "nan", {"preds": worse}, reason="in torchmetrics NaN is below every threshold")
    reject("a group out of range", "groups", {"groups": good["groups"] + 2})
    reject("the number of groups as a group", "groups", {"groups": good["groups"].clamp(max=2) + 1}, reason="torchmetrics counts the groups that occur from 0 on")
    reject("a negative group", "groups", {"groups": good["groups"] - 1}, reason="torchmetrics counts the groups that occur from 0 on")
    reject("groups that are floats", "groups", {"groups": good["groups"].float()})
    reject("fewer groups than samples", "groups", {"groups": good["groups"][:-1]}, reason="torchmetrics leaves the last samples out")
    stem.refuse(Misuse(f"{metric}/no groups", metric, options, "groups", [{k: good[k] for k in ("preds", "target")}]))


def weighted(stem: Stem, metric: str, kind: str, batches: list, weights: str, options: dict) -> None:
    """Add rows that weigh."""
    drawn = weights_for(f"{metric}/{kind}", batches, weights)
    for w in drawn:
        w[:GROUPS] = torch.ones(GROUPS).to(w.dtype)
    given = by(metric, options, REASON) | {"reference": "the definition with weights, in fractions"}
    stem.add(Case(f"{metric}/{kind}, {weights} weights", metric, options, batches, None, weights=drawn, tolerance=TOLERANCE, **given))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    both(stem, "BinaryGroupStatRates", "binary_groups_stat_rates")
    both(stem, "BinaryFairness", "binary_fairness")
    metric = "BinaryFairness"
    for task in ("demographic_parity", "equal_opportunity"):
        options = {"num_groups": GROUPS, "task": task}
        for kind in ("labels", "probabilities", "logits"):
            batches = grouped(f"{metric}/{task} {kind}", kind)
            stem.add(Case(f"{metric}/{task}, {kind}", metric, options, batches, "binary_fairness"))
            inputs = {k: torch.cat([b[k] for b in batches]) for k in batches[0]}
            call = {k: v for k, v in inputs.items() if task == "equal_opportunity" or k != "target"}
            stem.add(Case(f"{metric}/functional {task}, {kind}", metric, options, batches, task, call | {"threshold": 0.3}))
    options = {"num_groups": GROUPS, "task": "demographic_parity"}
    without = [b | {"target": None} for b in grouped(f"{metric}/without target", "probabilities")]
    stem.add(Case(f"{metric}/no target", metric, options, without, "binary_fairness"))
    given = options | {"ignore_index": 0}
    stem.add(Case(f"{metric}/no target, ignore_index=0", metric, given, without, None, **by(metric, given, NO_TARGET)))
    good = grouped(f"{metric}/good", "probabilities", sizes=(6,))[0] | {"target": None}
    stem.refuse(Misuse(f"{metric}/no target for equal opportunity", metric, {"num_groups": GROUPS, "task": "equal_opportunity"}, "target", [good]))
    # Rates of 0 everywhere, and equal ones.
    never = [{**b, "preds": torch.zeros_like(b["preds"])} for b in grouped(f"{metric}/never", "probabilities")]
    stem.add(Case(f"{metric}/nobody is predicted positive", metric, {"num_groups": GROUPS}, never, "binary_fairness"))
    always = [{**b, "preds": torch.ones_like(b["preds"])} for b in grouped(f"{metric}/never", "probabilities")]
    stem.add(Case(f"{metric}/everybody is predicted positive", metric, {"num_groups": GROUPS}, always, "binary_fairness"))
    arguments = ARGUMENTS | {"num_groups": [GROUPS]}
    for name in ("BinaryGroupStatRates", metric):
        stem.require(name, arguments, UNCHECKED | {("num_groups", GROUPS): "has no default"})
