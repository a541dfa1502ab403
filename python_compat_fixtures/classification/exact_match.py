"""Share of samples that are right as a whole."""

import torch
from cases import Case, Misuse, Stem, play
from labelled import many, many_rows, multiclass, multilabel
from stat_scores_family import (
    CLASSES,
    COMMON_WRONG,
    FAMILY_WRONG,
    LABELS,
    THRESHOLD_WRONG,
    drawn,
    elementwise,
    ignored_logit,
    label,
    of_classes,
    refused_inputs,
    refused_nan,
    refused_options,
)

WRONG = COMMON_WRONG | {"multidim_average": FAMILY_WRONG["multidim_average"]}
SAMPLEWISE = {"multidim_average": "samplewise"}


def multiclass_task(stem: Stem) -> None:
    """Add the multiclass cases."""
    metric, functional, options = "MulticlassExactMatch", "multiclass_exact_match", {"num_classes": CLASSES}
    draw = lambda name, kind, **more: multiclass(name, kind, CLASSES, **more)
    add = lambda name, given, batches, **more: stem.add(Case(f"{metric}/{name}", metric, options | given, batches, functional, **more))
    of_classes(stem, metric, functional, options, draw)
    # Long samples that are right but at one position, or all over, or where it does not count.
    for ignored in (None, -1):
        batches = [{k: v.repeat(1, 40)[:, :77] for k, v in b.items()} for b in draw(f"{metric}/long", "labels", sizes=(3, 2), rest=(2,))]
        for b in batches:
            b["preds"] = b["target"].clone()
            b["preds"][0, 76] = (b["target"][0, 76] + 1) % CLASSES
            b["target"][1, 3] = (b["target"][1, 3] + 1) % CLASSES if ignored is None else ignored
        given = {} if ignored is None else {"ignore_index": ignored}
        add(f"one position wrong{'' if ignored is None else ', another ignored'}", given, batches)
        add(f"one position wrong{'' if ignored is None else ', another ignored'}, samplewise", given | SAMPLEWISE, batches, rows="permutes")
    many = draw(f"{metric}/beyond", "labels")
    many[0]["target"][:2] = torch.tensor([CLASSES, CLASSES + 3])
    many[0]["preds"][:6] = torch.tensor([CLASSES, CLASSES, 1, 2, 3, CLASSES])
    add("labels out of range unchecked", {"validate_args": False}, many)
    arguments = {
        "multidim_average": ["global", "samplewise"],
        "ignore_index": [None, -1, 0, 2, 7],
        "validate_args": [True, False],
    }
    drawn(stem, metric, functional, options, arguments, draw, (2,))
    batches = draw(f"{metric}/valid", "logits", sizes=(5, 3), rest=(2,))
    valid = [torch.tensor([True, True, False, True, False]), torch.tensor([False, True, True])]
    add("rows that do not count", {}, batches, valid=valid)
    stem.require(metric, arguments)
    refused_options(stem, metric, options, WRONG | {"num_classes": [(1, None), ("three", None), (None, None)]})
    stem.refuse(Misuse(f"{metric}/no num_classes", metric, {}, "num_classes"))
    good = draw(f"{metric}/good", "probabilities", sizes=(6,))[0]
    unseen = {"reason": "torchmetrics counts distinct labels, and looks at none when preds are scores"}
    reject = lambda name, word, batch, given={}, **more: stem.refuse(Misuse(f"{metric}/{name}", metric, options | given, word, [batch], **more))
    reject("rows that differ in number", "target", {"preds": good["preds"], "target": good["target"][:-1]})
    reject("no target", "target", {"preds": good["preds"]})
    reject("scores of another number of classes", "preds", {"preds": good["preds"][:, :3].contiguous(), "target": good["target"]})
    reject("samplewise of vectors", "multidim_average", good, SAMPLEWISE)
    five = torch.tensor([0, 1, 2, 3, 4])
    reject("more labels than classes", "target", {"preds": five % 4, "target": five})
    refused_nan(stem, metric, options, good)
    reject("a target out of range", "target", {"preds": torch.tensor([0, 1]), "target": torch.tensor([0, 9])}, **unseen)
    reject("a target out of range beside scores", "target", {"preds": good["preds"], "target": torch.tensor([0, 1, 4, 0, 0, 0])}, **unseen)


def beyond(stem: Stem, metric: str, functional: str, options: dict, batches: list) -> None:
    """Add a target that is neither 0 nor 1 when nothing is checked."""
    batches[0]["target"][0, 0] = 2
    given = options | {"validate_args": False}
    ignored = given | {"ignore_index": 2}
    stem.add(
        Case(
            f"{metric}/labels out of range unchecked", metric, given, batches, functional,
            reason="unchecked targets other than 0 and 1 count nowhere; torchmetrics never finds them matched",
            reference="torchmetrics, with ignore_index on them",
            forward_by=lambda b: play(metric, ignored, [b])[1],
            final_by=lambda bs: play(metric, ignored, bs)[1],
        )
    )


