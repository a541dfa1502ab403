"""The contender for torchmetrics: does what run.py asks for, one JSON request a line, and answers with one line.

    prepare  threads, metrics (name and options, among which may be metrics), batches of inputs (file, dtype or "text" or
             "boxes", shape; a "flag" has a value, a "dict" entries): makes the metrics, updates each with every batch
             (or functionals that belong to no class, with "beside" among their options where another function of torch takes their place)
    values   what each metric computes; of each functional the sums of rows
    call     of a functional
    update, together and collection_update (of all metrics with one batch), forward, compute, sync, epoch (reset, a hundred
             updates, compute), collection_compute, collection_epoch (reset, update, compute), best_metric (of a tracker,
             after ten steps)
             repetitions, each: the time of a call with the last batch in ns, after one that is not timed, as a list: the
             mean over the repetitions, or each one's
ours.cpp answers the same, for sync what it sent and the time of one allgather of as many bytes, and after `prepare` with
weights whole (reset, update with them, compute), as weighted.py does for other libraries.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path

import numpy
import torch
import torchmetrics
import torchmetrics.clustering
import torchmetrics.detection
import torchmetrics.functional.pairwise
import torchmetrics.image.fid
import torchmetrics.nominal
import torchmetrics.retrieval
import torchmetrics.shape
import torchmetrics.text
import torchmetrics.wrappers

# Where torchvision and torch-linear-assignment are not, torchmetrics gets their functions, as the fixtures do; there, too, they are a few operations.
sys.path.append(str(Path(__file__).resolve().parents[2] / "python_compat_fixtures"))
import assignments
import boxes

boxes.stand_in()
assignments.stand_in()


def timed(request, call):
    clock = time.perf_counter_ns
    call()
    if not request["each"]:
        repetitions = range(request["repetitions"])
        start = clock()
        for _ in repetitions:
            call()
        return [(clock() - start) / len(repetitions)]
    times = []
    for _ in range(request["repetitions"]):
        start = clock()
        call()
        times.append(clock() - start)
    return times


def read(given):
    """The tensor in a file, its lines, or the boxes and labels of its images; or a flag."""
    if given["dtype"] == "flag":
        return given["value"]
    if given["dtype"] == "dict":
        return {name: read(entry) for name, entry in given["entries"].items()}
    if given["dtype"] == "text":
        return Path(given["file"]).read_text().splitlines()
    if given["dtype"] == "boxes":
        count = numpy.prod(given["shape"]) * 4
        corners = numpy.fromfile(given["file"], "float32", count).reshape(*given["shape"], 4)
        labels = numpy.fromfile(given["file"], "int64", offset=corners.nbytes).reshape(given["shape"])
        return [{"boxes": box, "labels": label} for box, label in zip(torch.from_numpy(corners), torch.from_numpy(labels))]
    return torch.from_numpy(numpy.fromfile(given["file"], given["dtype"]).reshape(given["shape"]))


class Features(torch.nn.Identity):
    """For inputs that are features."""

    def __init__(self, count):
        super().__init__()
        self.num_features = count


def find(name):
    """torchmetrics' class of that name, in its domain: at the root some are wrappers."""
    domains = (torchmetrics.classification, torchmetrics.detection, torchmetrics.image, torchmetrics.image.fid)
    domains += (torchmetrics.clustering, torchmetrics.nominal, torchmetrics.retrieval, torchmetrics.shape, torchmetrics.text, torchmetrics.wrappers, torchmetrics)
    return next(getattr(domain, name) for domain in domains if hasattr(domain, name))


def made(option):
    """The metric that an option names, or all those in it; another option as it is."""
    if not isinstance(option, dict):
        return option
    if option.keys() != {"name", "options"}:
        return {name: made(entry) for name, entry in option.items()}
    kind = find(option["name"])
    options = {name: made(own) for name, own in option["options"].items()}
    if kind.__module__.startswith("torchmetrics.classification"):
        options["validate_args"] = False
    if "feature" in options:
        options["feature"] = Features(options["feature"])
    metric = kind(**options)
    if kind is torchmetrics.MetricTracker:
        metric.increment()
    return metric


