#!/usr/bin/env python3
"""Writes seeds, each with the byte before it that names its reader: seeds.py files|tables <folder>. For read_files files of torch.save and
safetensors, and the pickles in them; for read_tables files of text and of NumPy, and what it deflates."""

import io
import json
import sys
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

CONTENTS = {
    "states": OrderedDict(tp=torch.arange(3), preds=[torch.rand(4), torch.empty(0, 2)]),
    "nested": {"epoch": 3, "rate": 1e-3, "done": True, "none": None, "betas": (0.9, 0.999), "text": "größe", "size": torch.Size([2, 3]), "big": 2**62},
    "module": torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).state_dict(),
    "dtypes": [torch.zeros(2, dtype=d) for d in (torch.bool, torch.uint16, torch.bfloat16, torch.complex64, torch.float8_e5m2)],
    "views": [torch.arange(12).reshape(3, 4).t(), torch.arange(3).expand(2, 3), torch.rand(2, dtype=torch.complex64).conj()],
}


ARRAYS = {
    "float": np.linspace(0, 1, 5, dtype=np.float32),
    "matrix": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "bool": np.array([True, False]),
    "large": np.array([2**40, 7], dtype=np.uint64),
    "texts": np.array(["a", "größe", ""]),
    "bytes": np.array([b"a", b"bc"]),
    "complex": np.ones(2, dtype=np.complex64),
    "none": np.empty((0, 2)),
    "scalar": np.array(3.5),
}
TEXTS = [
    "a,b,c\n1,0.5,x\n-2,,\"y, \"\"z\"\"\"\n3,1e400,true\n",
    "\ufeffpreds,target\r\ntrue,1\r\nFalse,+0\r\n\r\n",
]
ROWS = [
    {"preds": [0.25, 0.75], "target": 1, "text": "größe", "flag": True, "boxes": {"boxes": [[0, 0, 1.5, 2]], "labels": [3]}},
    {"preds": [1, None], "target": -(2**62), "text": "", "flag": False, "boxes": {"boxes": [], "labels": []}},
]


def write_files(write) -> None:
    for name, content in CONTENTS.items():
        file = io.BytesIO()
        torch.save(content, file)
        write(f"{name}_file", (2, 3), file.getvalue())
        with zipfile.ZipFile(file) as archive:
            write(f"{name}_pickle", (0, 1), archive.read(next(n for n in archive.namelist() if n.endswith("/data.pkl"))))
    write("safetensors", (3, 4), save({"a": torch.arange(3), "b": torch.zeros(2, 2, dtype=torch.bool)}, {"note": "text"}))


def write_tables(write) -> None:
    for i, text in enumerate(TEXTS):
        write(f"text_{i}_csv", (0,), text.encode())
        write(f"text_{i}_tsv", (1,), text.replace(",", "\t").encode())
    write("rows", (2,), "\n".join(json.dumps(row) for row in ROWS).encode())
    for name, array in ARRAYS.items():
        file = io.BytesIO()
        np.save(file, array)
        write(name, (3,), file.getvalue())
        deflate = zlib.compressobj(wbits=-15)
        deflated = deflate.compress(file.getvalue()) + deflate.flush()
        write(f"{name}_deflated", (5,), len(file.getvalue()).to_bytes(4, "little") + zlib.crc32(file.getvalue()).to_bytes(4, "little") + deflated)
    for name, writer in {"stored": np.savez, "deflated": np.savez_compressed}.items():
        file = io.BytesIO()
        writer(file, **ARRAYS)
        write(f"archive_{name}", (4,), file.getvalue())


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    write = lambda name, readers, content: [(folder / f"{name}_{r}").write_bytes(bytes([r]) + content) for r in readers]
    {"files": write_files, "tables": write_tables}[kind](write)


if __name__ == "__main__":
    main()
