#!/usr/bin/env python3
"""Writes docs/coverage.md: the public names, arguments and defaults of the installed torchmetrics beside those of the registry.

    scripts/coverage.py [--build build/dev]    # writes it
    scripts/coverage.py --check                # ends with 1 where it is not what both say, or a whole domain lacks something

Of torchmetrics come the classes and functionals that its packages name, with the signatures of constructors, of `update` and of
functions; of this library what `metrics list --json` says. A difference is explained by OWN or REASONS below. In a domain that is
called whole, a name that is missing and a difference that nothing explains end the check.
"""

import argparse
import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"

DOMAINS = ["aggregation", "audio", "classification", "clustering", "detection", "image", "multimodal", "nominal", "pairwise", "regression"]
DOMAINS += ["retrieval", "segmentation", "shape", "text", "video", "wrappers"]
WHOLE = ["aggregation", "classification", "clustering", "nominal", "pairwise", "regression", "retrieval", "shape", "wrappers"]
BESIDE = {"wrappers": ["MetricCollection"]}  # of torchmetrics itself, not of its package of the domain
REQUIRED = object()  # stands where a default would
OWN_ONE = "+"  # before the name of an argument that torchmetrics does not have

# Arguments of this library's own, wherever they stand.
OWN = {
    "input": "says what scores are, where torchmetrics guesses; by default it is guessed here too",
    "normalization": "functionals take the options of their class, this one too",
    "seed": "draws of `BootStrapper` are keyed by it",
    "zero_division": "functionals take the options of their class, this one too",
}
IN_CLASS_ORDER = "options in the order of the class"
# What else is meant to differ, by a pattern of the name and the argument (`order` for the order of all).
REASONS = {
    ("CatMetric", "state_name"): "with any other than the default torchmetrics fails at the first update",
    ("MetricCollection", "compute_groups"): "members that count alike always share; values are never compared for it",
    ("(Multiclass|multiclass_).*", "num_classes"): "it may be left out where nothing is counted by class",
    ("binary_fairness", "target"): "the task demographic_parity needs none",
    ("Multiclass(Precision|Recall|Sensitivity|Specificity)At.*", "average"): "torchmetrics hands it on to a curve whose average it never takes: it changes nothing, but micro fails",
    ("[a-z_0-9]+", "order"): IN_CLASS_ORDER,  # they go by name
}
# Values for what a constructor wants, where it is called to learn which arguments it hands on.
TRIED = {"num_classes": 3, "num_labels": 3}
TRIED |= {f"min_{name}": 0.5 for name in ("precision", "recall", "sensitivity", "specificity")}

# Calls in Python; the table shows them beside the same in C++.
PORTED = [
    "BinaryAccuracy(threshold=0.5)",
    "MulticlassF1Score(num_classes=10, average='weighted', ignore_index=-1)",
    "Accuracy(task='multiclass', num_classes=10)",
    "MeanSquaredError(squared=False)",
    "CramersV(num_classes=5, bias_correction=False)",
    "AdjustedRandScore()",
    "MeanMetric(nan_strategy='ignore')",
    "functional.mean_absolute_error(preds, target)",
    "functional.minkowski_distance(preds, targets, p=3.0)",
    "functional.v_measure_score(preds, target, beta=2.0)",
    "ProcrustesDisparity(reduction='sum')",
    "functional.pairwise_cosine_similarity(x, y, reduction='mean')",
]
# C++ of words, by option; `metrics list` has the words alone.
ENUMS = {"average": "metrics::classification::Average", "nan_strategy": "metrics::aggregation::NanStrategy"}
# What is not a call of a name.
BY_HAND = [
    ("`metric.update(preds, target)`", "`metric.update(preds, target)`", "`metric->update({preds, target})`"),
    ("`metric(preds, target)`", "`metric(preds, target)`, or `metric.forward(preds, target)`", "`metric->forward({preds, target})`"),
    ("`metric.compute()`", "`metric.compute()`, a tensor or a struct", "`metric->compute()`, a `c10::IValue`"),
    ("`metric.reset()`", "`metric.reset()`", "`metric->reset()`"),
    ("`metric.state_dict()`, `metric.load_state_dict(states)`", "the same", "`metric->state_dict()`, `metric->load_state_dict(states)`"),
]


