"""The cases that curves over thresholds and the areas under them have in common, by task."""

import itertools
import math
from fractions import Fraction
from typing import Callable

import torch
from cases import FLOAT_TOLERANCE, Case, Misuse, Stem, concatenated, find_functional, kept_rows, pairwise, play, same
from draws import Draws
from labelled import binary, many_rows, multiclass, multilabel
from stat_scores_family import CLASSES, COMMON_WRONG, LABELS, label, own_reading, refused_options, router_refusals
from threshold_scans import Points, curves

SIZES = (7, 5, 9)
UNSORTED = [0.75, 0.125, 0.5]
THRESHOLDS = [None, 5, 33, [0.25, 0.5, 0.75], UNSORTED]
SAME_UNCHECKED = {("validate_args", v): "on inputs that torchmetrics can count without checks, both give the same" for v in (True, False)}
AREAS = ("AUROC", "AveragePrecision")
# The mean of curves is interpolated in float32 there.
LOOSE = {"rtol": 2e-5, "atol": 2e-6}


def wide(batch: dict) -> dict:
    """Give scores float32."""
    return {**batch, "preds": batch["preds"].float()}


WHOLE = "an area is that of the whole curve, from no sample let through to all; torchmetrics leaves out what lies beyond the thresholds given"
EXACTLY = "counts by comparing each score, areas as exact fractions"


def binned_area(metric: str, options: dict) -> bool:
    """Tell whether a metric or functional is an area from counts between thresholds."""
    return metric.endswith(AREAS + ("auroc", "average_precision")) and options.get("thresholds") is not None


def whole_curve(c: Points) -> list:
    """Return (fps, tps) from no sample let through to all."""
    return [(0, 0), *sorted((p.fps, p.tps) for p in c.points), (c.negatives, c.positives)]


def roc_area(c: Points, max_fpr=None) -> Fraction:
    """Add up trapezoids; the part up to a rate is scaled as by McClish, 0.5 for chance."""
    if not c.positives or not c.negatives:
        return Fraction(0)
    rates = [(Fraction(f, c.negatives), Fraction(t, c.positives)) for f, t in whole_curve(c)]
    most, area = Fraction(max_fpr or 1), Fraction(0)
    for (x, y), (right, top) in itertools.pairwise(rates):
        if right > most:
            right, top = most, y + (top - y) * (most - x) / (right - x)
        area += max(right - x, 0) * (y + top) / 2
        if right == most:
            break
    return area if most == 1 else (1 + (area - most**2 / 2) / (most - most**2 / 2)) / 2


def precision_area(c: Points) -> Fraction:
    """Add up the gains of recall times the precision there; the last gain is all that the thresholds left."""
    gains = ((t - before, t, f) for (_, before), (f, t) in itertools.pairwise(whole_curve(c)))
    return sum((Fraction(gain * t, (t + f) * c.positives) for gain, t, f in gains if gain), Fraction(0))


def together(found: list) -> Points:
    """Make one question of all labels."""
    points = [type(p[0])(sum(q.tps for q in p), sum(q.fps for q in p), p[0].threshold) for p in zip(*(c.points for c in found))]
    return Points(points, sum(c.positives for c in found), sum(c.negatives for c in found), False)


def exact_area(metric: str, options: dict) -> Callable:
    """Return the function from a batch to the area, averaged as the options say."""
    of_class = (lambda c: roc_area(c, options.get("max_fpr"))) if metric.lower().endswith("auroc") else precision_area

    def value(batch: dict) -> torch.Tensor:
        found = curves(batch, options)
        average = options.get("average", "macro")
        if average == "micro":
            found = [together(found)]
        areas = [of_class(c) for c in found]
        weights = [c.positives if average == "weighted" else 1 for c in found]
        if average in (None, "none") and len(areas) > 1:
            return torch.tensor([float(a) for a in areas])
        return torch.tensor(float(sum(a * w for a, w in zip(areas, weights)) / max(sum(weights), 1)))

    return value


