#!/usr/bin/env python3
"""Writes files of torch.save and safetensors, and the pickles in them, as seeds for read_files: seeds.py <folder>."""

import io
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save

CONTENTS = {
    "states": OrderedDict(tp=torch.arange(3), preds=[torch.rand(4), torch.empty(0, 2)]),
    "nested": {"epoch": 3, "rate": 1e-3, "done": True, "none": None, "betas": (0.9, 0.999), "text": "größe", "size": torch.Size([2, 3]), "big": 2**62},
    "module": torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).state_dict(),
    "dtypes": [torch.zeros(2, dtype=d) for d in (torch.bool, torch.uint16, torch.bfloat16, torch.complex64, torch.float8_e5m2)],
    "views": [torch.arange(12).reshape(3, 4).t(), torch.arange(3).expand(2, 3), torch.rand(2, dtype=torch.complex64).conj()],
}


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write = lambda name, readers, content: [(folder / f"{name}_{r}").write_bytes(bytes([r]) + content) for r in readers]
    for name, content in CONTENTS.items():
        file = io.BytesIO()
        torch.save(content, file)
        write(f"{name}_file", (2, 3), file.getvalue())
        with zipfile.ZipFile(file) as archive:
            write(f"{name}_pickle", (0, 1), archive.read(next(n for n in archive.namelist() if n.endswith("/data.pkl"))))
    write("safetensors", (3, 4), save({"a": torch.arange(3), "b": torch.zeros(2, 2, dtype=torch.bool)}, {"note": "text"}))


if __name__ == "__main__":
    main()
