#!/usr/bin/env python3
"""Changes one operator at a time in sources, and shows which changes no test notices.

    scripts/mutate.py --build build/dev --stems classification/accuracy src/classification/counts/class_kernels.cpp --count 10
    scripts/mutate.py --build build/dev --stems text/wer --each-line --unit tests/text/wer_test.cpp src/text/edit_distance.cpp
    scripts/mutate.py --build build/dev --stems classification/auroc --lines 18,37-40 src/classification/curves/auroc.cpp

A change that still compiles and fails no case is a survivor: either it changes nothing that can be seen, or a case is missing.
What is changed is a copy: the checkout and the build tree, which must be built with the shared library, stay as they are. Of a header
the library's objects that read it are compiled again, and those of the tests named by --unit. Exit code: the number of survivors.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
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
    (r"(?<!\[) & ", " | "),
    (r" \| ", " & "),
    (r" << (?=\d|\w+\)?[;)])", " >> "),
    (r" >> (?=\d|\w+ [&=])", " << "),
    (r" \+= ", " -= "),
    (r" [|&]= ", " = "),
    (r"\+\+(?=[\w(]*\[)", "--"),
    (r"~(?=\()", ""),
    (r"!(?=[\w(])", ""),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r"\bstd::min\b", "std::max"),
    (r"\bstd::max\b", "std::min"),
]
# For lines without such an operator: a number that is another, a statement that is not there.
LITERALS = [(r"(?<![\w.])0(?![\w.])", "1"), (r"(?<![\w.])1(?![\w.])", "0"), (r"(?<![\w.])[2-9](?![\w.])", "1")]
STATEMENT = re.compile(r"\s*[a-z_][\w.\[\]:>-]*(\(.*\)| [-+|&^]?= .*);$|\s*(continue|break);$")


def is_code(line: str) -> bool:
    """Leave out comments, includes, templates, messages and memory set aside, where a change shows nothing."""
    text = line.strip()
    return not text.startswith(("//", "#", "*", "template", "using", "static_assert", "METRICS_")) and '"' not in text and ".reserve(" not in text


def changes_of(lines: list, number: int) -> list:
    """List what the line may become by a single change."""
    line = lines[number]
    code = line.split("  // ")[0].split("  ///<")[0]
    if not is_code(line):
        return []

    def replaced(patterns: list) -> list:
        return [line[: m.start()] + m.expand(new) + line[m.end() :] for old, new in patterns for m in re.finditer(old, code)]

    found = replaced(OPERATORS)
    if found:
        return found
    found = replaced(LITERALS)
    begins = number == 0 or lines[number - 1].split("  // ")[0].rstrip().endswith((";", "{", "}", ":")) or not is_code(lines[number - 1])
    if STATEMENT.match(code) and begins and code.count("(") == code.count(")"):
        found.append(line[: len(line) - len(line.lstrip())] + ";")
    return found


def mutants(lines: list, wanted: set) -> list:
    """List (line number, the new line) for every single change in the wanted lines."""
    return [(n, new) for n in range(len(lines)) if not wanted or n + 1 in wanted for new in changes_of(lines, n)]


def spread(found: list, seed: str) -> list:
    """Put them in an order that depends on the seed alone."""
    return sorted(found, key=lambda m: hashlib.sha256(f"{seed}/{m}".encode()).digest())


def numbers(text: str) -> set:
    """Read "3,7-9"."""
    found = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


@dataclass
class Object:
    """An object file of the build, and how a copy of its source is compiled into another."""

    name: str
    command: list


class Library:
    """The library and the tests, linked from the build's objects, but for those of changed copies of sources."""

    def __init__(self, build: Path, scratch: Path, prefix: list, timeout: int):
        self.build, self.scratch, self.prefix, self.timeout = build.resolve(), scratch, prefix, timeout
        for folder in ("src", "include", "tests"):
            shutil.copytree(ROOT / folder, scratch / folder, symlinks=True, copy_function=shutil.copy2)
        shutil.copy2(build / "tests" / "metrics_tests", scratch)
        self.objects = {}
        for entry in json.loads((build / "compile_commands.json").read_text()):
            command = shlex.split(entry["command"])
            self.objects[Path(entry["file"])] = Object(command[command.index("-o") + 1], command)
        links = self.ninja("commands", "metrics_tests").splitlines()
        self.library = next(line for line in links if re.search(r" -o libmetrics\.so\S*", line))
        self.program = next(line for line in links if " -o tests/metrics_tests " in line)
        self.soname = re.search(r"-Wl,-soname,(\S+)", self.library).group(1)
        self.readers = self.read_deps()

    def ninja(self, tool: str, *arguments: str) -> str:
        return subprocess.run(["ninja", "-C", self.build, "-t", tool, *arguments], check=True, capture_output=True, text=True).stdout

    def read_deps(self) -> dict:
        """List which sources read each header."""
        readers, by_object = {}, {o.name: source for source, o in self.objects.items()}
        source = None
        for line in self.ninja("deps").splitlines():
            if line.startswith(" "):
                readers.setdefault(os.path.normpath(self.build / line.strip()), set()).add(source)
            else:
                source = by_object.get(line.split(":")[0])
        return readers

    def affected(self, source: Path, units: list) -> list:
        """List the sources to compile when one has changed."""
        if source in self.objects:
            return [source]
        readers = {s for s in self.readers.get(str(source), set()) if s}
        if source.suffix == ".cpp":  # one of those that a unity build compiles together
            return [s for s in readers if self.build in s.parents]
        return sorted(s for s in readers if (ROOT / "src") in s.parents or s in units)

    def moved(self, text: str) -> str:
        """Put the copies in place of what they are copies of."""
        return re.sub(rf"{re.escape(str(ROOT))}/(src|include|tests)(?=/|$)", rf"{self.scratch}/\1", text, flags=re.MULTILINE)

    def compiled(self, source: Path) -> Path | None:
        """Compile the copy of a source; none if it does not compile, or not soon."""
        known = self.objects[source]
        target = self.scratch / (source.name + ".o")
        moved = [self.moved(word) for word in known.command]
        if self.build in source.parents:
            together = self.scratch / source.name
            together.write_text(self.moved(source.read_text()))
            moved[moved.index(str(source))] = str(together)
        moved[moved.index("-o") + 1] = str(target)
        moved = [word for word in moved if word not in ("-g1", "-g", "-Werror")]
        try:
            done = subprocess.run([*self.prefix, *moved], cwd=self.build, capture_output=True, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            return None
        return target if done.returncode == 0 else None

    def linked(self, sources: list) -> bool:
        """Compile the copies of sources and link what they are part of; false if that fails."""
        changed = {self.objects[source].name: self.compiled(source) for source in sources}
        if None in changed.values():
            return False
        for link, output in ((self.library, self.soname), (self.program, "metrics_tests")):
            words = shlex.split(link)
            if not any(name in words for name in changed):
                continue
            words = [str(changed.get(word, word)) for word in words if word not in (":", "&&")]
            words[words.index("-o") + 1] = str(self.scratch / output)
            if subprocess.run([*self.prefix, *words], cwd=self.build, capture_output=True).returncode != 0:
                return False
        return True

    def run(self, tests: list, arguments: argparse.Namespace) -> bool:
        """Run the tests with what was linked last; false if one fails, or does not end."""
        found = os.environ.get("LD_LIBRARY_PATH")
        environment = {**os.environ, "LD_LIBRARY_PATH": f"{self.scratch}:{found}" if found else str(self.scratch)}
        for name, chosen in (("STEMS", arguments.stems), ("WAYS", arguments.ways)):
            if chosen:
                environment[f"METRICS_TEST_{name}"] = chosen
        command = [*self.prefix, self.scratch / "metrics_tests", *tests, "--abort-after=1"]
        try:
            return subprocess.run(command, env=environment, capture_output=True, timeout=arguments.timeout).returncode == 0
        except subprocess.TimeoutExpired:
            return False


@dataclass
class Tally:
    """What became of the changes of one source."""

    tried: int = 0
    survivors: list = field(default_factory=list)
    not_compiled: list = field(default_factory=list)  # lines of which no change compiles


def try_changes(library: Library, source: Path, arguments: argparse.Namespace, runs: list) -> Tally:
    """Try the changes of one source one by one."""
    original = source.read_text()
    lines = original.split("\n")
    copy = library.scratch / source.relative_to(ROOT)
    sources = library.affected(source, arguments.unit)
    if not sources:
        sys.exit(f"{source}: nothing of the build reads it")
    if not library.linked(sources) or not all(library.run(run, arguments) for run in runs):
        sys.exit(f"{source}: does not compile, or the tests fail, before any change; is the build up to date?")
    order = spread(mutants(lines, arguments.lines), arguments.seed)
    if arguments.each_line:
        order.sort(key=lambda m: m[0])
    tally, done = Tally(), set()
    try:
        for number, line in order:
            if arguments.each_line and number in done:
                continue
            if not arguments.each_line and tally.tried == arguments.count:
                break
            copy.write_text("\n".join([*lines[:number], line, *lines[number + 1 :]]))
            if not library.linked(sources):
                continue
            done.add(number)
            tally.tried += 1
            survived = all(library.run(run, arguments) for run in runs)
            shown = f"{source.relative_to(ROOT)}:{number + 1}: {lines[number].strip()}  ->  {line.strip()}"
            if survived:
                tally.survivors.append(shown)
            print(f"{'SURVIVED' if survived else 'noticed '} {shown}", flush=True)
        if arguments.each_line:
            tally.not_compiled = sorted({number + 1 for number, _ in order if number not in done})
    finally:
        copy.write_text(original)
    return tally


def report(tallies: dict) -> None:
    """Print the table of sources, and the survivors."""
    print("\n| file | changed | noticed | survived | lines of which no change compiles |\n|---|---|---|---|---|")
    for source, tally in tallies.items():
        left = ", ".join(map(str, tally.not_compiled))
        print(f"| {source} | {tally.tried} | {tally.tried - len(tally.survivors)} | {len(tally.survivors)} | {left} |")
    for tally in tallies.values():
        for survivor in tally.survivors:
            print("survivor:", survivor)


def main() -> int:
    """Try the changes of all sources."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, nargs="+", help="a source or header below src or include")
    parser.add_argument("--build", type=Path, required=True, help="a built tree of this checkout, with compile_commands.json")
    parser.add_argument("--stems", default="", help="the fixtures to play, by their stems and a comma between; all unless given")
    parser.add_argument("--ways", default="updates", help="the ways in which fixtures are played, a comma between; all if empty")
    parser.add_argument("--unit", type=Path, action="append", default=[], help="a test source to run after the fixtures; may be repeated")
    parser.add_argument("--tests", default="fixtures: every case in every way*,fixtures: what must be refused*", help="doctest's filter of fixtures")
    parser.add_argument("--each-line", action="store_true", help="one change in every line that has any that compiles")
    parser.add_argument("--lines", type=numbers, default=set(), help="only in these lines, such as 3,7-9")
    parser.add_argument("--count", type=int, default=10, help="how many changes a source, without --each-line")
    parser.add_argument("--seed", default="1", help="another seed, other changes")
    parser.add_argument("--timeout", type=int, default=60, help="seconds for a run of the tests; a hang counts as noticed")
    parser.add_argument("--compile-timeout", type=int, default=180, help="seconds for a source; one that takes longer is left out")
    parser.add_argument("--prefix", default="", help="put before each command, such as nice")
    arguments = parser.parse_args()
    arguments.unit = [path.resolve() for path in arguments.unit]
    runs = [[f"--test-case={arguments.tests}"]] + [[f"--source-file=*/{path.relative_to(ROOT)}"] for path in arguments.unit]
    with tempfile.TemporaryDirectory(prefix="mutate-") as scratch:
        library = Library(arguments.build, Path(scratch), arguments.prefix.split(), arguments.compile_timeout)
        tallies = {}
        try:
            for source in arguments.source:
                tallies[source] = try_changes(library, source.resolve(), arguments, runs)
        finally:
            report(tallies)
    return sum(len(tally.survivors) for tally in tallies.values())


if __name__ == "__main__":
    sys.exit(main())
