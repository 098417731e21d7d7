"""Batches of training examples by what they cost: padded subwords over all pieces of question and window."""

from itertools import repeat
from typing import Any, Callable, Iterable, Iterator, List, Union

from spacy.tokens import Doc
from spacy.training import Example

from ..models.batches import padded
from ..models.windows import cut_windows
from ..schemas import get_questions

_SPECIAL = 3  # special tokens of a pair; RoBERTa has four, which does not matter here


def make_batch_by_pieces(
    size: Union[int, Iterable[int]],
    window: int,
    overlap: int,
    max_question_tokens: int = 48,
    subwords_per_token: float = 1.4,
) -> Callable[[Iterable[Any]], Iterator[List[Any]]]:
    """Make a batcher for examples, each a note with its questions. A note's cost is the padded length of each of its
    windows with a question of usual length, times its questions. Subwords are estimated from spaCy's tokens: a
    batcher has no tokenizer, and an exact count would tokenise every note once more.

    size (Union[int, Iterable[int]]): Most padded subwords of a batch, or a schedule of them. An example that costs
        more is a batch of its own.
    window (int): As in the component.
    overlap (int): As in the component.
    max_question_tokens (int): As in the component.
    subwords_per_token (float): Subwords per spaCy token; 1.4 was measured on clinical notes with BERT's vocabulary.
    RETURNS (Callable[[Iterable[Example]], Iterator[List[Example]]]): The batcher.
    """

    sizes = repeat(size) if isinstance(size, int) else iter(size)  # one schedule over all passes through the data
    last = [0]  # the last size: an exhausted schedule keeps it

    def next_size() -> int:
        last[0] = next(sizes, last[0])
        return last[0]

    def batch_by_pieces(items: Iterable[Any]) -> Iterator[List[Any]]:
        most = next_size()
        batch: List[Any] = []
        cost = 0
        for item in items:
            item_cost = pieces_cost(_doc_of(item), window, overlap, max_question_tokens, subwords_per_token)
            if batch and cost + item_cost > most:
                yield batch
                batch, cost = [], 0
                most = next_size()
            batch.append(item)
            cost += item_cost
        if batch:
            yield batch

    return batch_by_pieces


def pieces_cost(doc: Doc, window: int, overlap: int, max_question_tokens: int, subwords_per_token: float) -> int:
    """What a note with its questions costs.

    doc (Doc): The note, its questions in `doc._.questions`.
    window (int): Subwords of a piece.
    overlap (int): Subwords that neighbouring windows share.
    max_question_tokens (int): Subwords kept for the question.
    subwords_per_token (float): Subwords per spaCy token.
    RETURNS (int): Padded subwords over all its pieces; at least 1.
    """
    length = round(len(doc) * subwords_per_token)
    width = window - max_question_tokens - _SPECIAL
    usual_question = max_question_tokens // 4
    per_question = sum(
        padded(end - start + usual_question + _SPECIAL) for start, end in cut_windows(length, width, overlap)
    )
    return max(1, per_question * len(get_questions(doc)))


def _doc_of(item: Any) -> Doc:
    return item.predicted if isinstance(item, Example) else item