@dataclass
class Argument:
    """An argument and its default."""

    name: str
    default: Any = REQUIRED


@dataclass
class Row:
    """What is said of a name of torchmetrics."""

    name: str
    here: bool
    differences: list = field(default_factory=list)  # arguments, each with a sentence


class Registry:
    """What this library has, by `metrics list --json`."""

    def __init__(self, program: Path) -> None:
        if not program.exists():
            sys.exit(f"{program} is not there: build the target metrics_cli, and name the tree by --build")
        said = json.loads(subprocess.run([program, "list", "--json"], capture_output=True, check=True).stdout)
        if "functionals" not in said:
            sys.exit(f"{program} is older than this script: it does not list functionals")
        self.metrics, self.routers, self.functionals = ({e["name"]: e for e in said[kind]} for kind in ("metrics", "routers", "functionals"))
        self.functional_routers = {r["functional"]: r for r in self.routers.values() if r["functional"]}

    def functional_of(self, name: str) -> Optional[str]:
        """Name the functional of a class."""
        return (self.metrics.get(name) or self.routers.get(name) or {}).get("functional")


def arguments_of(function: Callable) -> list:
    """List the arguments of a function in order, without those that stand for any."""
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.name not in ("self", "cls") and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return [Argument(p.name, REQUIRED if p.default is p.empty else p.default) for p in named]


def taken_out(function: Callable) -> list:
    """List the arguments that a constructor takes out of `**kwargs`."""
    found = re.findall(r"kwargs\.(?:pop|get)\(\s*[\"'](\w+)[\"']\s*,\s*([^()]+?)\s*\)", inspect.getsource(function))
    return [Argument(name, ast.literal_eval(default)) for name, default in found]


def constructor_of(cls: type) -> list:
    """List the arguments of a class in order, then those that it takes out of `**kwargs` or hands on to its bases in them."""
    if "task" in inspect.signature(cls.__new__).parameters:
        return arguments_of(cls.__new__)
    levels = [c.__init__ for c in cls.__mro__ if "__init__" in vars(c) and c.__module__.startswith("torchmetrics") and c.__name__ != "Metric"]
    found = arguments_of(levels[0]) if levels else []
    required = {a.name: TRIED.get(a.name) for a in found if a.default is REQUIRED or a.name in TRIED}
    for argument in [a for level in levels for a in [*arguments_of(level), *taken_out(level)]]:
        if argument.default is REQUIRED or None in required.values() or argument.name in {a.name for a in found}:
            continue
        try:
            cls(**required, **{argument.name: argument.default})
        except (TypeError, ValueError):
            continue
        found.append(argument)
    return found


def option(entry: dict) -> Argument:
    """Read an option of the registry."""
    default = entry.get("default", REQUIRED)
    if isinstance(default, str) and default[:1] in "([":
        default = ast.literal_eval(default)
    return Argument(entry["name"], REQUIRED if entry["required"] else default)


def plain(default: Any) -> Any:
    """Bring defaults that mean the same to one form."""
    if isinstance(default, (list, tuple)):
        return [plain(d) for d in default]
    return None if default == "none" else float(default) if isinstance(default, int) and not isinstance(default, bool) else default


def shown(default: Any) -> str:
    """Write a default for readers."""
    return "required" if default is REQUIRED else f"`{default!r}`"


def compared(theirs: list, mine: list) -> list:
    """Name what differs between two lists of arguments."""
    by_name = {a.name: a for a in mine}
    found = [(a.name, f"`{a.name}` is missing") for a in theirs if a.name not in by_name]
    for argument in theirs:
        other = by_name.get(argument.name)
        if other and plain(argument.default) != plain(other.default):
            found.append((argument.name, f"`{argument.name}` is {shown(other.default)}, there {shown(argument.default)}"))
    names = [a.name for a in theirs]
    found += [(OWN_ONE + a.name, f"`{a.name}` is this library's own") for a in mine if a.name not in names]
    common = [n for n in names if n in by_name]
    if common != [a.name for a in mine if a.name in names]:
        found.append(("order", "the order is " + ", ".join(f"`{a.name}`" for a in mine if a.name in names)))
    return found


