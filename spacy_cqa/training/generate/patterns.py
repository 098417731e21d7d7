"""Question patterns asked over the facts of a note: emrQA's way of making questions (Pampari et al., EMNLP 2018).

The patterns are data, `patterns.yml`. What a group of them asks of which facts decides the answers and their category:
both are as right as the facts.
"""

import random
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import srsly

from ...alignment import holds_words
from ...metrics import overlaps
from ...types import CATEGORIES
from ..records import GoldAnswer, GoldQuestion
from .facts import Fact, Mention
from .scenarios import pick_name

PATTERNS = Path(__file__).with_name("patterns.yml")
MAX_ANSWER_WORDS = 16  # as in the open corpus
_OR_SHARE = 0.2  # of a soft label, for the other event types of a form with an OR

Foreign = Mapping[str, Sequence[Tuple[str, ...]]]  # by slot: names, each with its variants, that a note may not hold


@dataclass(frozen=True)
class PatternGroup:
    """Patterns of one logical form; the keys of `patterns.yml`, which explains them."""

    form: str
    facts: Tuple[str, ...]
    ask: str
    patterns: Tuple[str, ...]
    slot: str = ""
    either: Tuple[str, ...] = ()
    one: bool = False
    silent: Tuple[str, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Asked:
    """What can be asked of a note: a group with its slot filled, and the answers, none where the note is silent.

    group (PatternGroup): The group.
    names (Tuple[str, ...]): What may stand in the slot, empty without one.
    answers (Tuple[Tuple[Mention, ...], ...]): Different answers, each with all its mentions.
    """

    group: PatternGroup
    names: Tuple[str, ...]
    answers: Tuple[Tuple[Mention, ...], ...]

    @property
    def kind(self) -> str:
        """RETURNS (str): The kind of question. Several mentions of a single answer are alternatives."""
        return "impossible" if not self.answers else "single" if len(self.answers) == 1 else "list"

    @cached_property
    def category(self) -> Optional[str]:
        """RETURNS (Optional[str]): What most of the answers are, None of an unanswerable question."""
        if not self.answers:
            return None
        categories = [mentions[0].category for mentions in self.answers]
        return max(CATEGORIES, key=categories.count)

    @cached_property
    def cell(self) -> Tuple[str, str]:
        """RETURNS (Tuple[str, str]): Category and kind: what a corpus is balanced by."""
        return self.category or "", self.kind


@cache
def load_groups() -> Tuple[PatternGroup, ...]:
    """RETURNS (Tuple[PatternGroup, ...]): The groups of `patterns.yml`."""
    return tuple(_to_group(entry) for entry in srsly.read_yaml(PATTERNS))


def _to_group(entry: Dict[str, Any]) -> PatternGroup:
    given: Dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return PatternGroup(either=given.pop("or", ()), **given)


# What can be asked ----------------------------------------------------------------------------------------------------


def find_askable(text: str, facts: Sequence[Fact], *, foreign: Foreign) -> List[Asked]:
    """All that can be asked of a note.

    text (str): The note.
    facts (Sequence[Fact]): Everything that the note says of the kinds that the groups ask about.
    foreign (Foreign): Names from elsewhere, for questions that the note does not answer.
    RETURNS (List[Asked]): What can be asked, in the order of the groups.
    """
    return [asked for group in load_groups() for asked in _ask_group(text, facts, group, foreign)]


def _ask_group(text: str, facts: Sequence[Fact], group: PatternGroup, foreign: Foreign) -> Iterator[Asked]:
    told = [fact for fact in facts if fact.kind in group.facts]
    if not group.slot:
        answers = _answers(told, group)
        if answers:
            yield Asked(group, (), answers)
        return
    named = [fact for fact in facts if fact.kind in group.facts + group.silent and fact.labels.get(group.slot)]
    things = _by_key(named, group.slot)
    for same in things.values():
        answers = _answers([fact for fact in same if fact.kind in group.facts], group)
        if answers or (answers is not None and _is_untold(same, group)):
            yield Asked(group, _variants(same, group.slot), answers)
    if group.missing == "other" and told:
        yield from (Asked(group, names, ()) for names in foreign.get(group.slot, ()) if not _holds(text, named, names))


def _by_key(facts: Iterable[Fact], slot: str) -> Dict[str, List[Fact]]:
    things: Dict[str, List[Fact]] = {}
    for fact in facts:
        things.setdefault(_folded(fact.labels[slot][0]), []).append(fact)
    return things


def _variants(facts: Iterable[Fact], slot: str) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(name for fact in facts for name in fact.labels[slot]))


