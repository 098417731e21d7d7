"""Answers as a web page: the note as it is, line breaks and spacing kept, with its answers highlighted.

displaCy's span style joins tokens with spaces and loses line breaks, so a clinical note does not look like itself.
"""

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..schemas import Answer
from .colors import CATEGORY_COLORS

_NO_CATEGORY = "#dddddd"

_STYLE = """
body { font: 15px/1.6 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1c1c1c; margin: 2rem auto;
  max-width: 56rem; padding: 0 1.25rem; }
h1 { font-size: 1.25rem; margin: 0 0 1rem; }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
.note { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #d8d8d8; border-radius: 6px;
  padding: 1rem 1.25rem; }
mark { color: inherit; border-radius: 3px; padding: .1em 0; }
mark sup { font-size: .68em; font-weight: 600; margin: 0 .15em 0 .25em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #e4e4e4; }
th { font-size: .82rem; color: #555; font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.category { border-radius: 3px; padding: .1em .45em; white-space: nowrap; }
.none { color: #777; }
""".strip()


@dataclass(frozen=True)
class Mark:
    """A stretch of the note to highlight: characters start to end (exclusive), a category, and a short label."""

    start: int
    end: int
    category: str
    label: str


def render_note(text: str, marks: Sequence[Mark]) -> str:
    """Render a note with highlighted stretches.

    text (str): The note.
    marks (Sequence[Mark]): The stretches; they may overlap, and each then shows its own stripe of colour.
    RETURNS (str): An HTML fragment; white space is kept by its style.
    """
    inside = [mark for mark in marks if 0 <= mark.start < mark.end <= len(text)]
    bounds = sorted({0, len(text), *(mark.start for mark in inside), *(mark.end for mark in inside)})
    parts = []
    for start, end in pairwise(bounds):
        covering = [mark for mark in inside if mark.start <= start and end <= mark.end]
        parts.append(_segment(text[start:end], covering, [mark for mark in covering if mark.end == end]))
    return f'<div class="note">{"".join(parts)}</div>'


def _segment(text: str, covering: Sequence[Mark], ending: Sequence[Mark]) -> str:
    if not covering:
        return escape(text)
    title = escape("; ".join(f"{mark.label} {mark.category}".strip() for mark in covering), quote=True)
    labels = "".join(f"<sup>{escape(mark.label)}</sup>" for mark in ending)
    return f'<mark style="background:{_background(covering)}" title="{title}">{escape(text)}{labels}</mark>'


def _background(covering: Sequence[Mark]) -> str:
    colors = list(dict.fromkeys(category_color(mark.category) for mark in covering))
    if len(colors) == 1:
        return colors[0]
    step = 100 / len(colors)
    stops = ", ".join(f"{color} {n * step:.0f}% {(n + 1) * step:.0f}%" for n, color in enumerate(colors))
    return f"linear-gradient(to bottom, {stops})"


def category_color(category: str) -> str:
    """RETURNS (str): Colour of a category, grey for none."""
    return CATEGORY_COLORS.get(category, _NO_CATEGORY)


def render_answers_page(
    text: str, questions: Mapping[str, str], answers: Sequence[Answer], *, title: str = "Answers"
) -> str:
    """Render a whole page: the questions with their answers, and the note.

    text (str): The note.
    questions (Mapping[str, str]): Every question that was asked, id -> text.
    answers (Sequence[Answer]): The answers.
    title (str): Title of the page.
    RETURNS (str): A standalone HTML document.
    """
    marks = [Mark(answer.start_char, answer.end_char, answer.category, answer.question_id) for answer in answers]
    by_question: Dict[str, List[Answer]] = {qid: [] for qid in questions}
    for answer in answers:
        by_question.setdefault(answer.question_id, []).append(answer)
    rows = [row for qid, found in by_question.items() for row in _answer_rows(qid, questions.get(qid, ""), found)]
    table = html_table(("", "Question", "Answer", "Category", "Score"), rows)
    return html_page(title, f"{table}<h2>Note</h2>{render_note(text, marks)}")


def _answer_rows(qid: str, question: str, answers: Sequence[Answer]) -> List[List[str]]:
    if not answers:
        return [[escape(qid), escape(question), '<span class="none">no answer in the note</span>', "", ""]]
    return [
        [
            escape(qid) if answer.rank == 1 else "",
            escape(question) if answer.rank == 1 else "",
            escape(answer.text),
            category_chip(answer.category),
            format_score(answer.score),
        ]
        for answer in answers
    ]


def category_chip(category: str) -> str:
    """RETURNS (str): A category on its colour, as HTML."""
    return f'<span class="category" style="background:{category_color(category)}">{escape(category)}</span>'


def format_score(score: Optional[float]) -> str:
    """RETURNS (str): A score with two digits, "" for none."""
    return "" if score is None else f"{score:.2f}"


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Tuple[int, ...] = ()) -> str:
    """RETURNS (str): A table; cells are HTML already, columns named in `numbers` are aligned right."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=number' if n in numbers else ''}>{cell}</td>" for n, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_page(title: str, body: str) -> str:
    """RETURNS (str): A standalone HTML document around a body."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>\n{_STYLE}\n</style>\n</head>\n'
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )
