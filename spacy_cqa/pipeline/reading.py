"""From notes and questions to answers: windows are read in waves, decoded over the whole note, then categorised.

A wave is as many whole questions as fit a budget of subwords. Its windows are pooled over notes and questions and
batched by length. With separate layers, each window and each question is encoded once and kept while its note is read.
The states below the task layers are kept until a wave's answers are known, so that the category branch runs only for
windows that hold one.
"""

from dataclasses import dataclass, field
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import Model

from ..models.architectures import BatchStates, get_reader, get_tokenizer, predict_categories, predict_spans
from ..models.batches import Piece, batch_by_length, make_batch
from ..models.separate import TextReader
from ..models.windows import EncodedNote, WindowSettings, encode_note, encode_question
from ..schemas import NoteAnswers, Question, ScoredSpan
from ..types import CATEGORIES, CharSpan
from .decoding import Candidate, PairScores, window_odds

WAVE_TOKENS = 32_768  # a wave of MiniLM keeps 50 MB of states, of a BERT-base 100 MB
_MORE_TO_FILTER = 4  # candidates looked at per answer wanted, where some fall to a filter on categories


@dataclass(frozen=True)
class ReadingSettings:
    """How notes are read and which answers are given; see the component's settings."""

    windows: WindowSettings
    max_answers: int
    max_answer_tokens: int
    null_threshold: float
    further_share: float
    thresholds: Mapping[str, float]
    max_batch_tokens: int
    bfloat16: bool


@dataclass(frozen=True)
class Note:
    """A note to read.

    doc (Doc): The note.
    questions (Mapping[str, Question]): What to ask of it.
    given_spans (Mapping[str, List[CharSpan]]): Spans to classify as they are, by question id.
    """

    doc: Doc
    questions: Mapping[str, Question]
    given_spans: Mapping[str, Sequence[CharSpan]] = field(default_factory=dict)


@dataclass
class _Ask:
    """One question to one note, while it is read."""

    question: Question
    ids: numpy.ndarray
    note: EncodedNote
    given: List[Tuple[int, int]]  # token spans, end exclusive
    result: NoteAnswers
    pairs: PairScores
    places: Dict[int, "_Place"] = field(default_factory=dict)  # by window

    @property
    def cost(self) -> int:
        return sum(end - start + len(self.ids) for start, end in self.note.windows)


@dataclass(frozen=True)
class _Place:
    """Where a window was read: its batch, its row there, and the position of the note's first subword."""

    batch: int
    row: int
    shift: int


@dataclass(frozen=True)
class _SpanPlace:
    """A span to classify: first and last position in a row of a batch."""

    batch: int
    row: int
    start: int
    end: int


def read_notes(model: Model, notes: Sequence[Note], settings: ReadingSettings) -> List[NoteAnswers]:
    """Answer all questions of some notes.

    model (Model): An initialized reader.
    notes (Sequence[Note]): The notes.
    settings (ReadingSettings): How to read.
    RETURNS (List[NoteAnswers]): What was found, by note.
    RAISES (ValueError): E009, a question is too long; E010, the model has no weights.
    """
    results = [_empty_answers(note) for note in notes]
    texts = _text_reader(model, settings)
    for wave in _waves(_asks(model, notes, results, settings)):
        _read_wave(model, wave, settings, texts)
    return results


def _text_reader(model: Model, settings: ReadingSettings) -> Optional[TextReader]:
    if not get_reader(model).separate_layers:
        return None
    return TextReader(
        model,
        max_question_tokens=settings.windows.max_question_tokens,
        max_batch_tokens=settings.max_batch_tokens,
        bfloat16=settings.bfloat16,
    )


def _empty_answers(note: Note) -> NoteAnswers:
    return NoteAnswers(
        questions={qid: question.text for qid, question in note.questions.items()},
        wanted_categories={qid: list(q.categories) for qid, q in note.questions.items() if q.categories},
    )


def _asks(
    model: Model, notes: Sequence[Note], results: Sequence[NoteAnswers], settings: ReadingSettings
) -> Iterator[_Ask]:
    tokenizer = get_tokenizer(model)
    limit = settings.windows.max_question_tokens
    for note, result in zip(notes, results):
        if not note.questions:
            continue
        encoded = encode_note(note.doc, tokenizer, settings.windows)
        for qid, question in note.questions.items():
            yield _Ask(
                question=question,
                ids=encode_question(qid, question.text, tokenizer, limit),
                note=encoded,
                given=_token_spans(note.doc, note.given_spans.get(qid, ())) if encoded.windows else [],
                result=result,
                pairs=PairScores(len(note.doc), settings.max_answer_tokens),
            )


def _token_spans(doc: Doc, spans: Iterable[CharSpan]) -> List[Tuple[int, int]]:
    found = [doc.char_span(start, end, alignment_mode="expand") for start, end in spans]
    return [(span.start, span.end) if span is not None else (0, 0) for span in found]


def _waves(asks: Iterable[_Ask]) -> Iterator[List[_Ask]]:
    wave: List[_Ask] = []
    cost = 0
    for ask in asks:
        if wave and cost + ask.cost > WAVE_TOKENS:
            yield wave
            wave, cost = [], 0
        wave.append(ask)
        cost += ask.cost
    if wave:
        yield wave


