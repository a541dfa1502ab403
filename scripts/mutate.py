#!/usr/bin/env python3
"""Changes one operator at a time in a source, and shows which changes no fixture notices.

    scripts/mutate.py --build build/dev src/classification/counting_kernels.cpp --count 10

A change that still compiles and fails no case is a survivor: either it changes nothing that can be seen, or a case is missing.
The source is put back afterwards, whatever happens. Exit code: the number of survivors.
"""

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What is replaced, and by what. Each pattern is an operator among spaces, as clang-format leaves it.
OPERATORS = [
    (r" == ", " != "),
    (r" != ", " == "),
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \* ", " + "),
    (r" / ", " * "),
    (r" && ", " || "),
    (r" \|\| ", " && "),
    (r" \+= ", " -= "),
    (r"\+\+(?=\w*\[)", "--"),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
]


def is_code(line: str) -> bool:
    """Leave out comments, includes, templates and messages, where a change shows nothing."""
    text = line.strip()
    return not text.startswith(("//", "#", "*", "template", "using")) and '"' not in text


def mutants(source: str) -> list:
    """List (line number, the new line) for every single change."""
    found = []
    for number, line in enumerate(source.split("\n")):
        if not is_code(line):
            continue
        for pattern, replacement in OPERATORS:
            for match in re.finditer(pattern, line):
                found.append((number, line[: match.start()] + replacement + line[match.end() :]))
    return found


def spread(found: list, count: int, seed: str) -> list:
    """Take `count` of them in an order that depends on the seed alone."""
    order = sorted(found, key=lambda m: hashlib.sha256(f"{seed}/{m}".encode()).digest())
    return order[:count]


def main() -> int:
    """Try the changes one by one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--build", type=Path, required=True, help="a configured build tree of this checkout")
    parser.add_argument("--tests", default="fixtures: every case in every way*,fixtures: what must be refused*", help="doctest's filter")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for a run of the tests; a hang counts as noticed")
    parser.add_argument("--prefix", default="", help="put before each command, such as nice")
    arguments = parser.parse_args()
    original = arguments.source.read_text()
    lines = original.split("\n")
    build = [*arguments.prefix.split(), "cmake", "--build", str(arguments.build), "--target", "metrics_tests", "-j1"]
    test = [*arguments.prefix.split(), str(arguments.build / "tests" / "metrics_tests"), f"--test-case={arguments.tests}", "--abort-after=1"]
    survivors = tried = 0
    try:
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        if subprocess.run(test, stdout=subprocess.DEVNULL).returncode != 0:
            sys.exit("the tests fail before any change")
        for number, line in spread(mutants(original), arguments.count, arguments.seed):
            arguments.source.write_text("\n".join([*lines[:number], line, *lines[number + 1 :]]))
            if subprocess.run(build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
                continue
            tried += 1
            try:
                noticed = subprocess.run(test, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=arguments.timeout).returncode != 0
            except subprocess.TimeoutExpired:
                noticed = True
            survivors += not noticed
            print(f"{'noticed ' if noticed else 'SURVIVED'} {arguments.source}:{number + 1}: {lines[number].strip()}  ->  {line.strip()}", flush=True)
    finally:
        arguments.source.write_text(original)
        subprocess.run(build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(f"{tried} changes, {survivors} survived")
    return survivors


if __name__ == "__main__":
    sys.exit(main())
