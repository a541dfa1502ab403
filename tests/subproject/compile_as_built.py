#!/usr/bin/env python3
"""A compiler launcher for a project that takes the library's sources into its build.

An object of the library is taken from a build that is there already, and only if that build compiled it with the same
command and from the same source; else the difference is an error. What else the project compiles is compiled.
"""
import argparse
import filecmp
import json
import os
import shlex
import sys
from pathlib import Path


def without_bookkeeping(command: list[str]) -> list[str]:
    """The command without the lists of headers that it writes, and without -Werror, which changes no object."""
    kept, arguments = [], iter(command)
    for argument in arguments:
        if argument in ("-MF", "-MT"):
            next(arguments)
        elif argument not in ("-MD", "-Werror"):
            kept.append(argument)
    return kept


def following(command: list[str], option: str) -> str | None:
    return command[command.index(option) + 1] if option in command else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built", type=Path, required=True, help="the build whose objects are taken")
    parser.add_argument("--taken", type=Path, required=True, help="the library's part of the project's build")
    parser.add_argument("--launcher", default="", help="what compiles the rest, before the compiler's name")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:]

    output = Path.cwd() / following(command, "-o")
    if not output.is_relative_to(options.taken):
        launched = [options.launcher] * bool(options.launcher) + command
        os.execvp(launched[0], launched)

    if "-Werror" in command:
        sys.exit(f"{output.name}: warnings are errors in a project that only takes the library")
    wanted = options.built / output.relative_to(options.taken)
    for entry in json.loads((options.built / "compile_commands.json").read_text()):
        there = shlex.split(entry["command"])
        if Path(entry["directory"], following(there, "-o")) == wanted:
            break
    else:
        sys.exit(f"{output.name}: no such object in {options.built}")

    def placed(argument: str) -> str:
        """An argument of the project's build as it reads in the other."""
        relative = os.path.relpath(options.taken) + "/"
        return argument.replace(str(options.taken), str(options.built)).removeprefix(relative)

    here, there = [placed(a) for a in without_bookkeeping(command)], without_bookkeeping(there)
    if here != there:
        sys.exit(f"{output.name} is compiled otherwise in a project that takes the library: {sorted(set(here) - set(there))} "
                 f"and not {sorted(set(there) - set(here))}, or in another order")
    # A unity source is written anew for each build.
    source = following(command, "-c")
    if not filecmp.cmp(source, following(there, "-c"), shallow=False):
        sys.exit(f"{source} is another source than {following(there, '-c')}")
    if not wanted.exists():
        sys.exit(f"{wanted} is not built yet")

    output.symlink_to(wanted)
    headers = following(command, "-MF")
    if headers:
        Path(headers).write_text(f"{following(command, '-MT')}:\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
