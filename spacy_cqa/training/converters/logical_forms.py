"""What a logical form of emrQA says of the category of its answer.

Form: Pampari et al., 2018 (arXiv 1809.00732). Events such as `MedicationEvent (|medication|) [dosage=x]` are joined by
relations and by AND and OR; `x` stands where the answer is, `|...|` where an entity of the note is filled in.
"""

import re
from functools import lru_cache
from typing import Iterator, Optional, Set, Tuple

from ...categories import normalize
from ...types import CATEGORIES

_EVENT_CATEGORIES = {
    "Medication": "Medication",
    "Condition": "Diagnosis",
    "Symptom": "Symptoms",
    "Lab": "Lab Reports",
    "Procedure": "Procedure",
    "Vital": "Symptoms",
}
# Dates, status, adherence and the like are asked of every event and say nothing of a category.
_ATTRIBUTE_CATEGORIES = {
    ("Lab", "result"): "Lab Reports",
    ("Procedure", "result"): "Lab Reports",
    ("Vital", "result"): "Symptoms",
    **{
        ("Medication", name): "Medication"
        for name in ("dosage", "dose", "form", "frequency", "mode", "route", "sig", "strength")
    },
}
_EVENT = re.compile(r"(\w+)Event\s*\(([^()]*)\)\s*")
_ASKED = re.compile(r"\(\s*x\s*\)|=\s*x\b")
_ASKED_ATTRIBUTE = re.compile(r"(\w+)\s*=\s*x\b")
_NESTED = re.compile(r"\{[^{}]*\}")  # inside attributes: an event to compare with, not the one that is asked for


@lru_cache(maxsize=4096)
def answer_categories(form: str) -> Optional[Tuple[float, ...]]:
    """The distribution over the five categories that a logical form gives for its answer.

    form (str): The logical form, a template or filled in.
    RETURNS (Optional[Tuple[float, ...]]): Equal weights for every category that `x` may stand for, in the order of
        `CATEGORIES`; where nothing is asked by `x`, as in yes/no questions, for every event of the form. None where the
        form says nothing of the five, or is malformed.
    """
    if any(form.count(opening) != form.count(closing) for opening, closing in ("()", "[]", "{}")):
        return None  # cut; real forms close their brackets in any order, so the order is not looked at
    named: Set[str] = set(_asked_categories(form) if _ASKED.search(form) else _event_categories(form))
    return normalize([float(category in named) for category in CATEGORIES]) if named else None


def _asked_categories(form: str) -> Iterator[str]:
    for event, argument, attributes in _events(form):
        if argument == "x" and event in _EVENT_CATEGORIES:
            yield _EVENT_CATEGORIES[event]
        for name in _ASKED_ATTRIBUTE.findall(attributes):
            if (event, name) in _ATTRIBUTE_CATEGORIES:
                yield _ATTRIBUTE_CATEGORIES[event, name]


def _event_categories(form: str) -> Iterator[str]:
    return (_EVENT_CATEGORIES[event] for event, _, _ in _events(form) if event in _EVENT_CATEGORIES)


def _events(form: str) -> Iterator[Tuple[str, str, str]]:
    """Each event with its argument and its attributes."""
    position = 0
    while match := _EVENT.search(form, position):
        position = _end_of_attributes(form, match.end())
        yield match[1], match[2].strip(), _NESTED.sub("", form[match.end() : position])


def _end_of_attributes(form: str, start: int) -> int:
    if not form.startswith("[", start):
        return start
    depth = 0
    for place, char in enumerate(form[start:], start=start):
        depth += (char == "[") - (char == "]")
        if depth == 0:
            return place + 1
    return len(form)
