#!/usr/bin/env python3
"""Carries states between this library and the real torchmetrics in files, both ways, for every class that has fixtures.

    tests/io/checkpoints.py [--build build/release] [class …]

A case is saved half-way by one library and loaded by the other, which goes on; the final value has to be the case's. Files are those of
`torch.save` and, of every third case, safetensors. Python loads with its defaults (`weights_only=True`, strict). Cases are those
that torchmetrics itself can carry on from its own file. What cannot be carried is listed below, and has to fail as the list says.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "python_compat_fixtures"), str(ROOT / "scripts")]

import torch  # noqa: E402
from cases import create, fed, same  # noqa: E402
from fuzz import decoded  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file, save, save_file  # noqa: E402

# Ways that do not exist, with a word of the error: "load" is torchmetrics reading a file of here, "save" the other way round.
BINS = {"load": "same number of dimensions"}  # bins are kept here, which torchmetrics cannot go on from
CANNOT = {name: BINS for name in ("BinaryCalibrationError", "MulticlassCalibrationError", "CalibrationError")}
CANNOT["CosineSimilarity"] = {"load": "same number of dimensions"}
# Of scores torchmetrics counts as many categories as there are raters; the others have none.
CANNOT["FleissKappa/FleissKappa/scores"] = {"load": "Sizes of tensors must match", "save": "was given rows of shape"}
# Classes of which no case can be carried, and why.
NOT_CARRIED = {
    "BootStrapper": "its draws are others in torchmetrics, whose states are those of as many copies",
    "EmbeddingMetrics": "torchmetrics has no such class",
    "FeatureShare": "its cases are collections without it in torchmetrics",
    "FrechetInceptionDistance": "its cases are computed by definition, without the package that torchmetrics needs",
    "MetricTracker": "its steps are no states: torchmetrics makes them anew by `increment`, and cannot load them",
    "MinMaxMetric": "torchmetrics forgets its extremes in every forward",
    "Running": "torchmetrics does not save which update comes next",
    "RunningMean": "torchmetrics does not save which update comes next",
    "RunningSum": "torchmetrics does not save which update comes next",
}
# Inputs that torchmetrics takes by position alone.
BY_POSITION = {"BinaryTargetTransformer", "LambdaInputTransformer", "MetricInputTransformer"}


class Play:
    """The program that plays cases with this library."""

    def __init__(self, build: Path) -> None:
        program = build / "tests" / "play_cases"
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def play(self, name: str, case: dict, tensors: dict, half: int, file: Path) -> Any:
        """Return the value, or raise what the program says."""
        given = save({k: v.contiguous() for k, v in tensors.items()})
        request = {"case": case, "plays": [name], "half": half, "file": str(file), "bytes": len(given)}
        self.process.stdin.write(json.dumps(request).encode() + b"\n" + given)
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())[name]
        if "error" in answer:
            raise RuntimeError(f"{answer['call']}: {answer['error']}")
        return decoded(answer["value"])


class Fixture:
    """A case of an index, with its tensors."""

    def __init__(self, index: Path, case: dict) -> None:
        self.case = case
        self.name = f"{case['class']}/{case['name']}"
        with safe_open(index.with_suffix(".safetensors"), "pt") as file:
            self.tensors = {k: file.get_tensor(k) for k in sorted(set(self._keys(case)) & set(file.keys()))}

    def _keys(self, node: Any):
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            for value in node.values():
                yield from self._keys(value)
        elif isinstance(node, list):
            for value in node:
                yield from self._keys(value)

    def value(self, node: Any) -> Any:
        """Read an input or a value as the index writes it."""
        if node is None or isinstance(node, str):
            return None if node is None else self.tensors[node]
        ((kind, content),) = node.items()
        if kind == "list":
            return [self.value(n) for n in content]
        return {k: self.value(n) for k, n in content.items()} if kind == "dict" else content

    def batches(self) -> list:
        return [{k: self.value(v) for k, v in batch.items()} for batch in self.case["batches"]]

    def agrees(self, value: Any) -> bool:
        # Sums are rounded to float32 in a file, once more than in the case.
        rtol, atol = (max(self.case.get(k, 0.0), least) for k, least in (("rtol", 1e-5), ("atol", 1e-6)))
        return same(plain(value), plain(self.value(self.case["final"])), rtol, atol)

    def resumes(self) -> bool:
        """Tell whether torchmetrics goes on from its own states to the value of the case."""
        batches = self.batches()
        try:
            states = updated(self.made(), batches[: len(batches) // 2], self.by_position).state_dict()
            metric = self.made()
            metric.load_state_dict(states)
            return self.agrees(updated(metric, batches[len(batches) // 2 :], self.by_position).compute())
        except Exception:  # noqa: BLE001 whatever it is, it does not
            return False

    @property
    def by_position(self) -> bool:
        return self.case["class"] in BY_POSITION

    def made(self) -> Any:
        """Make torchmetrics' metric, which saves its states, as do those within it: wrappers of torchmetrics do not pass it on."""
        metric = create(self.case["class"], self.case["options"])
        for part in metric.modules():
            getattr(part, "persistent", lambda _: None)(True)
        return metric


