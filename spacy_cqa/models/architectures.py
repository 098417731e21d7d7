"""The reader as a thinc model, and the calls by which the component uses it.

Importing this module imports torch (which spaCy has done already) but not transformers.
"""

import contextlib
import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy
import torch
from thinc.api import Model
from torch import Tensor

from ..errors import Errors
from ..types import CATEGORIES
from .batches import PieceBatch, TextBatch
from .pytorch.families import Inputs
from .pytorch.reader import MultiTaskReader, PieceInputs, set_dropout
from .shim import ReaderShim
from .tokenization import ReaderTokenizer

# After a torch forward in the parent, OpenMP's threads do not exist in a forked child and its first forward hangs.
if hasattr(os, "register_at_fork"):  # not on Windows, which never forks
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def build_multitask_reader_v1(
    *,
    task_layers: int = 1,
    separate_layers: int = 0,
    span_hidden: List[int] = [512, 256],  # noqa: B006 - never written to; a config needs a plain default
    category_hidden: List[int] = [512, 256],  # noqa: B006
    span_weight: float = 1.0,
    category_weight: float = 0.5,
    negative_rate: float = 1.0,
    crop: float = 1.0,
    soft_labels: bool = True,
) -> Model[Any, Any]:
    """Build a multi-task reader without weights ('Clinical QA 2.0', arXiv 2502.13108). The encoder, and so every size
    not named here, comes at `initialize` or from disk.

    task_layers (int): Upper layers that exist once per task. 0 shares the whole encoder, as the paper does.
    separate_layers (int): Lower layers in which question and note do not see each other, so that each is encoded once
        for all it is read with; 0 in the paper.
    span_hidden (List[int]): Hidden widths of the span head. The paper: [512, 256]. [] is BERT's single linear layer.
    category_hidden (List[int]): Hidden widths of the category head. The paper: three dense layers, so two widths.
    span_weight (float): Weight of the span loss; 0 trains the category head alone.
    category_weight (float): Weight of the category loss; 0 trains the span head alone, the paper's single-task run.
    negative_rate (float): Share of the windows without an answer that an update keeps, drawn anew each time.
    crop (float): Least share of a window's width that an update shows; widths are drawn
        between it and 1, log-uniformly.
    soft_labels (bool): Whether an answer with several defensible categories is learned as a distribution; else its
        first category alone counts.
    RETURNS (Model): The model; `begin_update` maps `TrainingBatch` to `TrainingScores`.
    """
    shape = {
        "task_layers": task_layers,
        "separate_layers": separate_layers,
        "span_hidden": list(span_hidden),
        "category_hidden": list(category_hidden),
        "n_categories": len(CATEGORIES),
    }
    training = {
        "span_weight": span_weight,
        "category_weight": category_weight,
        "negative_rate": negative_rate,
        "crop": crop,
        "soft_labels": soft_labels,
    }
    return Model("multitask_reader", _forward, shims=[ReaderShim(shape)], attrs=training)


# Access ---------------------------------------------------------------------------------------------------------------


def get_shim(model: Model) -> ReaderShim:
    """RETURNS (ReaderShim): Where a model keeps its torch module and its tokenizer."""
    return model.shims[0]  # type: ignore[return-value]


def is_initialized(model: Model) -> bool:
    """RETURNS (bool): Whether the model has weights."""
    return get_shim(model).reader is not None


def get_reader(model: Model) -> MultiTaskReader:
    """RETURNS (MultiTaskReader): The torch module.
    RAISES (ValueError): E010, if the model has no weights yet.
    """
    reader = get_shim(model).reader
    if reader is None:
        raise ValueError(Errors.E010.format(name="clinical_qa"))
    return reader


def get_tokenizer(model: Model) -> ReaderTokenizer:
    """RETURNS (ReaderTokenizer): The encoder's tokenizer; raises as `get_reader`."""
    get_reader(model)
    return get_shim(model).tokenizer  # type: ignore[return-value]


# Prediction -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BatchStates:
    """What a batch leaves behind for the category branch, still on the device: its inputs and its shared states."""

    states: Tensor
    inputs: PieceInputs


def predict_spans(
    model: Model, batch: PieceBatch, texts: Optional[Tensor] = None, *, bfloat16: bool = False
) -> Tuple[BatchStates, numpy.ndarray, numpy.ndarray]:
    """Start and end logits of a batch of pieces.

    model (Model): The model.
    batch (PieceBatch): The pieces.
    texts (Optional[Tensor]): With separate layers: the packed states of the texts in them, shape (subwords, width).
    bfloat16 (bool): Whether to compute in bfloat16 where that is safe (autocast).
    RETURNS (Tuple[BatchStates, numpy.ndarray, numpy.ndarray]): States for `predict_categories`; start and end logits,
        each of shape (batch, length), float32.
    """
    reader = get_reader(model)
    inputs = to_piece_inputs(batch, get_shim(model).device)
    with torch.inference_mode(), autocast(inputs.input_ids.device, bfloat16):
        states = reader.shared_states(inputs, texts)
        starts, ends = reader.span_logits(states, inputs)
    return BatchStates(states, inputs), starts.cpu().numpy(), ends.cpu().numpy()


