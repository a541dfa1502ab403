"""Loads what C++ saved, by torch.load's defaults, and saves it again beside views of several kinds: saved_again.py <read> <write>."""

import sys
from collections import OrderedDict

import torch
from safetensors.torch import load_file, save_file


def main() -> None:
    read, write = sys.argv[1:3]
    if read.endswith(".safetensors"):
        save_file(load_file(read), write, {"note": "größe"})
        return
    base = torch.arange(24, dtype=torch.float64).reshape(4, 6)
    pending = torch.complex(base, base + 1)
    views = [base, base.t(), base[1:, ::2], base[2], base[:1].expand(3, 6), base[0, 0], base[:0], pending.conj(), torch._neg_view(base)]
    parameter = torch.nn.Parameter(base.float())
    torch.save({"loaded": torch.load(read), "views": views, "copies": [v.resolve_conj().resolve_neg().clone() for v in views], "parameter": parameter, "ordered": OrderedDict(a=1), "numbers": [0, 255, 256, -1, 2**31, -(2**63), 2**63 - 1, 1.5, float("inf")]}, write)


if __name__ == "__main__":
    main()
