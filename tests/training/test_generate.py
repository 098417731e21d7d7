"""Generated questions: every span exact, every answer the only right one, the same for the same seed."""

import random
import re
from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise
from typing import Dict, Iterator, List, Sequence, Set, Tuple

import pytest

from spacy_cqa.alignment import holds_words
from spacy_cqa.training.generate.annotated import is_dosing, read_facts
from spacy_cqa.training.generate.cases import make_case
from spacy_cqa.training.generate.facts import Mention
from spacy_cqa.training.generate.grammar import SyntheticNote, write_note
from spacy_cqa.training.generate.patterns import (
    MAX_ANSWER_WORDS,
    Asked,
    Balance,
    find_askable,
    load_groups,
    write_question,
)
from spacy_cqa.training.generate.scenarios import load_scenarios
from spacy_cqa.training.generate.stream import generate
from spacy_cqa.training.generate.writer import load_words
from spacy_cqa.training.records import GoldQuestion, QARecord
from spacy_cqa.types import CATEGORIES, ENTITY_FLAGS

NOTE = """CHIEF COMPLAINT: Chest pain.

PAST MEDICAL HISTORY: gout, asthma
PAST SURGICAL HISTORY: appendectomy

MEDICATIONS:
lisinopril 20 mg daily for hypertension
warfarin
metformin 500 mg twice daily

ALLERGIES: penicillin

FAMILY HISTORY: Mother has lupus. Father and brother: stroke.

VITALS: BP 142/88.
LABS: creatinine 1.4 mg/dL. WBC 9.1. Chest x-ray showed a small effusion, cardiomegaly.

PLAN: Gave aspirin 81 mg. Echocardiogram, TSH, physical therapy. Metformin was 850 mg before. No fever."""

# In the order of the note: text, category, flags.
ENTITIES = [
    ("Chest pain", "Symptoms", ""),
    ("gout", "Diagnosis", ""),
    ("asthma", "Diagnosis", ""),
    ("appendectomy", "Procedure", "historical"),
    ("lisinopril", "Medication", ""),
    ("20 mg daily", "Medication", ""),
    ("hypertension", "Diagnosis", ""),
    ("warfarin", "Medication", ""),
    ("metformin", "Medication", ""),
    ("500 mg twice daily", "Medication", ""),
    ("penicillin", "Medication", "historical"),
    ("lupus", "Diagnosis", "family"),
    ("stroke", "Diagnosis", "family"),
    ("BP 142/88", "Symptoms", ""),
    ("creatinine", "Lab Reports", ""),
    ("1.4 mg/dL", "Lab Reports", ""),
    ("WBC", "Lab Reports", ""),
    ("9.1", "Lab Reports", ""),
    ("Chest x-ray", "Procedure", ""),
    ("small effusion", "Lab Reports", ""),
    ("cardiomegaly", "Lab Reports", ""),
    ("aspirin", "Medication", ""),
    ("81 mg", "Medication", ""),
    ("Echocardiogram", "Procedure", "planned"),
    ("TSH", "Lab Reports", "planned"),
    ("physical therapy", "Procedure", "planned"),
    ("Metformin", "Medication", "historical"),
    ("850 mg", "Medication", "historical"),
    ("fever", "Symptoms", "negated"),
]


def written_note(
    split: str = "train", note: str = NOTE, listed: Sequence[Tuple[str, str, str]] = tuple(ENTITIES)
) -> QARecord:
    """The note above, or another one, as a record of the corpus."""
    entities, end = [], 0
    for text, category, flags in listed:
        start = note.index(text, end)
        end = start + len(text)
        about = {flag: flag in flags.split(",") for flag in ENTITY_FLAGS}
        entities.append({"start": start, "end": end, "text": text, "category": category, **about})
    meta = {"corpus": {"split": split}, "paragraph": {"id": "n", "kind": "clinic visit", "entities": entities}}
    return QARecord("n", note, [], meta)


def synthetic_notes(count: int) -> Iterator[SyntheticNote]:
    """Some notes, each from its own seed."""
    for seed in range(count):
        rng = random.Random(seed)
        yield write_note(make_case(load_scenarios(), rng), rng)


def by_form(form: str, asked: List[Asked]) -> Dict[str, List[str]]:
    """What can be asked in one form: the slot's first name -> answers."""
    return {
        (each.names[0] if each.names else ""): [mentions[0].text for mentions in each.answers]
        for each in asked
        if each.group.form.startswith(form)
    }


