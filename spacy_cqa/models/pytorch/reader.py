"""The multi-task reader as a plain torch module: one encoder, task-specific upper layers, two heads.

    question ── separate ┐                  ┌─ task layers ─────────── span head      -> start and end logits, null at 0
                         ├── joint layers ──┤
    note ────── separate ┘                  └─ task layers (a copy) ── category head  -> 5 logits per span

After 'Clinical QA 2.0: Multi-Task Learning for Answer Extraction and Categorization' (arXiv 2502.13108), which has no
separate layers; those are after DeFormer (Cao et al., 2020, arXiv 2005.00697). With them, a text's states are computed
once and gathered into every piece of question and window that shows it.
"""

import copy
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from .families import Inputs, check_layers, find_family
from .heads import CategoryHead, SpanHead


@dataclass(frozen=True)
class PieceInputs(Inputs):
    """A batch of pieces, each a question with a window of a note.

    note_mask (Tensor): True at the note's subwords, shape (batch, length).
    sources (Tensor): With separate layers: which row of the packed states each subword takes, shape (batch, length).
    """

    note_mask: Tensor
    sources: Optional[Tensor] = None


class MultiTaskReader(nn.Module):
    """A clinical encoder shared by a span head and a category head."""

    def __init__(
        self,
        encoder: nn.Module,
        *,
        task_layers: int,
        separate_layers: int,
        span_hidden: Sequence[int],
        category_hidden: Sequence[int],
        n_categories: int,
    ):
        """Build a reader around an encoder.

        encoder (transformers.PreTrainedModel): The encoder; its upper layers serve the span head.
        task_layers (int): Upper layers that exist once per task; 0 shares them all.
        separate_layers (int): Lower layers in which question and note do not see each other.
        span_hidden (Sequence[int]): Hidden widths of the span head.
        category_hidden (Sequence[int]): Hidden widths of the category head.
        n_categories (int): Number of categories.
        RAISES (ValueError): E026, if the encoder cannot be cut so.
        """
        super().__init__()
        self.family = find_family(encoder)
        check_layers(encoder, self.family, task_layers=task_layers, separate_layers=separate_layers)
        self.task_layers = task_layers
        self.separate_layers = separate_layers
        self.encoder = encoder
        self.drop_pooler()
        width: int = self.family.config.hidden_size
        upper = self._layers(self._n_shared, self.family.depth)
        norm = self.family.final_norm(encoder)
        self.category_layers = nn.ModuleList(copy.deepcopy(layer) for layer in upper)
        self.category_norm = copy.deepcopy(norm) if norm is not None and task_layers else None
        self.span_head = SpanHead(width, span_hidden)
        self.category_head = CategoryHead(width, category_hidden, n_categories)

    @property
    def _n_shared(self) -> int:
        return self.family.depth - self.task_layers

    def drop_pooler(self) -> None:
        """Remove BERT's pooler, which no head reads: unused weights would only be saved."""
        if getattr(self.encoder, "pooler", None) is not None:
            self.encoder.pooler = None  # type: ignore[assignment]

    def text_states(self, inputs: Inputs) -> Tensor:
        """States above the separate layers, packed: questions, or windows of notes, each alone.

        inputs (Inputs): A batch of texts.
        RETURNS (Tensor): Without padding, one text behind the other, shape (subwords, width).
        """
        return self._lower_states(inputs)[inputs.mask]

    def shared_states(self, inputs: PieceInputs, texts: Optional[Tensor] = None) -> Tensor:
        """States below the task layers.

        inputs (PieceInputs): A batch of pieces.
        texts (Optional[Tensor]): With separate layers: the packed states of the texts in it, shape (subwords, width).
        RETURNS (Tensor): Shape (batch, length, width).
        """
        if texts is None or inputs.sources is None:
            states = self._lower_states(inputs)
        else:
            states = nn.functional.embedding(inputs.sources, texts)  # its gradient is the fast one on a CPU
        joint = self._layers(self.separate_layers, self._n_shared)
        return self.family.run(joint, states, inputs.mask, inputs.positions)

    def _lower_states(self, inputs: Inputs) -> Tensor:
        states = self.family.embed(self.encoder, inputs)
        return self.family.run(self._layers(0, self.separate_layers), states, inputs.mask, inputs.positions)

    def _layers(self, start: int, end: int) -> List[nn.Module]:
        return list(self.family.layers(self.encoder))[start:end]

    def span_logits(self, states: Tensor, inputs: PieceInputs) -> Tuple[Tensor, Tensor]:
        """Start and end logits from the shared states.

        states (Tensor): What `shared_states` gave, shape (batch, length, width).
        inputs (PieceInputs): The batch.
        RETURNS (Tuple[Tensor, Tensor]): Start and end logits in float32, -inf but at the null and the note, each of
            shape (batch, length).
        """
        own = self._layers(self._n_shared, self.family.depth)
        states = self._task_states(own, self.family.final_norm(self.encoder), states, inputs.mask, inputs.positions)
        logits = self.span_head(states).float()  # (batch, length, 2)
        readable = inputs.note_mask.clone()
        readable[:, 0] = True
        logits = logits.masked_fill(~readable[:, :, None], -torch.inf)
        return logits[:, :, 0], logits[:, :, 1]

    def category_logits(
        self, states: Tensor, inputs: PieceInputs, rows: Tensor, starts: Tensor, ends: Tensor
    ) -> Tensor:
        """Category logits of spans from the shared states; only the rows that hold a span are run.

        states (Tensor): What `shared_states` gave, shape (batch, length, width).
        inputs (PieceInputs): The batch.
        rows (Tensor): Row of each span, shape (spans,).
        starts (Tensor): First position of each span, shape (spans,).
        ends (Tensor): Last position of each span, shape (spans,).
        RETURNS (Tensor): Logits in float32, shape (spans, n_categories).
        """
        used, row_of_span = torch.unique(rows, return_inverse=True)
        norm = self.category_norm if self.task_layers else self.family.final_norm(self.encoder)
        mask, positions = inputs.mask[used], inputs.positions[used]
        own = self._task_states(list(self.category_layers), norm, states[used], mask, positions)
        return self.category_head(own[row_of_span], starts, ends).float()

    def _task_states(
        self, layers: List[nn.Module], norm: Optional[nn.Module], states: Tensor, mask: Tensor, positions: Tensor
    ) -> Tensor:
        states = self.family.run(layers, states, mask, positions)
        return norm(states) if norm is not None else states


def set_dropout(module: nn.Module, rate: float) -> None:
    """Set the rate of every dropout layer. Dropout inside the attention is switched off: it has no fast kernel on a
    CPU (training takes nearly twice as long with it), and the layers around it drop out already.

    module (nn.Module): The module.
    rate (float): The rate, from 0 to 1.
    """
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = rate
        for name in ("dropout_prob", "attention_dropout"):
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, 0.0)
