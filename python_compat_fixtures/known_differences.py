"""Where drawn cases differ from torchmetrics on purpose: rules, each with its reason.

A reason is that of a fixture, or stands in docs/parity.md. A rule says as narrowly as it can which plays it explains: `when` looks at the case and at both outcomes. Where torchmetrics, or exact
arithmetic, can be brought to give the value that is right, `instead` computes it, and only a value equal to it is explained.
"""

import functools
import importlib.util
import inspect
import json
import math
import re
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Iterator, Optional
from unittest import mock

import torch
from cases import Case, concatenated, copied, create, fed, find_class, find_functional, same
import associations
import clustered
import clusterings
from fuzz_composites import GROUPS, MEANT, leaves_of
from fuzz_draws import OWN
from rankings import OF_CURVES, RANKED, over_queries
from torch import Tensor

HERE = Path(__file__).resolve().parent

# How far values may lie apart: torchmetrics rounds terms and sums to float32. `ways` is how far plays of one case may, here.
TOLERANCES = {"": {"rtol": 1e-5, "atol": 2e-3}, "default": {"rtol": 1e-5, "atol": 2e-6}, "ways": {"rtol": 2e-6, "atol": 1e-6}}


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
    ties: bool = False  # whether probabilities that differ in last bits alone are to tie


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
    if case.metric == "FrechetInceptionDistance" and case.options["feature"] not in range(1, 2049):
        raise ValueError("torchmetrics' own network has features of other numbers")
    if case.metric == "FrechetInceptionDistance":
        return given_network(case)
    return create(case.metric, {k: v for k, v in case.options.items() if k not in OWN})


def said(case: Case) -> str:
    """Return what the option `input` says of a case's scores."""
    return case.options.get("input", "auto")


@contextmanager
def reading(said_input: str) -> Iterator[None]:
    """Have torchmetrics take scores for what the option `input` says, whatever their values."""

    def read(scores: Tensor, normalization: Optional[str]) -> Tensor:
        if said_input == "probabilities" or normalization is None:
            return scores
        return scores.sigmoid() if normalization == "sigmoid" else scores.softmax(1)

    with ExitStack() as patches:
        for name in () if said_input == "auto" else ("calibration_error", "confusion_matrix", "hinge", "precision_recall_curve", "stat_scores"):
            module = importlib.import_module(f"torchmetrics.functional.classification.{name}")
            patches.enter_context(mock.patch.object(module, "normalize_logits_if_needed", read))
        yield


@functools.cache
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
    return find_functional(play.case.functional)(**{k: change(v) if isinstance(v, Tensor) else v for k, v in copied(inputs).items() if k not in OWN})


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


def refusal(play: Play) -> str:
    """Give what is refused here and why, without the metric's name that stands before."""
    return play.ours.error.removeprefix(f"{play.case.metric}: ")


def refused_here(word: str, *metrics: str) -> Callable:
    """Tell a play that is refused here alone, with a word."""
    return lambda play: play.case.metric in metrics and not play.theirs.error and word in play.ours.error


MOMENTS = ("ConcordanceCorrCoef", "PearsonCorrCoef")
PAIRED = (
    "ContinuousRankedProbabilityScore", "CosineSimilarity", "ExplainedVariance", "JensenShannonDivergence", "KLDivergence", "LogCoshError", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogError", "MinkowskiDistance", "NormalizedRootMeanSquaredError", "R2Score", "RelativeSquaredError",
    "SymmetricMeanAbsolutePercentageError", "TweedieDevianceScore", "WeightedMeanAbsolutePercentageError", *MOMENTS,
)


def of_wide_pairs(play: Play) -> Any:
    """Have torchmetrics compute in float64, without empty batches; a functional's result is as wide as its inputs."""
    if play.name == "functional":
        if play.case.metric in (*MOMENTS, "NormalizedRootMeanSquaredError") and not any(rows(b) for b in play.case.batches):
            return changed(play.ours.value, lambda t: torch.full_like(t, math.nan))
        value = called(play, lambda t: t.double())
        return value if any(t.dtype is torch.float64 for t in numbers_in(play)) else rounded(value)

    def of_full(p: Play, batches: list) -> Any:
        full = [doubled(b) for b in batches if rows(b)]
        if not full and p.case.metric in (*MOMENTS, "NormalizedRootMeanSquaredError"):
            return torch.full((p.case.options.get("num_outputs", 1),), math.nan).squeeze()
        return played(p, full or [doubled(b) for b in batches])

    return rounded(by(of_full)(play))


def like_ours(value: Any, ours: Any) -> Any:
    """Give a value the shapes and dtypes of ours."""
    if isinstance(value, list):
        return [like_ours(v, o) for v, o in zip(value, ours, strict=True)]
    return value.reshape(ours.shape).to(ours.dtype)


def relative_errors(play: Play) -> Any:
    """Compute relative squared errors from exact numbers; the least deviation is as small as the result's type tells."""
    doubles = play.name == "functional" and any(t.dtype is torch.float64 for t in numbers_in(play))
    of = lambda p, batches: script("regression/rse").exact([b for b in batches if rows(b)], p.case.options.get("squared", True), torch.float64 if doubles else torch.float32)
    return by(lambda p, batches: of(p, batches) if any(rows(b) for b in batches) else torch.tensor(math.nan))(play)


def ranks_by_scipy(play: Play) -> Any:
    """Ask scipy for a correlation of ranks."""

    def of(p: Play, batches: list) -> Any:
        if p.case.metric == "SpearmanCorrCoef":
            return script("regression/spearman").by_scipy(batches)
        options = p.case.options
        return script("regression/kendall").by_scipy(batches, options.get("variant", "b"), options.get("alternative", "two-sided") if options.get("t_test") else "")

    return like_ours(by(of)(play), play.ours.value)


def each_number(play: Play, batches: list) -> Tensor:
    """Compute the critical success index of each number by itself."""
    preds, target = (torch.cat([b[name] >= play.case.options["threshold"] for b in batches]) for name in ("preds", "target"))
    return (preds & target).float().reshape(()) if preds.numel() == 1 and play.name != "functional" else (preds & target).float()


def few_are_nan(play: Play) -> bool:
    """Tell whether each value of fewer than two samples is NaN."""
    counts = [rows(b) for b in play.case.batches]
    counts = [*counts, sum(counts)] if play.name == "forward" else [sum(counts)]
    values = play.ours.value if play.name == "forward" else [play.ours.value]
    return any(c < 2 for c in counts) and all(c >= 2 or bool(v.isnan().all()) for c, v in zip(counts, values, strict=True))


def r2_by_sklearn(play: Play, batches: list) -> Tensor:
    """Ask scikit-learn for the mean over outputs."""
    return script("regression/r2").by_sklearn(batches)


def ranks(play: Play) -> Any:
    """Compute what a play of ranked documents gives by Python's sort, of one query by the functional."""
    metric = play.case.metric
    if play.name != "functional":
        return by(lambda p, batches: over_queries(batches, metric, p.case.options))(play)
    call = play.case.functional_call
    batch = {"preds": call["preds"], "target": call["target"], "indexes": torch.zeros(call["preds"].shape, dtype=torch.int64)}
    options = {k: v for k, v in call.items() if k not in batch} | {"empty_target_action": "neg"}
    value = over_queries([batch], metric, options)
    if metric in OF_CURVES:
        k = value[2].reshape(-1).clamp(max=batch["preds"].numel()) if options.get("adaptive_k") else value[2].reshape(-1)
        return [value[0].reshape(-1), value[1].reshape(-1), k]
    return value


def ranked_scores(play: Play) -> list:
    """List the scores of documents."""
    given = [play.case.functional_call] if play.name == "functional" else play.case.batches
    return [b["preds"] for b in given]


def has_ties(play: Play) -> bool:
    """Tell whether some documents have equal scores."""
    flat = torch.cat([s.double().flatten().nan_to_num(nan=1e300) for s in ranked_scores(play)])  # NaN is as great as another
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