def compared_by_task(theirs: list, router: dict, of_task: Callable) -> list:
    """Name what differs between the arguments of a name by task and those of the tasks' own."""
    found = []
    for argument in theirs:
        if argument.name == "task":
            continue
        others = [a for metric in router["tasks"].values() for a in of_task(metric) if a.name == argument.name]
        if not others:
            found.append((argument.name, f"`{argument.name}` is missing"))
        for other in others:
            # What a class wants, the name by task wants for that task.
            default = router["defaults"].get(argument.name, argument.default if other.default is REQUIRED else other.default)
            if plain(default) != plain(argument.default):
                found.append((argument.name, f"`{argument.name}` is {shown(default)}, there {shown(argument.default)}"))
    return list(dict.fromkeys(found))


def class_row(name: str, cls: type, registry: Registry) -> Row:
    """Compare a class."""
    if name in registry.routers:
        return Row(name, True, compared_by_task(constructor_of(cls), registry.routers[name], lambda metric: [option(o) for o in registry.metrics[metric]["options"]]))
    if name not in registry.metrics:
        return Row(name, False)
    if cls is None:
        return Row(name, True, [("", "torchmetrics cannot import it here")])
    entry = registry.metrics[name]
    found = compared(constructor_of(cls), [option(o) for o in entry["options"]])
    inputs = [a.name for a in arguments_of(cls.update)]
    here = [i["name"] for i in entry["inputs"]]
    if entry["domain"] != "collections" and inputs != here:
        found.append(("update", f"`update` takes {', '.join(f'`{n}`' for n in here)}, there {', '.join(f'`{n}`' for n in inputs)}"))
    return Row(name, True, found)


def functional_row(name: str, function: Callable, registry: Registry) -> Row:
    """Compare a functional: its inputs are arguments as others are."""

    def arguments(entry: dict) -> list:
        options = [option(o) for o in entry["options"]]
        inputs = [Argument(i["name"], None if "None" in i.get("type", "") else REQUIRED) for i in entry["inputs"]]
        return inputs + options

    if name in registry.functional_routers:
        router = registry.functional_routers[name]
        return Row(name, True, compared_by_task(arguments_of(function), router, lambda metric: arguments(registry.functionals[registry.functional_of(metric)])))
    if name not in registry.functionals:
        return Row(name, False)
    if function is None:
        return Row(name, True, [("", "torchmetrics cannot import it here")])
    theirs, entry = arguments_of(function), registry.functionals[name]
    found, inputs = compared(theirs, arguments(entry)), [i["name"] for i in entry["inputs"]]
    there = [a.name for a in theirs[: len(inputs)]]
    if inputs != there:
        found.append(("inputs", f"its inputs are {', '.join(f'`{n}`' for n in inputs)}, there {', '.join(f'`{n}`' for n in there)}"))
    return Row(name, True, found)


def package(name: str) -> Any:
    """Import a package of torchmetrics; None where there is none."""
    try:
        return importlib.import_module(f"torchmetrics.{name}")
    except ModuleNotFoundError:
        return None


def public(module: Any) -> dict:
    """Return what a package names, also what it imports only beside other packages; None for what cannot be imported."""
    if module is None:
        return {}
    listed, homes = set(getattr(module, "__all__", [])), {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, (ast.Assign, ast.AugAssign)) and "__all__" in ast.unparse(node).split("=")[0]:
            listed |= {n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)}
        if isinstance(node, ast.ImportFrom):
            homes |= {alias.asname or alias.name: node.module for alias in node.names}
    if not listed:
        listed = {n for n, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__ and not n.startswith("Base")}
    return {n: getattr(module, n, None) or imported(homes.get(n, module.__name__), n) for n in sorted(listed)}


