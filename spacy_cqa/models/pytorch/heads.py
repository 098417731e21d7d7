"""The two heads of the reader: start and end logits of every subword, and the category of a span."""

from typing import Sequence

import torch
from torch import Tensor, nn


def feed_forward(width_in: int, hidden: Sequence[int], width_out: int, dropout: float = 0.1) -> nn.Sequential:
    """Dense layers with ReLU between them.

    width_in (int): Width of the input.
    hidden (Sequence[int]): Widths of the hidden layers; none for one linear layer.
    width_out (int): Width of the output.
    dropout (float): Dropout behind each hidden layer; `[training] dropout` sets it anew.
    RETURNS (nn.Sequential): (..., width_in) -> (..., width_out).
    """
    modules = []
    for width in hidden:
        modules += [nn.Linear(width_in, width), nn.ReLU(), nn.Dropout(dropout)]
        width_in = width
    modules.append(nn.Linear(width_in, width_out))
    return nn.Sequential(*modules)


class SpanHead(nn.Module):
    """Start and end logits (Devlin et al., 2019, section 4.3); the first token is the null, "no answer here"."""

    def __init__(self, width: int, hidden: Sequence[int]):
        """Build the head.

        width (int): Width of the encoder.
        hidden (Sequence[int]): Hidden widths; [512, 256] in 'Clinical QA 2.0', [] for BERT's own linear layer.
        """
        super().__init__()
        self.outputs = feed_forward(width, hidden, 2)

    def forward(self, states: Tensor) -> Tensor:
        """RETURNS (Tensor): Start and end logits, (batch, length, width) -> (batch, length, 2)."""
        return self.outputs(states)


class CategoryHead(nn.Module):
    """The category of a span, from the window's first token joined with the mean of the span's states."""

    def __init__(self, width: int, hidden: Sequence[int], n_categories: int):
        """Build the head.

        width (int): Width of the encoder.
        hidden (Sequence[int]): Hidden widths; two of them give the three dense layers of 'Clinical QA 2.0'.
        n_categories (int): Number of categories.
        """
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.outputs = feed_forward(2 * width, hidden, n_categories)

    def forward(self, states: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        """Logits of some spans.

        states (Tensor): One row per span, shape (spans, length, width).
        starts (Tensor): First position of each span, shape (spans,).
        ends (Tensor): Last position of each span, shape (spans,).
        RETURNS (Tensor): Shape (spans, n_categories).
        """
        positions = torch.arange(states.shape[1], device=states.device)[None]  # (1, length)
        inside = (positions >= starts[:, None]) & (positions <= ends[:, None])  # (spans, length)
        weights = inside.to(states.dtype) / inside.sum(1, keepdim=True)
        pooled = torch.bmm(weights[:, None], states)[:, 0]  # (spans, width)
        return self.outputs(self.dropout(torch.cat([states[:, 0], pooled], dim=-1)))