def populations_so_far(play: Play) -> list:
    """Compute each batch's distance from the real features that are kept, NaN where a population is missing, and that of all."""

    def distance(batches: list) -> Tensor:
        try:
            return played(play, batches)
        except RuntimeError:
            return torch.tensor(math.nan)

    batches, kept = play.case.batches, play.case.options.get("reset_real_features") is False
    before = lambda i: [b for b in batches[:i] if kept and b["real"]]
    return [*(distance([*before(i), batch]) for i, batch in enumerate(batches)), distance(batches)]


def no_list(play: Play) -> Any:
    """Turn torchmetrics' empty lists into empty tensors."""
    value = play.theirs.value
    return [torch.zeros(0) if isinstance(v, list) else v for v in value] if play.name == "forward" else torch.zeros(0) if value == [] else value


def as_float(play: Play) -> Play:
    """Make an option's integer a float."""
    floats = play.case.options | {play.wrong: float(play.case.options[play.wrong])}
    return replace(play, case=replace(play.case, options=floats))


def with_float(play: Play) -> Any:
    """Give torchmetrics the option's integer as a float."""
    other = as_float(play)
    value = floating(called(other) if play.name == "functional" else by(lambda p, batches: played(p, batches))(other))
    return no_list(replace(play, theirs=Outcome(value=value))) if play.case.metric == "CatMetric" else value


def floating(value: Any) -> Any:
    """Give results float32, the integers of torchmetrics' perfect correlation too."""
    return changed(value, lambda t: t.float() if t.is_floating_point() or not t.ndim else t)


def integer_for_float(play: Play) -> bool:
    """Tell an integer that torchmetrics alone refuses."""
    return bool(play.wrong) and kind_of(play.case.options.get(play.wrong)) == "number" and not play.ours.error and f"`{play.wrong}`" in play.theirs.error


def weighted(play: Play, batches: list) -> Tensor:
    """Add weighted values and weights without rounding; without any weight there is no mean."""
    try:
        return script("aggregation/aggregation").weighted_mean(batches)
    except ZeroDivisionError:
        return torch.tensor(math.nan)


IN_FLOAT32 = "torchmetrics computes in the inputs' dtype and accumulates in float32"
HALVES = (torch.float16, torch.bfloat16)

# --- classification: what is counted is prepared so that torchmetrics has nothing left to decide, or is counted exactly.

CURVES = ("AUROC", "AveragePrecision", "EER", "LogAUC", "ROC", "PrecisionRecallCurve", "FixedRecall", "FixedPrecision", "AtSpecificity", "AtSensitivity")
TASKS = ("Binary", "Multiclass", "Multilabel")


def is_classification(play: Play) -> bool:
    """Tell a classification metric."""
    return play.case.metric.startswith(TASKS) and play.case.metric != "BinaryTargetTransformer"


def is_curve(play: Play) -> bool:
    """Tell a metric of curves."""
    return is_classification(play) and play.case.metric.endswith(CURVES)


def given_batches(play: Play) -> list:
    """Return the batches that a play is given; the functional gets all as one."""
    return [concatenated(play.case.batches)] if play.name == "functional" else play.case.batches


def counted_scores(play: Play, batch: dict) -> Tensor:
    """Return the scores of a batch that count, in float64."""
    preds, target, ignored = batch["preds"], batch["target"], play.case.options.get("ignore_index")
    if ignored is None:
        return preds.double().flatten()
    keep = target != ignored
    if play.case.metric.startswith("Multiclass"):
        return preds.double().movedim(1, -1)[keep].flatten()
    return preds.double()[keep]


def outside(scores: Tensor) -> bool:
    """Tell whether scores are taken for logits."""
    return not bool(((scores >= 0) & (scores <= 1)).all())


def has_scores(play: Play) -> bool:
    """Tell whether predictions are scores."""
    return all(b["preds"].is_floating_point() for b in play.case.batches)


def normal(play: Play, batches: list) -> list:
    """Make float64 probabilities of all scores, read as one: what does not count is 0.5 and decides nothing. Without empty batches."""
    batches, options = [{**b, "target": b["target"].long()} for b in batches if rows(b)], play.case.options
    if not all(b["preds"].is_floating_point() for b in batches):
        return [{**b, "preds": b["preds"] if b["preds"].is_floating_point() else b["preds"].long()} for b in batches]
    multiclass, ignored = play.case.metric.startswith("Multiclass"), options.get("ignore_index")
    logits = not taken_as_given(play) and (said(play.case) == "logits" or any(outside(counted_scores(play, b)) for b in batches))

    def probabilities(batch: dict) -> dict:
        preds = batch["preds"].double()
        if logits:
            finite = preds.nan_to_num(nan=math.nan, posinf=1e4, neginf=-math.inf)  # an infinite score takes all
            tied = lambda logarithms: logarithms.mul(1e11).round().div(1e11).exp()
            of_classes = lambda: tied(finite.log_softmax(1)) if play.ties else finite.softmax(1)
            of_each = lambda: tied(torch.nn.functional.logsigmoid(preds)) if play.ties else preds.sigmoid()
            in_order = multiclass and not is_curve(play)  # of which no more than the order counts, where softmax would make ties
            preds = preds if in_order else of_classes() if multiclass else of_each()
        if ignored is not None and not multiclass:
            preds = torch.where(batch["target"] == ignored, torch.tensor(0.5).double(), preds)
        elif ignored is not None and preds.numel():
            preds = torch.where((batch["target"] == ignored).unsqueeze(1), torch.tensor(0.5).double(), preds)
        return {**batch, "preds": preds}

    return [probabilities(b) for b in batches]


def flat(play: Play, batch: dict) -> dict:
    """Make a row of each position."""
    preds, target = batch["preds"], batch["target"]
    if play.case.metric.startswith("Binary"):
        return {"preds": preds.flatten(), "target": target.flatten()}
    columns = preds.movedim(1, -1).flatten(0, -2) if preds.ndim > target.ndim or play.case.metric.startswith("Multilabel") else preds.flatten()
    return {"preds": columns, "target": target.movedim(1, -1).flatten(0, -2) if play.case.metric.startswith("Multilabel") else target.flatten()}


def squeezed(value: Any) -> Any:
    """Make numbers of tensors of one, as torchmetrics' classes do."""
    return changed(value, lambda t: t.squeeze() if t.numel() == 1 else t)


def whole_by_functional(play: Play, batches: list) -> Any:
    """Ask torchmetrics' functional for all batches in one."""
    prepared = normal(play, batches)
    if is_curve(play):
        prepared = [flat(play, b) for b in prepared]
    if "normalization" in play.case.options and play.name != "functional":
        return rounded(played(play, prepared))
    function = find_functional(functionals()[play.case.metric])
    options = {k: v for k, v in play.case.options.items() if k in inspect.signature(function).parameters}
    value = rounded(function(**concatenated(prepared), **options))
    value = floating(value) if play.case.metric.endswith("MatthewsCorrCoef") else value
    return value if play.name == "functional" else squeezed(value)  # classes alone make a number of one element


@functools.cache
def functionals() -> dict:
    """Name the functional of each class, as the fixtures do."""
    indexes = [json.loads(p.read_text()) for p in HERE.glob("*/*.json")]
    return {c["class"]: c["functional"] for index in indexes for c in index["cases"] if "functional" in c and "class" in c}


def by_class(play: Play, batches: list) -> Any:
    """Ask torchmetrics' class, batch by batch."""
    value = rounded(played(play, normal(play, batches)))
    return floating(value) if play.case.metric.endswith("MatthewsCorrCoef") else value


def settled(play: Play) -> Any:
    """Bring torchmetrics to a play's value by prepared scores."""
    value = by_class if not is_curve(play) else whole_by_functional
    if play.name == "functional":
        return whole_by_functional(play, play.case.batches)
    return by(value)(play)


def by_sorted_ranks(value: Callable) -> Callable:
    """Have torchmetrics get ranks in place of scores: of equal ones the lowest index first."""

    def ranks_of(batch: dict) -> dict:
        order = torch.argsort(torch.argsort(batch["preds"], dim=1, descending=True, stable=True), dim=1)
        return {**batch, "preds": -order.float()}

    return lambda play: value(replace(play, case=replace(play.case, batches=[ranks_of(b) for b in play.case.batches])))


