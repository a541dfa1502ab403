#!/usr/bin/env python3
"""Draws cases, plays them in the real torchmetrics and here, and prints the smallest it can find for each difference.

    scripts/fuzz.py [--build build/release] [--seconds N | --cases N] [--seed S] [domain or class …]

Options are drawn from what the registry says of them (`metrics list --json`), batches by domain. Each case is played by updates,
by forward, by shards that are merged and by the functional; where rows weigh, torchmetrics is given each as often; collections and wrappers also with a reset, a copy and a state dict half-way; an error in both is agreement. What python_compat_fixtures/known_differences.py
explains by the reason of a fixture is counted and not shown. What is left is made smaller while it stays, and printed as a case for a script
of fixtures. Of the same seed and number of cases come the same cases; `--case NAME` plays the one of that name again.
"""

import argparse
import inspect
import json
import select
import subprocess
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Optional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python_compat_fixtures"))

import torch  # noqa: E402
from cases import Case, Stem, concatenated, copied, fed, find_functional, grouped, same  # noqa: E402
from fuzz_composites import DRAWS, GROUPS, TRACKER, UNNAMED, Leaves, drawn_composite, made_there, meant_for, smaller_options, ways_of_composite, without_groups  # noqa: E402
from fuzz_draws import CALLS, OWN, WEIGHTS, Drawn, NotDrawn, drawn, ways_of  # noqa: E402
from known_differences import TOLERANCES, Known, Outcome, Play, reading, said, theirs_made  # noqa: E402
from safetensors.torch import save  # noqa: E402
from torch import Tensor  # noqa: E402

