"""Windows over a note of any length. Arrays only, no torch.

A note is tokenised once; its windows have a fixed width, whatever the question, so they serve all its questions:

    note      |--------------------------------------------|
    window 1  |----------------|
    window 2             |----------------|       overlap: ------
    window 3                       |----------------|    reaches back to keep its width
"""

from dataclasses import dataclass
from typing import List, Tuple

import numpy
from spacy.tokens import Doc

from ..alignment import tokens_to_subwords
from ..errors import Errors
from .tokenization import ReaderTokenizer, Subwords


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


@dataclass(frozen=True, eq=False)
class EncodedNote:
    """A note ready to be read. It equals itself alone, so it can be a key.

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
