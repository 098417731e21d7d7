"""What the reader is given: pieces of a question and a window, and the texts that they share. Arrays only, no torch.

    one piece: [CLS] question [SEP] window of the note [SEP] [PAD] ...

Where the encoder's lower layers are separate, a piece is put together above them from the states of two texts:

    [CLS] question [SEP]        once for all notes of a batch
    window of the note [SEP]    once for all questions; its positions begin behind the longest question
"""

from dataclasses import dataclass, replace
from typing import Hashable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy

from .tokenization import PairFrame, ReaderTokenizer
from .windows import EncodedNote

PAD_TO = 16  # lengths are padded to multiples of this: few shapes, and kernels that like them
SMALLEST = 512  # a batch of fewer padded subwords is filled up with shorter pieces: calls have a price of their own


@dataclass(frozen=True)
class Piece:
    """One question with one window of a note.

    question (numpy.ndarray): The question's subword ids.
    note (EncodedNote): The note.
    window (Tuple[int, int]): The window's range of subwords.
    whole (Optional[Tuple[int, int]]): The range that goes through the separate layers, which training shows a part of;
        None for the window itself.
    """

    question: numpy.ndarray
    note: EncodedNote
    window: Tuple[int, int]
    whole: Optional[Tuple[int, int]] = None

    def length(self, frame: PairFrame) -> int:
        """RETURNS (int): Subwords of the piece with its special tokens."""
        return frame.special + len(self.question) + self.window[1] - self.window[0]

    @property
    def encoded(self) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): The range that goes through the separate layers."""
        return self.whole or self.window

    @property
    def question_key(self) -> Hashable:
        """RETURNS (Hashable): What pieces with the same question share."""
        return self.question.tobytes()

    @property
    def window_key(self) -> Hashable:
        """RETURNS (Hashable): What pieces with the same encoded range of the same note share."""
        return self.note, self.encoded


@dataclass(frozen=True)
class PieceBatch:
    """Pieces as padded arrays, rows in the order of the pieces.

    input_ids (numpy.ndarray): Shape (batch, length).
    mask (numpy.ndarray): True where there is a subword, shape (batch, length).
    type_ids (numpy.ndarray): Segment ids, shape (batch, length).
    positions (numpy.ndarray): Position of each subword, shape (batch, length).
    note_mask (numpy.ndarray): True at the note's subwords, shape (batch, length).
    note_offsets (numpy.ndarray): Where each window's first subword stands in its row, shape (batch,).
    sources (Optional[numpy.ndarray]): With separate layers: the row of the texts' packed states that each subword
        takes, shape (batch, length).
    """

    input_ids: numpy.ndarray
    mask: numpy.ndarray
    type_ids: numpy.ndarray
    positions: numpy.ndarray
    note_mask: numpy.ndarray
    note_offsets: numpy.ndarray
    sources: Optional[numpy.ndarray] = None

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
    positions = numpy.tile(numpy.arange(shape[1]), (len(pieces), 1))
    return PieceBatch(input_ids, mask, type_ids, positions, note_mask, note_offsets)


def batch_by_length(lengths: Sequence[int], max_tokens: int) -> Iterator[List[int]]:
    """Group pieces of like length under a budget of padded subwords. A shorter piece begins a new batch, as soon as
    there is something to compute in the last one: in training, where lengths differ most, a fifth of the time.

    lengths (Sequence[int]): Length of each piece.
    max_tokens (int): Most padded subwords of a batch; a single longer piece is a batch of its own.
    YIELDS (List[int]): Indices of the pieces of one batch, longest first: if memory does not suffice, it shows at once.
    """
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])
    batch: List[int] = []
    for index in order:
        width = padded(lengths[batch[0]] if batch else lengths[index])
        full = width * (len(batch) + 1) > max_tokens
        shorter = padded(lengths[index]) < width and width * len(batch) >= SMALLEST
        if batch and (full or shorter):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


# Texts that go through the separate layers alone ----------------------------------------------------------------------


@dataclass(frozen=True)
class Text:
    """A question, or a window of a note, with its special tokens.

    ids (numpy.ndarray): Vocabulary ids, shape (n,).
    type_id (int): Its segment id.
    first_position (int): Position of its first subword.
    """

    ids: numpy.ndarray
    type_id: int
    first_position: int


@dataclass(frozen=True)
class TextBatch:
    """Texts as padded arrays, rows in the order of the texts; each array has the shape (batch, length).

    input_ids (numpy.ndarray): Vocabulary ids.
    mask (numpy.ndarray): True where there is a subword.
    type_ids (numpy.ndarray): Segment ids.
    positions (numpy.ndarray): Position of each subword.
    """

    input_ids: numpy.ndarray
    mask: numpy.ndarray
    type_ids: numpy.ndarray
    positions: numpy.ndarray


class TextFrame:
    """How questions and windows stand alone: a question keeps the tokens before and behind it, a window its last."""

    def __init__(self, tokenizer: ReaderTokenizer, max_question_tokens: int):
        """Set the frame.

        tokenizer (ReaderTokenizer): Gives the special tokens.
        max_question_tokens (int): Positions kept for the question, so that a window stands at the same ones for all.
        """
        self.frame = tokenizer.frame
        self.pad_id = tokenizer.pad_id
        self.window_position = self.frame.note_offset(max_question_tokens)

    def question(self, piece: Piece) -> Tuple[Hashable, Text]:
        """RETURNS (Tuple[Hashable, Text]): The question of a piece, with a key that equal questions share."""
        frame = self.frame
        ids = numpy.concatenate([frame.prefix, piece.question, frame.middle]).astype(numpy.int64)
        return piece.question_key, Text(ids, frame.question_type, 0)

    def window(self, piece: Piece) -> Tuple[Hashable, Text]:
        """RETURNS (Tuple[Hashable, Text]): The window of a piece, with a key by which the pieces of a note share it."""
        start, end = piece.encoded
        ids = numpy.concatenate([piece.note.subwords.ids[start:end], self.frame.suffix]).astype(numpy.int64)
        return piece.window_key, Text(ids, self.frame.note_type, self.window_position)

    def make_batch(self, texts: Sequence[Text]) -> TextBatch:
        """RETURNS (TextBatch): Texts as arrays."""
        lengths = numpy.array([len(text.ids) for text in texts])
        places = numpy.arange(lengths.max())[None]
        mask = places < lengths[:, None]
        input_ids = numpy.full(mask.shape, self.pad_id, dtype=numpy.int64)
        input_ids[mask] = numpy.concatenate([text.ids for text in texts])
        types = numpy.array([text.type_id for text in texts])[:, None]
        firsts = numpy.array([text.first_position for text in texts])[:, None]
        return TextBatch(input_ids, mask, numpy.where(mask, types, 0), numpy.where(mask, firsts + places, 0))

    def put_together(self, pieces: Sequence[Piece], batch: PieceBatch, rows: Mapping[Hashable, int]) -> PieceBatch:
        """Tell where each subword of some pieces comes from, and at which position it stood there.

        pieces (Sequence[Piece]): The pieces.
        batch (PieceBatch): What `make_batch` gave for them.
        rows (Mapping[Hashable, int]): First row of each text in the packed states, by its key.
        RETURNS (PieceBatch): The batch with sources and positions.
        """
        sources, positions = numpy.zeros_like(batch.input_ids), numpy.zeros_like(batch.input_ids)
        for row, piece in enumerate(pieces):
            begin, stop = piece.encoded
            start, end = piece.window
            offset, n_suffix = int(batch.note_offsets[row]), len(self.frame.suffix)
            question_row, window_row = rows[piece.question_key], rows[piece.window_key]
            in_window = numpy.concatenate([numpy.arange(start, end), numpy.arange(stop, stop + n_suffix)]) - begin
            total = offset + len(in_window)
            sources[row, :offset] = numpy.arange(question_row, question_row + offset)
            sources[row, offset:total] = window_row + in_window
            positions[row, :offset] = numpy.arange(offset)
            positions[row, offset:total] = self.window_position + in_window
        return replace(batch, positions=positions, sources=sources)
