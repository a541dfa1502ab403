#!/usr/bin/env python3
"""Writes scikit-learn's digits as IDX files, split into a training and a test set.

    python examples/digits/make_data.py            # writes data/ beside this script
    python examples/digits/make_data.py --check    # compares instead, exits 1 on a difference

The split needs no random numbers: of each class, in the order of the data set, every fourth image is held out, the second
one first. So each class has its share in both sets, and the files come out the same, byte for byte, each time.
"""

import argparse
import pathlib
import struct
import sys

import numpy as np
from sklearn.datasets import load_digits

HELD_OUT_FIRST = 1
HELD_OUT_EVERY = 4
UNSIGNED_BYTES = 0x08


def idx(array: np.ndarray) -> bytes:
    """The array's unsigned bytes behind an IDX header: magic, element type, rank, and each extent in big-endian 32 bits."""
    header = struct.pack(f">HBB{array.ndim}I", 0, UNSIGNED_BYTES, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array, dtype=np.uint8).tobytes()


def held_out(labels: np.ndarray) -> np.ndarray:
    """True where an image belongs to the test set."""
    mask = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        mask[np.flatnonzero(labels == label)[HELD_OUT_FIRST::HELD_OUT_EVERY]] = True
    return mask


def files() -> dict[str, bytes]:
    """Content of each file, under the names that MNIST's files have."""
    digits = load_digits()
    pixels = digits.images.astype(np.uint8)
    assert (pixels == digits.images).all(), "pixels are whole numbers from 0 to 16"
    test = held_out(digits.target)
    assert test.sum() % 2 and test.sum() % 3, "two and three ranks must get uneven shares of the test set"
    return {
        "train-images-idx3-ubyte": idx(pixels[~test]),
        "train-labels-idx1-ubyte": idx(digits.target[~test]),
        "t10k-images-idx3-ubyte": idx(pixels[test]),
        "t10k-labels-idx1-ubyte": idx(digits.target[test]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the files that are there; write nothing")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent / "data")
    options = parser.parse_args()

    different = []
    for name, content in files().items():
        path = options.out / name
        if not options.check:
            options.out.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        elif not path.exists() or path.read_bytes() != content:
            different.append(str(path))
    for path in different:
        print(f"{path} is not what scikit-learn's digits give", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
