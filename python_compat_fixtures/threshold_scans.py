"""What metrics that look for one number on a ROC or precision-recall curve have in common: cases, and an exact reference."""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Callable, Optional

import torch
from cases import FLOAT_TOLERANCE, Case, Misuse, Stem, concatenated, kept_rows, pairwise, play, same
from draws import Draws
from labelled import binary, multiclass, multilabel
from stat_scores_family import CLASSES, COMMON_WRONG, LABELS, label, refused_options, router_refusals

UNSORTED = [0.75, 0.125, 0.5]
THRESHOLDS = [None, 5, 33, [0.25, 0.5, 0.75], UNSORTED]
TYPED = "torchmetrics takes any float, whatever its value"
RAISES = "a class without positives has no recall and reaches none; torchmetrics fails when all its points hold the minimum"
ONLY_FIRST = "a class without positives has no recall; torchmetrics sets that of all classes to 1 when every target is class 0"
EMPTY = "a label of which no sample counts has the value that thresholds give; torchmetrics fails without them"
NAN_FIRST = "a threshold that lets nothing through has no precision and is passed over; torchmetrics returns NaN where it comes first"
MICRO = "torchmetrics' class adds the counts of all classes as one question to a state for each class, which fails"
WHOLE_MEAN = "a mean is of whole curves, from (0, 0) to (1, 1) by falling threshold; torchmetrics extends a segment beyond the thresholds given"
NORMALIZATION = {"normalization": ["sigmoid", None]}  # torchmetrics' classes hand it on to that of their curve
LATER = "torchmetrics takes any, and fails when it comes to scores outside [0, 1]"
AS_SAID = "`input` says what the scores are; torchmetrics has no such argument"
SAME_UNCHECKED = {("validate_args", v): "on inputs that torchmetrics can count without checks, both give the same" for v in (True, False)}


@dataclass(frozen=True)
class Point:
    """What a threshold lets through."""

    tps: int
    fps: int
    threshold: float


@dataclass(frozen=True)
class Points:
    """The points of one class, thresholds in the order that torchmetrics has them in a precision-recall curve."""

    points: list
    positives: int
    negatives: int
    exact: bool  # whether each distinct score is a threshold

    def roc(self) -> list:
        """Return the points in a ROC curve's order."""
        start = [Point(0, 0, 1.0)] if self.exact else []
        return start + self.points[::-1]


@dataclass(frozen=True)
class Scan:
    """A metric of this kind: its names, its own arguments, and what it looks for."""

    metric: str
    functional: str
    arguments: dict  # own argument -> values, the first is used where a case is not about it
    wrong: dict  # own argument -> (value, reason where torchmetrics takes it)
    search: Callable  # (list of Points, options) -> value, exact
    reason: str = ""  # why the exact value may differ from torchmetrics'
    compared_with: str = "counts by comparing each score, ratios as exact fractions"
    tolerance: Optional[dict] = None
    # Further values of arguments that some tasks have, such as average.
    multiclass: dict = field(default_factory=dict)
    multilabel: dict = field(default_factory=dict)
    binary: dict = field(default_factory=dict)
    excused: dict = field(default_factory=dict)
    shown: tuple = ()  # options of cases with many scores
    wrong_average: tuple = ()
    functional_averages: bool = False  # where the class does not
    checked: dict = field(default_factory=dict)  # options with which a binary metric looks at the others

    def given(self) -> dict:
        """Return the arguments that have no default there."""
        return {k: v[0] for k, v in self.arguments.items() if k.startswith("min_")}


def normalised(preds: torch.Tensor, options: dict, dim: Optional[int] = None) -> torch.Tensor:
    """Make probabilities of logits, in float64."""
    preds = preds.double()
    read = options.get("input", "auto")
    if "normalization" in options and options["normalization"] is None:
        read = "probabilities"
    if read == "auto":
        read = "probabilities" if bool(((preds >= 0) & (preds <= 1)).all()) else "logits"
    if read == "probabilities":
        return preds
    return preds.sigmoid() if dim is None else preds.softmax(dim)


