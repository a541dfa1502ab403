"""The cases that every metric made of true and false positives and negatives has in common, by task."""

import inspect
import itertools
import math
from dataclasses import dataclass, field, replace
from typing import Callable

import torch
from cases import Case, Misuse, Stem, concatenated, copied, find_functional, pairwise, play, same
from draws import Draws
from labelled import binary, many_rows, multiclass, multilabel

CLASSES, LABELS = 4, 3
AVERAGES = ["micro", "macro", "weighted", "none", None]
KINDS = ["labels", "probabilities", "logits"]
ZERO_DIVISION = {("zero_division", 1): "taken for the sake of the signature; this metric divides by no such count"}
ON_THRESHOLD = "the score is the threshold's own float32; in float64 it is not the threshold"


def label(options: dict) -> str:
    """Name a case by its options."""
    return ", ".join(f"{k}={v}" for k, v in options.items()) or "defaults"


def own_reading(metric: str, options: dict) -> dict:
    """Expect what torchmetrics gives for all of the data in one update."""
    return {
        "reason": "whether scores are logits is decided over everything accumulated; torchmetrics decides batch by batch",
        "reference": "torchmetrics, everything in one update",
        "forward_by": lambda b: play(metric, options, [b])[1],
        "final_by": lambda bs: play(metric, options, [concatenated(bs)])[1],
    }


def read_as(metric: str, options: dict, reading: str) -> dict:
    """Expect what torchmetrics gives for scores that were made probabilities, or labels, beforehand."""
    threshold = options.get("threshold", 0.5)
    given = {k: v for k, v in options.items() if k != "input"}

    def prepared(batch: dict) -> dict:
        scores = batch["preds"].double()
        positive = (torch.sigmoid(scores) if reading == "logits" else scores) > threshold
        return {**batch, "preds": positive.long()}

    return {
        "reason": "`input` says what the scores are; torchmetrics has no such argument",
        "reference": f"torchmetrics on labels: {'sigmoid(preds)' if reading == 'logits' else 'preds'} > threshold in float64",
        "forward_by": lambda b: play(metric, given, [prepared(b)])[1],
        "final_by": lambda bs: play(metric, given, [prepared(b) for b in bs])[1],
    }


def near_zero(batches: list, dtype: torch.dtype) -> list:
    """Make every second logit so small that its sigmoid, rounded to the half type, is 0.5."""
    for b in batches:
        b["preds"] = b["preds"].to(dtype)
        b["preds"].view(-1)[::2] = 2.0**-12
    return batches


def as_float32(metric: str, options: dict) -> dict:
    """Expect what torchmetrics gives for the same scores in float32."""
    wide = lambda b: {**b, "preds": b["preds"].float()}
    return {
        "reason": "half scores count as the same numbers in float32; torchmetrics rounds their sigmoid to the half type before it compares",
        "reference": "torchmetrics, scores in float32, everything in one update",
        "forward_by": lambda b: play(metric, options, [wide(b)])[1],
        "final_by": lambda bs: play(metric, options, [concatenated([wide(b) for b in bs])])[1],
    }