def counted_exactly(play: Play, batches: list) -> Any:
    """Count what thresholds let through, and compute from counts as the fixtures do."""
    from curves_family import exact_area
    from threshold_scans import best_of_precision_recall, best_of_roc, curves

    metric, options = play.case.metric, play.case.options | {"input": "probabilities"}  # which `normal` makes
    task = next(t for t in TASKS if metric.startswith(t))
    prepared = normal(play, batches) or [{**b, "preds": b["preds"].double()} for b in batches[:1]]
    whole = concatenated([flat(play, b) for b in prepared])
    name = metric.removeprefix(task)
    if play.name == "functional" and name == "LogAUC" and task != "Binary":
        options.setdefault("average", "macro")  # where the class has none
    if name in ("AUROC", "AveragePrecision"):
        return squeezed(exact_area(metric, options)(whole))
    search = {
        "EER": lambda: script("classification/eer").search,
        "LogAUC": lambda: script("classification/logauc").search,
        "PrecisionAtFixedRecall": lambda: best_of_precision_recall("precision", "min_recall"),
        "RecallAtFixedPrecision": lambda: best_of_precision_recall("recall", "min_precision"),
        "SensitivityAtSpecificity": lambda: best_of_roc("sensitivity", "min_specificity"),
        "SpecificityAtSensitivity": lambda: best_of_roc("specificity", "min_sensitivity"),
    }[name]()
    found = search(curves(whole, options), options)
    return squeezed(list(found) if isinstance(found, tuple) else found)


def exactly(play: Play) -> Any:
    """Compute a play's value from exact counts."""
    return by(counted_exactly)(play) if play.name != "functional" else counted_exactly(play, play.case.batches)


def samples_apart(play: Play) -> Any:
    """Put the values of batches together, each of its samples twice, so that no batch has one alone."""

    shaped = (lambda v: v) if play.name == "functional" else squeezed  # classes alone make a number of one element

    def value(p: Play, batches: list) -> Tensor:
        twice = lambda b: by_class(p, [changed(b, lambda t: torch.cat([t, t]))])[: rows(b)]
        if not any(rows(b) for b in batches):
            return twice(next(b for b in p.case.batches if rows(b)))[:0]
        prepared = normal(p, batches)
        weighs = p.case.metric.endswith("StatScores") and p.case.options.get("average") == "weighted"
        options = {"input": "probabilities"} | ({"average": "none"} if weighs else {})  # which they are from here on
        p = replace(p, case=replace(p.case, options=p.case.options | options))
        counts = torch.cat([twice(b) for b in prepared])
        if weighs:  # by the share of all samples' support
            support = counts[..., 4:].double()
            return shaped((counts * (support / support.sum())).sum(1).float())
        return shaped(counts)

    return value(play, [concatenated(play.case.batches)]) if play.name == "functional" else by(value)(play)


def is_label(play: Play, labels: Tensor) -> Tensor:
    """Mark the labels that are some."""
    return (labels >= 0) & (labels < play.case.options.get("num_classes", 2))


def no_labels(play: Play) -> bool:
    """Tell whether a target that is not ignored is no label."""
    ignored = play.case.options.get("ignore_index")
    targets = [b["target"].long() for b in play.case.batches]
    return any(bool((~is_label(play, t) & (t != (0 if ignored is None else ignored))).any()) for t in targets)


def without_no_labels(value: Callable) -> Callable:
    """Make a function of a play compute with such targets ignored."""

    def of(play: Play) -> Any:
        ignored, nothing = play.case.options.get("ignore_index"), -100

        def marked(batch: dict) -> dict:
            target = batch["target"].long()
            counts = is_label(play, target) & (target != (nothing if ignored is None else ignored))
            return {**batch, "target": torch.where(counts, target, nothing)}

        case = replace(play.case, options=play.case.options | {"ignore_index": nothing}, batches=[marked(b) for b in play.case.batches])
        return value(replace(play, case=case))

    return of


def has_no_cell(play: Play) -> bool:
    """Tell whether a target that is not ignored, or a predicted label, is none."""
    return no_labels(play) or any(not bool(is_label(play, b["preds"].long()).all()) for b in play.case.batches if not b["preds"].is_floating_point())


def unchecked_classes(play: Play) -> bool:
    """Tell counts of classes, each by itself, for labels out of range that are not checked."""
    options = play.case.options
    counts = is_classification(play) and play.case.metric.startswith("Multiclass") and not is_curve(play) and not ends(play, *CELLS, "ExactMatch")
    return counts and options.get("validate_args") is False and options.get("average") != "micro" and has_no_cell(play)


def without_cells(value: Callable) -> Callable:
    """Have torchmetrics ignore what has no cell in a confusion matrix: a target, or a predicted class; a question's answer that is none is wrong."""

    def marked(play: Play, batch: dict, nothing: int) -> dict:
        preds, target = batch["preds"], batch["target"].long()
        counts = is_label(play, target)
        if not preds.is_floating_point():
            fits = is_label(play, preds.long())
            counts = counts & fits if play.case.metric.startswith("Multiclass") else counts
            preds = torch.where(counts, torch.where(fits, preds.long(), 1 - target), 0)
        return {"preds": preds, "target": torch.where(counts, target, nothing)}

    def of(play: Play) -> Any:
        nothing = -100 if play.case.options.get("ignore_index") is None else play.case.options["ignore_index"]
        case = replace(play.case, options=play.case.options | {"ignore_index": nothing}, batches=[marked(play, b, nothing) for b in play.case.batches])
        return value(replace(play, case=case))

    return of


def of_no_class(play: Play) -> Any:
    """Have torchmetrics count labels out of range in classes of their own, and leave these out of its states."""
    ignored, classes = play.case.options.get("ignore_index"), play.case.options["num_classes"]
    labels = torch.cat([t.long().flatten() for b in play.case.batches for t in b.values() if not t.is_floating_point()])
    beyond = sorted({label for label in labels.tolist() if not 0 <= label < classes})
    out_of_them = -100 if ignored is not None and not 0 <= ignored < classes else ignored

    def named(labels: Tensor) -> Tensor:
        found = labels.long().clone()
        for place, label in enumerate(beyond):
            found[labels == label] = out_of_them if label == ignored else classes + place
        return found

    def among_more(batch: dict) -> dict:
        preds, target = batch["preds"], named(batch["target"])
        if preds.is_floating_point():
            lowest = torch.full_like(preds[:, :1], -math.inf).repeat_interleave(len(beyond), 1)
            return {"preds": torch.cat([preds, lowest], 1), "target": target}
        return {"preds": torch.where(target == out_of_them, 0, named(preds)) if out_of_them == -100 else named(preds), "target": target}

    def value(p: Play, batches: list) -> Any:
        metric = theirs_made(replace(p.case, options=p.case.options | {"num_classes": classes + len(beyond), "ignore_index": out_of_them}))
        for batch in batches:
            fed(metric.update, among_more(batch))
        for name in ("tp", "fp", "tn", "fn"):
            state = getattr(metric, name)
            setattr(metric, name, [s[..., :classes] for s in state] if isinstance(state, list) else state[..., :classes])
        return rounded(metric.compute())

    if play.name != "functional":
        return by(value)(play)
    right = value(play, [concatenated(play.case.batches)])
    return right.reshape(play.ours.value.shape) if right.numel() == 1 else right  # classes alone make a number of one element


def of_finite(value: Callable) -> Callable:
    """Make a function of a play compute with infinite scores that float64 tells from one another; results are infinite again in float32."""
    finite = lambda t: t.double().nan_to_num(nan=math.nan, posinf=1e300, neginf=-1e300) if t.is_floating_point() else t
    return lambda play: value(replace(play, case=replace(play.case, batches=changed(play.case.batches, finite))))


def taken_as_given(play: Play) -> bool:
    """Tell whether scores are not normalised, whatever they are."""
    return said(play.case) == "probabilities" or play.case.options.get("normalization", "sigmoid") is None


def averaged_by_none(play: Play) -> Play:
    """Give torchmetrics None for "none"."""
    return replace(play, theirs=Outcome(), case=replace(play.case, options=play.case.options | {"average": None}))


def unspelt(play: Play) -> Any:
    """Compute what torchmetrics gives for None."""
    other = averaged_by_none(play)
    exact = other.case.options.get("thresholds") is None and ends(other, "PrecisionRecallCurve", "AveragePrecision")
    return first_exchanged(other) if exact and only_first(other) else settled(other)


