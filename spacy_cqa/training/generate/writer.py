"""Writes a synthetic note statement by statement and keeps where everything stands."""

import random
import string
from functools import cache
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple, Union

import srsly

from .facts import Fact, Mention

WORDS = Path(__file__).with_name("grammar.yml")
_HABIT = 0.85  # how often a statement is put as the last one of its kind was


class Term(NamedTuple):
    """Words to fill into a template whose place is to be kept, and the category of the thing that they name."""

    text: str
    category: str


Filling = Union[str, Term]
Template = Sequence[Tuple[str, str]]  # the words before a name, and the name, "" after the last


@cache
def load_words() -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Headings, titles and statements of `grammar.yml`."""
    return srsly.read_yaml(WORDS)  # type: ignore[no-any-return]


class NoteWriter:
    """Writes one note in one style."""

    def __init__(self, style: str, words: Mapping[str, str], rng: random.Random):
        """An empty note.

        style (str): Which of the templates of a statement: `prose` or `terse`.
        words (Mapping[str, str]): What every template may use: the patient's pronouns.
        rng (Random): Source of chance.
        """
        self.style = style
        self.words = dict(words)
        self.rng = rng
        self.facts: List[Fact] = []
        self._habits: Dict[str, Template] = {}
        self._parts: List[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """RETURNS (str): The note so far."""
        return "".join(self._parts)

    def add(self, text: str) -> int:
        """RETURNS (int): Where the text begins that was just added."""
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        return start

    def say(self, statement: str, **fillings: Filling) -> Dict[str, Mention]:
        """Write a statement in one of its templates, chosen among those whose names are all filled.

        statement (str): Key of the statement.
        **fillings (Filling): What its names stand for; a blank in a name is an underscore here.
        RETURNS (Dict[str, Mention]): Where the terms stand; a term that the chosen template leaves out is not told.
        """
        known: Dict[str, Filling] = {**self.words, **{name.replace("_", " "): text for name, text in fillings.items()}}
        known = {
            name: filling for name, filling in known.items() if filling and (isinstance(filling, str) or filling.text)
        }
        mentions = {}
        for n, (literal, name) in enumerate(self._choose(statement, known)):
            self.add(literal)
            filling = known[name] if name else ""
            text = filling if isinstance(filling, str) else filling.text
            if n == 0 and not literal and self.style == "prose":
                text = text[:1].upper() + text[1:]
            start = self.add(text)
            if isinstance(filling, Term):
                mentions[name] = Mention(text, start, filling.category)
        return mentions

    def _choose(self, statement: str, known: Mapping[str, Filling]) -> Template:
        """Whoever writes a note says like things alike, mostly."""
        options = [
            parts for parts in _templates(statement, self.style) if all(name in known for _, name in parts if name)
        ]
        habit = self._habits.get(statement)
        if habit in options and self.rng.random() < _HABIT:
            return habit
        self._habits[statement] = self.rng.choice(options)
        return self._habits[statement]

    def tell(
        self,
        kind: str,
        mentions: Mapping[str, Mention],
        name: str,
        *,
        attributes: Mapping[str, Sequence[str]] = {},
        labels: Mapping[str, Sequence[str]] = {},
        unsure: Iterable[str] = (),
    ) -> None:
        """Keep a fact of what was just said.

        kind (str): Kind of the fact.
        mentions (Mapping[str, Mention]): What `say` gave.
        name (str): Which of them is its name.
        attributes (Mapping[str, Sequence[str]]): By attribute, which of them tell it, where they were said.
        labels (Mapping[str, Sequence[str]]): By slot, what a question may call it by.
        unsure (Iterable[str]): See `Fact`.
        """
        told = {key: tuple(mentions[part] for part in parts if part in mentions) for key, parts in attributes.items()}
        self.facts.append(
            Fact(
                kind,
                mentions[name],
                {key: found for key, found in told.items() if found},
                {slot: tuple(names) for slot, names in labels.items()},
                frozenset(unsure),
            )
        )


@cache
def _templates(statement: str, style: str) -> Sequence[Template]:
    templates = load_words()["statements"][statement][style]
    return [[(literal, name or "") for literal, name, _, _ in string.Formatter().parse(text)] for text in templates]
