#!/usr/bin/env python3
"""The same work in torchmetrics and in metrics, in turn, in one run, and a table of medians.

    bench/vs_torchmetrics/run.py [--program build/release/bench/vs_torchmetrics] [--only REGEX] [--rounds N]

Each contender is a process of its own (theirs.py, ours.cpp), or one for each rank, that waits while the other works.
Both read the same inputs from the same files and have to compute the same values.
"""

import argparse
import importlib.util
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

from rows import clustering_targets, curve_targets, every_class, pair_targets, rank_targets, retrieval_targets, sync_targets, together_targets
from rows import update_targets, weighted_targets

HERE = Path(__file__).resolve().parent
SECONDS_PER_MEASUREMENT = {"one": 0.03, "ranks": 0.2}  # ranks that share cores need a while to find their rhythm
ALLGATHERS = 2.5  # at most, for a sync in metrics: minima of a run


class Contender:
    """The processes of one library, one for each rank; the lowest rank answers for all."""

    def __init__(self, command, ranks):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.processes = []
        for rank in range(ranks):
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
            place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GLOO_SOCKET_IFNAME": "lo"}
            environment = os.environ | ({name: str(value) for name, value in place.items()} if ranks > 1 else {})
            # Waiting threads that spin would take the cores from those that work.
            environment["OMP_WAIT_POLICY"] = "passive"
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self.processes.append(subprocess.Popen(command, env=environment, **pipes))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def ask(self, do, **request):
        """The answers of all ranks."""
        for process in self.processes:
            process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            process.stdin.flush()
        lines = [process.stdout.readline() for process in self.processes]
        if not all(lines):
            sys.exit(f"{self.processes[0].args} has ended at {do}")
        return [json.loads(line) for line in lines]

    def times(self, do, repetitions, **request):
        """In ns, one call or the mean of several; over ranks a call is as slow as its slowest."""
        each = len(self.processes) > 1
        answers = self.ask(do, repetitions=repetitions, each=each, **request)
        return [max(call) for call in zip(*answers)]

    def repetitions(self, do, **request):
        once = statistics.median(self.times(do, 1, **request))
        if once > 1e8:
            return 1
        once = statistics.median(self.times(do, 3, **request))
        seconds = SECONDS_PER_MEASUREMENT["ranks" if len(self.processes) > 1 else "one"]
        return max(3, min(20000, int(seconds * 1e9 / once)))


def sentences(random, given, heard):
    """Lines of words. What was heard has every sixth word wrong on average, and the same words otherwise."""
    rows, words = given.shape
    spoken = random.integers(0, given.classes, (rows, words))
    wrong = random.random((rows, words)) < 1 / 6
    if heard:
        spoken = numpy.where(wrong, random.integers(0, given.classes, (rows, words)), spoken)
    return "".join(" ".join(f"word{number * 7919 % 10007}" for number in line) + "\n" for line in spoken)


def boxes(random, given, found):
    """The corners of boxes as float32, and after them their labels as int64. What was found lies a little beside."""
    corner = random.random((*given.shape, 2), "float32")
    ends = numpy.concatenate([corner, corner + 0.1 + random.random((*given.shape, 2), "float32")], -1)
    labels = random.integers(0, given.classes, given.shape, "int64")
    beside = numpy.random.default_rng(8).random(ends.shape, "float32") / 10 if found else numpy.float32(0)
    return (ends + beside).tobytes() + labels.tobytes()


def clusters(random, given):
    """The labels of as many classes, but for a third."""
    labels = random.integers(0, given.classes, given.shape, "int64")
    others = numpy.random.default_rng(8).integers(0, 3 * given.classes, given.shape, "int64")
    return numpy.where(others < given.classes, others, labels)