def checks(play: Play) -> bool:
    """Tell whether a class is told to check, or does so by default."""
    default = inspect.signature(find_class(play.case.metric)).parameters["validate_args"].default
    return play.case.options.get("validate_args", default) is not False


def checked_there(play: Play) -> bool:
    """Tell options and shapes that torchmetrics would refuse, too, if it were told to check; what names a place is the refusal of a label or score there."""
    if not is_classification(play) or checks(play) or play.theirs.error or not play.ours.error or " at [" in play.ours.error:
        return False
    try:
        played(play, given_batches(play), play.case.options | {"validate_args": True})
    except (ValueError, RuntimeError):
        return True
    return False


def without_ignored_labels(play: Play) -> Play:
    """Make predicted labels 0 that do not count."""
    ignored = play.case.options.get("ignore_index")
    within = lambda b: b["preds"] if b["preds"].is_floating_point() else torch.where(b["target"] == ignored, 0, b["preds"])
    return replace(play, case=replace(play.case, batches=[{**b, "preds": within(b)} for b in play.case.batches]))


def ignored_prediction_fails(play: Play) -> bool:
    """Tell labels among predictions that torchmetrics refuses where something is ignored."""
    said = ("since preds is a label tensor.", "Class values must be smaller than num_classes.", "Class values must be non-negative.")
    return is_classification(play) and play.theirs.error.replace("`", "").endswith(said) and play.case.options.get("ignore_index") is not None


def small_integers_fail(play: Play) -> bool:
    """Tell what torchmetrics cannot do with integers of a smaller type than int64."""
    said = ("one_hot is only applicable", "is invalid for input of size", "without overflow", "bincount only supports")
    return is_classification(play) and any(word in play.theirs.error for word in said) and any(t.dtype is not torch.int64 and not t.is_floating_point() for t in numbers_in(play))


def only_first(play: Play) -> bool:
    """Tell whether each target that counts in all or in a batch is class 0."""
    if not play.case.metric.startswith("Multiclass") or play.theirs.error:
        return False
    ignored, alone = play.case.options.get("ignore_index"), [[b] for b in play.case.batches] if play.name == "forward" else []
    targets = [torch.cat([b["target"].flatten().long() for b in batches]) for batches in [*alone, play.case.batches]]
    return any(not bool(((t != 0) & (t != (0 if ignored is None else ignored))).any()) for t in targets)


def only_of_two(play: Play, batches: list) -> list:
    """Compute the curves of two classes of which the second is ignored: the first has positives alone, the second no recall."""
    precision, recall, points = whole_by_functional(play, batches)
    whole = concatenated([flat(play, b) for b in normal(play, batches)])
    alone = whole["preds"][whole["target"] == 0, 0]
    first = rounded(find_functional("binary_precision_recall_curve")(alone, torch.ones(len(alone), dtype=torch.int64))[1])
    return [precision, [first, torch.cat([torch.full_like(recall[1][:-1], math.nan), recall[1][-1:]])], points]


def first_exchanged(play: Play) -> Any:
    """Ask torchmetrics with the first class in another's place, and put back what it says of it."""
    ignored, classes = play.case.options.get("ignore_index"), play.case.options["num_classes"]
    average = play.case.options.get("average", "none" if play.case.metric.endswith("Curve") else "macro")
    place = next((c for c in range(1, classes) if c != ignored), None)
    if place is None and play.case.metric.endswith("AveragePrecision"):  # the other class of two is ignored, so that nothing is wrong
        right = torch.tensor(1.0) if average not in (None, "none") else torch.tensor([1.0, math.nan])
        return by(lambda p, batches: right)(play)
    if place is None and play.case.metric.endswith("Curve"):
        return only_of_two(play, play.case.batches) if play.name == "functional" else by(only_of_two)(play)
    order = [place if c == 0 else 0 if c == place else c for c in range(classes)]

    def back(value: Any) -> Any:
        if average not in (None, "none"):
            return value
        if isinstance(value, list):
            return [value[c] for c in order]
        return value[order] if value.ndim and len(value) == classes else value

    def value(p: Play, batches: list) -> Any:
        found = [flat(p, b) for b in batches if rows(b)]
        if any(bool(((b["target"] != 0) & (b["target"] != (0 if ignored is None else ignored))).any()) for b in found):
            return whole_by_functional(p, found)
        named = lambda t: torch.where(t == 0, place, t.long())
        result = whole_by_functional(p, [{"preds": b["preds"][:, order], "target": named(b["target"])} for b in found])
        return [back(v) for v in result] if isinstance(result, list) else back(result)

    return value(play, play.case.batches) if play.name == "functional" else by(value)(play)


def but_for_nothing(play: Play) -> Any:
    """Bring torchmetrics to each value that it has; of batches of which nothing counts it may have none, and ours stands."""
    batches = copied(given_batches(play))
    parts = [*([b] for b in batches), batches] if play.name == "forward" else [batches]
    ways_there = (whole_by_functional, counted_exactly) if is_curve(play) else (by_class,)
    without_any = ways_there[:1]
    if play.case.metric.startswith("Multiclass") and ends(play, "PrecisionRecallCurve", "AveragePrecision"):
        ways_there = (lambda p, part: first_exchanged(replace(p, name="updates", case=replace(p.case, batches=part))), *ways_there)

    def right(ours: Any, part: list) -> Any:
        found, ignored = [], play.case.options.get("ignore_index")
        nothing = all(bool(((b["target"] == ignored) if ignored is not None else torch.zeros_like(b["target"]).bool()).all()) for b in part)
        for value in without_any if nothing else ways_there:
            try:
                found.append(value(play, part))
            except Exception:  # noqa: BLE001 it has no value
                continue
        alone = replace(play, name="updates", case=replace(play.case, batches=part))
        if not found and nothing_counts(alone):
            return ours
        return next((v for v in found if same(ours, v, **TOLERANCES["default"])), None)

    values = [right(ours, part) for ours, part in zip(play.ours.value if play.name == "forward" else [play.ours.value], parts, strict=True)]
    return values if play.name == "forward" else values[0]


def reads_otherwise(play: Play) -> bool:
    """Tell whether some batch by itself is read otherwise than all."""
    if not is_classification(play) or not has_scores(play) or play.name == "functional" or said(play.case) != "auto":
        return False
    alone = {outside(counted_scores(play, b)) for b in play.case.batches if counted_scores(play, b).numel()}
    return len(alone) > 1


def ignored_decide(play: Play) -> bool:
    """Tell whether a score that does not count lies outside [0, 1] in a batch where none that counts does."""
    if not is_classification(play) or not has_scores(play) or play.case.options.get("ignore_index") is None or said(play.case) != "auto":
        return False
    return any(outside(b["preds"].double()) and not outside(counted_scores(play, b)) for b in given_batches(play))


def has_dtype(play: Play, *dtypes: torch.dtype) -> bool:
    """Tell a classification play with scores of a type."""
    return is_classification(play) and any(b["preds"].dtype in dtypes for b in play.case.batches)


def nothing_counts(play: Play) -> bool:
    """Tell whether a class or label has no sample that counts, or a batch none at all."""
    if not is_classification(play):
        return False
    ignored = play.case.options.get("ignore_index")
    empty = lambda t: t.numel() == 0 or ignored is not None and bool((t == ignored).all())
    targets = [b["target"] for b in [*play.case.batches, concatenated([flat(play, b) for b in play.case.batches])]]
    if play.case.metric.startswith("Multilabel"):
        targets += [t[:, i] for t in targets for i in range(t.shape[1])]
    return any(empty(t) for t in targets)


def has_ties_beyond_the_first(play: Play) -> bool:
    """Tell whether top_k has to choose among equal scores."""
    return is_classification(play) and play.case.options.get("top_k", 1) > 1 and any(len(row.unique()) < len(row) for b in play.case.batches for row in flat(play, b)["preds"].double())


def binned(play: Play, *names: str) -> bool:
    """Tell a metric of these names with thresholds."""
    return is_classification(play) and play.case.metric.endswith(names) and play.case.options.get("thresholds") is not None


def ends(play: Play, *names: str) -> bool:
    """Tell a classification metric by its name."""
    return is_classification(play) and play.case.metric.endswith(names)