def multilabel_task(stem: Stem) -> None:
    """Add the multilabel cases."""
    metric, functional, options = "MultilabelExactMatch", "multilabel_exact_match", {"num_labels": LABELS}
    draw = lambda name, kind, **more: multilabel(name, kind, LABELS, **more)
    add = lambda name, given, batches, **more: stem.add(Case(f"{metric}/{name}", metric, options | given, batches, functional, **more))
    elementwise(stem, metric, functional, options, draw, (2, 2))
    # One wrong label of many, at the end of the row and elsewhere, a missed yes and a false one.
    for rest, given in (((), {}), ((3,), {}), ((3,), SAMPLEWISE)):
        batches = multilabel(f"{metric}/wide {rest}", "labels", 70, sizes=(5, 4), rest=rest)
        for b in batches:
            b["target"] = b["preds"].clone()
            for row, at in ((0, 69), (1, 0), (2, 33)):
                cell = (row, at, *([row] * len(rest)))
                b["target"][cell], b["preds"][cell] = row % 2, 1 - row % 2
        case = Case(f"{metric}/70 labels, {label({'rest': rest} | given)}", metric, {"num_labels": 70} | given, batches, functional)
        case.rows = "permutes" if given else "invariant"
        stem.add(case)
    # More labels than the kernel marks in one step, wrong in the first and in the last of them.
    for rest, given in (((), {}), ((2,), SAMPLEWISE)):
        right = multilabel(f"{metric}/very wide", "labels", 1100, sizes=(3,), rest=rest)[0]["preds"].to(torch.uint8)
        target = right.clone()
        target[0, 1099], target[1, 3] = 1 - target[0, 1099], 1 - target[1, 3]
        case = Case(f"{metric}/1100 labels, {label({'rest': rest} | given)}", metric, {"num_labels": 1100} | given, [{"preds": right, "target": target}], functional)
        case.rows = "permutes" if given else "invariant"
        stem.add(case)
    arguments = {
        "threshold": [0.5, 0.3],
        "multidim_average": ["global", "samplewise"],
        "ignore_index": [None, -1, 0, 1, 5],
        "validate_args": [True, False],
    }
    drawn(stem, metric, functional, options, arguments, draw, (5,))
    beyond(stem, metric, functional, options, draw(f"{metric}/beyond", "labels"))
    batches = draw(f"{metric}/reading", "probabilities", sizes=(12,), ignore_index=-1)
    batches[0]["target"][2, 1], batches[0]["preds"][2, 1] = -1, 3.5
    ignored_logit(stem, metric, functional, options, batches)
    same = {("validate_args", False): "on inputs that torchmetrics can count without checks, both give the same"}
    stem.require(metric, {**arguments, "threshold": [0.5, 0.3, 0.75, 0.0, 1.0]}, same)
    wrong = WRONG | THRESHOLD_WRONG | {"input": [("scores", None)], "num_labels": [(1, None), ("three", None), (None, None)]}
    refused_options(stem, metric, options, wrong)
    stem.refuse(Misuse(f"{metric}/no num_labels", metric, {}, "num_labels"))
    good = draw(f"{metric}/good", "probabilities", sizes=(6,))[0]
    refused_inputs(stem, metric, options, good, 2)
    refused_nan(stem, metric, options, good)
    reject = lambda name, word, batch, given={}: stem.refuse(Misuse(f"{metric}/{name}", metric, options | given, word, [batch]))
    reject("another number of labels", "num_labels", {"preds": torch.zeros(4, 2), "target": torch.zeros(4, 2).long()})
    reject("a label among preds out of range", "preds", {"preds": torch.full((2, 3), 2), "target": torch.zeros(2, 3).long()})
    reject("samplewise of two dimensions", "multidim_average", good, SAMPLEWISE)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    multiclass_task(stem)
    multilabel_task(stem)
    labels = many("exact match", "integers", (3,), 2, (3,), low=0, high=2)
    stem.add(Case("MulticlassExactMatch/many rows", "MulticlassExactMatch", {"num_classes": 2}, labels, "multiclass_exact_match"))
    _, options, batches = many_rows()[-1]
    stem.add(Case("MultilabelExactMatch/many rows", "MultilabelExactMatch", options, batches, "multilabel_exact_match"))
    metric, functional = "ExactMatch", "exact_match"
    add = lambda options, batches, **more: stem.add(Case(f"{metric}/{label(options)}", metric, options, batches, functional, **more))
    add({"task": "multiclass", "num_classes": CLASSES}, multiclass(f"{metric}/multiclass", "logits", CLASSES, rest=(2,)))
    add({"task": "multiclass", "num_classes": CLASSES, **SAMPLEWISE}, multiclass(f"{metric}/multiclass", "labels", CLASSES, rest=(2,)), rows="permutes")
    add({"task": "multilabel", "num_labels": LABELS, "threshold": 0.75}, multilabel(f"{metric}/multilabel", "probabilities", LABELS))
    refuse = lambda name, options, word: stem.refuse(Misuse(f"{metric}/{name}", metric, options, word))
    refuse("no task", {}, "task")
    refuse("no binary one", {"task": "binary"}, "task")
    refuse("multiclass without num_classes", {"task": "multiclass"}, "num_classes")
    refuse("multilabel without num_labels", {"task": "multilabel"}, "num_labels")
    refuse("unknown option", {"task": "multilabel", "num_labels": 3, "treshold": 0.5}, "treshold")