# Patterns -------------------------------------------------------------------------------------------------------------


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


# Questions ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def records() -> List[QARecord]:
    """Two thousand questions on synthetic notes and on a written one."""
    return list(generate(2000, seed=7, written=[written_note()], written_share=0.1))


def test_every_answer_is_at_its_place(records):
    for record in records:
        for question in record.questions:
            for answer in question.answers:
                assert record.text[answer.start : answer.end] == answer.text == answer.text.strip() != ""
                assert len(answer.text.split()) <= MAX_ANSWER_WORDS
                assert " " not in answer.text or not holds_words(question.text, answer.text)


def test_answers_do_not_overlap_and_are_in_order(records):
    for record in records:
        for question in record.questions:
            places = [(answer.start, answer.end) for answer in question.answers]
            assert all(first[1] <= second[0] for first, second in pairwise(places))


def test_kind_category_and_answers_agree(records):
    for question in (question for record in records for question in record.questions):
        different = {answer.text.lower() for answer in question.answers}
        assert question.kind == ("impossible" if not different else "single" if len(different) == 1 else "list")
        assert (question.category in CATEGORIES) == bool(different)
        if question.category_probs is not None:
            assert sum(question.category_probs) == pytest.approx(1)
            likely = {name for name, share in zip(CATEGORIES, question.category_probs) if share}
            assert likely == {question.category, *question.also}
            assert max(question.category_probs) == question.category_probs[CATEGORIES.index(question.category)]
        else:
            assert not question.also


def test_a_note_is_asked_nothing_twice_and_every_question_has_its_id(records):
    ids = [question.id for record in records for question in record.questions]
    assert len(ids) == len(set(ids)) == 2000
    for text in {record.text for record in records}:
        asked = [question.text for record in records if record.text == text for question in record.questions]
        assert len(asked) == len(set(asked))


def test_categories_and_kinds_are_balanced(records):
    questions = [question for record in records for question in record.questions]
    kinds = Counter(question.kind for question in questions)
    assert 0.17 < kinds["impossible"] / 2000 < 0.23
    assert 0.17 < kinds["list"] / 2000 < 0.25
    categories = Counter(question.category for question in questions if question.category)
    assert set(categories) == set(CATEGORIES)
    assert max(categories.values()) < 1.2 * min(categories.values())