def _read_wave(model: Model, wave: List[_Ask], settings: ReadingSettings, texts: Optional[TextReader]) -> None:
    states = _read_windows(model, wave, settings, texts)
    chosen = [_candidates(ask, settings) for ask in wave]
    wanted = [
        [_answer_place(ask, candidate) for candidate in candidates] + [_given_place(ask, *span) for span in ask.given]
        for ask, candidates in zip(wave, chosen)
    ]
    probabilities = iter(_classify(model, states, [place for places in wanted for place in places], settings))
    for ask, candidates, places in zip(wave, chosen, wanted):
        scores = [next(probabilities) for _ in places]
        ask.result.null_scores[ask.question.id] = ask.pairs.null_score()
        ask.result.spans.extend(_accept(ask.question, candidates, scores[: len(candidates)], settings))
        if ask.given:
            given = [[float(p) for p in row] for row in scores[len(candidates) :]]
            ask.result.given_category_scores[ask.question.id] = given


def _read_windows(
    model: Model, wave: List[_Ask], settings: ReadingSettings, texts: Optional[TextReader]
) -> List[BatchStates]:
    """Read every window of a wave, and add its logits to its question's pairs."""
    tokenizer = get_tokenizer(model)
    longest = get_reader(model).family.longest
    asked = [(ask, number) for ask in wave for number in range(len(ask.note.windows))]
    pieces = [Piece(ask.ids, ask.note, ask.note.windows[number]) for ask, number in asked]
    below = texts.read(pieces) if texts is not None and pieces else None
    lengths = [piece.length(tokenizer.frame) for piece in pieces]
    states: List[BatchStates] = []
    for indices in batch_by_length(lengths, settings.max_batch_tokens):
        chosen = [pieces[index] for index in indices]
        batch = make_batch(chosen, tokenizer, longest=longest)
        if below is not None:
            batch = below.put_together(chosen, batch)
        packed = None if below is None else below.packed
        kept, starts, ends = predict_spans(model, batch, packed, bfloat16=settings.bfloat16)
        for row, (index, piece) in enumerate(zip(indices, chosen)):
            ask, number = asked[index]
            shift = int(batch.note_offsets[row]) - piece.window[0]
            ask.places[number] = _Place(len(states), row, shift)
            tokens = ask.note.tokens_in(piece.window)
            first, last = ask.note.token_first[tokens], ask.note.token_last[tokens]
            ask.pairs.add_window(number, tokens, *window_odds(starts[row], ends[row], first, last, shift))
        states.append(kept)
    return states


def _candidates(ask: _Ask, settings: ReadingSettings) -> List[Candidate]:
    """Answers worth a category: none where the null wins, else the best and those not far below it."""
    if ask.pairs.null_score() > settings.null_threshold:
        return []
    best = ask.pairs.best(1)
    if not best:
        return []
    wanted = ask.question.max_answers or settings.max_answers
    if ask.question.categories:
        wanted *= _MORE_TO_FILTER
    return ask.pairs.best(wanted, settings.further_share * best[0].score)


def _accept(
    question: Question, candidates: List[Candidate], scores: Sequence[numpy.ndarray], settings: ReadingSettings
) -> List[ScoredSpan]:
    accepted = []
    for candidate, by_category in zip(candidates, scores):
        category = CATEGORIES[int(numpy.argmax(by_category))]
        least = settings.thresholds.get(category, 0.0) if question.threshold is None else question.threshold
        if candidate.score < least or (question.categories and category not in question.categories):
            continue
        accepted.append(
            ScoredSpan(
                question_id=question.id,
                start=candidate.start,
                end=candidate.end,
                category=category,
                score=candidate.score,
                category_scores=tuple(float(p) for p in by_category),
            )
        )
    return accepted[: question.max_answers or settings.max_answers]


def _answer_place(ask: _Ask, candidate: Candidate) -> _SpanPlace:
    place = ask.places[ask.pairs.window_of(candidate.start, candidate.end)]
    first, last = ask.note.token_first[candidate.start], ask.note.token_last[candidate.end - 1]
    return _SpanPlace(place.batch, place.row, int(first) + place.shift, int(last) + place.shift)


def _given_place(ask: _Ask, start: int, end: int) -> _SpanPlace:
    """The window that shows most of a span; a span without a subword counts as the window's first token."""
    inside = [n for n in range(start, end) if ask.note.token_first[n] >= 0]
    if not inside:
        place = next(iter(ask.places.values()))
        return _SpanPlace(place.batch, place.row, 0, 0)
    first, last = int(ask.note.token_first[inside[0]]), int(ask.note.token_last[inside[-1]])
    shown = {n: min(last + 1, stop) - max(first, begin) for n, (begin, stop) in enumerate(ask.note.windows)}
    number = max(shown, key=lambda n: shown[n])
    begin, stop = ask.note.windows[number]
    place = ask.places[number]
    return _SpanPlace(place.batch, place.row, max(first, begin) + place.shift, min(last, stop - 1) + place.shift)


def _classify(
    model: Model, states: Sequence[BatchStates], spans: Sequence[_SpanPlace], settings: ReadingSettings
) -> List[numpy.ndarray]:
    """Category probabilities of spans, each of shape (5,), in the order of the spans."""
    by_batch: Dict[int, List[int]] = {}
    for index, span in enumerate(spans):
        by_batch.setdefault(span.batch, []).append(index)
    found: Dict[int, numpy.ndarray] = {}
    for batch, indices in by_batch.items():
        chosen = [spans[index] for index in indices]
        logits = predict_categories(
            model,
            states[batch],
            [span.row for span in chosen],
            [span.start for span in chosen],
            [span.end for span in chosen],
            bfloat16=settings.bfloat16,
        )
        found.update(zip(indices, softmax(logits)))
    return [found[index] for index in range(len(spans))]


def softmax(logits: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Softmax over the last axis; -inf gives 0."""
    shifted = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
