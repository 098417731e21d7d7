"""Notes with questions and gold answers: as plain records, as gold docs, and between the two without loss."""

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional

from spacy.tokens import Doc, Span, SpanGroup

from ..errors import Errors
from ..schemas import GIVEN_SPANS_DATA, set_questions
from ..types import SPANS_KEY

NOTE_DATA = "note"  # doc.user_data: what is known of the note
LABEL_SOURCE = "label_source"  # key of a question that tells where its label came from; none means by hand
LOGICAL_FORM = "logical_form"  # source of labels that weak ones narrow down: both are right as far as they go


@dataclass(frozen=True)
class GoldAnswer:
    """A gold answer as annotated.

    text (str): Its text.
    start (int): Its first character in the note.
    extra (Dict[str, Any]): Further keys of the source.
    """

    text: str
    start: int
    extra: Dict[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """RETURNS (int): One past its last character."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class GoldQuestion:
    """A question with its gold answers; `kind`, `category`, `also` and `category_probs` as in the corpus guide.

    extra (Dict[str, Any]): Further keys of the source.
    """

    id: str
    text: str
    kind: str
    answers: List[GoldAnswer] = field(default_factory=list)
    category: Optional[str] = None
    also: List[str] = field(default_factory=list)
    category_probs: Optional[List[float]] = None
    extra: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class QARecord:
    """A note with its questions.

    id (str): Id of the note.
    text (str): The note.
    questions (List[GoldQuestion]): Its questions.
    meta (Dict[str, Any]): What else is known: `kind`, `specialty`, the article it came from, further keys.
    """

    id: str
    text: str
    questions: List[GoldQuestion]
    meta: Dict[str, Any] = field(default_factory=dict)


def record_to_doc(record: QARecord, make_doc: Any, *, spans_key: str = SPANS_KEY) -> Doc:
    """Build a gold doc. Answers become whole tokens; their raw texts and offsets are kept beside, in `gold_texts` and
    `gold_starts`, which the metrics compare with.

    record (QARecord): The record; its answers lie inside the note.
    make_doc (Callable[[str], Doc]): Splits the note into tokens.
    spans_key (str): Key of the span group.
    RETURNS (Doc): The doc, with `doc.spans[spans_key]` and `doc.user_data["note"]`.
    RAISES (ValueError): E036, if an answer lies outside the note.
    """
    doc = make_doc(record.text)
    pairs = [(question, answer) for question in record.questions for answer in question.answers]
    spans = [_to_span(doc, question, answer) for question, answer in pairs]
    attrs: Dict[str, Any] = {
        "questions": {question.id: question.text for question in record.questions},
        "kinds": {question.id: question.kind for question in record.questions},
        "also": [list(question.also) for question, _ in pairs],
        "category_probs": [question.category_probs for question, _ in pairs],
        "gold_texts": [answer.text for _, answer in pairs],
        "gold_starts": [answer.start for _, answer in pairs],
        "answer_extra": [answer.extra for _, answer in pairs],
        "question_extra": {question.id: question.extra for question in record.questions if question.extra},
    }
    doc.spans[spans_key] = SpanGroup(doc, name=spans_key, spans=spans, attrs=attrs)
    doc.user_data[NOTE_DATA] = {"id": record.id, **record.meta}
    return doc


def _to_span(doc: Doc, question: GoldQuestion, answer: GoldAnswer) -> Span:
    span = doc.char_span(answer.start, answer.end, alignment_mode="expand")
    if span is None:
        raise ValueError(
            Errors.E036.format(question=question.id, start=answer.start, end=answer.end, length=len(doc.text))
        )
    return Span(doc, span.start, span.end, label=question.category or "", span_id=question.id)


def cuts_token(doc: Doc, answer: GoldAnswer) -> bool:
    """RETURNS (bool): Whether an answer begins or ends inside a token, so that its span is wider than it."""
    return doc.char_span(answer.start, answer.end) is None


def doc_to_record(doc: Doc, *, spans_key: str = SPANS_KEY) -> QARecord:
    """Read a gold doc back.

    doc (Doc): A doc that `record_to_doc` built.
    spans_key (str): Key of the span group.
    RETURNS (QARecord): The record, equal to the one it was built from.
    """
    group = doc.spans[spans_key] if spans_key in doc.spans else SpanGroup(doc, name=spans_key)
    meta = dict(doc.user_data.get(NOTE_DATA, {}))
    extra = group.attrs.get("question_extra", {})
    questions = {
        qid: GoldQuestion(qid, text, group.attrs.get("kinds", {}).get(qid, "single"), extra=dict(extra.get(qid, {})))
        for qid, text in group.attrs.get("questions", {}).items()
    }
    for n, span in enumerate(group):
        old = questions[span.id_]
        answer = GoldAnswer(
            text=_at(group, "gold_texts", n, span.text),
            start=_at(group, "gold_starts", n, span.start_char),
            extra=dict(_at(group, "answer_extra", n, {})),
        )
        probs = _at(group, "category_probs", n, None)
        questions[span.id_] = GoldQuestion(
            id=old.id,
            text=old.text,
            kind=old.kind,
            answers=[*old.answers, answer],
            category=span.label_ or None,
            also=list(_at(group, "also", n, [])),
            category_probs=None if probs is None else list(probs),
            extra=old.extra,
        )
    return QARecord(str(meta.pop("id", "")), doc.text, list(questions.values()), meta)


def _at(group: SpanGroup, name: str, index: int, default: Any) -> Any:
    values = group.attrs.get(name)
    return values[index] if values is not None and len(values) == len(group) else default


def copy_questions(reference: Doc, predicted: Doc, ids: Iterable[str], *, spans_key: str = SPANS_KEY) -> None:
    """Put gold questions on a doc to be predicted, and the gold spans to be classified beside (never as answers).

    reference (Doc): The gold doc.
    predicted (Doc): The doc to be predicted, of the same text.
    ids (Iterable[str]): The questions to copy.
    spans_key (str): Key of the gold span group.
    """
    wanted = list(ids)
    group = reference.spans[spans_key]
    questions = group.attrs.get("questions", {})
    set_questions(predicted, {qid: questions[qid] for qid in wanted})
    given: Dict[str, List[List[int]]] = {}
    for span in group:
        if span.id_ in wanted:
            given.setdefault(span.id_, []).append([span.start_char, span.end_char])
    predicted.user_data[GIVEN_SPANS_DATA] = given
