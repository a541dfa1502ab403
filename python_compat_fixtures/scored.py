"""What metrics on scores that are no curves have in common: how scores are read, and cases of that for two tasks."""

import math
from dataclasses import dataclass
from typing import Callable, Optional

import torch
from cases import Case, Misuse, Stem, pairwise, play
from draws import Draws
from labelled import binary, multiclass
from stat_scores_family import CLASSES, COMMON_WRONG, label, own_reading, refused_options

SAID = "`input` says what the scores are; torchmetrics has no such argument"
HALVES = "half scores are the same numbers in float32; torchmetrics computes in the half type"
DOUBLES = "results are float32 unless set_dtype says otherwise, and sums float64; torchmetrics rounds sums of float64 with each update, or keeps all in float64"
SCORED = ("probabilities", "logits")


def steady(metric: str, options: dict, batches: list) -> bool:
    """Say whether torchmetrics gives the same by updates and by forward, and float32."""
    try:
        return play(metric, options, batches)[1].dtype is torch.float32
    except AssertionError:
        return False


def normalised(preds: torch.Tensor, classes: bool) -> torch.Tensor:
    """Compute the sigmoid, or the softmax, in float64."""
    return preds.double().softmax(1) if classes else preds.double().sigmoid()


@dataclass
class Scored:
    """A metric of one task, and how its value is computed in float64 of probabilities."""

    metric: str
    functional: str
    options: dict
    exact: Callable  # (preds in float64, target, options) -> value
    fails_without_rows: Optional[str] = None  # what torchmetrics does with a batch of ignored targets, where it fails

    @property
    def classes(self) -> bool:
        """Whether a row has scores of several classes."""
        return "num_classes" in self.options

    def draw(self, name: str, kind: str, **more) -> list:
        """Draw batches."""
        return multiclass(name, kind, CLASSES, **more) if self.classes else binary(name, kind, **more)

    def value(self, batches: list, options: dict, reading: str = "auto") -> torch.Tensor:
        """Compute the value in float64: of float scores by their float32 probabilities, as far as they are rounded."""
        preds = torch.cat([self.rows(b["preds"]) for b in batches])
        target = torch.cat([b["target"].reshape(-1).long() for b in batches])
        kept = torch.ones_like(target, dtype=torch.bool) if options.get("ignore_index") is None else target != options["ignore_index"]
        preds, target = preds[kept], target[kept]
        logits = reading == "logits" or (reading == "auto" and bool(((preds < 0) | (preds > 1)).any()))
        wide = normalised(preds, self.classes) if logits else preds.double()
        double = preds.dtype == torch.float64
        return self.exact(wide if double else wide.float().double(), target, options | {"double": double}).float()

    def rows(self, preds: torch.Tensor) -> torch.Tensor:
        """Give scores a row each."""
        return preds.movedim(1, -1).reshape(-1, preds.shape[1]) if self.classes else preds.reshape(-1)

    def by(self, given: dict, reason: str, reading: str = "auto", reference: str = "the definition in float64") -> dict:
        """Expect the exact value."""
        options = self.options | given
        of = lambda batches: self.value(batches, options, reading)
        return {"reason": reason, "reference": reference, "forward_by": lambda b: of([b]), "final_by": of}