def elementwise(stem: Stem, metric: str, functional: str, options: dict, draw, rest) -> None:
    """Add what thresholded scores (binary, multilabel) have to show: readings, thresholds, ties, dtypes."""
    add = lambda name, given, batches, **more: stem.add(
        Case(f"{metric}/{name}", metric, options | given, batches, functional, **more)
    )
    for kind in KINDS:
        add(kind, {}, draw(f"{metric}/{kind}", kind))
        add(f"{kind}, more dimensions", {}, draw(f"{metric}/{kind} more", kind, sizes=(3, 2, 4), rest=rest))
    for threshold in (0.3, 0.75, 0.0, 1.0):
        batches = draw(f"{metric}/threshold", "probabilities")
        batches[0]["preds"].view(-1)[:2] = torch.tensor([0.0, 1.0])
        add(f"threshold={threshold}", {"threshold": threshold}, batches)
    add("threshold=0.3 of logits", {"threshold": 0.3}, draw(f"{metric}/threshold logits", "logits"))
    for threshold in (0.5, 0.3):
        batches = draw(f"{metric}/on threshold", "probabilities")
        for b in batches:
            b["preds"].view(-1)[::2] = threshold
        given = {} if threshold == 0.5 else {"threshold": threshold}
        add(f"scores on the threshold {threshold}", given, batches, excludes={"float64": ON_THRESHOLD})
    # More than a vector register or a block of rows holds, and no multiple of either.
    for kind in ("labels", "logits"):
        add(f"{kind}, many rows", {}, draw(f"{metric}/many", kind, sizes=(131, 2)))
    batches = [{**b, "preds": b["preds"].double()} for b in draw(f"{metric}/on threshold", "probabilities")]
    for b in batches:
        b["preds"].view(-1)[::2] = 0.3
    add("float64 scores on the threshold 0.3", {"threshold": 0.3}, batches)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        batches = [{**b, "preds": b["preds"].to(dtype)} for b in draw(f"{metric}/dtype", "probabilities")]
        add(f"{str(dtype).removeprefix('torch.')} scores", {}, batches)
    for dtype in (torch.float16, torch.bfloat16):
        near = near_zero(draw(f"{metric}/near", "logits"), dtype)
        add(f"{str(dtype).removeprefix('torch.')} logits near zero", {}, near, **as_float32(metric, options))
    for dtype in (torch.int32, torch.uint8, torch.bool):
        batches = [{k: v.to(dtype) for k, v in b.items()} for b in draw(f"{metric}/labels dtype", "labels")]
        add(f"{str(dtype).removeprefix('torch.')} labels", {}, batches)
    batches = draw(f"{metric}/infinite", "logits")
    batches[0]["preds"].view(-1)[:2] = torch.tensor([math.inf, -math.inf])
    add("infinite logits", {}, batches)
    batches = draw(f"{metric}/all ignored", "probabilities")
    batches[1]["target"] = torch.full_like(batches[1]["target"], -1)
    add("a batch of ignored targets", {"ignore_index": -1}, batches)
    mixed = draw(f"{metric}/mixed a", "probabilities") + draw(f"{metric}/mixed b", "logits")
    add("probabilities, then logits", {}, mixed, **own_reading(metric, options))
    add("input=logits", {"input": "logits"}, draw(f"{metric}/in", "probabilities"), **read_as(metric, options, "logits"))
    add("input=probabilities", {"input": "probabilities"}, draw(f"{metric}/in", "logits"), **read_as(metric, options, "probabilities"))
    add("input=logits, threshold=0.75", {"input": "logits", "threshold": 0.75}, draw(f"{metric}/in", "logits"), **read_as(metric, options | {"threshold": 0.75}, "logits"))
    batches = draw(f"{metric}/valid", "probabilities", sizes=(5, 3))
    valid = [torch.tensor([True, True, False, True, False]), torch.tensor([False, True, True])]
    add("rows that do not count", {}, batches, valid=valid)


def drawn(stem: Stem, metric: str, functional: str, options: dict, arguments: dict, draw, rest, settled=lambda case: case) -> None:
    """Add cases until each pair of argument values, kind of preds included, has occurred; `settled` has the last word on each."""

    def allowed(given: dict) -> bool:
        return given.get("top_k", 1) == 1 or given["kind"] != "labels"

    for given in pairwise(Draws(f"{stem.name}/{metric}"), {"kind": KINDS, **arguments}, allowed):
        kind = given.pop("kind")
        samplewise = given.get("multidim_average") == "samplewise"
        batches = draw(f"{metric}/pairs", kind, sizes=(3, 2, 4), rest=rest, ignore_index=given.get("ignore_index"))
        case = Case(f"{metric}/{kind}, {label(given)}", metric, options | given, batches, functional)
        case.rows = "permutes" if samplewise else "invariant"
        stem.add(settled(case))


def ignored_logit(stem: Stem, metric: str, functional: str, options: dict, batches: list) -> None:
    """Add probabilities among which one, whose target is ignored, is out of [0, 1]."""
    given = options | {"ignore_index": -1}
    within = lambda b: {**b, "preds": torch.where(b["target"] == -1, torch.tensor(0.5), b["preds"])}
    stem.add(
        Case(
            f"{metric}/an ignored logit decides nothing", metric, given, batches, functional,
            reason="an ignored element contributes nothing; torchmetrics lets it decide whether all scores are logits",
            reference="torchmetrics, with 0.5 in place of ignored scores",
            forward_by=lambda b: play(metric, given, [within(b)])[1],
            final_by=lambda bs: play(metric, given, [within(b) for b in bs])[1],
        )
    )


def ignored_prediction(stem: Stem, metric: str, functional: str, given: dict, batches: list) -> None:
    """Add ignored targets whose predicted label is none."""
    for b in batches:
        b["target"].view(-1)[0], b["preds"].view(-1)[0] = given["ignore_index"], given.get("num_classes", 2) + 1
    within = lambda b: {**b, "preds": torch.where(b["target"] == given["ignore_index"], 0, b["preds"])}
    stem.add(
        Case(
            f"{metric}/an ignored prediction that is no label", metric, given, batches, functional,
            reason="an ignored element contributes nothing; torchmetrics wants its prediction to be a label",
            reference="torchmetrics, with 0 in place of ignored predictions",
            forward_by=lambda b: play(metric, given, [within(b)])[1],
            final_by=lambda bs: play(metric, given, [within(b) for b in bs])[1],
            rows="permutes" if "multidim_average" in given else "invariant",
        )
    )


def unchecked(stem: Stem, metric: str, functional: str, options: dict, draw) -> None:
    """Add a target that is neither 0 nor 1 and counts as neither when nothing is checked."""
    batches = draw(f"{metric}/beyond", "labels")
    batches[0]["target"].view(-1)[0] = 2
    stem.add(Case(f"{metric}/labels out of range unchecked", metric, options | {"validate_args": False}, batches, functional))


