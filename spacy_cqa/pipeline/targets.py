"""Training: which windows to show, what to expect of them, and the joint loss. Arrays only.

The loss of a question is span_weight x the mean over its windows of the start and end cross-entropy (halved) plus
category_weight x the mean over its gold spans of the cross-entropy against the soft label. A batch adds up questions;
the update of the weights divides by their number.
"""

import warnings
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ..categories import harden, soft_label
from ..errors import Warnings
from ..models.architectures import TrainingBatch, TrainingScores
from ..models.batches import Piece, PieceBatch, batch_by_length, make_batch
from ..models.separate import TextStates
from ..models.tokenization import ReaderTokenizer
from ..models.windows import EncodedNote, WindowSettings, cut_windows, encode_note
from ..schemas import Question, get_questions, parallel_attr, parse_questions
from ..types import CATEGORIES
from .reading import softmax

Range = Tuple[int, int]  # of subwords, end exclusive


@dataclass(frozen=True)
class GoldSpan:
    """A gold answer as characters of the note, and its soft label (None where its category is not annotated)."""

    start_char: int
    end_char: int
    label: Optional[Tuple[float, ...]]


@dataclass(frozen=True)
class TrainingPiece:
    """A window shown in training.

    piece (Piece): The window with its question.
    spans (List[Tuple[int, int]]): First and last subword of the gold answers in it, counted in the note.
    labels (List[Optional[Tuple[float, ...]]]): Their soft labels.
    span_share (float): Share of this window in its question's span loss.
    category_share (float): Share of each of its spans in its question's category loss.
    """

    piece: Piece
    spans: List[Tuple[int, int]]
    labels: List[Optional[Tuple[float, ...]]]
    span_share: float
    category_share: float


