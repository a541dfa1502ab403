"""Writes predictions into files of all formats that `metrics eval` reads, and prints what torchmetrics makes of them.

    eval_files.py FOLDER
"""

import csv
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, MulticlassAccuracy, MulticlassConfusionMatrix
from torchmetrics.text import WordErrorRate

warnings.simplefilter("ignore")
folder = Path(sys.argv[1])
generator = torch.Generator().manual_seed(1)
rows, classes = 301, 3

scores = torch.rand(rows, classes, generator=generator)
label = torch.randint(classes, (rows,), generator=generator)
binary = torch.rand(rows, generator=generator).round(decimals=2)
positive = (torch.rand(rows, generator=generator) < 0.3 + 0.4 * binary).long()
weight = torch.randint(4, (rows,), generator=generator)
valid = torch.rand(rows, generator=generator) < 0.9
names = ["night", 'a "quoted", name', "day"]
group = [names[i] for i in torch.randint(len(names), (rows,), generator=generator).tolist()]

np.save(folder / "preds.npy", binary.numpy())
np.save(folder / "target.npy", positive.numpy().astype(np.uint16))
np.save(folder / "scores_fortran.npy", np.asfortranarray(scores.numpy()))
arrays = {"preds": scores.numpy(), "target": label.numpy(), "group": np.array(group), "weight_of_row": weight.numpy(), "valid": valid.numpy()}
np.savez(folder / "stored.npz", **arrays)
np.savez_compressed(folder / "deflated.npz", **arrays)
save_file({"preds": scores.contiguous(), "target": label, "weight_of_row": weight, "valid": valid}, folder / "classes.safetensors")
torch.save({"preds": scores.t().contiguous().t(), "target": label, "note": "strided"}, folder / "classes.pt")
# The same rows in two files, one after the other.
save_file({"preds": scores[:100].contiguous(), "target": label[:100].contiguous()}, folder / "part-0.safetensors")
save_file({"preds": scores[100:].contiguous(), "target": label[100:].contiguous()}, folder / "part-1.safetensors")

# Exact decimals, so that both sides read the same numbers.
exact = binary.double().round(decimals=2)
for name, delimiter in (("table.csv", ","), ("table.tsv", "\t")):
    with open(folder / name, "w", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["score", "label", "group", *[f"p{i}" for i in range(classes)], "class"])
        for i in range(rows):
            writer.writerow([repr(exact[i].item()), positive[i].item(), group[i], *[repr(x) for x in scores[i].double().tolist()], label[i].item()])

said = ["the cat sat", "a dog, \"barked\"", "ünïcode is fine", "one two three four"]
meant = ["the cat sat down", "a dog barked", "unicode is fine", "one two four"]
with open(folder / "texts.jsonl", "w") as stream:
    for preds, target in zip(said, meant, strict=True):
        stream.write(json.dumps({"preds": preds, "target": target}) + "\n")
boxes = [
    ({"boxes": [[10.5, 10, 30, 40]], "labels": [1]}, {"boxes": [[12, 10, 33, 40]], "labels": [1]}),
    ({"boxes": [[0, 0, 10, 10], [5, 5, 20, 20]], "labels": [0, 1]}, {"boxes": [[1, 0, 10, 12], [4, 5, 20, 22]], "labels": [0, 1]}),
]
with open(folder / "boxes.jsonl", "w") as stream:
    for preds, target in boxes:
        stream.write(json.dumps({"preds": preds, "target": target}) + "\n")


def value(metric, *inputs):
    return metric(*inputs).tolist()


of = {name: torch.tensor([g == name for g in group]) for name in names}
repeated = torch.repeat_interleave(torch.arange(rows), weight)
print(json.dumps({
    "BinaryAccuracy": value(BinaryAccuracy(), binary, positive),
    "BinaryAUROC": value(BinaryAUROC(), binary, positive),
    "BinaryAUROC of groups": {name: value(BinaryAUROC(), exact[of[name]], positive[of[name]]) for name in names},
    "MulticlassAccuracy": value(MulticlassAccuracy(classes), scores, label),
    "top2": value(MulticlassAccuracy(classes, top_k=2), scores, label),
    "classes": value(MulticlassAccuracy(classes, average=None), scores, label),
    "confusion": value(MulticlassConfusionMatrix(classes), scores, label),
    "weighted": value(MulticlassAccuracy(classes), scores[repeated], label[repeated]),
    "valid": value(MulticlassAccuracy(classes), scores[valid], label[valid]),
    "WordErrorRate": value(WordErrorRate(), said, meant),
    "rows of groups": {name: int(of[name].sum()) for name in names},
}))
