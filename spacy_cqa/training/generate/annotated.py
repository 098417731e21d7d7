"""Facts of a written note, from its annotated entities.

The corpus annotates what is mentioned and how (negated, of the family, ...), not what belongs to what. A dose stands
right behind its drug and a value behind its test, so those are read from the text between; where that is not plain, the
fact is left out, and a question that could have another answer is not asked.
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from ...alignment import section_heading
from ...errors import Errors
from ...ontology.patterns import find_pattern, is_bare_value
from ...types import CATEGORIES, ENTITY_FLAGS
from ..records import QARecord
from .facts import Fact, Mention, is_study

_RELATIVE = re.compile(
    r"\b((?:maternal |paternal )?(?:grandmother|grandfather|aunt|uncle)|mother|father|sister|brother|son|daughter)\b",
    re.IGNORECASE,
)
_OTHER_RELATIVE = re.compile(r"'s side|cousin|niece|nephew|relative|half-", re.IGNORECASE)
_BY_MARRIAGE = re.compile(r"wife|husband|spouse|partner|(?:boy|girl)friend|\b[GB]F\b|in-law|contact", re.IGNORECASE)
# Names of one sign: only a note that names it once, with one value, has one reading of it.
_SAME_SIGN = (
    r"BP|blood pressure",
    r"HR|heart rate|pulse",
    r"RR|respirat\w+ rate|respirations",
    r"temp(?:erature)?|T",
    r"SpO2|O2 sat\w*|oxygen saturation|sats?",
    r"weight|wt",
    r"BMI",
)
_VITAL = re.compile(  # a bare T is no question
    rf"(?!T[\W\d])(?P<name>{'|'.join(_SAME_SIGN)})\W{{0,3}}(?:of |is |was )?(?P<value>\d.*)", re.IGNORECASE
)
_PRESSURE = re.compile(r"(?<![\d/])\d{2,3}/\d{2,3}(?![\d/])")
_FURTHER_VALUE = re.compile(r"[^.;\n]{0,12}?(?:\band\b|\bto\b|\bthen\b|repeat\w*|->|→|,)\s*\d")
_AMOUNT = re.compile(
    r"(?<!/)(?<!/ )(?:mg|mcg|[µu]g|\bg|units?|IU|mEq|puffs?|tab(?:let)?s?|cap(?:sule)?s?|drops?|gtts?|sprays?|"
    r"patch(?:es)?|mL|mmol)\b(?!/ ?mL)",
    re.IGNORECASE,
)
_LEFT_OVER = re.compile(r"[a-z]{3,}", re.IGNORECASE)
_JOINING = re.compile(r"\b(?:and|with|the|but|also|its|for|was|were)\b", re.IGNORECASE)
_HOW_OFTEN = re.compile(
    r"\b(?:daily|weekly|monthly|nightly|hourly|times|morning|evening|bedtime|needed)\b", re.IGNORECASE
)
_HISTORY = re.compile(r"past medical|\bpmh\b|medical history")
_COMPLAINT = re.compile(r"chief complaint|presenting complaint|\bcc\b|reason for (?:visit|consult)")
_BEFORE_DOSE = re.compile(r"[ ,:(]{1,3}")
_BEFORE_REASON = re.compile(r",?\s(?:taken |given |used |prescribed )?for (?:her |his |the )?")
_BEFORE_VALUE = re.compile(r"[ :=,(]{1,4}(?:(?:was|is|of|at) )?")
_BEFORE_RESULT = re.compile(r"[^.;]{0,30}?(?:show(?:s|ed|ing)|demonstrat\w+|reveal\w+|with|:)[ \n](?:an? |the )?")
_CHANGED = re.compile(
    r"\b(?:stop|held|hold|half|reduc|increas|decreas|chang|taper|discontinu|switch|titrat|d/c|instead|from)|->|→",
    re.IGNORECASE,
)
_MEDICATIONS = re.compile(r"^(?!.*(?:discharge|given)).*\b(?:medications?|meds|medicines)\b")
_NEAR = 8  # how many entities further on something may belong to an entity
_UNSURE = frozenset({"dose", "frequency", "route", "reason", "old dose", "stop reason", "reaction", "value", "result"})


@dataclass(frozen=True)
class Entity:
    """An entity of the corpus.

    mention (Mention): Where it is.
    flags (FrozenSet[str]): Which of `ENTITY_FLAGS` hold.
    section (str): The heading that it stands under, in lower case.
    """

    mention: Mention
    flags: FrozenSet[str]
    section: str


def read_facts(record: QARecord) -> Tuple[Fact, ...]:
    """Read the facts of a note with entities.

    record (QARecord): The note; its entities as in the corpus guide.
    RETURNS (Tuple[Fact, ...]): The facts that are plain.
    RAISES (ValueError): E068, if the note has no entities, or one is not at its offset.
    """
    entities = _read_entities(record)
    facts: List[Fact] = []
    for n, entity in enumerate(entities):
        facts.extend(_facts_of(record.text, entity, entities[n + 1 : n + _NEAR]))
    return tuple(_without_gaps(facts, entities))


def _without_gaps(facts: Sequence[Fact], entities: Sequence[Entity]) -> Iterator[Fact]:
    """Lists that may lack something are not asked for: what they hold stays as single facts only."""
    listed = {fact.name.text.lower() for fact in facts if fact.kind == "drug"}
    outside = any(fact.kind == "mentioned drug" and fact.name.text.lower() not in listed for fact in facts)
    relatives = any("family" in entity.flags and entity.mention.category != "Diagnosis" for entity in entities)
    gaps = {"drug"} if outside else set()
    gaps |= {"family condition"} if relatives else set()
    gaps |= {"past condition"} if any(map(_is_other_history, entities)) else set()
    for fact in facts:
        yield replace(fact, kind=f"mentioned {fact.kind}") if fact.kind in gaps else fact


def _is_other_history(entity: Entity) -> bool:
    """Whether something that is no diagnosis stands in the medical history, of which a reader may think as well."""
    said = entity.mention.category != "Diagnosis" and entity.flags <= {"historical"}
    return said and _HISTORY.search(entity.section) is not None


def _read_entities(record: QARecord) -> List[Entity]:
    entries = record.meta.get("paragraph", {}).get("entities")
    if not isinstance(entries, list):
        raise ValueError(Errors.E068.format(note=record.id, problem="the note has no list of entities"))
    entities = [_to_entity(record, number, entry) for number, entry in enumerate(entries)]
    return sorted(entities, key=lambda entity: entity.mention.start)


def _to_entity(record: QARecord, number: int, entry: Any) -> Entity:
    if not isinstance(entry, dict) or not {"start", "end", "text", "category"} <= entry.keys():
        problem = f"entity {number} is no object with start, end, text and category"
        raise ValueError(Errors.E068.format(note=record.id, problem=problem))
    text, start, end = entry["text"], entry["start"], entry["end"]
    placed = type(start) is type(end) is int and 0 <= start < end and record.text[start:end] == text
    if not placed or end - start != len(text) or entry["category"] not in CATEGORIES:
        problem = f"entity {number} is not at its offset {start!r}, or of no known category"
        raise ValueError(Errors.E068.format(note=record.id, problem=problem))
    flags = frozenset(flag for flag in ENTITY_FLAGS if entry.get(flag) is True)
    return Entity(Mention(text, start, entry["category"]), flags, section_heading(record.text, start).lower())


def _facts_of(text: str, entity: Entity, following: Sequence[Entity]) -> Iterator[Fact]:
    if "negated" not in entity.flags:
        yield from _READERS[entity.mention.category](text, entity, following)


def _drug_facts(text: str, entity: Entity, following: Sequence[Entity]) -> Iterator[Fact]:
    name = entity.mention
    if is_dosing(name.text) or "family" in entity.flags:
        return
    kind = _drug_kind(entity)
    if kind is None:
        return
    attributes: Dict[str, Tuple[Mention, ...]] = {}
    rest, last = list(following), name
    if rest and _is_its_dosing(text, name, rest):
        dosing = rest.pop(0).mention
        attributes["dose" if _AMOUNT.search(dosing.text) else "frequency"] = (dosing,)
        last = dosing
    if rest and _is_problem(rest[0]) and _joined(text, last, rest[0].mention, _BEFORE_REASON):
        attributes["reason"] = (rest[0].mention,)
    yield Fact(kind, name, attributes, {"name": (name.text,)}, _UNSURE)


def _is_its_dosing(text: str, name: Mention, rest: Sequence[Entity]) -> bool:
    """Whether the next entity is the dosing of a drug, the only one in the note, which changes it nowhere."""
    dosing = rest[0].mention
    if rest[0].flags or not is_dosing(dosing.text) or not _joined(text, name, dosing, _BEFORE_DOSE):
        return False
    if len(rest) > 1 and is_dosing(rest[1].mention.text) and rest[1].mention.category == "Medication":
        return False
    pattern = re.compile(rf"(?<!\w){re.escape(name.text)}(?!\w)(?P<dosed>[^\n.;]{{0,40}}\d)?", re.IGNORECASE)
    dosed = sum(mention["dosed"] is not None for mention in pattern.finditer(text))
    return dosed == 1 and not any(_CHANGED.search(line) for line in text.splitlines() if pattern.search(line))


def _is_problem(entity: Entity) -> bool:
    return entity.mention.category in ("Diagnosis", "Symptoms") and not entity.flags


def _drug_kind(entity: Entity) -> Optional[str]:
    if "allerg" in entity.section:
        return "allergen" if "historical" in entity.flags else None
    if not entity.flags:
        return "drug" if _MEDICATIONS.search(entity.section) else "mentioned drug"
    # A drug that is out of use or only planned says nothing of the dose that is taken.
    return None


def is_dosing(text: str) -> bool:
    """RETURNS (bool): Whether an entity of the category Medication says how a drug is taken, not which one."""
    pattern = find_pattern(text)
    named = pattern is not None and pattern.name in ("dose", "frequency", "route")
    return text[:1].isdigit() or named or _HOW_OFTEN.search(text) is not None


def _lab_facts(text: str, entity: Entity, following: Sequence[Entity]) -> Iterator[Fact]:
    name = entity.mention
    if entity.flags or is_bare_value(name.text) or name.text[:1].isdigit() or not following:
        return
    if _is_its_value(text, name, following):
        yield Fact("lab", name, {"value": (following[0].mention,)}, {"name": (name.text,)}, _UNSURE)


def _is_its_value(text: str, name: Mention, following: Sequence[Entity]) -> bool:
    """Whether the next entity is the value of a test, and the note holds no other one."""
    value = following[0].mention
    if following[0].flags or value.category != "Lab Reports" or not is_bare_value(value.text):
        return False
    if len(following) > 1 and is_bare_value(following[1].mention.text):
        return False
    return _is_named_once(text, name) and _joined(text, name, value, _BEFORE_VALUE)


def _is_named_once(text: str, name: Mention) -> bool:
    return len(re.findall(rf"(?<!\w){re.escape(name.text)}(?!\w)", text, re.IGNORECASE)) == 1


def _procedure_facts(text: str, entity: Entity, following: Sequence[Entity]) -> Iterator[Fact]:
    # Past and planned procedures, studies and tests stand anywhere in a note: no list of them is sure to be whole.
    name = entity.mention
    if is_study(name.text) and not entity.flags - {"historical"} and _is_named_once(text, name):
        results = _results(text, name, following)
        if results:
            yield Fact("mentioned study", name, {"result": results}, {"name": (name.text,)}, _UNSURE)


def _results(text: str, study: Mention, following: Sequence[Entity]) -> Tuple[Mention, ...]:
    """The findings that follow a study in its sentence, if they are all that it says and the next one tells no more."""
    end = study.span[1]
    stop = re.search(r"[.;](?:\s|$)|\n", text[end:])
    limit = end + stop.start() if stop else len(text)
    inside = list(takewhile(lambda entity: entity.mention.start < limit, following))
    beyond = following[len(inside) : len(inside) + 1]
    if not inside or not all(map(_tells_results, inside)) or any(map(_tells_results, beyond)):
        return ()
    found = [entity.mention for entity in inside]
    # A measure and its value are one result.
    if any(is_bare_value(mention.text) or mention.text[:1].isdigit() for mention in found):
        return ()
    between = [text[first.span[1] : second.start] for first, second in pairwise(found)]
    rest = _JOINING.sub(" ", " ".join([*between, text[found[-1].span[1] : limit]]))
    whole = _joined(text, study, found[0], _BEFORE_RESULT) and not _LEFT_OVER.search(rest)
    return tuple(found) if whole else ()


def _tells_results(entity: Entity) -> bool:
    return entity.mention.category == "Lab Reports" and not entity.flags


def _condition_facts(text: str, entity: Entity, following: Sequence[Entity]) -> Iterator[Fact]:
    name = entity.mention
    if "family" in entity.flags:
        relative, own = _relative_before(text, name.start)
        if own:
            yield Fact("family condition", name, {}, {"relative": (relative,)} if relative else {}, _UNSURE)
    elif entity.flags <= {"historical"} and _HISTORY.search(entity.section):
        yield Fact("past condition", name, {}, {"name": (name.text,)}, _UNSURE)


def _relative_before(text: str, start: int) -> Tuple[str, bool]:
    """The relative that a sentence names before a condition, if it names only one; whether it can be one by blood."""
    sentence = re.split(r"[.;\n]", text[max(0, start - 80) : start])[-1]
    found = _RELATIVE.findall(sentence)
    only = found[0].lower() if len(found) == 1 and not _OTHER_RELATIVE.search(sentence) else ""
    return only, not _BY_MARRIAGE.search(sentence)


def _symptom_facts(text: str, entity: Entity, following: Sequence[Entity]) -> Iterator[Fact]:
    name = entity.mention
    vital = _VITAL.fullmatch(name.text)
    if vital and not entity.flags and _is_only_reading(text, name, vital["name"]):
        value = Mention(vital["value"], name.start + vital.start("value"), name.category)
        yield Fact("vital", name, {"value": (value,)}, {"name": (vital["name"],)}, _UNSURE)
    elif not entity.flags and _COMPLAINT.search(entity.section) and _is_on_the_line_of_its_heading(text, name.start):
        yield Fact("complaint", name, {}, {}, _UNSURE)


def _is_only_reading(text: str, reading: Mention, sign: str) -> bool:
    """Whether a note has one value of a vital sign."""
    names = next(names for names in _SAME_SIGN if re.fullmatch(names, sign, re.IGNORECASE))
    named = re.findall(rf"(?<!\w)(?:{names})(?!\w)", text, re.IGNORECASE)
    pressures = len(_PRESSURE.findall(text)) if _PRESSURE.search(reading.text) else 0
    return len(named) == 1 and pressures <= 1 and not _FURTHER_VALUE.match(text[reading.span[1] :])


def _is_on_the_line_of_its_heading(text: str, start: int) -> bool:
    before = text[:start].rstrip(" ").splitlines() or [""]
    if re.search(r"[.;(]", before[-1]):
        return False  # what follows a first statement explains it
    line, above = before[-1], next((line for line in reversed(before[:-1]) if line.strip()), "")
    return _COMPLAINT.search(line.lower()) is not None or (
        _COMPLAINT.search(above.lower()) is not None and len(above) < 40
    )


def _joined(text: str, first: Mention, second: Mention, between: "re.Pattern[str]") -> bool:
    return between.fullmatch(text[first.span[1] : second.start]) is not None


_READERS = {
    "Medication": _drug_facts,
    "Lab Reports": _lab_facts,
    "Procedure": _procedure_facts,
    "Diagnosis": _condition_facts,
    "Symptoms": _symptom_facts,
}