def exactly(metric: str, options: dict, reason: str) -> dict:
    """Expect the exact area."""
    value = exact_area(metric, options)
    return {"reason": reason, "reference": EXACTLY, "forward_by": value, "final_by": lambda bs: value(concatenated(bs))}


def settled(case: Case) -> Case:
    """Expect the area of the whole curve where torchmetrics' is another one."""
    if not case.final_by and binned_area(case.metric, case.options):
        vars(case).update(exactly(case.metric, case.options, WHOLE))
        if follows(case):
            vars(case).update(dict.fromkeys(("reason", "reference", "forward_by", "final_by")))
    return case


def by_functional(functional: str, options: dict, reason: str, change=lambda b: b, reference: str = "") -> dict:
    """Expect what torchmetrics' functional, or an exact area, gives for all batches in one, prepared by `change`."""
    if binned_area(functional, options):
        area = exact_area(functional, options)
        return {"reason": reason, "reference": EXACTLY, "forward_by": lambda b: area(change(b)), "final_by": lambda bs: area(change(concatenated(bs)))}
    function = find_functional(functional)
    value = lambda b: squeezed(function(**change(b), **options))
    return {
        "reason": reason,
        "reference": reference or "torchmetrics' functional, all batches in one",
        "forward_by": value,
        "final_by": lambda bs: value(concatenated(bs)),
    }


def squeezed(value):
    """Make scalars of one-element tensors, as every class of torchmetrics does."""
    if isinstance(value, torch.Tensor):
        return value.squeeze() if value.numel() == 1 else value
    return type(value)(squeezed(v) for v in value)


def in_order(options: dict) -> dict:
    """Sort the thresholds."""
    return options | {"thresholds": sorted(options["thresholds"])}


def difference(metric: str, functional: str, options: dict) -> dict:
    """Say where torchmetrics is not followed, and what is expected instead."""
    if options.get("thresholds") == UNSORTED and metric.endswith(AREAS):
        # Clamped scores reach the same thresholds as those that are taken as they are.
        as_read = (lambda b: {**b, "preds": b["preds"].clamp(0, 1)}) if options.get("normalization", 1) is None else (lambda b: b)
        return by_functional(functional, without_hidden(in_order(options)), "an area is that of the curve in the order of its thresholds; torchmetrics takes them as they are listed", as_read, "torchmetrics' functional on sorted thresholds")
    if options.get("average") == "micro" and options.get("thresholds") is not None and "num_classes" in options:
        return by_functional(functional, options, "torchmetrics' class adds the counts of all classes together to a state for each class, which fails")
    return {}


def follows(case: Case) -> bool:
    """Tell whether torchmetrics gives the same although it need not."""
    counted = [kept_rows(b, case.valid[i] if case.valid else None) for i, b in enumerate(case.batches)]
    try:
        theirs = play(case.metric, case.options, counted)
    except Exception:  # noqa: BLE001 it cannot play the case at all
        return False
    ours = [[case.forward_by(b) for b in counted], case.final_by(counted)]
    return same(ours, list(theirs[:2]), **(case.tolerance or FLOAT_TOLERANCE))


def without_hidden(options: dict) -> dict:
    """Leave out what the functionals do not take."""
    return {k: v for k, v in options.items() if k not in ("normalization", "input")}


def tolerance(options: dict):
    """A macro average of curves is interpolated."""
    return LOOSE if options.get("average") == "macro" else None


def adder(stem: Stem, metric: str, functional: str, options: dict):
    """Return what adds a case of this metric."""

    def add(name: str, given: dict, batches: list, **more) -> None:
        merged = options | given
        by_name = functional if merged.get("normalization", 1) is not None else None  # which has no such argument
        more = {"tolerance": tolerance(merged)} | more
        case = Case(f"{metric}/{name}", metric, merged, batches, by_name, **(difference(metric, functional, merged) | more))
        if case.final_by and "final_by" not in more and follows(case):
            case = Case(case.name, metric, merged, batches, by_name, **more)
        stem.add(settled(case))

    return add


