"""Hugging Face encoders taken apart by layer: what differs between families, and nothing else.

An adapter holds no weights. It is given the encoder's modules and runs any stretch of its layers, so that a task may
own a copy of the upper ones, and question and note may go apart through the lower ones. An encoder of no known family
runs whole, by the generic adapter.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Type

import torch
from torch import Tensor, nn

from ...errors import Errors


@dataclass(frozen=True)
class Inputs:
    """A batch of subwords on the encoder's device.

    input_ids (Tensor): Shape (batch, length).
    mask (Tensor): True at subwords, shape (batch, length).
    type_ids (Tensor): Segment ids, shape (batch, length).
    positions (Tensor): Position of each subword, always explicit, shape (batch, length).
    """

    input_ids: Tensor
    mask: Tensor
    type_ids: Tensor
    positions: Tensor


class EncoderFamily:
    """The generic adapter: the encoder as one piece, without layers to share or copy."""

    has_layers = False
    uses_types = True

    def __init__(self, encoder: nn.Module):
        """Look at an encoder.

        encoder (transformers.PreTrainedModel): The encoder; not kept.
        """
        config: Any = encoder.config
        self.config = config
        self.type_vocab = getattr(config, "type_vocab_size", 0) or 0
        self.longest = _longest_input(config)

    @property
    def depth(self) -> int:
        """RETURNS (int): Number of layers, as the config tells."""
        return int(getattr(self.config, "num_hidden_layers", getattr(self.config, "n_layers", 0)))

    def layers(self, encoder: nn.Module) -> nn.ModuleList:
        """RETURNS (nn.ModuleList): The layers, none where they cannot be run one by one."""
        return nn.ModuleList()

    def final_norm(self, encoder: nn.Module) -> Optional[nn.Module]:
        """RETURNS (Optional[nn.Module]): A norm behind the last layer, if the family has one."""
        return None

    def most_separate(self, encoder: nn.Module) -> int:
        """RETURNS (int): Most lower layers that question and note may go through apart: one at least joins them."""
        return max(self.depth - 1, 0)

    def embed(self, encoder: nn.Module, inputs: Inputs) -> Tensor:
        """States that enter the first layer; here the whole encoder's last states.

        encoder (nn.Module): The encoder.
        inputs (Inputs): A batch of subwords.
        RETURNS (Tensor): Shape (batch, length, width).
        """
        given: Dict[str, Tensor] = {"input_ids": inputs.input_ids, "attention_mask": inputs.mask.long()}
        if self.type_vocab > 1:
            given["token_type_ids"] = inputs.type_ids
        return encoder(**given).last_hidden_state

    def run(self, layers: List[nn.Module], states: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        """States after some consecutive layers.

        layers (List[nn.Module]): The layers.
        states (Tensor): Shape (batch, length, width).
        mask (Tensor): True at subwords, shape (batch, length).
        positions (Tensor): Position of each subword, shape (batch, length).
        RETURNS (Tensor): Shape (batch, length, width).
        """
        return states

    def attention_mask(self, visible: Tensor, states: Tensor) -> Tensor:
        """RETURNS (Tensor): What may be seen, as the layers take it: PyTorch's fused attention takes booleans, which
        suit any precision; the plain one takes numbers to add to its scores."""
        if self.config._attn_implementation == "sdpa":
            return visible
        return torch.zeros_like(visible, dtype=states.dtype).masked_fill(~visible, torch.finfo(states.dtype).min)


class BertFamily(EncoderFamily):
    """BERT and what shares its layout."""

    has_layers = True
    first_position = 0  # in the table of position embeddings

    def layers(self, encoder: nn.Module) -> nn.ModuleList:
        return encoder.encoder.layer  # type: ignore[union-attr,return-value]

    def embed(self, encoder: nn.Module, inputs: Inputs) -> Tensor:
        types = inputs.type_ids if self.type_vocab > 1 else torch.zeros_like(inputs.type_ids)
        return encoder.embeddings(  # type: ignore[operator]
            input_ids=inputs.input_ids, token_type_ids=types, position_ids=inputs.positions + self.first_position
        )

    def run(self, layers: List[nn.Module], states: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        attended = self.attention_mask(mask[:, None, None, :], states)  # broadcast over heads and queries
        for layer in layers:
            states = _first(layer(states, attended))
        return states


class RobertaFamily(BertFamily):
    """RoBERTa: positions begin behind the padding id, and there is one segment."""

    def __init__(self, encoder: nn.Module):
        super().__init__(encoder)
        self.first_position = int(self.config.pad_token_id) + 1


class ElectraFamily(BertFamily):
    """ELECTRA: embeddings may be narrower than the layers."""

    def embed(self, encoder: nn.Module, inputs: Inputs) -> Tensor:
        states = super().embed(encoder, inputs)
        return encoder.embeddings_project(states) if hasattr(encoder, "embeddings_project") else states  # type: ignore[operator]


class DistilBertFamily(BertFamily):
    """DistilBERT: no segments, and embeddings that take no positions, so they are put together here."""

    def layers(self, encoder: nn.Module) -> nn.ModuleList:
        return encoder.transformer.layer  # type: ignore[union-attr,return-value]

    def embed(self, encoder: nn.Module, inputs: Inputs) -> Tensor:
        parts: Any = encoder.embeddings
        states = parts.word_embeddings(inputs.input_ids) + parts.position_embeddings(inputs.positions)
        return parts.dropout(parts.LayerNorm(states))

    def attention_mask(self, visible: Tensor, states: Tensor) -> Tensor:
        return visible  # its plain attention takes booleans too


class ModernBertFamily(EncoderFamily):
    """ModernBERT: rotary positions, and layers that attend locally between the global ones."""

    has_layers = True

    def layers(self, encoder: nn.Module) -> nn.ModuleList:
        return encoder.layers  # type: ignore[return-value]

    def final_norm(self, encoder: nn.Module) -> Optional[nn.Module]:
        return encoder.final_norm  # type: ignore[return-value]

    def most_separate(self, encoder: nn.Module) -> int:
        # Only a global layer can carry what a question asks across a long note, and one alone is not enough.
        whole = [number for number, layer in enumerate(self.layers(encoder)) if _is_global(layer)]
        return whole[-2] if len(whole) > 1 else 0

    def embed(self, encoder: nn.Module, inputs: Inputs) -> Tensor:
        return encoder.embeddings(input_ids=inputs.input_ids)  # type: ignore[operator]

    def run(self, layers: List[nn.Module], states: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        attended = mask[:, None, None, :]
        # Distances come from the position ids, not from the order of the states, so that states of two texts can be
        # put together in any order.
        near = (positions[:, :, None] - positions[:, None, :]).abs() <= self.config.local_attention // 2
        everywhere = attended.expand(-1, 1, states.shape[1], -1)  # (batch, 1, length, length)
        locally = everywhere & near[:, None]
        # A padding row far from every subword would attend to nothing and turn to NaN: let it see itself.
        locally = locally | torch.eye(states.shape[1], dtype=torch.bool, device=states.device)
        everywhere, locally = self.attention_mask(everywhere, states), self.attention_mask(locally, states)
        for layer in layers:
            states = _first(
                layer(
                    states,
                    attention_mask=everywhere,
                    sliding_window_mask=locally,
                    position_ids=positions,
                )
            )
        return states


_FAMILIES: Dict[str, Type[EncoderFamily]] = {
    "bert": BertFamily,
    "roberta": RobertaFamily,
    "xlm-roberta": RobertaFamily,
    "camembert": RobertaFamily,
    "distilbert": DistilBertFamily,
    "electra": ElectraFamily,
    "modernbert": ModernBertFamily,
}


def find_family(encoder: nn.Module) -> EncoderFamily:
    """The adapter of an encoder.

    encoder (transformers.PreTrainedModel): The encoder.
    RETURNS (EncoderFamily): By the config's `model_type`; generic where that is unknown, or where the encoder uses
        relative positions, which its fast attention does not do.
    """
    config: Any = encoder.config
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        return EncoderFamily(encoder)
    return _FAMILIES.get(config.model_type, EncoderFamily)(encoder)


def check_layers(encoder: nn.Module, family: EncoderFamily, *, task_layers: int, separate_layers: int) -> None:
    """Check that an encoder can be cut as asked.

    encoder (transformers.PreTrainedModel): The encoder.
    family (EncoderFamily): Its adapter.
    task_layers (int): Upper layers that each task owns.
    separate_layers (int): Lower layers in which question and note do not see each other.
    RAISES (ValueError): E026.
    """
    most_separate = min(family.most_separate(encoder), family.depth - task_layers)
    cuts = (
        ("task_layers", task_layers, family.depth, f"the encoder has {family.depth} layers"),
        ("separate_layers", separate_layers, most_separate, _too_separate(family, most_separate, task_layers)),
    )
    for setting, value, most, problem in cuts:
        if value and not family.has_layers:
            problem = (
                f"an encoder of type {family.config.model_type!r} runs only as a whole. Set {setting} = 0, or use an "
                f"encoder of one of the types {sorted(_FAMILIES)}"
            )
            raise ValueError(Errors.E026.format(setting=setting, value=value, problem=problem))
        if not 0 <= value <= most:
            raise ValueError(Errors.E026.format(setting=setting, value=value, problem=problem))


def _too_separate(family: EncoderFamily, most: int, task_layers: int) -> str:
    return (
        f"with task_layers = {task_layers}, this encoder of {family.depth} layers takes from 0 to {max(most, 0)}: "
        "question and note must meet below the task layers' top (ModernBERT: in two layers of global attention)"
    )


def _longest_input(config: Any) -> int:
    """Most subwords at once. RoBERTa's table also holds the positions up to its padding id, which are never used."""
    table = int(getattr(config, "max_position_embeddings", 0) or 1_000_000)
    if _FAMILIES.get(config.model_type) is RobertaFamily:
        return table - int(config.pad_token_id) - 1
    return table


def _is_global(layer: Any) -> bool:
    return tuple(layer.attn.local_attention) == (-1, -1)


def _first(output: Any) -> Tensor:
    """transformers 4 gives a tuple from a layer, transformers 5 the states alone."""
    return output[0] if isinstance(output, tuple) else output
