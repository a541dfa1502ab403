#!/usr/bin/env python3
"""Runs storms: ranks that are killed, stopped and continued, or cut off while they start a group or compute over it.

    scripts/storm.py --runs 200 --seed 7

Each run starts the ranks of tests/programs/storm_worker.cpp on this machine's loopback interface, strikes one of them at a random
moment, and looks at what came of the others. The summary counts runs and calls; it ends with 1 where a run has
    a hang          a call that is not over the timeout and the margin after it began,
    a signal        a rank that a signal ended and that was not the one killed,
    wrong           a wrong value, a changed local state, an exception that is no SyncError.
A run can be repeated by its seed (--seed N --runs 1), up to the machine's own timing.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

ACTIONS = ("kill", "stop", "cut")
# A call that is struck, and the most seconds between its begin and the strike.
MOMENTS = {"start": 0.06, "new_group": 0.03, "compute": 0.006}


def reserve_port():
    """A bound socket that never listens: rank 0 can listen beside it, and nobody else gets the port."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


class Rank:
    """One process and what it has said."""

    def __init__(self, options, rank, port):
        environment = dict(
            os.environ,
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(options.ranks),
            LOCAL_WORLD_SIZE=str(options.ranks),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
            STORM_TIMEOUT_MS=str(round(options.timeout * 1000)),
            STORM_ROUNDS=str(options.rounds),
            STORM_COMPUTES=str(options.computes),
            OMP_NUM_THREADS="1",
            TORCH_CPP_LOG_LEVEL="ERROR",
        )
        self.rank = rank
        self.lines = []
        self.begun = collections.Counter()
        self.in_call_since = None
        self.allowance = 0.0  # seconds that it was stopped during the call
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            [options.worker], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        self.errors = []
        self.readers = [threading.Thread(target=self.read), threading.Thread(target=self.read_errors)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                words = line.split()
                if words[0] == "begin":
                    self.begun[words[1]] += 1
                    self.in_call_since = time.monotonic()
                    self.allowance = 0.0
                else:
                    self.in_call_since = None
                self.changed.notify_all()
        with self.changed:
            self.in_call_since = None
            self.changed.notify_all()

    def read_errors(self):
        self.errors = self.process.stderr.read().splitlines()

    def wait_for(self, call, count, seconds):
        """Whether it has begun that call so often."""
        with self.changed:
            return self.changed.wait_for(lambda: self.begun[call] >= count or self.process.poll() is not None, seconds)

    def send(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def finish(self):
        for reader in self.readers:
            reader.join()
        self.process.wait()


def one_run(options, seed):
    """What came of one storm: its description, counts, and what must not be."""
    draw = random.Random(seed)
    action = draw.choice(options.actions)
    call = draw.choice(list(MOMENTS))
    victim = draw.randrange(options.ranks)
    count = 1 if call != "compute" else draw.randint(1, options.computes)
    delay = draw.uniform(0, MOMENTS[call])
    # Half of the stopped ranks go on before the others' time is up, half when the others have given up and gone on.
    pause = draw.uniform(0.1, 1.6) * options.timeout if action == "stop" else 0.0
    description = f"seed {seed}: rank {victim} {action} in {call} {count} after {delay * 1000:.1f} ms" + (
        f" for {pause:.1f} s" if pause else ""
    )

    counts = collections.Counter()
    wrong = []
    with reserve_port() as reserved:
        ranks = [Rank(options, rank, reserved.getsockname()[1]) for rank in range(options.ranks)]
        struck = ranks[victim]
        over = threading.Event()

        def strike():
            struck.wait_for(call, count, 60)
            time.sleep(delay)
            if action == "kill":
                struck.send(signal.SIGKILL)
            elif action == "cut":
                struck.send(signal.SIGUSR1)
            else:
                struck.send(signal.SIGSTOP)
                over.wait(pause)
                with struck.changed:
                    struck.allowance += pause
                struck.send(signal.SIGCONT)

        striker = threading.Thread(target=strike)
        striker.start()
        while any(rank.process.poll() is None for rank in ranks):
            time.sleep(0.05)
            for rank in ranks:
                since = rank.in_call_since
                if since is None or rank.process.poll() is not None:
                    continue
                paused = pause + rank.allowance if rank is struck else 0.0
                # What ends late is counted below; what does not end is ended here.
                if time.monotonic() - since > options.timeout + options.margin + paused + 5:
                    wrong.append(f"rank {rank.rank} hangs in {rank.lines[-1]}")
                    rank.in_call_since = None
                    rank.send(signal.SIGCONT)
                    rank.send(signal.SIGKILL)
        over.set()
        striker.join()
        for rank in ranks:
            rank.finish()

    hung = {text.split()[1] for text in wrong}
    for rank in ranks:
        code = rank.process.returncode
        killed = rank is struck and action == "kill"
        if code < 0 and not (killed and code == -signal.SIGKILL) and str(rank.rank) not in hung:
            wrong.append(f"rank {rank.rank} was ended by signal {-code}")
        elif code > 0:
            wrong.append(f"rank {rank.rank} ended with {code}: {rank.lines[-1:]} {rank.errors[-3:]}")
        # UndefinedBehaviorSanitizer reports and goes on.
        wrong.extend(f"rank {rank.rank}: {line}" for line in rank.errors if "runtime error:" in line)
        for line in rank.lines:
            kind, *rest = line.split(" ", 3)
            if kind in ("value", "sync_error"):
                counts[kind] += 1
                seconds = int(rest[1]) / 1000
                allowed = options.timeout + options.margin + (pause if rank is struck else 0.0)
                if seconds > allowed:
                    wrong.append(f"rank {rank.rank} was {seconds:.1f} s in {line[:200]}")
                if kind == "sync_error" and rank is not struck:
                    counts["longest beyond the timeout, ms"] = max(
                        counts["longest beyond the timeout, ms"], round((seconds - options.timeout) * 1000)
                    )
    survivors = [rank for rank in ranks if not (rank is struck and action == "kill")]
    well = all(rank.lines and rank.lines[-1] == "end" and "value compute" in rank.lines[-2] for rank in survivors)
    counts["runs in which all survivors computed in the end"] = int(well)
    log = [f"  [{rank.rank}] {line}" for rank in ranks for line in rank.lines]
    return description, action, call, counts, wrong, log


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--worker", default=str(root / "build/release/tests/storm_worker"))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next have the following ones")
    parser.add_argument("--ranks", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=2.0, help="seconds, of the groups")
    parser.add_argument("--margin", type=float, default=1.0, help="seconds that a call may take beyond the timeout")
    parser.add_argument("--rounds", type=int, default=3, help="how often a rank makes a group and tries again")
    parser.add_argument("--computes", type=int, default=6)
    parser.add_argument("--actions", type=lambda text: text.split(","), default=list(ACTIONS), help="of kill,stop,cut")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side")
    parser.add_argument("--verbose", action="store_true", help="print each run and what its ranks said")
    options = parser.parse_args()
    if not pathlib.Path(options.worker).is_file():
        parser.error(f"{options.worker} is not there: build the target storm_worker, or name it with --worker")
    if unknown := set(options.actions) - set(ACTIONS):
        parser.error(f"unknown actions {sorted(unknown)}, expected some of {ACTIONS}")

    runs = collections.Counter()
    totals = collections.Counter()
    failed = 0
    started = time.monotonic()
    seeds = range(options.seed, options.seed + options.runs)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for description, action, call, counts, wrong, log in pool.map(lambda seed: one_run(options, seed), seeds):
            runs[action, call] += 1
            longest = counts.pop("longest beyond the timeout, ms", 0)
            totals.update(counts)
            totals["longest beyond the timeout, ms"] = max(totals["longest beyond the timeout, ms"], longest)
            failed += bool(wrong)
            if wrong or options.verbose:
                print(description, *(f"  WRONG: {text}" for text in wrong), *log, sep="\n", flush=True)

    print(f"{options.runs} runs of {options.ranks} ranks from seed {options.seed} in {time.monotonic() - started:.0f} s: {failed} wrong")
    print("  struck: " + ", ".join(f"{action} in {call} {count}" for (action, call), count in sorted(runs.items())))
    for what, count in sorted(totals.items()):
        print(f"  {what}: {count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