def compact(batch: dict, options: dict) -> dict:
    """Keep labels in bytes, which torchmetrics takes where they are not classes."""
    return batch if "num_classes" in options else {**batch, "target": batch["target"].to(torch.uint8)}


def beyond_first_class(metric: str, batches: list) -> list:
    """Leave no batch of the first class alone; see `first_class`."""
    if metric in ("MulticlassPrecisionRecallCurve", "MulticlassAveragePrecision"):
        for b in batches:
            b["target"] = b["target"].clamp(min=1)
    return batches


def tied(batches: list) -> list:
    """Leave scores few levels, among them thresholds of the lists and 0 and 1."""
    for b in batches:
        b["preds"] = (b["preds"] * 8).round() / 8
    return batches


def scores(stem: Stem, metric: str, functional: str, options: dict, draw, rest) -> None:
    """Add what scores have to show: kinds, ties, layouts, dtypes, one-sided targets, with and without thresholds."""
    add = adder(stem, metric, functional, options)
    positive = "num_classes" not in options
    for thresholds in (None, 5):
        given = {} if thresholds is None else {"thresholds": thresholds}
        named = "" if thresholds is None else f", {label(given)}"
        for kind in ("probabilities", "logits"):
            add(f"{kind}{named}", given, draw(f"{metric}/{kind}", kind, sizes=SIZES))
        add(f"more dimensions{named}", given, draw(f"{metric}/more", "probabilities", sizes=(3, 2, 4), rest=rest))
        add(f"ties{named}", given, tied(draw(f"{metric}/ties", "probabilities", sizes=(9, 4, 17))))
        add(f"one sample a batch{named}", given, beyond_first_class(metric, draw(f"{metric}/single", "probabilities", sizes=(1, 1))))
        for value in (0, 1):
            if value == 0 and not positive and thresholds is None and metric.endswith(("PrecisionRecallCurve", "AveragePrecision")):
                continue  # see `first_class`
            batches = draw(f"{metric}/one side", "probabilities", sizes=(6, 4))
            one_sided = [{**b, "target": torch.full_like(b["target"], value)} for b in batches]
            add(f"only {value}{named}", given, one_sided)
        # Blocks of elements, rows for sorting by digits, and rows for counting by thread: more than each, no multiple.
        many = draw(f"{metric}/many", "probabilities", sizes=(1301 if metric.endswith(AREAS) else 131, 60))
        add(f"many rows{named}", given, [compact(b, options) for b in many])
        batches = draw(f"{metric}/infinite", "logits", sizes=SIZES)
        if positive:
            batches[0]["preds"].view(-1)[:2] = torch.tensor([math.inf, -math.inf])
        else:
            batches[0]["preds"][0, 1] = -math.inf
        add(f"infinite logits{named}", given, batches)
        if not positive and not metric.endswith(AREAS):
            batches = draw(f"{metric}/infinite score", "logits", sizes=SIZES)
            batches[0]["preds"][1, 2], batches[1]["preds"][0, :2] = math.inf, math.inf
            at_last = lambda b: {**b, "preds": b["preds"].clamp(max=1e4)}
            add(f"an infinite score{named}", given, batches, **by_functional(functional, options | given, "an infinite score of a class takes all of its row's probability; torchmetrics' softmax makes NaN of the row", at_last, "torchmetrics' functional on scores of 10000 in its place"))
    if not metric.endswith(AREAS):
        add("one threshold, thresholds=[0.5]", {"thresholds": [0.5]}, draw(f"{metric}/one threshold", "probabilities", sizes=SIZES))
    add("many rows of logits, thresholds=200", {"thresholds": 200}, [compact(b, options) for b in draw(f"{metric}/many", "logits", sizes=(603, 60) if metric.endswith(AREAS) else (131, 60))])
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        batches = [{**b, "preds": b["preds"].to(dtype)} for b in draw(f"{metric}/dtype", "probabilities", sizes=SIZES)]
        name = str(dtype).removeprefix("torch.")
        add(f"{name} scores, thresholds=5", {"thresholds": 5}, batches)
        if metric.endswith(AREAS):  # with all labels in each batch: the rates of others are float64 there
            batches = [{**b, "preds": b["preds"].to(dtype)} for b in draw(f"{metric}/dtype", "probabilities", sizes=(40, 30))]
            add(f"{name} scores", {}, batches)
    for dtype in (torch.int32, torch.bool):
        if dtype is torch.bool and not positive:
            continue
        batches = [{**b, "target": b["target"].to(dtype)} for b in draw(f"{metric}/labels", "probabilities", sizes=SIZES)]
        add(f"{str(dtype).removeprefix('torch.')} targets", {}, batches)
    add("ignored targets", {"ignore_index": -1}, draw(f"{metric}/ignored", "probabilities", sizes=SIZES, ignore_index=-1))
    valid = [torch.tensor([True, True, False, True, False]), torch.tensor([False, True, True])]
    for thresholds in (None, 5):
        batches = beyond_first_class(metric, draw(f"{metric}/valid", "probabilities", sizes=(5, 3)))
        add(f"rows that do not count, thresholds={thresholds}", {"thresholds": thresholds}, batches, valid=valid)