class Inputs:
    """Files of numbers, lines or boxes, made when first asked for."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def written(self, given):
        if isinstance(given, dict):
            return {"dtype": "dict", "entries": {name: self.written(entry) for name, entry in given.items()}}
        if given.kind == "flag":
            return {"dtype": "flag", "value": bool(given.classes)}
        file = self.folder / f"{given.kind}-{given.classes}-{'x'.join(map(str, given.shape))}"
        dtypes = {"labels": "int64", "clusters": "int64", "sentences": "text", "heard": "text", "boxes": "boxes", "found": "boxes"}
        dtype = dtypes.get(given.kind, "float32")
        if not file.exists():
            random = numpy.random.default_rng(7)
            draw = {
                "logits": lambda: random.standard_normal(given.shape, dtype).tobytes(),
                "probabilities": lambda: random.random(given.shape, dtype).tobytes(),
                "weights": lambda: numpy.random.default_rng(9).random(given.shape, dtype).tobytes(),
                "uniform": lambda: numpy.random.default_rng(8).random(given.shape, dtype).tobytes(),
                "labels": lambda: random.integers(0, given.classes, given.shape, dtype).tobytes(),
                "clusters": lambda: clusters(random, given).tobytes(),
                "sentences": lambda: sentences(random, given, heard=False).encode(),
                "heard": lambda: sentences(random, given, heard=True).encode(),
                "boxes": lambda: boxes(random, given, found=False),
                "found": lambda: boxes(random, given, found=True),
            }
            file.write_bytes(draw[given.kind]())
        return {"file": str(file), "dtype": dtype, "shape": given.shape}


def uncached(option):
    """A metric that computes its value each time, or whose metrics do, where it is made of others; or another option as it is."""
    if not isinstance(option, dict):
        return option
    if option.keys() != {"name", "options"}:
        return {name: uncached(entry) for name, entry in option.items()}
    options = {name: uncached(own) for name, own in option["options"].items()}
    own = {} if any(isinstance(o, dict) for o in options.values()) else {"compute_with_cache": False}
    return {"name": option["name"], "options": {**options, **own}}


def prepare(contenders, row, inputs):
    """Both have the row's metrics and inputs afterwards, and have shown that they compute the same."""
    metrics = [uncached({"name": name, "options": options}) for name, options in row.metrics]
    batches = [[inputs.written(given) for given in batch] for batch in (*row.before, row.inputs)]
    weights = {} if row.weights is None else {"weights": inputs.written(row.weights), "peer": row.peer}
    for contender in contenders:
        contender.ask("prepare", threads=row.threads, metrics=metrics, batches=batches, **weights)
    theirs, ours = (contender.ask("values")[0] for contender in contenders)
    for (name, options), expected, value in zip(row.metrics, theirs, ours, strict=True):
        if not numpy.allclose(numpy.array(expected, float), numpy.array(value, float), rtol=row.rtol, atol=1e-6, equal_nan=True):
            sys.exit(f"{row.work}: {name}({options}) is {expected[:10]} in {row.peer}, {value[:10]} in metrics")


def measure(contenders, row, rounds):
    """The contenders' times, in turn. A row that misses what it has to reach is given as many rounds again, and all count."""
    repetitions = [contender.repetitions(row.do) for contender in contenders]
    times = [[], []]
    for _ in range(2):
        for _ in range(rounds):
            for contender, count, own in zip(contenders, repetitions, times):
                own += contender.times(row.do, count)
        if statistics.median(times[0]) >= row.at_least * statistics.median(times[1]):
            break
    return times


