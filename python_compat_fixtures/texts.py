"""Sentences and what a recogniser might have made of them."""

from draws import Draws

# Of one, two, three and four bytes in UTF-8, with marks that combine, from right to left, and with what looks alike.
WORDS = (
    *"the a of speech is wind 'tis naïve Straße fa\u00e7ade fac\u0327ade мир мир! שלום مرحبا 你好 世界 ありがとう 🙂 👩‍🔬 K K A А".split(" "),
    *(f"w{i}" for i in range(40)),
)


def sentence(draws: Draws, words: int, vocabulary=WORDS) -> list:
    """Draw a list of words."""
    return [draws.choice(vocabulary) for _ in range(words)]


def heard(draws: Draws, words: list, vocabulary=WORDS) -> list:
    """Replace, drop and insert a word in six each."""
    out = []
    for word in words:
        kind = int(draws.integers(1, 0, 18)[0])
        out += {0: [], 1: [draws.choice(vocabulary)], 2: [word, draws.choice(vocabulary)]}.get(kind, [word])
    return out


def pairs(name: str, sizes=(4, 1, 6), words=(1, 30), vocabulary=WORDS) -> list:
    """Draw batches of predictions and targets of so many words."""
    draws, batches = Draws(f"texts/{name}"), []
    for size in sizes:
        target = [sentence(draws, int(draws.integers(1, *words)[0]), vocabulary) for _ in range(size)]
        preds = [heard(draws, words, vocabulary) for words in target]
        batches.append({"preds": [" ".join(p) for p in preds], "target": [" ".join(t) for t in target]})
    return batches
