"""What a fixture is, how the real torchmetrics is made to play it, and what a set of them has to show."""

import importlib
import inspect
import itertools
import warnings
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

import torch
import torchmetrics
from torch import Tensor

from draws import Draws

# float32 results there go through a few float32 roundings; here through one.
FLOAT_TOLERANCE = {"rtol": 2e-6, "atol": 1e-7}


DOMAINS = ("aggregation", "classification", "clustering", "detection", "image", "nominal", "pairwise", "regression", "retrieval", "shape", "text", "wrappers")
WITHOUT_FUNCTIONALS = ("aggregation", "wrappers")
WITHOUT_CLASSES = ("pairwise",)


# Classes of which another package is the reference, each in a module here that brings them to the shape of torchmetrics'.
OTHERS = {"EmbeddingMetrics": "metric_learning"}


def find(name: str, package: str, domains: tuple) -> Any:
    """Return what torchmetrics calls so, in the package or in one of its domains."""
    for module in (*(f"{package}.{domain}" for domain in domains), package):
        if hasattr(importlib.import_module(module), name):
            return getattr(importlib.import_module(module), name)
    raise KeyError(f"{package} has no {name}")


def find_class(name: str) -> type:
    """Return torchmetrics' class of that name, its task classes included, or another package's."""
    if name in OTHERS:
        return getattr(importlib.import_module(OTHERS[name]), name)
    return find(name, "torchmetrics", tuple(d for d in DOMAINS if d not in WITHOUT_CLASSES))


def find_functional(name: str) -> Callable:
    """Return torchmetrics' functional of that name."""
    return find(name, "torchmetrics.functional", tuple(d for d in DOMAINS if d not in WITHOUT_FUNCTIONALS))


def named(name: str, **options: Any) -> dict:
    """Write a metric as an option of another is written: `{"name": class, "options": {…}}`."""
    return {"name": name, "options": options}


def made(option: Any) -> Any:
    """Make the metrics in an option that are written as `named` writes them."""
    if isinstance(option, list):
        return [made(o) for o in option]
    if not isinstance(option, dict):
        return option
    if option.keys() == {"name", "options"}:
        return create(option["name"], option["options"])
    return {k: made(v) for k, v in option.items()}


def create(metric: str, options: dict, begun: bool = True) -> Any:
    """Make torchmetrics' metric of that name, a tracker in its first step if it is to be begun."""
    subject = find_class(metric)(**{k: made(v) for k, v in options.items()})
    if metric == "MetricTracker" and begun:
        subject.increment()
    return subject


@dataclass
class Case:
    """One metric with its options, on some batches."""

    name: str
    metric: str
    options: dict
    batches: list  # of dicts: input name -> tensor, number, text, flag, or lists and dicts of them; `name/key` -> its entry
    functional: Optional[str] = None
    functional_call: Optional[dict] = None  # its inputs and options by name, where it takes others than the class
    whole: Optional[dict] = None  # all batches as one; their concatenation where none is given
    valid: Optional[list] = None  # a bool tensor per batch: rows that count. torchmetrics gets these rows alone
    ids: Optional[list] = None  # an int64 tensor per batch: the sample ids of its rows; a class that says `takes_ids` gets them
    weights: Optional[list] = None  # a tensor per batch: weights of its rows. `forward_by` and `final_by` get them as `sample_weight`
    rows: str = "invariant"  # what permuting rows does to the value: "invariant", "permutes" it likewise
    tolerance: Optional[dict] = None
    warns: Optional[bool] = None  # whether updating has to warn; None leaves it open
    by_position: bool = False  # how torchmetrics gets the inputs, where by name it would do something else with them
    excludes: dict = field(default_factory=dict)  # way of the harness -> why this case cannot be played so
    # Where the library means to differ: why, what the expected values come from, and the functions that compute them.
    reason: Optional[str] = None
    reference: Optional[str] = None
    forward_by: Optional[Callable] = None  # batch -> value
    final_by: Optional[Callable] = None  # batches -> value


@dataclass
class Misuse:
    """Options or inputs that must be refused, with a word that the error has to contain."""

    name: str
    metric: str
    options: dict
    contains: str
    batches: list = field(default_factory=list)  # the last one is refused; without any the options are
    at: str = "update"  # the call that refuses the last batch: "update", or "compute" after it
    reason: Optional[str] = None  # why it is refused here, where torchmetrics takes it


