"""emrQA's data.json to records, note by note, with its noisy positions repaired.

Form: Pampari et al., 2018 (arXiv 1809.00732). A note is a list of lines, a question a list of paraphrases, and an
answer's place a line (from 1) and a token (from 0, split on white space), either of which may be off by a few.
"""

import io
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Collection, Dict, Iterable, Iterator, List, Optional, Set, Tuple

import ijson

from ...alignment import strip_span
from ...categories import best_category
from ...errors import Errors
from ...types import CharSpan
from ..records import LABEL_SOURCE, LOGICAL_FORM, GoldAnswer, GoldQuestion, QARecord
from ..splits import text_digest
from .logical_forms import answer_categories
from .report import ConversionReport

SUBSETS = ("medication", "relations", "risk", "smoking", "obesity")
CLASS_SUBSETS = ("smoking", "obesity")  # their answers are class labels, not spans

_NOTES = "data.item.paragraphs.item"
_NEAR = 2  # lines between the given place and the text within which an offset counts as noise
_TOKEN = re.compile(r"\S+")


# Lines and tokens of a note -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a text was found in a note.

    start (int): Its first character.
    end (int): One past its last character.
    repairs (Tuple[str, ...]): How it differs from what was given, in words that group.
    """

    start: int
    end: int
    repairs: Tuple[str, ...] = ()


class NoteLines:
    """A note with the lines and tokens by which emrQA counts."""

    def __init__(self, lines: Iterable[str]):
        """lines (Iterable[str]): The lines, each with its own line break."""
        given = list(lines)
        self.text = "".join(given)
        self._starts = [0, *accumulate(map(len, given))]  # the last one is the end of the note
        self._found: Dict[str, List[Tuple[int, CharSpan]]] = {}

    @classmethod
    def from_text(cls, text: str) -> "NoteLines":
        """RETURNS (NoteLines): The note of a text, broken at line feeds alone, as emrQA's files are."""
        return cls(io.StringIO(text))

    @property
    def lines(self) -> List[str]:
        """RETURNS (List[str]): The lines, each with its line break."""
        return [self.text[start:end] for start, end in zip(self._starts, self._starts[1:])]

    def position(self, offset: int) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): Line and token of the character at an offset."""
        line = self.line_of(offset)
        before = self.text[self._starts[line - 1] : offset]
        return line, len(before.split()) - bool(before and not before[-1].isspace())

    def line_of(self, offset: int) -> int:
        """RETURNS (int): The line, from 1, of the character at an offset."""
        return min(bisect_right(self._starts, offset), len(self._starts) - 1)

    def line_span(self, first: int, last: int) -> CharSpan:
        """RETURNS (CharSpan): The characters from one line to another, line breaks included."""
        return self._starts[first - 1], self._starts[last]

    def token_span(self, line: int, token: int) -> CharSpan:
        """RETURNS (CharSpan): The characters of a token; the end of its line where the line has fewer."""
        start, end = self.line_span(line, line)
        match = next(islice(_TOKEN.finditer(self.text, start, end), max(token, 0), None), None)
        return match.span() if match else (end, end)

    def find(self, piece: str, line: Optional[int], token: int) -> Optional[Place]:
        """Find a text near the place that is given for it.

        piece (str): The text; case and white space may differ from the note's.
        line (Optional[int]): Its line, from 1; None where it is not known.
        token (int): The token in the line, from 0.
        RETURNS (Optional[Place]): The nearest place within two lines, else the only one in the note, else None; whole
            words go before places inside words, and these before other white space.
        """
        piece = piece.strip()
        if not piece:
            return None
        if line is None or not 1 <= line < len(self._starts):
            return self._only(piece)
        expected = self.token_span(line, token)
        exact = self.text.find(piece, expected[0], expected[1] + len(piece) - 1)
        if exact >= 0 and self._kind(piece, exact, exact + len(piece)) == 0:
            return Place(exact, exact + len(piece))
        return self._nearest(piece, line, expected) or self._only(piece)

    def why_not_found(self, piece: str) -> str:
        """RETURNS (str): Why `find` gave None."""
        return "its text occurs several times, none of them near" if self._all(piece) else "its text is not in the note"

    def _nearest(self, piece: str, line: int, expected: CharSpan) -> Optional[Place]:
        def rank(kind: int, span: CharSpan) -> Tuple[int, int, int]:
            inside = expected[0] <= span[0] < expected[1]
            return kind, abs(self.line_of(span[0]) - line), 0 if inside else abs(span[0] - expected[0])

        ranked = ((*rank(kind, span), span) for kind, span in self._all(piece))
        nearest = min((found for found in ranked if found[1] <= _NEAR), default=None)
        if nearest is None:
            return None
        _, lines, characters, span = nearest
        return self._place(piece, span, "line moved" if lines else "token moved" if characters else "")

    def _only(self, piece: str) -> Optional[Place]:
        found = self._all(piece)
        best = min((kind for kind, _ in found), default=None)
        spans = [span for kind, span in found if kind == best]
        return self._place(piece, spans[0], "moved to the only occurrence in the note") if len(spans) == 1 else None

    def _place(self, piece: str, span: CharSpan, moved: str) -> Place:
        differs = "" if self.text[slice(*span)] == piece else "case or white space as in the note"
        return Place(*span, tuple(reason for reason in (moved, differs) if reason))

    def _all(self, piece: str) -> List[Tuple[int, CharSpan]]:
        """Every occurrence with its kind, in order."""
        if piece not in self._found:
            self._found[piece] = [(self._kind(piece, *span), span) for span in self._occurrences(piece)]
        return self._found[piece]

    def _kind(self, piece: str, start: int, end: int) -> int:
        """0 for whole words, 1 for a place inside words, 2 for other white space; the lower the better."""
        if _lower(self.text[start:end]).split() != _lower(piece).split():
            return 2
        return int(_is_inside_word(self.text, start) or _is_inside_word(self.text, end))

    def _occurrences(self, piece: str) -> Iterator[CharSpan]:
        """Every occurrence whatever the case and the white space."""
        wanted = "".join(_lower(piece).split())
        found = self._squeezed.find(wanted)
        while wanted and found >= 0:
            yield self._offsets[found], self._offsets[found + len(wanted) - 1] + 1
            found = self._squeezed.find(wanted, found + 1)

    @cached_property
    def _squeezed(self) -> str:
        return "".join(_lower(self.text).split())

    @cached_property
    def _offsets(self) -> List[int]:
        """Where each character of the squeezed text is in the text."""
        return [offset for offset, char in enumerate(self.text) if not char.isspace()]


def _lower(text: str) -> str:
    """The text in lower case; as it is where that would move its characters, as of a dotted capital I."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text