def plain(value: Any) -> Any:
    """Bring tuples to lists, and float64 to float32: moments are float64 in a file of here, and stay so in torchmetrics."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def updated(metric: Any, batches: list, by_position: bool) -> Any:
    for batch in batches:
        fed(metric.update, batch, by_position)
    return metric


def flat(states: dict) -> dict:
    """Name the tensors of lists as a safetensors file does."""
    return {f"{k}[{i}]" if isinstance(v, list) else k: t.contiguous() for k, v in states.items() for i, t in enumerate(v if isinstance(v, list) else [v])}


def unflat(file: Path) -> dict:
    """Read states of a safetensors file that was written here."""
    with safe_open(file, "pt") as opened:
        lists = json.loads(opened.metadata()["metrics"])["lists"]
    states = {k: v for k, v in load_file(file).items() if not (m := re.fullmatch(r"(.*)\[\d+\]", k)) or m[1] not in lists}
    tensors = load_file(file)
    return states | {k: [tensors[f"{k}[{i}]"] for i in range(n)] for k, n in lists.items()}


def carried(play: Play, fixture: Fixture, folder: Path, suffix: str) -> dict:
    """Play both ways; return what went wrong in each."""
    case, batches = fixture.case, fixture.batches()
    half = len(batches) // 2
    written = ({k: v for k, v in case.items() if k not in ("functional", "whole")}, fixture.tensors, half)

    def load() -> Any:
        file = folder / f"here{suffix}"
        mine = play.play("to_file", *written, file)
        if not fixture.agrees(mine):
            return f"the file's writer ends with {mine}"
        metric = fixture.made()
        metric.load_state_dict(torch.load(file) if suffix == ".pt" else unflat(file))
        value = updated(metric, batches[half:], fixture.by_position).compute()
        return "" if fixture.agrees(value) else f"torchmetrics ends with {value}"

    def save() -> Any:
        file = folder / f"there{suffix}"
        states = updated(fixture.made(), batches[:half], fixture.by_position).state_dict()
        torch.save(states, file) if suffix == ".pt" else save_file(flat(states), file)
        value = play.play("from_file", *written, file)
        return "" if fixture.agrees(value) else f"here it ends with {value}"

    wrong = {}
    for name, way in (("load", load), ("save", save)):
        try:
            wrong[name] = way()
        except Exception as error:  # noqa: BLE001 whatever it is, the way does not exist
            wrong[name] = f"{type(error).__name__}: {error}"
    return wrong


def fixtures(names: list) -> dict:
    """Pick two cases of each class, of different options where there are such, that torchmetrics can carry on."""
    found: dict = {}
    for index in sorted((ROOT / "python_compat_fixtures").glob("*/*.json")):
        for case in json.loads(index.read_text())["cases"]:
            if "class" not in case or names and case["class"] not in names:
                continue
            of_class = found.setdefault(case["class"], [])
            special = {"reason", "valid", "ids", "weights"} & {k for k, v in case.items() if v} or '"drawn"' in json.dumps(case["batches"])
            if special or len(case["batches"]) < 2 or len(of_class) == 2 or of_class and case["options"] == of_class[0].case["options"] or case["class"] in NOT_CARRIED:
                continue
            fixture = Fixture(index, case)
            if fixture.resumes():
                of_class.append(fixture)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("names", nargs="*", metavar="class")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    play, failed, number = Play(arguments.build), 0, 0
    warnings.simplefilter("ignore")
    picked = fixtures(arguments.names)
    with tempfile.TemporaryDirectory() as folder:
        for name, of_class in picked.items():
            if not of_class and name not in NOT_CARRIED:
                failed += 1
                print(f"{name}: no case of it can be carried, and no reason is listed")
            for fixture in of_class:
                number += 1
                for suffix in (".pt", *[".safetensors"] * (number % 3 == 0)):
                    for way, wrong in carried(play, fixture, Path(folder), suffix).items():
                        expected = CANNOT.get(fixture.name, CANNOT.get(name, {})).get(way, "")
                        if bool(wrong) != bool(expected) or expected not in wrong:
                            failed += 1
                            print(f"{fixture.name}, {way}, {suffix}: {wrong or f'works, and should fail with {expected}'}"[:600])
    print(f"{number} cases of {sum(map(bool, picked.values()))} classes, {failed} of their ways wrong")
    return 1 if failed or number == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
