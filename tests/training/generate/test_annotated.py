"""Facts of written notes: what is not plain is left out."""

from dataclasses import replace

import pytest

from spacy_cqa.training.generate.annotated import is_dosing, read_facts
from spacy_cqa.training.generate.patterns import find_askable
from spacy_cqa.training.generate.stream import generate
from spacy_cqa.training.records import QARecord

from .notes import NOTE, by_form, written_note


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


def test_notes_without_entities_or_with_wrong_ones_are_refused():
    bare = QARecord("n", NOTE, [], {"corpus": {"split": "train"}})
    with pytest.raises(ValueError, match=r"E068.*no list of entities"):
        list(generate(10, written=[bare]))
    moved = written_note()
    moved.meta["paragraph"]["entities"][3]["start"] += 1
    with pytest.raises(ValueError, match=r"E068.*not at its offset"):
        list(generate(10, written=[moved]))
