"""What the cases of associations of two nominal variables share."""

import math
from dataclasses import dataclass, field
from typing import Callable, Optional

import numpy as np
import scipy.stats
import torch
from cases import Case, Misuse, Stem, concatenated, find_functional, gives, same
from draws import Draws

NAN, INF = float("nan"), float("inf")
TOLERANCE = {"rtol": 1e-5, "atol": 2e-6}
CUT_OFF = "torchmetrics cuts off what stands behind the point"
ELSEWHERE = "torchmetrics counts it in another cell"
YATES = "an observed number is brought nearer to the expected one by no more than it is away; torchmetrics goes beyond it"
BY_TOTALS = {"scaled weights": "what small samples add depends on how many there are"}
IN_FLOAT32 = "sums are taken in float64; torchmetrics takes them in float32, where differences of nearly equal numbers are lost"


@dataclass
class Member:
    """An association, and what it is of a table by definition."""

    metric: str
    functional: str
    by_definition: Callable  # table, options -> the value
    corrects: bool = False  # whether it has `bias_correction`
    differs: dict = field(default_factory=dict)  # case -> why the definition is right there, and torchmetrics not


def table_of(batches: list, options: dict) -> np.ndarray:
    """Count each pair of values, the target being the row, of values that occur."""
    columns = []
    for side in ("preds", "target"):
        column = torch.cat([(b[side].argmax(1) if b[side].ndim == 2 else b[side]).double() for b in batches])
        columns.append(column)
    if options.get("nan_strategy", "replace") == "replace":
        columns = [torch.where(c.isnan(), torch.tensor(float(options.get("nan_replace_value", 0.0)), dtype=torch.float64), c) for c in columns]
    else:
        kept = ~(columns[0].isnan() | columns[1].isnan())
        columns = [c[kept] for c in columns]
    preds, target = (c.numpy() for c in columns)
    rows, row = np.unique(target, return_inverse=True)
    names, column = np.unique(preds, return_inverse=True)
    table = np.zeros((len(rows), len(names)))
    np.add.at(table, (row, column), 1)
    return table


def phi_squared(table: np.ndarray, correct: bool) -> float:
    """Divide scipy's χ² by the number of samples."""
    if not table.size:
        return NAN
    return float(scipy.stats.chi2_contingency(table, correction=correct).statistic / table.sum())


def corrected(table: np.ndarray) -> tuple:
    """Take off φ² and the numbers of values what small samples add (Bergsma, 2013)."""
    (r, c), n = table.shape, table.sum()
    with np.errstate(all="ignore"):
        less = lambda k: np.float64(k) - np.float64((k - 1) ** 2) / (n - 1)
        return max(0.0, phi_squared(table, True) - np.float64((r - 1) * (c - 1)) / (n - 1)), less(r), less(c)


def by_definition(script: Callable, batches: list, options: dict) -> torch.Tensor:
    """Compute an association of batches, by what its script says of a table."""
    return torch.tensor(script(table_of(batches, options), options), dtype=torch.float32)


def variables(name: str, sizes=(37, 1, 5, 20), values: int = 4) -> list:
    """Draw values, and others that follow them half of the time."""
    draws = Draws(f"nominal/{name}")
    batches = []
    for n in sizes:
        target = draws.integers(n, 0, values)
        batches.append({"preds": torch.where(draws.integers(n, 0, 2) == 0, (target + 1) % values, draws.integers(n, 0, values)), "target": target})
    return batches


def of(preds: list, target: list, dtype: torch.dtype = torch.int64) -> list:
    """Make one batch of two lists."""
    return [{"preds": torch.tensor(preds, dtype=dtype), "target": torch.tensor(target, dtype=dtype)}]


def with_nan(batches: list) -> list:
    """Put NaN in some places."""
    draws = Draws("nominal/nan")
    spoilt = lambda v: torch.where(draws.integers(len(v), 0, 4) == 0, torch.tensor(NAN), v.float())
    return [{side: spoilt(v) for side, v in b.items()} for b in batches]


