"""How the labels of a sample are ranked."""

import math

import numpy as np
import sklearn.metrics
import torch
from cases import Case, Misuse, Stem
from draws import Draws
from labelled import multilabel
from stat_scores_family import COMMON_WRONG, LABELS, refused_options
from weighted import EVERY_KIND
from weighted import add as add_weighted

METRICS = {
    "MultilabelCoverageError": ("multilabel_coverage_error", "coverage_error"),
    "MultilabelRankingAveragePrecision": ("multilabel_ranking_average_precision", "label_ranking_average_precision_score"),
    "MultilabelRankingLoss": ("multilabel_ranking_loss", "label_ranking_loss"),
}
TIES = "a no that ties with a yes is as wrong as one above it; torchmetrics takes either for the higher one"
IGNORED = "a label that is ignored is not ranked; torchmetrics ranks it below all others, as a label that is neither yes nor no"
SIGMOID = "scores are ranked as they are; torchmetrics ranks their float32 sigmoid, which is the same for many"
ALIKE = "a sample whose labels are all alike is one; torchmetrics takes a batch of them for a single one"
NOTHING = "the mean of no samples is no number; torchmetrics takes a batch without samples for one without a loss"
# Where all labels that are left are alike, these two are 1 and 0 whatever the ranks.
SAME_IGNORED = {(metric, label) for metric in ("MultilabelRankingAveragePrecision", "MultilabelRankingLoss") for label in (0, 1)}
NAN = "torchmetrics ranks a score that is not a number above or below all others, as it is compared"


def rows_of(tensor: torch.Tensor) -> torch.Tensor:
    """Give each position a row of labels."""
    return tensor.movedim(1, -1).reshape(-1, tensor.shape[1])