def refused_options(stem: Stem, metric: str, options: dict, wrong: dict) -> None:
    """Add options that must be refused: name -> (value, reason where torchmetrics takes it)."""
    for name, attempts in wrong.items():
        for value, reason in attempts:
            stem.refuse(Misuse(f"{metric}/{name}={value!r}", metric, options | {name: value}, name, reason=reason))
    stem.refuse(Misuse(f"{metric}/unknown option", metric, options | {"treshold": 0.5}, "treshold"))
    stem.refuse(Misuse(f"{metric}/ill-typed dist_sync_on_step", metric, options | {"dist_sync_on_step": 1.5}, "dist_sync_on_step"))


ILL_TYPED = "torchmetrics does not look at the type"
IGNORE_INDEX = [("one", None), (0.5, None)]
COMMON_WRONG = {
    "ignore_index": IGNORE_INDEX,
    "validate_args": [("yes", ILL_TYPED)],
}
FAMILY_WRONG = {
    "multidim_average": [("batchwise", None), (None, None)],
    "zero_division": [(2, None), ("warn", None)],
}
THRESHOLD_WRONG = {"threshold": [(1.5, None), (-0.1, None), ("half", None), (None, None)]}
AVERAGE_WRONG = {"average": [("mean", None), (1, None)]}


def refused_inputs(stem: Stem, metric: str, options: dict, good: dict, labels_out_of_range: str) -> None:
    """Add inputs that must be refused whatever the task."""
    add = lambda name, word, batch, before=(), **more: stem.refuse(
        Misuse(f"{metric}/{name}", metric, options | more.pop("given", {}), word, [*before, batch], **more)
    )
    preds, target = good["preds"], good["target"]
    add("rows that differ in number", "target", {"preds": preds, "target": target[:-1]})
    add("no target", "target", {"preds": preds})
    add("unknown input", "labels", {"preds": preds, "target": target, "labels": target})
    wrong = target.clone()
    wrong.view(-1)[1] = labels_out_of_range
    add("a target out of range", "target", {"preds": (preds > 0.5).long() if preds.shape == target.shape else preds, "target": wrong})
    add("a target out of range, later", "target", {"preds": preds, "target": wrong}, before=[good])


NAN_BELOW = "in torchmetrics NaN is below every threshold"
NAN_FIRST = "in torchmetrics a row with NaN predicts the class of its first NaN"


def refused_nan(stem: Stem, metric: str, options: dict, good: dict, given=({},)) -> None:
    """Add a score that is not a number, with each of these options."""
    preds = good["preds"].clone()
    preds.view(-1)[preds.numel() - 2] = math.nan
    reason = NAN_BELOW if preds.shape == good["target"].shape else NAN_FIRST
    for more in given:
        named = "".join(f", {k}={v}" for k, v in more.items())
        batches = [good, {**good, "preds": preds}]
        stem.refuse(Misuse(f"{metric}/a score that is not a number{named}", metric, options | more, "nan", batches, reason=reason))


def binary_task(stem: Stem, metric: str, functional: str) -> None:
    """Add the binary cases."""
    draw, rest = binary, (5,)
    elementwise(stem, metric, functional, {}, draw, (2, 3))
    unchecked(stem, metric, functional, {}, draw)
    arguments = {
        "threshold": [0.5, 0.3],
        "multidim_average": ["global", "samplewise"],
        "ignore_index": [None, -1, 0, 1, 5],
        "validate_args": [True, False],
        "zero_division": [0, 1],
    }
    drawn(stem, metric, functional, {}, arguments, draw, rest)
    batches = draw(f"{metric}/reading", "probabilities", sizes=(6,), ignore_index=-1)
    batches[0]["target"][2], batches[0]["preds"][2] = -1, 3.5
    ignored_logit(stem, metric, functional, {}, batches)
    ignored_prediction(stem, metric, functional, {"ignore_index": -1}, draw(f"{metric}/ignored", "labels"))
    stem.require(metric, {**arguments, "threshold": [0.5, 0.3, 0.75, 0.0, 1.0]}, ZERO_DIVISION)
    refused_options(stem, metric, {}, COMMON_WRONG | FAMILY_WRONG | THRESHOLD_WRONG | {"input": [("scores", None)]})
    good = draw(f"{metric}/good", "probabilities", sizes=(6,))[0]
    refused_inputs(stem, metric, {}, good, 2)
    refused_nan(stem, metric, {}, good)
    add = lambda name, word, batch, given=None, **more: stem.refuse(Misuse(f"{metric}/{name}", metric, given or {}, word, [batch], **more))
    add("shapes that differ", "target", {"preds": torch.zeros(4, 2), "target": torch.zeros(4, 3).long()})
    add("a label among preds out of range", "preds", {"preds": torch.tensor([0, 2]), "target": torch.tensor([0, 1])})
    add("samplewise of vectors", "multidim_average", good, {"multidim_average": "samplewise"})
    add("an ignored value that is not ignored", "target", {"preds": torch.tensor([0, 1]), "target": torch.tensor([-1, 1])})


