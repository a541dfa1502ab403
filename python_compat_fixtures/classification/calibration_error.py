"""How far confidence is from the truth."""

import math

import torch
from cases import Case, Misuse, Stem
from draws import Draws
from labelled import many_rows, multiclass
from scored import DOUBLES, Scored, common, refusals, router_cases
from stat_scores_family import CLASSES
from weighted import EVERY_KIND
from weighted import add as add_weighted

ZERO = "an error of 0 by the norm l2 is floating, as all others are; torchmetrics' is an integer"
NAN = "torchmetrics puts a confidence that is not a number into the bin of 1"
ARGUMENTS = {"n_bins": [15, 1, 2, 7], "norm": ["l1", "l2", "max"], "validate_args": [True, False]}
UNCHECKED = {("validate_args", False): "looks at inputs alone"}


def bins(confidences: torch.Tensor, right: torch.Tensor, weights: torch.Tensor, n_bins: int, edges_of=torch.float32) -> list:
    """List weight, weight of what is right, and confidence of each bin that has samples, in float64."""
    edges = torch.linspace(0, 1, n_bins + 1, dtype=edges_of).double()
    index = (torch.bucketize(confidences, edges, right=True) - 1).clamp(0, n_bins)
    found = []
    for i in index.unique().tolist():
        w = weights[index == i].tolist()
        c, r = confidences[index == i].tolist(), right[index == i].tolist()
        found.append((math.fsum(w), math.fsum(a * b for a, b in zip(w, r)), math.fsum(a * b for a, b in zip(w, c))))
    return found


def error(confidences, right, options: dict, weights=None) -> torch.Tensor:
    """Compute the error over bins in float64."""
    weights = torch.ones_like(confidences) if weights is None else weights.double()
    edges_of = torch.float64 if options.get("double") else torch.float32
    found = [b for b in bins(confidences, right.double(), weights, options.get("n_bins", 15), edges_of) if b[0] > 0]
    errors = [(w, abs(r / w - c / w)) for w, r, c in found]
    whole, norm = math.fsum(w for w, _ in errors), options.get("norm", "l1")
    if norm == "max":
        return torch.tensor(max((e for _, e in errors), default=0.0), dtype=torch.float64)
    if not errors:
        return torch.tensor(math.nan if norm == "l1" else 0.0, dtype=torch.float64)
    mean = math.fsum(w * (e if norm == "l1" else e * e) for w, e in errors) / whole
    return torch.tensor(mean if norm == "l1" else math.sqrt(mean), dtype=torch.float64)


def binary_error(preds: torch.Tensor, target: torch.Tensor, options: dict, weights=None) -> torch.Tensor:
    """Compute it of a question a sample."""
    return error(preds, target, options, weights)


def class_error(preds: torch.Tensor, target: torch.Tensor, options: dict, weights=None) -> torch.Tensor:
    """Compute it of the class that is predicted."""
    confidences, predicted = preds.max(1)
    return error(confidences, predicted == target, options, weights)


SCORED = {
    "BinaryCalibrationError": Scored("BinaryCalibrationError", "binary_calibration_error", {}, binary_error),
    "MulticlassCalibrationError": Scored("MulticlassCalibrationError", "multiclass_calibration_error", {"num_classes": CLASSES}, class_error),
}


def weighted(stem: Stem, s: Scored, given: dict) -> None:
    """Add rows that weigh."""
    batches = s.draw(f"{s.metric}/weights", "probabilities", sizes=(40, 9, 31))
    of = binary_error if s.metric.startswith("Binary") else class_error
    score = lambda b: of(b["preds"].double(), b["target"], given, b["sample_weight"])
    name = ", ".join(str(v) for v in given.values())
    add_weighted(stem, name, s.metric, s.functional, s.options | given, batches, score, "the definition with weights, in float64", kinds=EVERY_KIND)


def on_edges(stem: Stem, s: Scored, add) -> None:
    """Add confidences on the edges of bins, and one float beside them."""
    for n_bins in (2, 10, 15):
        edges = torch.linspace(0, 1, n_bins + 1)
        below, above = torch.nextafter(edges, torch.tensor(-1.0)).clamp(0, 1), torch.nextafter(edges, torch.tensor(2.0)).clamp(0, 1)
        scores = torch.cat([edges, below, above])
        target = Draws(f"{s.metric}/edges").integers(len(scores), 0, 2)
        if s.classes:
            others = torch.zeros(len(scores), CLASSES - 1)
            scores = torch.cat([scores.unsqueeze(1), others], 1)
        where = {"float64": "an edge in float32 is none in float64"} if n_bins != 2 else {}
        add(f"on the edges of {n_bins} bins", {"n_bins": n_bins, "norm": "max"}, [{"preds": scores, "target": target}], excludes=where)


