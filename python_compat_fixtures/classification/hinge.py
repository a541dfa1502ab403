"""How far scores are from a margin of 1."""

import math

import sklearn.metrics
import torch
from cases import Case, Misuse, Stem
from labelled import many_rows, multiclass
from scored import SAID, Scored, common, refusals, router_cases
from stat_scores_family import CLASSES
from weighted import EVERY_KIND
from weighted import add as add_weighted

NAN = "a loss that is not a number is the mean of none"
FAILS = "torchmetrics fails where a target is no class"
NO_ROWS = "a batch without rows changes nothing; torchmetrics fails at it"
ARGUMENTS = {"squared": [False, True], "validate_args": [True, False]}
UNCHECKED = {("validate_args", False): "looks at inputs alone"}


def loss(margin: torch.Tensor, options: dict) -> torch.Tensor:
    """Compute the loss of each margin."""
    below = (1 - margin).clamp(min=0)
    return below * below if options.get("squared") else below


def binary_loss(preds: torch.Tensor, target: torch.Tensor, options: dict, weights=None) -> torch.Tensor:
    """Compute the mean loss in float64."""
    weights = torch.ones_like(preds) if weights is None else weights.double()
    return (loss(preds * (2 * target - 1), options) * weights).sum() / weights.sum()


def class_loss(preds: torch.Tensor, target: torch.Tensor, options: dict, weights=None) -> torch.Tensor:
    """Compute the mean loss in float64, or that of each class."""
    weights = torch.ones(len(preds), dtype=torch.float64) if weights is None else weights.double()
    own = torch.nn.functional.one_hot(target, preds.shape[1]).bool()
    if options.get("multiclass_mode") == "one-vs-all":
        return (loss(torch.where(own, preds, -preds), options) * weights.unsqueeze(1)).sum(0) / weights.sum()
    if not len(preds):
        return torch.tensor(math.nan, dtype=torch.float64)
    margin = preds[own] - preds.masked_fill(own, -math.inf).amax(1)
    return (loss(margin, options) * weights).sum() / weights.sum()


SCORED = {
    "BinaryHingeLoss": Scored("BinaryHingeLoss", "binary_hinge_loss", {}, binary_loss),
    "MulticlassHingeLoss": Scored("MulticlassHingeLoss", "multiclass_hinge_loss", {"num_classes": CLASSES}, class_loss, NO_ROWS),
}


