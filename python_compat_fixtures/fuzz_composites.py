"""Metrics made of others that are drawn: collections, wrappers and formulas, and what explains where one differs from torchmetrics'.

The metrics that it is made of may differ on purpose, each by rules of its own. So torchmetrics' collection or wrapper is played with stand-ins in their place, which
give what this library gives for the metric by itself: what is equal to that differs by its parts, and each of these is explained as it is alone.
"""

import copy
import inspect
import json
import operator
from dataclasses import replace
from typing import Any, Callable, Optional

import torch
from cases import Case, create, find_class, named
from draws import Draws
from fuzz_draws import INPUTS, NAN, NOT_AS_DOMAIN, OWN, RANGES, WAYS, Drawn, drawn_options, one_in, sizes, spoilt, values_of, ways_of
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.metric import CompositionalMetric

COMPOSED, TRACKER = "CompositionalMetric", "MetricTracker"
# This has no name in the registry.
UNNAMED = [{"name": COMPOSED, "domain": "collections", "options": [], "inputs": [], "functional": None}]
TASKS = ("Binary", "Multiclass", "Multilabel")
# Members of a collection get the same of these, because they get the same batches.
SHARED = ("num_classes", "num_labels", "num_outputs", "ignore_index", "box_format")
UNARY = {"Abs": abs, "Neg": operator.neg, "Pos": operator.pos}
BINARY = {"Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "TrueDivide": operator.truediv, "FloorDivide": operator.floordiv, "Fmod": operator.mod}
BINARY |= {"Pow": operator.pow, "Lt": operator.lt, "Le": operator.le, "Gt": operator.gt, "Ge": operator.ge, "Eq": operator.eq, "Ne": operator.ne}


def is_named(option: Any) -> bool:
    """Tell a metric that is written as an option."""
    return isinstance(option, dict) and option.keys() == {"name", "options"}


# --- draws


def families(registry: list) -> dict:
    """Group the metrics that take the same inputs."""
    found: dict = {}
    for entry in registry:
        if entry["domain"] not in INPUTS or entry["name"] in ("FrechetInceptionDistance", "ContinuousRankedProbabilityScore", "CosineSimilarity", *NOT_AS_DOMAIN):
            continue
        task = next((t for t in TASKS if entry["name"].startswith(t)), "") if entry["domain"] == "classification" else ""
        names = "" if entry["domain"] == "aggregation" else " ".join(i["name"] for i in entry["inputs"])
        found.setdefault((entry["domain"], task, names), []).append(entry)
    return found


def options_for(draws: Draws, entries: list) -> list:
    """Draw options for metrics that get the same batches."""
    listed = [{o["name"]: o for o in e["options"]} for e in entries]
    shared = {}
    for name in SHARED:
        option = next((o[name] for o in listed if name in o), None)
        if option and (draws.choice([True, False]) or name in ("num_classes", "num_labels")):
            shared[name] = draws.choice(RANGES.get(name) or values_of(option))
    found = []
    for entry, known in zip(entries, listed, strict=True):
        options = {k: v for k, v in drawn_options(draws, entry).items() if k not in OWN}
        if not one_in(draws, 16):
            options = {k: v for k, v in options.items() if k not in SHARED} | {k: v for k, v in shared.items() if k in known}
        found.append(options)
    return found


def batches_for(draws: Draws, entries: list, options: list) -> list:
    """Draw batches that all of these metrics take."""
    lead = next((e for e in entries if e["name"] in ("MulticlassExactMatch", "MeanMetric")), entries[0])
    given = {k: v for o in reversed(options) for k, v in o.items()}
    if any("top_k" in o for o in options):
        given["top_k"] = max(o.get("top_k") or 1 for o in options)
    if any(o.get("multidim_average") == "samplewise" for o in options):
        given["multidim_average"] = "samplewise"
    every = {o["name"]: o for e in entries for o in e["options"]}
    return INPUTS[lead["domain"]](draws, {**lead, "options": list(every.values())}, given)


def drawn_metrics(draws: Draws, among: list, count: int) -> tuple:
    """Draw metrics that take the same inputs, and batches for them."""
    entries = draws.shuffled(among)[:count]
    entries += [draws.choice(among) for _ in range(count - len(entries))]
    options = options_for(draws, entries)
    return [named(e["name"], **o) for e, o in zip(entries, options, strict=True)], batches_for(draws, entries, options)


def one_metric(draws: Draws, groups: dict, allowed: Callable = lambda key: True, among: Callable = lambda entry: True) -> tuple:
    """Draw a metric of any domain, and its batches."""
    key = draws.choice([k for k in groups if allowed(k)])
    (metric,), batches = drawn_metrics(draws, [e for e in groups[key] if among(e)], 1)
    return metric, batches


def around(draws: Draws) -> dict:
    """Draw what stands before and after names, in which it does not occur: torchmetrics would take it out of them."""
    return {k: draws.choice(["val_", "", "+"]) for k in ("prefix", "postfix") if one_in(draws, 3)}


def by_class(draws: Draws, metric: dict) -> dict:
    """Have a metric give a value for each class, under names."""
    options = {**metric["options"]}
    if one_in(draws, 8) or not metric["name"].startswith(("Multiclass", "Multilabel")):
        pass
    elif "average" in inspect.signature(find_class(metric["name"])).parameters:
        options["average"] = draws.choice([None, "none"])
    classes = options.get("num_classes") or options.get("num_labels") or 3
    given = around(draws)
    if one_in(draws, 3):
        given["labels"] = [f"class {i}" for i in range(classes + (draws.choice([1, -1]) if one_in(draws, 6) else 0))]
    return named("ClasswiseWrapper", metric=named(metric["name"], **options), **given)


def collection(draws: Draws, groups: dict, plain: bool = False) -> tuple:
    """Draw a MetricCollection and its batches."""
    among = groups[draws.choice(sorted(groups))] if one_in(draws, 2) else groups[draws.choice(sorted(k for k in groups if k[0] == "classification"))]
    metrics, batches = drawn_metrics(draws, among, draws.choice([2, 2, 3, 4, 6]))
    if not plain:
        wrapped = lambda m: by_class(draws, m) if "average" in m["options"] and one_in(draws, 4) else m
        metrics = [wrapped(m) for m in metrics]
    distinct = len({m["name"] for m in metrics}) == len(metrics)
    if distinct and one_in(draws, 2):
        if len(metrics) > 3 and not plain and one_in(draws, 3):
            metrics = [*metrics[:2], named("MetricCollection", metrics=metrics[2:], **around(draws))]
        return {"metrics": metrics} | around(draws), batches
    names = draws.shuffled(["a", "b", "acc", "n_1", "x y", "F1"])
    by_name = dict(zip(names, metrics, strict=False))
    if len(metrics) > 3 and not plain and one_in(draws, 3):
        inner = dict(list(by_name.items())[2:])
        by_name = dict(list(by_name.items())[:2]) | {"inner": named("MetricCollection", metrics=inner, **around(draws))}
    return {"metrics": by_name} | around(draws), batches


def metric_or_collection(draws: Draws, groups: dict) -> tuple:
    """Draw a metric, or now and then a collection."""
    if one_in(draws, 3):
        options, batches = collection(draws, groups, plain=True)
        return named("MetricCollection", **options), batches
    return one_metric(draws, groups)


def outputs(draws: Draws, groups: dict) -> tuple:
    """Draw a metric for each column, and batches of columns with some NaN among them."""
    columns, dim = draws.choice([1, 2, 3]), draws.choice([-1, -1, -1, 1])
    key = draws.choice([k for k in groups if k[0] == "regression" or k[:2] == ("classification", "Binary")])
    (metric,), _ = drawn_metrics(draws, groups[key], 1)
    metric["options"].pop("num_outputs", None)
    given = {"num_outputs": columns} | {k: draws.choice([True, False]) for k in ("remove_nans", "squeeze_outputs") if one_in(draws, 3)}
    if dim != -1:
        given["output_dim"] = dim
    rest = draws.choice([(), (), (2,)]) if dim == 1 else ()
    there_are = columns + (draws.choice([1, -1]) if one_in(draws, 12) else 0)
    batches = []
    for n in sizes(draws):
        shape = (n, there_are, *rest)
        if key[0] == "regression":
            target = draws.values(shape)
            batch = dict(zip(key[2].split(), (target + draws.values(shape) / 8, target), strict=True))
            if one_in(draws, 3):
                name = draws.choice(sorted(batch))
                batch[name] = spoilt(draws, batch[name], NAN)
        else:
            batch = {"preds": draws.probabilities(shape), "target": draws.integers(shape, 0, 2)}
        batches.append(batch)
    return {"base_metric": metric, **given}, batches


def operand(draws: Draws, metrics: list, deeper: bool) -> Any:
    """Draw what a formula is made of."""
    if deeper and one_in(draws, 3):
        return formula(draws, metrics, deeper=False)
    return draws.choice([*metrics, *metrics, 2, 0.5, 100])


def formula(draws: Draws, metrics: list, deeper: bool = True) -> dict:
    """Draw a formula over one metric or several."""
    function = draws.choice([*BINARY, *list(BINARY)[:4], *UNARY, "GetItem"])
    first = formula(draws, metrics, deeper=False) if deeper and one_in(draws, 3) else draws.choice(metrics)
    if function == "GetItem":
        return {"operator": function, "a": draws.choice(metrics), "key": draws.choice([0, 1, -1])}
    if function in UNARY:
        return {"operator": function, "a": first}
    pair = [first, operand(draws, metrics, deeper)]
    pair = pair[::-1] if one_in(draws, 3) and isinstance(pair[1], (int, float)) else pair
    return {"operator": function, "a": pair[0], "b": pair[1]}


def tasks(draws: Draws, groups: dict) -> tuple:
    """Draw metrics of several tasks, and a batch of each at a time."""
    metrics, streams = {}, []
    for name in ("first", "second", "third")[: draws.choice([2, 2, 3])]:
        metrics[name], batches = one_metric(draws, groups, lambda k: k[2] == "preds target" and k[0] in ("classification", "regression", "text"))
        streams.append([{f"task_preds/{name}": b["preds"], f"task_targets/{name}": b["target"]} for b in batches])
    together = []
    for parts in zip(*streams, strict=False):
        batch: dict = {}
        for prefix in ("task_preds", "task_targets"):
            for part in parts:
                batch |= {k: v for k, v in part.items() if k.startswith(prefix)}
        together.append(batch)
    return {"task_metrics": metrics} | around(draws), together


def above_threshold(draws: Draws, groups: dict) -> tuple:
    """Draw a binary metric whose targets are numbers."""
    key = next(k for k in groups if k[:2] == ("classification", "Binary"))
    (metric,), batches = drawn_metrics(draws, groups[key], 1)
    threshold = {"threshold": draws.choice([0, 1, 1.5, -2.0])} if one_in(draws, 2) else {}
    numbers = lambda t: (t * 3 + draws.integers(t.shape, -3, 3)).to(torch.int64)
    return {"wrapped_metric": metric, **threshold}, [{**b, "target": numbers(b["target"].long())} for b in batches]


def window(draws: Draws) -> dict:
    """Draw how many updates are looked back at."""
    return {"window": draws.choice([1, 2, 3, 40])} if one_in(draws, 2) else {}


def aggregated(draws: Draws, groups: dict, name: str) -> tuple:
    """Draw an aggregator over a window."""
    entry = next(e for e in groups[("aggregation", "", "")] if e["name"] == name)
    options = options_for(draws, [entry])
    return options[0] | window(draws), batches_for(draws, [entry], options)


def with_base(name: str, draw: Callable, more: Callable = lambda draws: {}) -> Callable:
    """Make a draw of a wrapper's options from that of what it wraps."""

    def of(draws: Draws, groups: dict) -> tuple:
        metric, batches = draw(draws, groups)
        return {name: metric} | more(draws), batches

    return of


def tracked(draws: Draws) -> dict:
    """Draw in which direction values are better."""
    return {"maximize": draws.choice([True, False])} if one_in(draws, 2) else {}


def classwise(draws: Draws, groups: dict) -> tuple:
    """Draw a metric with a value for each class."""
    if one_in(draws, 8):
        metric, batches = one_metric(draws, groups)
    else:
        has_average = lambda e: any(o["name"] == "average" for o in e["options"]) or e["name"].endswith("ConfusionMatrix")
        metric, batches = one_metric(draws, groups, lambda k: k[1] in ("Multiclass", "Multilabel"), has_average)
    return by_class(draws, metric)["options"], batches


def composed(draws: Draws, groups: dict) -> tuple:
    """Draw a formula, and the batches of its metrics."""
    metrics, batches = drawn_metrics(draws, groups[draws.choice(sorted(groups))], 2)
    return formula(draws, metrics), batches


DRAWS = {
    "BinaryTargetTransformer": above_threshold,
    "ClasswiseWrapper": classwise,
    COMPOSED: composed,
    "MetricCollection": collection,
    "MetricInputTransformer": with_base("wrapped_metric", metric_or_collection),
    TRACKER: with_base("metric", metric_or_collection, tracked),
    "MinMaxMetric": with_base("base_metric", one_metric),
    "MultioutputWrapper": outputs,
    "MultitaskWrapper": tasks,
    "Running": with_base("base_metric", one_metric, window),
    "RunningMean": lambda draws, groups: aggregated(draws, groups, "MeanMetric"),
    "RunningSum": lambda draws, groups: aggregated(draws, groups, "SumMetric"),
}
WINDOWS = ("Running", "RunningMean", "RunningSum")
HALF_WAY = {"computes between", "reset", "clone", "saved half-way"}
BY_UPDATES = {"one update", "permuted", "empty batches", "row by row", "merge of two", "merge of three"}


def leaves_of(option: Any) -> list:
    """List the metrics in an option that are made of no others."""
    if is_named(option) and option["name"] not in DRAWS:
        return [option]
    parts = option.values() if isinstance(option, dict) else option if isinstance(option, list) else []
    return [leaf for part in parts for leaf in leaves_of(part)]


def ways_of_composite(case: Case) -> list:
    """List the ways of the harness in which a case has to give the same."""
    if case.metric in (COMPOSED, TRACKER):
        return []
    leaves, excluded = leaves_of(case.options), set()
    for leaf in leaves:
        excluded |= set(WAYS) - set(ways_of(Case("", leaf["name"], leaf["options"], case.batches)))
        if leaf["options"].get("multidim_average") == "samplewise" or leaf["name"] == "CatMetric" or leaf["options"].get("reduction", "mean") in ("none", None):
            excluded |= {"permuted"}  # values of rows are taken apart, or stand beside others
        of_batches = leaf["name"] == "CatMetric" or any(v in ("samplewise", "raw_values", "none") for k, v in leaf["options"].items() if k in ("multidim_average", "multioutput", "reduction"))
        if of_batches and mentions([case.metric, case.options], "ClasswiseWrapper"):
            excluded |= HALF_WAY  # how many values there are shows with the batches, and names go with the values of all
    if any("value" in b for b in case.batches) and case.metric not in WINDOWS[1:] or case.metric == "Running":
        excluded |= {"positional"}  # members take different inputs, or the registry lists none
    if case.metric in WINDOWS:
        excluded |= BY_UPDATES
    if case.metric == "MinMaxMetric":
        excluded |= HALF_WAY  # extremes are over all that was computed
    return [w for w in WAYS if w not in excluded]


def drawn_composite(registry: list, entry: dict, name: str) -> Drawn:
    """Draw a case of a metric that is made of others; of equal names comes the same."""
    draws = Draws(f"fuzz/{name}")
    options, batches = DRAWS[entry["name"]](draws, families(registry))
    case = Case(name, entry["name"], options, batches, by_position=entry["name"] in ("BinaryTargetTransformer", "MetricInputTransformer"))
    half = draws.choice([0, len(batches), *list(range(1, len(batches))) * 4])
    plays = ["updates", "forward"] if case.metric == TRACKER else ["updates", "forward", "reset", "clone", "saved"]
    shares = [] if case.metric in (TRACKER, *WINDOWS) else [half, len(batches) - half]
    there = {"compute_groups": False} if case.metric == "MetricCollection" and one_in(draws, 4) else {}
    return Drawn(case, shares, ways_of_composite(case) if one_in(draws, 4) else [], plays=plays, half=half, there=there)


def smaller_options(option: Any) -> list:
    """List what options become with a member, a metric's option or a part of a formula left out."""
    if is_named(option):
        return [{**option, "options": o} for o in smaller_options(option["options"])]
    if isinstance(option, list) and any(is_named(o) for o in option):
        fewer = [option[:i] + option[i + 1 :] for i in range(len(option)) if len(option) > 1]
        return fewer + [option[:i] + [o] + option[i + 1 :] for i, each in enumerate(option) for o in smaller_options(each)]
    if not isinstance(option, dict):
        return []
    fewer = [{k: v for k, v in option.items() if k != name} for name in option if len(option) > 1]
    return fewer + [{**option, name: o} for name, each in option.items() for o in smaller_options(each)]


# --- torchmetrics' metric


def made_there(name: str, options: dict, leaf: Callable = create, ours: Optional[dict] = None) -> Any:
    """Make torchmetrics' metric, of metrics that `leaf` makes; `ours` are classes and operators in the place of its own."""
    ours = ours or {}

    def part(option: Any) -> Any:
        if is_named(option):
            return made_there(option["name"], option["options"], leaf, ours) if option["name"] in DRAWS else leaf(option["name"], option["options"])
        if isinstance(option, dict) and "operator" in option:
            return made_there(COMPOSED, option, leaf, ours)
        if isinstance(option, dict):
            return {k: part(v) for k, v in option.items()}
        return [part(v) for v in option] if isinstance(option, list) else option

    given = {k: part(v) for k, v in options.items()}
    if name != COMPOSED:
        of_window = {"leaf": leaf} if name in ours and name in WINDOWS[1:] else {}
        return (ours.get(name) or find_class(name))(**given, **of_window)
    function = ours.get(given["operator"]) or (UNARY | BINARY | {"GetItem": operator.getitem})[given["operator"]]
    return function(given["a"], *[given[k] for k in ("b", "key") if k in given])


def contents(value: Any) -> Any:
    """Give what a value is told apart by."""
    if isinstance(value, Tensor):
        return str(value.dtype), tuple(value.shape), bytes(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy()) if value.numel() else b""
    if isinstance(value, dict):
        return tuple((k, contents(v)) for k, v in value.items())
    return tuple(contents(v) for v in value) if isinstance(value, (list, tuple)) else (type(value).__name__, repr(value))


class Leaves:
    """Stand-ins for torchmetrics' metrics, whose values are those of this library."""

    def __init__(self, played: Callable) -> None:
        self.played = played  # case -> outcome of its updates here, and the call that it failed in
        self.asked: dict = {}  # what was asked -> case and outcome
        self.given: list = []  # all batches of all stand-ins, which keep their places in it as states

    def outcome(self, case: Case) -> tuple:
        """Play a metric by itself, once."""
        key = case.metric, json.dumps(case.options), contents(case.batches)
        if key not in self.asked:
            self.asked[key] = case, *self.played(case)
        return self.asked[key][1:]

    def make(self, metric: str, options: dict) -> Metric:
        """Make the stand-in of a metric."""
        leaves, real, given = self, find_class(metric), self.given
        names = list(inspect.signature(real.update).parameters)[1:]

        class StandIn(Metric):
            full_state_update = False
            higher_is_better = real.higher_is_better if isinstance(real.higher_is_better, bool) else None
            num_classes = options.get("num_classes")

            def __init__(self) -> None:
                super().__init__()
                self.add_state("places", [], dist_reduce_fx="cat")

            def update(self, *args: Any, **kwargs: Any) -> None:
                given.append(dict(zip(names, args, strict=False)) | kwargs)
                self.places.append(torch.tensor([len(given) - 1]))
                outcome, call = self._outcome()
                if outcome.error and call in ("create", "update"):
                    raise RuntimeError(outcome.error)

            update.__signature__ = inspect.signature(real.update)  # by which inputs are chosen

            def compute(self) -> Any:
                outcome, _ = self._outcome()
                if outcome.error:
                    raise RuntimeError(outcome.error)
                return copy.deepcopy(outcome.value)

            def _outcome(self) -> tuple:
                places = [int(p) for part in self.places for p in part.reshape(-1)]
                return leaves.outcome(Case("", metric, options, [given[p] for p in places]))

        StandIn.__name__ = metric
        return StandIn()


# --- where this library means to differ


class MinMax(find_class("MinMaxMetric")):
    """Extremes of all that `compute` and `forward` have given."""

    def forward(self, *args: Any, **kwargs: Any) -> dict:
        """Give the batch's value, and accumulate."""
        self._computed = None
        return self._noted(self._base_metric(*args, **kwargs))

    def compute(self) -> dict:
        """Give the value of all."""
        return self._noted(self._base_metric.compute())

    def _noted(self, value: Tensor) -> dict:
        if not self._is_suitable_val(value):
            raise RuntimeError("no single number")
        self.max_val = value if self.max_val < value else self.max_val
        self.min_val = value if self.min_val > value else self.min_val
        return {"raw": value, "max": self.max_val, "min": self.min_val}


class Window:
    """A metric over its last updates."""

    def __init__(self, base_metric: Any = None, window: int = 5, leaf: Callable = create, **options: Any) -> None:
        self.base, self.size, self.batches = base_metric or leaf(self.of, options), window, []

    def _value(self, batches: list) -> Any:
        self.base.reset()
        for args, kwargs in batches:
            self.base.update(*args, **kwargs)
        return self.base.compute()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch."""
        self.base.reset()
        self.base.update(*args, **kwargs)
        self.batches.append((args, kwargs))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Give the batch's value, and accumulate."""
        self.update(*args, **kwargs)
        return self._value([(args, kwargs)])

    def compute(self) -> Any:
        """Give the value of the last batches."""
        return self._value(self.batches[-self.size :])

    def reset(self) -> None:
        """Forget all."""
        self.batches = []

    def clone(self) -> "Window":
        """Make a copy."""
        return copy.deepcopy(self)

    def modules(self) -> list:
        """Have no parts that are to be saved: all is."""
        return []

    def state_dict(self) -> list:
        """Save what there is."""
        return list(self.batches)

    def load_state_dict(self, saved: list) -> None:
        """Take what was saved."""
        self.batches = list(saved)


class MeanOfWindow(Window):
    of = "MeanMetric"


class SumOfWindow(Window):
    of = "SumMetric"


class ByClass(find_class("ClasswiseWrapper")):
    """Values by names of their own."""

    def _convert_output(self, x: Tensor) -> dict:
        if not isinstance(x, Tensor) or self.labels is not None and len(self.labels) != len(x):
            raise ValueError("another number of labels than values, or no tensor")
        return super()._convert_output(x)


class Outputs(find_class("MultioutputWrapper")):
    """A metric for each column, and no other columns."""

    def _get_args_kwargs_by_output(self, *args: Tensor, **kwargs: Tensor) -> list:
        if any(t.shape[self.output_dim] != len(self.metrics) for t in (*args, *kwargs.values())):
            raise ValueError("columns that no metric is for")
        return super()._get_args_kwargs_by_output(*args, **kwargs)


class Named(find_class("MetricCollection")):
    """Members of an inner collection that have their names with or without prefix and postfix."""

    def _compute_and_reduce(self, *args: Any, **kwargs: Any) -> dict:
        for member in self._modules.values():
            if getattr(member, "_from_collection", False):
                member.prefix, member.postfix = member.prefix or "", member.postfix or ""
        return super()._compute_and_reduce(*args, **kwargs)


class Tasks(find_class("MultitaskWrapper")):
    """Tasks whose names stay in a copy."""

    def clone(self) -> "Tasks":
        """Make a copy."""
        return copy.deepcopy(self)


class Steps(find_class("MetricTracker")):
    """Steps of which values by name are stacked and have a best by name."""

    def compute_all(self) -> Any:
        """Return what the steps have, stacked where that can be."""

        def stacked(values: list) -> Any:
            try:
                return torch.stack(values)
            except (TypeError, RuntimeError):
                return values

        self._check_for_increment("compute_all")
        values = [step.compute() for step in list(self)[1:]]
        return {k: stacked([v[k] for v in values]) for k in values[0]} if all(isinstance(v, dict) for v in values) else stacked(values)

    def best_metric(self, return_step: bool = False) -> Any:
        """Return the best of each name."""
        values = self.compute_all()
        if not isinstance(values, dict):
            return super().best_metric(return_step)
        upwards = self.maximize if isinstance(self.maximize, list) else len(values) * [self.maximize]
        if len(upwards) < len(values):  # a member has a dict for a value
            parts = [member.compute() for member in self[1].values()]
            upwards = [up for up, part in zip(upwards, parts, strict=True) for _ in (part if isinstance(part, dict) else [part])]
        single = lambda v: isinstance(v, Tensor) and v.numel() == len(v)
        found = {k: (torch.max if up else torch.min)(v.flatten(), 0) if single(v) else None for (k, v), up in zip(values.items(), upwards, strict=True)}
        return tuple({k: f and f[i].item() for k, f in found.items()} for i in (0, 1))


GROUPS = "torchmetrics' compute groups unite members whose states are equal after the first update, whatever they count"
# (reason, class or operator, what is in its place here)
MEANT = [
    ("`forward` accumulates: torchmetrics' keeps the last batch alone", "MinMaxMetric", MinMax),
    ("`Running` wraps any metric with states of its own, also one that grows (torchmetrics' window loses its rows)", "Running", Window),
    ("`Running` wraps any metric with states of its own, also one that grows (torchmetrics' window loses its rows)", "RunningMean", MeanOfWindow),
    ("`Running` wraps any metric with states of its own, also one that grows (torchmetrics' window loses its rows)", "RunningSum", SumOfWindow),
    ("A number stands before `%` as before other operators; torchmetrics fails", "Fmod", lambda a, b: CompositionalMetric(lambda x, y: torch.fmod(torch.as_tensor(x), y), a, b)),
    ("`-m` negates and `+m` is m", "Neg", lambda m: CompositionalMetric(torch.neg, m, None)),
    ("`-m` negates and `+m` is m", "Pos", lambda m: CompositionalMetric(lambda x: x, m, None)),
    ("another number of labels than values is an error at compute, and a value that is no tensor; torchmetrics cuts off, or takes it apart", "ClasswiseWrapper", ByClass),
    ("torchmetrics leaves the other columns out", "MultioutputWrapper", Outputs),
    ("Members of an inner `MetricCollection` without prefix or postfix may give values of equal names; torchmetrics fails", "MetricCollection", Named),
    ("A copy of a `MultitaskWrapper` keeps prefix and postfix; torchmetrics' `clone` drops them", "MultitaskWrapper", Tasks),
    ("values by name have a best, too, and are stacked name by name, or listed where they do not stack; torchmetrics lists all of them, or fails", TRACKER, Steps),
]


def mentions(option: Any, name: str) -> bool:
    """Tell whether options name a class or an operator."""
    parts = option.values() if isinstance(option, dict) else option if isinstance(option, list) else []
    return option == name or any(mentions(p, name) for p in parts)


def meant_for(case: Case) -> tuple:
    """Return the reasons and replacements that a case may need."""
    found = [m for m in MEANT if m[1] == case.metric or mentions(case.options, m[1])]
    return {reason for reason, _, _ in found}, {name: other for _, name, other in found}


def without_groups(given: Drawn) -> Drawn:
    """Have torchmetrics form no compute groups."""

    def changed(option: Any) -> Any:
        if is_named(option):
            own = {"compute_groups": False} if option["name"] == "MetricCollection" else {}
            return {**option, "options": changed(option["options"]) | own}
        if isinstance(option, dict):
            return {k: changed(v) for k, v in option.items()}
        return [changed(v) for v in option] if isinstance(option, list) else option

    return replace(given, there=changed(named(given.case.metric, **given.case.options))["options"])
