"""Typed patterns of answers that never link, and bare values."""

import time

import pytest

from spacy_cqa.ontology.patterns import TYPED_PATTERNS, find_pattern, is_bare_value
from spacy_cqa.types import CATEGORIES

ANSWERS = {
    "dose": [
        "20 mg once daily",
        "1600 mg w/ meals",
        "81mg",
        "aspirin 81 mg",
        "0.5 mg",
        "10-20 mg",
        "100 mcg",
        "50 µg",
        "1 g IV",
        "5,000 units",
        "10 U",
        "2 tablets",
        "1 tab PO BID",
        "2 puffs q4h",
        "60 mL",
        "40 mEq",
        "5 mg/kg",
        "15 mg/kg/day",
        "20 mg/day",
        "12 units/hr",
        "5 mcg/kg/min",
        "12.5 mg/5 mL",
        "500 mg.",
    ],
    "frequency": [
        "q6h prn",
        "q 8 hrs",
        "q4-6h",
        "qhs",
        "BID",
        "b.i.d.",
        "t.i.d",
        "once daily",
        "twice a day",
        "3 times a day",
        "every 8 hours",
        "every other day",
        "every 4 to 6 hours",
        "at bedtime",
        "as needed",
        "with meals",
        "PO daily",
        "stat",
    ],
    "route": [
        "by mouth",
        "PO",
        "p.o.",
        "IV",
        "I.V.",
        "im",
        "SL",
        "subcutaneously",
        "intravenous",
        "oral",
        "under the  tongue",
        "drip",
    ],
    "lab value": [
        "14.2 K/uL",
        "250 K/µL",
        "2.1 mg/dL",
        "140 mEq/L",
        "0.04 ng/mL",
        "troponin 0.04 ng/mL",
        "4.5 x10^9/L",
        "88 fL",
        "35 U/L",
        "12 mm/hr",
        "45 mL/min/1.73 m2",
        "250 copies/mL",
        "3.5 g/24 h",
        "30 mcg/dL",
        "9.1 g/dl;",
    ],
    "vital sign": [
        "120/80",
        "130 / 85 mm Hg",
        "80 mmHg",
        "98.6 F",
        "38.5 C",
        "37.2 °C",
        "101 degrees Fahrenheit",
        "72 bpm",
        "18 breaths per minute",
        "20/min",
        "97% on RA",
        "98 % on 2 L NC",
        "28.3 kg/m2",
        "180 lbs",
        "7/10",
    ],
    None: [
        "",
        " \n ",
        "68%",
        "14.2",
        "three days",
        "9 months",
        "left knee",
        "chest pain",
        "WBC 14.2",
        "BP 120/80 today",  # a name is in it
        "10/12",  # a date
        "12/25/2019",
        "30 seconds",
        "2 L",
        "mg",
        "static",
        "poor",
        "oral thrush",
        "import",
        "stage 3c",
        "activities of daily living",
        "😀",
    ],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in ANSWERS.items() for text in texts])
def test_kind(kind, text):
    found = find_pattern(text)
    assert (None if found is None else found.name) == kind


def test_categories_of_kinds():
    assert {pattern.name: pattern.category for pattern in TYPED_PATTERNS} == {
        "vital sign": "Symptoms",
        "lab value": "Lab Reports",
        "dose": "Medication",
        "frequency": "Medication",
        "route": "Medication",
    }
    assert {pattern.name for pattern in TYPED_PATTERNS} == set(filter(None, ANSWERS))
    assert all(pattern.category in CATEGORIES for pattern in TYPED_PATTERNS)


@pytest.mark.parametrize("kind", [kind for kind in ANSWERS if kind])
def test_case_and_white_space_do_not_matter(kind):
    for text in ANSWERS[kind]:
        for variant in (text.upper(), text.lower(), f"\n {text.replace(' ', '  ')}, "):
            found = find_pattern(variant)
            assert found is not None, variant
            assert found.name == kind, variant


@pytest.mark.parametrize(
    "text",
    [
        "14.2",
        "14",
        "1,200",
        "68%",
        "8.2 %",
        "<0.01",
        "> 60",
        "≥ 3",
        "-2.5",
        "7-10",
        "7.1 → 8.2",
        "100 to 120",
        "120/80",
        "1000 mg",
        "2.1 mg/dL",
        "13.2 seconds",
        " 9.1. ",
    ],
)
def test_bare_values(text):
    assert is_bare_value(text)


@pytest.mark.parametrize(
    "text", ["", " ", "WBC 14.2", "two", "9 months", "98.6 F", "2+", "+", "%", "14.2 and rising", "😀"]
)
def test_no_bare_values(text):
    assert not is_bare_value(text)


@pytest.mark.parametrize(
    ("text", "is_value"),
    [
        ("a" * 10_000, False),
        ("1" * 10_000, True),
        ("1." * 5_000, True),
        ("1 " * 5_000, False),
        ("every " * 1_700, False),
        ("q.i." * 2_500, False),
    ],
)
def test_long_texts_take_no_time(text, is_value):
    start = time.process_time()
    assert find_pattern(text) is None
    assert is_bare_value(text) is is_value
    assert time.process_time() - start < 2