def readings(stem: Stem, metric: str, functional: str, options: dict, draw) -> None:
    """Add what decides whether scores are logits, and logits that a float32 sigmoid or softmax cannot tell apart."""
    add = adder(stem, metric, functional, options)
    dim = 1 if "num_classes" in options else None
    normalise = lambda s: s.double().softmax(1) if dim else s.double().sigmoid()
    for thresholds in (None, [0.25, 0.5, 0.75]):
        given = {"thresholds": thresholds}
        mixed = draw(f"{metric}/mixed a", "probabilities", sizes=(6,)) + draw(f"{metric}/mixed b", "logits", sizes=(9,))
        accumulated = own_reading(metric, options | given)
        if binned_area(metric, given):
            accumulated = exactly(metric, options | given, accumulated["reason"])
        add(f"probabilities, then logits, {label(given)}", given, mixed, **accumulated)
        as_probabilities = lambda b: {**b, "preds": normalise(b["preds"]).float()}
        said = "`input` says what the scores are; torchmetrics has no such argument"
        add(
            f"probabilities read as logits, {label(given)}", given | {"input": "logits"}, draw(f"{metric}/in", "probabilities", sizes=SIZES),
            **by_functional(functional, options | given, said, as_probabilities, "torchmetrics' functional on normalised scores"),
        )
        ranked = lambda b: {**b, "preds": b["preds"].clamp(0, 1)}
        if thresholds:  # clamped scores reach the same thresholds
            add(
                f"logits read as probabilities, {label(given)}", given | {"input": "probabilities"}, draw(f"{metric}/in", "logits", sizes=SIZES),
                **by_functional(functional, options | given, said, ranked, "torchmetrics' functional on scores clamped to [0, 1]"),
            )
    saturated = draw(f"{metric}/saturated", "logits", sizes=(12, 9))
    for b in saturated:
        b["preds"] = b["preds"] + (30 if dim is None else 0)
        if dim:
            b["preds"] = b["preds"] * 16
    exact = lambda b: {**b, "preds": rank_preserving(b["preds"], dim)}
    if metric.endswith(AREAS):
        add(
            "saturated logits", {}, saturated,
            **by_functional(functional, options, "logits are ranked as they are; in float32 their probabilities are the same (#3420)", exact, "torchmetrics' functional on ranks of float64 logits"),
        )
    for dtype in (torch.float16, torch.bfloat16):
        if not metric.endswith(AREAS):
            continue
        batches = [{**b, "preds": (b["preds"] / 64).to(dtype)} for b in draw(f"{metric}/half logits", "logits", sizes=SIZES)]
        name = str(dtype).removeprefix("torch.")
        add(
            f"{name} logits near zero", {"input": "logits"}, batches,
            **by_functional(functional, options, "half scores are the same numbers in float32; torchmetrics rounds probabilities to the half type", lambda b: {**b, "preds": normalise(b["preds"]).float()}, "torchmetrics' functional on probabilities in float32"),
        )
    if dim is None:
        batches = draw(f"{metric}/reading", "probabilities", sizes=(9, 6), ignore_index=-1)
        batches[0]["target"].view(-1)[2], batches[0]["preds"].view(-1)[2] = -1, 3.5
        batches[0]["preds"].view(-1)[:2] = torch.tensor([0.0, 1.0])  # the least and the greatest of probabilities
        within = lambda b: {**b, "preds": torch.where(b["target"] == -1, torch.tensor(0.5), b["preds"])}
        add("an ignored logit among probabilities", {"ignore_index": -1}, batches, **(
            by_functional(functional, options | {"ignore_index": -1}, "a score that does not count does not decide whether scores are logits", within, "torchmetrics' functional, the ignored scores within [0, 1]")
            if "num_labels" in options else {}
        ))


