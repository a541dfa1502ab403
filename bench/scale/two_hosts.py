#!/usr/bin/env python3
"""Values over ranks on two hosts with a slow network between them: measured, and what the model of docs/scale.md says. Prints a table.

    sudo bench/scale/two_hosts.py [--build build/release] [--ranks 4] [--rows 2000000] [--rounds 3]

The hosts are network namespaces of this machine, joined by two TUN devices; this program carries packets between them, each after a delay and at
no more than a rate. Needs root, `ip` and /dev/net/tun.
"""

import argparse
import collections
import ctypes
import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOSTS = {"metrics_host_a": "10.77.0.1", "metrics_host_b": "10.77.0.2"}
DEVICE, PORT, MTU = "host0", 29611, 32000
# Milliseconds of delay, and millions of bits a second; 0 for no limit. The first is what the others are compared with.
NETWORKS = [(0, 0), (2, 0), (10, 0), (0, 200), (0, 50), (10, 50)]


def run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


def fail(text):
    sys.exit(f"two_hosts: {text}")


def device_in(host):
    """Opens a TUN device in a namespace, and returns to this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{host}", os.O_RDONLY)
    if libc.setns(there, 0) != 0:
        fail(f"cannot enter {host}: {os.strerror(ctypes.get_errno())}")
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        tun, no_header = 0x0001, 0x1000
        fcntl.ioctl(device, 0x400454CA, struct.pack("16sH", DEVICE.encode(), tun | no_header))
    finally:
        libc.setns(home, 0)
        os.close(home)
        os.close(there)
    return device


class Wire(threading.Thread):
    """Carries packets between two devices."""

    def __init__(self, ends):
        super().__init__(daemon=True)
        self.ends, self.delay, self.rate, self.ended = ends, 0.0, 0.0, False
        self.free = {end: 0.0 for end in ends}  # when the direction from this end has sent what it has
        self.waiting = {end: collections.deque() for end in ends}

    def run(self):
        other = dict(zip(self.ends, reversed(self.ends)))
        while not self.ended:
            now = time.monotonic()
            due = [queue[0][0] for queue in self.waiting.values() if queue]
            ready, _, _ = select.select(self.ends, [], [], max(0.0, min([0.05, *(at - now for at in due)])))
            for end in ready:
                for _ in range(64):
                    try:
                        packet = os.read(end, MTU + 100)
                    except BlockingIOError:
                        break
                    now = time.monotonic()
                    self.free[end] = max(self.free[end], now) + (len(packet) / self.rate if self.rate else 0)
                    self.waiting[end].append((self.free[end] + self.delay, packet))
            now = time.monotonic()
            for end, queue in self.waiting.items():
                while queue and queue[0][0] <= now:
                    try:
                        os.write(other[end], queue.popleft()[1])
                    except OSError:
                        pass  # a full device loses packets, as networks do


def measured(arguments, kind):
    """The lines of rank 0: of each way the seconds."""
    hosts, programs = list(HOSTS), []
    for rank in range(arguments.ranks):
        host = hosts[rank * len(hosts) // arguments.ranks]
        environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": str(arguments.ranks), "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1",
                       "MASTER_ADDR": HOSTS[hosts[0]], "MASTER_PORT": str(PORT), "GLOO_SOCKET_IFNAME": DEVICE}
        command = ["ip", "netns", "exec", host, str(arguments.build / "bench/scale"), kind, str(arguments.rows), str(arguments.rounds)]
        programs.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    outputs = [program.communicate(timeout=600) for program in programs]
    if any(program.returncode for program in programs):
        fail("a rank failed: " + " ".join(error.strip()[-300:] for _, error in outputs))
    return {line["way"]: line for line in map(json.loads, outputs[0][0].splitlines())}


def predicted(way, line, delay, rate, ranks, rows):
    """The seconds of the model: what is measured without a delay and a limit, and what these add."""
    around = ranks - 1  # steps of a gather over a ring
    if way == "by ranges":
        steps = 5 * around + 2  # block, facts, samples, summaries, parts; counts and rows to all at once
        crossing = 4 * rows / 4  # half of a host's rows, which are half of all, of 4 bytes
    else:
        steps = 2 * around
        crossing = 5 * rows * around / ranks  # scores and labels of all ranks but the next one
    return line["seconds"] + steps * delay / 1000 + (crossing / (rate * 1e6 / 8) if rate else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=HERE.parent.parent / "build/release", type=Path)
    parser.add_argument("--ranks", default=4, type=int)
    parser.add_argument("--rows", default=2000000, type=int)
    parser.add_argument("--rounds", default=3, type=int)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        fail("network namespaces need root")
    wire = None
    try:
        for host in HOSTS:
            run("ip", "netns", "add", host)
        wire = Wire([device_in(host) for host in HOSTS])
        for host, address in HOSTS.items():
            inside = ["ip", "-n", host]
            run(*inside, "link", "set", "lo", "up")
            run(*inside, "address", "add", f"{address}/24", "dev", DEVICE)
            run(*inside, "link", "set", DEVICE, "mtu", str(MTU), "up")
        wire.start()
        print("| ranks | delay | rate | by ranges, measured | model | gathered, measured | model |\n|---|---|---|---|---|---|---|")
        first = None
        for delay, rate in NETWORKS:
            wire.delay, wire.rate = delay / 1000, rate * 1e6 / 8
            lines = measured(arguments, "binary")
            first = first or lines
            cells = []
            for way in ("by ranges", "gathered"):
                model = predicted(way, first[way], delay, rate, arguments.ranks, arguments.rows)
                cells.append(f"{lines[way]['seconds']:.3f} s | {model:.3f} s")
            print(f"| {arguments.ranks} | {delay} ms | {f'{rate} Mbit/s' if rate else 'no limit'} | {' | '.join(cells)} |", flush=True)
    except subprocess.CalledProcessError as error:
        fail(f"{' '.join(error.cmd)}: {error.stderr.strip()}")
    finally:
        if wire is not None and wire.is_alive():
            wire.ended = True
            wire.join()
        for host in HOSTS:
            subprocess.run(["ip", "netns", "delete", host], capture_output=True)


if __name__ == "__main__":
    main()
