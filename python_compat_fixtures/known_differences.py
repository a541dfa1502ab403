"""Where drawn cases differ from torchmetrics on purpose: rules, each with the reason of the fixtures that show it.

A rule says as narrowly as it can which plays it explains: `when` looks at the case and at both outcomes. Where torchmetrics, or exact
arithmetic, can be brought to give the value that is right, `instead` computes it, and only a value equal to it is explained.
"""

import importlib.util
import json
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

import torch
from cases import Case, concatenated, copied, create, fed, find_functional, same
from rankings import ranked
from torch import Tensor

HERE = Path(__file__).resolve().parent

# How far values may lie apart: torchmetrics rounds terms and sums to float32. `ways` is how far plays of one case may, here.
TOLERANCES = {"default": {"rtol": 1e-5, "atol": 2e-6}, "ways": {"rtol": 2e-6, "atol": 1e-6}}


@dataclass
class Outcome:
    """What a play gave: a value, or an error."""

    value: Any = None
    error: str = ""


@dataclass
class Play:
    """One play of a case in both."""

    name: str  # "updates", "forward", "merged" or "functional"
    case: Case
    ours: Outcome
    theirs: Outcome
    wrong: str = ""  # the option that has a wrong value


@dataclass
class Rule:
    """A known difference."""

    reason: str  # as a fixture has it
    when: Callable  # play -> whether this may be it
    instead: Optional[Callable] = None  # play -> the value that is right


def given_network(case: Case) -> Any:
    """Make torchmetrics' metric over features as they are given."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Given(torch.nn.Module):
        num_features = case.options.get("feature")

        def forward(self, imgs: Tensor) -> Tensor:
            return imgs.float()

    return FrechetInceptionDistance(**{**case.options, "feature": Given()})


def theirs_made(case: Case) -> Any:
    """Make torchmetrics' metric for a case."""
    return given_network(case) if case.metric == "FrechetInceptionDistance" else create(case.metric, case.options)


def script(name: str) -> Any:
    """Import a script of fixtures, for what it computes."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by(value: Callable) -> Callable:
    """Make what computes a play's value of what computes that of batches: each by itself in `forward`, then all."""

    def of(play: Play) -> Any:
        batches = copied(play.case.batches)
        if play.name == "forward":
            return [*(value(play, [batch]) for batch in batches), value(play, batches)]
        return value(play, batches)

    return of


def played(play: Play, batches: list, options: Optional[dict] = None) -> Any:
    """Return torchmetrics' value of batches."""
    metric = theirs_made(Case("", play.case.metric, play.case.options if options is None else options, []))
    for batch in batches:
        fed(metric.update, batch)
    return metric.compute()


def called(play: Play, change: Callable = lambda x: x) -> Any:
    """Return torchmetrics' value of the functional, its inputs changed."""
    inputs = play.case.functional_call or {**concatenated(play.case.batches), **play.case.options}
    return find_functional(play.case.functional)(**{k: change(v) if isinstance(v, Tensor) else v for k, v in copied(inputs).items()})


def tensors_in(value: Any) -> list:
    """List the tensors of a value or of a batch."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_in(v)]
    return [t for v in value for t in tensors_in(v)] if isinstance(value, (list, tuple)) else []


def changed(value: Any, change: Callable) -> Any:
    """Change the tensors of a value."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {k: changed(v, change) for k, v in value.items()}
    return [changed(v, change) for v in value] if isinstance(value, (list, tuple)) else value


def rows(batch: dict) -> int:
    """Count the rows of a batch."""
    return next((len(v) for v in batch.values() if isinstance(v, list) or isinstance(v, Tensor) and v.ndim), 1)


def rounded(value: Any) -> Any:
    """Give floating results the dtype that they have until `set_dtype` says otherwise."""
    return changed(value, lambda t: t.float() if t.is_floating_point() else t)


def doubled(batch: dict) -> dict:
    """Give a batch's tensors float64."""
    return changed(batch, lambda t: t.double())


def numbers_in(play: Play) -> list:
    """List the tensors that a play is given."""
    return tensors_in([play.case.batches, play.case.functional_call or {}])


