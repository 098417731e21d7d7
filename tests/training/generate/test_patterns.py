"""Question patterns: what they are, what they ask of facts, and how a question is worded."""

import random
from collections import Counter
from typing import List

from spacy_cqa.training.generate.annotated import read_facts
from spacy_cqa.training.generate.facts import Mention
from spacy_cqa.training.generate.patterns import Asked, Balance, find_askable, load_groups, write_question
from spacy_cqa.training.records import GoldQuestion

from .notes import NOTE, asked_of, synthetic_notes, written_note


def test_there_are_patterns_enough():
    groups = load_groups()
    patterns = [pattern for group in groups for pattern in group.patterns]
    assert len(groups) >= 30
    assert len(patterns) >= 150
    assert len({group.form for group in groups}) == len(groups)
    assert min(len(set(group.patterns)) for group in groups) >= 5


def test_patterns_name_their_slot():
    for group in load_groups():
        for pattern in group.patterns:
            assert ("{slot}" in pattern) == bool(group.slot), pattern


def test_every_kind_of_fact_that_patterns_ask_about_is_told():
    told = {fact.kind for note in synthetic_notes(60) for fact in note.facts}
    note = written_note()
    told |= {fact.kind for fact in read_facts(note)}
    note.meta["paragraph"]["entities"][-1]["family"] = True  # a symptom of a relative: the list lacks it
    told |= {fact.kind for fact in read_facts(note)}
    assert {kind for group in load_groups() for kind in group.facts + group.silent} <= told


def test_no_question_without_a_slot_stands_in_two_groups():
    counts = Counter(pattern for group in load_groups() for pattern in group.patterns if not group.slot)
    assert max(counts.values()) == 1


def test_an_or_gives_a_soft_label():
    asked = find_askable(NOTE, read_facts(written_note()), foreign={})
    (why,) = [each for each in asked if "given ConditionEvent (x) OR" in each.group.form]
    question = write_question(why, "q", random.Random(0))
    assert question.category == "Diagnosis"
    assert question.also == ["Symptoms"]
    assert question.category_probs == [0.8, 0.0, 0.2, 0.0, 0.0]


def test_a_question_that_gives_its_answer_away_is_not_asked():
    group = next(group for group in load_groups() if group.form.startswith("ConditionEvent (x) [relative"))
    asked = Asked(group, ("aunt with lupus",), ((Mention("aunt with lupus", 0, "Diagnosis"),),))
    questions = [write_question(asked, "q", random.Random(n)) for n in range(9)]
    assert questions == [None] * 9


def test_questions_are_on_one_line_and_keep_the_capitals_of_names():
    text = "IgM 2.1. Thigh\nMRI showed edema."
    listed = [
        ("IgM", "Lab Reports", ""),
        ("2.1", "Lab Reports", ""),
        ("Thigh\nMRI", "Procedure", ""),
        ("edema", "Lab Reports", ""),
    ]
    asked = find_askable(text, read_facts(written_note(note=text, listed=listed)), foreign={})
    written = [write_question(each, "q", random.Random(seed)) for each in asked for seed in range(60)]
    texts = [question.text for question in written if question is not None]
    assert any("Thigh MRI" in text for text in texts)
    assert any("IgM" in text for text in texts)
    assert not [text for text in texts if "\n" in text or "igM" in text]


def test_balance_takes_what_falls_short():
    asked = find_askable(NOTE, read_facts(written_note()), foreign={})
    balance = Balance()
    balance.counts.update({each.cell: 100 for each in asked if each.category != "Medication"})
    chosen = balance.choose(asked, 1, random.Random(0))
    assert [each.category for each in chosen] == ["Medication"]
    assert balance.choose(asked, 99, random.Random(0)) != []
    assert balance.choose([], 5, random.Random(0)) == []


def test_what_cannot_be_asked_does_not_count():
    _, asked = next(asked_of("", 1))
    balance = Balance()
    assert balance.choose([asked], 1, random.Random(0)) == [asked]
    balance.take_back(asked)
    assert not any(balance.counts.values())


def test_names_from_elsewhere_are_asked_only_where_the_note_does_not_hold_them():
    facts = read_facts(written_note())
    foreign = {"relative": [("sister",), ("brother",), ("mother",)]}
    asked = [each for each in find_askable(NOTE, facts, foreign=foreign) if each.group.slot == "relative"]
    assert [each.names for each in asked if not each.answers] == [("sister",)]


def test_a_question_has_its_logical_form(records):
    forms = {group.form for group in load_groups()}
    asked: List[GoldQuestion] = [question for record in records for question in record.questions]
    assert {question.extra["logical_form"] for question in asked} <= forms
    assert len({question.extra["logical_form"] for question in asked}) > 25