def _answers(facts: Iterable[Fact], group: PatternGroup) -> Optional[Tuple[Tuple[Mention, ...], ...]]:
    """The different answers, each with its mentions; None where they cannot be told apart or are no answers."""
    different: Dict[str, List[Mention]] = {}
    for mention in (mention for fact in facts for mention in fact.told(group.ask)):
        same = different.setdefault(_folded(mention.text), [])
        if mention not in same:
            same.append(mention)
    answers = tuple(tuple(mentions) for mentions in different.values())
    if (group.one and len(answers) > 1) or any(len(text.split()) > MAX_ANSWER_WORDS or not text for text in different):
        return None
    spans = sorted(mention.span for mentions in answers for mention in mentions)
    return None if any(overlaps(first, second) for first, second in pairwise(spans)) else answers


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


def _is_untold(facts: Iterable[Fact], group: PatternGroup) -> bool:
    return bool(group.missing) and not any(group.ask in fact.unsure for fact in facts)


def _holds(text: str, named: Iterable[Fact], names: Sequence[str]) -> bool:
    """Whether a note holds one of these names, by itself or as the label of something."""
    held = {_folded(name) for fact in named for labels in fact.labels.values() for name in labels}
    return any(_folded(name) in held or holds_words(text, name) for name in names)


# Questions ------------------------------------------------------------------------------------------------------------


class Balance:
    """Chooses what to ask so that categories and kinds stay in proportion over a whole stream of notes."""

    SHARES: ClassVar[Dict[Tuple[str, str], float]] = {
        ("", "impossible"): 0.2,
        **{(category, "list"): 0.04 for category in CATEGORIES},
        **{(category, "single"): 0.12 for category in CATEGORIES},
    }

    def __init__(self) -> None:
        """Nothing is chosen yet."""
        self.counts: Counter[Tuple[str, str]] = Counter()

    def choose(self, askable: Sequence[Asked], count: int, rng: random.Random) -> List[Asked]:
        """Choose what to ask of a note: what falls short most, and no group twice before every group had its turn.

        askable (Sequence[Asked]): What can be asked.
        count (int): How many at most.
        rng (Random): Source of chance.
        RETURNS (List[Asked]): What to ask.
        """
        left = list(askable)
        rng.shuffle(left)
        forms: Counter[str] = Counter()
        chosen: List[Asked] = []
        while left and len(chosen) < count:
            best = min(left, key=lambda asked: (forms[asked.group.form], self._surplus(asked.cell)))
            left.remove(best)
            chosen.append(best)
            forms[best.group.form] += 1
            self.counts[best.cell] += 1
        return chosen

    def take_back(self, asked: Asked) -> None:
        """Count out what was chosen and could not be asked.

        asked (Asked): What was not asked.
        """
        self.counts[asked.cell] -= 1

    def _surplus(self, cell: Tuple[str, str]) -> float:
        return self.counts[cell] / self.SHARES[cell]


def write_question(asked: Asked, qid: str, rng: random.Random) -> Optional[GoldQuestion]:
    """Put what is asked into words.

    asked (Asked): What is asked.
    qid (str): Id of the question.
    rng (Random): Source of chance.
    RETURNS (Optional[GoldQuestion]): The question; None where these words would give an answer away.
    """
    slot = pick_name(asked.names, rng, first=0.5) if asked.names else ""
    slot = " ".join(slot.split())  # a note may break its line there
    text = _as_typed(rng.choice(asked.group.patterns).format(slot=slot), rng)
    if any(len(mention.text) > 3 and holds_words(text, mention.text) for same in asked.answers for mention in same):
        return None
    return GoldQuestion(
        id=qid,
        text=text,
        kind=asked.kind,
        answers=[GoldAnswer(mention.text, mention.start) for mention in _gold_mentions(asked)],
        category=asked.category,
        **_soft_label(asked),
        extra={"logical_form": asked.group.form},
    )


def _as_typed(text: str, rng: random.Random) -> str:
    """People leave out the question mark, and do not always begin with a capital."""
    if rng.random() < 0.3:
        text = text.rstrip("?. ")
    first = text.split()[0]
    return text[0].lower() + text[1:] if rng.random() < 0.25 and first[1:].islower() else text  # not IgM, T


def _gold_mentions(asked: Asked) -> List[Mention]:
    """Every mention of a single answer is right; of a list, each item once."""
    if asked.kind == "single":
        return sorted(asked.answers[0], key=lambda mention: mention.start)
    return sorted((mentions[0] for mentions in asked.answers), key=lambda mention: mention.start)


def _soft_label(asked: Asked) -> Dict[str, Any]:
    """By the shares of the answers; a form with an OR leaves something for its other event types."""
    categories = [mentions[0].category for mentions in asked.answers]
    counts = {category: categories.count(category) / len(categories) for category in dict.fromkeys(categories)}
    others = [category for category in asked.group.either if category not in counts] if counts else []
    kept = 1 - _OR_SHARE if others else 1.0
    shares = {name: kept * share for name, share in counts.items()}
    shares.update({name: _OR_SHARE / len(others) for name in others})
    if len(shares) < 2:
        return {}
    also = [category for category in CATEGORIES if category in shares and category != asked.category]
    return {"also": also, "category_probs": [shares.get(category, 0.0) for category in CATEGORIES]}