def flat(value):
    """List the numbers of a tensor, or of all tensors in a tuple, list or dict."""
    if isinstance(value, torch.Tensor):
        return value.flatten().tolist()
    if isinstance(value, dict):
        return flat([value[key] for key in sorted(value)])
    return [number for element in value for number in flat(element)]


def cdist(x, y, exponent=2, of="pairwise_euclidean_distance"):
    """torch's distances."""
    return torch.cdist(x, y, 1.0 if of == "pairwise_manhattan_distance" else float(exponent))


def product(x, y):
    return torch.mm(x, y.T)


def normalised_product(x, y):
    return product(torch.nn.functional.normalize(x), torch.nn.functional.normalize(y))


def functional(given):
    """The functional that is named, or the function beside it."""
    options = {name: value for name, value in given["options"].items() if name not in ("beside", "compute_with_cache")}
    function = getattr(torchmetrics.functional.pairwise, given["name"])
    beside = {"cdist": lambda x, y, **more: cdist(x, y, of=given["name"], **more), "a product": normalised_product if given["name"] == "pairwise_cosine_similarity" else product}
    function = beside.get(given["options"].get("beside"), function)
    return lambda *inputs: function(*inputs, **options)


class Contender:
    def __init__(self):
        self.metrics, self.batches, self.functionals = [], [], []
        if "RANK" in os.environ:
            torch.distributed.init_process_group("gloo")

    def prepare(self, request):
        torch.set_num_threads(request["threads"])
        self.batches = [[read(given) for given in batch] for batch in request["batches"]]
        of_pairs = lambda metric: metric["name"].startswith("pairwise_")
        self.metrics = [made(metric) for metric in request["metrics"] if not of_pairs(metric)]
        self.functionals = [functional(metric) for metric in request["metrics"] if of_pairs(metric)]
        self.update_each()
        return True

    @property
    def inputs(self):
        return self.batches[-1]

    def update_each(self):
        for metric in self.metrics:
            for batch in self.batches:
                metric.update(*batch)

    def values(self, _):
        return [flat(metric.compute()) for metric in self.metrics] + [flat(call(*self.inputs).sum(-1)) for call in self.functionals]

    def call(self, request):
        call, inputs = self.functionals[0], self.inputs
        return self.measure(request, lambda: call(*inputs))

    def measure(self, request, call):
        for metric in self.metrics:
            metric.reset()
        self.update_each()
        gc.collect()
        return timed(request, call)

    def update(self, request):
        update, inputs = self.metrics[0].update, self.inputs
        return self.measure(request, lambda: update(*inputs))

    def collection(self):
        collection = torchmetrics.MetricCollection({f"m{i}": metric for i, metric in enumerate(self.metrics)})
        collection.update(*self.inputs)  # finds out which metrics share their states
        return collection

    def collection_update(self, request):
        collection, inputs = self.collection(), self.inputs
        return self.measure(request, lambda: collection.update(*inputs))

    together = collection_update

    def collection_compute(self, request):
        return self.measure(request, self.collection().compute)

    def collection_epoch(self, request):
        collection, inputs = self.collection(), self.inputs

        def epoch():
            collection.reset()
            collection.update(*inputs)
            collection.compute()

        return self.measure(request, epoch)

    def forward(self, request):
        metric, inputs = self.metrics[0], self.inputs
        return self.measure(request, lambda: metric(*inputs))

    def compute(self, request):
        return self.measure(request, lambda: [metric.compute() for metric in self.metrics])

    def epoch(self, request):
        metric, inputs = self.metrics[0], self.inputs

        def epoch():
            metric.reset()
            for _ in range(100):
                metric.update(*inputs)
            metric.compute()

        return self.measure(request, epoch)

    def best_metric(self, request):
        tracker = self.metrics[0]
        while tracker.n_steps < 10:
            tracker.increment()
            tracker.update(*self.inputs)
        return self.measure(request, lambda: tracker.best_metric(return_step=True))

    def sync(self, request):
        def sync():
            for metric in self.metrics:
                metric.sync()
            for metric in self.metrics:
                metric.unsync()

        return self.measure(request, sync)


if __name__ == "__main__":
    gc.disable()
    contender = Contender()
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(contender, request["do"])(request)), flush=True)