def imported(module: str, name: str) -> Any:
    """Import a name; None where another package is missing."""
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def rows_of(domain: str, registry: Registry) -> tuple:
    """Compare the classes and the functionals of a domain."""
    classes = public(package(domain)) | {n: getattr(package("collections"), n) for n in BESIDE.get(domain, [])}
    functions = public(package(f"functional.{domain}"))
    return [class_row(n, c, registry) for n, c in classes.items()], [functional_row(n, f, registry) for n, f in functions.items()]


def reason(name: str, argument: str) -> Optional[str]:
    """Say why an argument of a name differs; None where nothing says it."""
    for (pattern, of), why in REASONS.items():
        if of == argument and re.fullmatch(pattern, name):
            return why
    return None


def is_own(argument: str) -> bool:
    """Tell an argument of this library's own."""
    return argument.startswith(OWN_ONE) and argument[len(OWN_ONE) :] in OWN


def said(row: Row) -> list:
    """Write the differences of a name, without arguments that are this library's own."""
    found = [(what, reason(row.name, argument)) for argument, what in row.differences if not is_own(argument)]
    return [why if why == IN_CLASS_ORDER else f"{what}: {why or '**open**'}" for what, why in found]


def failures(domain: str, rows: list) -> list:
    """Name what a domain that is called whole must not have."""
    found = [f"{domain} is called whole and has no {row.name}" for row in rows if not row.here]
    for row in rows:
        found += [f"{row.name}: {what}, and scripts/coverage.py does not say why" for argument, what in row.differences if not is_own(argument) and not reason(row.name, argument)]
    return found


def listed(rows: list) -> str:
    """List what is missing."""
    return ", ".join(f"`{row.name}`" for row in rows if not row.here)


def section(domain: str, classes: list, functions: list, registry: Registry) -> list:
    """Write what there is of a domain."""
    count = lambda rows: f"{sum(r.here for r in rows)} of {len(rows)}"
    whole = domain in WHOLE
    counts = [f"{what}: {count(rows)}" for what, rows in (("classes", classes), ("functionals", functions)) if rows]
    lines = [f"## {domain}{': whole' if whole else ''}", "", f"- {', '.join(counts)}"]
    for what, rows in (("classes", classes), ("functionals", functions)):
        if listed(rows):
            lines.append(f"- missing {what}: {listed(rows)}")
    by_name = {row.name: row for row in functions}
    pairs = [(row, by_name.pop(registry.functional_of(row.name) or "", None)) for row in classes if row.here]
    pairs += [(None, row) for row in by_name.values() if row.here]
    table = []
    for of_class, of_function in pairs:
        both = [said(row) if row else [] for row in (of_class, of_function)]
        texts = both[0] + [f"functional: {t}" if of_class else t for t in both[1] if t not in both[0]]
        if texts or whole:
            names = [f"`{row.name}`" if row else "" for row in (of_class, of_function)]
            table.append(f"| {names[0]} | {names[1]} | {'; '.join(texts)} |".replace("|  |", "| |").replace("|  |", "| |"))
    if table:
        lines += ["", "| class | functional | what differs |", "|---|---|---|", *table]
    return [*lines, ""]


def literal(name: str, value: Any, domain: str) -> str:
    """Write a value in C++."""
    if name == "reduction":
        return f"metrics::{domain}::Reduction::{value.capitalize()}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and name in ENUMS:
        return f"{ENUMS[name]}::{value.capitalize()}"
    return json.dumps(value)


def braces(items: list) -> str:
    """Put items in braces."""
    return "{" + ", ".join(items) + "}"


