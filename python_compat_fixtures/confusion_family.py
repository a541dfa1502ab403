"""The cases of a metric over a confusion matrix, by task: the counting is shown by ConfusionMatrix, here is what a member makes of it."""

import itertools
from dataclasses import dataclass, field
from typing import Callable

import torch
from cases import Case, Misuse, Stem, play
from labelled import binary, multiclass, multilabel
from stat_scores_family import (
    CLASSES,
    COMMON_WRONG,
    KINDS,
    LABELS,
    THRESHOLD_WRONG,
    drawn,
    label,
    own_reading,
    refused_inputs,
    refused_nan,
    refused_options,
    set_apart,
)

SAME = {("validate_args", False): "on inputs that torchmetrics can count without checks, both give the same"}


def unchecked(stem: Stem, task: str, metric: str, functional: str, options: dict, batches: list, settled: Callable = lambda case: case) -> None:
    """Add labels out of range when nothing is checked: a pair of classes that has no cell is left out, and so is a question's target; its answer is wrong."""
    top, given = options.get("num_classes", 2), options | {"validate_args": False}
    for b in batches:
        b["target"].view(-1)[:2] = torch.tensor([top, -1])
        b["preds"].view(-1)[1:5] = torch.tensor([top + 1, top, -1, top + 2])

    def with_cells(batch: dict) -> dict:
        preds, target = batch["preds"], batch["target"]
        is_label = lambda labels: (labels >= 0) & (labels < top)
        counts = is_label(target) & (is_label(preds) if task == "multiclass" else True)
        answers = torch.where(is_label(preds), preds, 1 - target)
        return {"preds": torch.where(counts, answers, 0), "target": torch.where(counts, target, -1)}

    value = lambda bs: play(metric, options | {"ignore_index": -1}, [with_cells(b) for b in bs])[1]
    stem.add(settled(Case(
        f"{metric}/labels out of range unchecked", metric, given, batches, functional,
        reason="unchecked labels out of range have no cell; torchmetrics fails, or counts them in another",
        reference="torchmetrics, with ignore_index on what has no cell", forward_by=lambda b: value([b]), final_by=value,
    )))


@dataclass(frozen=True)
class Member:
    """A metric over confusion matrices: its names, and its own options."""

    name: str
    functional: str
    tasks: tuple = ("binary", "multiclass", "multilabel")
    arguments: dict = field(default_factory=dict)  # values to show, the default first
    of_labels: dict = field(default_factory=dict)  # and of those that binary metrics have not
    wrong: dict = field(default_factory=dict)  # and those to refuse: name -> (value, reason where torchmetrics takes it)
    excused: dict = field(default_factory=dict)  # values that no case can show -> why
    excused_of_binary: dict = field(default_factory=dict)
    settled: Callable = lambda case: case  # has the last word on each case

    def own(self, task: str) -> dict:
        return self.arguments | (self.of_labels if task != "binary" else {})

    def choices(self, task: str) -> list:
        """List the options' combinations, each default left out."""
        values = self.own(task)
        return [
            {k: v for k, v in zip(values, chosen) if v != values[k][0]} for chosen in itertools.product(*values.values())
        ]

    def names(self, task: str) -> tuple:
        return f"{task.capitalize()}{self.name}", f"{task}_{self.functional}"


def elementwise(stem: Stem, member: Member, task: str, options: dict, make) -> None:
    """Add what the formula makes of thresholded scores (binary, multilabel), and of counts that are 0."""
    metric, functional = member.names(task)
    draw = lambda name, kind, **more: make(name.replace(metric, stem.name), kind, **more)
    add = lambda name, given, batches, **more: stem.add(
        member.settled(Case(f"{metric}/{name}", metric, options | given, batches, functional, **more))
    )
    for kind in KINDS:
        add(kind, {}, draw(f"{metric}/{kind}", kind, sizes=(7, 4, 9)))
    add("logits, many rows", {}, draw(f"{metric}/many", "logits", sizes=(131, 2)))
    for ignored in (0, 1, 5):
        batches = draw(f"{metric}/many", "logits", sizes=(131, 12), ignore_index=ignored)
        add(f"ignore_index={ignored}, many rows", {"ignore_index": ignored}, batches)
    alike = [(p, t) for p, t in itertools.product((None, 0, 1), repeat=2) if (p, t) != (None, None)]
    for (preds, target), given in itertools.product(alike, member.choices(task)):
        batches = set_apart(draw(f"{metric}/alike", "labels"), preds, target)
        add(f"{'' if preds is None else f'all answers {preds}, '}{'' if target is None else f'all targets {target}, '}{label(given)}", given, batches)
    for name, target in (("right", lambda p: p), ("wrong", lambda p: 1 - p)):
        add(f"all {name}", {}, [{**b, "target": target(b["preds"])} for b in draw(f"{metric}/perfect", "labels")])
    mixed = draw(f"{metric}/mixed a", "probabilities", sizes=(19,)) + draw(f"{metric}/mixed b", "logits")
    add("probabilities, then logits", {}, mixed, **own_reading(metric, options))
    arguments = {
        **member.own(task),
        "threshold": [0.5, 0.3],
        "ignore_index": [None, -1, 0, 1, 5],
        "validate_args": [True, False],
    }
    drawn(stem, metric, functional, options, arguments, draw, (5,), member.settled)
    unchecked(stem, task, metric, functional, options, draw(f"{metric}/beyond", "labels", sizes=(7, 9)), member.settled)
    stem.require(metric, arguments, SAME | member.excused | (member.excused_of_binary if task == "binary" else {}))
    counts = {"num_labels": [(1, None), ("three", None)]} if task == "multilabel" else {}
    own = {k: v for k, v in member.wrong.items() if k in arguments}
    refused_options(stem, metric, options, COMMON_WRONG | THRESHOLD_WRONG | own | counts | {"input": [("scores", None)]})
    refused_inputs(stem, metric, options, draw(f"{metric}/good", "probabilities", sizes=(6,))[0], 2)
    refused_nan(stem, metric, options, draw(f"{metric}/good", "probabilities", sizes=(6,))[0])
    if task == "multilabel":
        stem.refuse(Misuse(f"{metric}/no num_labels", metric, {}, "num_labels"))