@dataclass
class Call:
    """A call of a functional that belongs to no class."""

    name: str
    functional: str
    arguments: dict  # all that it is given by name
    tolerance: Optional[dict] = None
    # Where the library means to differ: why, what the expected value comes from, and the value.
    reason: Optional[str] = None
    reference: Optional[str] = None
    value: Any = None


@dataclass
class RefusedCall:
    """A call that must be refused, with a word that the error has to contain."""

    name: str
    functional: str
    arguments: dict
    contains: str
    reason: Optional[str] = None  # why it is refused here, where torchmetrics takes it


def copied(value: Any) -> Any:
    """Clone the tensors in a value of any structure: some updates of torchmetrics write to their arguments."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {k: copied(v) for k, v in value.items()}
    return [copied(v) for v in value] if isinstance(value, list) else value


def kept_rows(batch: dict, valid: Optional[Tensor]) -> dict:
    """Drop the rows that do not count: of tensors and lists, whatever they hold, along the first dimension."""
    if valid is None:
        return batch
    rows = {Tensor: lambda v: v[valid], list: lambda v: [x for x, keep in zip(v, valid.tolist(), strict=True) if keep]}
    return {k: rows.get(type(v), lambda v: v)(v) for k, v in batch.items()}


def joined(values: list) -> Any:
    """Join one input's parts along the rows: numbers, texts and dicts are one row each, flags are of the whole batch."""
    first = values[0]
    if first is None or isinstance(first, bool):
        if any(v is not first for v in values):
            raise ValueError("batches that differ in what has no rows cannot be joined: give the case no functional, or `whole`")
        return first
    if isinstance(first, (str, dict, list)):
        return [x for v in values for x in (v if isinstance(v, list) else [v])]
    tensors = [v if isinstance(v, Tensor) else torch.tensor(v, dtype=torch.float32) for v in values]
    return torch.cat([t.reshape(1) if t.ndim == 0 else t for t in tensors])


def concatenated(batches: list) -> dict:
    """Join batches along the rows."""
    return {k: joined([b[k] for b in batches]) for k in batches[0]}


def grouped(batch: dict) -> dict:
    """Put inputs named `input/key` into dicts: `{"task_preds/age": x}` is `{"task_preds": {"age": x}}`."""
    inputs: dict = {}
    for name, value in batch.items():
        head, _, key = name.partition("/")
        if key:
            inputs.setdefault(head, {})[key] = value
        else:
            inputs[name] = value
    return inputs


def fed(call: Callable, batch: dict, by_position: bool = False) -> Any:
    """Call with the inputs of a batch."""
    inputs = grouped(copied(batch))
    return call(*inputs.values()) if by_position else call(**inputs)


def play(metric: str, options: dict, batches: list, by_position: bool = False) -> tuple[list, Any, bool]:
    """Return torchmetrics' value of each forward, its final value, and whether an update warned."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        subject = create(metric, options)
        for batch in batches:
            fed(subject.update, batch, by_position)
        warned = any("nan" in str(w.message) for w in raised)
        final = subject.compute()
        subject.reset()
        forward = [fed(subject, batch, by_position) for batch in batches]
        again = subject.compute()
    if not same(final, again):
        raise AssertionError(f"torchmetrics' {metric}{options}: update and forward disagree")
    return forward, final, warned


def gives(case: Any, batches: list, forward: list, final: Any) -> bool:
    """Tell whether torchmetrics gives these values, asked no further than to where it does not: some of its loops take minutes."""
    tolerance = case.tolerance or FLOAT_TOLERANCE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            subject = create(case.metric, case.options)
            if not all(same(value, fed(subject, batch, case.by_position), **tolerance) for batch, value in zip(batches, forward)):
                return False
            theirs = play(case.metric, case.options, batches, case.by_position)
        except Exception:  # noqa: BLE001 it cannot play the case at all
            return False
    return same([forward, final], list(theirs[:2]), **tolerance)


def same(a: Any, b: Any, rtol: float = 0.0, atol: float = 0.0) -> bool:
    """Compare values of any structure: dtype, shape, and elements within the tolerance, NaN equal to NaN."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if not a.is_floating_point():
            return torch.equal(a, b)
        return torch.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k], rtol, atol) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y, rtol, atol) for x, y in zip(a, b))
    return type(a) is type(b) and a == b


