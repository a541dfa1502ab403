"""Word error rate."""

import torch
from cases import Case, Misuse, Stem
from draws import Draws
from texts import pairs, sentence

METRIC, FUNCTIONAL = "WordErrorRate", "word_error_rate"
SHORTER = "torchmetrics leaves out the texts that the shorter list has no counterpart for"
CHARACTERS = "torchmetrics pairs the text with the first of the list alone"

WHITE_SPACE = [chr(c) for c in range(0x110000) if chr(c).isspace()]
# Joiners, marks and controls that are no white space, though some are invisible.
NO_WHITE_SPACE = "\0\x08\x0e\x1b\x7f\x84\x86\u00a1\u00ad\u167f\u1681\u180e\u1fff\u200b\u200d\u2027\u202a\u202e\u2030\u205e\u2060\u2fff\u3001\ufeff"


def misuses(stem: Stem) -> None:
    """Write what must be refused."""
    refuse = lambda name, batches, word, options=None, **more: stem.refuse(
        Misuse(f"{METRIC}/{name}", METRIC, options or {}, word, batches, **more)
    )
    refuse("unknown option", [], "case_sensitive", {"case_sensitive": True})
    one = {"preds": ["a b"], "target": ["a c"]}
    refuse("no target", [one, {"preds": ["a"]}], "target")
    refuse("unknown input", [one, {"preds": ["a"], "target": ["a"], "weight": 1.0}], "weight")
    refuse("numbers", [one, {"preds": [1, 2], "target": ["a", "b"]}], "preds")
    refuse("a number among texts", [one, {"preds": ["a", "b"], "target": ["a", 2.5]}], "target")
    refuse("a tensor", [one, {"preds": ["a"], "target": torch.ones(1)}], "target")
    refuse("None", [one, {"preds": None, "target": "a"}], "preds")
    refuse("lists of words", [one, {"preds": [["a", "b"]], "target": [["a"]]}], "preds")
    refuse("more predictions", [one, {"preds": ["a", "b"], "target": ["a"]}], "texts", reason=SHORTER)
    refuse("more targets", [one, {"preds": ["a"], "target": ["a", "b", "c"]}], "texts", reason=SHORTER)
    refuse("one text and a list", [one, {"preds": "a", "target": ["a", "b"]}], "texts", reason=CHARACTERS)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem)
    case = lambda name, batches, **more: stem.add(Case(f"{METRIC}/{name}", METRIC, {}, batches, **{"functional": FUNCTIONAL, **more}))
    alone = lambda preds, target: {"preds": [preds], "target": [target]}
    case("a text, not a list", [{"preds": "hello duck", "target": "hello world"}, {"preds": "one more", "target": "one"}])
    case("texts and lists", [{"preds": "hello duck", "target": "hello world"}, *pairs("wer/lists")])
    case("sentences", pairs("wer/sentences", (9, 1, 14)))
    few = ("a", "b", "c")
    case("few words", pairs("wer/few", (12, 5), (1, 12), few))
    case("equal", [{"preds": b["target"], "target": b["target"]} for b in pairs("wer/equal")])
    case("nothing right", [alone("a b c", "d e f g"), alone("h", "i j")])
    case("more errors than words", [alone("a b c d", "e"), alone("f", "f")])
    case("letters of another case", [alone("The Cat", "the cat"), alone("THE", "THE")])
    case("the end is cut off", [alone("a b", "a b c d e"), alone("b c d", "a b c d")])
    case("a word moves", [alone("b c d e a", "a b c d e"), alone("e a b c d", "a b c d e")])
    case("no text is empty", [alone("", "a b"), alone("a", "b")])
    case("an empty target", [alone("a b", ""), alone("a", "a b")])
    case("a target without words", [{"preds": ["a b", "c"], "target": [" \t", "\n"]}])
    case("no words", [alone("", ""), alone("", "")])
    case("an empty list", [*pairs("wer/empty", (3,)), {"preds": [], "target": []}, *pairs("wer/empty/2", (2,))])
    draws = Draws("wer/spaces")
    around = [" ".join(f"{draws.choice(WHITE_SPACE)}{w}{space}" for w in sentence(draws, 3)) for space in WHITE_SPACE]
    case("white space of every kind", [{"preds": [s[:-1] + "end" for s in around], "target": around}])
    case("every white space parts words", [{"preds": [f"a{c}b" for c in WHITE_SPACE], "target": ["a b"] * len(WHITE_SPACE)}, alone("a", "b")])
    case("no other character does", [{"preds": [f"a{c}b" for c in NO_WHITE_SPACE], "target": [f"a{c}b c" for c in NO_WHITE_SPACE]}])
    case("composed and not", [alone("café", "cafe\u0301"), alone("①", "1")])
    for words in (62, 63, 64, 65, 66, 127, 128, 129, 200, 700):
        case(f"{words} words", pairs(f"wer/{words}", (2,), (words, words + 1), few))
    case("a long and a short one", [alone(" ".join(sentence(draws, 300, few)), "a b"), alone("b a", " ".join(sentence(draws, 150, few)))])
    case("a thousand different words", [alone(" ".join(f"w{i * 7 % 1001}" for i in range(1000)), " ".join(f"w{i * 11 % 997}" for i in range(1000)))])
    valid = [torch.tensor([True, False, True, True]), torch.tensor([False]), torch.tensor([True, True, False])]
    case("rows that do not count", pairs("wer/valid", (4, 1, 3)), valid=valid)
    stem.require(METRIC, {})
