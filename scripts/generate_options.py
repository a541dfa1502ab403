#!/usr/bin/env python3
"""Writes the options structs of a domain from its table, so that an option's name, type, default and sentence are stated once.

    generate_options.py            writes include/metrics/DOMAIN/options.h from each src/DOMAIN/options.toml
    generate_options.py --check    says which of them differ from their table, and ends with 1 then

The table says how it is written: see src/classification/options.toml.
"""

import argparse
import pathlib
import sys
import textwrap
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH = 120
KEYS = {"type", "default", "required", "sentence", "more"}


class Option:
    """One option, or a variant of it, as `name.variant` in lists."""

    def __init__(self, key, stated):
        self.key, self.name = key, key.split(".")[0]
        self.constant = key.replace(".", "_")
        self.type, self.sentence, self.more = stated.get("type"), stated.get("sentence"), stated.get("more")
        self.required, self.default = stated.get("required", False), stated.get("default")
        if not self.type or not self.sentence:
            sys.exit(f"{key}: an option has a type and a sentence")
        if not self.sentence.endswith(".") or ". " in self.sentence:
            sys.exit(f"{key}: expected one sentence that ends with a point, got {self.sentence!r}")
        if self.required and self.default is not None:
            sys.exit(f"{key}: an option that is required has no default")

    def cpp_default(self):
        match self.default:
            case None:
                return "{}"
            case bool():
                return " = " + str(self.default).lower()
            case str():
                return f" = {self.type}::" + "".join(word.capitalize() for word in self.default.replace("-", "_").split("_"))
            case list():
                return "{" + ", ".join(map(str, self.default)) + "}"
            case _:
                return f" = {self.default}".removesuffix(".0")

    def python_default(self):
        return repr(self.default)

    def member(self):
        said = self.sentence + (" " + self.more if self.more else "")
        comment = textwrap.wrap(said, WIDTH, initial_indent="  /// ", subsequent_indent="  /// ", break_on_hyphens=False)
        stated = f"Required<{self.type}> {self.name}" if self.required else f"{self.type} {self.name}{self.cpp_default()}"
        return [*comment, f"  {stated};"]

    def text(self):
        """What listings say, as a constant."""
        begin = f"inline constexpr FieldText {self.constant}"
        rest = "" if self.required else f', "{self.python_default()}"'
        line = f'{begin}{{"{self.sentence}"{rest}}};'
        if len(line) <= WIDTH:
            return [line]
        parts = textwrap.wrap(self.sentence, WIDTH - 12, break_on_hyphens=False, drop_whitespace=True)
        parts = [f'    "{part} "' for part in parts[:-1]] + [f'    "{parts[-1]}"']
        return [f"{begin}{{", *parts[:-1], f"{parts[-1]}{rest}}};"]


def options_of(table):
    found = {}
    for name, stated in table.items():
        own = {key: value for key, value in stated.items() if not isinstance(value, dict)}
        variants = {key: value for key, value in stated.items() if isinstance(value, dict)}
        for given in (own, *variants.values()):
            if unknown := set(given) - KEYS:
                sys.exit(f"{name}: unknown key {unknown.pop()!r}")
        if "sentence" in own:
            found[name] = own
        found |= {f"{name}.{key}": own | variant for key, variant in variants.items()}
    return {key: Option(key, stated) for key, stated in found.items()}


def filled(begin, items, end):
    """`begin` and the items, in lines as clang-format breaks them: what follows the first stands below it."""
    lines, indent = [begin], " " * len(begin)
    for i, item in enumerate(items):
        text = item + ("," if i + 1 < len(items) else end)
        between = "" if lines[-1] in (begin, indent) else " "
        if len(lines[-1] + between + text) > WIDTH:
            lines.append(indent + text)
        else:
            lines[-1] += between + text
    return lines


def struct(domain, name, of, options, converts_to):
    lines = textwrap.wrap(f"Options of {of}.", WIDTH, initial_indent="/// ", subsequent_indent="/// ", break_on_hyphens=False)
    lines.append(f"struct {name} {{")
    for option in options:
        lines += option.member()
    lines += ["", "  static constexpr auto fields() {", f"    using Self = {name};", f"    namespace about = {domain}::about;"]
    lines += filled("    return metrics::fields<", [f"&Self::{option.name}" for option in options], ">()")
    lines += filled("        .about({", [f"about::{option.constant}" for option in options], "});")
    lines.append("  }")
    if converts_to:
        lines.append(f"  operator {converts_to}() const;  // by name")
    return [*lines, "};", ""]


def header(source):
    table = tomllib.loads(source.read_text())
    structs = table.pop("structs")
    options = options_of(table)
    domain = source.parent.name
    body, conversions, used = [], [], set()
    for name, stated in structs.items():
        if unknown := set(stated) - {"of", "options", "converts_to"}:
            sys.exit(f"{name}: unknown key {unknown.pop()!r}")
        if unknown := set(stated["options"]) - set(options):
            sys.exit(f"{name}: the table has no option {unknown.pop()!r}")
        listed = [options[key] for key in stated["options"]]
        if sorted(listed, key=lambda option: not option.required) != listed:
            sys.exit(f"{name}: options that are required come first")
        used |= set(stated["options"])
        other = stated.get("converts_to")
        if other:
            body += [f"struct {other};", ""] if f"struct {other} {{" not in body else []
            conversions += [f"inline {name}::operator {other}() const {{", f"  return subset<{other}>(*this);", "}"]
        body += struct(domain, name, stated["of"], listed, other)
    of_variants = {key.split(".")[0] for key in options if "." in key}
    if unused := set(options) - used - of_variants:
        sys.exit(f"no struct has {sorted(unused)}")
    lines = [
        "#pragma once",
        "",
        f"// Written by scripts/generate_options.py from src/{domain}/options.toml: change that, and run it.",
        "",
        f"#include <metrics/{domain}/choices.h>",
        "#include <metrics/core/fields.h>",
        "",
        "#include <array>",
        "#include <cstdint>",
        "#include <optional>",
        "",
        "namespace metrics {",
        "",
        "// What listings say of options: a sentence, and the default as Python prints it.",
        f"namespace {domain}::about {{",
        "",
    ]
    for option in options.values():
        lines += option.text() if option.key in used else []
    lines += ["", f"}}  // namespace {domain}::about", "", *body, *conversions, *([""] if conversions else []), "}  // namespace metrics", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    stale = []
    tables = sorted(ROOT.glob("src/*/options.toml"))
    if not tables:
        sys.exit("no src/*/options.toml was found")
    for source in tables:
        target = ROOT / "include/metrics" / source.parent.name / "options.h"
        text = header(source)
        if target.exists() and target.read_text() == text:
            continue
        if check:
            stale.append(target.relative_to(ROOT))
        else:
            target.write_text(text)
    if stale:
        sys.exit("not as their tables say, run scripts/generate_options.py: " + ", ".join(map(str, stale)))


if __name__ == "__main__":
    main()
