"""A Hugging Face fast tokenizer seen as what the reader needs: subwords with character offsets, and a pair's frame."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Tuple

import numpy

from ..errors import Errors


@dataclass(frozen=True)
class Subwords:
    """A text in subwords.

    ids (numpy.ndarray): Vocabulary ids, shape (n,).
    starts (numpy.ndarray): First character of each subword, shape (n,).
    ends (numpy.ndarray): One past its last character, shape (n,).
    """

    ids: numpy.ndarray
    starts: numpy.ndarray
    ends: numpy.ndarray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class PairFrame:
    """The special tokens around a question and a note, and the segment ids of both, as the tokenizer lays them out."""

    prefix: Tuple[int, ...]
    middle: Tuple[int, ...]
    suffix: Tuple[int, ...]
    question_type: int
    note_type: int

    @property
    def special(self) -> int:
        """RETURNS (int): How many special tokens there are."""
        return len(self.prefix) + len(self.middle) + len(self.suffix)

    def note_offset(self, question_length: int) -> int:
        """RETURNS (int): Position in the sequence at which the note begins."""
        return len(self.prefix) + question_length + len(self.middle)


class ReaderTokenizer:
    """Wraps a fast tokenizer. Safe in threads: nothing is set on the tokenizer after construction."""

    def __init__(self, tokenizer: Any, *, source: str = "the encoder"):
        """Wrap a tokenizer.

        tokenizer (transformers.PreTrainedTokenizerFast): The tokenizer; its truncation and padding are switched off,
            since some published ones cut every text at 128 subwords.
        source (str): Where it came from, for the message.
        RAISES (ValueError): E027, if it is no fast tokenizer.
        """
        if not getattr(tokenizer, "is_fast", False):
            raise ValueError(Errors.E027.format(path=source))
        self.tokenizer = tokenizer
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        self.frame = _pair_frame(self._backend)
        self.pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0

    def encode(self, text: str) -> Subwords:
        """RETURNS (Subwords): A text in subwords, whole, without special tokens."""
        encoding = self._backend.encode(text, add_special_tokens=False)
        offsets = numpy.array(encoding.offsets, dtype=numpy.int64).reshape(-1, 2)
        return Subwords(numpy.array(encoding.ids, dtype=numpy.int64), offsets[:, 0], offsets[:, 1])

    def to_disk(self, path: Path) -> None:
        """Write the tokenizer's files into a folder, which is made."""
        self.tokenizer.save_pretrained(str(path))

    @classmethod
    def from_disk(cls, path: Path) -> "ReaderTokenizer":
        """Read a tokenizer written by `to_disk`.

        path (Path): The folder.
        RETURNS (ReaderTokenizer): The tokenizer.
        """
        from transformers import AutoTokenizer

        return cls(AutoTokenizer.from_pretrained(str(path), local_files_only=True), source=str(path))

    def to_files(self) -> Dict[str, bytes]:
        """RETURNS (Dict[str, bytes]): The tokenizer's files by name, for `to_bytes`."""
        with TemporaryDirectory() as folder:
            self.to_disk(Path(folder))
            return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}

    @classmethod
    def from_files(cls, files: Dict[str, bytes]) -> "ReaderTokenizer":
        """RETURNS (ReaderTokenizer): The tokenizer of files that `to_files` gave."""
        with TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            return cls.from_disk(Path(folder))


def _pair_frame(backend: Any) -> PairFrame:
    """Read the frame off an encoded pair of one-word texts: right for every family, with nothing known about any."""
    encoding = backend.encode("a", "b", add_special_tokens=True)
    words: List[int] = [n for n, special in enumerate(encoding.special_tokens_mask) if not special]
    # One word may be several subwords; the special tokens between the two words split them.
    gap = next((n for n in range(1, len(words)) if words[n] - words[n - 1] > 1), 1)
    question_end, note_start, note_end = words[gap - 1] + 1, words[gap], words[-1] + 1
    ids = encoding.ids
    return PairFrame(
        prefix=tuple(ids[: words[0]]),
        middle=tuple(ids[question_end:note_start]),
        suffix=tuple(ids[note_end:]),
        question_type=encoding.type_ids[words[0]],
        note_type=encoding.type_ids[note_start],
    )