def refused(stem: Stem, member: Member) -> None:
    """Write the misuses."""
    metric, given = member.metric, {"num_classes": 3}
    stem.refuse(Misuse(f"{metric}/no value", metric, {"num_classes": 0}, "num_classes", reason="torchmetrics fails in update"))
    stem.refuse(Misuse(f"{metric}/a negative number of values", metric, {"num_classes": -1}, "num_classes"))
    stem.refuse(Misuse(f"{metric}/an unknown strategy", metric, given | {"nan_strategy": "ignore"}, "nan_strategy"))
    stem.refuse(Misuse(f"{metric}/nothing to replace NaN by", metric, given | {"nan_replace_value": None}, "nan_replace_value"))
    stem.refuse(Misuse(f"{metric}/a fraction in the place of NaN", metric, given | {"nan_replace_value": 0.5}, "nan_replace_value", reason=CUT_OFF))
    stem.refuse(Misuse(f"{metric}/no value in the place of NaN", metric, given | {"nan_replace_value": 3.0}, "nan_replace_value", reason="torchmetrics looks at it when NaN comes"))
    refuse = lambda name, contains, preds, target, **more: stem.refuse(Misuse(f"{metric}/{name}", metric, given, contains, [{"preds": preds, "target": target}], **more))
    values = torch.tensor([0, 1, 2])
    refuse("a prediction out of range", "preds", torch.tensor([0, 1, 3]), torch.tensor([0, 1, 0]), reason=ELSEWHERE)
    refuse("a negative target", "target", values, torch.tensor([0, -1, 2]))
    refuse("a target out of range", "target", values, torch.tensor([0, 3, 2]))
    refuse("a fraction", "whole", torch.tensor([0.0, 1.5, 2.0]), values, reason=CUT_OFF)
    refuse("infinity", "whole", torch.tensor([0.0, INF, 2.0]), values)
    refuse("rows that differ", "same number of rows", values, values[:2])
    refuse("three dimensions", "preds", values.view(1, 1, 3), values.view(1, 1, 3))
    refuse("scalars", "preds", values[0], values[0])


def functional_agrees(functional: str, batches: list, options: dict, value: torch.Tensor) -> bool:
    """Tell whether torchmetrics' functional takes the values, which have to be those below their number, and gives the same."""
    function = find_functional(functional)
    try:
        theirs = function(**concatenated(batches), **{k: v for k, v in options.items() if k != "num_classes"})
    except (RuntimeError, TypeError):
        return False
    return same(theirs, value, **TOLERANCE)


