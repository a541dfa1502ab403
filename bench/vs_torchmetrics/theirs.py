"""The contender for torchmetrics: does what run.py asks for, one JSON request a line, and answers with one line.

    prepare  threads, metrics (name and options), inputs (file, dtype, shape): makes the metrics, updates each once
    values   what each metric computes
    update, forward, compute, sync, epoch (reset, a hundred updates, compute)
             repetitions, each: the time of a call in ns, after one that is not timed, as a list: the mean over the
             repetitions, or each one's
ours.cpp answers the same, and for sync what it sent and the time of one allgather of as many bytes.
"""

import gc
import json
import os
import sys
import time

import numpy
import torch
import torchmetrics


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


def flat(value):
    """List the numbers of a tensor, or of all tensors in a tuple or list."""
    if isinstance(value, torch.Tensor):
        return value.flatten().tolist()
    return [number for element in value for number in flat(element)]


class Contender:
    def __init__(self):
        self.metrics, self.inputs = [], []
        if "RANK" in os.environ:
            torch.distributed.init_process_group("gloo")

    def prepare(self, request):
        torch.set_num_threads(request["threads"])
        self.inputs = [
            torch.from_numpy(numpy.fromfile(i["file"], i["dtype"]).reshape(i["shape"])) for i in request["inputs"]
        ]
        self.metrics = []
        for metric in request["metrics"]:
            kind = getattr(torchmetrics, metric["name"], None) or getattr(torchmetrics.classification, metric["name"])
            without = {} if kind.__module__ == "torchmetrics.aggregation" else {"validate_args": False}
            self.metrics.append(kind(**metric["options"], **without))
        self.update_each()
        return True

    def update_each(self):
        for metric in self.metrics:
            metric.update(*self.inputs)

    def values(self, _):
        return [flat(metric.compute()) for metric in self.metrics]

    def measure(self, request, call):
        for metric in self.metrics:
            metric.reset()
        self.update_each()
        gc.collect()
        return timed(request, call)

    def update(self, request):
        update, inputs = self.metrics[0].update, self.inputs
        return self.measure(request, lambda: update(*inputs))

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
