"""MultitaskWrapper: metrics, wrappers and collections of tasks. Inputs of a task are named `task_preds/…` in the cases."""

import torch
from cases import Case, Misuse, Stem, named
from labelled import multiclass
from paired import pairs

LABEL, AGE = named("MulticlassAccuracy", num_classes=3), named("MeanSquaredError")
TASKS = {"label": LABEL, "age": AGE}


def tasks(name: str, sizes=(6, 2, 9)) -> list:
    """Draw batches of both tasks."""
    labels = multiclass(f"multitask/{name}", "probabilities", 3, sizes)
    ages = pairs(f"multitask/{name}", tuple((n,) for n in sizes))
    return [
        {"task_preds/label": a["preds"], "task_preds/age": b["preds"], "task_targets/label": a["target"], "task_targets/age": b["target"]}
        for a, b in zip(labels, ages, strict=True)
    ]


def misuses(stem: Stem) -> None:
    """What is refused."""
    refuse = lambda name, word, options, batches=(), **more: stem.refuse(
        Misuse(f"MultitaskWrapper/{name}", "MultitaskWrapper", options, word, list(batches), **more)
    )
    refuse("no tasks", "task_metrics", {})
    refuse("a list of metrics", "task_metrics", {"task_metrics": [LABEL]})
    refuse("a number as metric", "task_metrics", {"task_metrics": {"label": 7}})
    refuse("a name with a dot", "dot", {"task_metrics": {"a.b": LABEL}})
    refuse("an empty name", "empty", {"task_metrics": {"": LABEL}})
    refuse("a prefix that is no string", "prefix", {"task_metrics": TASKS, "prefix": 1})
    refuse("a postfix that is no string", "postfix", {"task_metrics": TASKS, "postfix": 1})
    refuse("unknown option", "suffix", {"task_metrics": TASKS, "suffix": "x"})
    batch = tasks("misuse")[0]
    without = lambda name: {k: v for k, v in batch.items() if k != name}
    of = {"task_metrics": TASKS}
    refuse("a task without preds", "task_preds", of, [without("task_preds/age")])
    refuse("a task without target", "task_targets", of, [without("task_targets/age")])
    refuse("a task that is not there", "expected age, label", of, [{**batch, "task_preds/size": batch["task_preds/age"]}])
    refuse("no targets at all", "task_targets", of, [{k: v for k, v in batch.items() if k.startswith("task_preds")}])
    refuse("preds that are no dict", "dict", of, [{"task_preds": torch.ones(3), "task_targets": torch.ones(3)}])
    refuse("unknown input", "weights", of, [{**batch, "weights": torch.ones(6)}])
    bad = {**batch, "task_targets/label": batch["task_targets/label"] + 7}
    refuse("what one of the tasks refuses", "label", of, [batch, bad])


def write(stem: Stem) -> None:
    """Write all cases."""
    misuses(stem)
    add = lambda name, metrics, batches, more=None, **case: stem.add(
        Case(f"MultitaskWrapper/{name}", "MultitaskWrapper", {"task_metrics": metrics, **(more or {})}, batches, **case)
    )
    add("two tasks", TASKS, tasks("two"))
    add("prefix", TASKS, tasks("prefix"), {"prefix": "val_"})
    add("postfix", TASKS, tasks("postfix"), {"postfix": "_val"})
    add("prefix and postfix", TASKS, tasks("both"), {"prefix": "val/", "postfix": "-x"})
    collection = named("MetricCollection", metrics=[LABEL, named("MulticlassRecall", num_classes=3)], prefix="label_")
    add("a collection", {"label": collection, "age": AGE}, tasks("collection"))
    by_class = named("ClasswiseWrapper", metric=named("MulticlassAccuracy", num_classes=3, average=None))
    add("wrappers", {"label": by_class, "age": named("R2Score")}, tasks("wrappers"))
    batches = tasks("valid")
    valid = [torch.arange(len(b["task_preds/age"])) % 3 != 1 for b in batches]
    add("rows that do not count", TASKS, batches, valid=valid)
    stem.require("MultitaskWrapper", {"task_metrics": [], "prefix": ["val_"], "postfix": ["_val"]})
