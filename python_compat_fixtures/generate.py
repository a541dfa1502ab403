#!/usr/bin/env python3
"""Writes the fixtures of every script here, or compares what they give now with what is committed (`--check`).

A script for metrics has `write(stem)`; one for anything else has `table()`, whose rows are kept as JSON lines.
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARITY = HERE.parent / "docs" / "parity.md"
BEGIN, END = "<!-- differences: begin -->", "<!-- differences: end -->"
sys.path.insert(0, str(HERE))

import torch  # noqa: E402
from cases import Stem, same  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import save  # noqa: E402


def scripts(names: list) -> list:
    """List the fixture scripts: all of them, or those of the stems and domains named."""
    found = sorted(p for p in HERE.glob("*/*.py"))

    def named(script: Path) -> tuple:
        return script.parent.name, script.stem, f"{script.parent.name}/{script.stem}"

    unknown = [n for n in names if not any(n in named(p) for p in found)]
    if unknown:
        sys.exit(f"no fixture script named {', '.join(unknown)}; there are {', '.join(named(p)[2] for p in found)}")
    return [p for p in found if not names or set(names) & set(named(p))]


def loaded(script: Path):
    """Import one script."""
    spec = importlib.util.spec_from_file_location(f"fixtures_{script.parent.name}_{script.stem}", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table_failures(script: Path, rows: list, check: bool) -> list:
    """Write a table, or name it where it is not what is committed."""
    path = script.with_suffix(".jsonl")
    print(f"{script.parent.name}/{script.stem}: {len(rows)} rows{' compared' if check else ''}")
    if not check:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif not path.exists() or not alike([json.loads(line) for line in path.read_text().splitlines()], rows):
        return [f"{script.parent.name}/{path.name} is not what the script gives"]
    return []


def alike(a, b) -> bool:
    """Compare what JSON can hold, numbers to 1e-6."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-6 * max(1.0, abs(b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b))
    return a == b


def generated(script: Path, module) -> Stem:
    """Have one script write its cases."""
    stem = Stem(f"{script.parent.name}/{script.stem}")
    module.write(stem)
    return stem


def index_text(stem: Stem) -> str:
    """Write the index with a line per case, so that a change of one is a change of one line."""
    index = stem.index()
    parts = [f'"{k}": {json.dumps(index[k])}' for k in ("format", "stem", "source")]
    for k in ("cases", "misuse"):
        parts.append(f'"{k}": [\n' + ",\n".join(json.dumps(c, sort_keys=False) for c in index[k]) + "\n]")
    return "{" + ",\n".join(parts) + "}\n"


def differences(stem: Stem, script: Path) -> list:
    """Name what differs between a fresh run and the committed files."""
    index_path, tensors_path = script.with_suffix(".json"), script.with_suffix(".safetensors")
    if not index_path.exists() or not tensors_path.exists():
        return [f"{stem.name}: {index_path.name} or {tensors_path.name} is missing"]
    committed = json.loads(index_path.read_text())
    with safe_open(str(tensors_path), framework="pt") as file:
        tensors = {k: file.get_tensor(k) for k in file.keys()}
    found = []
    fresh = json.loads(json.dumps(stem.index()))  # as it will be read: tuples are lists there
    for k in ("format", "stem", "source"):
        if committed.get(k) != fresh[k]:
            found.append(f"{stem.name}: {k} is {fresh[k]}, committed {committed.get(k)}")
    for kind in ("cases", "misuse"):
        old = {c["name"]: c for c in committed.get(kind, [])}
        new = {c["name"]: c for c in fresh[kind]}
        found += [f"{stem.name}: {n}: not committed" for n in new.keys() - old.keys()]
        found += [f"{stem.name}: {n}: committed, no longer generated" for n in old.keys() - new.keys()]
        for name in new.keys() & old.keys():
            unsure = {option for case, option in stem.near_limit if case == name}
            fresh_case, committed_case = without_shown(new[name], unsure), without_shown(old[name], unsure)
            found += [f"{stem.name}: {name}: {d}" for d in case_differences(fresh_case, committed_case, stem.tensors, tensors)]
    return sorted(found)