def spelled(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 100 * size else f"{ns / size:.0f} {unit}"
    return f"{ns:.0f} ns"


class Table:
    def __init__(self, *columns):
        self.widths = [max(len(name), width) for name, width in columns]
        self.line([name for name, _ in columns])
        print("|" + "|".join("-" * (width + 2) for width in self.widths) + "|", flush=True)

    def line(self, cells):
        print("| " + " | ".join(str(c).ljust(w) for c, w in zip(cells, self.widths)) + " |", flush=True)


def verdict(reached):
    return "reached" if reached else "MISSED"


def compare(contenders, row, inputs, rounds, table):
    prepare(contenders, row, inputs)
    theirs, ours = measure(contenders, row, rounds)
    ratio = statistics.median(theirs) / statistics.median(ours)
    middle = [spelled(statistics.median(times)) for times in (theirs, ours)]
    where = f"{row.ranks} ranks of 1" if row.ranks > 1 else row.threads
    wanted = f"≥ {row.at_least:g}"
    table.line([row.work, where, *middle, f"{ratio:.3g}", wanted, verdict(ratio >= row.at_least)])


def compare_with_allgather(ours, ranks, rounds, table):
    """A sync beside one allgather of the bytes that it sends, over the same kind of group."""
    sent = ours.ask("sent")[0]
    sync, allgather = [], []
    for _ in range(rounds):
        sync += ours.times("sync", 50)
        allgather += ours.times("allgather", 50, bytes=sent["bytes"])
    ratio = min(sync) / min(allgather)
    reached = verdict(ratio <= ALLGATHERS)
    cells = [ranks, sent["collectives"], sent["bytes"]]
    for times in (min, statistics.median):
        cells += [spelled(times(sync)), spelled(times(allgather)), f"{times(sync) / times(allgather):.2f}"]
    table.line([*cells, f"≤ {ALLGATHERS:g}", reached])


def compared(peer):
    return ("work", 56), ("threads", 12), (peer, 9), ("metrics", 9), ("ratio", 5), ("wanted", 6), ("", 7)


GATHERED = (("ranks", 1), ("collectives", 1), ("bytes", 6), ("sync, min", 9), ("allgather, min", 9), ("ratio", 5))
GATHERED += (("sync, median", 9), ("allgather, median", 9), ("ratio", 5), ("wanted", 6), ("", 7))


def compare_rows(rows, programs, inputs, rounds):
    if not rows:
        return
    table = Table(*compared(rows[0].peer))
    with Contender(programs[0], 1) as theirs, Contender(programs[1], 1) as ours:
        for row in rows:
            compare((theirs, ours), row, inputs, rounds, table)
    print()


def compare_over_ranks(rows, programs, inputs, rounds):
    if not rows:
        return
    table = Table(*compared("torchmetrics"))
    for row in rows:
        with Contender(programs[0], row.ranks) as theirs, Contender(programs[1], row.ranks) as ours:
            compare((theirs, ours), row, inputs, rounds, table)
    print()
    table = Table(*GATHERED)
    for row in rows:
        if row.do == "sync":
            with Contender(programs[1], row.ranks) as ours:
                prepare((ours, ours), row, inputs)
                compare_with_allgather(ours, row.ranks, rounds, table)
    print()


def vector_units():
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "vector units unknown"
    return next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "no AVX2")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=HERE.parent.parent / "build/release/bench/vs_torchmetrics", type=Path)
    parser.add_argument("--only", default="", help="rows whose work matches this regular expression")
    parser.add_argument("--rounds", default=9, type=int)
    arguments = parser.parse_args()
    if not arguments.program.exists():
        parser.error(f"{arguments.program} is not there: scripts/bench.sh builds it")
    programs = [sys.executable, str(HERE / "theirs.py")], [str(arguments.program)]

    def chosen(rows):
        return [row for row in rows if re.search(arguments.only, row.work)]

    print(f"{os.cpu_count()} processors ({platform.machine()}, {vector_units()}); one call, medians of the run\n")
    with tempfile.TemporaryDirectory() as folder:
        inputs = Inputs(folder)
        compare_rows(chosen(update_targets()), programs, inputs, arguments.rounds)
        compare_rows(chosen([*curve_targets(), *rank_targets(), *retrieval_targets(), *together_targets(), *clustering_targets(), *pair_targets()]), programs, inputs, arguments.rounds)
        beside = [sys.executable, str(HERE / "weighted.py")]
        for peer in ("scikit-learn", "torcheval"):
            if peer != "torcheval" or importlib.util.find_spec("torcheval"):
                compare_rows(chosen(weighted_targets(peer)), (beside, programs[1]), inputs, arguments.rounds)
            else:
                print("torcheval is not there: pip install torcheval==0.0.7\n")
        compare_over_ranks(chosen(sync_targets()), programs, inputs, arguments.rounds)
        compare_rows(chosen(every_class()), programs, inputs, arguments.rounds)


if __name__ == "__main__":
    main()