def of_classes(stem: Stem, member: Member) -> None:
    """Add the multiclass cases."""
    metric, functional = member.names("multiclass")
    options = {"num_classes": CLASSES}
    draw = lambda name, kind, **more: multiclass(name.replace(metric, stem.name), kind, CLASSES, **more)
    add = lambda name, given, batches, **more: stem.add(
        member.settled(Case(f"{metric}/{name}", metric, options | given, batches, functional, **more))
    )
    for kind in KINDS:
        add(kind, {}, draw(f"{metric}/{kind}", kind))
    add("33 classes", {"num_classes": 33}, multiclass(f"{stem.name}/wide", "logits", 33, sizes=(3, 5)))
    add("all right", {}, [{**b, "target": b["preds"]} for b in draw(f"{metric}/perfect", "labels")])
    beside = draw(f"{metric}/beside", "labels", ignore_index=CLASSES)
    add("ignore_index is the number of classes", {"ignore_index": CLASSES}, beside)
    absent = multiclass(f"{stem.name}/absent", "logits", CLASSES + 1, absent=(CLASSES,))
    unlike = [{**b, "target": b["target"].clamp(max=CLASSES - 2)} for b in draw(f"{metric}/unlike", "logits")]
    constant = lambda *names: [{**b, **{n: torch.full_like(b[n], 1) for n in names}} for b in draw(f"{metric}/constant", "labels")]
    for given in member.choices("multiclass"):
        add(f"a class without samples, {label(given)}", {"num_classes": CLASSES + 1, **given}, absent)
        add(f"a class without targets, {label(given)}", given, unlike)
        add(f"one class is always predicted, {label(given)}", given, constant("preds"))
        add(f"one class is always the target, {label(given)}", given, constant("target"))
        add(f"one class is all there is, {label(given)}", given, constant("preds", "target"))
        two = {"num_classes": 2, **given}
        add(f"of two classes one is always predicted, {label(given)}", two, [{k: v % 2 for k, v in b.items()} for b in constant("preds")])
        nothing = [{**b, "target": torch.full_like(b["target"], -1)} for b in draw(f"{metric}/nothing", "labels")]
        add(f"nothing counts, {label(given)}", {"ignore_index": -1, **given}, nothing)
    arguments = {**member.own("multiclass"), "ignore_index": [None, -1, 0, 2, 7], "validate_args": [True, False]}
    drawn(stem, metric, functional, options, arguments, draw, (5,), member.settled)
    unchecked(stem, "multiclass", metric, functional, options, draw(f"{metric}/beyond", "labels", sizes=(9, 12)), member.settled)
    stem.require(metric, arguments, SAME | member.excused)
    refused_options(stem, metric, options, COMMON_WRONG | member.wrong | {"num_classes": [(1, None), ("three", None)]})
    stem.refuse(Misuse(f"{metric}/no num_classes", metric, {}, "num_classes"))
    good = draw(f"{metric}/good", "probabilities", sizes=(6,))[0]
    reject = lambda name, word, batch: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word, [batch]))
    reject("rows that differ in number", "target", {"preds": good["preds"], "target": good["target"][:-1]})
    reject("scores of another number of classes", "preds", {"preds": good["preds"][:, :3].contiguous(), "target": good["target"]})
    five = torch.tensor([0, 1, 2, 3, 4])
    reject("more labels than classes", "target", {"preds": five % 4, "target": five})
    refused_nan(stem, metric, options, good)


def task_router(stem: Stem, member: Member) -> None:
    """Add cases that pick the class by `task`."""
    metric = member.name
    makers = {
        "binary": ({}, binary),
        "multiclass": ({"num_classes": CLASSES}, lambda *a, **k: multiclass(*a, CLASSES, **k)),
        "multilabel": ({"num_labels": LABELS}, lambda *a, **k: multilabel(*a, LABELS, **k)),
    }
    for task in member.tasks:
        options, make = makers[task]
        for given in member.choices(task):
            options_given = {"task": task, **options, **given}
            batches = make(f"{stem.name}/router", "labels")
            stem.add(member.settled(Case(f"{metric}/{label(options_given)}", metric, options_given, batches, member.functional)))
    refuse = lambda name, options, word: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word))
    refuse("no task", {}, "task")
    refuse("unknown task", {"task": "regression"}, "task")
    refuse("multiclass without num_classes", {"task": "multiclass"}, "num_classes")
    refuse("unknown option", {"task": "binary", "treshold": 0.5}, "treshold")
    for name in (t for t in makers if t not in member.tasks):
        refuse(f"no {name} one", {"task": name, **makers[name][0]}, "task")


def write_member(stem: Stem, member: Member) -> None:
    """Add all cases of a metric: its tasks and its router."""
    elementwise(stem, member, "binary", {}, binary)
    of_classes(stem, member)
    if "multilabel" in member.tasks:
        elementwise(stem, member, "multilabel", {"num_labels": LABELS}, lambda name, kind, **more: multilabel(name, kind, LABELS, **more))
    task_router(stem, member)