def common(stem: Stem, s: Scored, rest, arguments: dict, same_as_default: dict) -> Callable:
    """Add the cases that each of them needs, and return how one is added."""
    metric = s.metric

    def add(name: str, given: dict, batches: list, **more) -> None:
        stem.add(Case(f"{metric}/{name}", metric, s.options | given, batches, more.pop("functional", s.functional), **more))

    for kind in SCORED:
        add(kind, {}, s.draw(f"{metric}/{kind}", kind))
        add(f"{kind}, more dimensions", {}, s.draw(f"{metric}/{kind} more", kind, sizes=(3, 2, 4), rest=rest))
        add(f"{kind}, many rows", {}, s.draw(f"{metric}/many {kind}", kind, sizes=(131, 2)))
    add("one sample", {}, s.draw(f"{metric}/one", "probabilities", sizes=(1,)))
    for kind in SCORED:
        batches = [{**b, "preds": b["preds"].double()} for b in s.draw(f"{metric}/double", kind)]
        add(f"float64 {kind}", {}, batches, **({} if steady(metric, s.options, batches) else s.by({}, DOUBLES) | {"functional": None}))
    for dtype in (torch.float16, torch.bfloat16):
        batches = [{**b, "preds": (b["preds"] * 0.75).to(dtype)} for b in s.draw(f"{metric}/half", "logits")]
        add(f"{str(dtype).removeprefix('torch.')} logits", {}, batches, **s.by({}, HALVES))
    for dtype in (torch.int32, torch.uint8):
        add(f"{str(dtype).removeprefix('torch.')} targets", {}, [{**b, "target": b["target"].to(dtype)} for b in s.draw(f"{metric}/dtype", "logits")])
    batches = s.draw(f"{metric}/all ignored", "probabilities")
    batches[1]["target"] = torch.full_like(batches[1]["target"], -1)
    add("a batch of ignored targets", {"ignore_index": -1}, batches, **(s.by({"ignore_index": -1}, s.fails_without_rows) if s.fails_without_rows else {}))
    mixed = s.draw(f"{metric}/mixed a", "probabilities") + s.draw(f"{metric}/mixed b", "logits")
    add("probabilities, then logits", {}, mixed, **own_reading(metric, s.options))
    add("probabilities read as logits", {"input": "logits"}, s.draw(f"{metric}/in", "probabilities"), **s.by({}, SAID, "logits"))
    batches = s.draw(f"{metric}/reading", "probabilities", sizes=(6, 4), ignore_index=-1)
    batches[0]["target"][2], batches[0]["preds"][2] = -1, 3.5
    add("an ignored logit decides nothing", {"ignore_index": -1}, batches)
    batches = s.draw(f"{metric}/valid", "probabilities", sizes=(5, 3))
    add("rows that do not count", {}, batches, valid=[torch.tensor([True, True, False, True, False]), torch.tensor([False, True, True])])
    for given in pairwise(Draws(f"{stem.name}/{metric}"), {"kind": list(SCORED), **arguments}):
        kind = given.pop("kind")
        batches = s.draw(f"{metric}/pairs", kind, sizes=(9, 6, 14), ignore_index=given.get("ignore_index"))
        add(f"{kind}, {label(given)}", given, batches)
    stem.require(metric, arguments, same_as_default)
    return add


def refusals(stem: Stem, s: Scored, wrong: dict, nan: str, unseen: Optional[str] = None) -> None:
    """Add what each of them must refuse."""
    refused_options(stem, s.metric, s.options, COMMON_WRONG | {"input": [("scores", None)]} | wrong)
    good = s.draw(f"{s.metric}/good", "probabilities", sizes=(6,))[0]
    preds, target = good["preds"], good["target"]

    def reject(name: str, word: str, batch: dict, before=(), given={}, **more) -> None:
        stem.refuse(Misuse(f"{s.metric}/{name}", s.metric, s.options | given, word, [*before, batch], **more))

    reject("rows that differ in number", "target", {"preds": preds, "target": target[:-1]})
    reject("no target", "target", {"preds": preds})
    reject("unknown input", "labels", {**good, "labels": target})
    reject("preds that are labels", "preds", {"preds": target, "target": target})
    bad = target.clone()
    bad[1] = CLASSES + 5 if s.classes else 2
    reason = unseen if s.classes else None
    reject("a target out of range", "target", {"preds": preds, "target": bad}, reason=reason)
    reject("a target out of range, later", "target", {"preds": preds, "target": bad}, [good], reason=reason)
    worse = preds.clone()
    worse.view(-1)[3] = math.nan
    reject("a score that is not a number", "nan", {"preds": worse, "target": target}, reason=nan)
    if s.classes:
        reject("scores of another number of classes", "preds", {"preds": preds[:, :3].contiguous(), "target": target})
        stem.refuse(Misuse(f"{s.metric}/no num_classes", s.metric, {}, "num_classes"))


def router_cases(stem: Stem, metric: str, functional: str, each: list) -> None:
    """Add cases that pick the class by its task, each with options; and what the router must refuse."""
    for given in each:
        draw = binary if given["task"] == "binary" else lambda n, k: multiclass(n, k, CLASSES)
        more = {} if given["task"] == "binary" else {"num_classes": CLASSES}
        stem.add(Case(f"{metric}/{label(given)}", metric, given | more, draw(f"{metric}/router", "logits"), functional))
    for name, options, word in (
        ("no task", {}, "task"),
        ("unknown task", {"task": "regression"}, "task"),
        ("multilabel", {"task": "multilabel", "num_labels": 3}, "task"),
        ("multiclass without num_classes", {"task": "multiclass"}, "num_classes"),
        ("unknown option", {"task": "binary", "treshold": 0.5}, "treshold"),
    ):
        stem.refuse(Misuse(f"{metric}/{name}", metric, options, word))

