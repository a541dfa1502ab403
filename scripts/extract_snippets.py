#!/usr/bin/env python3
"""Turns the C++ snippets of Markdown pages into sources, so that the suite compiles and runs what the pages show.

    extract_snippets.py --out DIR PAGE...

A block that defines `main` becomes program_PAGE_N.cpp, a program of its own. All other blocks of a page become page_PAGE.cpp, each a function of its
own that page_main_.cpp calls, before it runs doctest cases among the declarations. What follows `cpp` in the fence says how a block is taken:

    ```cpp               statements, the body of a function
    ```cpp continued     statements that go on in the function of the block before
    ```cpp declarations  declarations, visible to all blocks of the page that follow
    ```cpp no-compile    neither compiled nor run

A comment holds code that readers don't need to see:

    <!-- snippet              statements that go on in the function of the block before, such as a check of what it shows
    <!-- snippet setup        put before the next block
    <!-- snippet declarations as above

Prints the sources' paths, one a line; leaves untouched what has not changed.
"""

import argparse
import os
import pathlib
import re
import sys

FENCE = re.compile(r"^( *)```(\S*) *(.*?) *$")
HIDDEN = re.compile(r"^<!-- snippet *(.*?) *$")
KINDS = {"", "continued", "declarations", "no-compile"}
HIDDEN_KINDS = {"": "continued", "setup": "setup", "declarations": "declarations"}


class Block:
    def __init__(self, page, line, kind, code):
        self.page, self.line, self.kind, self.code = page, line, kind, code
        self.setup = None

    def with_line_marker(self):
        return f'#line {self.line} "{self.page}"\n' + "\n".join(self.code)


def blocks(page, text):
    """Reads a page's C++ blocks, shown and hidden, each with the line where its code begins."""
    found, setup, lines = [], None, iter(enumerate(text.splitlines(), start=1))

    def known(kind, kinds, number):
        if kind not in kinds:
            sys.exit(f"{page}:{number}: unknown kind of snippet '{kind}'; there are: {', '.join(sorted(filter(None, kinds)))}")
        return kind

    for number, line in lines:
        if hidden := HIDDEN.match(line):
            code = until(lines, lambda text: text.strip() == "-->", page, number)
            kind = HIDDEN_KINDS[known(hidden.group(1), HIDDEN_KINDS, number)]
        elif fence := FENCE.match(line):
            indent, language, kind = fence.groups()
            code = [text.removeprefix(indent) for text in until(lines, lambda text: text.strip() == "```", page, number)]
            if language != "cpp" or known(kind, KINDS, number) == "no-compile":
                continue
        else:
            continue
        block = Block(page, number + 1, kind, code)
        if kind == "setup":
            setup = block
        else:
            block.setup, setup = setup, None
            found.append(block)
    return found


def until(lines, is_end, page, opened):
    code = []
    for _, line in lines:
        if is_end(line):
            return code
        code.append(line)
    sys.exit(f"{page}:{opened}: this block is never closed")


def split_includes(block):
    """Blanks the #include lines of a block and returns them: they cannot stand inside a function."""
    includes = [line for line in block.code if line.lstrip().startswith("#include")]
    block.code = ["" if line in includes else line for line in block.code]
    return includes


def page_source(found, stem):
    """Makes one source of all blocks of a page that are not programs; returns it with the names of its functions."""
    includes, declarations, functions = [], [], []
    for block in found:
        for part in (block.setup, block):
            if part:
                includes += split_includes(part)
        pieces = [part.with_line_marker() for part in (block.setup, block) if part]
        if block.kind == "declarations":
            functions.append((None, None, pieces))
        elif block.kind == "continued":
            if not functions or functions[-1][0] is None:
                sys.exit(f"{block.page}:{block.line}: there is no function before this block that it could continue")
            functions[-1][2].extend(pieces)
        else:
            functions.append((f"{stem}_line_{block.line}", f"{block.page}:{block.line}", pieces))
    out = ["#include <metrics/metrics.h>", "#include <iostream>", *dict.fromkeys(includes), ""]
    for name, _, pieces in functions:
        if name:
            out += [f"void {name}();", f"void {name}() {{", *pieces, "}", ""]
        else:
            out += [*pieces, ""]
    return "\n".join(out), [(name, where) for name, where, _ in functions if name]


def main_source(functions, with_tests):
    """A program that runs all functions, then the doctest cases; only the latter when it has arguments."""
    doctest = ["#define DOCTEST_CONFIG_IMPLEMENT", "#include <doctest/doctest.h>"] if with_tests else []
    out = [*doctest, "", "#include <exception>", "#include <iostream>", ""]
    out += [f"void {name}();" for name, _ in functions]
    out += ["", "int main(int argc, char** argv) {", "  int failures = 0;", "  auto run = [&](const char* where, void (*snippet)()) {"]
    out += ["    try {", "      snippet();", "    } catch (const std::exception& error) {"]
    out += ['      std::cerr << where << ": " << error.what() << std::endl;', "      ++failures;", "    }", "  };", "  if (argc == 1) {"]
    out += [f'    run("{where}", {name});' for name, where in functions]
    out += [f'    std::cout << {len(functions)} - failures << " of {len(functions)} snippets ran\\n";', "  }"]
    out += ["  if (doctest::Context(argc, argv).run() != 0) ++failures;" if with_tests else "  static_cast<void>(argv);"]
    out += ["  return failures == 0 ? 0 : 1;", "}", ""]
    return "\n".join(out)


def write(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    all_functions, with_tests = [], False
    for path in sorted(arguments.pages):
        stem = re.sub(r"\W", "_", path.stem.lower())
        found = blocks(os.path.relpath(path), path.read_text())
        is_program = lambda block: re.search(r"\bint main\(", "\n".join(block.code)) is not None
        for number, block in enumerate(filter(is_program, found), start=1):
            write(arguments.out / f"program_{stem}_{number}.cpp", block.with_line_marker() + "\n")
        source, functions = page_source([block for block in found if not is_program(block)], stem)
        if functions:
            write(arguments.out / f"page_{stem}.cpp", source)
            all_functions += functions
            with_tests = with_tests or "TEST_CASE(" in source
    if all_functions:
        write(arguments.out / "page_main_.cpp", main_source(all_functions, with_tests))


if __name__ == "__main__":
    main()
