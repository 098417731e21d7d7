"""Splits by note: all questions of a note, and all copies of its text, fall into one part."""

import hashlib
import random
from math import inf
from typing import Dict, Iterable, List, Sequence

from ..errors import Errors
from .records import QARecord

SPLIT_NAMES = {2: ("train", "dev"), 3: ("train", "dev", "test")}


def parse_shares(text: str) -> List[float]:
    """Read shares such as "70/10/20".

    text (str): Two shares (train/dev) or three (train/dev/test).
    RETURNS (List[float]): The shares, summing to 1.
    RAISES (ValueError): E034.
    """
    try:
        shares = [float(part) for part in text.split("/")]
    except ValueError:
        shares = []
    if len(shares) not in SPLIT_NAMES or not all(0 < share < inf for share in shares):
        raise ValueError(Errors.E034.format(value=text))
    return [share / sum(shares) for share in shares]


def split_notes(records: Sequence[QARecord], shares: Sequence[float], *, seed: int = 0) -> Dict[str, List[QARecord]]:
    """Split notes at random.

    records (Sequence[QARecord]): The notes.
    shares (Sequence[float]): Share of each part, summing to 1.
    seed (int): Seed of the order.
    RETURNS (Dict[str, List[QARecord]]): The parts by name, each in the order of the records.
    """
    part_of = assign_parts((record.text for record in records), shares, seed=seed)
    parts: Dict[str, List[QARecord]] = {name: [] for name in SPLIT_NAMES[len(shares)]}
    for record in records:
        parts[part_of[record.text]].append(record)
    return parts


def assign_parts(texts: Iterable[str], shares: Sequence[float], *, seed: int = 0) -> Dict[str, str]:
    """Assign texts to parts at random. For notes that do not fit into memory: assign their digests in a first pass, and
    look the parts up in a second.

    texts (Iterable[str]): The texts or their digests, in any order; copies count once.
    shares (Sequence[float]): Share of each part, summing to 1.
    seed (int): Seed of the order.
    RETURNS (Dict[str, str]): The name of the part by text.
    """
    ordered = sorted(set(texts))
    random.Random(seed).shuffle(ordered)
    part_of: Dict[str, str] = {}
    start = 0
    total = 0.0
    for name, share in zip(SPLIT_NAMES[len(shares)], shares):
        total += share
        end = round(total * len(ordered))
        part_of.update(dict.fromkeys(ordered[start:end], name))
        start = end
    return part_of


def text_digest(text: str) -> str:
    """RETURNS (str): A digest by which copies of a text are known."""
    return hashlib.blake2b(text.encode("utf8", "surrogatepass"), digest_size=16).hexdigest()