ILL_TYPED = "torchmetrics does not look at the type"
CELLS = ("CohenKappa", "ConfusionMatrix", "JaccardIndex", "MatthewsCorrCoef")
AT_FIXED = ("FixedRecall", "FixedPrecision", "AtSpecificity", "AtSensitivity")
NO_ROWS = "Batches of which everything is left out change nothing"
NOTHING_THERE = ("with size 0", "because the unspecified dimension size -1 can be any value and is ambiguous")
INTEGERS = "Targets of any integer dtype are labels"
INFINITE = "an infinite score of a class takes all of its row's probability; torchmetrics' softmax makes NaN of the row"
SPELT = 'An `average` of `"none"` is None'
ONE_SAMPLE = "A samplewise batch of one sample is one more row"

ASSOCIATIONS = {"CramersV": "cramers", "PearsonsContingencyCoefficient": "pearson", "TheilsU": "theils_u", "TschuprowsT": "tschuprows"}
OF_DATA = {"CalinskiHarabaszScore": ("calinski_harabasz_score", "by_sklearn"), "DaviesBouldinScore": ("davies_bouldin_score", "by_definition"), "DunnIndex": ("dunn_index", "by_definition")}


def of_labels(play: Play, batches: list) -> Tensor:
    """Ask scikit-learn for the score of a clustering."""
    return clusterings.score_of(play.case.metric, batches, play.case.options)


def of_clusters(play: Play, batches: list) -> Tensor:
    """Compute the score of the clusters of data in float64."""
    topic, name = OF_DATA[play.case.metric]
    full = [b for b in batches if rows(b)] or batches[:1]
    value = clustered.score_of(getattr(script(f"clustering/{topic}"), name), full, play.case.options)
    return value.double() if play.name == "functional" and play.case.metric == "DunnIndex" and batches[0]["data"].dtype is torch.float64 else value


def of_variables(play: Play, batches: list) -> Tensor:
    """Compute an association by its definition."""
    options = play.case.options
    if play.name == "functional" and play.case.functional_call:
        batches, options = [play.case.functional_call], play.case.functional_call
    return associations.by_definition(script(f"nominal/{ASSOCIATIONS[play.case.metric]}").by_definition, batches, options)


def of_ratings(play: Play, batches: list) -> Tensor:
    """Compute the agreement of raters by its definition."""
    return script("nominal/fleiss_kappa").by_definition(batches, play.case.options)


def has_flat_cloud(play: Play) -> bool:
    """Tell whether a cloud has no two different points."""
    clouds = [v for b in [*play.case.batches, play.case.functional_call or {}] for v in b.values() if isinstance(v, Tensor) and v.ndim == 3]
    return any(bool((v == v[:, :1]).flatten(1).all(1).any()) for v in clouds)


BY_BINS = ("BinaryCalibrationError", "MulticlassCalibrationError")
BY_MARGINS = ("BinaryHingeLoss", "MulticlassHingeLoss")
BY_RANKS = ("MultilabelCoverageError", "MultilabelRankingAveragePrecision", "MultilabelRankingLoss")
BY_GROUPS = ("BinaryFairness", "BinaryGroupStatRates")


def of_scores(play: Play, batches: list) -> Tensor:
    """Compute what bins or margins give by the definition, in float64."""
    topic = "calibration_error" if play.case.metric in BY_BINS else "hinge"
    return script(f"classification/{topic}").SCORED[play.case.metric].value(batches, play.case.options, said(play.case))


def of_rankings(play: Play, batches: list) -> Tensor:
    """Compute scikit-learn's score of each sample."""
    return script("classification/ranking").by_sklearn(play.case.metric, batches, play.case.options.get("ignore_index"))


def of_groups(play: Play, batches: list) -> dict:
    """Count the answers of each group, of a functional those that occur."""
    topic, options = script("classification/group_fairness"), play.case.options
    groups = options["num_groups"]
    if play.name == "functional" and play.case.metric == "BinaryFairness":
        groups = max(1, len(torch.cat([b["groups"].flatten() for b in batches]).unique()))
    task = options.get("task", "all")
    given = [b | {"target": None} for b in batches] if task == "demographic_parity" else batches
    return topic.value_of(play.case.metric, topic.counted(given, options, groups, said(play.case)), task)