def with_ties(batches: list) -> list:
    """Let two or three classes share the first place."""
    for b in batches:
        b["preds"][:, 1] = b["preds"].amax(1)
        b["preds"][::2, 3] = b["preds"].amax(1)[::2]
    return batches


def of_classes(stem: Stem, metric: str, functional: str, options: dict, draw) -> None:
    """Add what preds that name one class a sample have to show: kinds, dtypes, infinities, ties, ignored targets."""
    add = lambda name, given, batches, **more: stem.add(Case(f"{metric}/{name}", metric, options | given, batches, functional, **more))
    for kind in KINDS:
        add(kind, {}, draw(f"{metric}/{kind}", kind))
        add(f"{kind}, more dimensions", {}, draw(f"{metric}/{kind} more", kind, sizes=(3, 2, 4), rest=(2, 3)))
    # More than a vector register or a block of rows holds, and no multiple of either.
    for kind in ("labels", "logits"):
        add(f"{kind}, many rows", {}, draw(f"{metric}/many", kind, sizes=(131, 2)))
    add("logits, many positions", {}, draw("positions", "logits", sizes=(2,), rest=(300,)))
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        batches = [{**b, "preds": b["preds"].to(dtype)} for b in draw(f"{metric}/dtype", "logits")]
        add(f"{str(dtype).removeprefix('torch.')} scores", {}, batches)
    for dtype in (torch.int32, torch.uint8):
        add(f"{str(dtype).removeprefix('torch.')} labels", {}, [{k: v.to(dtype) for k, v in b.items()} for b in draw(f"{metric}/labels dtype", "labels")])
    batches = draw(f"{metric}/infinite", "logits")
    batches[0]["preds"][0, 1], batches[0]["preds"][1, 2] = math.inf, -math.inf
    add("infinite logits", {}, batches)
    add("ties for the first place", {}, with_ties(draw(f"{metric}/tied", "probabilities")))
    batches = draw(f"{metric}/all ignored", "probabilities")
    batches[1]["target"] = torch.full_like(batches[1]["target"], -1)
    add("a batch of ignored targets", {"ignore_index": -1}, batches)


def unchecked_classes(stem: Stem, metric: str, functional: str, options: dict, draw) -> None:
    """Add labels of no class, which are wrong when nothing is checked."""
    many = draw(f"{metric}/beyond", "labels")
    many[0]["target"][:2] = torch.tensor([CLASSES, CLASSES + 3])
    many[0]["preds"][:6] = torch.tensor([0, CLASSES + 3, 1, 2, 3, CLASSES])
    given = {"average": "micro", "validate_args": False}
    stem.add(Case(f"{metric}/labels out of range unchecked, micro", metric, options | given, many, functional))
    given = {"average": "none", "validate_args": False}
    among_more = lambda batches: play(metric, options | {"num_classes": 2 * CLASSES, "average": "none"}, batches)[1][:CLASSES]
    stem.add(
        Case(
            f"{metric}/labels out of range unchecked, none", metric, options | given, many, functional,
            reason="unchecked labels out of range are of no class; torchmetrics fails, or counts them in classes that they are not of",
            reference="torchmetrics with classes for them, too", forward_by=lambda b: among_more([b]), final_by=among_more,
        )
    )