def is_of(*metrics: str, domain: str = "", name: str = "") -> Callable:
    """Tell a play by its metric, where both gave a value."""
    return lambda play: play.case.metric in metrics and not play.ours.error and (not name or play.name == name)


def refused_there(word: str, *metrics: str) -> Callable:
    """Tell a play that torchmetrics alone refuses, with a word."""
    return lambda play: play.case.metric in metrics and not play.ours.error and word in play.theirs.error


def refused_here(word: str, *metrics: str) -> Callable:
    """Tell a play that is refused here alone, with a word."""
    return lambda play: play.case.metric in metrics and not play.theirs.error and word in play.ours.error


PAIRED = ("MeanAbsoluteError", "MeanSquaredError", "PearsonCorrCoef", "R2Score")
AGGREGATORS = ("CatMetric", "MaxMetric", "MeanMetric", "MinMetric", "SumMetric")


def of_wide_pairs(play: Play) -> Any:
    """Have torchmetrics compute in float64, without empty batches; a functional's result is as wide as its inputs."""
    if play.name == "functional":
        value = called(play, lambda t: t.double())
        return value if any(t.dtype is torch.float64 for t in numbers_in(play)) else rounded(value)

    def of_full(p: Play, batches: list) -> Any:
        full = [doubled(b) for b in batches if rows(b)]
        if not full and p.case.metric == "PearsonCorrCoef":
            return torch.full((p.case.options.get("num_outputs", 1),), math.nan).squeeze()
        return played(p, full or [doubled(b) for b in batches])

    return rounded(by(of_full)(play))


def few_are_nan(play: Play) -> bool:
    """Tell whether each value of fewer than two samples is NaN."""
    counts = [rows(b) for b in play.case.batches]
    counts = [*counts, sum(counts)] if play.name == "forward" else [sum(counts)]
    values = play.ours.value if play.name == "forward" else [play.ours.value]
    return any(c < 2 for c in counts) and all(c >= 2 or bool(v.isnan().all()) for c, v in zip(counts, values, strict=True))


def r2_by_sklearn(play: Play, batches: list) -> Tensor:
    """Ask scikit-learn for the mean over outputs."""
    return script("regression/r2").by_sklearn(batches)


def reciprocal_ranks(play: Play, batches: list) -> Tensor:
    """Compute the value from sorted documents, by Python's sort."""
    given = {"empty_target_action": "neg", "ignore_index": None, "top_k": None, "aggregation": "mean"} | play.case.options
    values = []
    for documents in ranked(batches, given["ignore_index"]).values():
        if not any(relevance for _, relevance in documents):
            if given["empty_target_action"] == "error":
                raise ValueError("a query without a relevant document")
            if given["empty_target_action"] != "skip":
                values.append(1.0 if given["empty_target_action"] == "pos" else 0.0)
            continue
        values.append(next((1 / rank for rank, (score, relevance) in enumerate(documents[: given["top_k"]], 1) if relevance and not math.isnan(score)), 0.0))
    if not values:
        return torch.tensor(0.0)
    numbers = torch.tensor(values, dtype=torch.float64)
    return {"mean": numbers.mean, "median": numbers.median, "min": numbers.min, "max": numbers.max}[given["aggregation"]]().float()


def ranks(play: Play) -> Any:
    """Compute what a play of reciprocal ranks gives, of one query by the functional."""
    if play.name != "functional":
        return by(reciprocal_ranks)(play)
    call = play.case.functional_call
    batch = {"preds": call["preds"], "target": call["target"], "indexes": torch.zeros(call["preds"].shape, dtype=torch.int64)}
    return reciprocal_ranks(Play("", Case("", "", {"top_k": call.get("top_k")}, []), play.ours, play.theirs), [batch])


def ranked_scores(play: Play) -> list:
    """List the scores of documents."""
    given = [play.case.functional_call] if play.name == "functional" else play.case.batches
    return [b["preds"] for b in given]


def has_ties(play: Play) -> bool:
    """Tell whether some documents have equal scores."""
    flat = torch.cat([s.double().flatten() for s in ranked_scores(play)])
    return len(flat.unique()) < len(flat)


