"""Offsets of tokens against subwords, lines, and edges of spans."""

from itertools import pairwise

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_cqa.alignment import find_all, headings_above, line_around, section_heading, strip_span, tokens_to_subwords

RANDOM = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def align(tokens, subwords):
    """tokens_to_subwords on lists of (start, end)."""
    columns = [numpy.array(pairs, dtype=numpy.int64).reshape(-1, 2).T for pairs in (tokens, subwords)]
    first, last = tokens_to_subwords(*columns[0], *columns[1])
    return list(zip(first.tolist(), last.tolist(), strict=True))


@pytest.mark.parametrize(
    ("tokens", "subwords", "expected"),
    [
        # one to one; a token of three subwords; two tokens in one subword
        ([(0, 2), (3, 5)], [(0, 2), (3, 5)], [(0, 0), (1, 1)]),
        ([(0, 6), (7, 9)], [(0, 2), (2, 4), (4, 6), (7, 9)], [(0, 2), (3, 3)]),
        ([(0, 2), (2, 3)], [(0, 3)], [(0, 0), (0, 0)]),
        # a subword over the border of two tokens belongs to both
        ([(0, 3), (3, 6)], [(0, 2), (2, 4), (4, 6)], [(0, 1), (1, 2)]),
        # byte-level: an emoji is four subwords of the same character, and a subword may begin with its space
        ([(0, 1), (2, 6)], [(0, 1), (0, 1), (0, 1), (0, 1), (1, 6)], [(0, 3), (4, 4)]),
        # the space before a token alone is not the token before
        ([(0, 3), (4, 9)], [(0, 3), (3, 9)], [(0, 0), (1, 1)]),
        # no subword: at the start, in the middle, at the end
        ([(0, 1), (1, 2), (3, 4), (5, 6)], [(1, 2), (4, 5)], [(-1, -1), (0, 0), (-1, -1), (-1, -1)]),
        # an empty subword between two others
        ([(0, 2), (4, 6)], [(0, 2), (3, 3), (4, 6)], [(0, 0), (2, 2)]),
        ([(0, 2)], [], [(-1, -1)]),
        ([], [(0, 2)], []),
        ([], [], []),
        # an empty subword named (0, 0) does not hide what comes after it
        ([(3, 5), (6, 9)], [(0, 2), (0, 0), (3, 5), (6, 9)], [(2, 2), (3, 3)]),
    ],
)
def test_tokens_find_their_subwords(tokens, subwords, expected):
    assert align(tokens, subwords) == expected


@pytest.mark.parametrize(
    ("subwords", "expected"),
    [
        ([(0, 2), (0, 0), (3, 5)], [(0, 0), (2, 2)]),
        ([(0, 2), (3, 5), (0, 0)], [(0, 0), (1, 1)]),
    ],
)
def test_an_empty_subword_shares_no_character_with_a_token(subwords, expected):
    assert align([(0, 2), (3, 5)], subwords) == expected


@st.composite
def _partitions(draw):
    """Stretches of a text of 20 characters, in order, with gaps and without overlaps."""
    bounds = sorted(draw(st.sets(st.integers(0, 20), max_size=12)))
    pairs = list(pairwise(bounds))
    kept = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    return [pair for pair, keep in zip(pairs, kept, strict=True) if keep]


@RANDOM
@given(_partitions(), _partitions(), st.data())
def test_first_and_last_subword_are_those_that_share_a_character(tokens, subwords, data):
    # Bytes of one character are subwords with the same offsets.
    subwords = [pair for pair in subwords for _ in range(data.draw(st.integers(1, 2)))]
    sharing = [[n for n, sub in enumerate(subwords) if sub[0] < t[1] and t[0] < sub[1]] for t in tokens]
    assert align(tokens, subwords) == [(found[0], found[-1]) if found else (-1, -1) for found in sharing]


@pytest.mark.parametrize(
    ("text", "piece", "expected"),
    [
        ("one\ntwo words\nthree", "two", "two words"),
        ("one\r\n  two words \r\nthree", "words", "two words"),
        ("one\u2028two\u2029three", "two", "two"),
        ("one\x85two\x0bthree", "two", "two"),
        ("one\ntwo\nthree\nfour", "two\nthree", "two\nthree"),
        ("only line", "line", "only line"),
        ("first\nsecond", "first", "first"),
        ("first\nsecond", "second", "second"),
        ("tab\tin line\nx", "in", "tab\tin line"),
    ],
)
def test_the_line_around_a_stretch(text, piece, expected):
    start = text.index(piece)
    assert line_around(text, start, start + len(piece)) == expected


@RANDOM
@given(st.text(alphabet="ab \t\n\r\u2028\x0c", max_size=20), st.data())
def test_the_line_around_a_character_is_one_of_splitlines(text, data):
    places = [n for n, char in enumerate(text) if char in "ab"]
    if places:
        start = data.draw(st.sampled_from(places))
        line = line_around(text, start, start + 1)
        before = text[: start + 1].splitlines()
        assert line == text.splitlines()[len(before) - 1].strip()


@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        ("a cough b", 2, 7, (2, 7)),
        ("a cough b", 1, 8, (2, 7)),
        ("a\n\tcough\u00a0b", 1, 9, (3, 8)),
        ("a   b", 1, 4, (1, 1)),
        ("abc", 1, 1, (1, 1)),
    ],
)
def test_white_space_is_stripped_off_a_span(text, start, end, expected):
    assert strip_span(text, start, end) == expected