RULES = [
    Rule("A value of nothing is what the formula gives without samples", lambda p: bool(p.case.metric) and not p.case.batches),  # of a metric in a collection
    # --- aggregation
    Rule("an integer is as good as a float of its value; torchmetrics takes none here", integer_for_float, with_float),
    *(
        Rule("an integer is as good as a float of its value; torchmetrics takes none here", lambda p: integer_for_float(p) and is_classification(p), lambda p, value=value: value(as_float(p)))
        for value in (settled, samples_apart, lambda p: but_for_nothing(p))
    ),
    Rule("an empty concatenation is an empty tensor here, an empty list there", is_of("CatMetric"), no_list),
    Rule("nan_strategy=disable there drops the weights", lambda p: is_of("MeanMetric")(p) and p.case.options.get("nan_strategy") == "disable", by(weighted)),
    Rule("torchmetrics writes the weight of a filled NaN to the expanded tensor: to the whole column, and to the caller's tensor", lambda p: is_of("MeanMetric")(p) and kind_of(p.case.options.get("nan_strategy")) == "number", lambda p: filled_mean(p)),
    Rule("NaN is filled with the number that is given; torchmetrics rounds it to the values' type", lambda p: p.case.metric in ("CatMetric", "MaxMetric", "MinMetric", "SumMetric") and kind_of(p.case.options.get("nan_strategy")) == "number" and any(t.dtype in HALVES for t in numbers_in(p)), lambda p: by(lambda q, batches: played(q, [changed(b, lambda t: t.float()) for b in batches], {"nan_strategy": float(q.case.options["nan_strategy"])}))(p)),
    Rule("lower values of `DaviesBouldinScore` are the better ones; torchmetrics says that higher are", lambda p: is_of("MetricTracker")(p) and "DaviesBouldinScore" in json.dumps(p.case.options) and "maximize" not in p.case.options),
    # --- pairwise
    Rule("distances are taken of differences; torchmetrics takes them of products, in which near rows far from 0, and infinite numbers, are lost", lambda p: p.case.functional == "pairwise_euclidean_distance" and any(bool(v.isinf().any()) for v in p.case.functional_call.values() if isinstance(v, Tensor))),
    # --- shape
    Rule("a cloud without two different points has no disparity; torchmetrics fails on it", lambda p: is_of("ProcrustesDisparity")(p) and has_flat_cloud(p)),
    # --- clustering
    Rule("a value of nothing is what the formula gives without samples; torchmetrics throws", lambda p: is_of("AdjustedMutualInfoScore")(p) and any(rows(b) == 0 for b in p.case.batches), by(of_labels)),
    Rule("clusterings that tell nothing of one another have a harmonic mean of 0; torchmetrics gives 1", is_of("VMeasureScore"), by(of_labels)),
    Rule("logarithms and sums of many terms are taken in float64; torchmetrics takes them in float32", is_of(*clusterings.BY_SKLEARN), by(of_labels)),
    Rule("`cluster_accuracy` takes scores, and several positions a sample, as its class does", lambda p: is_of("ClusterAccuracy", name="functional")(p) and p.theirs.error, by(lambda p, batches: played(p, batches))),
    Rule("torchmetrics counts it in another cell", refused_here("expected labels in [0,", "ClusterAccuracy")),
    Rule("a value that is not defined is NaN; torchmetrics throws", lambda p: p.case.metric in OF_DATA and not p.ours.error and p.theirs.error, by(of_clusters)),
    Rule("sums are taken in float64; torchmetrics takes them in the inputs' dtype, where an offset or many rows are lost", is_of(*OF_DATA), by(of_clusters)),
    # --- nominal
    Rule("Functionals and matrices take any whole numbers for values", is_of(*ASSOCIATIONS, name="functional"), by(of_variables)),
    Rule("an observed number is brought nearer to the expected one by no more than it is away; torchmetrics goes beyond it", lambda p: is_of("CramersV", "TschuprowsT")(p) and p.case.options.get("bias_correction", True), by(of_variables)),
    Rule("a value is as floating as any; torchmetrics gives the integer 0", is_of("TheilsU"), by(of_variables)),
    Rule("sums are taken in float64; torchmetrics takes them in float32, where differences of nearly equal numbers are lost", is_of(*ASSOCIATIONS), by(of_variables)),
    Rule("Predictions and targets of different numbers of rows are refused", refused_here("must have the same number of rows", *ASSOCIATIONS)),
    Rule("torchmetrics looks at it when NaN comes", refused_here("option `nan_replace_value` expects a value", *ASSOCIATIONS)),
    Rule("torchmetrics counts it in another cell", refused_here("expected values from 0 to", *ASSOCIATIONS)),
    Rule("torchmetrics cuts off what stands behind the point", refused_here("expected whole numbers", *ASSOCIATIONS)),
    Rule("a value of nothing is NaN; torchmetrics throws", lambda p: is_of("FleissKappa")(p) and any(rows(b) == 0 for b in p.case.batches), by(of_ratings)),
    Rule("there are as many categories as scores; torchmetrics fails at one beyond the number of raters", lambda p: is_of("FleissKappa")(p) and p.theirs.error, by(of_ratings)),
    # --- regression
    Rule("torchmetrics has no means of integers", refused_there("mean(): could not infer output dtype", *MOMENTS), of_wide_pairs),
    Rule("an empty batch changes nothing; torchmetrics' means of nothing turn all to NaN", lambda p: is_of(*MOMENTS)(p) and any(rows(b) == 0 for b in p.case.batches), of_wide_pairs),
    Rule("an empty batch changes nothing; torchmetrics has no minimum of nothing", refused_there("Expected reduction dim 0 to have non-zero size", "NormalizedRootMeanSquaredError"), of_wide_pairs),
    Rule("torchmetrics' functional has no least deviation of integers", refused_there("finfo", "RelativeSquaredError"), relative_errors),
    Rule(IN_FLOAT32, is_of("RelativeSquaredError"), relative_errors),
    Rule("torchmetrics sums a vector whole where its only dimension is to be kept", lambda p: is_of("CriticalSuccessIndex")(p) and p.case.options.get("keep_sequence_dim") == 0, by(each_number)),
    Rule("torchmetrics adds 1e-6 to the deviations' product, as if ranks were far from equal", is_of("SpearmanCorrCoef"), ranks_by_scipy),
    Rule("an empty batch changes nothing; torchmetrics has no pairs of nothing", lambda p: p.case.metric == "KendallRankCorrCoef" and bool(p.theirs.error) and not p.ours.error and any(rows(b) == 0 for b in p.case.batches), ranks_by_scipy),
    Rule("torchmetrics makes three dimensions of a column", lambda p: p.case.metric == "KendallRankCorrCoef" and not p.ours.error and any(t.ndim == 2 and t.shape[1] == 1 for t in numbers_in(p)), ranks_by_scipy),
    Rule(IN_FLOAT32, lambda p: is_of("KendallRankCorrCoef")(p) and any(t.dtype is not torch.float32 for t in numbers_in(p)), ranks_by_scipy),
    Rule("a NaN has no rank; torchmetrics compares it, and finds it neither less nor greater", lambda p: is_of("KendallRankCorrCoef")(p) and any(bool(t.isnan().any()) for t in numbers_in(p) if t.is_floating_point()), ranks_by_scipy),
    Rule("unsigned differences wrap around in torchmetrics", lambda p: is_of(*PAIRED)(p) and any(t.dtype is torch.uint8 for t in numbers_in(p)), of_wide_pairs),
    Rule(IN_FLOAT32, is_of(*PAIRED), of_wide_pairs),
    Rule("torchmetrics throws for fewer than two samples: a forward on a last batch of one would fail", lambda p: refused_there("at least two samples", "R2Score")(p) and few_are_nan(p)),
    Rule("torchmetrics takes sums of squares up to 1e-4 for 0, whatever the scale of the data", lambda p: is_of("R2Score")(p) and not p.case.options, by(r2_by_sklearn)),
    Rule("torchmetrics gives both outputs the value of the only column", refused_here("num_outputs", "LogCoshError", "MeanAbsoluteError", "MeanSquaredError", "NormalizedRootMeanSquaredError", "RelativeSquaredError", *MOMENTS)),
    # --- retrieval
    Rule("a batch without documents changes nothing; torchmetrics refuses it", lambda p: refused_there("must be non-empty", *RANKED)(p), ranks),
    Rule("of equal scores the less relevant documents come first; torch.topk takes any", lambda p: is_of(*RANKED)(p) and has_ties(p), ranks),
    Rule("a score's sign means nothing in a ranking, and negative distances are scores; torchmetrics does not find relevant documents whose score is not above 0", lambda p: is_of("RetrievalMAP", "RetrievalMRR", "RetrievalPrecision", "RetrievalRecall")(p) and any(bool((s <= 0).any()) for s in ranked_scores(p)), ranks),
    Rule("NaN is the greatest score in every ranking; torchmetrics ranks it last here", lambda p: is_of("RetrievalNormalizedDCG")(p) and any(bool(s.isnan().any()) for s in ranked_scores(p)), ranks),
    Rule("a gain with negative relevances has no bounds, and one with NaN no value; torchmetrics takes any", refused_here("relevances of at least 0", "RetrievalNormalizedDCG")),
    Rule("scores are compared as they are given; torchmetrics rounds float64 ones to float32", lambda p: is_of(*RANKED)(p) and any(s.dtype is torch.float64 for s in ranked_scores(p)), ranks),
    Rule("all relevances above 0 are relevant, those between 0 and 1, too; torchmetrics cuts off what stands behind the point, or fails", lambda p: is_of("RetrievalAUROC", "RetrievalRPrecision")(p) and any(b["target"].is_floating_point() for b in p.case.batches), ranks),
    Rule("means are taken in float64; which k is the best must not depend on how float32 rounds them", is_of("RetrievalRecallAtFixedPrecision"), ranks),
    Rule("logits are ranked as they are; in float32 their probabilities are the same (#3420)", is_of("RetrievalAUROC"), ranks),
    # --- text
    Rule("torchmetrics leaves out the texts that the shorter list has no counterpart for", refused_here("they go in pairs", "WordErrorRate")),
    # --- image
    Rule("torchmetrics computes in the inputs' dtype", is_of("PeakSignalNoiseRatio"), of_wide_pairs),
    Rule("torchmetrics broadcasts, and divides by the target's elements alone", refused_here("must have the same shape", "PeakSignalNoiseRatio")),
    Rule("a value that is not defined is NaN; torchmetrics throws", lambda p: refused_there("More than one sample is required", "FrechetInceptionDistance")(p) and p.name != "forward" and bool(p.ours.value.isnan())),
    Rule("torchmetrics spreads one column over all of them", lambda p: refused_here("expected features", "FrechetInceptionDistance")(p) and all(b["imgs"].shape[1:] == (1,) for b in p.case.batches)),
    Rule("inputs are features of any number; torchmetrics would load a pretrained network for an int. It cannot give a forward's value, which sees one population", lambda p: is_of("FrechetInceptionDistance", name="forward")(p), populations_so_far),
    # --- detection
    Rule("results are float32 unless set_dtype says otherwise; there float64 values widen the states", lambda p: is_of("IntersectionOverUnion")(p) and not p.theirs.error and p.name != "functional", lambda p: rounded(p.theirs.value)),
    Rule("torchmetrics throws for an image without true boxes when class_metrics is set", lambda p: refused_there("", "IntersectionOverUnion")(p) and bool(p.theirs.error) and bool(p.case.options.get("class_metrics")), by(of_boxes)),
    Rule("n boxes of an image without counterpart are n pairs of 0; torchmetrics counts n² of them when labels do not matter", lambda p: is_of("IntersectionOverUnion")(p) and p.case.options.get("respect_labels") is False and p.name != "functional", by(of_boxes)),
    # --- classification
    Rule("an error of 0 by the norm l2 is floating, as all others are; torchmetrics' is an integer", lambda p: is_of(*BY_BINS)(p) and p.case.options.get("norm") == "l2", by(of_scores)),
    Rule("a batch without rows changes nothing; torchmetrics fails at it", lambda p: p.case.metric in (*BY_BINS, *BY_MARGINS) and not p.ours.error and p.theirs.error, by(of_scores)),
    Rule("whether scores are logits is decided over everything accumulated; torchmetrics decides batch by batch", lambda p: is_of(*BY_BINS, *BY_MARGINS)(p) and reads_otherwise(p), by(of_scores)),
    Rule("half scores are the same numbers in float32; torchmetrics computes in the half type", lambda p: is_of(*BY_BINS, *BY_MARGINS)(p) and has_dtype(p, *HALVES), by(of_scores)),
    Rule("Calibration errors keep bins", is_of(*BY_BINS), by(of_scores)),
    Rule("results are float32 unless set_dtype says otherwise, and sums float64; torchmetrics rounds sums of float64 with each update, or keeps all in float64", is_of(*BY_MARGINS), by(of_scores)),
    Rule("`input` says what the scores are; torchmetrics has no such argument", lambda p: p.case.metric in BY_BINS and said(p.case) == "probabilities" and "because `input` is probabilities" in p.ours.error),
    Rule("a no that ties with a yes is as wrong as one above it; torchmetrics takes either for the higher one", is_of("MultilabelRankingLoss"), by(of_rankings)),
    Rule("a label that is ignored is not ranked; torchmetrics ranks it below all others, as a label that is neither yes nor no", lambda p: p.case.metric in BY_RANKS and not p.ours.error and p.case.options.get("ignore_index") is not None, by(of_rankings)),
    Rule("Rankings of labels are of the scores as they are", lambda p: p.case.metric in BY_RANKS and not p.ours.error, by(of_rankings)),
    Rule("a group that a batch lacks has no part in it; torchmetrics counts the others as if their numbers had no gap", lambda p: p.case.metric in BY_GROUPS and not p.ours.error, by(of_groups)),
    Rule("torchmetrics counts the groups that occur from 0 on", refused_here("groups: expected integers in", *BY_GROUPS)),
    Rule("torchmetrics gives these two classes any argument, and looks at none that it does not know", lambda p: p.case.metric in BY_GROUPS and p.wrong and not p.theirs.error),
    Rule("a perfect score is as floating as any; torchmetrics gives the integers 1 and -1", lambda p: ends(p, "MatthewsCorrCoef") and not p.theirs.error, lambda p: changed(p.theirs.value, lambda t: t.float())),
    *(Rule("of equal scores the lowest index comes first; torch.topk takes any", has_ties_beyond_the_first, by_sorted_ranks(value)) for value in (settled, samples_apart)),
    Rule(NO_ROWS, lambda p: is_classification(p) and p.theirs.error and any(rows(b) == 0 for b in p.case.batches), settled),
    Rule(NO_ROWS, lambda p: nothing_counts(p) and not p.ours.error and p.theirs.error.endswith(NOTHING_THERE), but_for_nothing),
    Rule(INTEGERS, small_integers_fail, settled),
    Rule(INTEGERS, small_integers_fail, lambda p: exactly(p)),
    Rule(INTEGERS, lambda p: nothing_counts(p) and not p.ours.error and small_integers_fail(p), but_for_nothing),
    Rule(INFINITE, lambda p: is_curve(p) and p.case.metric.startswith("Multiclass") and any(bool((b["preds"] == math.inf).any()) for b in p.case.batches), settled),
    Rule(INTEGERS, lambda p: ends(p, "ExactMatch") and any(b["preds"].dtype is torch.uint8 for b in p.case.batches) and (p.case.options.get("ignore_index") or 0) < 0, settled),
    Rule(ONE_SAMPLE, lambda p: is_classification(p) and p.case.options.get("multidim_average") == "samplewise" and any(rows(b) == 1 for b in p.case.batches), samples_apart),
    Rule("`multilabel_jaccard_index` heeds `ignore_index` as its class does", lambda p: p.case.metric == "MultilabelJaccardIndex" and p.name == "functional" and p.case.options.get("ignore_index") is not None, lambda p: by_class(p, [concatenated(without_ignored_labels(p).case.batches)])),
    Rule("Each sample of a samplewise `MultilabelExactMatch` is divided by its own number of positions", lambda p: p.case.metric == "MultilabelExactMatch" and p.case.options.get("multidim_average") == "samplewise", samples_apart),
    Rule(SPELT, lambda p: is_classification(p) and p.case.options.get("average") == "none" and "but got none" in p.theirs.error, unspelt),
    Rule(SPELT, lambda p: nothing_counts(p) and not p.ours.error and p.case.options.get("average") == "none" and "but got none" in p.theirs.error, lambda p: but_for_nothing(averaged_by_none(p))),
    Rule("a class has the curve that it has wherever it stands; torchmetrics takes targets that are all 0 for a lack of positives in every class", lambda p: only_first(p) and ends(p, "PrecisionRecallCurve", "AveragePrecision"), first_exchanged),
    Rule("a class has the curve that it has wherever it stands; torchmetrics takes targets that are all 0 for a lack of positives in every class", lambda p: only_first(p) and ends(p, "AveragePrecision"), lambda p: exactly(p)),
    Rule("a class without positives has no recall; torchmetrics sets that of all classes to 1 when every target is class 0", lambda p: only_first(p) and ends(p, *AT_FIXED), lambda p: exactly(p)),
    Rule("whether scores are logits is decided over everything accumulated; torchmetrics decides batch by batch", reads_otherwise, settled),
    Rule("whether scores are logits is decided over everything accumulated; torchmetrics decides batch by batch", lambda p: reads_otherwise(p) and nothing_counts(p), but_for_nothing),
    Rule("whether scores are logits is decided over everything accumulated; torchmetrics decides batch by batch", lambda p: reads_otherwise(p) and binned(p, "AUROC", "AveragePrecision", "EER", "LogAUC", *AT_FIXED), exactly),
    Rule("an ignored element contributes nothing; torchmetrics lets it decide whether all scores are logits", ignored_decide, settled),
    *(
        Rule("an ignored element contributes nothing; torchmetrics wants its prediction to be a label", ignored_prediction_fails, lambda p, value=value: value(without_ignored_labels(p)))
        for value in (settled, samples_apart)
    ),
    Rule("half scores count as the same numbers in float32; torchmetrics rounds their sigmoid to the half type before it compares", lambda p: has_dtype(p, *HALVES) and not is_curve(p), settled),
    Rule("half scores are the same numbers in float32; torchmetrics rounds probabilities to the half type", lambda p: has_dtype(p, *HALVES) and is_curve(p), settled),
    Rule("results are float32 unless set_dtype says otherwise; there float64 values widen the states", lambda p: has_dtype(p, torch.float64) and not p.theirs.error, lambda p: rounded(p.theirs.value)),
    *(
        Rule("torchmetrics' class adds the counts of all classes together to a state for each class, which fails", lambda p, holds=holds: p.theirs.error and p.case.options.get("average") == "micro" and binned(p, *CURVES) and holds(p), value)
        for holds, value in ((lambda _: True, settled), (nothing_counts, but_for_nothing))
    ),
    Rule("an area is that of the whole curve, from no sample let through to all; torchmetrics leaves out what lies beyond the thresholds given", lambda p: binned(p, "AUROC", "AveragePrecision"), exactly),
    Rule("a class without positives has no recall and reaches none; torchmetrics fails when all its points hold the minimum", lambda p: ends(p, *AT_FIXED) and p.theirs.error, exactly),
    Rule("ratios of counts are rounded once, in float64: a point that just meets the minimum counts; there they are float32", lambda p: ends(p, *AT_FIXED), exactly),
    Rule("a label of which no sample counts has the value that thresholds give; torchmetrics fails without them", lambda p: ends(p, "EER", *AT_FIXED) and p.theirs.error and nothing_counts(p), exactly),
    Rule("of points equally near the one of the greatest threshold counts, by exact comparison; rounding in float32 decides there", lambda p: ends(p, "EER"), exactly),
    Rule("beyond the thresholds given a curve runs straight to (0, 0) and (1, 1), and without negatives the area is NaN; torchmetrics extends a segment, to areas that are infinite, negative or NaN", lambda p: ends(p, "LogAUC"), exactly),
    Rule("`zero_division` is heeded by the class as by the functional; torchmetrics' class drops it", lambda p: is_classification(p) and p.case.options.get("zero_division") and p.name != "functional", by(whole_by_functional)),
    Rule("logits are ranked as they are; in float32 their probabilities are the same (#3420)", lambda p: is_curve(p) and has_scores(p) and (said(p.case) == "logits" or any(outside(counted_scores(p, b)) for b in p.case.batches)), settled),
    *(
        Rule(reason, lambda p, tasks=tasks: is_curve(p) and p.case.metric.startswith(tasks) and no_labels(p), without_no_labels(value))
        for reason, tasks in (
            ("targets that are no labels do not count; torchmetrics takes them for negatives, or fails", ("Binary", "Multilabel")),
            ("rows whose target is no class do not count; torchmetrics takes them for negatives, or fails", ("Multiclass",)),
        )
        for value in (settled, lambda p: exactly(p), but_for_nothing)
    ),
    *(
        Rule("Infinite scores that are equal are one point of a curve; torchmetrics tells them apart, because their difference is NaN", lambda p: is_curve(p) and taken_as_given(p) and any(bool(b["preds"].isinf().any()) for b in p.case.batches), of_finite(value))
        for value in (settled, lambda p: exactly(p), but_for_nothing)
    ),
    Rule("unchecked labels out of range are of no class; torchmetrics fails, or counts them in classes that they are not of", lambda p: unchecked_classes(p), of_no_class),
    Rule("unchecked labels out of range have no cell; torchmetrics fails, or counts them in another", lambda p: ends(p, *CELLS) and p.case.options.get("validate_args") is False and has_no_cell(p), without_cells(settled)),
    *(
        Rule("unchecked targets other than 0 and 1 count nowhere; torchmetrics never finds them matched", lambda p: p.case.metric == "MultilabelExactMatch" and p.case.options.get("validate_args") is False and no_labels(p), without_cells(value))
        for value in (settled, samples_apart)
    ),
    # --- refused here alone
    Rule("are checked whatever `validate_args` says", checked_there),
    Rule("`num_classes=None` goes with nothing but the average `micro` of all samples together", lambda p: is_classification(p) and not p.theirs.error and refusal(p).startswith("num_classes: got None") and p.case.options.get("average") == "micro" and p.case.options.get("multidim_average") == "samplewise"),
    Rule("Inputs by name that no member or operand takes are an error", lambda p: untaken(p)),
    Rule("Predictions and targets of different numbers of rows are refused", lambda p: is_classification(p) and not p.theirs.error and "expected" in p.ours.error and any(len(b["preds"]) != len(b["target"]) for b in p.case.batches)),
    Rule("without thresholds there is no curve", lambda p: is_curve(p) and not p.theirs.error and refusal(p).startswith("thresholds: expected at least one")),
    Rule("torchmetrics' BinaryAUROC passes validate_args on as False", lambda p: p.case.metric == "BinaryAUROC" and not p.theirs.error and refusal(p).startswith(("target: expected", "preds: expected", "preds and target: expected"))),
    Rule("torchmetrics counts distinct labels", lambda p: out_of_range(p) and is_curve(p)),
    Rule("torchmetrics counts distinct labels, and looks at none when preds are scores", lambda p: out_of_range(p) and not is_curve(p)),
    Rule("in torchmetrics NaN is below every threshold", lambda p: refused_with_nan(p) and not p.case.metric.startswith("Multiclass") and not is_curve(p)),
    Rule("in torchmetrics a row with NaN predicts the class of its first NaN", lambda p: refused_with_nan(p) and p.case.metric.startswith("Multiclass") and not is_curve(p)),
    Rule("torchmetrics ranks each NaN first, in the order in which they come", lambda p: refused_with_nan(p) and is_curve(p)),
]