@dataclass(frozen=True)
class Targets:
    """What a training batch should give; rows as in the batch.

    starts (numpy.ndarray): Probability of each start position, shape (batch, length).
    ends (numpy.ndarray): The same of each end position.
    span_shares (numpy.ndarray): Shape (batch,).
    labels (numpy.ndarray): Soft labels, shape (spans, 5); zeros where there is none.
    category_shares (numpy.ndarray): Shape (spans,).
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    span_shares: numpy.ndarray
    labels: numpy.ndarray
    category_shares: numpy.ndarray


# Gold -----------------------------------------------------------------------------------------------------------------


def read_gold(doc: Doc, spans_key: str, *, soft_labels: bool = True) -> Dict[str, List[GoldSpan]]:
    """Gold answers of a reference doc.

    doc (Doc): The reference.
    spans_key (str): Key of its span group.
    soft_labels (bool): Whether labels are distributions; else all of each is on its most probable category.
    RETURNS (Dict[str, List[GoldSpan]]): By question id; an unanswerable question has no span.
    """
    if spans_key not in doc.spans:
        return {}
    group = doc.spans[spans_key]
    gold: Dict[str, List[GoldSpan]] = {qid: [] for qid in group.attrs.get("questions", {})}
    also, probs = parallel_attr(group, "also"), parallel_attr(group, "category_probs")
    for n, span in enumerate(group):
        label = soft_label(span.label_, also[n] or (), probs[n])
        if label is not None and not soft_labels:
            label = harden(label)
        gold.setdefault(span.id_, []).append(GoldSpan(span.start_char, span.end_char, label))
    return gold


# Windows to show ------------------------------------------------------------------------------------------------------


def make_training_pieces(
    examples: Iterable[Example],
    tokenizer: ReaderTokenizer,
    settings: WindowSettings,
    *,
    spans_key: str,
    negative_rate: float,
    crop: float,
    soft_labels: bool = True,
    separate: bool = False,
) -> Tuple[List[TrainingPiece], int]:
    """Choose the windows of an update.

    examples (Iterable[Example]): Notes with their questions on the predicted doc and gold on the reference.
    tokenizer (ReaderTokenizer): The encoder's tokenizer.
    settings (WindowSettings): How to cut notes.
    spans_key (str): Key of the gold span group.
    negative_rate (float): See `draw_windows`.
    crop (float): See `draw_windows`; both draw from numpy's global generator.
    soft_labels (bool): See `read_gold`.
    separate (bool): Whether the encoder has separate layers: then all questions of a note share one cut of it.
    RETURNS (Tuple[List[TrainingPiece], int]): The windows, and the number of questions that they belong to.
    """
    pieces: List[TrainingPiece] = []
    n_questions = too_long = 0
    for example in examples:
        gold = read_gold(example.reference, spans_key, soft_labels=soft_labels)
        asked = _questions_to_learn(example, gold, spans_key)
        if not asked:
            continue
        doc = example.predicted
        note = encode_note(doc, tokenizer, settings)
        windows = note.windows
        if separate:
            width = settings.width(tokenizer.frame.special)
            windows = draw_cut(len(note.subwords), width, settings.overlap)
        for qid, question in asked.items():
            ids = tokenizer.encode(question.text).ids
            if len(ids) > settings.max_question_tokens:
                too_long += 1
                continue
            spans = _subword_spans(doc, note, gold[qid])
            places = [span for span, _ in spans]
            shown = draw_windows(windows, places, negative_rate=negative_rate, crop=crop, inside=separate)
            pieces.extend(_question_pieces(ids, note, spans, shown, separate))
            n_questions += bool(shown)
    if too_long:
        warnings.warn(Warnings.W002.format(count=too_long, limit=settings.max_question_tokens), stacklevel=2)
    return pieces, n_questions


def _questions_to_learn(example: Example, gold: Iterable[str], spans_key: str) -> Dict[str, Question]:
    """The questions on the predicted doc that have gold; all gold ones where a reader put none on it."""
    asked = get_questions(example.predicted)
    if not asked and gold:
        asked = dict(example.reference.spans[spans_key].attrs.get("questions", {}))
    questions = parse_questions(asked, where="on a training example")
    return {qid: question for qid, question in questions.items() if qid in gold}


def _subword_spans(doc: Doc, note: EncodedNote, gold: Iterable[GoldSpan]):
    """Gold answers as (first, last) subword with their labels; whole spaCy tokens, as answers are decoded."""
    found = []
    for answer in gold:
        span = doc.char_span(answer.start_char, answer.end_char, alignment_mode="expand")
        tokens = [] if span is None else [n for n in range(span.start, span.end) if note.token_first[n] >= 0]
        if tokens:
            found.append(((int(note.token_first[tokens[0]]), int(note.token_last[tokens[-1]])), answer.label))
    return found


def draw_windows(
    windows: Sequence[Range],
    spans: Sequence[Tuple[int, int]],
    *,
    negative_rate: float,
    crop: float,
    inside: bool = False,
) -> List[Tuple[Range, Range]]:
    """Draw the windows that an update shows of one note for one question, anew each time: for each answer one that
    holds it at a random place, and some without any part of one. Their widths are random too (`crop`): else the reader
    learns that short notes, which it rarely sees, hold no answers.

    windows (Sequence[Range]): The note's windows, as ranges of subwords.
    spans (Sequence[Tuple[int, int]]): First and last subword of each answer.
    negative_rate (float): Share of the windows without an answer to keep.
    crop (float): Least share of a window's width to show; 1 for the whole width. Widths are drawn log-uniformly.
    inside (bool): Whether what is shown must lie in one of the windows, whose separate layers the note's questions
        share; an answer that none of them holds whole is not shown.
    RETURNS (List[Tuple[Range, Range]]): The ranges to show, each with the range that it was drawn from: a window, or
        the whole note. An unanswerable question keeps at least one.
    """
    if not windows:
        return []
    whole_note, width = (0, windows[-1][1]), max(end - start for start, end in windows)
    shown: List[Tuple[Range, Range]] = []
    for first, last in spans:
        homes = [w for w in windows if w[0] <= first and last < w[1]] if inside else [whole_note]
        fits = bool(homes) and last - first < width
        if fits and not any(start <= first and last < end for (start, end), _ in shown):
            home = homes[numpy.random.randint(len(homes))] if len(homes) > 1 else homes[0]
            shown.append((_draw_around(first, last, home, _draw_width(width, crop, last - first + 1)), home))
    # A window that cuts an answer would teach that it holds none.
    negative = [w for w in windows if not any(first < w[1] and w[0] <= last for first, last in spans)]
    kept = [w for w in negative if negative_rate >= 1.0 or numpy.random.random() < negative_rate]
    if not shown and not kept and negative:
        kept = [negative[numpy.random.randint(len(negative))]]
    return shown + [(_draw_part(window, _draw_width(window[1] - window[0], crop, 1)), window) for window in kept]


def draw_cut(length: int, width: int, overlap: int) -> List[Range]:
    """Cut a note into windows from a random place on, so that its words are seen in windows of many beginnings.

    length (int): Subwords of the note.
    width (int): Most subwords of a window.
    overlap (int): Subwords shared by neighbours.
    RETURNS (List[Range]): Ranges that cover the note.
    """
    if length <= width:
        return cut_windows(length, width, overlap)
    first = width - int(numpy.random.randint(width - overlap))  # length of the first window
    rest = cut_windows(length - first + overlap, width, overlap)
    return [(0, first), *((start + first - overlap, end + first - overlap) for start, end in rest)]


def _draw_width(width: int, crop: float, least: int) -> int:
    """Log-uniform: short windows cost little, and for what they cost they teach more."""
    narrowest = max(1, int(crop * width))
    drawn = int(narrowest * ((width + 1) / narrowest) ** numpy.random.random())
    return max(min(drawn, width), least)


def _draw_around(first: int, last: int, home: Range, width: int) -> Range:
    width = min(width, home[1] - home[0])
    start = int(numpy.random.randint(max(home[0], last + 1 - width), min(first, home[1] - width) + 1))
    return start, start + width


def _draw_part(home: Range, width: int) -> Range:
    start = int(numpy.random.randint(home[0], home[1] - width + 1))
    return start, start + width


def _question_pieces(
    ids: numpy.ndarray, note: EncodedNote, spans, shown: Sequence[Tuple[Range, Range]], separate: bool
) -> Iterator[TrainingPiece]:
    inside = {w: [(span, label) for span, label in spans if w[0] <= span[0] and span[1] < w[1]] for w, _ in shown}
    labelled = sum(label is not None for held in inside.values() for _, label in held)
    for window, home in shown:
        yield TrainingPiece(
            piece=Piece(ids, note, window, home if separate else None),
            spans=[span for span, _ in inside[window]],
            labels=[label for _, label in inside[window]],
            span_share=1.0 / len(shown),
            category_share=1.0 / labelled if labelled else 0.0,
        )


def make_training_batches(
    pieces: Sequence[TrainingPiece],
    tokenizer: ReaderTokenizer,
    *,
    max_batch_tokens: int,
    longest: int,
    bfloat16: bool,
    texts: Optional[TextStates] = None,
) -> Iterator[Tuple[TrainingBatch, Targets]]:
    """Group windows of like length, each group with its targets.

    pieces (Sequence[TrainingPiece]): The windows of an update.
    tokenizer (ReaderTokenizer): Gives the special tokens.
    max_batch_tokens (int): Most padded subwords of a batch.
    longest (int): The most that the encoder reads.
    bfloat16 (bool): Whether to compute in bfloat16.
    texts (Optional[TextStates]): With separate layers: what they gave for the texts of these pieces.
    YIELDS (Tuple[TrainingBatch, Targets]): A batch and what it should give.
    """
    lengths = [piece.piece.length(tokenizer.frame) for piece in pieces]
    for indices in batch_by_length(lengths, max_batch_tokens):
        chosen = [pieces[index] for index in indices]
        batch = make_batch([piece.piece for piece in chosen], tokenizer, longest=longest)
        if texts is not None:
            batch = texts.put_together([piece.piece for piece in chosen], batch)
        yield _with_targets(chosen, batch, bfloat16, texts)


def _with_targets(
    chosen: Sequence[TrainingPiece], batch: PieceBatch, bfloat16: bool, texts: Optional[TextStates]
) -> Tuple[TrainingBatch, Targets]:
    starts, ends = numpy.zeros(batch.mask.shape), numpy.zeros(batch.mask.shape)
    rows, firsts, lasts, labels, shares = [], [], [], [], []
    for row, piece in enumerate(chosen):
        shift = int(batch.note_offsets[row]) - piece.piece.window[0]
        if not piece.spans:
            starts[row, 0] = ends[row, 0] = 1.0
        for (first, last), label in zip(piece.spans, piece.labels):
            starts[row, first + shift] += 1.0 / len(piece.spans)
            ends[row, last + shift] += 1.0 / len(piece.spans)
            if label is not None:
                rows.append(row)
                firsts.append(first + shift)
                lasts.append(last + shift)
                labels.append(label)
                shares.append(piece.category_share)
    row_array, first_array, last_array = (numpy.array(values, dtype=numpy.int64) for values in (rows, firsts, lasts))
    targets = Targets(
        starts=starts,
        ends=ends,
        span_shares=numpy.array([piece.span_share for piece in chosen]),
        labels=numpy.array(labels).reshape(-1, len(CATEGORIES)),
        category_shares=numpy.array(shares),
    )
    packed = None if texts is None else texts.packed
    return TrainingBatch(batch, row_array, first_array, last_array, bfloat16, packed), targets


# Loss -----------------------------------------------------------------------------------------------------------------


def joint_loss(
    scores: TrainingScores, targets: Targets, *, span_weight: float, category_weight: float
) -> Tuple[float, TrainingScores]:
    """The loss of a batch, summed over its questions, and its gradient on the logits.

    scores (TrainingScores): The logits.
    targets (Targets): What they should give.
    span_weight (float): Weight of the span loss.
    category_weight (float): Weight of the category loss.
    RETURNS (Tuple[float, TrainingScores]): Loss, and gradients of the shapes of the logits.
    """
    half = 0.5 * span_weight * targets.span_shares
    start_loss, d_starts = _cross_entropy(scores.starts, targets.starts, half)
    end_loss, d_ends = _cross_entropy(scores.ends, targets.ends, half)
    category_loss, d_categories = _cross_entropy(
        scores.categories, targets.labels, category_weight * targets.category_shares
    )
    return start_loss + end_loss + category_loss, TrainingScores(d_starts, d_ends, d_categories)


def _cross_entropy(
    logits: numpy.ndarray, targets: numpy.ndarray, weights: numpy.ndarray
) -> Tuple[float, numpy.ndarray]:
    """Weighted cross-entropy of rows against distributions, and its gradient; positions at -inf have no part in it."""
    if not len(logits):
        return 0.0, numpy.zeros_like(logits)
    logits = logits.astype(numpy.float64)
    probabilities = softmax(logits)
    highest = logits.max(axis=-1, keepdims=True)
    log_total = highest + numpy.log(numpy.exp(logits - highest).sum(axis=-1, keepdims=True))
    log_probabilities = numpy.where(targets > 0, logits - log_total, 0.0)
    loss = float(-(weights * (targets * log_probabilities).sum(axis=-1)).sum())
    return loss, (weights[:, None] * (probabilities - targets)).astype(numpy.float32)
