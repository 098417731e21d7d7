"""Logical forms of emrQA and the categories that they give."""

import csv
from collections import Counter

import pytest

from spacy_cqa.training.converters.logical_forms import answer_categories
from spacy_cqa.types import CATEGORIES

from ..conftest import SHARED_DATA

TEMPLATES = SHARED_DATA / "emrqa" / "templates-all.csv"
SHORT = {"D": "Diagnosis", "M": "Medication", "S": "Symptoms", "P": "Procedure", "L": "Lab Reports"}


def named(form):
    """The categories of a form by their first letters; they weigh the same."""
    found = answer_categories(form)
    if found is None:
        return None
    names = [name for name, weight in zip(CATEGORIES, found) if weight]
    assert found == tuple(1 / len(names) if name in names else 0.0 for name in CATEGORIES)
    return "".join(letter for letter, name in SHORT.items() if name in names)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        # x is the event
        ("MedicationEvent (x)", "M"),
        ("ConditionEvent(x)", "D"),
        ("  SymptomEvent  ( x )  ", "S"),
        ("LabEvent (x) [date=x, status=pending]", "L"),
        ("ProcedureEvent (x) [date=x]", "P"),
        ("VitalEvent (x)", "S"),
        ("ConditionEvent (x) OR SymptomEvent (x)", "DS"),
        ("ConditionEvent (x) OR ConditionEvent (x) [status=x]", "D"),
        ("ConditionEvent (x) AND FamilyHistoryEvent (x) AND SmokingUseEvent (x)", "D"),
        ("MedicationEvent (x) [adherence=x]", "M"),
        ("MedicationEvent (x) CheckIfNull ([enddate]) OR MedicationEvent (x) [enddate>currentDate]", "M"),
        # x is on one side of a relation
        ("MedicationEvent (|medication|) given {ConditionEvent (x) OR SymptomEvent (x)}", "DS"),
        ("MedicationEvent (x) given {ConditionEvent (|problem|) [status=x]}", "M"),
        ("{LabEvent (x) OR ProcedureEvent (x) OR VitalEvent (x)} conducted ConditionEvent (|problem|)", "SPL"),
        ("ConditionEvent (|problem|) [diagnosisdate=x] OR [MedicationEvent (x) given ConditionEvent (|problem|)]", "M"),
        # x is an attribute
        ("LabEvent (|test|) [date=x, result=x]", "L"),
        ("ProcedureEvent (|test|) [ result = x ]", "L"),
        ("VitalEvent (|test|) [date=x, (result=x)>vital.refhigh]", "S"),
        ("LabEvent (|test|) [CheckRange(lab.reflow<=(result=x)<=lab.refhigh)]", "L"),
        ("LabEvent (|test|) [(date=x)>={ConditionEvent (|problem|) [diagnosisdate=x]}, result=x, sortBy(date)]", "L"),
        ("LabEvent (|test|) [date>={ProcedureEvent (|test|) [result=x]}]", None),
        ("MedicationEvent (|medication|) [dosage=x]", "M"),
        ("MedicationEvent (|medication|) [sig=x] OR MedicationEvent (|medication|) [route=x]", "M"),
        ("[{LabEvent (|test|) [date=x, result=x]} reveals {ConditionEvent (x) OR SymptomEvent (x)}]", "DSL"),
        ("{LabEvent (|test|) [result=x] OR [LabEvent (|test|)} reveals SymptomEvent (x)]", "SL"),
        # x is a date, a status or the like
        ("MedicationEvent (|medication|) [startdate=x, enddate=x]", None),
        ("MedicationEvent (|treatment|) [enddate=x] OR ProcedureEvent (|treatment|) [date=x]", None),
        ("MedicationEvent (|medication|) [adherence=x]", None),
        ("ConditionEvent (|problem|) [status=x, sortBy(clinicalnote.notedate)]", None),
        ("ConditionEvent (|problem|) [dosage=x]", None),
        ("SmokingQuitEvent (x) [QuitDate=x]", None),
        # nothing is asked by x
        ("MedicationEvent (|medication|)", "M"),
        ("MedicationEvent (aspirin) given ConditionEvent (angina)", "DM"),
        ("{MedicationEvent (|treatment|) OR ProcedureEvent (|treatment|)}", "MP"),
        ("LabEvent (|test|) [date>={ConditionEvent (|problem|)}]", "L"),
        ("FamilyHistoryEvent (|problem|)", None),
        # malformed
        ("", None),
        ("x", None),
        ("MedicationEvent", None),
        ("MedicationEvent (x", None),
        ("LabEvent (x) [date=x", None),
        ("{ConditionEvent (x)", None),
    ],
)
def test_categories_of_a_form(form, expected):
    assert named(form) == expected


@pytest.mark.shared_data
@pytest.mark.skipif(not TEMPLATES.exists(), reason="needs the development data beside the checkout")
def test_all_forms_of_emrqa():
    with TEMPLATES.open(encoding="utf8", newline="") as file:
        forms = {row["Logical Forms"] for row in csv.DictReader(file)}
    assert len(forms) == 94
    counts = Counter(named(form) for form in forms)
    assert counts == {
        None: 23,  # dates, status, adherence, smoking, family history
        "SL": 17,
        "M": 13,
        "DS": 9,
        "DSL": 8,
        "DMS": 5,
        "SPL": 5,
        "MP": 4,
        "D": 3,
        "L": 3,
        "S": 1,
        "PL": 1,
        "DMSP": 1,
        "DSPL": 1,
    }