def rank_preserving(logits: torch.Tensor, dim) -> torch.Tensor:
    """Replace scores by their ranks, in (0, 1): of logits as they are, of classes by the float64 log-softmax."""
    exact = logits.double()
    if dim:  # torch's log_softmax is 0 for all scores that lead by 37 or more
        below = exact - exact.amax(1, keepdim=True)
        exact = below - torch.log1p(below.sort(1).values[:, :-1].exp().sum(1, keepdim=True))
    levels = exact.unique()
    return ((torch.searchsorted(levels, exact) + 1) / (len(levels) + 2)).float()


def drawn(stem: Stem, metric: str, functional: str, options: dict, arguments: dict, draw) -> None:
    """Add cases until each pair of argument values, kind of scores included, has occurred."""
    add = adder(stem, metric, functional, options)

    def allowed(given: dict) -> bool:  # torchmetrics fails where a curve ends before max_fpr
        ends_early = isinstance(given.get("thresholds"), list) or given.get("normalization", 1) is None
        return given.get("max_fpr") in (None, 1.0) or not ends_early

    for given in pairwise(Draws(f"{stem.name}/{metric}"), {"kind": ["probabilities", "logits"], **arguments}, allowed):
        kind = given.pop("kind")
        batches = draw(f"{metric}/pairs", kind, sizes=(9, 8), ignore_index=given.get("ignore_index"))
        for b in batches if "num_classes" not in options else ():  # torchmetrics fails where all are ignored
            b["target"][0], b["target"][1] = 0, 1
        add(f"{kind}, {label(given)}", given, batches)


def unchecked(stem: Stem, metric: str, functional: str, options: dict, draw) -> None:
    """Add targets that are no labels, which do not count when labels are not checked."""
    add = adder(stem, metric, functional, options)
    for thresholds in (None, 5):
        given = {"thresholds": thresholds, "validate_args": False}
        batches = draw(f"{metric}/unchecked", "probabilities", sizes=(9, 8))
        for b in batches:
            b["target"].view(-1)[1::4] = 7
        if "num_labels" in options or metric.startswith("Binary"):
            ignoring = options | {"ignore_index": 7, "thresholds": thresholds}
            add(
                f"targets that are no labels, {label(given)}", given, batches,
                **by_functional(functional, ignoring, "targets that are no labels do not count; torchmetrics takes them for negatives, or fails", reference="torchmetrics' functional with ignore_index=7"),
            )
        else:
            ignoring = options | {"ignore_index": 7, "thresholds": thresholds}
            add(
                f"targets that are no classes, {label(given)}", given, batches,
                **by_functional(functional, ignoring, "rows whose target is no class do not count; torchmetrics takes them for negatives, or fails", reference="torchmetrics' functional with ignore_index=7"),
            )


