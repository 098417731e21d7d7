"""Synthetic notes: the tests read the only right answer from the text by themselves."""

import re
from typing import Dict, List, Set, Tuple

import pytest

from spacy_cqa.alignment import holds_words
from spacy_cqa.training.generate.scenarios import load_scenarios
from spacy_cqa.training.generate.writer import load_words

from .notes import asked_of, synthetic_notes


def statements(text: str) -> List[str]:
    """Lines and sentences of a synthetic note."""
    return [piece for piece in re.split(r"\n|\. (?=[A-Z])", text) if piece.strip()]


DOSES: Dict[Tuple[str, ...], Set[str]] = {}
for _drug in (drug for scenario in load_scenarios() for drug in scenario.drugs):
    DOSES.setdefault(_drug.variants, set()).update(_drug.doses)


def test_the_dose_is_the_only_one_that_stands_beside_the_drug():
    found = 0
    for note, asked in asked_of("MedicationEvent (|drug|) [dosage=x]", 80):
        beside = [line for line in statements(note.text) if any(holds_words(line, name) for name in asked.names)]
        doses = {dose for dose in DOSES[asked.names] if any(holds_words(line, dose) for line in beside)}
        doses -= {dose for dose in doses if any(dose != other and dose in other for other in doses)}
        old = {mention.text for fact in note.facts for mention in fact.attributes.get("old dose", ())}
        told = {mentions[0].text for mentions in asked.answers}
        assert told <= doses, (asked.names, beside)
        assert doses - told <= old, (asked.names, beside)
        found += bool(told)
    assert found > 100


def test_the_frequency_stands_beside_the_drug():
    for note, asked in asked_of("MedicationEvent (|drug|) [frequency=x]", 60):
        for mentions in asked.answers:
            start, end = mentions[0].span
            line = note.text[note.text.rfind("\n", 0, start) + 1 : end]
            assert any(holds_words(line, name) for name in asked.names)


def test_a_test_without_a_value_is_only_ordered():
    silent = 0
    for note, asked in asked_of("LabEvent (|test|) [result=x]", 80):
        names = "|".join(re.escape(name) for name in asked.names)
        value = re.compile(rf"(?<![\w/])(?:{names})(?::| was| came back at)? \d", re.IGNORECASE)
        told = [line for line in statements(note.text) if value.search(line)]
        assert len(told) == len(asked.answers), (asked.names, told)
        silent += not asked.answers
    assert silent > 20


def test_a_relative_has_what_stands_beside():
    for note, asked in asked_of("ConditionEvent (x) [relative=", 80):
        lines = [line for line in statements(note.text) if holds_words(line, asked.names[0])]
        ((answer, *_),) = asked.answers
        (line,) = [
            line for line in lines if re.search(rf"{asked.names[0]}(?::| -| w/| ha[ds]| was treated for) ", line)
        ]
        assert holds_words(line, answer.text)


@pytest.mark.parametrize(
    ("form", "heading"),
    [
        ("ConditionEvent (x) [family=yes]", "family"),
        ("ProcedureEvent (x) [status=past]", "surgery"),
        ("ConditionEvent (x) [history=yes]", "history"),
    ],
)
def test_a_list_is_all_of_its_section(form, heading):
    heading_of = "|".join(re.escape(name) for name in load_words()["headings"][heading])
    for note, asked in asked_of(form, 60):
        section = re.search(rf"\n\n(?:{heading_of})[ \n](.*?)\n\n", note.text, re.DOTALL)[1]
        denied = re.findall(r"(?i)\b(?:no family history of|nobody in the family has|no fh of) ", section)
        assert len(asked.answers) == len(statements(section)) - len(denied), section
        assert all(mentions[0].text in section for mentions in asked.answers)


def test_what_is_denied_is_no_answer(records):
    for record in records:
        denied = re.findall(r"(?:denies|Denies|has had no|\(-\)|There is no) ([^.\n]+)", record.text)
        answers = {answer.text for question in record.questions for answer in question.answers}
        assert not answers & set(denied)


def test_two_things_of_a_note_are_never_part_of_one_another():
    for note in synthetic_notes(40):
        drugs = {fact.labels["name"] for fact in note.facts if fact.kind.endswith("drug") or fact.kind == "allergen"}
        names = [name.lower() for variants in drugs for name in variants]
        assert not [(a, b) for a in names for b in names if a != b and holds_words(b, a) and not same_drug(a, b, drugs)]


def same_drug(first: str, second: str, drugs: set) -> bool:
    """Whether two names are variants of one drug."""
    return any({first, second} <= {name.lower() for name in variants} for variants in drugs)
