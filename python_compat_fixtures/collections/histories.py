"""What MetricTracker, MinMaxMetric and Running give in the course of calls, on which their values depend."""

import warnings

import torch
from cases import create, named
from draws import Draws

ACCURACY = named("MulticlassAccuracy", num_classes=3)
MICRO = named("MulticlassAccuracy", num_classes=3, average="micro")
BY_CLASS = named("MulticlassAccuracy", num_classes=3, average=None)
TABLE = named("MulticlassConfusionMatrix", num_classes=3)
SQUARED, R2, SUM = named("MeanSquaredError"), named("R2Score"), named("SumMetric")
PAIRS = {"mse": SQUARED, "r2": R2}


def plain(value):
    """Write a value as JSON has it."""
    if isinstance(value, torch.Tensor):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return "nan" if value != value else value


def played(metric: str, options: dict, calls: list) -> dict:
    """Make the calls one after the other, and note what each gave, or that it was refused."""
    made, noted = create(metric, options, begun=False), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method, inputs in calls:
            row = {"call": method, **({"inputs": plain(inputs)} if inputs else {})}
            try:
                row["value"] = plain(made.best_metric(return_step=True) if method == "best" else getattr(made, method)(*inputs))
            except ValueError:
                row["refused"] = True
            noted.append(row)
    return {"metric": metric, "options": options, "calls": noted}


def refused(options: dict, contains: str) -> dict:
    """Note options of a tracker that torchmetrics refuses, and what the error has to contain."""
    try:
        create("MetricTracker", options, begun=False)
    except (AttributeError, TypeError, ValueError):
        return {"metric": "MetricTracker", "options": options, "refused": contains}
    raise AssertionError(f"torchmetrics takes {options}")


def labels(draws: Draws, rows: int) -> tuple:
    """Draw labels and predictions of which every third is right."""
    target = draws.integers(rows, 0, 3)
    preds = torch.where(torch.arange(rows) % 3 == 0, target, draws.integers(rows, 0, 3))
    return preds, target


def pairs(draws: Draws, rows: int) -> tuple:
    """Draw pairs of numbers that float32 has."""
    return draws.integers(rows, -16, 16) / 4, draws.integers(rows, -16, 16) / 4


def number(draws: Draws, _: int) -> tuple:
    """Draw one number."""
    return (draws.integers(1, -64, 64) / 4,)


def epochs(name: str, draw, steps: int = 4) -> list:
    """Track several steps, asking for all that there is in between."""
    draws = Draws(f"histories/{name}")
    calls = []
    for step in range(steps):
        calls.append(("increment", ()))
        calls += [("update", draw(draws, 7)), ("forward", draw(draws, 5)), ("compute", ())]
        if step > 0:
            calls += [("compute_all", ()), ("best", ())]
    return calls