def tensors_in(value: Any) -> list:
    """List the tensors of a value of any structure."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_in(v)]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors_in(v)]
    return []


class Stem:
    """The cases of one topic: one script, one index, one file of tensors."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.source = f"torchmetrics {torchmetrics.__version__}"
        self.cases: list = []
        self.misuses: list = []
        self.tensors: dict = {}
        self.values: dict = {}  # case name -> what its tolerance applies to
        self._keys: dict = {}
        self._shown: dict = {}  # (class, argument) -> values that some case shows
        self.near_limit: set = set()  # (case name, option) that another machine may round to the other side of what counts as a difference

    def key(self, tensor: Tensor) -> str:
        """Store a tensor once, whatever the number of cases that use it."""
        tensor = tensor.detach().contiguous()
        print_ = (tensor.dtype, tuple(tensor.shape), tensor.reshape(-1).clone(memory_format=torch.contiguous_format).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
        if print_ not in self._keys:
            self._keys[print_] = f"t{len(self._keys)}"
            self.tensors[self._keys[print_]] = tensor.clone()
        return self._keys[print_]

    def add(self, case: Case) -> None:
        """Have torchmetrics play the case and write down what came out."""
        if any(c["name"] == case.name for c in self.cases):
            raise AssertionError(f"{self.name}: two cases named {case.name}")
        known = case.ids and getattr(find_class(case.metric), "takes_ids", False)
        given = [b | {"ids": i} for b, i in zip(case.batches, case.ids)] if known else case.batches
        counted = [kept_rows(b, case.valid[i] if case.valid else None) for i, b in enumerate(given)]
        if case.weights and not case.final_by:
            raise AssertionError(f"{case.name}: torchmetrics knows no weights of rows")
        weighed = [b | {"sample_weight": w} for b, w in zip(counted, case.weights)] if case.weights else counted
        if case.final_by:
            if not (case.reason and case.reference):
                raise AssertionError(f"{case.name}: differs from torchmetrics without a reason and a reference")
            forward, final, warned = [case.forward_by(b) for b in weighed], case.final_by(weighed), None
            if gives(case, counted, forward, final):
                raise AssertionError(f"{case.name}: a difference is stated, and torchmetrics gives the same")
        else:
            forward, final, warned = play(case.metric, case.options, counted, case.by_position)
        if case.warns is not None and warned is not None and warned != case.warns:
            raise AssertionError(f"{case.name}: torchmetrics {'warned' if warned else 'did not warn'}")
        entry: dict = {"name": case.name, "class": case.metric, "options": case.options}
        value = self._call(case, counted, entry) if case.functional else None
        entry["batches"] = [self._inputs(b) for b in case.batches]
        if case.whole:
            entry["whole"] = self._inputs(case.whole)
        if case.valid:
            entry["valid"] = [self.key(v) for v in case.valid]
        if case.ids:
            entry["ids"] = [self.key(v) for v in case.ids]
        if case.weights:
            entry["weights"] = [self.key(v) for v in case.weights]
        entry["forward"] = [self._stored(v) for v in forward]
        entry["final"] = self._stored(final)
        exact = not any(t.is_floating_point() for t in tensors_in(final))
        tolerance = case.tolerance or ({"rtol": 0.0, "atol": 0.0} if exact else FLOAT_TOLERANCE)
        dtypes = sorted({str(t.dtype).removeprefix("torch.") for t in tensors_in(final)})
        entry |= {"dtype": dtypes[0] if len(dtypes) == 1 else dtypes, **tolerance, "rows": case.rows}
        shown = self._shows(case, counted, forward, final, warned) if not case.final_by else []
        if shown:
            entry["differs_from_default"] = shown
        for name in shown:
            if (case.name, name) not in self.near_limit:
                self._shown.setdefault((case.metric, name), []).append(case.options[name])
        for name in ("warns", "excludes", "reason", "reference"):
            if getattr(case, name) not in (None, {}):
                entry[name] = getattr(case, name)
        self.cases.append(entry)
        self.values[case.name] = (forward, final, value, tolerance)

    def refuse(self, misuse: Misuse) -> None:
        """Write down what must be refused, after seeing that torchmetrics does or that a reason is given."""
        if any(m["name"] == misuse.name for m in self.misuses):
            raise AssertionError(f"{self.name}: two misuses named {misuse.name}")
        refused, taken_so_far = False, len(misuse.batches) < 2
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                subject = create(misuse.metric, misuse.options)
                for batch in misuse.batches[:-1]:
                    fed(subject.update, batch)
                taken_so_far = True
                for batch in misuse.batches[-1:]:
                    fed(subject.update, batch)
                    if misuse.at == "compute":
                        subject.compute()
        except Exception:  # noqa: BLE001 whatever it raises is a refusal
            refused = True
        if not taken_so_far:
            raise AssertionError(f"{misuse.name}: torchmetrics refuses a batch before the last")
        if refused == bool(misuse.reason):
            raise AssertionError(f"{misuse.name}: torchmetrics {'refuses' if refused else 'takes'} it")
        entry = {"name": misuse.name, "class": misuse.metric, "options": misuse.options, "contains": misuse.contains}
        entry["batches"] = [self._inputs(b) for b in misuse.batches]
        if misuse.at != "update":
            entry["at"] = misuse.at
        if misuse.reason:
            entry["reason"] = misuse.reason
        self.misuses.append(entry)
        for name, value in misuse.options.items() if misuse.batches else ():
            if not self._default_refuses(misuse, name):
                self._shown.setdefault((misuse.metric, name), []).append(value)

    def call(self, call: Call) -> None:
        """Have torchmetrics make the call, and write down what it gave."""
        if any(c["name"] == call.name for c in self.cases):
            raise AssertionError(f"{self.name}: two cases named {call.name}")
        try:
            theirs = find_functional(call.functional)(**copied(call.arguments))
        except Exception:  # noqa: BLE001 it cannot make the call at all
            theirs = None
        value = theirs if call.value is None else call.value
        if value is None or (call.value is not None) != bool(call.reason and call.reference):
            raise AssertionError(f"{call.name}: torchmetrics refuses it, or it differs without a reason and a reference")
        tolerance = call.tolerance or (FLOAT_TOLERANCE if value.is_floating_point() else {"rtol": 0.0, "atol": 0.0})
        if call.reason and theirs is not None and same(theirs, value, **tolerance):
            raise AssertionError(f"{call.name}: a difference is stated, and torchmetrics gives the same")
        entry = {"name": call.name, "functional": call.functional, "functional_call": self._inputs(call.arguments)}
        entry |= {"functional_value": self._stored(value), "dtype": str(value.dtype).removeprefix("torch."), **tolerance}
        entry |= {k: getattr(call, k) for k in ("reason", "reference") if getattr(call, k)}
        self.cases.append(entry)
        self.values[call.name] = ([], value, value, tolerance)

    def refuse_call(self, call: RefusedCall) -> None:
        """Write down what must be refused, after seeing that torchmetrics does or that a reason is given."""
        if any(m["name"] == call.name for m in self.misuses):
            raise AssertionError(f"{self.name}: two misuses named {call.name}")
        try:
            find_functional(call.functional)(**copied(call.arguments))
            refused = False
        except Exception:  # noqa: BLE001 whatever it raises is a refusal
            refused = True
        if refused == bool(call.reason):
            raise AssertionError(f"{call.name}: torchmetrics {'refuses' if refused else 'takes'} it")
        entry = {"name": call.name, "functional": call.functional, "functional_call": self._inputs(call.arguments), "contains": call.contains}
        self.misuses.append(entry | ({"reason": call.reason} if call.reason else {}))

    def require(self, metric: str, arguments: dict, same_as_default: Optional[dict] = None) -> None:
        """Assert that cases show each value of each argument; `same_as_default` says why a value cannot be shown."""
        excused = same_as_default or {}
        parameters = inspect.signature(find_class(metric).__init__ if not router(metric) else find_class(metric).__new__).parameters
        named = {n for n, p in parameters.items() if n not in ("self", "cls") and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        missing = named - arguments.keys() - {"task", "num_classes", "num_labels"}
        if missing:
            raise AssertionError(f"{self.name}: no values listed for {metric}'s {sorted(missing)}")
        for name, values in arguments.items():
            default = parameters[name].default if name in parameters else values[0]  # hidden arguments list their default first
            for value in values:
                shown = any(type(v) is type(value) and v == value for v in self._shown.get((metric, name), []))
                if value == default and type(value) is type(default):
                    continue
                if not shown and (name, value) not in excused:
                    raise AssertionError(f"{self.name}: no case of {metric} differs by {name}={value!r}")

    def index(self) -> dict:
        """Return what the JSON index holds."""
        return {
            "format": 1,
            "stem": self.name,
            "source": self.source,
            "cases": self.cases,
            "misuse": self.misuses,
        }

    def _call(self, case: Case, counted: list, entry: dict) -> Any:
        """Call the functional on all batches as one, and write down how it was called and what it gave."""
        function = find_functional(case.functional)
        accepts = lambda arguments: {k: v for k, v in arguments.items() if k in inspect.signature(function).parameters}
        entry["functional"] = case.functional
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if case.functional_call:
                entry["functional_call"] = self._inputs(case.functional_call)
                value = function(**copied(case.functional_call))
            else:
                whole = case.whole or concatenated(counted)
                inputs, options = accepts(whole), accepts(case.options)
                if inputs.keys() != whole.keys():
                    entry["functional_inputs"] = list(inputs)
                if options != case.options and not case.final_by:
                    entry["functional_options"] = options
                weight = {"sample_weight": torch.cat(case.weights)} if case.weights else {}
                value = case.final_by([whole | weight]) if case.final_by else function(**copied(inputs), **options)
        entry["functional_value"] = self._stored(value)
        return value

    def _inputs(self, batch: dict) -> dict:
        return {k: self._stored(v) for k, v in batch.items()}

    def _stored(self, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, Tensor):
            return {"drawn": value.recipe} if hasattr(value, "recipe") else self.key(value)
        if isinstance(value, str):
            return {"text": value}
        if isinstance(value, (bool, int, float)):
            return {"scalar": value if value == value else "nan"}
        if isinstance(value, dict):
            return {"dict": {k: self._stored(v) for k, v in value.items()}}
        if isinstance(value, (list, tuple)):
            return {"list": [self._stored(v) for v in value]}
        raise TypeError(f"a value of type {type(value)} cannot be stored")

    def _shows(self, case: Case, batches: list, forward: list, final: Any, warned: Optional[bool]) -> list:
        """List the options whose absence would have given something else; note those near the limit of what counts as such."""
        shown = []
        for name in case.options:
            if name in ("task", "num_classes", "num_labels"):
                continue
            try:
                others = play(case.metric, {k: v for k, v in case.options.items() if k != name}, batches, case.by_position)
            except Exception:  # noqa: BLE001 the default refuses: that is a difference
                shown.append(name)
                continue
            here, there = [forward, final], list(others[:2])
            if case.warns is not None and others[2] != warned:
                shown.append(name)
                continue
            if not same(here, there, 1e-3, 1e-4):
                shown.append(name)
            if same(here, there, 1.5e-3, 1.5e-4) and not same(here, there, 0.5e-3, 0.5e-4):
                self.near_limit.add((case.name, name))
        return shown

    @staticmethod
    def _default_refuses(misuse: Misuse, name: str) -> bool:
        try:
            play(misuse.metric, {k: v for k, v in misuse.options.items() if k != name}, misuse.batches)
        except Exception:  # noqa: BLE001
            return True
        return False


def router(metric: str) -> bool:
    """Say whether the class only picks another one by its task."""
    return "task" in inspect.signature(find_class(metric).__new__).parameters


def pairwise(draws: Draws, arguments: dict, allowed: Callable = lambda options: True) -> list:
    """Draw option dicts until each pair of values of two arguments occurs in one, as far as allowed."""
    names = list(arguments)
    pairs = {
        ((a, i), (b, j))
        for a, b in itertools.combinations(names, 2)
        for i in range(len(arguments[a]))
        for j in range(len(arguments[b]))
    }

    def chosen(pick: dict) -> dict:
        return {n: arguments[n][i] for n, i in pick.items()}

    def covered(pick: dict) -> set:
        return {((a, pick[a]), (b, pick[b])) for a, b in itertools.combinations(names, 2)}

    drawn = []
    while pairs:
        first = min(pairs)
        best, best_gain = None, 0
        for indices in draws.indices(200, [len(arguments[n]) for n in names]):
            pick = dict(zip(names, indices)) | dict(first)
            gain = len(covered(pick) & pairs)
            if gain > best_gain and allowed(chosen(pick)):
                best, best_gain = pick, gain
        if best is None:
            pairs.discard(first)
            continue
        pairs -= covered(best)
        drawn.append(chosen(best))
    return drawn