def ported(call: str, registry: Registry, failures: list) -> str:
    """Write a line of the porting table, and name options that the registry does not have."""
    tree = ast.parse(call, mode="eval").body
    name = tree.func.attr if isinstance(tree.func, ast.Attribute) else tree.func.id
    inputs = [a.id for a in tree.args]
    given = {k.arg: ast.literal_eval(k.value) for k in tree.keywords}
    pairs = [f'{{"{k}", {json.dumps(v)}}}' for k, v in given.items()]
    prefix = "torchmetrics."
    if inputs:
        entry, options = registry.functionals[name], f", {braces(pairs)}" if pairs else ""
        typed = lambda fields: f"metrics::functional::{name}({', '.join([*inputs, *fields])})"
        dynamic = f'metrics::call("{name}", {braces(inputs)}{options})'
    else:
        dynamic = f'metrics::create("{name}"{", " + braces(pairs) if pairs else ""})'
        if name in registry.routers:
            router = registry.routers[name]
            name = router["tasks"][given.pop("task")]
            known = [o["name"] for o in registry.metrics[name]["options"]]
            given |= {k: v for k, v in router["defaults"].items() if k in known and k not in given}
        else:
            prefix += next(f"{d}." for d in DOMAINS if name in public(package(d)))
        entry, of_class = registry.metrics[name], name
        typed = lambda fields: f"metrics::{of_class}({', '.join(fields)})"
    options_here = [o["name"] for o in entry["options"]]
    failures += [f"{call}: the registry has no {n}" for n in given if n not in options_here]
    # C++ wants fields in the order in which they are declared.
    fields = [f".{n} = {literal(n, given[n], entry['domain'])}" for n in options_here if n in given]
    python = f"{prefix}{call}".replace("'", '"')
    return f"| `{python}` | `{typed([braces(fields)] if fields else [])}` | `{dynamic}` |"


def page(registry: Registry) -> tuple:
    """Return the page, and what must not be."""
    found, overview, sections, owners = [], [], [], {}
    for domain in DOMAINS:
        classes, functions = rows_of(domain, registry)
        found += failures(domain, classes + functions) if domain in WHOLE else []
        for row in classes + functions:
            for argument, _ in row.differences:
                if is_own(argument):
                    owners.setdefault(argument[len(OWN_ONE) :], []).append(row.name)
        if not classes and not functions:
            continue
        here = [f"{sum(r.here for r in rows)} / {len(rows)}" if rows else "–" for rows in (classes, functions)]
        overview.append(f"| {domain} | {here[0]} | {here[1]} | {'whole' if domain in WHOLE else ''} |")
        sections += section(domain, classes, functions, registry)
    own = [f"| `{argument}` | {OWN[argument]} | {len(names)}, such as `{names[0]}` |" for argument, names in sorted(owners.items())]
    import torchmetrics

    lines = [
        "# Coverage",
        "",
        "Written by `scripts/coverage.py` from the public names and signatures of the installed torchmetrics and from `metrics list --json`; the suite's",
        f"entry `coverage` compares. torchmetrics is {torchmetrics.__version__}. In a domain that is called whole every name, argument, order of arguments and",
        "default is torchmetrics', or the difference is below with its reason; what values differ on purpose, [parity](parity.md) says.",
        "Options that every metric takes ([the dynamic face](dynamic.md)) are not listed. `None` and `\"none\"` are the same default. Options of functionals",
        "go by name, so that their order is free. In the other domains what is marked open is neither here nor explained so far.",
        "",
        "| domain | classes | functionals | |",
        "|---|---|---|---|",
        *overview,
        "",
        "## Porting",
        "",
        "Options have Python's names. The typed face takes inputs and options as C++ does, the dynamic one names and values at run time.",
        "",
        "| Python | C++ | C++, by name |",
        "|---|---|---|",
        *[ported(call, registry, found) for call in PORTED],
        *[f"| {' | '.join(cells)} |" for cells in BY_HAND],
        "",
        "## Arguments that torchmetrics does not have",
        "",
        "| argument | what it is for | names that have it |",
        "|---|---|---|",
        *own,
        "",
        *sections,
    ]
    return "\n".join(lines), found


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "dev", help="a built tree, with the program metrics")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    text, found = page(Registry(arguments.build / "metrics"))
    if not arguments.check:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        found.append("docs/coverage.md is not what torchmetrics and the registry say: run scripts/coverage.py")
    for failure in found:
        print(failure, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
