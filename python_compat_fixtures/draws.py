"""Inputs that are the same bits on any machine: splitmix64 over a counter, floats made by exact scaling of integers."""

import hashlib

import numpy as np
import torch


class Draws:
    """A stream of draws that depends on its name alone."""

    def __init__(self, name: str) -> None:
        self._key = np.uint64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))
        self._counter = 0

    def words(self, count: int) -> np.ndarray:
        """Draw `count` uint64 words (splitmix64, Steele et al. 2014)."""
        index = np.arange(self._counter + 1, self._counter + count + 1, dtype=np.uint64)
        self._counter += count
        with np.errstate(over="ignore"):
            z = self._key + index * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    def integers(self, shape, low: int, high: int) -> torch.Tensor:
        """Draw int64 in [low, high)."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        words = self.words(int(np.prod(shape, dtype=np.int64)))
        return torch.from_numpy((words % np.uint64(high - low)).astype(np.int64) + low).reshape(shape)

    def indices(self, count: int, sizes: list) -> list:
        """Draw `count` lists of one index below each of the sizes."""
        return (self.words(count * len(sizes)).reshape(count, len(sizes)) % np.array(sizes, dtype=np.uint64)).tolist()

    def choice(self, items):
        """Draw one of `items`."""
        return items[int(self.words(1)[0] % np.uint64(len(items)))]

    def shuffled(self, items) -> list:
        """Return `items` in drawn order."""
        order = np.argsort(self.words(len(items)), kind="stable")
        return [items[i] for i in order]

    def probabilities(self, shape) -> torch.Tensor:
        """Draw float32 odd multiples of 2^-10 in (0, 1): exact in float16, never a threshold such as 0.5 or 0.25."""
        return (2 * self.integers(shape, 0, 512) + 1).float() / 1024

    def logits(self, shape) -> torch.Tensor:
        """Draw float32 odd multiples of 2^-8 in (-4, 4): exact in float16, never 0."""
        return (2 * self.integers(shape, -512, 512) + 1).float() / 256

    def values(self, shape) -> torch.Tensor:
        """Draw float32 multiples of 2^-6 in [-64, 64): their sums and means over a case lose nothing in float32."""
        return self.integers(shape, -4096, 4096).float() / 64

    def recalled(self, kind: str, shape, **more) -> torch.Tensor:
        """Draw as the method `kind` does; of the tensor a fixture keeps what it was drawn from, not its numbers."""
        recipe = {"kind": kind, "key": int(self._key), "counter": self._counter, "shape": list(shape), **more}
        tensor = getattr(self, kind)(shape, **more)
        tensor.recipe = recipe
        return tensor

    def untied(self, shape, kind: str = "probabilities") -> torch.Tensor:
        """Draw scores that differ from one another along dimension 1, so that argmax and topk leave no choice."""
        rows, classes, rest = shape[0], shape[1], tuple(shape[2:])
        keys = self.words(int(np.prod(shape, dtype=np.int64))).reshape(shape)
        rank = np.argsort(np.argsort(keys, axis=1, kind="stable"), axis=1, kind="stable")
        steps = 512 // classes
        ranked = torch.from_numpy(rank.astype(np.int64)) * steps + self.integers((rows, classes, *rest), 0, steps)
        odd = 2 * ranked + 1
        return odd.float() / 1024 if kind == "probabilities" else (2 * odd - 1024).float() / 256