def test_the_same_seed_gives_the_same_and_another_seed_something_else():
    first, again, other = (list(generate(60, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert not {record.text for record in first} & {record.text for record in other}


def test_a_stream_is_read_as_far_as_needed():
    assert len(list(islice(generate(10**9), 3))) == 3


def test_count_and_most_of_a_note():
    records = list(generate(50, per_note=4))
    assert sum(len(record.questions) for record in records) == 50
    assert max(len(record.questions) for record in records) == 4


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


def test_balance_takes_what_falls_short():
    asked = find_askable(NOTE, read_facts(written_note()), foreign={})
    balance = Balance()
    balance.counts.update({each.cell: 100 for each in asked if each.category != "Medication"})
    chosen = balance.choose(asked, 1, random.Random(0))
    assert [each.category for each in chosen] == ["Medication"]
    assert balance.choose(asked, 99, random.Random(0)) != []
    assert balance.choose([], 5, random.Random(0)) == []


# The only right answer: read from the text by itself ------------------------------------------------------------------


def statements(text: str) -> List[str]:
    """Lines and sentences of a synthetic note."""
    return [piece for piece in re.split(r"\n|\. (?=[A-Z])", text) if piece.strip()]


DOSES: Dict[Tuple[str, ...], Set[str]] = {}
for _drug in (drug for scenario in load_scenarios() for drug in scenario.drugs):
    DOSES.setdefault(_drug.variants, set()).update(_drug.doses)


def asked_of(form: str, count: int) -> Iterator[Tuple[SyntheticNote, Asked]]:
    """Everything that can be asked in a form, over some notes."""
    for note in synthetic_notes(count):
        for asked in find_askable(note.text, note.facts, foreign={}):
            if asked.group.form.startswith(form):
                yield note, asked


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


def test_men_and_women_have_what_they_can_have():
    seen = set()
    for seed in range(300):
        case = make_case(load_scenarios(), random.Random(seed))
        own = " ".join(
            name for each in case.problems for name in (each.condition, *each.symptoms, *each.done, *each.planned)
        )
        assert not re.search("prostat|testic|penile" if case.patient.female else "pregnan|menstr|ovarian|uterine", own)
        for relative, condition in case.family:
            assert not (relative in ("father", "brother", "son", "paternal uncle") and "pregnan" in condition)
        seen.add(case.patient.female)
    assert seen == {True, False}


def test_patients_are_of_an_age_for_their_conditions():
    for seed in range(300):
        case = make_case(load_scenarios(), random.Random(seed))
        for problem in case.problems:
            youngest, oldest = problem.scenario.ages
            assert youngest <= case.patient.age <= oldest


def test_one_acute_illness_at_most_and_it_is_what_the_note_is_about():
    acute = 0
    for seed in range(300):
        problems = make_case(load_scenarios(), random.Random(seed)).problems
        assert not any(problem.scenario.acute for problem in problems[1:])
        acute += problems[0].scenario.acute
    assert 30 < acute < 200


def test_relatives_have_what_is_heritable():
    heritable = {scenario.name for scenario in load_scenarios() if scenario.heritable}
    for seed in range(100):
        case = make_case(load_scenarios(), random.Random(seed))
        assert {condition for _, condition in case.family} <= heritable
        assert case.absent_family in heritable | {""}


def test_studies_look_for_what_they_can_show():
    suspected = 0
    for seed in range(200):
        for problem in make_case(load_scenarios(), random.Random(seed)).problems:
            if problem.suspected:
                assert problem.suspected in problem.ordered_study.seeks
                suspected += 1
    assert suspected > 100


def test_doses_ascend_in_one_unit():
    for drug in (drug for scenario in load_scenarios() for drug in scenario.drugs):
        amounts = [float(re.match(r"[\d,]*\.?\d+", dose)[0].replace(",", "")) for dose in drug.doses]
        units = {re.sub(r"[\d.,-]+", "", dose).rstrip("s").replace("puff ", "puffs ") for dose in drug.doses}
        assert amounts == sorted(set(amounts)), drug
        assert len(units) == 1, drug


def test_what_cannot_be_asked_does_not_count():
    _, asked = next(asked_of("", 1))
    balance = Balance()
    assert balance.choose([asked], 1, random.Random(0)) == [asked]
    balance.take_back(asked)
    assert not any(balance.counts.values())


def test_one_drug_of_a_class_is_taken():
    for seed in range(100):
        for problem in make_case(load_scenarios(), random.Random(seed)).problems:
            taken = [use.drug.group for use in (*problem.current, *problem.started)]
            assert len(taken) == len(set(taken))


def test_words_of_the_scenarios_are_whole():
    for scenario in load_scenarios():
        lists = [
            getattr(scenario, name) for name in ("short", "lay", "symptoms", "signs", "done", "planned", "related")
        ]
        lists += [drug.doses for drug in scenario.drugs] + [drug.frequencies for drug in scenario.drugs]
        assert all(len(text) > 1 for texts in lists for text in texts)
        assert all(drug.doses and drug.frequencies for drug in scenario.drugs)


def test_the_frequency_stands_beside_the_drug():
    for note, asked in asked_of("MedicationEvent (|drug|) [frequency=x]", 60):
        for mentions in asked.answers:
            start, end = mentions[0].span
            line = note.text[note.text.rfind("\n", 0, start) + 1 : end]
            assert any(holds_words(line, name) for name in asked.names)


# Written notes --------------------------------------------------------------------------------------------------------


def test_facts_of_a_written_note():
    asked = find_askable(NOTE, read_facts(written_note()), foreign={})
    assert by_form("MedicationEvent (|drug|) [dosage=x]", asked) == {
        "lisinopril": ["20 mg daily"],
        "aspirin": ["81 mg"],
    }
    assert by_form("MedicationEvent (x) [status=current]", asked) == {}  # the aspirin is not on the list
    assert by_form("MedicationEvent (|drug|) given", asked) == {"lisinopril": ["hypertension"]}
    assert by_form("AllergyEvent (x)", asked) == {"": ["penicillin"]}
    assert by_form("LabEvent (|test|) [result", asked) == {"creatinine": ["1.4 mg/dL"], "WBC": ["9.1"]}
    assert by_form("VitalEvent", asked) == {"BP": ["142/88"]}
    assert by_form("SymptomEvent (x) [chief", asked) == {"": ["Chest pain"]}
    assert by_form("TestEvent (|study|) [result", asked) == {"Chest x-ray": ["small effusion", "cardiomegaly"]}
    for form in ("LabEvent (x) [status=", "TestEvent (x) [status=", "ProcedureEvent (x) [status="):
        assert by_form(form, asked) == {}  # no such list is sure to be whole
    assert by_form("ConditionEvent (x) [history", asked) == {"": ["gout", "asthma"]}
    assert by_form("ConditionEvent (x) [family", asked) == {"": ["lupus", "stroke"]}
    # "Father and brother: stroke" names two relatives, so nobody is asked about.
    assert by_form("ConditionEvent (x) [relative", asked) == {"mother": ["lupus"]}


def test_a_list_that_holds_all_is_asked_for():
    note = written_note()
    entities = note.meta["paragraph"]["entities"]
    entities[:] = [entity for entity in entities if entity["text"] not in ("aspirin", "81 mg")]
    asked = find_askable(NOTE, read_facts(note), foreign={})
    assert by_form("MedicationEvent (x) [status=current]", asked) == {"": ["lisinopril", "warfarin", "metformin"]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lisinopril 20 mg daily for", "lisinopril 20 mg daily increased for"),
        ("Echocardiogram, TSH", "Reduce lisinopril. Echocardiogram, TSH"),
    ],
)
def test_a_dose_that_is_changed_is_not_asked_for(old, new):
    note = written_note()
    text = NOTE.replace(old, new)
    entities = note.meta["paragraph"]["entities"]
    end = 0
    for entity in entities:
        entity["start"] = text.index(entity["text"], end)
        entity["end"] = end = entity["start"] + len(entity["text"])
    asked = find_askable(text, read_facts(replace(note, text=text)), foreign={})
    assert "lisinopril" not in by_form("MedicationEvent (|drug|) [dosage=x]", asked)


@pytest.mark.parametrize("text", ["20 mg daily", "nightly", "PO", "one tablet twice daily", "weekly", "5 units"])
def test_dosing(text):
    assert is_dosing(text)


@pytest.mark.parametrize("text", ["lisinopril", "vitamin D", "oral contraceptive"])
def test_drugs_are_no_dosing(text):
    assert not is_dosing(text)


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


@pytest.mark.parametrize(
    ("form", "text", "entities", "expected"),
    [
        pytest.param("VitalEvent", "BP 162/94.", ["BP 162/94:Symptoms:"], {"BP": ["162/94"]}, id="one-reading"),
        pytest.param("VitalEvent", "BP 162/94, repeated 158/92.", ["BP 162/94:Symptoms:"], {}, id="repeated"),
        pytest.param("VitalEvent", "BP 162/94. L arm 150/82.", ["BP 162/94:Symptoms:"], {}, id="other-arm"),
        pytest.param("VitalEvent", "HR 88. ECG: heart rate 92.", ["HR 88:Symptoms:"], {}, id="synonym"),
        pytest.param("VitalEvent", "Pulse 38 lying and 92 standing.", ["Pulse 38:Symptoms:"], {}, id="standing"),
        pytest.param(
            "MedicationEvent (|drug|) [dosage",
            "epinephrine 0.5 mg by the crew. Home: epinephrine autoinjector 0.3 mg.",
            ["epinephrine:Medication:", "0.5 mg:Medication:"],
            {},
            id="two-doses",
        ),
        pytest.param(
            "MedicationEvent (|drug|) [dosage",
            "Dakin's BID x 5 d",
            ["Dakin's:Medication:", "BID x 5 d:Medication:"],
            {},
            id="frequency-is-no-dose",
        ),
        pytest.param(
            "MedicationEvent (|drug|) [dosage",
            "dexamethasone 24 mg/mL",
            ["dexamethasone:Medication:", "24 mg/mL:Medication:"],
            {},
            id="concentration-is-no-dose",
        ),
        pytest.param(
            "TestEvent (|study|)",
            "Chest CT showed cardiomegaly and effusion.",
            ["Chest CT:Procedure:", "cardiomegaly:Lab Reports:", "effusion:Lab Reports:"],
            {"Chest CT": ["cardiomegaly", "effusion"]},
            id="all-results",
        ),
        pytest.param(
            "TestEvent (|study|)",
            "Chest CT showed cardiomegaly, no effusion.",
            ["Chest CT:Procedure:", "cardiomegaly:Lab Reports:", "effusion:Lab Reports:negated"],
            {},
            id="a-normal-result-as-well",
        ),
        pytest.param(
            "TestEvent (|study|)",
            "MRI showed edema c/w osteomyelitis.",
            ["MRI:Procedure:", "edema:Lab Reports:", "osteomyelitis:Diagnosis:"],
            {},
            id="a-conclusion-as-well",
        ),
        pytest.param(
            "TestEvent (|study|)",
            "MRI showed edema, normal otherwise.",
            ["MRI:Procedure:", "edema:Lab Reports:"],
            {},
            id="words-left-over",
        ),
        pytest.param(
            "TestEvent (|study|)",
            "MRI showed edema. A cyst is seen as well.",
            ["MRI:Procedure:", "edema:Lab Reports:", "cyst:Lab Reports:"],
            {},
            id="results-go-on",
        ),
        pytest.param(
            "TestEvent (|study|)",
            "Post film showed scapholunate gap 5 mm.",
            ["Post film:Procedure:", "scapholunate gap:Lab Reports:", "5 mm:Lab Reports:"],
            {},
            id="a-measure-and-its-value",
        ),
        pytest.param(
            "ConditionEvent (x) [relative",
            "A cousin on the mother's side: lupus.",
            ["lupus:Diagnosis:family"],
            {},
            id="on-her-side",
        ),
        pytest.param(
            "ConditionEvent (x) [family", "The wife has diabetes.", ["diabetes:Diagnosis:family"], {}, id="no-relative"
        ),
        pytest.param("ConditionEvent (x) [family", "GF w/ flu.", ["flu:Diagnosis:family"], {}, id="no-relative-either"),
        pytest.param("VitalEvent", "temp 38.8 at home. T 38.9.", ["temp 38.8:Symptoms:"], {}, id="short-synonym"),
        pytest.param(
            "MedicationEvent (x) [status=current",
            "DISCHARGE MEDICATIONS: oxycodone",
            ["oxycodone:Medication:"],
            {},
            id="discharge-list",
        ),
        pytest.param(
            "ConditionEvent (x) [history",
            "PAST MEDICAL HISTORY: gout, carpal tunnel release",
            ["gout:Diagnosis:", "carpal tunnel release:Procedure:historical"],
            {},
            id="a-procedure-in-the-history",
        ),
        pytest.param(
            "SymptomEvent (x) [chief",
            "CHIEF COMPLAINT: Reaction to a sting. Hives at the time.",
            ["Reaction to a sting:Symptoms:", "Hives:Symptoms:"],
            {"": ["Reaction to a sting"]},
            id="what-follows-the-complaint",
        ),
    ],
)
def test_what_is_not_plain_is_not_asked(form, text, entities, expected):
    listed = [(name, category, flags) for name, category, flags in (entity.rsplit(":", 2) for entity in entities)]
    record = written_note(note=text, listed=listed)
    assert by_form(form, find_askable(record.text, read_facts(record), foreign={})) == expected


def test_a_written_note_comes_until_nothing_is_left():
    records = list(generate(3000, seed=1, written=[written_note()], written_share=0.9, per_note=10))
    asked = [question.text for record in records if record.text == NOTE for question in record.questions]
    assert 50 < len(asked) == len(set(asked)) < 1000
    assert records[-1].text != NOTE
    assert "entities" not in records[0].meta["paragraph"]


@pytest.mark.parametrize("split", ["dev", "test", None])
def test_only_a_training_split_is_asked_about(split):
    with pytest.raises(ValueError, match="E069"):
        list(generate(10, written=[written_note(split)]))


def test_notes_without_entities_or_with_wrong_ones_are_refused():
    bare = QARecord("n", NOTE, [], {"corpus": {"split": "train"}})
    with pytest.raises(ValueError, match=r"E068.*no list of entities"):
        list(generate(10, written=[bare]))
    moved = written_note()
    moved.meta["paragraph"]["entities"][3]["start"] += 1
    with pytest.raises(ValueError, match=r"E068.*not at its offset"):
        list(generate(10, written=[moved]))


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