def counted(scores: torch.Tensor, positive: torch.Tensor, thresholds) -> Points:
    """Count what each threshold lets through."""
    if isinstance(thresholds, int):
        levels = torch.linspace(0, 1, thresholds).double()
    else:
        levels = scores.unique() if thresholds is None else torch.tensor(thresholds).double()
    passed = scores.unsqueeze(0) >= levels.unsqueeze(1)
    tps, fps = (passed & positive).sum(1).tolist(), (passed & ~positive).sum(1).tolist()
    points = [Point(t, f, float(level)) for t, f, level in zip(tps, fps, levels)]
    return Points(points, int(positive.sum()), int((~positive).sum()), thresholds is None)


def curves(batch: dict, options: dict) -> list:
    """Return the points of each class or label; one of a binary task."""
    preds, target = batch["preds"], batch["target"]
    thresholds, ignored = options.get("thresholds"), options.get("ignore_index")
    if "num_classes" in options or "num_labels" in options:
        columns = options.get("num_classes") or options.get("num_labels")
        preds = preds.transpose(0, 1).reshape(columns, -1).T
    if "num_labels" in options:
        target = target.transpose(0, 1).reshape(columns, -1).T
        scores, kept = normalised(preds, options), target != ignored if ignored is not None else torch.ones_like(target).bool()
        return [counted(scores[:, i][kept[:, i]], target[:, i][kept[:, i]] == 1, thresholds) for i in range(columns)]
    target = target.flatten()
    kept = target != ignored if ignored is not None else torch.ones_like(target).bool()
    if "num_classes" not in options:
        return [counted(normalised(preds.flatten()[kept], options), target[kept] == 1, thresholds)]
    scores, target = normalised(preds[kept], options, 1), target[kept]
    if options.get("average") == "micro":
        return [counted(scores.flatten(), torch.nn.functional.one_hot(target, columns).flatten() == 1, thresholds)]
    return [counted(scores[:, i], target == i, thresholds) for i in range(columns)]


def reference(scan: Scan, options: dict) -> Callable:
    """Return the function from a batch to the exact value."""

    def value(batch: dict):
        found = scan.search(curves(batch, options), options)
        only = lambda v: v.squeeze(0) if v.numel() == 1 else v
        return tuple(map(only, found)) if isinstance(found, tuple) else only(found)

    return value


def add(stem: Stem, scan: Scan, name: str, metric: str, functional: str, options: dict, batches: list, **more) -> None:
    """Add a case; where rounding in float32 gives torchmetrics another answer, the exact one with the reason."""
    case = Case(f"{metric}/{name}", metric, options, batches, functional, tolerance=scan.tolerance, **more)
    averaged_curve = scan.metric == "EER" and options.get("average") == "macro" and options.get("thresholds") is None
    if not averaged_curve:
        exact = reference(scan, options)
        reason = difference(scan, case, exact)
        if reason:
            case.reason, case.reference = reason, scan.compared_with
            case.forward_by, case.final_by = exact, lambda bs: exact(concatenated(bs))
            if scan.functional_averages and "average" not in options and metric[:6] != "Binary":
                case.functional = None  # whose value would be an average
    stem.add(case)


def difference(scan: Scan, case: Case, exact: Callable) -> Optional[str]:
    """Say why torchmetrics' values are not the exact ones, where they are not."""
    batches = [kept_rows(b, case.valid[i] if case.valid else None) for i, b in enumerate(case.batches)]
    if "input" in case.options:
        return AS_SAID
    try:
        forward, final, _ = play(case.metric, case.options, batches)
    except IndexError:
        empty = any(c.positives + c.negatives == 0 for b in batches for c in curves(b, case.options))
        return EMPTY if empty else RAISES
    except RuntimeError:
        return MICRO
    ours = [[exact(b) for b in batches], exact(concatenated(batches))]
    if same(ours, [forward, final], **(scan.tolerance or FLOAT_TOLERANCE)):
        return None
    if scan.metric == "EER" and case.options.get("average") == "macro":
        return WHOLE_MEAN
    values = [v[0] if isinstance(v, tuple) else v for v in [*forward, final]]
    if scan.metric in ("PrecisionAtFixedRecall", "RecallAtFixedPrecision") and case.name.endswith("only class 0"):
        return ONLY_FIRST
    precision_missing = scan.metric == "PrecisionAtFixedRecall" and any(bool(v.isnan().any()) for v in values)
    return NAN_FIRST if precision_missing else scan.reason


