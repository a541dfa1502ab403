#!/usr/bin/env python3
"""Writes src/descriptions.cpp: what the doc comments of the public headers say, as data for `metrics list` and docs/metrics.

    scripts/describe.py           # writes it
    scripts/describe.py --check   # ends with 1 where it is not what the headers say

Of a class, and of a functional without one, the first sentence of its comment; of an input what stands after its name there, or in the comment of its family
("`preds`: scores [N, ...]; `target`: …"); of a field of a struct its comment, before or behind it.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "src" / "descriptions.cpp"
NOT_METRICS = {"core", "distributed", "trainer", "training"}

DECLARED = re.compile(r"^\s*(?:METRICS_METRIC\(|METRICS_CLASS\(|(?:class|struct)\s+(?:METRICS_API\s+)?)(\w+)")
FUNCTION = re.compile(r"^METRICS_API Tensor (\w+)\(")
FAMILY = re.compile(r"^\s*METRICS_METRIC\((\w+),\s*\w+,\s*Member<(\w+)")
TYPE = re.compile(r"^(?:enum class|using) (\w+)\b")
NAMESPACE = re.compile(r"^namespace (?:metrics(?:::|\b))?([\w:]*) ?\{$")
FIELD = re.compile(r"^\s+((?:std::)?[\w:<>, ]+?)[ >]((?:\w+, )*\w+)(?:\s*=\s*[^;]*|\{[^;]*\})?;\s*(?:///<\s*(.*))?$")


def sentence(text: str) -> str:
    """Return the first sentence."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`(])", text, maxsplit=1)[0]


def inputs_in(text: str) -> dict:
    """Return what a comment says of inputs by name."""
    found = {}
    for names, said in re.findall(r"((?:`\w+`(?:, | and )?)+): (.*?)(?=; `\w+`[:,]|; `\w+` and|\.(?:\s|$))", text):
        for name in re.findall(r"`(\w+)`", names):
            found.setdefault(name, said[0].upper() + said[1:] + ".")
    return found


class Headers:
    """What the comments of headers say."""

    def __init__(self) -> None:
        self.classes, self.families, self.fields, self.types = {}, {}, {}, {}
        self.metrics = set()
        self.listed = set()  # structs that say which their fields are

    def read(self, path: Path) -> None:
        """Collect the comments of a header."""
        comment, scope = [], []  # the structs around a line, by what they are called and how far they are indented
        spaces = []  # the namespaces around a line below `metrics`
        for line in re.sub(r"(METRICS_METRIC\([^;]*?),\n\s*", r"\1, ", path.read_text()).splitlines():
            if match := re.match(r"^\s*/// ?(?!<)(.*)", line):
                comment.append(match[1])
                continue
            said, comment = " ".join(comment).strip(), []
            indent = len(line) - len(line.lstrip())
            while scope and line.strip() and indent <= scope[-1][1]:
                scope.pop()
            if match := NAMESPACE.match(line):
                spaces.append(match[1])
            elif line.startswith("}  // namespace"):
                spaces.pop()
            if scope and "auto fields()" in line:
                self.listed.add(scope[0][0])
            if match := TYPE.match(line):
                self.types["::".join([*filter(None, spaces), match[1]])] = said
            if match := FAMILY.match(line):
                self.families[match[1]] = match[2]
            if "functional" in "::".join(spaces) and said and (match := FUNCTION.match(line)):
                self.classes[match[1]] = said
                self.metrics.add(match[1])
            if match := DECLARED.match(line):
                if line.rstrip().endswith("{"):
                    scope.append((match[1], indent))
                elif "METRICS_" not in line:
                    continue
                if said and indent == 0:
                    self.classes[match[1]] = said
                    if "struct" not in line:
                        self.metrics.add(match[1])
            elif scope and (match := FIELD.match(line)) and not re.search(r"\b(?:static|using|return)\b", line):
                # Options within a class are called after it.
                struct = scope[0][0]
                if scope[-1][0] == "Options":
                    self.listed.add(struct)
                for name in match[2].split(", "):
                    self.fields[struct, name] = match[3] or said or self.types.get(match[1].strip(), "")


def descriptions() -> dict:
    """Return sentences by class, by class and input, by struct and field."""
    headers = Headers()
    for path in sorted((ROOT / "include" / "metrics").rglob("*.h")):
        # Options that are written from a table have their sentences with them.
        if path.name != "options.h" and path.relative_to(ROOT / "include" / "metrics").parts[0] not in NOT_METRICS:
            headers.read(path)
    found = {}
    for name, text in headers.classes.items():
        if name not in headers.metrics:
            continue
        found[name] = sentence(text)
        of_inputs = inputs_in(headers.classes.get(headers.families.get(name), "")) | inputs_in(text)
        found |= {f"{name}.{key}": value for key, value in of_inputs.items()}
    return found | {f"{struct}.{name}": sentence(text) for (struct, name), text in headers.fields.items() if text and struct in headers.listed}


def literal(text: str, indent: str) -> str:
    """Return a C++ string, in lines that fit."""
    pieces, line = [], ""
    for word in re.findall(r"\S+\s*", text.replace("\\", "\\\\").replace('"', '\\"')):
        if len(line) + len(word) > 110 - len(indent):
            pieces.append(line)
            line = ""
        line += word
    return f"\n{indent}".join(f'"{piece}"' for piece in [*pieces, line])


def source() -> str:
    """Return the text of the source."""
    found = sorted(descriptions().items())
    rows = "".join(f'    {{"{key}",\n     {literal(text, "     ")}}},\n' for key, text in found)
    return f"""// Written by scripts/describe.py from the comments of the headers.

#include <metrics/core/registry.h>

#include <algorithm>
#include <array>
#include <string>

namespace metrics::detail {{

namespace {{

struct Description {{
  std::string_view of, text;
}};

constexpr std::array<Description, {len(found)}> sorted{{{{
{rows}}}}};

}}  // namespace

std::string_view description(std::string_view of) {{
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), of,
                                      [](const Description& d, std::string_view wanted) {{ return d.of < wanted; }});
  return found != sorted.end() && found->of == of ? found->text : std::string_view{{}};
}}

std::string_view description(std::string_view of, std::string_view part) {{
  return description(std::string(of).append(".").append(part));
}}

}}  // namespace metrics::detail
"""


def main() -> int:
    """Write the source, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        TARGET.write_text(source())
        return 0
    if TARGET.read_text() == source():
        return 0
    print("src/descriptions.cpp is not what the headers say: run scripts/describe.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