def _is_inside_word(text: str, offset: int) -> bool:
    """Between two letters or two digits: the 20 of "20mg" is a word."""
    if not 0 < offset < len(text):
        return False
    before, after = text[offset - 1], text[offset]
    return (before.isalpha() and after.isalpha()) or (before.isdigit() and after.isdigit())


# The file, note by note -----------------------------------------------------------------------------------------------


@dataclass
class _Progress:
    """How far a file is read."""

    in_data: bool = False
    article: int = -1
    title: Optional[str] = None
    has_notes: bool = False
    notes: int = 0
    titles: Set[str] = field(default_factory=set)


def _raw_notes(path: Path, subsets: Collection[str]) -> Iterator[Tuple[int, str, Any]]:
    """Each note as parsed, with its number in the file, from 1, and its subset."""
    if not path.is_file():
        raise ValueError(Errors.E031.format(path=path))
    progress, titles = _Progress(), None
    with path.open("rb") as file:
        try:
            events = _watch(ijson.parse(file, use_float=True), progress, path)
            for note in ijson.items(events, _NOTES):
                progress.notes += 1
                title = progress.title
                if title is None:  # it may also stand behind the notes
                    titles = _titles(path) if titles is None else titles
                    title = titles[progress.article]
                progress.titles.add(title)
                if not subsets or title in subsets:
                    yield progress.notes, title, note
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise ValueError(Errors.E041.format(path=path, notes=progress.notes, problem=_problem(error))) from error
    if not progress.in_data:
        raise ValueError(Errors.E040.format(path=path, problem="the file has no 'data' that is a list"))
    missing = sorted(set(subsets) - progress.titles)
    if missing:
        raise ValueError(Errors.E043.format(path=path, missing=missing, found=sorted(progress.titles)))


def _watch(events: Iterable[Tuple[str, str, Any]], progress: _Progress, path: Path) -> Iterator[Tuple[str, str, Any]]:
    """Pass the parser's events on, and note where they are."""
    for prefix, event, value in events:
        if prefix == "data":
            progress.in_data |= event == "start_array"
        elif prefix == "data.item":
            _watch_article(event, progress, path)
        elif prefix == "data.item.title":
            progress.title = str(value)
        elif prefix == "data.item.paragraphs":
            progress.has_notes |= event == "start_array"
        yield prefix, event, value