def first_class(stem: Stem, metric: str, functional: str, options: dict, draw) -> None:
    """Add targets that are all of the first class, which torchmetrics takes for no positive samples at all."""
    if not metric.endswith(("PrecisionRecallCurve", "AveragePrecision")):
        return
    batches = [{**b, "target": torch.zeros_like(b["target"])} for b in draw(f"{metric}/one side", "probabilities", sizes=(6, 4))]

    def swapped(b: dict) -> dict:
        order = torch.tensor([1, 0, *range(2, CLASSES)])
        return {"preds": b["preds"][:, order], "target": 1 - b["target"]}

    def back(value):
        if isinstance(value, torch.Tensor):
            return value[[1, 0, *range(2, CLASSES)]]
        return tuple([v[1], v[0], *v[2:]] for v in value)

    function = find_functional(functional)
    given = {"average": "none"} if metric.endswith("AveragePrecision") else {}
    value = lambda b: back(function(**swapped(b), **options, **given))
    adder(stem, metric, functional, options)(
        "only the first class", given, batches,
        reason="a class has the curve that it has wherever it stands; torchmetrics takes targets that are all 0 for a lack of positives in every class",
        reference="torchmetrics' functional with the first two classes exchanged",
        forward_by=value,
        final_by=lambda bs: value(concatenated(bs)),
    )


def refusals(stem: Stem, metric: str, options: dict, good: dict, wrong: dict) -> None:
    """Add what every task must refuse."""
    thresholds = [(1, None), (0, None), (-3, None), ([0.5, 1.5], None), ([-0.1, 0.5], None), ("many", None)]
    thresholds.append(([], "without thresholds there is no curve"))
    refused_options(stem, metric, options, COMMON_WRONG | {"thresholds": thresholds, "input": [("scores", None)]} | wrong)
    preds, target = good["preds"], good["target"]
    unchecked_there = "torchmetrics' BinaryAUROC passes validate_args on as False" if metric == "BinaryAUROC" else None
    reject = lambda name, word, batch, before=(), **more: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, [*before, batch], **more))
    reject("no target", "target", {"preds": preds})
    reject("unknown input", "labels", {**good, "labels": target})
    reject("preds that are labels", "preds", {"preds": preds.long(), "target": target}, reason=unchecked_there)
    reject("a target that is no label", "target", {"preds": preds, "target": target.float()}, reason=unchecked_there)
    nan = preds.clone()
    nan.view(-1)[2] = math.nan
    unranked = "torchmetrics ranks each NaN first, in the order in which they come"
    reject("a score that is not a number", "nan", {"preds": nan, "target": target}, reason=unranked)
    reject("a score that is not a number, later", "nan", {"preds": nan, "target": target}, [good], reason=unranked)
    bad = target.clone()
    if "num_classes" in options:
        reject("rows that differ in number", "target", {"preds": preds, "target": target[:-1]})
        reject("scores of another number of classes", "preds", {"preds": preds[:, :3].contiguous(), "target": target})
        reject("labels for scores", "preds", {"preds": target, "target": target})
        bad[1] = CLASSES + 5
        reject("a target out of range", "target", {"preds": preds, "target": bad}, [good], reason="torchmetrics counts distinct labels")
    else:
        reject("shapes that differ", "target", {"preds": preds, "target": target[:-1]}, reason=unchecked_there)
        bad.view(-1)[1] = 2
        reject("a target out of range", "target", {"preds": preds, "target": bad}, [good], reason=unchecked_there)
    if "num_labels" in options:
        reject("another number of labels", "num_labels", {"preds": torch.zeros(4, 2), "target": torch.zeros(4, 2).long()})


