"""Measures of question answering and of categories. Pure: texts and labels in, numbers out, None where nothing counts.

Exact match and F1 follow the official SQuAD v2 evaluation (Rajpurkar, Jia and Liang, 2018, arXiv 1806.03822).
"""

import re
import string
from collections import Counter
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION = frozenset(string.punctuation)


def normalize_answer(text: str) -> str:
    """RETURNS (str): The text in lower case, without punctuation and articles, white space folded (SQuAD)."""
    without_punctuation = "".join(char for char in text.lower() if char not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", without_punctuation).split())


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """Exact match of an answer against alternatives.

    prediction (str): The predicted text, "" for no answer.
    golds (Sequence[str]): Acceptable texts; none, or only ones that normalise to nothing, for an unanswerable question.
    RETURNS (float): 1.0 or 0.0.
    """
    return float(any(normalize_answer(prediction) == normalize_answer(gold) for gold in _acceptable(golds)))


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """The best token F1 of an answer against alternatives, from 0 to 1; arguments as in `exact_match`."""
    return max(_pair_f1(prediction, gold) for gold in _acceptable(golds))


def _acceptable(golds: Sequence[str]) -> Sequence[str]:
    return [gold for gold in golds if normalize_answer(gold)] or [""]


def _pair_f1(prediction: str, gold: str) -> float:
    predicted, expected = normalize_answer(prediction).split(), normalize_answer(gold).split()
    if not predicted or not expected:
        return float(predicted == expected)
    shared = sum((Counter(predicted) & Counter(expected)).values())
    return 2 * shared / (len(predicted) + len(expected))


def set_f1(predictions: Sequence[str], golds: Sequence[str]) -> float:
    """F1 of a set of answers against a set of required ones, compared as normalised texts; duplicates count once.

    predictions (Sequence[str]): The predicted texts.
    golds (Sequence[str]): Every text that should be found.
    RETURNS (float): From 0 to 1; 1 where both are empty.
    """
    predicted = {normalize_answer(text) for text in predictions} - {""}
    expected = {normalize_answer(text) for text in golds} - {""}
    if not predicted and not expected:
        return 1.0
    return 2 * len(predicted & expected) / (len(predicted) + len(expected))


def mean(values: Iterable[float]) -> Optional[float]:
    """RETURNS (Optional[float]): The mean, or None of nothing."""
    numbers: List[float] = list(values)
    return sum(numbers) / len(numbers) if numbers else None


def overlaps(first: Tuple[int, int], second: Tuple[int, int]) -> bool:
    """RETURNS (bool): Whether two spans (start, end exclusive) share a character."""
    return first[0] < second[1] and second[0] < first[1]


def settle_label(predicted: str, category: str, also: Iterable[str] = ()) -> str:
    """The gold label to count: the prediction itself where it is defensible, else the annotated category.

    predicted (str): The predicted category.
    category (str): The annotated category.
    also (Iterable[str]): Further categories that the annotation defends.
    RETURNS (str): The label that the prediction is counted against.
    """
    return predicted if predicted in also else category


def category_table(
    pairs: Sequence[Tuple[str, str]], categories: Sequence[str]
) -> Dict[str, Mapping[str, Optional[float]]]:
    """Precision, recall and F1 of each category.

    pairs (Sequence[Tuple[str, str]]): Gold label (see `settle_label`) and predicted label.
    categories (Sequence[str]): The categories to report.
    RETURNS (Dict[str, Dict[str, Optional[float]]]): By category `p`, `r`, `f` (None where undefined) and `support`.
    """
    table: Dict[str, Mapping[str, Optional[float]]] = {}
    for category in categories:
        hits = sum(gold == category == predicted for gold, predicted in pairs)
        predicted_total = sum(predicted == category for _, predicted in pairs)
        support = sum(gold == category for gold, _ in pairs)
        total = predicted_total + support
        table[category] = {
            "p": hits / predicted_total if predicted_total else None,
            "r": hits / support if support else None,
            "f": 2 * hits / total if total else None,
            "support": support,
        }
    return table


def macro_f1(table: Mapping[str, Mapping[str, Optional[float]]]) -> Optional[float]:
    """RETURNS (Optional[float]): Mean F1 over the categories that occur in gold or prediction, None if none does."""
    return mean(row["f"] for row in table.values() if row["f"] is not None)