def multiclass_task(stem: Stem, metric: str, functional: str) -> None:
    """Add the multiclass cases."""
    options = {"num_classes": CLASSES}
    draw = lambda name, kind, **more: multiclass(name, kind, CLASSES, **more)
    add = lambda name, given, batches, **more: stem.add(Case(f"{metric}/{name}", metric, options | given, batches, functional, **more))
    of_classes(stem, metric, functional, options, draw)
    for average in AVERAGES:
        for top_k in (1, 2):
            given = {"average": average, "top_k": top_k}
            batches = multiclass(f"{metric}/absent", "logits", CLASSES + 1, absent=(CLASSES,))
            add(f"a class without samples, {label(given)}", {"num_classes": CLASSES + 1, **given}, batches)
            unlike = [{**b, "target": b["target"].clamp(max=CLASSES - 2)} for b in draw(f"{metric}/unlike", "logits")]
            add(f"a class without targets, {label(given)}", given, unlike)
    tied = with_ties(draw(f"{metric}/tied", "probabilities"))
    add("ties for the first place, micro", {"average": "micro"}, tied)
    unchecked_classes(stem, metric, functional, options, draw)
    for kind in KINDS:
        stem.add(
            Case(f"{metric}/any number of classes, {kind}", metric, {"num_classes": None, "average": "micro"}, draw(f"{metric}/none {kind}", kind))
        )
    for given in ({"top_k": 2}, {"top_k": 2, "multidim_average": "samplewise", "average": "none"}):
        batches = draw("positions", "logits", sizes=(2,), rest=(300,))
        add(f"logits, many positions, {label(given)}", given, batches, rows="permutes" if len(given) > 1 else "invariant")
    for k, wide in ((5, 100), (1, 33)):
        given = {"num_classes": wide, "top_k": k, "average": "micro"}
        add(f"{wide} classes, top_k={k}", given, multiclass(f"{metric}/wide {k}", "logits", wide, sizes=(3, 4)))
    draws = Draws(f"{metric}/ties of top_k")
    tied = [{"preds": draws.integers((n, CLASSES), 0, 3).float() / 4, "target": draws.integers(n, 0, CLASSES)} for n in (6, 9)]
    for given in ({"top_k": 2, "average": "micro"}, {"top_k": 3, "average": "none"}):
        ranked = lambda b: {**b, "preds": -torch.argsort(torch.argsort(b["preds"], dim=1, descending=True, stable=True), dim=1).float()}
        add(
            f"ties, {label(given)}", given, tied,
            reason="of equal scores the lowest index comes first; torch.topk takes any",
            reference="torchmetrics on ranks by a stable sort",
            forward_by=lambda b, given=given: play(metric, options | given, [ranked(b)])[1],
            final_by=lambda bs, given=given: play(metric, options | given, [ranked(b) for b in bs])[1],
        )
    arguments = {
        "top_k": [1, 2, 3],
        "average": AVERAGES,
        "multidim_average": ["global", "samplewise"],
        "ignore_index": [None, -1, 0, 2, 7],
        "validate_args": [True, False],
        "zero_division": [0, 1],
    }
    drawn(stem, metric, functional, options, arguments, draw, (5,))
    given = options | {"ignore_index": 1, "multidim_average": "samplewise"}  # torchmetrics counts by classes of their own there
    ignored_prediction(stem, metric, functional, given, draw(f"{metric}/ignored", "labels", sizes=(3, 2, 4), rest=(5,)))
    batches = draw(f"{metric}/valid", "logits", sizes=(5, 3))
    valid = [torch.tensor([True, True, False, True, False]), torch.tensor([False, True, True])]
    add("rows that do not count", {}, batches, valid=valid)
    add("rows that do not count, top_k=2", {"top_k": 2}, batches, valid=valid)
    stem.require(metric, arguments, ZERO_DIVISION)
    wrong = COMMON_WRONG | FAMILY_WRONG | AVERAGE_WRONG
    wrong |= {"num_classes": [(1, None), (0, None), (-3, None), ("three", None), (2.5, None), (None, None)]}
    wrong |= {"top_k": [(CLASSES + 1, None), (0, "torchmetrics tests `not int and < 1`, which is never true"), (1.5, "torchmetrics tests `not int and < 1`, which is never true")]}
    refused_options(stem, metric, options, wrong)
    stem.refuse(Misuse(f"{metric}/no num_classes", metric, {}, "num_classes"))
    good = draw(f"{metric}/good", "probabilities", sizes=(6,))[0]
    unseen = {"reason": "torchmetrics counts distinct labels, and looks at none when preds are scores"}
    reject = lambda name, word, batch, given=None, **more: stem.refuse(
        Misuse(f"{metric}/{name}", metric, options | (given or {}), word, [batch], **more)
    )
    reject("rows that differ in number", "target", {"preds": good["preds"], "target": good["target"][:-1]})
    reject("no target", "target", {"preds": good["preds"]})
    reject("unknown input", "labels", {**good, "labels": good["target"]})
    reject("scores of another number of classes", "preds", {"preds": good["preds"][:, :3].contiguous(), "target": good["target"]})
    reject("labels with a dimension more", "preds", {"preds": good["preds"].long(), "target": good["target"]})
    reject("two dimensions more", "preds", {"preds": torch.zeros(6, CLASSES, 2), "target": good["target"]})
    reject("more dimensions that differ", "target", {"preds": torch.zeros(6, CLASSES, 2), "target": torch.zeros(6, 3).long()})
    reject("samplewise of vectors", "multidim_average", good, {"multidim_average": "samplewise"})
    reject("top_k of labels", "preds", {"preds": good["target"], "target": good["target"]}, {"top_k": 2})
    five = torch.tensor([0, 1, 2, 3, 4])
    reject("more labels than classes", "target", {"preds": five % 4, "target": five})
    refused_nan(stem, metric, options, good, ({}, {"top_k": 2}, {"average": "micro"}))
    reject("more labels than classes among preds", "preds", {"preds": five, "target": five % 4})
    micro = {"average": "micro"}
    reject("a target out of range beside scores", "target", {"preds": good["preds"], "target": torch.tensor([0, 1, 4, 0, 0, 0])}, micro, **unseen)
    reject("a target out of range", "target", {"preds": torch.tensor([0, 1]), "target": torch.tensor([0, 9])}, micro, **unseen)
    reject("a negative target", "target", {"preds": torch.tensor([0, 1]), "target": torch.tensor([0, -1])}, micro, **unseen)
    reject("a label among preds out of range", "preds", {"preds": torch.tensor([0, 9]), "target": torch.tensor([0, 1])}, micro, **unseen)


