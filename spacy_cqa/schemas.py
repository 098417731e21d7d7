"""Questions and answers: their forms in Python, on a Doc and in a record, and the only code that moves between them.

On a Doc, questions live in `doc.user_data` (read and set as `doc._.questions`) and answers in a span group whose attrs
run parallel to its spans. A span taken from a group is a copy, so a group is never edited: `write_answers` builds it.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from spacy.tokens import Doc, Span, SpanGroup

from .alignment import line_around, section_heading
from .errors import Errors
from .types import CATEGORIES, SPANS_KEY, CategoryScores, CharSpan, QuestionsInput

QUESTIONS_DATA = "clinical_qa_questions"  # doc.user_data: id -> text or settings
GIVEN_SPANS_DATA = "clinical_qa_given_spans"  # doc.user_data: id -> [[start_char, end_char]], spans to classify as well

_ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_OPTIONAL_ATTRS = ("given_category_scores", "wanted_categories")  # of a span group, written where they hold anything
_NEGATION_EXTENSIONS = ("negex", "is_negated")  # of negspacy and of medspaCy
_QUESTION_SETTINGS = ("text", "categories", "threshold", "max_answers")


@dataclass(frozen=True)
class Question:
    """One question, validated.

    id (str): Names the question on its answers.
    text (str): The question.
    categories (Tuple[str, ...]): Only answers of these categories are given; empty for any.
    threshold (Optional[float]): Least score of an answer, from 0 to 1, in place of the component's.
    max_answers (Optional[int]): Most answers to give, in place of the component's.
    """

    id: str
    text: str
    categories: Tuple[str, ...] = ()
    threshold: Optional[float] = None
    max_answers: Optional[int] = None

    def to_spec(self) -> Any:
        """RETURNS (Union[str, dict]): The text where nothing else is set, else a dict; plain data for `user_data`."""
        spec: Dict[str, Any] = {"text": self.text}
        if self.categories:
            spec["categories"] = list(self.categories)
        if self.threshold is not None:
            spec["threshold"] = self.threshold
        if self.max_answers is not None:
            spec["max_answers"] = self.max_answers
        return self.text if len(spec) == 1 else spec


@dataclass(frozen=True)
class Answer:
    """One answer found in a note. Scores are None where the span group lost its attrs (as in `Doc.from_docs`).

    question_id (str): Id of the question.
    question (str): Its text, "" where unknown.
    text (str): The answer, equal to `doc.text[start_char:end_char]`.
    start_char (int): First character in the note.
    end_char (int): One past the last character.
    category (str): One of the five categories, "" where unknown.
    score (Optional[float]): Probability of this span among all spans of the note and "no answer", from 0 to 1.
    category_scores (Optional[Dict[str, float]]): Probability by category.
    concept_id (str): Id of the linked concept, "" if unlinked.
    sentence (str): The sentence around the answer, or its line where no sentence boundaries are set.
    rank (int): 1 for the best answer to its question, then 2, ...
    concepts (Tuple[Tuple[str, float], ...]): Concepts that the answer may mean, with link scores, best first.
    negated (Optional[bool]): Whether the note negates it, as far as negspacy or medspaCy found over the same span
        group; None where neither was loaded in this process.
    section (str): The heading that it stands under, "" without one.
    """

    question_id: str
    question: str
    text: str
    start_char: int
    end_char: int
    category: str
    score: Optional[float]
    category_scores: Optional[CategoryScores]
    concept_id: str
    sentence: str
    rank: int
    concepts: Tuple[Tuple[str, float], ...] = ()
    negated: Optional[bool] = None
    section: str = ""


@dataclass(frozen=True)
class ScoredSpan:
    """One answer as predicted, before it is written on a Doc: whole tokens, end exclusive. Scores are None only where a
    span group that lost its attrs was read back."""

    question_id: str
    start: int
    end: int
    category: str
    score: Optional[float]
    category_scores: Optional[Tuple[float, ...]]
    concept_id: str = ""
    concepts: Tuple[Tuple[str, float], ...] = ()


@dataclass
class NoteAnswers:
    """All that was predicted for one note; what `write_answers` takes.

    spans (List[ScoredSpan]): Answers, those of a question together and best first.
    questions (Dict[str, str]): Every question that was asked, id -> text.
    null_scores (Dict[str, float]): Probability of "no answer" for every question asked.
    given_category_scores (Dict[str, List[List[float]]]): Category scores of the spans given to classify, by question.
    wanted_categories (Dict[str, List[str]]): The categories that a question asks for, where it restricts them.
    calibrated (bool): Whether the scores went through a fitted calibration.
    """

    spans: List[ScoredSpan] = field(default_factory=list)
    questions: Dict[str, str] = field(default_factory=dict)
    null_scores: Dict[str, float] = field(default_factory=dict)
    given_category_scores: Dict[str, List[List[float]]] = field(default_factory=dict)
    wanted_categories: Dict[str, List[str]] = field(default_factory=dict)
    calibrated: bool = False


# Questions ------------------------------------------------------------------------------------------------------------


def parse_questions(value: Optional[QuestionsInput], *, where: str) -> Dict[str, Question]:
    """Validate questions given in any of their forms.

    value (QuestionsInput): One text, a list of texts (ids q1, q2, ...), or a dict of id -> text or settings.
    where (str): Where they were given, for the message.
    RETURNS (Dict[str, Question]): The questions by id, in order.
    RAISES (ValueError): E001 to E003, E006, E007: the form, id, text or a setting is not usable.
    """
    if value is None:
        return {}
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Mapping):
        return {qid: _parse_question(qid, spec, where) for qid, spec in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return {f"q{n}": _parse_question(f"q{n}", spec, where) for n, spec in enumerate(value, start=1)}
    raise ValueError(Errors.E001.format(where=where, value=value))


def _parse_question(qid: Any, spec: Any, where: str) -> Question:
    if not is_valid_id(qid):
        raise ValueError(Errors.E002.format(id=qid, where=where))
    if isinstance(spec, str):
        spec = {"text": spec}
    if not isinstance(spec, Mapping):
        raise ValueError(Errors.E001.format(where=f"{where} (id {qid!r})", value=spec))
    unknown = sorted(str(key) for key in spec if key not in _QUESTION_SETTINGS)
    if unknown:
        raise ValueError(Errors.E006.format(id=qid, where=where, unknown=unknown))
    text = spec.get("text")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(Errors.E003.format(id=qid, where=where))
    return Question(
        id=qid,
        text=text,
        categories=_parse_categories(qid, spec.get("categories"), where),
        threshold=_parse_threshold(qid, spec.get("threshold"), where),
        max_answers=_parse_max_answers(qid, spec.get("max_answers"), where),
    )


def _parse_categories(qid: str, value: Any, where: str) -> Tuple[str, ...]:
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)) or any(category not in CATEGORIES for category in values):
        expected = f"a list of some of {list(CATEGORIES)}"
        raise ValueError(Errors.E007.format(id=qid, where=where, setting="categories", value=value, expected=expected))
    return tuple(values)


def _parse_threshold(qid: str, value: Any, where: str) -> Optional[float]:
    if value is None:
        return None
    if not _is_number(value) or not 0 <= value <= 1:
        expected = "a number from 0 to 1"
        raise ValueError(Errors.E007.format(id=qid, where=where, setting="threshold", value=value, expected=expected))
    return float(value)


def _parse_max_answers(qid: str, value: Any, where: str) -> Optional[int]:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        expected = "a whole number of at least 1"
        raise ValueError(Errors.E007.format(id=qid, where=where, setting="max_answers", value=value, expected=expected))
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_valid_id(qid: Any) -> bool:
    """RETURNS (bool): Whether a question may bear this id."""
    return isinstance(qid, str) and _ID_PATTERN.fullmatch(qid) is not None


def merge_questions(*groups: Mapping[str, Question]) -> Dict[str, Question]:
    """Join questions from several entrances.

    *groups (Mapping[str, Question]): Questions by id.
    RETURNS (Dict[str, Question]): All of them, in order.
    RAISES (ValueError): E005, if one id stands for two different questions.
    """
    merged: Dict[str, Question] = {}
    for group in groups:
        for qid, question in group.items():
            first = merged.setdefault(qid, question)
            if first != question:
                raise ValueError(Errors.E005.format(id=qid, first=first.to_spec(), second=question.to_spec()))
    return merged


def get_questions(doc: Doc) -> Dict[str, Any]:
    """RETURNS (Dict[str, Union[str, dict]]): The questions set on a doc, id -> text or settings."""
    return dict(doc.user_data.get(QUESTIONS_DATA, {}))


def set_questions(doc: Doc, value: Optional[QuestionsInput]) -> None:
    """Set the questions of a doc, in place of earlier ones; the setter of `doc._.questions`.

    doc (Doc): The doc.
    value (QuestionsInput): The questions in any form; None removes them.
    RAISES (ValueError): See `parse_questions`.
    """
    questions = parse_questions(value, where="in doc._.questions")
    doc.user_data[QUESTIONS_DATA] = {qid: question.to_spec() for qid, question in questions.items()}


# Answers --------------------------------------------------------------------------------------------------------------


def write_answers(doc: Doc, answers: NoteAnswers, *, spans_key: str = SPANS_KEY) -> None:
    """Replace a doc's answers: builds the span group and its attrs together, the only place that does.

    doc (Doc): The doc to write on.
    answers (NoteAnswers): What was predicted.
    spans_key (str): Key in `doc.spans`.
    """
    spans = [
        Span(doc, s.start, s.end, label=s.category, kb_id=s.concept_id, span_id=s.question_id) for s in answers.spans
    ]
    attrs: Dict[str, Any] = {
        "questions": dict(answers.questions),
        "null_scores": {qid: float(score) for qid, score in answers.null_scores.items()},
        "calibrated": answers.calibrated,
    }
    if all(s.score is not None and s.category_scores is not None for s in answers.spans):
        attrs["scores"] = [float(s.score or 0.0) for s in answers.spans]
        attrs["category_scores"] = [[float(p) for p in s.category_scores or ()] for s in answers.spans]
    if any(s.concepts for s in answers.spans):
        attrs["concepts"] = [[[concept_id, float(score)] for concept_id, score in s.concepts] for s in answers.spans]
    for name in _OPTIONAL_ATTRS:
        if getattr(answers, name):
            attrs[name] = getattr(answers, name)
    doc.spans[spans_key] = SpanGroup(doc, name=spans_key, spans=spans, attrs=attrs)


def read_note_answers(doc: Doc, *, spans_key: str = SPANS_KEY) -> Optional[NoteAnswers]:
    """Read back what `write_answers` wrote, to change it and write it anew.

    doc (Doc): The doc.
    spans_key (str): Key in `doc.spans`.
    RETURNS (Optional[NoteAnswers]): The answers, None where the doc has no such group.
    """
    if spans_key not in doc.spans:
        return None
    group = doc.spans[spans_key]
    spans = list(group)
    columns = [parallel_attr(group, name, len(spans)) for name in ("scores", "category_scores", "concepts")]
    return NoteAnswers(
        spans=[_to_scored_span(*row) for row in zip(spans, *columns)],
        questions=dict(group.attrs.get("questions", {})),
        null_scores=dict(group.attrs.get("null_scores", {})),
        calibrated=bool(group.attrs.get("calibrated", False)),
        **{name: dict(group.attrs.get(name, {})) for name in _OPTIONAL_ATTRS},
    )


def _to_scored_span(span: Span, score: Optional[float], by_category: Any, concepts: Any) -> ScoredSpan:
    return ScoredSpan(
        question_id=span.id_,
        start=span.start,
        end=span.end,
        category=span.label_,
        score=score,
        category_scores=None if by_category is None else tuple(by_category),
        concept_id=span.kb_id_,
        concepts=_to_pairs(concepts),
    )


def _to_pairs(concepts: Any) -> Tuple[Tuple[str, float], ...]:
    return tuple((concept_id, score) for concept_id, score in concepts or ())


def read_answers(doc: Doc, *, spans_key: Optional[str] = None) -> List[Answer]:
    """Read a doc's answers; the getter of `doc._.answers`.

    doc (Doc): The doc.
    spans_key (Optional[str]): Key in `doc.spans`. None reads every group that the component wrote.
    RETURNS (List[Answer]): The answers in the order of the group.
    """
    if spans_key is not None:
        keys = [spans_key]
    else:
        keys = [key for key in doc.spans if key == SPANS_KEY or "null_scores" in doc.spans[key].attrs]
    return [answer for key in keys if key in doc.spans for answer in _group_answers(doc, doc.spans[key])]


def _group_answers(doc: Doc, group: SpanGroup) -> List[Answer]:
    spans = list(group)
    columns = [parallel_attr(group, name, len(spans)) for name in ("scores", "category_scores", "concepts")]
    questions = group.attrs.get("questions", {})
    ranks: Dict[str, int] = {}
    answers = []
    for span, score, by_category, concepts in zip(spans, *columns):
        ranks[span.id_] = ranks.get(span.id_, 0) + 1
        answers.append(
            Answer(
                question_id=span.id_,
                question=questions.get(span.id_, ""),
                text=doc.text[span.start_char : span.end_char],
                start_char=span.start_char,
                end_char=span.end_char,
                category=span.label_,
                score=score,
                category_scores=None if by_category is None else dict(zip(CATEGORIES, by_category)),
                concept_id=span.kb_id_,
                sentence=surrounding_sentence(doc, span.start_char, span.end_char),
                rank=ranks[span.id_],
                concepts=_to_pairs(concepts),
                negated=is_negated(span),
                section=section_heading(doc.text, span.start_char),
            )
        )
    return answers


def parallel_attr(group: SpanGroup, name: str, length: Optional[int] = None) -> List[Any]:
    """An attr that runs parallel to the spans of a group.

    group (SpanGroup): The group.
    name (str): Name of the attr.
    length (Optional[int]): The number of spans, where it is known.
    RETURNS (List[Any]): Its values; Nones where it is missing or out of step, as after `Doc.from_docs`.
    """
    length = len(group) if length is None else length
    values = group.attrs.get(name)
    return list(values) if values is not None and len(values) == length else [None] * length


def is_negated(span: Span) -> Optional[bool]:
    """RETURNS (Optional[bool]): Whether a span is negated after negspacy or medspaCy, None without either."""
    names = [name for name in _NEGATION_EXTENSIONS if Span.has_extension(name)]
    return any(bool(span._.get(name)) for name in names) if names else None


def surrounding_sentence(doc: Doc, start_char: int, end_char: int) -> str:
    """RETURNS (str): The sentence around a stretch of characters, or its line where the doc has no sentences."""
    if doc.has_annotation("SENT_START"):
        span = doc.char_span(start_char, end_char, alignment_mode="expand")
        if span is not None:
            return doc[span[0].sent.start : span[-1].sent.end].text.strip()
    return line_around(doc.text, start_char, end_char)


def given_spans(doc: Doc) -> Dict[str, List[CharSpan]]:
    """RETURNS (Dict[str, List[CharSpan]]): Spans of the doc to classify as they are, by question id."""
    found: Mapping[str, Iterable[Sequence[int]]] = doc.user_data.get(GIVEN_SPANS_DATA, {})
    return {qid: [(int(span[0]), int(span[1])) for span in spans] for qid, spans in found.items()}


# Extensions -----------------------------------------------------------------------------------------------------------

_EXTENSIONS: Dict[str, Dict[str, Any]] = {
    "questions": {"getter": get_questions, "setter": set_questions},
    "answers": {"getter": read_answers},
}


def set_extensions() -> None:
    """Set `Doc._.questions` and `Doc._.answers`, once.

    RAISES (ValueError): E008, if another package owns one of the names.
    """
    for name, functions in _EXTENSIONS.items():
        if not Doc.has_extension(name):
            Doc.set_extension(name, **functions)
        elif Doc.get_extension(name)[2] is not functions["getter"]:
            raise ValueError(Errors.E008.format(name=name))


def set_free_extensions() -> None:
    """Set the extensions whose names are free: at import nobody has asked for the component, so nothing may fail."""
    for name, functions in _EXTENSIONS.items():
        if not Doc.has_extension(name):
            Doc.set_extension(name, **functions)