def shared(stem: Stem, s: Scored, rest, ignored: list) -> None:
    """Add what both tasks show."""
    metric = s.metric
    add = common(stem, s, rest, ARGUMENTS | {"ignore_index": ignored}, UNCHECKED)
    for norm in ("l1", "l2", "max"):
        weighted(stem, s, {"norm": norm, "n_bins": 5})
    on_edges(stem, s, add)
    batches = [{**b, "preds": b["preds"].double().logit() if not s.classes else b["preds"].double().log()} for b in s.draw(f"{metric}/double", "probabilities")]
    add("float64 scores that are logarithms", {"n_bins": 7}, batches, **({} if s.classes else s.by({"n_bins": 7}, DOUBLES)))
    perfect = [{"preds": torch.tensor([0.0, 1.0, 1.0]), "target": torch.tensor([0, 1, 1])}]
    if s.classes:
        perfect = [{"preds": torch.eye(CLASSES), "target": torch.arange(CLASSES)}]
    for norm in ("l1", "max"):
        add(f"perfect, norm={norm}", {"norm": norm}, perfect)
    add("perfect, norm=l2", {"norm": "l2"}, perfect, **s.by({"norm": "l2"}, ZERO))
    batches = s.draw(f"{metric}/nothing", "probabilities", sizes=(4,))
    for b in batches:
        b["target"] = torch.full_like(b["target"], -1)
    add("all ignored", {"ignore_index": -1}, batches)
    add("all ignored, norm=max", {"ignore_index": -1, "norm": "max"}, batches)
    add("all ignored, norm=l2", {"ignore_index": -1, "norm": "l2"}, batches, **s.by({"ignore_index": -1, "norm": "l2"}, ZERO))
    wrong = {
        "n_bins": [(0, None), (-3, None), (2.5, None), ("many", None)],
        "norm": [("l3", None), (1, None), (None, None)],
    }
    if s.classes:
        wrong["num_classes"] = [(1, None), ("three", None), (None, None)]
    refusals(stem, s, wrong, NAN, "torchmetrics counts distinct labels")
    good = s.draw(f"{metric}/outside", "logits", sizes=(4,))[0]
    stem.refuse(Misuse(f"{metric}/logits that are to be probabilities", metric, s.options | {"input": "probabilities"}, "preds", [good]))


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    of_two, of_classes = SCORED.values()
    shared(stem, of_two, (2, 3), [None, -1, 0, 1, 5])
    shared(stem, of_classes, (2, 2), [None, -1, 0, 2])
    infinite = of_two.draw("infinite", "logits")
    infinite[0]["preds"][:2] = torch.tensor([math.inf, -math.inf])
    stem.add(Case("BinaryCalibrationError/infinite logits", of_two.metric, {}, infinite, of_two.functional))
    infinite = of_classes.draw("infinite", "logits")
    infinite[0]["preds"][0, 1], infinite[0]["preds"][1, 2] = math.inf, -math.inf

    def finite(batch: dict) -> dict:
        return {**batch, "preds": batch["preds"].clamp(-500, 500)}

    stem.add(
        Case(
            "MulticlassCalibrationError/infinite logits", of_classes.metric, of_classes.options, infinite, of_classes.functional,
            reason="an infinite logit is sure; torchmetrics' softmax of it is not a number", reference="the definition, 500 in the place of infinity",
            forward_by=lambda b: of_classes.value([finite(b)], of_classes.options), final_by=lambda bs: of_classes.value([finite(b) for b in bs], of_classes.options),
        )
    )
    for kind in ("probabilities", "logits"):
        for classes in (2, 11, 24, 25, 70, 131):
            options = {"num_classes": classes}
            batches = multiclass(f"classes/{classes}", kind, classes, sizes=(19, 3))
            stem.add(Case(f"MulticlassCalibrationError/{classes} classes, {kind}", of_classes.metric, options, batches, of_classes.functional))
    ties = of_classes.draw("ties", "probabilities")
    for b in ties:
        b["preds"][:, 2] = b["preds"].amax(1)
        b["target"][::2] = 2
    stem.add(Case("MulticlassCalibrationError/ties for the first place", of_classes.metric, of_classes.options, ties, of_classes.functional))
    beyond = of_classes.draw("beyond", "probabilities")
    beyond[0]["target"][:2] = torch.tensor([CLASSES, CLASSES + 3])
    stem.add(Case("MulticlassCalibrationError/labels out of range unchecked", of_classes.metric, of_classes.options | {"validate_args": False}, beyond, of_classes.functional))
    out = of_two.draw("beyond", "probabilities")
    out[0]["target"][0], out[0]["preds"][1] = 2, math.nan
    left = lambda b: {k: v[(b["target"] <= 1) & ~b["preds"].isnan()] for k, v in b.items()}
    stem.add(
        Case(
            "BinaryCalibrationError/unchecked", of_two.metric, {"validate_args": False}, out, of_two.functional,
            reason="what is no label, and scores that are not numbers, are left out; torchmetrics counts a label of 2 as two, and NaN in the bin of 1",
            reference="the definition without these", forward_by=lambda b: of_two.value([left(b)], {}), final_by=lambda bs: of_two.value([left(b) for b in bs], {}),
        )
    )
    for task, options, batches in many_rows()[:2]:
        name = f"{task.capitalize()}CalibrationError"
        stem.add(Case(f"{name}/more rows than a thread takes", name, options, batches, f"{task}_calibration_error", tolerance={"rtol": 1e-5, "atol": 1e-6}))
    router_cases(
        stem, "CalibrationError", "calibration_error",
        [{"task": "binary"}, {"task": "binary", "norm": "max"}, {"task": "binary", "n_bins": 4, "norm": "l2"}, {"task": "multiclass"}, {"task": "multiclass", "norm": "l2", "n_bins": 4}],
    )

