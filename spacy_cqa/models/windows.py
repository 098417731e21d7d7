"""Windows over a note of any length, and batches of (question, window) pieces. Arrays only, no torch.

A note is tokenised once; its windows have a fixed width, whatever the question, so they serve all its questions:

    note      |--------------------------------------------|
    window 1  |----------------|
    window 2             |----------------|       overlap: ------
    window 3                       |----------------|    reaches back to keep its width

    one piece: [CLS] question [SEP] window of the note [SEP] [PAD] ...
"""

from dataclasses import dataclass
from typing import Iterator, List, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from ..alignment import tokens_to_subwords
from ..errors import Errors
from .tokenization import PairFrame, ReaderTokenizer, Subwords

PAD_TO = 32  # lengths are padded to multiples of this: few shapes, and kernels that like them


@dataclass(frozen=True)
class WindowSettings:
    """How notes are cut, in subwords.

    window (int): Length of a piece: special tokens, question and note together.
    overlap (int): Subwords that two neighbouring windows share.
    max_question_tokens (int): Room kept for the question.
    """

    window: int
    overlap: int
    max_question_tokens: int

    def width(self, special: int) -> int:
        """RETURNS (int): Subwords of the note in one window.
        RAISES (ValueError): E014, if that is no more than the overlap.
        """
        width = self.window - self.max_question_tokens - special
        if width <= self.overlap:
            raise ValueError(
                Errors.E014.format(
                    window=self.window,
                    width=width,
                    question=self.max_question_tokens,
                    special=special,
                    overlap=self.overlap,
                )
            )
        return width