# Faults that wait to be mended; each is to leave this list with the case that shows it.
OPEN: list[Rule] = []


def untaken(play: Play) -> bool:
    """Tell an input that no metric has, which torchmetrics drops."""
    said = re.search(r"no member takes an input `(\w+)`", play.ours.error)
    return bool(said) and not play.theirs.error and all(said[1] not in inspect.signature(find_class(leaf["name"]).update).parameters for leaf in leaves_of(play.case.options))


def out_of_range(play: Play) -> bool:
    """Tell a target that is no class, which is refused here alone."""
    return play.case.metric.startswith("Multiclass") and not play.theirs.error and refusal(play).startswith(("target: expected labels in", "preds: expected labels in"))


def refused_with_nan(play: Play) -> bool:
    """Tell a NaN among scores that is refused here alone."""
    return is_classification(play) and not play.theirs.error and "nan" in play.ours.error.lower() and any(bool(b["preds"].isnan().any()) for b in play.case.batches if b["preds"].is_floating_point())


def filled_mean(play: Play) -> Any:
    """Replace what is NaN or has a weight that is, its weight being 1, and add without rounding."""
    fill = play.case.options["nan_strategy"]

    def prepared(batch: dict) -> dict:
        value, weight = torch.as_tensor(batch["value"]).double(), torch.as_tensor(batch.get("weight", 1.0)).double()
        weight = torch.broadcast_to(weight, value.shape)
        missing = value.isnan() | weight.isnan()
        return {"value": value.masked_fill(missing, fill), "weight": weight.masked_fill(missing, 1.0)}

    return by(lambda p, batches: weighted(p, [prepared(b) for b in batches]))(play)


