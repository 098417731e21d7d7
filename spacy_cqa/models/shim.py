"""The bridge from thinc to the torch module: keeps it with its tokenizer, saves both, and lets an optimizer step it."""

import warnings
from pathlib import Path
from typing import Any, Dict, Optional

import srsly
import torch
from thinc.api import Optimizer, PyTorchShim
from thinc.util import get_torch_default_device

from ..errors import Errors, Warnings
from .loaders import EncoderParts, build_encoder, config_from_json, config_to_json
from .optimizer import GroupedAdam
from .pytorch.reader import MultiTaskReader
from .tokenization import ReaderTokenizer

FORMAT = 1  # of the folder and of the bytes; raised when an old reader could not read a new folder


class ReaderShim(PyTorchShim):
    """Holds a `MultiTaskReader` once there is one. thinc's own shim switches between training and evaluation mode in
    every call, which is not safe in threads, so forward passes go round it (see `architectures`).
    """

    def __init__(self, shape: Dict[str, Any]):
        """Start without a module.

        shape (Dict[str, Any]): Arguments of `MultiTaskReader` beside the encoder.
        """
        super().__init__(None, config=shape)
        self.tokenizer: Optional[ReaderTokenizer] = None
        self.n_questions = 0  # whose gradients were added up since the last update of the weights

    @property
    def reader(self) -> Optional[MultiTaskReader]:
        """RETURNS (Optional[MultiTaskReader]): The torch module, None before it was initialized or loaded."""
        return self._model

    def attach(self, parts: EncoderParts) -> None:
        """Build a reader around an encoder, with new heads; but the span head of a checkpoint for question answering is
        kept where `span_hidden` is [], as it is one linear layer.

        parts (EncoderParts): Config, tokenizer and weights of the encoder.
        RAISES (ValueError): E026, if the encoder does not suit the settings.
        """
        reader = self._build(build_encoder(parts.config, parts.state))
        if parts.span_head is not None:
            if self.cfg["span_hidden"]:
                warnings.warn(Warnings.W004.format(span_hidden=self.cfg["span_hidden"]), stacklevel=2)
            else:
                reader.span_head.outputs[0].load_state_dict(parts.span_head)
        self._set(reader, parts.tokenizer)

    def _build(self, encoder: Any) -> MultiTaskReader:
        return MultiTaskReader(encoder, **self.cfg)

    def _set(self, reader: MultiTaskReader, tokenizer: ReaderTokenizer) -> None:
        self._model = reader.to(get_torch_default_device()).eval()
        self.tokenizer = tokenizer
        self.n_questions = 0

    # Training

    def finish_update(self, optimizer: Optimizer) -> None:
        """Update the weights with the mean gradient over all questions since the last update, so that accumulated
        batches equal one large batch.

        optimizer (Optimizer): thinc's, called tensor by tensor; or ours, which sees the whole module.
        """
        if self._model is None or not self.n_questions:
            return
        for parameter in self._model.parameters():
            if parameter.grad is not None:
                parameter.grad /= self.n_questions
        self.n_questions = 0
        if isinstance(optimizer, GroupedAdam):
            optimizer.step_module(self.id, self._model)
        else:
            super().finish_update(optimizer)

    # Serialisation

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): Config, tokenizer and weights, or a mark that there are none."""
        if self._model is None or self.tokenizer is None:
            return srsly.msgpack_dumps({"format": FORMAT})
        from safetensors.torch import save

        return srsly.msgpack_dumps(
            {
                "format": FORMAT,
                "config": config_to_json(self._model.encoder.config),
                "tokenizer": self.tokenizer.to_files(),
                "weights": save(_state(self._model)),
            }
        )

    def from_bytes(self, bytes_data: bytes) -> "ReaderShim":
        """Read what `to_bytes` gave.

        bytes_data (bytes): The bytes.
        RETURNS (ReaderShim): The shim itself.
        RAISES (ValueError): E021, E022, as `load_folder`.
        """
        from safetensors.torch import load

        message: Dict[str, Any] = srsly.msgpack_loads(bytes_data)
        _check_format(message.get("format"), "the bytes")
        if "weights" in message:
            tokenizer = ReaderTokenizer.from_files(message["tokenizer"])
            self._load(message["config"], tokenizer, load(message["weights"]), "the bytes")
        return self

    def save_folder(self, path: Path) -> None:
        """Write format.json, encoder/config.json, tokenizer/ and model.safetensors.

        path (Path): An existing folder.
        """
        trained = self._model is not None and self.tokenizer is not None
        srsly.write_json(path / "format.json", {"format": FORMAT, "initialized": trained})
        if self._model is None or self.tokenizer is None:
            return
        from safetensors.torch import save_file

        (path / "encoder").mkdir(exist_ok=True)
        (path / "encoder" / "config.json").write_text(config_to_json(self._model.encoder.config), encoding="utf8")
        self.tokenizer.to_disk(path / "tokenizer")
        save_file(_state(self._model), str(path / "model.safetensors"))

    def load_folder(self, path: Path) -> None:
        """Read what `save_folder` wrote.

        path (Path): The folder.
        RAISES (ValueError): E020 to E022: something is missing, corrupt, of a newer format, or does not fit.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        info = _read_info(path)
        _check_format(info.get("format"), str(path))
        if not info.get("initialized"):
            return
        for name in ("encoder/config.json", "tokenizer", "model.safetensors"):
            if not (path / name).exists():
                raise ValueError(Errors.E020.format(path=path, problem=f"{name} is missing"))
        try:
            state = load_file(str(path / "model.safetensors"))
            config = (path / "encoder" / "config.json").read_text(encoding="utf8")
            tokenizer = ReaderTokenizer.from_disk(path / "tokenizer")
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(Errors.E020.format(path=path, problem=_one_line(error))) from error
        self._load(config, tokenizer, state, str(path))

    def _load(self, config: str, tokenizer: ReaderTokenizer, state: Dict[str, Any], source: str) -> None:
        reader = self._build(build_encoder(config_from_json(config, source)))
        try:
            reader.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(Errors.E022.format(path=source, problem=_one_line(error))) from error
        self._set(reader, tokenizer)


def _state(reader: MultiTaskReader) -> Dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in reader.state_dict().items()}


def _read_info(path: Path) -> Dict[str, Any]:
    try:
        info = srsly.read_json(path / "format.json")
    except (OSError, ValueError) as error:
        raise ValueError(Errors.E020.format(path=path, problem="format.json cannot be read")) from error
    return info if isinstance(info, dict) else {}


def _check_format(found: Any, source: str) -> None:
    if found != FORMAT:
        raise ValueError(Errors.E021.format(path=source, found=found, known=FORMAT))


def _one_line(error: BaseException) -> str:
    """The first 300 characters: torch lists every single tensor that does not fit."""
    return " ".join(str(error).split())[:300]