def shared(stem: Stem, s: Scored, rest, arguments: dict) -> None:
    """Add what both tasks show."""
    metric = s.metric
    add = common(stem, s, rest, arguments, UNCHECKED)
    modes = ("crammer-singer", "one-vs-all") if s.classes else (None,)
    of = class_loss if s.classes else binary_loss
    for mode in modes:
        for squared in (False, True):
            given = ({"squared": True} if squared else {}) | ({"multiclass_mode": mode} if mode == "one-vs-all" else {})
            name = f"{'squared ' if squared else ''}{mode or 'loss'}"
            batches = s.draw(f"{metric}/weights", "probabilities", sizes=(40, 9, 31))
            score = lambda b: of(b["preds"].double(), b["target"], given, b["sample_weight"])
            add_weighted(stem, name, metric, s.functional, s.options | given, batches, score, "the definition with weights, in float64", kinds=EVERY_KIND)
            add(f"margins of their own, {name}", given | {"input": "probabilities"}, s.draw(f"{metric}/margins", "logits"), **s.by(given, SAID, "probabilities"))
    batches = s.draw(f"{metric}/nothing", "probabilities", sizes=(4,))
    for b in batches:
        b["target"] = torch.full_like(b["target"], -1)
    none = {"gradients": "the mean of nothing has no gradient"}
    add("all ignored", {"ignore_index": -1}, batches, excludes=none, **(s.by({"ignore_index": -1}, NO_ROWS) if s.classes else {}))
    if s.classes:
        add("all ignored, one-vs-all", {"ignore_index": -1, "multiclass_mode": "one-vs-all"}, batches, excludes=none)
    wrong = {"squared": [("yes", None), (2, None)]}
    if s.classes:
        wrong |= {"num_classes": [(1, None), ("three", None), (None, None)], "multiclass_mode": [("one", None), (None, None)]}
    refusals(stem, s, wrong, NAN)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    of_two, of_classes = SCORED.values()
    shared(stem, of_two, (2, 3), ARGUMENTS | {"ignore_index": [None, -1, 0, 1, 5]})
    shared(stem, of_classes, (2, 2), ARGUMENTS | {"multiclass_mode": ["crammer-singer", "one-vs-all"], "ignore_index": [None, -1, 0, 2]})
    infinite = of_two.draw("infinite", "logits")
    infinite[0]["preds"][:2] = torch.tensor([math.inf, -math.inf])
    stem.add(Case("BinaryHingeLoss/infinite logits", of_two.metric, {}, infinite, of_two.functional))
    # scikit-learn's hinge loss is of decisions.
    margins = of_two.draw("scikit-learn", "logits", sizes=(7, 5, 9))
    stem.add(
        Case(
            "BinaryHingeLoss/decisions", of_two.metric, {"input": "probabilities"}, margins, of_two.functional, reason=SAID, reference="sklearn.metrics.hinge_loss",
            forward_by=lambda b: torch.tensor(sklearn.metrics.hinge_loss(b["target"], b["preds"].double(), labels=[0, 1]), dtype=torch.float32),
            final_by=lambda bs: torch.tensor(sklearn.metrics.hinge_loss(torch.cat([b["target"] for b in bs]), torch.cat([b["preds"] for b in bs]).double()), dtype=torch.float32),
        )
    )
    for mode in ("crammer-singer", "one-vs-all"):
        for classes in (2, 11, 70):
            options = {"num_classes": classes, "multiclass_mode": mode}
            batches = multiclass(f"classes/{classes}", "logits", classes, sizes=(19, 3))
            stem.add(Case(f"MulticlassHingeLoss/{classes} classes, {mode}", of_classes.metric, options, batches, of_classes.functional))
    ties = of_classes.draw("ties", "probabilities")
    for b in ties:
        b["preds"][:, 2] = b["preds"].amax(1)
        b["target"][::2] = 2
    stem.add(Case("MulticlassHingeLoss/ties for the first place", of_classes.metric, of_classes.options, ties, of_classes.functional, excludes={"gradients": "where others tie the loss has a kink"}))
    beyond = of_classes.draw("beyond", "probabilities")
    beyond[0]["target"][:2] = torch.tensor([CLASSES, CLASSES + 3])
    left = lambda b: {k: v[b["target"] < CLASSES] for k, v in b.items()}
    stem.add(
        Case(
            "MulticlassHingeLoss/labels out of range unchecked", of_classes.metric, of_classes.options | {"validate_args": False}, beyond, of_classes.functional,
            reason=FAILS, reference="the definition without these rows", forward_by=lambda b: of_classes.value([left(b)], of_classes.options),
            final_by=lambda bs: of_classes.value([left(b) for b in bs], of_classes.options),
        )
    )
    for task, options, batches in many_rows()[:2]:
        name = f"{task.capitalize()}HingeLoss"
        stem.add(Case(f"{name}/more rows than a thread takes", name, options, batches, f"{task}_hinge_loss", tolerance={"rtol": 1e-5, "atol": 1e-6}))
    router_cases(
        stem, "HingeLoss", "hinge_loss",
        [{"task": "binary"}, {"task": "binary", "squared": True}, {"task": "multiclass"}, {"task": "multiclass", "squared": True}, {"task": "multiclass", "multiclass_mode": "one-vs-all"}],
    )
    stem.refuse(Misuse("HingeLoss/multiclass_mode", "HingeLoss", {"task": "multiclass", "num_classes": 3, "multiclass_mode": "both"}, "multiclass_mode"))
