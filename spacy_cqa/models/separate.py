"""The separate layers: a text goes through them once, and pieces are put together from what comes out.

Cao et al., 'DeFormer: Decomposing Pre-trained Transformers for Faster Question Answering' (ACL 2020).
"""

from typing import Callable, Dict, Hashable, Iterable, Iterator, List, Mapping, Sequence, Tuple

import torch
from thinc.api import Model
from torch import Tensor

from .architectures import autocast, get_reader, get_shim, get_tokenizer, to_inputs
from .batches import Piece, PieceBatch, Text, TextFrame, batch_by_length


class TextStates:
    """States of questions and windows above the separate layers, packed one text behind the other."""

    def __init__(self, frame: TextFrame, states: Sequence[Tuple[Hashable, Tensor]]):
        """Pack states.

        frame (TextFrame): How texts stand alone.
        states (Sequence[Tuple[Hashable, Tensor]]): Key and states of each text, shape (subwords, width).
        """
        self.frame = frame
        self.packed = torch.cat([tensor for _, tensor in states])
        self.rows: Dict[Hashable, int] = {}
        row = 0
        for key, tensor in states:
            self.rows[key] = row
            row += len(tensor)

    def put_together(self, pieces: Sequence[Piece], batch: PieceBatch) -> PieceBatch:
        """RETURNS (PieceBatch): The batch of some pieces, with the sources of its subwords in `packed`."""
        return self.frame.put_together(pieces, batch, self.rows)


class TextReader:
    """Runs texts through the separate layers for prediction, and keeps what is likely to be asked for again: every
    question, and the windows of the notes that are being read."""

    def __init__(self, model: Model, *, max_question_tokens: int, max_batch_tokens: int, bfloat16: bool):
        """Begin with nothing kept.

        model (Model): An initialized reader with separate layers.
        max_question_tokens (int): Positions kept for the question.
        max_batch_tokens (int): Most padded subwords of a batch.
        bfloat16 (bool): Whether to compute in bfloat16 where that is safe.
        """
        self.model = model
        self.frame = TextFrame(get_tokenizer(model), max_question_tokens)
        self.max_batch_tokens = max_batch_tokens
        self.bfloat16 = bfloat16
        self._questions: Dict[Hashable, Tensor] = {}
        self._windows: Dict[Hashable, Tensor] = {}

    def read(self, pieces: Sequence[Piece]) -> TextStates:
        """States of all texts of some pieces. Windows that none of them shows are forgotten.

        pieces (Sequence[Piece]): The pieces.
        RETURNS (TextStates): The states.
        """
        questions, windows = (dict(map(part, pieces)) for part in (self.frame.question, self.frame.window))
        self._windows = {key: states for key, states in self._windows.items() if key in windows}
        for kept, wanted in ((self._questions, questions), (self._windows, windows)):
            kept.update(self._run({key: text for key, text in wanted.items() if key not in kept}))
        states = [*((key, self._questions[key]) for key in questions), *self._windows.items()]
        return TextStates(self.frame, states)

    def _run(self, texts: Mapping[Hashable, Text]) -> Iterator[Tuple[Hashable, Tensor]]:
        device = get_shim(self.model).device
        with torch.inference_mode(), autocast(device, self.bfloat16):
            for keys, packed in run_texts(self.model, self.frame, texts, self.max_batch_tokens):
                yield from zip(keys, packed.split([len(texts[key].ids) for key in keys]))


def run_texts(
    model: Model, frame: TextFrame, texts: Mapping[Hashable, Text], max_batch_tokens: int
) -> Iterator[Tuple[List[Hashable], Tensor]]:
    """Run texts through the separate layers.

    model (Model): An initialized reader.
    frame (TextFrame): How texts stand alone.
    texts (Mapping[Hashable, Text]): The texts.
    max_batch_tokens (int): Most padded subwords of a batch.
    YIELDS (Tuple[List[Hashable], Tensor]): The keys of a batch, and its packed states, shape (subwords, width).
    """
    keys = list(texts)
    for indices in batch_by_length([len(texts[key].ids) for key in keys], max_batch_tokens):
        chosen = [keys[index] for index in indices]
        batch = frame.make_batch([texts[key] for key in chosen])
        yield chosen, get_reader(model).text_states(to_inputs(batch, get_shim(model).device))


def begin_texts(
    model: Model, pieces: Iterable[Piece], *, max_question_tokens: int, max_batch_tokens: int, bfloat16: bool
) -> Tuple[TextStates, Callable[[], None]]:
    """Run all texts of an update through the separate layers, each once, however many pieces show it.

    model (Model): An initialized reader, in training mode.
    pieces (Iterable[Piece]): At least one piece.
    max_question_tokens (int): Positions kept for the question.
    max_batch_tokens (int): Most padded subwords of a batch.
    bfloat16 (bool): Whether to compute in bfloat16 where that is safe.
    RETURNS (Tuple[TextStates, Callable[[], None]]): States cut off from the layers below, which gather gradients while
        pieces are learned; and what takes these gradients down when all pieces are done.
    """
    frame = TextFrame(get_tokenizer(model), max_question_tokens)
    texts = dict(part(piece) for piece in pieces for part in (frame.question, frame.window))
    with torch.enable_grad(), autocast(get_shim(model).device, bfloat16):
        batches = list(run_texts(model, frame, texts, max_batch_tokens))
    leaves = [packed.detach() for _, packed in batches]
    split = [zip(keys, leaf.split([len(texts[key].ids) for key in keys])) for (keys, _), leaf in zip(batches, leaves)]
    states = TextStates(frame, [pair for pairs in split for pair in pairs])
    states.packed.requires_grad_()

    def finish() -> None:
        if states.packed.grad is not None:
            gradients = states.packed.grad.split([len(packed) for _, packed in batches])
            torch.autograd.backward([packed for _, packed in batches], list(gradients))

    return states, finish