def by_sklearn(metric: str, batches: list, ignore_index=None) -> torch.Tensor:
    """Compute scikit-learn's score, of each row without the labels that are ignored."""
    score = getattr(sklearn.metrics, METRICS[metric][1])
    values, weights = [], []
    for batch in batches:
        weight = batch.get("sample_weight", torch.ones(len(batch["preds"])))
        preds, target = rows_of(batch["preds"].double()), rows_of(batch["target"])
        for p, t, w in zip(preds, target, weight.double().repeat_interleave(max(1, len(preds) // max(1, len(weight)))).tolist(), strict=True):
            kept = torch.ones_like(t, dtype=torch.bool) if ignore_index is None else t != ignore_index
            if not kept.any():
                continue
            weights.append(w)
            # By their order, because it takes no infinite scores.
            p = np.unique(p[kept].numpy(), return_inverse=True)[1].astype(float)[np.newaxis]
            t = t[kept].numpy()[np.newaxis]
            if t.shape[1] == 1:  # of a single label it knows no multilabel target
                alone = {"MultilabelCoverageError": float(t.sum()), "MultilabelRankingAveragePrecision": 1.0, "MultilabelRankingLoss": 0.0}
                values.append(alone[metric])
            else:
                values.append(score(t, p))
    whole = math.fsum(weights)
    return torch.tensor(math.fsum(v * w for v, w in zip(values, weights)) / whole if whole else math.nan, dtype=torch.float32)


def differs(metric: str, reason: str, ignore_index=None) -> dict:
    """Expect scikit-learn's value."""
    return {
        "reason": reason, "reference": f"sklearn.metrics.{METRICS[metric][1]}",
        "forward_by": lambda b: by_sklearn(metric, [b], ignore_index), "final_by": lambda bs: by_sklearn(metric, bs, ignore_index),
    }


def untied(name: str, sizes=(7, 1, 9), labels: int = LABELS, kind: str = "probabilities", rest=()) -> list:
    """Draw scores that differ within a sample."""
    draws = Draws(f"ranking/{name}")
    return [{"preds": draws.untied((n, labels, *rest), kind), "target": draws.integers((n, labels, *rest), 0, 2)} for n in sizes]


def cases_of(stem: Stem, metric: str) -> None:
    """Add the cases of one metric."""
    functional = METRICS[metric][0]
    loss = metric == "MultilabelRankingLoss"

    def add(name: str, given: dict, batches: list, **more) -> None:
        options = {"num_labels": batches[0]["preds"].shape[1]} | given
        stem.add(Case(f"{metric}/{name}", metric, options, batches, functional, **more))

    for kind in ("probabilities", "logits"):
        # A sigmoid leaves logits of these sizes in their order.
        add(kind, {}, untied(f"{kind}", (7, 3, 9), kind=kind))
        add(f"{kind}, more dimensions", {}, untied(f"{kind} more", (3, 2, 4), kind=kind, rest=(2, 2)))
        add(f"{kind}, validate_args=False", {"validate_args": False}, untied(f"{kind}", (7, 3, 9), kind=kind))
    for labels in (2, 5, 33, 100):
        add(f"{labels} labels", {}, untied(f"{labels}", (13, 4), labels=labels))
    add("many samples", {}, untied("many samples", (600, 7), labels=4))
    coarse = [{**b, "preds": (b["preds"] * 4).floor() / 4} for b in multilabel(f"{metric}/ties", "probabilities", 6, sizes=(30, 9))]
    add("ties", {}, coarse, **(differs(metric, TIES) if loss else {}))
    coarse = [{**b, "preds": (b["preds"] * 4).floor() / 4} for b in multilabel(f"{metric}/many ties", "probabilities", 90, sizes=(12, 5))]
    add("ties among many labels", {}, coarse, **(differs(metric, TIES) if loss else {}))
    equal = [{"preds": torch.full((4, 3), 0.5), "target": Draws("equal").integers((4, 3), 0, 2)}]
    add("equal scores", {}, equal, **(differs(metric, TIES) if loss else {}))
    alike = untied("alike", (6, 5))
    for b in alike:
        b["target"][0], b["target"][1] = 0, 1
    add("samples whose labels are all alike", {}, alike)
    all_alike = untied("all alike", (3, 6))
    all_alike[0]["target"][:] = torch.tensor([[0], [1], [0]])
    add("a batch of samples whose labels are all alike", {}, all_alike, **(differs(metric, ALIKE) if loss else {}))
    one = untied("one", (1,))
    one[0]["target"] = torch.tensor([[0, 1, 1]])
    add("one sample", {}, one)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        name = str(dtype).removeprefix("torch.")
        add(f"{name} scores", {}, [{**b, "preds": b["preds"].to(dtype)} for b in untied("dtype", (7, 3), labels=4)])
    for dtype in (torch.int32, torch.uint8, torch.bool):
        add(f"{str(dtype).removeprefix('torch.')} targets", {}, [{**b, "target": b["target"].to(dtype)} for b in untied("types of targets", (7, 3))])
    saturated = untied("saturated", (6, 5), labels=5, kind="logits")
    for b in saturated:
        b["preds"] = b["preds"] + 30
    add("saturated logits", {}, saturated, **differs(metric, SIGMOID))
    negative = untied("margins", (6, 5), labels=5, kind="logits")
    for b in negative:
        b["preds"] = b["preds"] * 64
    add("logits far apart", {}, negative, **differs(metric, SIGMOID))
    infinite = untied("infinite", (6, 5), kind="logits")
    infinite[0]["preds"][0, 1], infinite[0]["preds"][1, 0], infinite[1]["preds"][:, 1] = math.inf, -math.inf, math.inf
    add("infinite logits", {}, infinite)
    for ignore_index in (-1, 0, 1):
        batches = untied("ignored", (9, 6), labels=5)
        for b in batches:
            if ignore_index == -1:
                b["target"][::2, 1], b["target"][1::3, 3] = -1, -1
            b["target"][:2, :] = ignore_index if ignore_index == -1 else b["target"][:2, :]
        same = (metric, ignore_index) in SAME_IGNORED
        add(f"ignore_index={ignore_index}", {"ignore_index": ignore_index}, batches, **({} if same else differs(metric, IGNORED, ignore_index)))
    nothing = untied("nothing", (3,))
    nothing[0]["target"][:] = -1
    add("all ignored", {"ignore_index": -1}, nothing, **differs(metric, IGNORED, -1))
    valid = [torch.tensor([True, True, False, True, False]), torch.tensor([False, True, True])]
    add("rows that do not count", {}, untied("valid", (5, 3)), valid=valid)
    batches = multilabel(f"{metric}/weights", "probabilities", LABELS, sizes=(40, 9, 31))
    add_weighted(stem, "samples", metric, functional, {"num_labels": LABELS}, batches, lambda b: by_sklearn(metric, [b]), f"sklearn.metrics.{METRICS[metric][1]}", kinds=EVERY_KIND)
    stem.require(metric, {"ignore_index": [None], "validate_args": [True, False]}, {("validate_args", False): "looks at inputs alone"})
    options = {"num_labels": LABELS}
    refused_options(stem, metric, options, COMMON_WRONG | {"num_labels": [(1, None), ("three", None), (None, None)]})
    stem.refuse(Misuse(f"{metric}/no num_labels", metric, {}, "num_labels"))
    good = untied("good", (6,))[0]
    preds, target = good["preds"], good["target"]
    reject = lambda name, word, batch, before=(), **more: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, [*before, batch], **more))
    reject("shapes that differ", "target", {"preds": preds, "target": target[:-1]})
    reject("no target", "target", {"preds": preds})
    reject("preds that are labels", "preds", {"preds": target, "target": target})
    reject("another number of labels", "num_labels", {"preds": preds[:, :2].contiguous(), "target": target[:, :2].contiguous()})
    bad, worse = target.clone(), preds.clone()
    bad[1, 1], worse[2, 1] = 2, math.nan
    reject("a target out of range", "target", {"preds": preds, "target": bad}, [good])
    reject("a score that is not a number", "nan", {"preds": worse, "target": target}, [good], reason=NAN)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    for metric in METRICS:
        cases_of(stem, metric)