@dataclass(frozen=True)
class EncodedNote:
    """A note ready to be read.

    subwords (Subwords): The whole note.
    token_first (numpy.ndarray): First subword of each spaCy token, -1 where no answer may begin or end (n_tokens,).
    token_last (numpy.ndarray): Last subword of each token, -1 likewise (n_tokens,).
    windows (List[Tuple[int, int]]): Subword ranges, end exclusive; none for a note without subwords.
    """

    subwords: Subwords
    token_first: numpy.ndarray
    token_last: numpy.ndarray
    windows: List[Tuple[int, int]]

    def tokens_in(self, window: Tuple[int, int]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Indices of the tokens that lie whole in a window, shape (n,)."""
        inside = (self.token_first >= window[0]) & (self.token_last < window[1]) & (self.token_first >= 0)
        return numpy.flatnonzero(inside)


def cut_windows(length: int, width: int, overlap: int) -> List[Tuple[int, int]]:
    """Cut a note into windows.

    length (int): Subwords of the note.
    width (int): Most subwords of a window.
    overlap (int): Subwords shared by neighbours.
    RETURNS (List[Tuple[int, int]]): Ranges that cover the note, end exclusive; [] for an empty note. All are of full
        width where the note is long enough: the last one reaches further back instead of being a short rest.
    """
    if length == 0:
        return []
    last = max(length - width, 0)
    starts = [*range(0, last, width - overlap), last]
    return [(start, min(start + width, length)) for start in starts]


def encode_note(doc: Doc, tokenizer: ReaderTokenizer, settings: WindowSettings) -> EncodedNote:
    """Tokenise a note once for all its questions.

    doc (Doc): The note.
    tokenizer (ReaderTokenizer): The encoder's tokenizer.
    settings (WindowSettings): How to cut it.
    RETURNS (EncodedNote): Subwords, windows, and where each spaCy token lies.
    """
    subwords = tokenizer.encode(doc.text)
    starts = numpy.array([token.idx for token in doc], dtype=numpy.int64)
    ends = numpy.array([token.idx + len(token) for token in doc], dtype=numpy.int64)
    first, last = tokens_to_subwords(starts, ends, subwords.starts, subwords.ends)
    blank = numpy.array([token.is_space for token in doc], dtype=bool)
    first[blank], last[blank] = -1, -1
    width = settings.width(tokenizer.frame.special)
    return EncodedNote(subwords, first, last, cut_windows(len(subwords), width, settings.overlap))


def encode_question(qid: str, text: str, tokenizer: ReaderTokenizer, limit: int) -> numpy.ndarray:
    """Tokenise a question.

    qid (str): Its id, for the message.
    text (str): The question.
    tokenizer (ReaderTokenizer): The encoder's tokenizer.
    limit (int): The setting max_question_tokens.
    RETURNS (numpy.ndarray): Vocabulary ids, shape (n,).
    RAISES (ValueError): E009, if it is longer than the limit: cutting it would answer another question.
    """
    ids = tokenizer.encode(text).ids
    if len(ids) > limit:
        raise ValueError(Errors.E009.format(id=qid, length=len(ids), limit=limit))
    return ids


@dataclass(frozen=True)
class Piece:
    """One question with one window of a note.

    question (numpy.ndarray): The question's subword ids.
    note (EncodedNote): The note.
    window (Tuple[int, int]): The window's range of subwords.
    """

    question: numpy.ndarray
    note: EncodedNote
    window: Tuple[int, int]

    def length(self, frame: PairFrame) -> int:
        """RETURNS (int): Subwords of the piece with its special tokens."""
        return frame.special + len(self.question) + self.window[1] - self.window[0]


@dataclass(frozen=True)
class PieceBatch:
    """Pieces as padded arrays, rows in the order of the pieces.

    input_ids (numpy.ndarray): Shape (batch, length).
    mask (numpy.ndarray): True where there is a subword, shape (batch, length).
    type_ids (numpy.ndarray): Segment ids, shape (batch, length).
    note_mask (numpy.ndarray): True at the note's subwords, shape (batch, length).
    note_offsets (numpy.ndarray): Position of each window's first subword, shape (batch,).
    """

    input_ids: numpy.ndarray
    mask: numpy.ndarray
    type_ids: numpy.ndarray
    note_mask: numpy.ndarray
    note_offsets: numpy.ndarray

    def __len__(self) -> int:
        return len(self.note_offsets)


def padded(length: int) -> int:
    """RETURNS (int): A length rounded up to the next multiple of `PAD_TO`."""
    return -(-length // PAD_TO) * PAD_TO


def make_batch(pieces: Sequence[Piece], tokenizer: ReaderTokenizer, *, longest: int) -> PieceBatch:
    """Lay pieces out as arrays.

    pieces (Sequence[Piece]): At least one piece.
    tokenizer (ReaderTokenizer): Gives the special tokens.
    longest (int): The most that the encoder reads; padding never goes beyond it.
    RETURNS (PieceBatch): The arrays.
    """
    frame = tokenizer.frame
    longest_piece = max(piece.length(frame) for piece in pieces)
    shape = (len(pieces), max(min(padded(longest_piece), longest), longest_piece))
    input_ids = numpy.full(shape, tokenizer.pad_id, dtype=numpy.int64)
    type_ids = numpy.zeros(shape, dtype=numpy.int64)
    mask, note_mask = numpy.zeros(shape, dtype=bool), numpy.zeros(shape, dtype=bool)
    note_offsets = numpy.zeros(len(pieces), dtype=numpy.int64)
    for row, piece in enumerate(pieces):
        start, end = piece.window
        offset = frame.note_offset(len(piece.question))
        note_end, total = offset + end - start, piece.length(frame)
        input_ids[row, :total] = numpy.concatenate(
            [frame.prefix, piece.question, frame.middle, piece.note.subwords.ids[start:end], frame.suffix]
        )
        type_ids[row, :offset], type_ids[row, offset:total] = frame.question_type, frame.note_type
        mask[row, :total] = True
        note_mask[row, offset:note_end] = True
        note_offsets[row] = offset
    return PieceBatch(input_ids, mask, type_ids, note_mask, note_offsets)


def batch_by_length(lengths: Sequence[int], max_tokens: int) -> Iterator[List[int]]:
    """Group pieces of like length under a budget of padded subwords.

    lengths (Sequence[int]): Length of each piece.
    max_tokens (int): Most padded subwords of a batch; a single longer piece is a batch of its own.
    YIELDS (List[int]): Indices of the pieces of one batch, longest first: if memory does not suffice, it shows at once.
    """
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])
    batch: List[int] = []
    for index in order:
        width = padded(lengths[batch[0]] if batch else lengths[index])
        if batch and width * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
