"""Answers as a web page: the note's text unchanged, its answers highlighted."""

import re
from html import escape, unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_cqa.export.colors import CATEGORY_COLORS
from spacy_cqa.export.html import (
    Mark,
    category_chip,
    category_color,
    format_score,
    html_page,
    html_table,
    render_answers_page,
    render_note,
)
from spacy_cqa.schemas import Answer
from spacy_cqa.types import CATEGORIES

RANDOM = settings(max_examples=150, deadline=None, derandomize=True, database=None)
NOTE = 'PLAN:\r\n  1.  Start <aspirin> & rest.\n\n\tDose "20" mg\'s  daily. '


class Reader(HTMLParser):
    """Collects what a browser would show, without the labels above the marks; and the marks."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.text, self.labels, self.marks, self.tags, self.cells, self._inside = "", [], [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "meta":
            return
        self._inside.append(tag)
        if tag == "mark":
            self.marks.append(["", dict(attrs)["style"], dict(attrs)["title"]])
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self._inside.pop() == tag

    def handle_data(self, data):
        if "sup" in self._inside:
            self.labels.append(data)
            return
        self.text += data
        if "mark" in self._inside:
            self.marks[-1][0] += data
        if "td" in self._inside:
            self.cells[-1] += data


def answer(qid, text, category, score, rank=1):
    start = NOTE.index(text)
    return Answer(qid, "", text, start, start + len(text), category, score, None, "", "", rank)


def mark(text, category="Medication", label="q1", note=NOTE):
    return Mark(note.index(text), note.index(text) + len(text), category, label)


@pytest.mark.parametrize(
    "marks", [[], [mark("<aspirin>")], [mark(NOTE)], [mark("aspirin> & r"), mark("> & rest.\n\n\t")]]
)
def test_the_text_of_a_note_is_kept_exactly(marks):
    html = render_note(NOTE, marks)
    assert re.sub(r"<sup>.*?</sup>|<[^>]*>", "", html) == escape(NOTE)
    assert Reader(html).text == NOTE


@RANDOM
@given(
    st.text(alphabet="ab <>&\"'\n\r\té🩺", max_size=25),
    st.lists(st.tuples(st.integers(-2, 27), st.integers(-2, 27), st.sampled_from(CATEGORIES)), max_size=5),
)
def test_any_marks_keep_the_text_and_show_exactly_what_they_cover(text, spans):
    marks = [Mark(start, end, category, f"q{n}") for n, (start, end, category) in enumerate(spans)]
    shown = Reader(render_note(text, marks))
    inside = [m for m in marks if 0 <= m.start < m.end <= len(text)]
    assert shown.text == text
    assert sorted(shown.labels) == sorted(m.label for m in inside)
    covered = {n for m in inside for n in range(m.start, m.end)}
    assert sum(len(piece) for piece, _, _ in shown.marks) == len(covered)


def test_white_space_is_kept_by_style():
    assert re.search(r"\.note \{[^}]*white-space: pre-wrap", html_page("t", ""))
    assert render_note("a", []) == '<div class="note">a</div>'
    assert render_note("", []) == '<div class="note"></div>'


HOSTILE = '<script>alert("x")</script>&amp;'


def test_nothing_of_the_note_or_the_questions_is_read_as_html():
    hostile = Answer(HOSTILE, HOSTILE, HOSTILE, 0, len(HOSTILE), HOSTILE, 0.5, None, "", "", 1)
    html = render_answers_page(HOSTILE, {HOSTILE: HOSTILE, "b": HOSTILE}, [hostile], title=HOSTILE)
    assert "<script" not in html
    page = Reader(html)
    assert "script" not in page.tags
    assert page.cells[:4] == [HOSTILE] * 4
    assert page.marks == [[HOSTILE, f"background:{category_color(HOSTILE)}", f"{HOSTILE} {HOSTILE}"]]
    assert page.labels == [HOSTILE]


def test_a_mark_has_the_colour_title_and_label_of_its_answer():
    page = Reader(render_note(NOTE, [mark("aspirin", "Medication", "meds")]))
    assert page.marks == [["aspirin", f"background:{CATEGORY_COLORS['Medication']}", "meds Medication"]]
    assert page.labels == ["meds"]


def test_overlapping_marks_show_both_colours_where_they_overlap():
    marks = [mark("Start <aspirin>", "Medication", "a"), mark("<aspirin> & rest", "Procedure", "b")]
    left, both, right = Reader(render_note(NOTE, marks)).marks
    colors = CATEGORY_COLORS["Medication"], CATEGORY_COLORS["Procedure"]
    assert [left[0], both[0], right[0]] == ["Start ", "<aspirin>", " & rest"]
    assert left[1] == f"background:{colors[0]}"
    assert right[1] == f"background:{colors[1]}"
    assert both[1] == f"background:linear-gradient(to bottom, {colors[0]} 0% 50%, {colors[1]} 50% 100%)"
    assert both[2] == "a Medication; b Procedure"


def test_a_label_stands_once_at_the_end_of_its_mark():
    marks = [mark("Start <aspirin>", label="a"), mark("aspirin", label="b"), mark("<aspirin>", "Symptoms", "c")]
    html = render_note(NOTE, marks)
    assert Reader(html).labels == ["b", "a", "c"]
    assert re.search(r"aspirin<sup>b</sup></mark><mark [^>]*>&gt;<sup>a</sup><sup>c</sup></mark> &amp;", html)


def test_marks_of_one_category_on_one_place_are_one_colour():
    marks = [mark("aspirin", label="a"), mark("aspirin", label="b")]
    ((text, style, title),) = Reader(render_note(NOTE, marks)).marks
    assert (text, title) == ("aspirin", "a Medication; b Medication")
    assert style == f"background:{CATEGORY_COLORS['Medication']}"


@pytest.mark.parametrize("span", [(-1, 3), (3, len(NOTE) + 1), (5, 5), (7, 3), (len(NOTE), len(NOTE) + 2)])
def test_marks_outside_the_note_are_ignored(span):
    assert render_note(NOTE, [Mark(*span, "Medication", "q1")]) == render_note(NOTE, [])


@pytest.mark.parametrize("category", [*CATEGORIES, "", "Other"])
def test_every_category_has_its_colour_and_anything_else_is_grey(category):
    others = {category_color(name) for name in CATEGORIES if name != category}
    assert category_color(category) not in others
    assert re.fullmatch("#[0-9a-f]{6}", category_color(category))
    assert f">{category}<" in category_chip(category)


@pytest.mark.parametrize(("score", "expected"), [(None, ""), (0.0, "0.00"), (0.456, "0.46"), (1.0, "1.00")])
def test_scores_have_two_digits(score, expected):
    assert format_score(score) == expected


def test_the_page_has_every_question_the_unanswered_ones_too():
    answers = [
        answer("meds", "<aspirin>", "Medication", 0.9),
        answer("meds", "20", "", None, rank=2),
        answer("plan", "rest", "Procedure", 0.25),
    ]
    questions = {"meds": "Which drugs?", "none": "Any surgery?", "plan": "What now?"}
    html = render_answers_page(NOTE, questions, answers, title="Ms. <X>")
    page = Reader(html)
    rows = [page.cells[n : n + 5] for n in range(0, len(page.cells), 5)]
    assert rows == [
        ["meds", "Which drugs?", "<aspirin>", "Medication", "0.90"],
        ["", "", "20", "", ""],
        ["none", "Any surgery?", "no answer in the note", "", ""],
        ["plan", "What now?", "rest", "Procedure", "0.25"],
    ]
    assert page.labels == ["meds", "plan", "meds"]
    assert page.text.endswith(f"Note{NOTE}\n\n\n")
    assert html.count(escape("Ms. <X>")) == 2
    assert html.startswith("<!DOCTYPE html>")
    assert page.tags.count("html") == page.tags.count("body") == page.tags.count("h1") == 1


def test_an_answer_to_an_unknown_question_is_still_shown():
    page = Reader(render_answers_page(NOTE, {}, [answer("old", "rest", "Procedure", 0.5)]))
    assert page.cells == ["old", "", "rest", "Procedure", "0.50"]


def test_a_table_escapes_its_header_keeps_its_cells_and_aligns_numbers():
    html = html_table(["a<", "n"], [["<b>x</b>", "1"], ["y", "2"]], numbers=(1,))
    assert unescape(html.split("</thead>")[0]).endswith("<th>a<</th><th>n</th></tr>")
    assert "<td><b>x</b></td><td class=number>1</td>" in html
    assert Reader(html).cells == ["x", "1", "y", "2"]