def predict_categories(
    model: Model,
    kept: BatchStates,
    rows: Sequence[int],
    starts: Sequence[int],
    ends: Sequence[int],
    *,
    bfloat16: bool = False,
) -> numpy.ndarray:
    """Category logits of spans in a batch that was read.

    model (Model): The model.
    kept (BatchStates): What `predict_spans` gave.
    rows (Sequence[int]): Row of each span.
    starts (Sequence[int]): First position of each span.
    ends (Sequence[int]): Last position of each span.
    bfloat16 (bool): As in `predict_spans`.
    RETURNS (numpy.ndarray): Logits, shape (spans, 5), float32.
    """
    device = kept.states.device
    spans = [torch.as_tensor(numpy.asarray(values), device=device) for values in (rows, starts, ends)]
    with torch.inference_mode(), autocast(device, bfloat16):
        return get_reader(model).category_logits(kept.states, kept.inputs, *spans).cpu().numpy()


def has_bfloat16(model: Model) -> bool:
    """RETURNS (bool): Whether the model's device multiplies bfloat16 matrices in hardware."""
    if get_shim(model).device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Without hardware support a bfloat16 product is up to a hundred times slower than a float32 one.
    check: Optional[Callable[[], bool]] = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(check()) if check is not None else False


def to_inputs(batch: Union[TextBatch, PieceBatch], device: torch.device) -> Inputs:
    """RETURNS (Inputs): A batch on a device."""
    return Inputs(**_tensors(batch, ("input_ids", "mask", "type_ids", "positions"), device))


def to_piece_inputs(batch: PieceBatch, device: torch.device) -> PieceInputs:
    """RETURNS (PieceInputs): A batch of pieces on a device."""
    names = [name for name in _PIECE_ARRAYS if getattr(batch, name) is not None]
    return PieceInputs(**_tensors(batch, names, device))


_PIECE_ARRAYS = ("input_ids", "mask", "type_ids", "positions", "note_mask", "sources")


def _tensors(batch: Any, names: Sequence[str], device: torch.device) -> Dict[str, Tensor]:
    return {name: torch.as_tensor(getattr(batch, name), device=device) for name in names}


def autocast(device: torch.device, bfloat16: bool) -> Any:
    """RETURNS (ContextManager): thinc's mixed precision is for CUDA alone, so autocast is called here."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16)


# Training -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainingBatch:
    """Pieces with the gold spans in them.

    pieces (PieceBatch): The pieces.
    rows (numpy.ndarray): Row of each gold span, shape (spans,).
    starts (numpy.ndarray): First position of each gold span, shape (spans,).
    ends (numpy.ndarray): Last position of each gold span, shape (spans,).
    bfloat16 (bool): Whether to compute in bfloat16 where that is safe.
    texts (Optional[Tensor]): With separate layers: the packed states of the texts, which gather gradients.
    """

    pieces: PieceBatch
    rows: numpy.ndarray
    starts: numpy.ndarray
    ends: numpy.ndarray
    bfloat16: bool = False
    texts: Optional[Tensor] = None


@dataclass(frozen=True)
class TrainingScores:
    """Logits of a training batch, or the gradients on them.

    starts (numpy.ndarray): Shape (batch, length); -inf where no answer may be.
    ends (numpy.ndarray): Shape (batch, length).
    categories (numpy.ndarray): One row per gold span, shape (spans, 5).
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    categories: numpy.ndarray


def _forward(
    model: Model, batch: TrainingBatch, is_train: bool
) -> Tuple[TrainingScores, Callable[[TrainingScores], TrainingBatch]]:
    reader = get_reader(model)
    device = get_shim(model).device
    inputs = to_piece_inputs(batch.pieces, device)
    spans = [torch.as_tensor(values, device=device) for values in (batch.rows, batch.starts, batch.ends)]
    with torch.set_grad_enabled(is_train), autocast(device, batch.bfloat16):
        states = reader.shared_states(inputs, batch.texts)
        starts, ends = reader.span_logits(states, inputs)
        if len(batch.rows):
            categories = reader.category_logits(states, inputs, *spans)
        else:
            categories = starts.new_zeros((0, len(CATEGORIES)))
    outputs = [starts, ends, categories]

    def backprop(gradients: TrainingScores) -> TrainingBatch:
        given = (gradients.starts, gradients.ends, gradients.categories)
        pairs = [
            (output, torch.as_tensor(gradient, dtype=output.dtype, device=device))
            for output, gradient in zip(outputs, given)
            if output.requires_grad
        ]
        torch.autograd.backward([output for output, _ in pairs], [gradient for _, gradient in pairs])
        return batch

    return TrainingScores(*(output.detach().cpu().numpy() for output in outputs)), backprop


@contextlib.contextmanager
def training_mode(model: Model, dropout: float) -> Iterator[None]:
    """Dropout on, inside this block alone: a module at rest is in evaluation mode, so that prediction never has to
    switch it (a second thread would then predict with dropout).

    model (Model): The model.
    dropout (float): Rate of every dropout layer.
    """
    reader = get_reader(model)
    set_dropout(reader, dropout)
    reader.train()
    try:
        yield
    finally:
        reader.eval()