def of_boxes(play: Play, batches: list) -> dict:
    """Bring torchmetrics to the value of boxes: an image for each box without counterpart, classes without images of no true box."""
    iou, options = script("detection/iou"), play.case.options
    parts = [iou.an_image_each(b) if options.get("respect_labels") is False else b for b in batches]
    plain = {k: v for k, v in options.items() if k != "class_metrics"}
    if not options.get("class_metrics"):
        return rounded(played(play, parts, plain))
    labels = {int(label) for b in batches for items in b.values() for item in items for label in item["labels"]}
    classes = {f"iou/cl_{label}": torch.tensor(0.0) for label in labels}
    with_true = [{k: [item for item, true in zip(items, b["target"], strict=True) if len(true["boxes"])] for k, items in b.items()} for b in parts]
    if any(b["target"] for b in with_true):
        classes |= {k: v for k, v in played(play, with_true).items() if k != "iou"}
    return rounded(classes | played(play, parts, plain))


def no_list(play: Play) -> Any:
    """Turn torchmetrics' empty lists into empty tensors."""
    value = play.theirs.value
    return [torch.zeros(0) if isinstance(v, list) else v for v in value] if play.name == "forward" else torch.zeros(0) if value == [] else value


def with_floats(play: Play) -> Any:
    """Give torchmetrics the options' integers as floats."""
    floats = {k: float(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in play.case.options.items()}
    return by(lambda p, batches: played(p, batches, floats))(play)


def weighted(play: Play, batches: list) -> Tensor:
    """Add weighted values and weights without rounding."""
    return script("aggregation/aggregation").weighted_mean(batches)


IN_FLOAT32 = "torchmetrics computes in the inputs' dtype and accumulates in float32"
HALVES = (torch.float16, torch.bfloat16)

ILL_TYPED = "torchmetrics does not look at the type"

RULES = [
    # --- aggregation
    Rule("an integer is as good as a float of its value; torchmetrics takes none for `nan_strategy`", refused_there("`nan_strategy`", *AGGREGATORS), with_floats),
    Rule("an empty concatenation is an empty tensor here, an empty list there", is_of("CatMetric"), no_list),
    Rule("nan_strategy=disable there drops the weights", lambda p: is_of("MeanMetric")(p) and p.case.options.get("nan_strategy") == "disable", by(weighted)),
    Rule("torchmetrics writes the weight of a filled NaN to the expanded tensor: to the whole column, and to the caller's tensor", lambda p: is_of("MeanMetric")(p) and isinstance(p.case.options.get("nan_strategy"), float), lambda p: filled_mean(p)),
    # --- regression
    Rule("torchmetrics has no means of integers", refused_there("mean(): could not infer output dtype", "PearsonCorrCoef"), of_wide_pairs),
    Rule("an empty batch changes nothing; torchmetrics' means of nothing turn all to NaN", lambda p: is_of("PearsonCorrCoef")(p) and any(rows(b) == 0 for b in p.case.batches), of_wide_pairs),
    Rule("unsigned differences wrap around in torchmetrics", lambda p: is_of(*PAIRED)(p) and any(t.dtype is torch.uint8 for t in numbers_in(p)), of_wide_pairs),
    Rule(IN_FLOAT32, is_of(*PAIRED), of_wide_pairs),
    Rule("torchmetrics throws for fewer than two samples: a forward on a last batch of one would fail", lambda p: refused_there("at least two samples", "R2Score")(p) and few_are_nan(p)),
    Rule("torchmetrics takes sums of squares up to 1e-4 for 0, whatever the scale of the data", lambda p: is_of("R2Score")(p) and not p.case.options, by(r2_by_sklearn)),
    Rule("torchmetrics gives both outputs the value of the only column", refused_here("num_outputs", "MeanAbsoluteError", "MeanSquaredError", "PearsonCorrCoef")),
    # --- retrieval
    Rule("a batch without documents changes nothing; torchmetrics refuses it", lambda p: refused_there("must be non-empty", "RetrievalMRR")(p), ranks),
    Rule("of equal scores the less relevant documents come first; torch.topk takes any", lambda p: is_of("RetrievalMRR")(p) and has_ties(p), ranks),
    Rule("a score's sign means nothing in a ranking, and negative distances are scores; torchmetrics does not find relevant documents whose score is not above 0", lambda p: is_of("RetrievalMRR")(p) and any(bool((s <= 0).any()) for s in ranked_scores(p)), ranks),
    # --- text
    Rule("torchmetrics leaves out the texts that the shorter list has no counterpart for", refused_here("they go in pairs", "WordErrorRate")),
    # --- image
    Rule("torchmetrics computes in the inputs' dtype", is_of("PeakSignalNoiseRatio"), of_wide_pairs),
    Rule("torchmetrics broadcasts, and divides by the target's elements alone", refused_here("must have the same shape", "PeakSignalNoiseRatio")),
    Rule("a value that is not defined is NaN; torchmetrics throws", lambda p: refused_there("More than one sample is required", "FrechetInceptionDistance")(p) and p.name != "forward" and bool(p.ours.value.isnan())),
    Rule("inputs are features of any number; torchmetrics would load a pretrained network for an int. It cannot give a forward's value, which sees one population", lambda p: is_of("FrechetInceptionDistance", name="forward")(p) and all(bool(v.isnan()) for v in p.ours.value[:-1])),
    # --- detection
    Rule("results are float32 unless set_dtype says otherwise; there float64 values widen the states", lambda p: is_of("IntersectionOverUnion")(p) and not p.theirs.error and p.name != "functional", lambda p: rounded(p.theirs.value)),
    Rule("torchmetrics throws for an image without true boxes when class_metrics is set", lambda p: refused_there("", "IntersectionOverUnion")(p) and bool(p.theirs.error) and bool(p.case.options.get("class_metrics")), by(of_boxes)),
    Rule("n boxes of an image without counterpart are n pairs of 0; torchmetrics counts n² of them when labels do not matter", lambda p: is_of("IntersectionOverUnion")(p) and p.case.options.get("respect_labels") is False and p.name != "functional", by(of_boxes)),
]


def filled_mean(play: Play) -> Any:
    """Replace NaN, a NaN value's weight being 1, and add without rounding."""
    fill = play.case.options["nan_strategy"]

    def prepared(batch: dict) -> dict:
        value, weight = torch.as_tensor(batch["value"]).double(), torch.as_tensor(batch.get("weight", 1.0)).double()
        weight = torch.broadcast_to(weight, value.shape)
        filled = torch.where(value.isnan(), torch.tensor(1.0).double(), weight.nan_to_num(nan=1.0))
        return {"value": value.nan_to_num(nan=fill, posinf=math.inf, neginf=-math.inf), "weight": filled}

    return by(lambda p, batches: weighted(p, [prepared(b) for b in batches]))(play)


class Known:
    """The rules, and the options that fixtures show to be refused here alone."""

    def __init__(self) -> None:
        indexes = [json.loads(p.read_text()) for p in sorted(HERE.glob("*/*.json"))]
        self.reasons = {entry["reason"] for index in indexes for kind in ("cases", "misuse") for entry in index[kind] if "reason" in entry}
        stale = sorted({rule.reason for rule in RULES} - self.reasons)
        if stale:
            raise AssertionError(f"known_differences.py names reasons that no fixture has: {stale}")
        # (class, option, type of its value) -> reason: options that torchmetrics takes and that are refused here.
        self.options = {
            (m["class"], name, type(value).__name__): m["reason"]
            for index in indexes
            for m in index["misuse"]
            if "reason" in m and not m["batches"]
            for name, value in m["options"].items()
            if m["contains"] in name
        }

    def explains(self, play: Play) -> str:
        """Return the reason why a play differs; empty where none is known."""
        if play.wrong and play.ours.error and play.wrong in play.ours.error:
            value = play.case.options.get(play.wrong)
            unlike = ILL_TYPED if f"`{play.wrong}` expects" in play.ours.error else ""
            return self.options.get((play.case.metric, play.wrong, type(value).__name__), unlike)
        for rule in RULES:
            if not rule.when(play):
                continue
            if rule.instead is None:
                return rule.reason
            if play.ours.error:
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    right = rule.instead(play)
            except Exception:  # noqa: BLE001 torchmetrics cannot be brought to it
                continue
            if same(play.ours.value, right, **TOLERANCES.get(play.case.metric, TOLERANCES["default"])):
                return rule.reason
        return ""