def write(stem: Stem, member: Member) -> None:
    """Write the cases of an association."""
    metric = member.metric
    refused(stem, member)

    def case(name: str, num_classes: int, batches: list, options: Optional[dict] = None, functional: bool = True, warns=None) -> None:
        options = {"num_classes": num_classes, **(options or {})}
        value = lambda given: torch.tensor(member.by_definition(table_of(given, options), options), dtype=torch.float32)
        corrects = member.corrects and options.get("bias_correction", True)
        subject = Case(f"{metric}/{name}", metric, options, batches, tolerance=TOLERANCE, excludes=BY_TOTALS if corrects else {})
        forward, final = [value([b]) for b in batches], value(batches)
        if not gives(subject, batches, forward, final):
            subject.reason, subject.reference = member.differs.get(name, IN_FLOAT32), "scipy.stats.chi2_contingency" if metric != "TheilsU" else "the definition in float64"
            subject.forward_by, subject.final_by = (lambda b: value([b])), value
        if functional and (subject.final_by or functional_agrees(member.functional, batches, options, final)):
            subject.functional = member.functional
        stem.add(subject)
        if subject.functional:  # which counts the values that occur by itself
            stem.cases[-1]["functional_options"] = {k: v for k, v in options.items() if k != "num_classes"}

    case("values", 4, variables(metric))
    case("two values", 2, variables(f"{metric}/two", (40, 9), 2))
    case("nearly independent", 2, of([1] + [0] * 9, [0, 1] + [0] * 8))
    case("values that do not occur", 9, variables(f"{metric}/some"))
    case("one variable of more values", 6, [{"preds": b["preds"] % 2, "target": b["target"]} for b in variables(f"{metric}/more", values=6)], functional=False)
    case("more rows than cells", 3, [{s: Draws(f"nominal/{metric}/many/{s}").recalled("integers", (3000,), low=0, high=3) for s in ("preds", "target")}])
    for types in ((torch.uint8, torch.int32), (torch.float32, torch.float64), (torch.float16, torch.int64)):
        name = " and ".join(str(t).removeprefix("torch.") for t in types)
        case(name, 4, [{"preds": b["preds"].to(types[0]), "target": b["target"].to(types[1])} for b in variables(f"{metric}/{name}")], functional=all(t.is_floating_point == types[0].is_floating_point for t in types))
    draws = Draws(f"nominal/{metric}/scores")
    case("scores", 3, [{"preds": draws.untied((n, 3)), "target": draws.untied((n, 3))} for n in (30, 11)], functional=False)
    case("scores of one variable", 3, [{"preds": draws.untied((n, 3)), "target": draws.integers(n, 0, 3)} for n in (30, 11)], functional=False)
    nan = with_nan(variables(f"{metric}/nan", (37, 9, 20)))
    case("NaN", 4, nan, functional=False)
    for value in (1, 2.0):
        case(f"NaN is {value}", 4, nan, {"nan_replace_value": value}, functional=False)
    case("rows with NaN dropped", 4, nan, {"nan_strategy": "drop"}, functional=False)
    case("an empty batch", 4, variables(f"{metric}/empty", (9, 0, 8)))
    case("nothing", 4, variables(f"{metric}/nothing", (0,)))
    case("one sample", 3, of([2], [1]), functional=False)
    case("all values differ", 5, of([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]))
    case("one value in both", 3, of([0, 0, 0, 0], [0, 0, 0, 0]))
    case("one value of the target", 3, of([0, 1, 2, 0], [0, 0, 0, 0]))
    case("one value predicted", 3, of([0, 0, 0, 0], [0, 1, 2, 0]))
    case("the same", 3, of([0, 0, 1, 1, 2, 2, 2], [1, 1, 0, 0, 2, 2, 2]))
    case("independent", 2, of([0, 0, 1, 1] * 3, [0, 1, 0, 1] * 3))
    if member.corrects:
        for name, batches in (("values", variables(metric)), ("two values", variables(f"{metric}/two", (40, 9), 2)), ("one value predicted", of([0, 0, 0, 0], [0, 1, 2, 0])), ("all values differ", of([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]))):
            case(f"{name}, not corrected", 5, batches, {"bias_correction": False}, functional="one" not in name)
    draws = Draws(f"nominal/{metric}/matrix")
    columns = torch.stack([draws.integers(40, 0, 4), *(draws.integers(40, 0, n) for n in (4, 4, 3))], 1)
    columns[:, 1] = torch.where(draws.integers(40, 0, 2) == 0, columns[:, 0], columns[:, 1])
    spoilt = torch.where(draws.integers((40, 4), 0, 12) == 0, torch.tensor(NAN), columns.float())
    calls = {"a matrix": {"matrix": columns}, "rows of a matrix dropped": {"matrix": spoilt, "nan_strategy": "drop"}}
    if member.corrects:
        calls["a matrix, not corrected"] = {"matrix": columns.float(), "bias_correction": False}
    for name, call in calls.items():
        batches = [{"preds": columns[:, 0], "target": columns[:, 1]}]
        excludes = BY_TOTALS if member.corrects else {}
        stem.add(Case(f"{metric}/{name}", metric, {"num_classes": 4}, batches, f"{member.functional}_matrix", call, tolerance=TOLERANCE, excludes=excludes))
    listed = {"nan_strategy": ["drop"], "nan_replace_value": [1, 2.0], **({"bias_correction": [False]} if member.corrects else {})}
    stem.require(metric, listed)