PATIENCE = 60  # seconds for an answer
PLAYS = ("updates", "forward", "merged", "reset", "clone", "saved", "functional")
ATTEMPTS = 400  # smaller cases to try for a difference
DTYPES = {"Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16, "Long": torch.int64}
DTYPES |= {"Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8, "Bool": torch.bool}


def decoded(node: Any) -> Any:
    """Read a value of the other process."""
    if node is None:
        return None
    ((kind, content),) = node.items()
    if kind == "tensor":
        flat = torch.frombuffer(bytearray.fromhex(content["hex"]), dtype=DTYPES[content["dtype"]]) if content["hex"] else torch.empty(0, dtype=DTYPES[content["dtype"]])
        return flat.reshape(content["shape"])
    if kind == "list":
        return [decoded(n) for n in content]
    if kind == "dict":
        return {k: decoded(n) for k, n in content.items()}
    return content


class Here:
    """The process that plays cases with this library; one that ends is started again."""

    def __init__(self, program: Path) -> None:
        self.program = program
        self.process: Optional[subprocess.Popen] = None

    def play(self, given: Drawn) -> dict:
        """Return the outcome of each play, or what became of the process."""
        if self.process is None:
            self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        case, stem = given.case, Stem("fuzz")
        batches = [{k: v for k, v in b.items() if k != WEIGHTS} for b in case.batches]
        entry = {"name": case.name, "class": case.metric, "options": case.options, "batches": [stem._inputs(b) for b in batches], "rows": case.rows}
        if weighs(case):
            entry["weights"] = [stem._inputs(b)[WEIGHTS] for b in case.batches]
        tolerance = TOLERANCES["ways"]
        entry |= {"rtol": tolerance["rtol"], "atol": tolerance["atol"]}
        if case.functional:
            arguments = functional_arguments(case)
            if arguments is not None:
                entry |= {"functional": case.functional, "functional_call": stem._inputs(arguments[0] | arguments[1])}
        tensors = save(stem.tensors)
        plays = given.plays + ["merged"] * bool(given.shares) + ["functional"] * ("functional" in entry)
        request = {"case": entry, "plays": plays, "shares": given.shares, "half": given.half, "ways": given.ways, "bytes": len(tensors)}
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n" + tensors)
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            line = self.process.stdout.readline() if ready else b""
        except BrokenPipeError:
            ready, line = True, b""
        if line:
            return json.loads(line)
        self.close()
        return {"ended": f"the process {'has ended' if ready else f'has not answered for {PATIENCE} s'}"}

    def close(self) -> None:
        """End the process."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def functional_arguments(case: Case) -> Optional[tuple]:
    """Return the inputs and options that the functional is called with; None where its inputs are others than the class's."""
    names = inspect.signature(find_functional(case.functional)).parameters
    options = {k: v for k, v in case.options.items() if k in names or k in OWN}
    if case.functional_call is not None:
        inputs = {k: v for k, v in case.functional_call.items() if isinstance(v, Tensor)}
        return inputs, {k: v for k, v in case.functional_call.items() if k not in inputs}
    if options != case.options:
        return None
    try:
        whole = concatenated(case.batches)
    except Exception:  # noqa: BLE001 the batches do not fit together
        return None
    return (whole, options) if whole.keys() <= set(names) else None


# More than any query weighs.
MOST_WEIGHT = 8


def repeated(case: Case) -> Case:
    """Give each row as often as it weighs, which torchmetrics does not know of."""

    def batch(given: dict) -> dict:
        if WEIGHTS not in given:
            return given
        times = given[WEIGHTS].long()
        each = lambda v: v.repeat_interleave(times, 0) if isinstance(v, Tensor) else [x for x, n in zip(v, times.tolist()) for _ in range(n)]
        rows = {k: each(v) for k, v in given.items() if k != WEIGHTS}
        if "indexes" not in rows:
            return rows
        copy = torch.tensor([i for n in times.tolist() for i in range(n)], dtype=torch.int64).reshape(-1, *[1] * (rows["indexes"].ndim - 1))
        return rows | {"indexes": (rows["indexes"] * MOST_WEIGHT + copy).to(rows["indexes"].dtype)}  # a query k times is k queries

    return replace(case, batches=[batch(b) for b in case.batches])


def weighs(case: Case) -> bool:
    """Tell whether rows have weights."""
    return any(WEIGHTS in b for b in case.batches)


def as_integers(outcome: Outcome) -> Outcome:
    """Bring a value of whole numbers, which may be counts of weighted rows, to integers."""

    def integers(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [integers(v) for v in value]
        whole = isinstance(value, Tensor) and value.is_floating_point() and torch.equal(value, value.round())
        return value.long() if whole else value

    return replace(outcome, value=integers(outcome.value))


def like(value: Any, other: Any) -> Any:
    """Bring counts of weighted rows, which are floating numbers, to integers where the other value has these."""
    if isinstance(value, Tensor) and isinstance(other, Tensor):
        return value.to(other.dtype) if value.is_floating_point() and not other.is_floating_point() and torch.equal(value, value.round()) else value
    if isinstance(value, (list, tuple)) and isinstance(other, (list, tuple)):
        return type(value)(like(a, b) for a, b in zip(value, other)) if len(value) == len(other) else value
    return value


def tried(call: Callable) -> Outcome:
    """Return the value of a call, or what it raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Outcome(value=call())
    except Exception as error:  # noqa: BLE001 whatever it raises is a refusal
        return Outcome(error=f"{type(error).__name__}: {error}")


def there(given: Drawn, make: Optional[Callable] = None, names: tuple = PLAYS) -> dict:
    """Play a case with torchmetrics, or with what `make` makes: the outcome of each play."""
    case, half = repeated(given.case), given.half
    if make is None:
        make = lambda: made_there(case.metric, case.options | given.there) if case.metric in DRAWS else theirs_made(case)

    def updated(metric: Any, batches: list) -> Any:
        for batch in batches:
            fed(metric.update, batch, case.by_position)
        return metric

    def forward() -> Any:
        metric = make()
        values = [fed(metric, batch, case.by_position) for batch in case.batches]
        return [*values, metric.compute()]

    def reset() -> Any:
        metric = updated(make(), case.batches[:half])
        before = metric.compute()
        metric.reset()
        return [before, updated(metric, case.batches[half:]).compute()]

    def clone() -> Any:
        metric = updated(make(), case.batches[:half])
        twin = metric.clone()
        return [updated(metric, case.batches[half:]).compute(), twin.compute()]

    def saved() -> Any:
        first, second = updated(make(), case.batches[:half]), make()
        for metric in (first, second):
            for part in metric.modules():  # wrappers of torchmetrics do not pass it on
                getattr(part, "persistent", lambda _: None)(True)
        second.load_state_dict(first.state_dict())
        return updated(second, case.batches[half:]).compute()

    def functional() -> Any:
        inputs, options = functional_arguments(case)
        return find_functional(case.functional)(**grouped(copied(inputs)), **{k: v for k, v in options.items() if k not in OWN})

    def steps(by_forward: bool) -> Any:
        tracker, values = make(), []
        for batch in case.batches:
            tracker.increment()
            values.append(fed(tracker if by_forward else tracker.update, batch))
        best, step = tracker.best_metric(return_step=True)
        both = lambda value, at: None if value is None else [torch.tensor(value, dtype=torch.float64), at]
        found = {k: both(best[k], step[k]) for k in best} if isinstance(best, dict) else both(best, step)
        return [*(values if by_forward else []), tracker.compute_all(), tracker.compute(), found]

    plays = {"updates": lambda: updated(make(), case.batches).compute(), "forward": forward, "reset": reset, "clone": clone, "saved": saved, "functional": functional}
    if case.metric == TRACKER:
        plays = {"updates": lambda: steps(False), "forward": lambda: steps(True)}
    asked = {*given.plays, *(["functional"] if case.functional and functional_arguments(case) is not None else [])}
    with reading(said(case)):
        return {name: tried(play) for name, play in plays.items() if name in asked and name in names}


@dataclass
class Difference:
    """What one play of a case gave in both, where that is not the same."""

    play: str
    what: str

    @property
    def kind(self) -> str:
        return f"{self.play}: {self.what.split(':')[0]}"


def outcome_of(node: dict) -> Outcome:
    """Read what the other process says of a play."""
    return Outcome(value=decoded(node["value"])) if "value" in node else Outcome(error=node["error"])


def agree(case: Case, mine: Outcome, other: Outcome) -> bool:
    """Tell whether both give the same, or nothing."""
    if mine.error or other.error:
        return bool(mine.error and other.error)
    value = like(mine.value, other.value) if weighs(case) else mine.value
    return same(value, other.value, **TOLERANCES.get(case.metric, TOLERANCES["default"]))


def possible_ways(case: Case) -> list:
    """List the ways of the harness in which a case has to give the same."""
    return ways_of_composite(case) if case.metric in DRAWS else ways_of(case)


def one_of_each(differences: list) -> list:
    """Take the first of those that are of a kind, whatever the play."""
    return list({d.what.split(":")[0]: d for d in reversed(differences)}.values())


def shortened(text: Any, most: int = 300) -> str:
    """Show a value or a message on a line."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[:most] + " …"


class Fuzzer:
    """Plays cases in both libraries."""

    def __init__(self, here: Here, known: Known) -> None:
        self.here, self.known = here, known
        self.reasons: Counter = Counter()
        self.open: Counter = Counter()

    def differences(self, given: Drawn, counted: bool = False) -> list:
        """List the differences that nothing explains."""
        answer = self.here.play(given)
        if "ended" in answer:
            return [Difference("process", f"ended: {answer['ended']}")]
        theirs, found, explained, waiting = there(given), [], set(), set()
        for name in PLAYS:
            other = theirs.get("updates" if name == "merged" else name)
            if name not in answer or other is None:
                continue
            node = answer[name]
            mine = outcome_of(node)
            if mine.error and not node["is_metrics_error"]:
                found.append(Difference(name, f"not an error of metrics: {shortened(mine.error)}"))
                continue
            if mine.error and (other.error or name == "functional" and "updates" in theirs and theirs["updates"].error):
                continue
            if agree(given.case, mine, other):
                continue
            if given.case.metric in DRAWS and (reasons := self.by_parts(given, name, mine)):
                explained |= reasons
                continue
            play = Play(name, repeated(given.case), mine, other, given.wrong)
            counts = [replace(play, ours=as_integers(mine))] * (weighs(given.case) and bool(other.error))
            if reason := next(filter(None, map(self.known.explains, [play, *counts])), None):
                explained.add(reason)
                continue
            if fault := self.known.is_open(play):
                waiting.add(fault)
                continue
            show = lambda outcome: f"refuses it with {shortened(outcome.error)}" if outcome.error else shortened(outcome.value)
            kind = "refused here alone" if mine.error else "refused by torchmetrics alone" if other.error else "other value"
            found.append(Difference(name, f"{kind}: here {show(mine)}; torchmetrics {show(other)}"))
        if answer.get("refusal"):
            found.append(Difference("refusal", f"changes the metric: {answer['refusal']}"))
        for way, wrong in answer.get("ways", {}).items():
            if fault := self.known.is_open(Play(way, given.case, Outcome(error=wrong), Outcome())):
                waiting.add(fault)
                continue
            found.append(Difference(way, f"differs from updates: {shortened(wrong)}"))
        if counted:
            self.reasons.update(explained)
            self.open.update(waiting)
        return found

    def by_parts(self, given: Drawn, name: str, mine: Outcome) -> set:
        """Return the reasons why a metric made of others differs: by its parts, or by what it means itself; none where nothing explains it."""

        def played(case: Case) -> tuple:
            answer = self.here.play(Drawn(case, plays=["updates"]))
            if "ended" in answer:
                return Outcome(error=answer["ended"]), "process"
            return outcome_of(answer["updates"]), answer["updates"].get("call", "")

        leaves, play, alike = Leaves(played), "updates" if name == "merged" else name, without_groups(given)
        reasons, ours = meant_for(given.case)
        for meant, other in ((set(), {}), (reasons, ours)):
            leaves.asked.clear()
            make = lambda: made_there(given.case.metric, given.case.options | alike.there, leaves.make, other)  # noqa: B023
            if not agree(given.case, mine, there(given, make, (play,))[play]):
                continue
            of_parts = {self.of_part(case, outcome) for case, outcome, _ in leaves.asked.values()} - {""}
            if "?" in of_parts:
                return set()
            if meant or of_parts:
                return meant | of_parts
            if agree(given.case, mine, there(alike, names=(play,))[play]):
                return {GROUPS}
        return set()

    def of_part(self, case: Case, mine: Outcome) -> str:
        """Return the reason why a metric by itself differs; empty where it does not, and "?" where nothing explains it."""
        other = there(Drawn(case, plays=["updates"]))["updates"]
        return "" if agree(case, mine, other) else self.known.explains(Play("updates", case, mine, other)) or "?"

    def smallest(self, given: Drawn, difference: Difference) -> tuple[Drawn, Difference]:
        """Make a case smaller step by step, as long as the difference stays of its kind."""
        attempts = 0
        plays = [difference.play] if difference.play in given.plays else ["updates"]
        given = replace(given, plays=plays, ways=[difference.play] if difference.play in given.ways else [], shares=given.shares if difference.play == "merged" else [])
        progress = True
        while progress and attempts < ATTEMPTS:
            progress = False
            for smaller in smaller_ones(given):
                if smaller.ways and not set(smaller.ways) <= set(possible_ways(smaller.case)):
                    continue
                attempts += 1
                left = [d for d in self.differences(smaller) if d.kind == difference.kind]
                if left:
                    given, difference, progress = smaller, left[0], True
                    break
                if attempts >= ATTEMPTS:
                    break
        return given, difference


def rows_of(value: Any) -> Optional[int]:
    """Count the rows of an input; None where it has none."""
    if isinstance(value, Tensor):
        return value.shape[0] if value.ndim else None
    return len(value) if isinstance(value, list) else None


def without_rows(batch: dict, begin: int, end: int) -> dict:
    """Take rows out of every input that has them."""

    def cut(value: Any) -> Any:
        if rows_of(value) is None:
            return value
        return torch.cat([value[:begin], value[end:]]) if isinstance(value, Tensor) else value[:begin] + value[end:]

    return {k: cut(v) for k, v in batch.items()}


def simpler_tensors(tensor: Tensor):
    """Yield tensors that are simpler, the simplest first."""
    if tensor.is_floating_point():
        if tensor.dtype is not torch.float32:
            yield tensor.float()
        if not torch.equal(tensor.nan_to_num(), tensor.nan_to_num().round()):
            yield tensor.round()
            yield (tensor * 4).round() / 4
    elif tensor.dtype is not torch.int64:
        yield tensor.long()
    if tensor.ndim > 1 and tensor.shape[-1] > 1:
        yield tensor[..., :1]
    for value in (0, 1):
        flat = tensor.reshape(-1)
        if len(flat) > 1 and not bool((flat == value).all()):
            yield torch.full_like(tensor, value)
    if tensor.numel() <= 24:
        for i, x in enumerate(tensor.reshape(-1).tolist()):
            if x not in (0, 1):
                changed = tensor.clone()
                changed.view(-1)[i] = 0
                yield changed


def smaller_ones(given: Drawn):
    """Yield cases that are smaller by one step, the largest steps first."""
    case = given.case

    def other(batches: list, shares: Optional[list] = None) -> Drawn:
        return replace(given, case=replace(case, batches=batches), shares=given.shares if shares is None else shares)

    for i in range(len(case.batches)):
        if len(case.batches) > 1:
            shares, left = list(given.shares), i
            for s, count in enumerate(shares):
                if left < count:
                    shares[s] -= 1
                    break
                left -= count
            yield other(case.batches[:i] + case.batches[i + 1 :], shares)
    for options in smaller_options(case.options) if case.metric in DRAWS else []:
        yield replace(given, case=replace(case, options=options))
    ignored = case.options.get("ignore_index")
    for name in case.options if case.metric not in DRAWS else []:
        if name == "ignore_index" and isinstance(ignored, int) and any(bool((b["target"] == ignored).any()) for b in case.batches if isinstance(b.get("target"), Tensor)):
            continue  # the targets that are ignored would be out of range
        yield replace(given, case=replace(case, options={k: v for k, v in case.options.items() if k != name}))
    for i, batch in enumerate(case.batches):
        put = lambda changed: other([*case.batches[:i], changed, *case.batches[i + 1 :]])  # noqa: B023
        rows = max((rows_of(v) or 0 for v in batch.values()), default=0)
        step = rows // 2
        while step:
            for begin in range(0, rows, step):
                yield put(without_rows(batch, begin, begin + step))
            step //= 2
        if rows == 1:
            yield put(without_rows(batch, 0, 1))
        shapes = {tuple(v.shape) for v in batch.values() if isinstance(v, Tensor)}
        if len(shapes) == 1 and all(isinstance(v, Tensor) and v.ndim > 1 for v in batch.values()):
            yield put({k: v[..., :1] for k, v in batch.items()})
            yield put({k: v.flatten(0, 1) for k, v in batch.items()})
    tensors = {k for b in case.batches for k, v in b.items() if isinstance(v, Tensor)}
    for name in sorted(tensors):
        values = [b.get(name) for b in case.batches]
        if all(isinstance(v, Tensor) for v in values):
            for dtype in (torch.float32, torch.int64):
                if all(v.is_floating_point() == dtype.is_floating_point for v in values) and any(v.dtype is not dtype for v in values):
                    yield other([{**b, name: b[name].to(dtype)} for b in case.batches])
    for i, batch in enumerate(case.batches):
        for name, value in batch.items():
            if isinstance(value, Tensor):
                for simpler in simpler_tensors(value):
                    yield other([*case.batches[:i], {**batch, name: simpler}, *case.batches[i + 1 :]])
            elif isinstance(value, list):
                for j, element in enumerate(value):
                    if isinstance(element, str) and len(element.split()) > 1:
                        for word in range(len(element.split())):
                            words = element.split()
                            yield other([*case.batches[:i], {**batch, name: [*value[:j], " ".join(words[:word] + words[word + 1 :]), *value[j + 1 :]]}, *case.batches[i + 1 :]])
                    if isinstance(element, dict):
                        for row in range(len(element["labels"])):
                            yield other([*case.batches[:i], {**batch, name: [*value[:j], without_rows(element, row, row + 1), *value[j + 1 :]]}, *case.batches[i + 1 :]])
    if case.functional_call is not None:
        inputs = {k: v for k, v in case.functional_call.items() if isinstance(v, Tensor)}
        rows = max((rows_of(v) or 0 for v in inputs.values()), default=0)
        for row in range(rows):
            yield replace(given, case=replace(case, functional_call={**case.functional_call, **without_rows(inputs, row, row + 1)}))


def as_python(value: Any) -> str:
    """Write a value as the scripts of fixtures do."""
    if isinstance(value, Tensor):
        numbers = str(value.tolist()).replace("nan", "NAN").replace("-inf", "-INF").replace(" inf", " INF").replace("[inf", "[INF")
        plain = value.dtype in (torch.float32, torch.int64, torch.bool) and value.numel()
        if value.numel() == 0:
            return f"torch.zeros({tuple(value.shape)}, dtype={value.dtype})"
        return f"torch.tensor({numbers})" if plain else f"torch.tensor({numbers}, dtype={value.dtype})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {as_python(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_python(v) for v in value) + "]"
    return repr(value)


def shown(given: Drawn, difference: Difference) -> str:
    """Write a difference with its case, ready for a script of fixtures."""
    case = given.case
    call = f", functional={case.functional!r}" if case.functional and difference.play == "functional" else ""
    if call and case.functional_call is not None:
        call += f", functional_call={as_python(case.functional_call)}"
    lines = [f"{case.name}, {difference.play}: {difference.what}"]
    if difference.play == "merged":
        lines.append(f"    # shards of {given.shares} batches")
    if difference.play in ("reset", "clone", "saved"):
        lines.append(f"    # after {given.half} batches")
    if not case.metric:
        return "\n".join([*lines, f'    stem.call(Call("{case.functional}/…", {case.functional!r}, {as_python(case.functional_call)}))'])
    lines.append(f'    stem.add(Case("{case.metric}/…", {case.metric!r}, {case.options!r}, {as_python(case.batches)}{call}))')
    return "\n".join(lines)


def chosen(registry: list, names: list) -> list:
    """Take the entries of the domains and classes named; of all domains that can be drawn without any."""
    unknown = [n for n in names if not any(n in (e["name"], e["domain"]) for e in registry)]
    if unknown:
        sys.exit(f"no domain and no class named {', '.join(unknown)}; the registry has the domains {', '.join(sorted({e['domain'] for e in registry}))}")
    return [e for e in registry if not names or e["name"] in names or e["domain"] in names]


def main() -> int:
    """Draw, play, compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="a built tree, with the programs metrics and tests/play_cases")
    parser.add_argument("--seconds", type=float, help="stop after so long; 60 unless --cases is given")
    parser.add_argument("--cases", type=int, help="stop after so many cases: the same whatever the machine")
    parser.add_argument("--seed", default="1", help="another seed, other cases")
    parser.add_argument("--case", action="append", default=[], help="play the case of this name again, as it was printed; may be repeated")
    parser.add_argument("--most", type=int, default=20, help="stop after so many differences")
    parser.add_argument("--verbose", action="store_true", help="name each known difference that was met")
    parser.add_argument("names", nargs="*", metavar="domain or class", help="all domains unless named")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    programs = [arguments.build / "metrics", arguments.build / "tests" / "play_cases"]
    for program in programs:
        if not program.exists():
            parser.error(f"{program} is not there: build the targets metrics_cli and play_cases, and name the tree by --build")
    listed = json.loads(subprocess.run([programs[0], "list", "--json"], capture_output=True, check=True).stdout)
    registry = listed["metrics"] + UNNAMED + [f for f in listed["functionals"] if f["domain"] in CALLS]
    draw = lambda entry, name: drawn_composite(registry, entry, name) if entry["name"] in DRAWS else drawn(entry, name)
    entries, left_out = [], Counter()
    for entry in chosen(registry, arguments.names):
        try:
            draw(entry, "first")
            entries.append(entry)
        except NotDrawn:
            left_out[entry["domain"]] += 1
    if not entries:
        sys.exit("nothing that is named can be drawn")
    fuzzer = Fuzzer(Here(programs[1]), Known())
    by_name = {e["name"]: e for e in entries}
    names = iter(arguments.case) if arguments.case else (f"{arguments.seed}/{e['name']}/{i}" for i in range(10**9) for e in entries)
    seconds = arguments.seconds or (None if arguments.cases or arguments.case else 60)
    begin, played, found, kinds = time.monotonic(), 0, 0, set()
    try:
        for name in names:
            if (seconds and time.monotonic() - begin > seconds) or played == arguments.cases or found >= arguments.most:
                break
            given = draw(by_name[name.split("/")[1]], name)
            played += 1
            for difference in one_of_each(fuzzer.differences(given, counted=True)):
                kind = (given.case.metric or given.case.functional, difference.kind)
                if kind in kinds:
                    continue
                kinds.add(kind)
                found += 1
                print(shown(*fuzzer.smallest(given, difference)), flush=True)
    finally:
        fuzzer.here.close()
    if arguments.verbose:
        for reason, count in fuzzer.reasons.most_common():
            print(f"{count:6} {reason}")
    known = sum(fuzzer.reasons.values())
    print(f"{played} cases of {len(entries)} classes in {time.monotonic() - begin:.0f} s: {found} differences, and {known} known ones of {len(fuzzer.reasons)} kinds")
    for fault, count in fuzzer.open.most_common():
        print(f"waits to be mended, {count} cases: {fault}")
    for domain, count in left_out.items():
        print(f"not drawn: {count} classes of {domain}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