def beyond_thresholds(stem: Stem, metric: str, functional: str) -> None:
    """Add scores that all lie on one side of the thresholds, or beyond the last."""
    columns = lambda values, rows: torch.tensor(values).reshape(-1, rows).T.contiguous()
    for name, scores, target, given in (
        ("the greatest threshold is met", [0.3, 0.5, 0.7, 1.0, 1.0], [0, 0, 1, 1, 0], {"thresholds": 11}),
        ("every score is 1", [1.0, 1.0, 1.0, 1.0], [1, 0, 1, 0], {"thresholds": 5}),
        ("logits that are 1 in float32", [40.0, 40.0, -40.0, -40.0], [1, 0, 1, 0], {"thresholds": 5}),
        ("every score is above the thresholds", [0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], {"thresholds": [0.1, 0.5]}),
        ("every score is below the thresholds", [0.1, 0.2, 0.3, 0.4], [1, 0, 1, 1], {"thresholds": [0.5, 0.75]}),
        ("one threshold", [0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0], {"thresholds": [0.5]}),
        ("a positive below the threshold", [0.9, 0.8, 0.1], [1, 0, 1], {"thresholds": [0.5]}),
        ("a part", [1.0, 1.0, 1.0, 0.5, 0.25], [1, 1, 0, 0, 0], {"thresholds": 5, "max_fpr": 0.2}),
        ("a part below the threshold", [0.9, 0.8, 0.4, 0.1], [1, 1, 0, 0], {"thresholds": [0.5], "max_fpr": 0.2}),
    ):
        if "max_fpr" in given and metric != "AUROC":
            continue
        batch = {"preds": torch.tensor(scores), "target": torch.tensor(target)}
        stem.add(settled(Case(f"Binary{metric}/{name}", f"Binary{metric}", given, [batch], f"binary_{functional}")))
    preds, target = [0.9, 0.8, 0.7, 0.6, 0.55, 0.4, 0.3, 0.2], [1, 0, 1, 0, 0, 1, 1, 0]
    labels = {"preds": columns(preds, 4), "target": columns(target, 4)}
    for average in ("micro", "macro", "weighted", "none"):
        given = {"num_labels": 2, "thresholds": [0.5, 0.65], "average": average}
        stem.add(settled(Case(f"Multilabel{metric}/beyond the thresholds, {average}", f"Multilabel{metric}", given, [labels], f"multilabel_{functional}")))
    classes = {"preds": torch.tensor([[0.5, 0.3, 0.2], [0.4, 0.5, 0.1], [0.2, 0.45, 0.35], [0.6, 0.1, 0.3]]), "target": torch.tensor([0, 2, 1, 1])}
    for average in ("macro", "weighted", "none"):
        given = {"num_classes": 3, "thresholds": [0.25, 0.475], "average": average}
        stem.add(settled(Case(f"Multiclass{metric}/beyond the thresholds, {average}", f"Multiclass{metric}", given, [classes], f"multiclass_{functional}")))