def multilabel_task(stem: Stem, metric: str, functional: str) -> None:
    """Add the multilabel cases."""
    options = {"num_labels": LABELS}
    draw = lambda name, kind, **more: multilabel(name, kind, LABELS, **more)
    elementwise(stem, metric, functional, options, draw, (2, 2))
    unchecked(stem, metric, functional, options, draw)
    arguments = {
        "threshold": [0.5, 0.3],
        "average": AVERAGES,
        "multidim_average": ["global", "samplewise"],
        "ignore_index": [None, -1, 0, 1, 5],
        "validate_args": [True, False],
        "zero_division": [0, 1],
    }
    drawn(stem, metric, functional, options, arguments, draw, (5,))
    batches = draw(f"{metric}/reading", "probabilities", sizes=(6,), ignore_index=-1)
    batches[0]["target"][2, 1], batches[0]["preds"][2, 1] = -1, 3.5
    ignored_logit(stem, metric, functional, options, batches)
    ignored_prediction(stem, metric, functional, options | {"ignore_index": -1}, draw(f"{metric}/ignored", "labels"))
    stem.require(metric, {**arguments, "threshold": [0.5, 0.3, 0.75, 0.0, 1.0]}, ZERO_DIVISION)
    wrong = COMMON_WRONG | FAMILY_WRONG | THRESHOLD_WRONG | AVERAGE_WRONG | {"input": [("scores", None)]}
    wrong |= {"num_labels": [(1, None), (0, None), ("three", None), (2.5, None), (None, None)]}
    refused_options(stem, metric, options, wrong)
    stem.refuse(Misuse(f"{metric}/no num_labels", metric, {}, "num_labels"))
    good = draw(f"{metric}/good", "probabilities", sizes=(6,))[0]
    refused_inputs(stem, metric, options, good, 2)
    refused_nan(stem, metric, options, good)
    reject = lambda name, word, batch, given=None: stem.refuse(Misuse(f"{metric}/{name}", metric, options | (given or {}), word, [batch]))
    reject("another number of labels", "num_labels", {"preds": torch.zeros(4, 2), "target": torch.zeros(4, 2).long()})
    reject("shapes that differ", "target", {"preds": torch.zeros(4, 3, 2), "target": torch.zeros(4, 3, 4).long()})
    reject("a label among preds out of range", "preds", {"preds": torch.full((2, 3), 2), "target": torch.zeros(2, 3).long()})
    reject("samplewise of two dimensions", "multidim_average", good, {"multidim_average": "samplewise"})


def task_router(stem: Stem, metric: str, functional: str) -> None:
    """Add cases that pick the class by `task`."""
    add = lambda options, batches, **more: stem.add(Case(f"{metric}/{label(options)}", metric, options, batches, functional, **more))
    add({"task": "binary"}, binary(f"{metric}/binary", "probabilities"))
    add({"task": "binary", "threshold": 0.3, "ignore_index": -1}, binary(f"{metric}/binary", "logits", sizes=(7, 4, 9), ignore_index=-1))
    add({"task": "binary", "multidim_average": "samplewise"}, binary(f"{metric}/binary", "labels", sizes=(3, 2), rest=(4,)), rows="permutes")
    scores = multiclass(f"{metric}/multiclass", "logits", CLASSES)
    add({"task": "multiclass", "num_classes": CLASSES}, scores)
    for average in AVERAGES[1:]:
        add({"task": "multiclass", "num_classes": CLASSES, "average": average}, scores)
    add({"task": "multiclass", "num_classes": CLASSES, "top_k": 2, "ignore_index": 0, "average": "macro"}, scores)
    add({"task": "multilabel", "num_labels": LABELS}, multilabel(f"{metric}/multilabel", "probabilities", LABELS))
    add(
        {"task": "multilabel", "num_labels": LABELS, "threshold": 0.75, "average": "weighted"},
        multilabel(f"{metric}/multilabel", "probabilities", LABELS),
    )
    router_refusals(stem, metric)
    stem.refuse(Misuse(f"{metric}/average=mean", metric, {"task": "multiclass", "num_classes": 3, "average": "mean"}, "average"))


def router_refusals(stem: Stem, metric: str) -> None:
    """Add what every router must refuse."""
    refuse = lambda name, options, word: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word))
    refuse("no task", {}, "task")
    refuse("unknown task", {"task": "regression"}, "task")
    refuse("multiclass without num_classes", {"task": "multiclass"}, "num_classes")
    refuse("multilabel without num_labels", {"task": "multilabel"}, "num_labels")
    refuse("unknown option", {"task": "binary", "treshold": 0.5}, "treshold")