def tied(batches: list) -> list:
    """Leave scores few levels, among them thresholds of the lists and 0 and 1."""
    for b in batches:
        b["preds"] = (b["preds"] * 8).round() / 8
    return batches


def scores(stem: Stem, scan: Scan, metric: str, functional: str, options: dict, draw, rest) -> None:
    """Add what scores have to show: kinds, ties, layouts, dtypes, one-sided targets, with and without thresholds."""
    put = lambda name, given, batches, **more: add(stem, scan, name, metric, functional, options | given, batches, **more)
    sizes = (7, 5, 9)
    for thresholds in (None, 5):
        given = {} if thresholds is None else {"thresholds": thresholds}
        named = "" if thresholds is None else f", {label(given)}"
        for kind in ("probabilities", "logits"):
            put(f"{kind}{named}", given, draw(f"{metric}/{kind}", kind, sizes=sizes))
        put(f"more dimensions{named}", given, draw(f"{metric}/more", "probabilities", sizes=(3, 2, 4), rest=rest))
        put(f"ties{named}", given, tied(draw(f"{metric}/ties", "probabilities", sizes=(9, 4, 17))))
        put(f"one sample a batch{named}", given, draw(f"{metric}/single", "probabilities", sizes=(1, 1)))
        positive = 1 if "num_classes" not in options else 0
        for word, value in (("positives", positive), ("negatives", 1 - positive)):
            batches = draw(f"{metric}/one side", "probabilities", sizes=(6, 4))
            one_sided = [{**b, "target": torch.full_like(b["target"], value)} for b in batches]
            put(f"only {word}{named}" if "num_classes" not in options else f"only class {value}{named}", given, one_sided)
        for read, kind in (("logits", "probabilities"), ("probabilities", "logits")):
            batches = draw(f"{metric}/read", kind, sizes=sizes)
            put(f"{kind} read as {read}{named}", given | {"input": read}, batches)
    for name in scan.given():
        for thresholds in (None, 5):
            given = {name: 0.0, "thresholds": thresholds}
            put(f"both answers in each batch, {label(given)}", given, draw(f"{metric}/both", "probabilities", sizes=(40, 30)))
    put("many rows", {}, draw(f"{metric}/many", "probabilities", sizes=(131, 60)))
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        batches = [{**b, "preds": b["preds"].to(dtype)} for b in draw(f"{metric}/dtype", "probabilities", sizes=sizes)]
        put(f"{str(dtype).removeprefix('torch.')} scores, thresholds=5", {"thresholds": 5}, batches)
    batches = draw(f"{metric}/all ignored", "probabilities", sizes=sizes, ignore_index=-1)
    put("ignored targets", {"ignore_index": -1}, batches)
    valid = [torch.tensor([True, True, False, True, False]), torch.tensor([False, True, True])]
    put("rows that do not count", {}, draw(f"{metric}/valid", "probabilities", sizes=(5, 3)), valid=valid)


def drawn(stem: Stem, scan: Scan, metric: str, functional: str, options: dict, arguments: dict, draw) -> None:
    """Add cases until each pair of argument values, kind of scores included, has occurred."""
    for given in pairwise(Draws(f"{stem.name}/{metric}"), {"kind": ["probabilities", "logits"], **arguments}):
        kind = given.pop("kind")
        # Points of an averaged curve are equally near in few of so many samples.
        sizes = (37, 29) if given.get("average") == "macro" else (7, 6)
        batches = draw(f"{metric}/pairs", kind, sizes=sizes, ignore_index=given.get("ignore_index"))
        add(stem, scan, f"{kind}, {label(given)}", metric, functional, options | given, batches)