def kind_of(value: Any) -> str:
    """Name the type of an option's value; a number is a number."""
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


class Known:
    """The rules, and the options that fixtures show to be refused here alone."""

    def __init__(self) -> None:
        indexes = [json.loads(p.read_text()) for p in sorted(HERE.glob("*/*.json"))]
        self.reasons = {entry["reason"] for index in indexes for kind in ("cases", "misuse") for entry in index[kind] if "reason" in entry}
        page = " ".join((HERE.parent / "docs" / "parity.md").read_text().split())
        named = [rule.reason for rule in RULES] + [reason for reason, _, _ in MEANT] + [GROUPS]
        stale = [reason for reason in named if reason not in self.reasons and reason not in page]
        if stale:
            raise AssertionError(f"known_differences.py names reasons that neither a fixture nor docs/parity.md has: {stale}")
        # (class, option, type of its value) -> reason: options that torchmetrics takes and that are refused here.
        self.options = {
            (m["class"], name, kind_of(value)): m["reason"]
            for index in indexes
            for m in index["misuse"]
            if "reason" in m and "class" in m and not m["batches"]
            for name, value in m["options"].items()
            if m["contains"] in name
        }

    def is_open(self, play: Play) -> str:
        """Return what a play shows of the faults that wait to be mended; empty where it is none of them."""
        return self._first(OPEN, play)

    def explains(self, play: Play) -> str:
        """Return the reason why a play differs; empty where none is known."""
        if play.wrong and play.ours.error and play.wrong in play.ours.error:
            value = play.case.options.get(play.wrong)
            unlike = ILL_TYPED if f"`{play.wrong}` expects" in play.ours.error else ""
            reason = self.options.get((play.case.metric, play.wrong, kind_of(value)), unlike)
            # Members of a family check an option in one place; the fixtures of some show it.
            reason = reason or next((r for (_, name, kind), r in self.options.items() if (name, kind) == (play.wrong, kind_of(value))), "")
            if reason:
                return reason
        return self._first(RULES, play)

    def _first(self, rules: list, play: Play) -> str:
        for rule in rules:
            try:
                if not rule.when(play):
                    continue
            except (IndexError, RuntimeError, KeyError, ValueError):  # its inputs are not such that the question has a meaning
                continue
            if rule.instead is None:
                return rule.reason
            if play.ours.error:
                continue
            for given in (play, replace(play, ties=True)):
                try:
                    # What rules give torchmetrics are probabilities already where the option says what scores are.
                    with warnings.catch_warnings(), reading("auto" if said(play.case) == "auto" else "probabilities"):
                        warnings.simplefilter("ignore")
                        right = rule.instead(given)
                except Exception:  # noqa: BLE001 torchmetrics cannot be brought to it
                    continue
                if same(play.ours.value, right, **TOLERANCES.get(play.case.metric, TOLERANCES["default"])):
                    return rule.reason
        return ""