@RANDOM
@given(st.text(alphabet="ab \n\u2003", max_size=15), st.integers(0, 15), st.integers(0, 15))
def test_a_stripped_span_is_the_stripped_text_inside_the_span(text, start, end):
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    new_start, new_end = strip_span(text, start, end)
    assert text[new_start:new_end] == text[start:end].strip()
    assert start <= new_start <= new_end <= end


@pytest.mark.parametrize(
    ("text", "piece", "limit", "expected"),
    [
        ("abcabc", "abc", 2, [0, 3]),
        ("aaa", "aa", 2, [0, 1]),
        ("aaaa", "a", 2, [0, 1]),
        ("aaaa", "a", 9, [0, 1, 2, 3]),
        ("abc", "x", 2, []),
        ("Abc", "a", 2, []),
        ("", "a", 2, []),
    ],
)
def test_occurrences_are_found_up_to_a_limit(text, piece, limit, expected):
    assert list(find_all(text, piece, limit)) == expected


@pytest.mark.parametrize(
    ("text", "piece", "expected"),
    [
        # on a line of its own: in capitals, before a colon, or both
        ("PLAN\nCT of the chest", "CT", "PLAN"),
        ("Plan:\nCT of the chest", "CT", "Plan"),
        ("HISTORY OF PRESENT ILLNESS:\nCough.", "Cough", "HISTORY OF PRESENT ILLNESS"),
        ("Plan\nCT of the chest", "CT", ""),
        ("PLAN\n\n\nCT of the chest", "CT", "PLAN"),
        ("PLAN\nCT of the chest\nX-ray", "X-ray", "PLAN"),
        # the nearest one
        ("EXAM\nRales.\nPLAN\nCT", "CT", "PLAN"),
        ("EXAM\nRales.\nPLAN\nCT", "Rales", "EXAM"),
        # on the line of the answer
        ("LABS: WBC 14.2", "14.2", "LABS"),
        ("Labs: WBC 14.2", "14.2", "Labs"),
        ("EXAM\nLABS: WBC 14.2", "14.2", "LABS"),
        # a short or a small one on a line with more is weaker than a heading with a line of its own
        ("VITAL SIGNS\nBP: 120/80", "120", "VITAL SIGNS"),
        ("Vital signs:\nTemp: 38.2\nPulse: 90", "90", "Vital signs"),
        ("BP: 120/80", "120", "BP"),
        # lists, numbers and marks before a heading, or stars around it
        ("PLAN\n- CT of the chest\n- Thoracentesis", "Thoracentesis", "PLAN"),
        ("Plan:\n* CT\n* X-ray", "X-ray", "Plan"),
        ("2. Assessment:\nCough", "Cough", "Assessment"),
        ("## PLAN\nCT", "CT", "PLAN"),
        ("**Plan**:\nCT", "CT", "Plan"),
        ("- Plan:\n  CT", "CT", "Plan"),
        # none
        ("Cough for two days.\nFever since.", "Fever", ""),
        ("Cough\nPLAN", "Cough", ""),
        ("PLAN", "PLAN", ""),
        ("", "", ""),
        ("12:30 cough", "cough", ""),
        ("At 12:30 cough", "cough", ""),
        ("BP 120/80\n1:1 ratio of cells", "cells", ""),
        # a time after a colon and a space is a value
        ("Time: 10:30", "10:30", "Time"),
        ("EXAM\nTime: 10:30", "10:30", "EXAM"),
        # line ends of other systems
        ("PLAN\r\nCT\r\nX-ray", "X-ray", "PLAN"),
        ("Plan:\r\nCT", "CT", "Plan"),
        ("PLAN\rCT", "CT", "PLAN"),
        ("PLAN\u2028CT", "CT", "PLAN"),
        # from 61 characters on it is a sentence
        ("A" * 60 + ":\nCough", "Cough", "A" * 60),
        ("A" * 61 + ":\nCough", "Cough", ""),
        ("a" * 60 + ":\nCough", "Cough", "a" * 60),
        ("A" * 60 + "\nCough", "Cough", "A" * 60),
        ("A" * 61 + "\nCough", "Cough", ""),
        # white space around it
        ("  PLAN  \nCT", "CT", "PLAN"),
        ("\tPlan :  \nCT", "CT", "Plan"),
    ],
)
def test_the_section_of_a_place(text, piece, expected):
    assert section_heading(text, text.index(piece)) == expected


def test_headings_above_a_place_are_given_from_the_nearest_on():
    text = "HISTORY\nCough.\nExam: lungs clear\nVital signs:\nBP: 120/80\nPLAN: CT\n"
    expected = [("BP", False), ("Vital signs", True), ("Exam", False), ("HISTORY", True)]
    assert list(headings_above(text, text.index("120"))) == expected
    assert list(headings_above(text, len(text)))[:2] == [("PLAN", False), ("BP", False)]
    assert list(headings_above(text, 0)) == []


def test_the_heading_of_a_long_line_is_found_at_once():
    text = "A" + " " * 100_000 + "x\n" + "A " * 50_000 + "\nCough"
    assert section_heading(text, len(text)) == ""
