"""From the logits of all windows of a note to answers: whole spaCy tokens, scored over the whole note. Pure numpy.

A window's logits are only known up to a constant, so a pair (start, end) counts by its log-odds against its own
window's null: (start_i - start_null) + (end_j - end_null). With the null at 0, one softmax over the pairs of all
windows and the null gives scores that compare across windows, notes and questions.
"""

from dataclasses import dataclass
from typing import Iterator, List, Tuple

import numpy

_LENGTH_PENALTY = 0.05  # log-odds per further token, in the order of candidates only: it settles near ties


@dataclass(frozen=True)
class Candidate:
    """A possible answer: tokens start to end (exclusive), and its probability among all pairs and the null."""

    start: int
    end: int
    score: float


class PairScores:
    """Log-odds of every admissible pair of tokens of one note for one question, as a band (start, length)."""

    def __init__(self, n_tokens: int, max_answer_tokens: int):
        """Start with no pair admissible.

        n_tokens (int): spaCy tokens of the note.
        max_answer_tokens (int): Most tokens of an answer.
        """
        self.band = numpy.full((n_tokens, max(1, min(max_answer_tokens, n_tokens))), -numpy.inf, dtype=numpy.float32)
        # Which window gave a pair its score: the category is read from the same window.
        self.window = numpy.full(self.band.shape, -1, dtype=numpy.int32)

    def add_window(self, window: int, tokens: numpy.ndarray, starts: numpy.ndarray, ends: numpy.ndarray) -> None:
        """Add a window. A pair seen before keeps the better of its two scores, so it is counted once.

        window (int): The window's number.
        tokens (numpy.ndarray): Tokens that may begin or end an answer in this window, shape (n,), increasing.
        starts (numpy.ndarray): Start log-odds of these tokens, shape (n,).
        ends (numpy.ndarray): End log-odds, shape (n,).
        """
        if not len(tokens):
            return
        low, high = int(tokens[0]), int(tokens[-1]) + 1
        longest = self.band.shape[1]
        # Dense over the window's tokens; white space stays at -inf and so can neither begin nor end an answer.
        start_odds = numpy.full(high - low, -numpy.inf, dtype=numpy.float32)
        end_odds = numpy.full(high - low + longest - 1, -numpy.inf, dtype=numpy.float32)
        start_odds[tokens - low], end_odds[tokens - low] = starts, ends
        pairs = start_odds[:, None] + numpy.lib.stride_tricks.sliding_window_view(end_odds, longest)
        band, windows = self.band[low:high], self.window[low:high]
        better = pairs > band
        windows[better] = window
        numpy.maximum(band, pairs, out=band)

    def log_total(self) -> float:
        """RETURNS (float): Log of the summed odds of all pairs and the null."""
        if not self.band.size:
            return 0.0
        highest = max(float(self.band.max()), 0.0)
        return highest + float(
            numpy.log(numpy.exp(self.band - highest, dtype=numpy.float64).sum() + numpy.exp(-highest))
        )

    def null_score(self) -> float:
        """RETURNS (float): Probability that the note holds no answer."""
        return float(numpy.exp(-self.log_total()))

    def best(self, count: int, least_score: float = 0.0) -> List[Candidate]:
        """The best answers that do not overlap.

        count (int): Most answers to give.
        least_score (float): Least probability of an answer.
        RETURNS (List[Candidate]): Best first. Of pairs that score nearly alike the shorter counts as better: start and
            end are scored apart, so where a list has two items, the stretch from the first to the second scores as
            high as each of them.
        """
        log_total = self.log_total()
        least_odds = log_total + numpy.log(least_score) if least_score > 0 else -numpy.inf
        # No later candidate can be better than its rank with the whole penalty given back.
        slack = _LENGTH_PENALTY * self.band.shape[1]
        found: List[Candidate] = []
        for start, end, rank in self._descending():
            odds = float(self.band[start, end - start - 1])
            if len(found) >= count or not numpy.isfinite(odds) or rank + slack < least_odds:
                break
            if odds >= least_odds and all(end <= other.start or other.end <= start for other in found):
                found.append(Candidate(start, end, float(numpy.exp(odds - log_total))))
        return found

    def _descending(self) -> Iterator[Tuple[int, int, float]]:
        """Pairs and their ranks from the best down, sorted in growing portions: mostly only a few are looked at."""
        longest = self.band.shape[1]
        ranks = (self.band - _LENGTH_PENALTY * numpy.arange(longest)).ravel()
        done, portion = 0, 64
        while done < len(ranks):
            size = min(max(portion, done + 1), len(ranks))
            # All that tie with the last of the portion belong to it, else the next portion could repeat or miss some.
            top = numpy.flatnonzero(ranks >= -numpy.partition(-ranks, size - 1)[size - 1])
            for index in top[numpy.lexsort((top, -ranks[top]))][done:]:
                start, length = divmod(int(index), longest)
                yield start, start + length + 1, float(ranks[index])
            done, portion = len(top), portion * 8

    def window_of(self, start: int, end: int) -> int:
        """RETURNS (int): Number of the window that scores these tokens best, -1 if none holds them."""
        length = end - start
        if not 0 < length <= self.band.shape[1] or start >= self.band.shape[0]:
            return -1
        return int(self.window[start, length - 1])


def window_odds(
    start_logits: numpy.ndarray,
    end_logits: numpy.ndarray,
    first: numpy.ndarray,
    last: numpy.ndarray,
    shift: int,
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Start and end log-odds of tokens in one piece; a token starts at its first subword and ends at its last.

    start_logits (numpy.ndarray): Start logits of the piece, the null at position 0, shape (length,).
    end_logits (numpy.ndarray): End logits, shape (length,).
    first (numpy.ndarray): First subword of each token, counted in the note, shape (n,).
    last (numpy.ndarray): Last subword of each token, shape (n,).
    shift (int): What to add to a subword's number to get its position in the piece.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Log-odds, each of shape (n,).
    """
    return start_logits[first + shift] - start_logits[0], end_logits[last + shift] - end_logits[0]