def _watch_article(event: str, progress: _Progress, path: Path) -> None:
    if event == "start_map":
        progress.article += 1
        progress.title, progress.has_notes = None, False
    elif event != "map_key" and not progress.has_notes:
        problem = f"data[{max(progress.article, 0)}] has no 'paragraphs' that is a list"
        raise ValueError(Errors.E040.format(path=path, problem=problem))


def _titles(path: Path) -> List[str]:
    with path.open("rb") as file:
        articles: List[str] = []
        for prefix, event, value in ijson.parse(file):
            if (prefix, event) == ("data.item", "start_map"):
                articles.append("untitled")
            elif prefix == "data.item.title":
                articles[-1] = str(value)
    return articles


def _problem(error: Exception) -> str:
    """The parser's complaint without the text that it quotes."""
    match = re.search(r"(?:parse|lexical) error: [\w ()-]+", str(error))
    return match[0] if match else type(error).__name__


def _lines(note: Any) -> Optional[NoteLines]:
    """The lines of a note, None where it has no text."""
    context = note.get("context") if isinstance(note, dict) else None
    if isinstance(context, str):
        lines = NoteLines.from_text(context)
    elif isinstance(context, list) and all(isinstance(line, str) for line in context):
        lines = NoteLines(context)
    else:
        return None
    return lines if lines.text.strip() else None


# Reading --------------------------------------------------------------------------------------------------------------


def read_emrqa(
    path: Path, report: Optional[ConversionReport] = None, *, subsets: Optional[Collection[str]] = None
) -> Iterator[QARecord]:
    """Read emrQA's data.json; one note is in memory at a time.

    path (Path): The file.
    report (Optional[ConversionReport]): Filled with what was repaired and dropped.
    subsets (Optional[Collection[str]]): The subsets to read; None for all.
    YIELDS (QARecord): Notes in order, each paraphrase a question. An answer that is not at its place is looked for in
        the lines around, then in the whole note; one that is not found is dropped. Notes left without a question are
        not given.
    RAISES (ValueError): E031, E040, E041, E043: the file is missing, not in emrQA's form, no JSON, or lacks a subset.
    """
    report = ConversionReport() if report is None else report
    ids: Set[str] = set()
    for number, subset, note in _raw_notes(path, subsets or ()):
        record = _record(note, _record_id(note, subset, number, ids, report), subset, report)
        if record is not None:
            yield record


@dataclass
class EmrqaOutline:
    """What splitting a file needs to know before its answers are read.

    digests (Set[str]): Digests of the notes' texts.
    templates (Set[str]): Templates of the logical forms.
    question_templates (Set[str]): Templates of the questions.
    """

    digests: Set[str] = field(default_factory=set)
    templates: Set[str] = field(default_factory=set)
    question_templates: Set[str] = field(default_factory=set)


def outline_emrqa(path: Path, *, subsets: Optional[Collection[str]] = None) -> EmrqaOutline:
    """Read the outline of a file, in a pass of its own.

    path (Path): The file.
    subsets (Optional[Collection[str]]): The subsets to read; None for all.
    RETURNS (EmrqaOutline): The outline of the notes that can have questions.
    RAISES (ValueError): See `read_emrqa`.
    """
    outline = EmrqaOutline()
    for _, subset, note in _raw_notes(path, subsets or ()):
        lines = _lines(note)
        if lines is None or subset in CLASS_SUBSETS:
            continue
        outline.digests.add(text_digest(lines.text))
        for qa in _list(note.get("qas")):
            template, by_question = _templates(qa)
            outline.templates.update([template] if template else [])
            outline.question_templates.update(by_question.values())
    return outline


def _record_id(note: Any, subset: str, number: int, earlier: Set[str], report: ConversionReport) -> str:
    """An id of its own for a note; it is added to the earlier ones."""
    given_id = note.get("note_id") if isinstance(note, dict) else None
    usable = _usable(f"{subset}-{f'note-{number}' if given_id is None else given_id}")
    unique, copies = usable, 2
    while unique in earlier:
        unique, copies = f"{usable}-{copies}", copies + 1
    if unique != usable:
        report.repair(unique, "", "note id made unique")
    earlier.add(unique)
    return unique


