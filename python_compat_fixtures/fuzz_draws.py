"""Cases that are drawn: options by what the registry says of them, and batches by domain. A case depends on its name alone."""

import inspect
import re
from dataclasses import dataclass, field, replace
from typing import Optional

import torch
import torchmetrics.image.fid
import metric_learning  # noqa: F401 before a stand-in of torchvision, which OML would take for the package
import assignments
from boxes import stand_in
from cases import Case, concatenated, find_class
from draws import Draws

# torchmetrics hides these where there is no torchvision and no torch-fidelity, which the cases do not need.
stand_in()
assignments.stand_in()
torchmetrics.image.FrechetInceptionDistance = torchmetrics.image.fid.FrechetInceptionDistance

NAN, INF = float("nan"), float("inf")

# Values of options whose type says too little: what they range over, and what changes something. Others are drawn by type.
RANGES = {
    "num_classes": [2, 3, 3, 4, 6],
    "num_labels": [2, 3, 4],
    "num_outputs": [1, 1, 2, 3],
    "num_groups": [1, 2, 2, 3],
    "n_bins": [15, 1, 2, 4, 10],
    "ignore_index": [None, -1, -1, 0, 1, 2, 9],
    "threshold": [0.5, 0.3, 0.25, 0.75, 0.0, 1.0],
    "beta": [0.5, 1.0, 2.0],
    "thresholds": [None, None, 2, 5, 33, [0.25, 0.5, 0.75], [0.75, 0.125, 0.5], [0.0, 0.5, 1.0]],
    "normalization": ["sigmoid", None],
    "fpr_range": [[0.001, 0.1], [0.0, 1.0], [0.1, 0.5], [0.25, 0.75]],
    "max_fpr": [None, 1.0, 0.5, 0.1],
    "min_recall": [0.0, 0.25, 0.5, 0.8, 1.0],
    "min_precision": [0.0, 0.25, 0.5, 0.8, 1.0],
    "min_specificity": [0.0, 0.25, 0.5, 0.8, 1.0],
    "min_sensitivity": [0.0, 0.25, 0.5, 0.8, 1.0],
    "zero_division": [0, 1, 0.0, 1.0],
    "nan_strategy": ["error", "warn", "ignore", "disable", 2.5, -1.0],
    "data_range": [1.0, 2.0, 3, 255.0, (0.25, 0.75), (0.0, 1.0)],
    "base": [10.0, 2.0, 2.718],
    "dim": [None, None, 1, 3, -1, (1, 2, 3), (1, -1)],
    "adjusted": [0, 0, 1, 2, 5],
    "feature": [1, 2, 4],
    "p": [1, 2, 3, 1.0, 1.5, 2.5, 4, 7],
    "nan_replace_value": [0.0, 0.0, 0, 1, 1.0, 2.0],
    "power": [0.0, 0, 1, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, -1.5, -1.0],
    "keep_sequence_dim": [None, None, 0, 1, 2],
    "iou_threshold": [None, 0.1, 0.25, 0.5],
    "input": ["auto", "logits", "probabilities"],
}
# The same of a metric whose option of that name is another one.
RANGES_OF = {("NormalizedRootMeanSquaredError", "normalization"): ["mean", "range", "std", "l2"]}
# Options that torchmetrics does not have, and that known_differences.py brings it to.
OWN = {"input"}
BY_TYPE = {"bool": [True, False], "int": [1, 2, 3, 5], "float": [0.0, 0.25, 0.5, 1.0, 2.0], "str": ["", "a"], "None": [None]}
WEIGHTS = "Rows.weights"  # beside the inputs of a batch
# What an option is given to see it refused.
WRONG = ["one", 1.5, -1, -0.5, 0, 2, None, True, []]
# Plays of one case must agree with one another, except where batches say what their rows do not.
WAYS = ["one update", "positional", "computes between", "reset", "clone", "saved half-way", "merge of two", "merge of three", "permuted", "empty batches", "row by row", "strided"]


class NotDrawn(Exception):
    """There is no draw for the inputs of a metric."""


@dataclass
class Drawn:
    """A case, how its batches are shared out, and what else is known of it."""

    case: Case
    shares: list = field(default_factory=list)  # how many batches in a row each shard gets
    ways: list = field(default_factory=list)  # of the harness, that have to agree
    wrong: str = ""  # the option that has a wrong value
    plays: list = field(default_factory=lambda: ["updates", "forward"])  # beside those of shares and of the functional
    half: int = 0  # how many batches come before what some plays do half-way
    there: dict = field(default_factory=dict)  # options that torchmetrics alone is given