def refusals(stem: Stem, scan: Scan, metric: str, options: dict, good: dict, wrong: dict) -> None:
    """Add what every task must refuse."""
    thresholds = [(1, None), (0, None), (-3, None), ([0.5, 1.5], None), ([-0.1, 0.5], None), ("many", None)]
    refused_options(stem, metric, options, COMMON_WRONG | scan.wrong | {"thresholds": thresholds} | wrong)
    for name in scan.given():
        stem.refuse(Misuse(f"{metric}/no {name}", metric, {k: v for k, v in options.items() if k != name}, name))
    preds, target = good["preds"], good["target"]
    out_of_range = target.clone()
    out_of_range.view(-1)[1] = CLASSES + 5 if "num_classes" in options else 2
    reject = lambda name, word, batch, before=(): stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, [*before, batch]))
    reject("rows that differ in number", "target", {"preds": preds, "target": target[:-1]})
    reject("no target", "target", {"preds": preds})
    reject("preds that are labels", "preds", {"preds": preds.long(), "target": target})
    reject("a target that is no label", "target", {"preds": preds, "target": target.float()})
    if "num_classes" not in options:
        reject("a target out of range, later", "target", {"preds": preds, "target": out_of_range}, [good])


def write_scan(stem: Stem, scan: Scan) -> None:
    """Add all cases of one metric: its three tasks and its router."""
    own = scan.given()
    shared = {"thresholds": THRESHOLDS, "validate_args": [True, False]}
    tasks = (
        ("Binary", "binary", {}, binary, (2, 3), scan.binary, [None, -1, 0, 1]),
        ("Multiclass", "multiclass", {"num_classes": CLASSES}, lambda n, k, **m: multiclass(n, k, CLASSES, **m), (2, 2), scan.multiclass, [None, -1, 2]),
        ("Multilabel", "multilabel", {"num_labels": LABELS}, lambda n, k, **m: multilabel(n, k, LABELS, **m), (2, 2), scan.multilabel, [None, -1, 0, 1]),
    )
    for prefix, lower, counts, draw, rest, more, ignored in tasks:
        metric, functional, options = prefix + scan.metric, f"{lower}_{scan.functional}", counts | own
        scores(stem, scan, metric, functional, options, draw, rest)
        for given in scan.shown:
            batches = draw(f"{metric}/shown", "probabilities", sizes=(60, 50))
            add(stem, scan, f"many scores, {label(given)}", metric, functional, options | given, batches)
        arguments = scan.arguments | {k: v for k, v in more.items()} | shared | {"ignore_index": ignored}
        drawn(stem, scan, metric, functional, options, arguments, draw)
        stem.require(metric, arguments, SAME_UNCHECKED | scan.excused)
        wrong = {"average": scan.wrong_average} if "average" in more else {}
        if more == NORMALIZATION:
            wrong["normalization"] = [("tanh", LATER), ("softmax", LATER)]
        for name in counts:
            wrong[name] = [(1, None), (0, None), ("three", None), (2.5, None), (None, None)]
            stem.refuse(Misuse(f"{metric}/no {name}", metric, own, name))
        checked = options | scan.checked if prefix == "Binary" else options
        refusals(stem, scan, metric, checked, draw(f"{metric}/good", "probabilities", sizes=(6,))[0], wrong)
        given = {"task": lower} | options | {"thresholds": 5}
        batches = draw(f"{scan.metric}/{lower}", "probabilities", sizes=(7, 5))
        stem.add(Case(f"{scan.metric}/{lower}", scan.metric, {"task": lower} | options, batches, scan.functional, tolerance=scan.tolerance))
        stem.add(Case(f"{scan.metric}/{lower}, thresholds=5", scan.metric, given, batches, scan.functional, tolerance=scan.tolerance))
    router_refusals(stem, scan.metric) if not own else scan_router_refusals(stem, scan.metric, own)


def scan_router_refusals(stem: Stem, metric: str, own: dict) -> None:
    """Add what a router with a required argument must refuse."""
    refuse = lambda name, options, word: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word))
    refuse("no task", own, "task")
    refuse("unknown task", {"task": "regression"} | own, "task")
    refuse("multiclass without num_classes", {"task": "multiclass"} | own, "num_classes")
    refuse("multilabel without num_labels", {"task": "multilabel"} | own, "num_labels")
    refuse("unknown option", {"task": "binary", "treshold": 0.5} | own, "treshold")
    for name in own:
        refuse(f"no {name}", {"task": "binary"}, name)