def trackers() -> list:
    """MetricTracker of one metric and of several, with and without a direction."""
    before = [(method, inputs) for method, inputs in (("update", (torch.tensor([1]), torch.tensor([1]))), ("compute", ()), ("compute_all", ()), ("best", ()))]
    rows = [played("MetricTracker", {"metric": ACCURACY}, before)]
    rows += [
        refused({}, "`metric` is required"),
        refused({"metric": 7}, "option `metric` expects metric"),
        refused({"metric": SUM}, "higher_is_better"),
        refused({"metric": named("MetricCollection", metrics={**PAIRS, "sum": SUM})}, "`sum` does not have a `higher_is_better`"),
        refused({"metric": ACCURACY, "maximize": 1}, "option `maximize` expects bool"),
        refused({"metric": ACCURACY, "maximize": "max"}, "option `maximize` expects bool"),
        refused({"metric": ACCURACY, "maximize": [True]}, "one bool for a single metric"),
        refused({"metric": named("MetricCollection", metrics=PAIRS), "maximize": [True]}, "1 entries, the collection 2 members"),
        refused({"metric": named("MetricCollection", metrics=PAIRS), "maximize": []}, "0 entries, the collection 2 members"),
        refused({"metric": named("MetricCollection", metrics=PAIRS), "maximize": [1, 0]}, "option `maximize` expects bool"),
        refused({"metric": ACCURACY, "minimize": True}, "unknown option `minimize`"),
    ]
    single = {"by itself": {}, "None": {"maximize": None}, "highest": {"maximize": True}, "lowest": {"maximize": False}}
    for name, direction in single.items():
        rows.append(played("MetricTracker", {"metric": ACCURACY, **direction}, epochs(f"accuracy, {name}", labels)))
        rows.append(played("MetricTracker", {"metric": SQUARED, **direction}, epochs(f"mse, {name}", pairs)))
    rows.append(played("MetricTracker", {"metric": SUM, "maximize": True}, epochs("sum", number)))
    rows.append(played("MetricTracker", {"metric": TABLE, "maximize": True}, epochs("a table has no best", labels)))
    several = {**single, "each": {"maximize": [True, False]}, "each the other way": {"maximize": [False, True]}}
    for name, direction in several.items():
        options = {"metric": named("MetricCollection", metrics=PAIRS), **direction}
        rows.append(played("MetricTracker", options, epochs(f"collection, {name}", pairs)))
    shown = named("MetricCollection", metrics=PAIRS, prefix="val_", postfix="/1")
    rows.append(played("MetricTracker", {"metric": shown}, epochs("names", pairs)))
    rows.append(played("MetricTracker", {"metric": named("ClasswiseWrapper", metric=BY_CLASS, labels=["a", "b", "c"])}, epochs("classes", labels)))
    classes = {"by class": named("ClasswiseWrapper", metric=BY_CLASS), "micro": MICRO}
    rows.append(played("MetricTracker", {"metric": named("MetricCollection", metrics=classes)}, epochs("classes in a collection", labels)))
    column = {"metric": named("MultioutputWrapper", base_metric=SQUARED, num_outputs=1), "maximize": False}
    rows.append(played("MetricTracker", column, epochs("one column", lambda *drawn: tuple(t[:, None] for t in pairs(*drawn)))))
    mixed = {"table": TABLE, "micro": MICRO}
    rows.append(played("MetricTracker", {"metric": named("MetricCollection", metrics=mixed), "maximize": True}, epochs("one has no best", labels)))

    draws = Draws("histories/resets")
    update = lambda: ("update", number(draws, 1))
    resets = [("increment", ()), update(), update(), ("increment", ()), update(), ("compute_all", ()), ("reset", ()), update()]
    resets += [("compute_all", ()), ("best", ()), ("reset_all", ()), update(), ("compute_all", ()), ("increment", ()), ("compute_all", ())]
    rows.append(played("MetricTracker", {"metric": SUM, "maximize": False}, resets))
    return rows


def extremes() -> list:
    """MinMaxMetric: what it keeps from one value to the next. (Its `forward` loses what came before in torchmetrics.)"""
    rows = []
    for name, base, draw in (("accuracy", ACCURACY, labels), ("mse", SQUARED, pairs), ("sum", SUM, number)):
        draws = Draws(f"histories/extremes of {name}")
        calls = []
        for call in "uuc uc uc c r uc uc r c uuc uc".replace(" ", ""):
            inputs = draw(draws, 6) if call == "u" else ()
            calls.append(({"u": "update", "c": "compute", "r": "reset"}[call], inputs))
        rows.append(played("MinMaxMetric", {"base_metric": base}, calls))
    return rows


def windows() -> list:
    """Running and its aggregators: values of batches and of windows in turn, and after a reset in the midst of one."""
    rows = []
    kinds = [("Running", {"base_metric": base}, draw) for base, draw in ((ACCURACY, labels), (SQUARED, pairs), (SUM, number))]
    for metric, options, draw in kinds + [("RunningMean", {}, number), ("RunningSum", {}, number)]:
        for window in (1, 2, 3, 50):
            draws = Draws(f"histories/{metric}, window={window}")
            calls = []
            for call in "uc fc uc uufc fcc r c fc uc uuuuc fc".replace(" ", ""):
                inputs = draw(draws, 6) if call in "uf" else ()
                calls.append(({"u": "update", "f": "forward", "c": "compute", "r": "reset"}[call], inputs))
            rows.append(played(metric, {**options, "window": window}, calls))
    draws = Draws("histories/weights")
    weighted = [(draws.integers(4, -16, 16) / 4, draws.integers(4, 1, 9) / 8) for _ in range(5)]
    rows.append(played("RunningMean", {"window": 3}, [call for inputs in weighted for call in (("update", inputs), ("compute", ()))]))
    return rows


def table() -> list:
    """Return a row for each metric: its calls, and what they gave."""
    return trackers() + extremes() + windows()