def write_family(stem: Stem, metric: str, functional: str) -> None:
    """Add all cases of one metric: its three tasks and its router."""
    binary_task(stem, f"Binary{metric}", f"binary_{functional}")
    multiclass_task(stem, f"Multiclass{metric}", f"multiclass_{functional}")
    multilabel_task(stem, f"Multilabel{metric}", f"multilabel_{functional}")
    task_router(stem, metric, functional)
    for task, options, batches in many_rows():
        stem.add(Case(f"{task.capitalize()}{metric}/many rows", f"{task.capitalize()}{metric}", options, batches, f"{task}_{functional}"))


# --- Further members: the counting is shown by StatScores and Accuracy; what a member adds is a formula. Members of one
# stem share their inputs.


def heeds_as_functional(case: Case) -> Case:
    """Expect the functional's values, where torchmetrics' class takes `zero_division` and drops it."""
    function = find_functional(case.functional)
    accepted = {k: v for k, v in case.options.items() if k in inspect.signature(function).parameters}
    value = lambda batch: function(**copied(batch), **accepted)
    forward, final = [value(b) for b in case.batches], value(concatenated(case.batches))
    if same([forward, final], list(play(case.metric, case.options, case.batches)[:2])):
        return case
    return replace(
        case, reason="`zero_division` is heeded by the class as by the functional; torchmetrics' class drops it",
        reference="torchmetrics' functional", forward_by=value, final_by=lambda batches: value(concatenated(batches)),
    )


@dataclass(frozen=True)
class Member:
    """A metric over true and false positives and negatives: its names, and where it is not as the others are."""

    name: str
    functional: str
    divides: bool = True  # whether `zero_division` stands for a 0/0 of its formula
    settled: Callable = lambda case: case
    given: dict = field(default_factory=dict)  # options of its own, at values for most cases
    arguments: dict = field(default_factory=dict)  # and the values to show of them
    wrong: dict = field(default_factory=dict)  # and those to refuse: name -> (value, reason where torchmetrics takes it)
    excused: dict = field(default_factory=dict)  # values that no case can show -> why

    @property
    def zero_divisions(self) -> list:
        return [0, 1] if self.divides else [0]

    @property
    def excuses(self) -> dict:
        return self.excused if self.divides else self.excused | ZERO_DIVISION


def set_apart(batches: list, preds, target) -> list:
    """Answer all questions of the first label alike, or let all its targets be alike; None leaves them."""
    for b in batches:
        first = (slice(None), 0) if b["preds"].ndim > 1 else slice(None)
        for name, value in (("preds", preds), ("target", target)):
            if value is not None:
                b[name][first] = value
    return batches


def member_elementwise(stem: Stem, member: Member, metric: str, functional: str, options: dict, draw, averages: list) -> None:
    """Add what the formula makes of thresholded scores (binary, multilabel), and of counts that are 0."""
    add = lambda name, given, batches, **more: stem.add(
        member.settled(Case(f"{metric}/{name}", metric, options | given, batches, functional, **more))
    )
    for kind in KINDS:
        add(kind, {}, draw(f"{stem.name}/{kind}", kind))
    add("logits, many rows", {}, draw(f"{stem.name}/many", "logits", sizes=(131, 2)))
    alike = [(p, t) for p, t in itertools.product((None, 0, 1), repeat=2) if (p, t) != (None, None)]
    for (preds, target), zero, average in itertools.product(alike, member.zero_divisions, averages):
        given = ({"zero_division": zero} if zero else {}) | average
        batches = set_apart(draw(f"{stem.name}/alike", "labels"), preds, target)
        add(f"{'' if preds is None else f'all answers {preds}, '}{'' if target is None else f'all targets {target}, '}{label(given)}", given, batches)
    mixed = draw(f"{stem.name}/mixed a", "probabilities", sizes=(19,)) + draw(f"{stem.name}/mixed b", "logits")
    stem.add(Case(f"{metric}/probabilities, then logits", metric, options, mixed, functional, **own_reading(metric, options)))
    arguments = {
        **member.arguments,
        "threshold": [0.5, 0.3],
        **({"average": AVERAGES} if len(averages) > 1 else {}),
        "multidim_average": ["global", "samplewise"],
        "ignore_index": [None, -1, 0, 1, 5],
        "validate_args": [True, False],
        "zero_division": [0, 1],
    }
    drawn(stem, metric, functional, options, arguments, draw, (5,), member.settled)
    unchecked(stem, metric, functional, options, draw)
    stem.require(metric, arguments, member.excuses)


def member_binary(stem: Stem, member: Member) -> None:
    """Add a further member's binary cases."""
    metric, functional, options = f"Binary{member.name}", f"binary_{member.functional}", member.given
    draw = lambda name, kind, **more: binary(name.replace(metric, stem.name), kind, **more)
    member_elementwise(stem, member, metric, functional, options, draw, [{}])
    refused_options(stem, metric, options, COMMON_WRONG | FAMILY_WRONG | THRESHOLD_WRONG | member.wrong | {"input": [("scores", None)]})
    refused_inputs(stem, metric, options, draw(f"{stem.name}/good", "probabilities", sizes=(6,))[0], 2)
    refused_nan(stem, metric, options, draw(f"{stem.name}/good", "probabilities", sizes=(6,))[0])