# ---- the best value of one rate where another is at least a minimum ----------------------------------------------------


def ratio(part: int, whole: int) -> float:
    """Divide, rounded once; NaN without anything."""
    return float(Fraction(part, whole)) if whole else math.nan


def best_pair(found: list) -> tuple:
    """Make tensors of (value, threshold) by class."""
    return tuple(torch.tensor(column, dtype=torch.float32) for column in zip(*found))


def best_of_precision_recall(value: str, minimum: str) -> Callable:
    """Return the search for the greatest precision or recall; then the greater other one, then the greater threshold."""

    def of_class(c: Points, least: float, without_positives: float) -> tuple:
        candidates = []
        for p in c.points:
            precision = ratio(p.tps, p.tps + p.fps)
            recall = ratio(p.tps, c.positives) if c.positives else without_positives
            rates = (precision, recall) if value == "precision" else (recall, precision)
            if rates[1] >= least and not math.isnan(rates[0]):
                candidates.append((*rates, p.threshold))
        best = max(candidates, default=(0.0, 0.0, math.nan))
        return best[0], best[2] if best[0] > 0 else math.nan

    def search(classes: list, options: dict):
        # As torchmetrics: where every score is a threshold, all of no positives are found, but for classes.
        found = 1.0 if classes[0].exact and "num_classes" not in options else math.nan
        return best_pair([of_class(c, options[minimum], found) for c in classes])

    return search


def best_of_roc(value: str, minimum: str) -> Callable:
    """Return the search for the greatest sensitivity or specificity; of equal ones the first in the order of the ROC curve."""

    def of_class(c: Points, least: float) -> tuple:
        best = None
        for p in c.roc():
            sensitivity = ratio(p.tps, c.positives) if c.positives else 0.0
            specificity = ratio(c.negatives - p.fps, c.negatives) if c.negatives else 1.0
            rates = (sensitivity, specificity) if value == "sensitivity" else (specificity, sensitivity)
            if rates[1] >= least and (best is None or rates[0] > best[0]):
                best = rates[0], p.threshold
        return best or (0.0, 1e6)

    return lambda classes, options: best_pair([of_class(c, options[minimum]) for c in classes])


def write_at_fixed(stem: Stem, metric: str, functional: str, minimum: str, search: Callable) -> None:
    """Add all cases of a metric that has to hold a minimum."""
    scan = Scan(
        metric,
        functional,
        {minimum: [0.5, 0.0, 0.8, 1.0]},
        {minimum: [(1.5, TYPED), (-0.1, TYPED), (2, None), ("half", None), (None, None)]},
        search,
        "ratios of counts are rounded once, in float64: a point that just meets the minimum counts; there they are float32",
        binary=NORMALIZATION,
    )
    write_scan(stem, scan)
    draw_boundaries(stem, scan, f"Binary{metric}", f"binary_{functional}", minimum)


def draw_boundaries(stem: Stem, scan: Scan, metric: str, functional: str, minimum: str) -> None:
    """Add minima that points meet exactly, and one that none meets."""
    draws = Draws(f"{stem.name}/boundaries")
    target = torch.tensor(draws.shuffled([0] * 10 + [1] * 10))
    preds = (torch.tensor(draws.shuffled(list(range(20)))).float() * 2 + 1) / 64
    batches = [{"preds": preds[:12], "target": target[:12]}, {"preds": preds[12:], "target": target[12:]}]
    for least in (0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.9):
        for thresholds in (None, 33):
            given = {minimum: least, "thresholds": thresholds}
            add(stem, scan, f"points on the minimum, {label(given)}", metric, functional, given, batches)
    high, low = {minimum: 0.9, "thresholds": [0.75, 0.875]}, {minimum: 0.0, "thresholds": [0.75, 0.875]}
    for given in (high, low):
        add(stem, scan, f"no score reaches a threshold, {label(given)}", metric, functional, given, batches)
    few = {minimum: 0.9, "thresholds": [0.0, 0.0]}
    add(stem, scan, f"every score passes, {label(few)}", metric, functional, few, batches)
