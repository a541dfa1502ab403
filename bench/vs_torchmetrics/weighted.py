"""The contender for scikit-learn's and torcheval's weights of samples: answers as theirs.py does, with `weights` in `prepare`.

A metric's name is torchmetrics'; an entry of PEERS says what the other library has for it, and that its epoch is one call of a
function, or an update and a compute.
"""

import importlib.util
import json
import sys

import numpy
import sklearn.metrics
import torch

# Before theirs.py, whose stand-in for torchvision it does not take.
torcheval = importlib.import_module("torcheval.metrics") if importlib.util.find_spec("torcheval") else None

from theirs import read, timed

# Of metric and options: a function of target, predictions and weights.
SCIKIT_LEARN = {
    "MulticlassAccuracy": lambda y, x, w: sklearn.metrics.accuracy_score(y, x, sample_weight=w),
    "MulticlassF1Score": lambda y, x, w: sklearn.metrics.f1_score(y, x, average="macro", sample_weight=w),
    "MulticlassConfusionMatrix": lambda y, x, w: sklearn.metrics.confusion_matrix(y, x, sample_weight=w),
    "BinaryAUROC": lambda y, x, w: sklearn.metrics.roc_auc_score(y, x, sample_weight=w),
    "BinaryAveragePrecision": lambda y, x, w: sklearn.metrics.average_precision_score(y, x, sample_weight=w),
    "MeanSquaredError": lambda y, x, w: sklearn.metrics.mean_squared_error(y, x, sample_weight=w),
    "R2Score": lambda y, x, w: sklearn.metrics.r2_score(y, x, sample_weight=w),
}


class ScikitLearn:
    """Takes everything at once."""

    def __init__(self, name):
        self.function = SCIKIT_LEARN[name]

    def epoch(self, preds, target, weights):
        return self.function(target.numpy(), preds.numpy(), weights.numpy())


class TorchEval:
    """Its metrics take batches."""

    def __init__(self, name):
        self.metric = getattr(torcheval, name)()
        self.weight = "sample_weight" if name == "MeanSquaredError" else "weight"

    def epoch(self, *inputs):
        *batch, weights = inputs
        self.metric.reset()
        self.metric.update(*batch, **{self.weight: weights})
        return self.metric.compute()


class Contender:
    def prepare(self, request):
        torch.set_num_threads(request["threads"])
        kind = {"scikit-learn": ScikitLearn, "torcheval": TorchEval}[request["peer"]]
        self.inputs = [read(given) for given in [*request["batches"][-1], request["weights"]]]
        self.metric = kind(request["metrics"][0]["name"])
        return True

    def values(self, _):
        return [numpy.atleast_1d(numpy.array(self.metric.epoch(*self.inputs), float)).flatten().tolist()]

    def whole(self, request):
        return timed(request, lambda: self.metric.epoch(*self.inputs))


if __name__ == "__main__":
    contender = Contender()
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(contender, request["do"])(request)), flush=True)