def write_curves(stem: Stem, metric: str, functional: str) -> None:
    """Add all cases of one metric: its three tasks and its router."""
    area = metric in AREAS
    tasks = (
        ("binary", {}, binary, (2, 3)),
        ("multiclass", {"num_classes": CLASSES}, lambda n, k, **m: multiclass(n, k, CLASSES, **m), (2, 2)),
        ("multilabel", {"num_labels": LABELS}, lambda n, k, **m: multilabel(n, k, LABELS, **m), (2, 2)),
    )
    for lower, options, batches in many_rows() if area else ():
        name, function = lower.capitalize() + metric, f"{lower}_{functional}"
        for thresholds in (None, 100):
            given = options | ({"thresholds": thresholds} if thresholds else {})
            stem.add(settled(Case(f"{name}/more rows than a thread takes, thresholds={thresholds}", name, given, batches, function, tolerance={"rtol": 1e-5, "atol": 1e-6})))
    for lower, options, draw, rest in tasks:
        name, function = lower.capitalize() + metric, f"{lower}_{functional}"
        scores(stem, name, function, options, draw, rest)
        readings(stem, name, function, options, draw)
        unchecked(stem, name, function, options, draw)
        arguments = {"thresholds": THRESHOLDS, "validate_args": [True, False], "ignore_index": [None, -1, 0, 1]}
        excused = dict(SAME_UNCHECKED)
        wrong = {count: [(1, None), (0, None), ("three", None), (2.5, None), (None, None)] for count in options}
        if lower == "binary":
            arguments["normalization"] = ["sigmoid", None]
            wrong["normalization"] = [("tanh", "torchmetrics takes any, and fails when it comes to scores outside [0, 1]")]
            wrong["normalization"].append(("softmax", "torchmetrics fails when it comes to scores outside [0, 1]"))
            if area:
                excused["normalization", None] = "a sigmoid leaves the order of scores as it is"
        if (lower, metric) == ("binary", "AUROC"):
            arguments["max_fpr"] = [None, 0.25, 0.75, 1.0]
            excused["max_fpr", 1.0] = "the whole area"
            never = "torchmetrics tests `not float and 0 < max_fpr <= 1`"
            wrong["max_fpr"] = [(0.0, never), (1.5, never), (-0.5, never), ("half", None)]
        if lower == "multiclass":
            arguments["ignore_index"] = [None, -1, 2]
            first_class(stem, name, function, options, draw)
        if lower == "multiclass" and not area:
            arguments["average"] = [None, "micro", "macro"]
            wrong["average"] = [("mean", None), ("weighted", None)]
        if lower != "binary" and area:
            arguments["average"] = ["macro", "weighted", "none", None] + (["micro"] if lower == "multilabel" else [])
            wrong["average"] = [("mean", None)] + ([("micro", None)] if lower == "multiclass" else [])
        drawn(stem, name, function, options, arguments, draw)
        required = dict(arguments)
        if area:  # see `difference`; lists do not reach the ends
            adder(stem, name, function, options)("thresholds=33", {"thresholds": 33}, draw(f"{name}/pairs", "logits", sizes=(9, 8)))
            required["thresholds"] = [t for t in THRESHOLDS if not isinstance(t, list)]
        stem.require(name, required, excused)
        for count in options:
            stem.refuse(Misuse(f"{name}/no {count}", name, {}, count))
        refusals(stem, name, options, draw(f"{name}/good", "probabilities", sizes=(6,))[0], wrong)
        batches = draw(f"{metric}/{lower}", "probabilities", sizes=(7, 5))
        for given in ({}, {"thresholds": 5}):
            given = {"task": lower} | options | given
            stem.add(settled(Case(f"{metric}/{label(given)}", metric, given, batches, functional)))
    if area:
        beyond_thresholds(stem, metric, functional)
        for average in ("weighted", "none"):
            given = {"task": "multiclass", "num_classes": CLASSES, "average": average}
            stem.add(Case(f"{metric}/{label(given)}", metric, given, multiclass(f"{metric}/average", "logits", CLASSES, sizes=SIZES), functional))
        batches = multilabel(f"Multilabel{metric}/first label", "probabilities", LABELS, sizes=(9, 8))
        for b in batches:  # of those that are one question, not the last
            b["target"][::2, 0] = -1
        given = {"num_labels": LABELS, "average": "micro", "ignore_index": -1}
        stem.add(Case(f"Multilabel{metric}/ignored in the first label alone, average=micro", f"Multilabel{metric}", given, batches, f"multilabel_{functional}"))
    if metric == "AUROC":
        given = {"task": "binary", "max_fpr": 0.25}
        stem.add(Case(f"{metric}/{label(given)}", metric, given, binary(f"{metric}/max_fpr", "logits", sizes=(20, 9)), functional))
        # A part that ends within a slanted segment, on curves that begin at (0, 0) and elsewhere.
        for thresholds, max_fpr in itertools.product((None, 5, [0.0, 0.25, 0.5, 0.75]), (0.5, 0.7)):
            given = {"thresholds": thresholds, "max_fpr": max_fpr}
            batches = tied(binary("BinaryAUROC/max_fpr", "probabilities", sizes=(17, 23)))
            stem.add(settled(Case(f"BinaryAUROC/ties, {label(given)}", "BinaryAUROC", given, batches, "binary_auroc")))
    if not area:  # curves of a single segment: a ROC curve has a point a threshold, precision and recall one more
        given = {"num_classes": CLASSES, "average": "macro", "thresholds": [0.125, 0.25] if metric == "ROC" else [0.25]}
        batches = multiclass(f"{metric}/two points", "probabilities", CLASSES, sizes=SIZES)
        stem.add(Case(f"Multiclass{metric}/two points", f"Multiclass{metric}", given, batches, f"multiclass_{functional}", tolerance=LOOSE))
    router_refusals(stem, metric)
