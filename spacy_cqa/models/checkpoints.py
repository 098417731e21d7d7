"""Hugging Face's `...ForQuestionAnswering` checkpoints: loaded whole, encoder and span head, and written.

Their span head is one linear layer over the encoder's last states (Devlin et al., 2019, section 4.3), which is ours
with `span_hidden = []`. transformers is imported inside the functions: it takes seconds.
"""

import copy
import warnings
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import torch
from thinc.api import Model

from ..errors import Errors, Warnings
from .architectures import get_reader, get_tokenizer


def load_model(name: str, revision: Optional[str]) -> Tuple[Any, Optional[Dict[str, torch.Tensor]]]:
    """Load a checkpoint's encoder, and its span head if it has one.

    name (str): A local folder, or a Hugging Face id.
    revision (Optional[str]): Commit of the Hugging Face repository.
    RETURNS (Tuple[transformers.PreTrainedModel, Optional[Dict[str, torch.Tensor]]]): The encoder; `weight` and `bias`
        of the span head, None where there is none or where it is no single linear layer, which gives a warning.
    RAISES (OSError, ValueError): From transformers: nothing there, or nothing that it can load.
    """
    from transformers import AutoConfig, AutoModel, AutoModelForQuestionAnswering

    config = AutoConfig.from_pretrained(name, revision=revision)
    # .bin files are unpickled with weights_only=True.
    if not any(kind.endswith("ForQuestionAnswering") for kind in config.architectures or ()):
        return AutoModel.from_pretrained(name, revision=revision), None
    model = AutoModelForQuestionAnswering.from_pretrained(name, revision=revision)
    head = _linear_head(model)
    if head is None:
        warnings.warn(Warnings.W003.format(name=name, kind=type(model).__name__), stacklevel=2)
    return model.base_model, None if head is None else head.state_dict()


def save_checkpoint(model: Model, folder: Path) -> None:
    """Write a reader's encoder and span head as a checkpoint that `AutoModelForQuestionAnswering` loads. The category
    head has no place in that form and is left out.

    model (Model): An initialized reader.
    folder (Path): The folder, which is made.
    RAISES (ValueError): E010, without weights; E070, if the reader has no such form.
    """
    from transformers import AutoModelForQuestionAnswering

    reader = get_reader(model)
    if len(reader.span_head.outputs) > 1:
        raise ValueError(Errors.E070.format(problem="its span head has hidden layers", remedy="span_hidden = []"))
    if reader.separate_layers:
        problem = f"question and note go apart through {reader.separate_layers} of its layers"
        raise ValueError(Errors.E070.format(problem=problem, remedy="separate_layers = 0"))
    config: Any = copy.deepcopy(reader.encoder.config)
    config.name_or_path = ""
    whole = AutoModelForQuestionAnswering.from_config(config)
    head = _linear_head(whole)
    if head is None:
        problem = f"the span head of {type(whole).__name__} is no single linear layer, as that of this reader is"
        raise ValueError(Errors.E070.format(problem=problem, remedy="an encoder of another type, such as BERT"))
    whole.base_model.load_state_dict(reader.encoder.state_dict(), strict=False)  # a pooler stays random: it is unused
    head.load_state_dict(reader.span_head.outputs[0].state_dict())
    whole.save_pretrained(folder)
    get_tokenizer(model).to_disk(folder)


def _linear_head(model: torch.nn.Module) -> Optional[torch.nn.Linear]:
    """The span head of a model for question answering, if one linear layer is all that there is above the encoder."""
    above = [
        part
        for name, part in model.named_children()
        if name != model.base_model_prefix and not isinstance(part, torch.nn.Dropout)
    ]
    is_linear = len(above) == 1 and isinstance(above[0], torch.nn.Linear) and above[0].out_features == 2
    return above[0] if is_linear else None  # type: ignore[return-value]
