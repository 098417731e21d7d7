"""Distributions over the categories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_cqa.categories import agree, average, best_category, harden, mix, normalize, soft_label

DIAGNOSIS = (1.0, 0.0, 0.0, 0.0, 0.0)
SYMPTOMS = (0.0, 0.0, 1.0, 0.0, 0.0)
EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)
EITHER = (0.5, 0.0, 0.5, 0.0, 0.0)
weights = st.lists(st.floats(0.01, 100), min_size=5, max_size=5)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("Diagnosis",), DIAGNOSIS),
        (("Diagnosis", ["Symptoms"]), (2 / 3, 0, 1 / 3, 0, 0)),
        (("Symptoms", ["Diagnosis", "Lab Reports"]), (0.25, 0, 0.5, 0, 0.25)),
        (("Diagnosis", ["Diagnosis", "", "Weather"]), DIAGNOSIS),
        (("Diagnosis", [], [0, 3, 1, 0, 0]), (0, 0.75, 0.25, 0, 0)),
        (("", [], [0, 0, 0, 0, 2]), (0, 0, 0, 0, 1)),
        (("Diagnosis", [], [0, 0, 0, 0, 0]), DIAGNOSIS),
        (("", ["Symptoms"]), None),
        (("", [], [0, 0, 0, 0, 0]), None),
        (("Weather",), None),
    ],
)
def test_soft_label(arguments, expected):
    found = soft_label(*arguments)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("distributions", "shares", "expected"),
    [
        ([DIAGNOSIS], None, DIAGNOSIS),
        ([DIAGNOSIS, SYMPTOMS], None, EITHER),
        ([DIAGNOSIS, EITHER], None, (0.75, 0, 0.25, 0, 0)),
        ([DIAGNOSIS, SYMPTOMS], [3, 1], (0.75, 0, 0.25, 0, 0)),
        ([DIAGNOSIS, SYMPTOMS], [0, 0.1], SYMPTOMS),
        ([DIAGNOSIS, SYMPTOMS], [0, 0], None),
        ([], None, None),
    ],
)
def test_average(distributions, shares, expected):
    assert average(distributions, shares) == (None if expected is None else pytest.approx(expected))


def test_mix():
    assert mix(DIAGNOSIS, SYMPTOMS, 0.3) == pytest.approx((0.7, 0, 0.3, 0, 0))
    assert mix(DIAGNOSIS, SYMPTOMS, 0) == DIAGNOSIS
    assert mix(DIAGNOSIS, SYMPTOMS, 1) == SYMPTOMS


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (EITHER, (0, 0, 0.5, 0, 0.5), SYMPTOMS),
        (EITHER, EVEN, EITHER),
        (EVEN, EITHER, EITHER),
        (EITHER, (0, 0, 0, 0, 1), EITHER),  # they exclude each other
        ((0.75, 0, 0.25, 0, 0), (0.25, 0, 0.75, 0, 0), EITHER),
    ],
)
def test_agree(first, second, expected):
    assert agree(first, second) == pytest.approx(expected)


def test_best_category_and_harden():
    assert best_category((0.1, 0.2, 0.1, 0.2, 0.4)) == "Lab Reports"
    assert best_category(EITHER) == "Diagnosis"
    assert best_category(EVEN) == "Diagnosis"
    assert harden((0.1, 0.2, 0.1, 0.2, 0.4)) == (0, 0, 0, 0, 1)
    assert harden(EITHER) == DIAGNOSIS


@given(weights, weights, st.floats(0, 1))
def test_results_are_distributions(first, second, weight):
    one, two = normalize(first), normalize(second)
    for found in (one, mix(one, two, weight), agree(one, two), average([one, two], [0.5, weight]), harden(one)):
        assert sum(found) == pytest.approx(1)
        assert all(0 <= p <= 1 for p in found)
    assert mix(one, one, weight) == pytest.approx(one)