def resolved(node, tensors: dict):
    """Put tensors in place of their keys in a stored value."""
    if isinstance(node, str):
        return tensors[node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind == "list":
        return [resolved(n, tensors) for n in content]
    return {k: resolved(n, tensors) for k, n in content.items()} if kind == "dict" else content


def resolved_inputs(batch: dict, tensors: dict) -> dict:
    """Put tensors in place of their keys in one batch."""
    return {name: resolved(node, tensors) for name, node in batch.items()}


def each(reader):
    """Apply a reader to each element of a list."""
    return lambda nodes, tensors: [reader(node, tensors) for node in nodes]


# What names tensors by their keys, and how it is read: inputs compare to the bit, the others by the case's tolerance.
INPUTS = {"batches": each(resolved_inputs), "whole": resolved_inputs, "functional_call": resolved_inputs, "valid": each(resolved), "ids": each(resolved), "weights": each(resolved)}
FIELDS = INPUTS | {"forward": each(resolved), "final": resolved, "functional_value": resolved}


def without_shown(case: dict, options: set) -> dict:
    """Leave out that these options show a difference: near the limit of what counts as one, machines round to either side of it."""
    shown = [option for option in case.get("differs_from_default", []) if option not in options]
    rest = {k: v for k, v in case.items() if k != "differs_from_default"}
    return rest | ({"differs_from_default": shown} if shown else {})


def case_differences(new: dict, old: dict, fresh: dict, committed: dict) -> list:
    """Compare one case: inputs to the bit, expected values by the case's tolerance, the rest as it stands."""
    found = []
    for k in sorted(new.keys() | old.keys()):
        if k not in new or k not in old:
            found.append(f"{k} is only {'generated' if k in new else 'committed'}")
        elif k in FIELDS:
            value, before = FIELDS[k](new[k], fresh), FIELDS[k](old[k], committed)
            if not same(value, before, *((0.0, 0.0) if k in INPUTS else (new["rtol"], new["atol"]))):
                found.append(f"{k} differ" if k in INPUTS else f"{k} is {value}, committed {before}")
        elif new[k] != old[k]:
            found.append(f"{k} is {new[k]!r}, committed {old[k]!r}")
    return found


def differences_table(indexes: list) -> str:
    """Write the table of deliberate differences: a line for each reason, with the cases that show it."""
    lines = ["| difference | expected values come from | shown by |", "|---|---|---|"]
    grouped: dict = {}
    for index in indexes:
        for case in index["cases"]:
            if "reason" in case:
                grouped.setdefault((case["reason"], case["reference"]), []).append(f"`{case['name']}`")
        for misuse in index["misuse"]:
            if "reason" in misuse:
                grouped.setdefault((misuse["reason"], "an error is expected"), []).append(f"`{misuse['name']}`")
    for (reason, reference), names in sorted(grouped.items()):
        shown = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
        lines.append(f"| {reason} | {reference} | {shown} |".replace("\n", " "))
    return "\n".join(lines)


def parity_page() -> tuple[str, str]:
    """Return the page as it is, and as the committed indexes would have it."""
    page = PARITY.read_text()
    indexes = [json.loads(p.read_text()) for p in sorted(HERE.glob("*/*.json"))]
    head, rest = page.split(BEGIN)
    return page, head + BEGIN + "\n" + differences_table(indexes) + "\n" + END + rest.split(END)[1]


def main() -> int:
    """Generate or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    parser.add_argument("stems", nargs="*", help="such as accuracy, classification/accuracy or text (a domain); all by default")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    failures = []
    for script in scripts(arguments.stems):
        module = loaded(script)
        if hasattr(module, "table"):
            failures += table_failures(script, module.table(), arguments.check)
            continue
        stem = generated(script, module)
        if arguments.check:
            failures += differences(stem, script)
            print(f"{stem.name}: {len(stem.cases)} cases, {len(stem.misuses)} misuses compared")
        else:
            script.with_suffix(".json").write_text(index_text(stem))
            script.with_suffix(".safetensors").write_bytes(save(stem.tensors))
            size = sum(script.with_suffix(s).stat().st_size for s in (".json", ".safetensors"))
            print(f"{stem.name}: {len(stem.cases)} cases, {len(stem.misuses)} misuses, {size // 1024} KiB")
    page, fresh = parity_page()
    if arguments.check and page != fresh:
        failures.append(f"{PARITY.name}: its table of differences is not what the cases say")
    elif not arguments.check:
        PARITY.write_text(fresh)
    for failure in failures:
        print(f"differs: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