def member_multilabel(stem: Stem, member: Member) -> None:
    """Add a further member's multilabel cases."""
    metric, functional, options = f"Multilabel{member.name}", f"multilabel_{member.functional}", {**member.given, "num_labels": LABELS}
    draw = lambda name, kind, **more: multilabel(name.replace(metric, stem.name), kind, LABELS, **more)
    member_elementwise(stem, member, metric, functional, options, draw, [{}, {"average": "none"}])
    wrong = COMMON_WRONG | FAMILY_WRONG | THRESHOLD_WRONG | AVERAGE_WRONG | member.wrong | {"input": [("scores", None)]}
    refused_options(stem, metric, options, wrong | {"num_labels": [(1, None), ("three", None)]})
    stem.refuse(Misuse(f"{metric}/no num_labels", metric, member.given, "num_labels"))
    refused_inputs(stem, metric, options, draw(f"{stem.name}/good", "probabilities", sizes=(6,))[0], 2)
    refused_nan(stem, metric, options, draw(f"{stem.name}/good", "probabilities", sizes=(6,))[0])


def member_multiclass(stem: Stem, member: Member) -> None:
    """Add a further member's multiclass cases."""
    metric, functional, options = f"Multiclass{member.name}", f"multiclass_{member.functional}", {**member.given, "num_classes": CLASSES}
    draw = lambda name, kind, **more: multiclass(name.replace(metric, stem.name), kind, CLASSES, **more)
    add = lambda name, given, batches, **more: stem.add(
        member.settled(Case(f"{metric}/{name}", metric, options | given, batches, functional, **more))
    )
    for kind in KINDS:
        add(kind, {}, draw(f"{stem.name}/{kind}", kind))
    add("33 classes", {"num_classes": 33}, multiclass(f"{stem.name}/wide", "logits", 33, sizes=(3, 5)))
    absent = multiclass(f"{stem.name}/absent", "logits", CLASSES + 1, absent=(CLASSES,))
    unlike = [{**b, "target": b["target"].clamp(max=CLASSES - 2)} for b in draw(f"{stem.name}/unlike", "logits")]
    constant = lambda name: [{**b, name: torch.full_like(b[name], 1)} for b in draw(f"{stem.name}/constant", "labels")]
    for average in AVERAGES[:-1]:
        for top_k, zero in [(1, zero) for zero in member.zero_divisions] + [(2, 0)]:
            given = {"average": average, **({"top_k": top_k} if top_k > 1 else {}), **({"zero_division": zero} if zero else {})}
            add(f"a class without samples, {label(given)}", {"num_classes": CLASSES + 1, **given}, absent)
            add(f"a class without targets, {label(given)}", given, unlike)
            if top_k == 1:
                add(f"one class is always predicted, {label(given)}", given, constant("preds"))
                add(f"one class is always the target, {label(given)}", given, constant("target"))
    arguments = {
        **member.arguments,
        "top_k": [1, 2, 3],
        "average": AVERAGES,
        "multidim_average": ["global", "samplewise"],
        "ignore_index": [None, -1, 0, 2, 7],
        "validate_args": [True, False],
        "zero_division": [0, 1],
    }
    drawn(stem, metric, functional, options, arguments, draw, (5,), member.settled)
    unchecked_classes(stem, metric, functional, options, draw)
    stem.require(metric, arguments, member.excuses)
    wrong = COMMON_WRONG | FAMILY_WRONG | AVERAGE_WRONG | member.wrong
    refused_options(stem, metric, options, wrong | {"num_classes": [(1, None), ("three", None)], "top_k": [(CLASSES + 1, None)]})
    stem.refuse(Misuse(f"{metric}/no num_classes", metric, member.given, "num_classes"))
    good = draw(f"{stem.name}/good", "probabilities", sizes=(6,))[0]
    reject = lambda name, word, batch, given={}: stem.refuse(Misuse(f"{metric}/{name}", metric, options | given, word, [batch]))
    reject("rows that differ in number", "target", {"preds": good["preds"], "target": good["target"][:-1]})
    reject("scores of another number of classes", "preds", {"preds": good["preds"][:, :3].contiguous(), "target": good["target"]})
    reject("samplewise of vectors", "multidim_average", good, {"multidim_average": "samplewise"})
    five = torch.tensor([0, 1, 2, 3, 4])
    reject("more labels than classes", "target", {"preds": five % 4, "target": five})
    refused_nan(stem, metric, options, good, ({}, {"top_k": 2}, {"average": "micro"}))


def write_member(stem: Stem, member: Member) -> None:
    """Add all cases of a further member of the family: its three tasks and its router."""
    member_binary(stem, member)
    member_multiclass(stem, member)
    member_multilabel(stem, member)
    task_router(stem, member.name, member.functional)