def _record(note: Any, record_id: str, subset: str, report: ConversionReport) -> Optional[QARecord]:
    report.notes += 1
    lines = _lines(note)
    if lines is None:
        report.drop(record_id, "", "note without text")
        return None
    if not isinstance(note.get("qas"), list):
        report.drop(record_id, "", "note without a list of questions")
        return None
    reader = _NoteReader(record_id, subset, lines, report)
    questions = [question for n, qa in enumerate(note["qas"], start=1) for question in reader.read(n, qa)]
    report.questions += len(questions)
    report.answers += sum(len(question.answers) for question in questions)
    # The keys of the paragraph come back from JSON.
    meta = {"subset": subset, "paragraph": {"subset": subset}}
    return QARecord(record_id, lines.text, questions, meta) if questions else None


def _usable(text: str) -> str:
    """An id that questions may bear."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip("_.-") or "note"


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []


def _templates(qa: Any) -> Tuple[Optional[str], Dict[str, str]]:
    """The template of the logical form, and that of each paraphrase, as far as the id of a qa has them."""
    found = _list(qa.get("id") if isinstance(qa, dict) else None)
    form = found[1].strip() if len(found) > 1 and isinstance(found[1], str) else None
    pairs = [pair for pair in _list(found[0] if found else None) if isinstance(pair, list) and len(pair) == 2]
    return form or None, {q: t for q, t in pairs if isinstance(q, str) and isinstance(t, str)}


@dataclass(frozen=True)
class _Part:
    """An answer, or one part of a complex answer, as given."""

    text: str
    line: Optional[int]
    token: int
    evidence: str
    evidence_line: Optional[int]


def _parts(answer: Any) -> Tuple[str, List[_Part]]:
    """The type of an answer and its parts; no parts where it is of no known form."""
    if not isinstance(answer, dict):
        return "", []
    text, start = answer.get("text"), answer.get("answer_start")
    evidence, evidence_start = answer.get("evidence"), answer.get("evidence_start")
    if isinstance(text, str):
        return "single" if text.strip() else "empty", _as_parts([text], [start], [evidence], [evidence_start])
    if isinstance(text, list) and text:
        columns = [value if isinstance(value, list) else [value] * len(text) for value in (evidence, evidence_start)]
        return "complex", _as_parts(text, _list(start), *columns)
    return "", []


def _as_parts(texts: List[Any], starts: List[Any], evidences: List[Any], evidence_lines: List[Any]) -> List[_Part]:
    if not len(texts) == len(starts) == len(evidences) == len(evidence_lines):
        return []
    parts = []
    for text, start, evidence, evidence_line in zip(texts, starts, evidences, evidence_lines):
        if not isinstance(text, str):
            return []
        line, token = start if isinstance(start, list) and len(start) == 2 else (None, 0)
        parts.append(
            _Part(text, _number(line), _number(token) or 0, _first_text(evidence), _number(_first(evidence_line)))
        )
    return parts


def _number(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _first_text(value: Any) -> str:
    """Evidence of two lines may be given as two texts."""
    texts = value if isinstance(value, list) else [value]
    return "".join(text for text in texts if isinstance(text, str))


class _NoteReader:
    """Reads the questions of one note."""

    def __init__(self, note_id: str, subset: str, lines: NoteLines, report: ConversionReport):
        self.note_id = note_id
        self.subset = subset
        self.lines = lines
        self.report = report

    def read(self, number: int, qa: Any) -> List[GoldQuestion]:
        """The questions of one qa, one per paraphrase; none where it has to be dropped."""
        qa_id = f"{self.note_id}-q{number}"
        texts = self._paraphrases(qa, qa_id)
        if not texts:
            return []
        if self.subset in CLASS_SUBSETS:
            self.report.drop(self.note_id, qa_id, "question answered by a class, not a span", count=len(texts))
            return []
        if not isinstance(qa.get("answers"), list) or not qa["answers"]:
            self.report.drop(self.note_id, qa_id, "question without a list of answers", count=len(texts))
            return []
        entity_type, answers = self._answers(qa["answers"], qa_id)
        if not answers:
            self.report.drop(self.note_id, qa_id, "question that lost all its answers", count=len(texts))
            return []
        return self._questions(qa, qa_id, texts, entity_type, answers)

    def _questions(
        self, qa: Dict[str, Any], qa_id: str, texts: Dict[str, int], entity_type: str, answers: List[GoldAnswer]
    ) -> List[GoldQuestion]:
        template, by_question = _templates(qa)
        probs = answer_categories(template) if template else None
        questions = []
        for text, index in texts.items():
            known = {
                "template": template,
                "question_template": by_question.get(text),
                LABEL_SOURCE: LOGICAL_FORM if probs else None,
            }
            about = {"qa": qa_id, "paraphrase": index, "entity_type": entity_type}
            questions.append(
                GoldQuestion(
                    id=f"{qa_id}-p{index}",
                    text=text,
                    kind="list" if entity_type == "complex" else "single",
                    answers=list(answers),
                    category=best_category(probs) if probs else None,
                    category_probs=list(probs) if probs else None,
                    extra={**{key: value for key, value in known.items() if value}, **about},
                )
            )
        return questions

    def _paraphrases(self, qa: Any, qa_id: str) -> Dict[str, int]:
        """The texts that a qa is asked in, each with its index."""
        given = qa.get("question") if isinstance(qa, dict) else None
        texts: Dict[str, int] = {}
        for index, text in enumerate([given] if isinstance(given, str) else _list(given)):
            if not isinstance(text, str) or not text.strip():
                self.report.drop(self.note_id, qa_id, "paraphrase without text")
            elif text in texts:
                self.report.drop(self.note_id, qa_id, "paraphrase given twice")
            else:
                texts[text] = index
        if not texts:
            self.report.drop(self.note_id, qa_id, "question without text")
        return texts

    def _answers(self, given: List[Any], qa_id: str) -> Tuple[str, List[GoldAnswer]]:
        """The answers of a qa with their type: alternatives, or the parts of one complex answer."""
        alternatives: Dict[CharSpan, Tuple[str, GoldAnswer]] = {}
        complex_answers: List[List[GoldAnswer]] = []
        for answer in given:
            entity_type, parts = _parts(answer)
            found = self._located(parts, qa_id)
            if not found:
                continue
            if entity_type == "complex":
                complex_answers.append(found)
            elif (found[0].start, found[0].end) in alternatives:
                self.report.drop(self.note_id, qa_id, "answer given twice")
            else:
                alternatives[found[0].start, found[0].end] = entity_type, found[0]
        # Alternatives and a list, or two lists, cannot be told apart in one question.
        for _ in complex_answers if alternatives else complex_answers[1:]:
            self.report.drop(self.note_id, qa_id, "complex answer beside another answer")
        if alternatives:
            types, answers = zip(*alternatives.values())
            return types[0], list(answers)
        return "complex", complex_answers[0] if complex_answers else []

    def _located(self, parts: List[_Part], qa_id: str) -> List[GoldAnswer]:
        """The parts of an answer in the note, all of them or none."""
        if not parts:
            self.report.drop(self.note_id, qa_id, "answer of no known form")
        found: Dict[CharSpan, GoldAnswer] = {}
        for part in parts:
            answer = self._located_part(part, qa_id)
            if answer is None:
                return []
            found[answer.start, answer.end] = answer
        return list(found.values())

    def _located_part(self, part: _Part, qa_id: str) -> Optional[GoldAnswer]:
        evidence = self._evidence(part)
        if not part.text.strip():
            if evidence is None:
                reason = self.lines.why_not_found(part.evidence.strip())
                self.report.drop(self.note_id, qa_id, f"answer by its evidence: {reason}")
                return None
            self._count_repairs(evidence, "evidence", qa_id)
            return self._gold(evidence, evidence)
        place = self.lines.find(part.text, part.line, part.token)
        if place is None:
            reason = self.lines.why_not_found(part.text.strip())
            self.report.drop(self.note_id, qa_id, f"answer that is not at its place: {reason}")
            return None
        self._count_repairs(place, "answer", qa_id)
        if evidence is None or not evidence.start <= place.start <= place.end <= evidence.end:
            evidence = self._own_lines(place)
        self._count_repairs(evidence, "evidence", qa_id)
        return self._gold(place, evidence)

    def _evidence(self, part: _Part) -> Optional[Place]:
        line = part.evidence_line or part.line
        place = self.lines.find(part.evidence, line, 0)
        words = part.evidence.split()
        half = len(words) // 2
        if place is None and half and words[:half] == words[half:]:
            place = self.lines.find(" ".join(words[:half]), line, 0)
            if place is not None:
                place = Place(place.start, place.end, ("given twice",))
        return place

    def _own_lines(self, place: Place) -> Place:
        first, last = self.lines.line_of(place.start), self.lines.line_of(place.end - 1)
        span = strip_span(self.lines.text, *self.lines.line_span(first, last))
        return Place(*span, ("taken as the lines of the answer",))

    def _count_repairs(self, place: Place, what: str, qa_id: str) -> None:
        for reason in place.repairs:
            self.report.repair(self.note_id, qa_id, f"{what}: {reason}")

    def _gold(self, place: Place, evidence: Place) -> GoldAnswer:
        text = self.lines.text[place.start : place.end]
        return GoldAnswer(text, place.start, {"evidence": [evidence.start, evidence.end]})