def values_of(option: dict, metric: str = "") -> list:
    """List values for an option, by its name or by what the registry says of its type."""
    if (metric, option["name"]) in RANGES_OF:
        return RANGES_OF[metric, option["name"]]
    typed = option["name"] == "nan_strategy" and "drop" in option["type"]
    if option["name"] in RANGES and not typed:
        return RANGES[option["name"]]
    quoted = re.findall(r"'([^']*)'", option["type"])
    found = quoted + [None] * ("none" in quoted)
    for kind in re.split(r" or ", re.sub(r"one of ('[^']*'(, )?)+", "", option["type"]).split("(")[0].strip()):
        found += BY_TYPE.get(kind.strip(), [])
    return found


def accepted_there(metric: str) -> set:
    """Name the options that torchmetrics' class takes."""
    names = set()
    for cls in find_class(metric).__mro__:
        if "__init__" in vars(cls) and cls.__module__.startswith("torchmetrics") and cls.__name__ != "Metric":
            parameters = inspect.signature(cls.__init__).parameters
            names |= {n for n, p in parameters.items() if n != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    return names


def drawn_options(draws: Draws, entry: dict) -> dict:
    """Draw a value for each required option, and for some of the others that torchmetrics has or can be brought to."""
    there, options = accepted_there(entry["name"]), {}
    for option in entry["options"]:
        values = values_of(option, entry["name"])
        needed = option["required"] or option["name"] == "num_classes"
        if values and option["name"] in there | OWN and (needed or draws.choice([True, False])):
            options[option["name"]] = draws.choice(values)
    return options


def one_in(draws: Draws, n: int) -> bool:
    """Say yes once in n times."""
    return int(draws.integers(1, 0, n)) == 0


def sizes(draws: Draws) -> list:
    """Draw the numbers of rows of one to four batches, few of them empty."""
    return [draws.choice([1, 2, 3, 4, 5, 8, 13] + [0] * one_in(draws, 4)) for _ in range(draws.choice([1, 1, 2, 3, 4]))]


FLOATS = [torch.float32] * 5 + [torch.float64, torch.float16, torch.bfloat16]
LABELS = [torch.int64] * 5 + [torch.int32, torch.uint8, torch.int8, torch.int16]


def scores(draws: Draws, kind: str, shape: tuple) -> torch.Tensor:
    """Draw scores of a kind: fine ones hardly tie and meet no threshold; coarse ones do both."""
    if kind == "probabilities":
        return draws.probabilities(shape)
    if kind == "coarse probabilities":
        return draws.integers(shape, 0, 5).float() / 4
    if kind == "logits":
        return draws.logits(shape)
    return draws.integers(shape, -3, 4).float()


def spoilt(draws: Draws, tensor: torch.Tensor, value) -> torch.Tensor:
    """Put a value somewhere."""
    if not tensor.numel():
        return tensor
    tensor = tensor.clone()
    tensor.view(-1)[int(draws.integers(1, 0, tensor.numel()))] = value
    return tensor


def classification(draws: Draws, entry: dict, options: dict) -> list:
    """Draw preds and targets of a task: scores of either kind or labels, targets that follow them, some ignored."""
    task = next(t for t in ("Binary", "Multiclass", "Multilabel") if entry["name"].startswith(t))
    curve = any(o["name"] == "thresholds" for o in entry["options"])
    checks = any(o["name"] == "validate_args" and o["default"] for o in entry["options"])
    several = options.get("multidim_average") == "samplewise" or entry["name"] == "MulticlassExactMatch" or one_in(draws, 3)
    rest = draws.choice([(2,), (3,), (2, 2), (1,)]) if several else ()
    curve = curve or entry["name"].endswith(("CalibrationError", "HingeLoss", "CoverageError", "RankingAveragePrecision", "RankingLoss"))  # of scores alone
    kinds = ["probabilities", "coarse probabilities", "logits", "coarse logits"] + ([] if curve or options.get("top_k", 1) != 1 else ["labels", "labels"])
    kind, label_type, float_type = draws.choice(kinds), draws.choice(LABELS), draws.choice(FLOATS)
    same_rest, special = not one_in(draws, 12), int(draws.integers(1, 0, 24))
    columns = options.get("num_classes", 3) if task == "Multiclass" else options.get("num_labels", 3)
    top = columns if task == "Multiclass" else 2
    only = draws.choice([None] * 6 + [0, 1, top - 1])
    batches = []
    for i, n in enumerate(sizes(draws)):
        if not same_rest and rest:
            rest = draws.choice([(2,), (3,), (2, 2)])
        if one_in(draws, 20) and kind != "labels":
            kind = draws.choice([k for k in kinds if k != "labels"])
        shape = {"Binary": (n, *rest), "Multiclass": (n, columns, *rest), "Multilabel": (n, columns, *rest)}[task]
        drawn = scores(draws, "probabilities" if kind == "labels" else kind, shape)
        if task == "Multiclass":
            best = drawn.argmax(1)
        else:
            best = (drawn > (0 if "logits" in kind else 0.5)).long()
        target = torch.where(draws.integers(best.shape, 0, 3) == 0, draws.integers(best.shape, 0, top), best)
        if only is not None:
            target = torch.full_like(target, only)
        preds = best.to(label_type) if kind == "labels" else drawn.to(float_type)
        ignore = options.get("ignore_index")
        signed = label_type
        if isinstance(ignore, int) and not 0 <= ignore < top:
            share = draws.choice([1, 4, 4, 4])
            target = torch.where(draws.integers(target.shape, 0, share) == 0, torch.tensor(ignore), target)
            signed = torch.int64 if ignore < 0 and label_type is torch.uint8 else label_type
        target = target.to(signed)
        if options.get("validate_args", checks):
            if special == 0:
                target = spoilt(draws, target, top if one_in(draws, 2) or signed is torch.uint8 else -1)
            elif special == 1 and kind != "labels":
                preds = spoilt(draws, preds, NAN)
            elif special == 2:
                preds = spoilt(draws, preds, top) if kind == "labels" else preds[..., :-1]
            elif special == 3:
                target = target[:-1]
        if special == 4 and kind != "labels":
            preds = spoilt(draws, preds, draws.choice([INF, -INF]) if "logits" in kind else draws.choice([0.0, 1.0]))
        batches.append({"preds": preds, "target": target})
        if "num_groups" in options:
            batches[-1]["groups"] = draws.integers(n, 0, max(1, min(int(options["num_groups"] or 1), 5)))
    return batches


def distributions(draws: Draws, entry: dict, options: dict) -> list:
    """Draw rows of probabilities, or of their logarithms, some of them 0."""
    columns, special, dtype = draws.choice([1, 2, 3, 5, 9]), int(draws.integers(1, 0, 12)), draws.choice(FLOATS)
    batches = []
    for n in sizes(draws):
        p, q = draws.probabilities((n, columns)), draws.probabilities((n, columns))
        if special == 0:
            p = spoilt(draws, p, 0.0)
        elif special == 1:
            q = spoilt(draws, q, 0.0)
        elif special == 2:
            p = spoilt(draws, p, NAN)
        elif special == 3:
            q = p.clone()
        if options.get("log_prob"):
            p, q = ((x / x.sum(1, keepdim=True)).log() for x in (p, q))
        p, q = p.to(dtype), q.to(dtype)
        if special == 4:
            q = q[:-1]
        elif special == 5:
            p, q = p.flatten(), q.flatten()
        batches.append({"p": p, "q": q})
    return batches


def vectors(draws: Draws, entry: dict, options: dict) -> list:
    """Draw rows of two sides that are compared, or ensembles and what comes of each."""
    columns, special, dtype, ensembles = draws.choice([1, 2, 3, 5, 9]), int(draws.integers(1, 0, 12)), draws.choice(FLOATS + [torch.int64]), entry["name"] == "ContinuousRankedProbabilityScore"
    batches = []
    for n in sizes(draws):
        preds, target = draws.values((n, columns)), draws.values((n,) if ensembles else (n, columns))
        if special == 0:
            preds = torch.zeros_like(preds)
        elif special == 1:
            preds = target.unsqueeze(1).expand(n, columns).clone() if ensembles else target.clone()
        elif special == 2:
            target = target[:-1]
        elif special == 3:
            preds = spoilt(draws, preds, NAN)
        elif special == 4:
            preds, target = preds.round(), target.round()
        batches.append({"preds": preds.to(dtype), "target": target.to(dtype)})
    return batches


def in_range(draws: Draws, metric: str, values: torch.Tensor) -> torch.Tensor:
    """Bring numbers to where a metric has a meaning, most of the time."""
    if metric == "MeanSquaredLogError" and not one_in(draws, 12):
        return values.abs()
    if metric == "TweedieDevianceScore" and not one_in(draws, 8):
        return values.abs() + (0 if one_in(draws, 8) else 1)
    return values


def regression(draws: Draws, entry: dict, options: dict) -> list:
    """Draw targets and predictions near them."""
    if entry["inputs"][0]["name"] == "p":
        return distributions(draws, entry, options)
    if entry["name"] in ("ContinuousRankedProbabilityScore", "CosineSimilarity") and not one_in(draws, 16):
        return vectors(draws, entry, options)
    outputs = options.get("num_outputs", 1) if "num_outputs" in {o["name"] for o in entry["options"]} else draws.choice([1, 1, 2, 3])
    columns = (outputs,) if isinstance(outputs, int) and outputs > 1 else draws.choice([()] * 5 + [(1,), (2,), (2, 2)])
    types = draws.choice([(t, t) for t in FLOATS] + [(torch.float32, torch.float64), (torch.float16, torch.float32), (torch.int64, torch.int64), (torch.float32, torch.int64), (torch.uint8, torch.uint8)])
    special, offset = int(draws.integers(1, 0, 16)), draws.choice([0.0] * 6 + [64.0])
    batches = []
    for n in sizes(draws):
        target = draws.values((n, *columns)) + offset
        preds = target + draws.values((n, *columns)) / 8
        if special == 0:
            target = torch.full_like(target, 2.5)
        elif special == 1:
            preds = torch.full_like(preds, 0.5)
        elif special == 2:
            preds = target.clone()
        elif special == 3:
            preds, target = preds.round(), target.round()
        if torch.uint8 in types:
            preds, target = preds.abs(), target.abs()
        preds, target = in_range(draws, entry["name"], preds), in_range(draws, entry["name"], target)
        preds, target = preds.to(types[0]), target.to(types[1])
        if special == 4 and preds.is_floating_point():
            preds = spoilt(draws, preds, draws.choice([NAN, INF]))
        elif special == 5:
            target = target[:-1]
        elif special == 6:
            preds = preds.unsqueeze(-1)
        names = [i["name"] for i in entry["inputs"]]
        batches.append(dict(zip(names, (preds, target), strict=True)))
    return batches


def aggregation(draws: Draws, entry: dict, options: dict) -> list:
    """Draw numbers and tensors, some NaN among them, with weights where there are any."""
    weighted = any(i["name"] == "weight" for i in entry["inputs"]) and one_in(draws, 2)
    dtype, nans, scalars = draws.choice(FLOATS + [torch.int64, torch.int32, torch.uint8]), one_in(draws, 2), one_in(draws, 4)
    columns = draws.choice([(), (), (2,), (3, 2)])
    kind = draws.choice(["each", "each", "one", "a row", "a number"])
    batches = []
    for n in sizes(draws):
        value = draws.values((n, *columns)).abs() if dtype is torch.uint8 else draws.values((n, *columns))
        value = value.to(dtype)
        if nans and value.is_floating_point() and one_in(draws, 2):
            value = spoilt(draws, value, NAN)
        if one_in(draws, 16) and value.is_floating_point():
            value = spoilt(draws, value, draws.choice([INF, -INF]))
        if scalars:
            value = draws.choice([float(draws.values(1)), draws.values(()), int(draws.integers(1, -9, 9)), NAN if nans else 1.5])
        batch = {"value": value}
        if weighted:
            shape = () if scalars else {"each": (n, *columns), "one": (), "a number": (), "a row": (n, *[1] * len(columns))}[kind]
            weight = draws.integers(shape, 0, 9).float() / 4
            if nans and one_in(draws, 4):
                weight = spoilt(draws, weight, NAN)
            batch["weight"] = float(weight) if kind == "a number" and shape == () else weight
        batches.append(batch)
    return batches


def retrieval(draws: Draws, entry: dict, options: dict) -> list:
    """Draw documents of a few queries."""
    kind, levels, queries = draws.choice(["probabilities", "probabilities", "logits"]), draws.choice([None, None, 3, 8]), draws.choice([1, 2, 4])
    dtype, label = draws.choice(FLOATS), draws.choice([torch.int64] * 4 + [torch.int32, torch.bool, torch.float32])
    relevant, special = draws.choice([1, 2, 3, 9]), int(draws.integers(1, 0, 20))
    degrees = draws.choice([1, 1, 4, 300]) if entry["name"] == "RetrievalNormalizedDCG" else 1
    batches = []
    for n in sizes(draws):
        preds = scores(draws, kind, (n,))
        if levels:
            preds = (preds * levels).round() / levels
        target = (draws.integers((n,), 0, relevant) == 0).long()
        if degrees > 1:
            target = target * draws.integers((n,), 0, degrees)
        ignore = options.get("ignore_index")
        if isinstance(ignore, int) and ignore not in (0, 1) and label not in (torch.bool,):
            target = torch.where(draws.integers((n,), 0, 4) == 0, torch.tensor(ignore), target)
        target, preds, indexes = target.to(label), preds.to(dtype), draws.integers((n,), 0, queries)
        if special == 0:
            preds = spoilt(draws, preds, NAN)
        elif special == 1:
            target = target[:-1]
        elif special == 2:
            indexes = indexes.to(draws.choice([torch.int32, torch.float32]))
        elif special == 3 and label is not torch.bool:
            target = spoilt(draws, target, draws.choice([2, -1]))
        elif special == 4:
            preds, target, indexes = (v.reshape(-1, 1) for v in (preds, target, indexes))
        batches.append({"preds": preds, "target": target, "indexes": indexes})
    return batches


WORDS = ["a", "b", "c", "the", "hello", "world", "", "a,b", "Ä", "ä", "x\u00a0y", "\t", "日本"]


def text(draws: Draws, entry: dict, options: dict) -> list:
    """Draw texts of few words, and what was heard of them."""
    sentence = lambda: draws.choice([" ", " ", "  ", "\n"]).join(draws.choice(WORDS) for _ in range(draws.choice([0, 1, 2, 3, 5, 9])))
    special = int(draws.integers(1, 0, 12))
    batches = []
    for n in sizes(draws):
        target = [sentence() for _ in range(n)]
        preds = [t if one_in(draws, 4) else sentence() if one_in(draws, 2) else " ".join(t.split()[1:] + ["b"]) for t in target]
        if special == 0 and target:
            preds, target = preds[0], target[0]
        elif special == 1:
            target = target[:-1]
        batches.append({"preds": preds, "target": target})
    return batches


def image(draws: Draws, entry: dict, options: dict) -> list:
    """Draw images near one another, or features of two populations."""
    if entry["inputs"][0]["name"] == "imgs":
        features, dtype = options.get("feature", 2), draws.choice(FLOATS)
        counts = [draws.choice([0, 1, 2, 5, 9] if one_in(draws, 6) else [5, 9, 12]) for _ in range(draws.choice([2, 3, 4]))]
        features = features if isinstance(features, int) and features > 0 else 2
        return [{"imgs": (draws.logits((n, features)) * (1 + i % 2)).to(dtype), "real": i % 2 == 0} for i, n in enumerate(counts)]
    scale = draws.choice([1.0, 1.0, 255.0])
    types = draws.choice([(t, t) for t in FLOATS] + [(torch.uint8, torch.uint8), (torch.int64, torch.uint8), (torch.float16, torch.float32)])
    shape, special = draws.choice([(2, 3, 3), (1, 4, 4), (1, 1, 2)]), int(draws.integers(1, 0, 16))
    batches = []
    for n in sizes(draws):
        target = draws.probabilities((n, *shape)) * scale
        preds = target + draws.logits((n, *shape)) * scale / 32
        if torch.uint8 in types:
            preds, target = preds.clamp(0, 255), target.clamp(0, 255)
        preds, target = preds.to(types[0]), target.to(types[1])
        if special == 0:
            preds = target.clone()
        elif special == 1:
            target = target[:, :-1]
        elif special == 2 and preds.is_floating_point():
            preds = spoilt(draws, preds, draws.choice([NAN, INF]))
        batches.append({"preds": preds, "target": target})
    return batches


def detection(draws: Draws, entry: dict, options: dict) -> list:
    """Draw boxes that overlap often, with labels."""
    box_format, labels, special, dtype = options.get("box_format", "xyxy"), draws.choice([1, 2, 4]), int(draws.integers(1, 0, 16)), draws.choice([torch.float32] * 5 + [torch.float64, torch.int64, torch.float16])

    def one() -> dict:
        count = draws.choice([0, 1, 2, 3, 5])
        place, size = draws.integers((count, 2), 0, 12).float(), draws.integers((count, 2), 1, 12).float()
        boxes = torch.cat([place, place + size if box_format == "xyxy" else size], 1)
        return {"boxes": boxes.to(dtype), "labels": draws.integers((count,), 0, labels)}

    batches = []
    for _ in range(draws.choice([1, 2, 3])):
        count = draws.choice([0, 1, 1, 2, 3])
        preds, target = [one() for _ in range(count)], [one() for _ in range(count)]
        if special == 0:
            preds = [{"boxes": t["boxes"], "labels": t["labels"]} for t in target]
        elif special == 1:
            target = target[:-1]
        elif special == 2 and target:
            target[0] = {**target[0], "labels": target[0]["labels"][:-1]}
        batches.append({"preds": preds, "target": target})
    return batches


def clustered_data(draws: Draws) -> list:
    """Draw rows about centres, with the cluster of each."""
    clusters, columns, dtype = draws.choice([1, 2, 2, 3, 5]), draws.choice([1, 2, 3]), draws.choice(FLOATS)
    centres, special = draws.values((clusters, columns)), int(draws.integers(1, 0, 16))
    batches = []
    for n in sizes(draws):
        labels = draws.integers((n,), 0, clusters)
        data = (centres[labels] + draws.values((n, columns)) / draws.choice([1, 8, 64])).to(dtype)
        if special == 0:
            data = centres[labels].to(dtype)
        elif special == 1:
            labels = labels[:-1]
        elif special == 2:
            data = data[:, 0].clone()
        elif special == 3:
            data = spoilt(draws, data, draws.choice([NAN, INF]))
        batches.append({"data": data, "labels": labels.to(draws.choice(LABELS))})
    return batches


def clustering(draws: Draws, entry: dict, options: dict) -> list:
    """Draw clusters that follow targets more or less, or rows in clusters."""
    if entry["inputs"][0]["name"] == "data":
        return clustered_data(draws)
    accuracy = entry["name"] == "ClusterAccuracy"
    clusters = options.get("num_classes", 3) if accuracy else draws.choice([1, 2, 2, 3, 5, 20])
    clusters = clusters if isinstance(clusters, int) and clusters > 0 else 3
    label_type, noise, special = draws.choice(LABELS), draws.choice([1, 2, 4, 1000]), int(draws.integers(1, 0, 16))
    batches = []
    for n in sizes(draws):
        target = draws.integers((n,), 0, clusters)
        preds = torch.where(draws.integers((n,), 0, noise) == 0, draws.integers((n,), 0, clusters), (target + 1) % clusters)
        if special == 0:
            preds = torch.arange(n) % clusters if accuracy else torch.arange(n)
        elif special == 1:
            target = torch.zeros_like(target)
        elif special == 2 and not accuracy:
            preds, target = preds * draws.choice([-1, 1000003, 2**40]), target - 2
        elif special == 3:
            target = target[:-1]
        elif special == 4:
            preds = spoilt(draws, preds, clusters)
        elif special == 5 and accuracy:
            preds = draws.untied((n, clusters))
        fits = special not in (2, 5) or accuracy and special == 2
        batches.append({"preds": preds.to(label_type) if fits else preds, "target": target.to(label_type) if fits else target})
    return batches


def nominal(draws: Draws, entry: dict, options: dict) -> list:
    """Draw values of two variables, few of them NaN, or ratings."""
    special = int(draws.integers(1, 0, 16))
    if entry["inputs"][0]["name"] == "ratings":
        categories, raters, batches = draws.choice([2, 3, 5]), draws.choice([1, 2, 4, 6]), []
        for n in sizes(draws):
            if options.get("mode") == "probs":
                batches.append({"ratings": draws.untied((n, categories, raters)).to(draws.choice(FLOATS) if special else torch.int64)})
                continue
            ratings = torch.nn.functional.one_hot(draws.integers((n, raters), 0, categories), categories).sum(1)
            batches.append({"ratings": ratings.to(draws.choice(LABELS)) if special else ratings.float()})
        return batches
    values = options.get("num_classes", 3)
    values = values if isinstance(values, int) and values > 0 else 3
    used, noise = draws.choice([values, values, values, 1, 2]), draws.choice([1, 2, 4])
    dtype = draws.choice(LABELS + [torch.float32] * 3 + [torch.float64])
    batches = []
    for n in sizes(draws):
        target = draws.integers((n,), 0, min(used, values))
        preds = torch.where(draws.integers((n,), 0, noise) == 0, draws.integers((n,), 0, values), (target + 1) % values)
        if special == 0:
            preds = torch.zeros_like(preds)
        elif special == 1:
            target = target[:-1]
        elif special == 2:
            preds = spoilt(draws, preds, values)
        preds, target = preds.to(dtype), target.to(dtype)
        if special in (3, 4, 5) and preds.is_floating_point():
            preds, target = (torch.where(draws.integers(v.shape, 0, 5) == 0, torch.tensor(NAN, dtype=dtype), v) for v in (preds, target))
        elif special == 6 and preds.is_floating_point():
            preds = spoilt(draws, preds, 0.5)
        elif special == 7:
            preds = draws.untied((n, values))
        batches.append({"preds": preds, "target": target})
    return batches


def shape(draws: Draws, entry: dict, options: dict) -> list:
    """Draw clouds of points, and others near them that are turned, scaled and moved."""
    points, dimensions, dtype, special = draws.choice([2, 3, 5, 9]), draws.choice([1, 2, 3, 4]), draws.choice([torch.float32] * 3 + [torch.float64]), int(draws.integers(1, 0, 16))
    batches = []
    for n in sizes(draws):
        first = draws.logits((n, points, dimensions))
        second = first.roll(1, 2) * draws.choice([-1.0, 0.5, 4.0]) + draws.logits((n, points, dimensions)) / draws.choice([1, 8])
        if special == 0:
            second = second[:, :-1]
        elif special == 1:
            second = second[:-1]
        elif special == 2:
            second = draws.logits((n, points, dimensions)) + 16
        elif special == 3:
            first, second = first.flatten(1), second.flatten(1)
        batches.append({"point_cloud1": first.to(dtype), "point_cloud2": second.to(dtype)})
    return batches


INPUTS = {f.__name__: f for f in (aggregation, classification, clustering, detection, image, nominal, regression, retrieval, shape, text)}
# Metrics that take other inputs than their domain, and are no members of what is made of others.
NOT_AS_DOMAIN = ("EmbeddingMetrics",)
CALLS = ("pairwise",)  # domains of functionals that belong to no class


def drawn_call(entry: dict, name: str) -> Drawn:
    """Draw a call of a functional that belongs to no class; of equal names comes the same."""
    draws = Draws(f"fuzz/{name}")
    columns, dtype, special, sides = draws.choice([0, 1, 2, 3, 5, 8, 17]), draws.choice([torch.float32] * 3 + [torch.float64]), int(draws.integers(1, 0, 24)), {}
    for side in ("x", "y")[: draws.choice([1, 2])]:
        shape_ = (draws.choice([0, 1, 2, 3, 5, 9, 70]), columns)
        sides[side] = (draws.logits(shape_) if one_in(draws, 2) else draws.values(shape_)).to(dtype)
    last = next(reversed(sides))
    if special == 0:
        sides[last] = sides[last][:, :-1] if columns else sides[last][None]
    elif special == 1:
        sides[last] = spoilt(draws, sides[last], draws.choice([NAN, INF, -INF]))
    elif special == 2:
        sides[last] = torch.zeros_like(sides[last])
    options = {o["name"]: draws.choice({"exponent": [1, 1.5, 2, 2.0, 3, 4, 5.5]}.get(o["name"]) or values_of(o)) for o in entry["options"] if one_in(draws, 2)}
    return Drawn(Case(name, "", {}, [], entry["name"], functional_call=sides | options), plays=[])


def functional_call(draws: Draws, entry: dict, options: dict, batches: list) -> dict | None:
    """Return what a functional is called with that takes other inputs than the class; None where it takes those."""
    first = batches[0]
    if entry["domain"] == "retrieval":
        return {"preds": first["preds"], "target": first["target"]} | {k: v for k, v in options.items() if k in ("top_k", "max_k", "adaptive_k", "max_fpr")}
    if entry["domain"] == "detection":
        if not first["preds"] or not first["target"]:
            return None
        call = {"preds": first["preds"][0]["boxes"], "target": first["target"][0]["boxes"], "aggregate": draws.choice([True, False])}
        return call | {k: v for k, v in options.items() if k == "iou_threshold"}
    if entry["domain"] == "shape":
        try:
            return concatenated(batches) | ({"return_all": False} if one_in(draws, 2) else {})
        except RuntimeError:
            return None
    if entry["domain"] == "nominal" and "target" in first:
        try:
            return concatenated(batches) | {k: v for k, v in options.items() if k != "num_classes"}
        except (RuntimeError, TypeError):
            return None
    return None


def ways_of(case: Case) -> list:
    """List the ways of the harness in which a case has to give the same."""
    excluded = set()
    shapes = [[tuple(v.shape[1:]) for v in b.values() if isinstance(v, torch.Tensor)] for b in case.batches]
    nans = any(bool(torch.as_tensor(b["value"]).isnan().any()) for b in case.batches if "value" in b)
    if any(s != shapes[0] for s in shapes) or nans and case.metric == "CatMetric":
        # Rows that do not fit together; NaN that is taken out leaves a vector of what had columns.
        excluded |= {"one update", "permuted", "row by row", "empty batches"}
    if case.options.get("reset_real_features") is False:
        excluded |= {"reset"}
    if case.options.get("empty_target_action") == "error":
        excluded |= {"computes between", "reset", "clone", "saved half-way"}  # a query may wait for its relevant document
    if case.options.get("keep_sequence_dim") is not None:
        excluded |= {"one update", "permuted", "row by row", "empty batches"}  # each batch has values of its own
    if case.metric == "PeakSignalNoiseRatio" and case.options.get("dim") is not None:
        excluded |= {"permuted"}  # an image may have several values
        if case.options["dim"] in ([], 0):
            excluded |= {"one update", "row by row", "empty batches"}  # the value is one of each batch
    return [w for w in WAYS if w not in excluded]


def keeps_rows(entry: dict, options: dict) -> bool:
    """Tell whether a metric of regression has a value for each row."""
    return entry["domain"] == "regression" and options.get("reduction", "") in ("none", None)


def drawn_weights(draws: Draws, entry: dict, case: Case) -> Optional[list]:
    """Draw how often each row of each batch counts, or each query, as integers or floating numbers; None where the metric takes no weights."""
    if entry.get("weights", "none") == "none" or entry["domain"] == "aggregation" or case.rows != "invariant" or case.options.get("keep_sequence_dim") is not None:
        return None
    weights, of_queries = [], draws.integers(4, 0, 4) if entry["domain"] == "retrieval" else None
    for batch in case.batches:
        rows = {len(v) if isinstance(v, list) else v.shape[0] if isinstance(v, torch.Tensor) and v.ndim else None for v in batch.values()}
        if len(rows) != 1 or None in rows:
            return None
        if of_queries is not None:
            weights.append(of_queries[batch["indexes"].long().flatten()])
            continue
        drawn_ones = draws.integers(rows.pop(), 0, 4)
        if len(drawn_ones):
            drawn_ones[0] = max(1, int(drawn_ones[0]))  # a batch of which nothing is left is one without rows
        weights.append(drawn_ones)
    floats = entry["weights"] == "any" and draws.choice([True, False])
    return [w.float() for w in weights] if floats else weights


def apart(batches: list) -> bool:
    """Tell whether float32 can tell the distances to relevant items from all others, in all batches together."""
    whole = concatenated(batches)
    x, labels = whole["embeddings"].double(), whole["labels"]
    squares = (x[:, None] - x[None]).square().sum(2)
    alike = labels[:, None] == labels[None]
    distances, order = squares[whole["is_query"]][:, whole["is_gallery"]].flatten().sort()
    kinds = alike[whole["is_query"]][:, whole["is_gallery"]].flatten()[order]
    return not bool(((distances.diff() < 4e-6 * x.square().sum(1).max()) & (kinds[1:] != kinds[:-1])).any())


def drawn_embeddings(entry: dict, name: str) -> Drawn:
    """Draw embeddings of which each batch has what open-metric-learning fails without: a query that finds a relevant item and another."""
    tops = [[1], [5], [1, 3], [2, 100], [4, 2]]
    for attempt in range(100):
        draws = Draws(f"fuzz/{name}/{attempt}")
        options = {top: draws.choice([*tops, []]) for top in ("cmc_top_k", "precision_top_k", "map_top_k") if one_in(draws, 2)}
        options |= {"fmr_vals": draws.choice([[0.1], [0.25, 0.75], [0.0, 1.0], [0.5]])} if one_in(draws, 2) else {}
        options |= {"pcf_variance": draws.choice([[0.5], [0.3, 0.8], [0.15]])} if one_in(draws, 2) else {}
        columns, labels, dtype = draws.choice([2, 3, 8, 17, 40]), draws.choice([2, 3, 6]), draws.choice([torch.float32] * 3 + [torch.float64, torch.float16])
        sequences, categories, offset = draws.choice([0, 0, 4]), draws.choice([0, 0, 3]), draws.choice([0.0] * 5 + [32.0])
        options |= {"return_only_overall_category": draws.choice([True, False])} if one_in(draws, 4) else {}
        batches = []
        for _ in range(draws.choice([1, 2, 3])):
            n = draws.choice([3, 4, 5, 8, 13])
            batch = {"embeddings": (draws.values((n, columns)) + offset).to(dtype), "labels": draws.integers(n, 0, labels)}
            role = draws.integers(n, 0, 3)
            batch["labels"][:3], role[:3] = torch.tensor([0, 0, 1]), torch.tensor([0, 2 if categories else 1, 1])  # categories of one query fail, too
            batch |= {"is_query": role != 1, "is_gallery": role != 0}
            if sequences:
                batch["sequence_ids"] = draws.integers(n, 0, sequences)
                batch["sequence_ids"][:3] = torch.tensor([7, 8, 9])
            if categories:
                batch["categories"] = draws.integers(n, 0, categories) * 7 - 3
            batches.append(batch)
        if apart(batches):
            break
    else:
        raise NotDrawn(f"{name}: distances are too near each other")
    case = Case(name, entry["name"], options, batches)
    cuts = sorted(int(draws.integers(1, 0, len(batches) + 1)) for _ in range(draws.choice([1, 2])))
    shares = [b - a for a, b in zip([0, *cuts], [*cuts, len(batches)])]
    ways = [w for w in ways_of(case) if w != "positional" or sequences or not categories]  # an input before is not given
    return Drawn(case, shares, ways if one_in(draws, 4) else [])


def drawn(entry: dict, name: str) -> Drawn:
    """Draw a case of a metric; of equal names comes the same."""
    if entry["domain"] in CALLS:
        return drawn_call(entry, name)
    if entry["name"] == "EmbeddingMetrics":
        return drawn_embeddings(entry, name)
    if entry["domain"] not in INPUTS:
        raise NotDrawn(f"{entry['name']}: the domain {entry['domain']} has no draw")
    draws = Draws(f"fuzz/{name}")
    options, wrong = drawn_options(draws, entry), ""
    if entry["options"] and one_in(draws, 16):
        wrong = draws.choice([o["name"] for o in entry["options"] if o["name"] in accepted_there(entry["name"])])
    given = options
    if wrong:
        # Another integer to ignore would leave targets out of range, which nobody promises anything of where nothing is checked.
        given = options | {wrong: draws.choice([v for v in WRONG if wrong != "ignore_index" or type(v) is not int])}
    batches = INPUTS[entry["domain"]](draws, entry, options)
    call = functional_call(draws, entry, options, batches) if entry["functional"] else None
    own = entry["domain"] in ("retrieval", "detection", "nominal", "shape") and "ratings" not in batches[0]
    functional = entry["functional"] if entry["functional"] and (call or not own) else None
    rows = "permutes" if options.get("multidim_average") == "samplewise" or entry["name"] == "CatMetric" or keeps_rows(entry, given) else "invariant"
    case = Case(name, entry["name"], given, batches, functional, functional_call=call, rows=rows)
    cuts = sorted(int(draws.integers(1, 0, len(batches) + 1)) for _ in range(draws.choice([1, 2])))
    shares = [b - a for a, b in zip([0, *cuts], [*cuts, len(batches)])]
    given = Drawn(case, shares, ways_of(case) if one_in(draws, 4) else [], wrong)
    weights = drawn_weights(draws, entry, case) if not wrong and one_in(draws, 4) else None
    if weights is None:
        return given
    batches = [batch | {WEIGHTS: w} for batch, w in zip(batches, weights)]
    return replace(given, case=replace(case, batches=batches, functional=None, functional_call=None), ways=[])
