"""What a note says, as facts with their places in the text: what question patterns ask about."""

import re
from dataclasses import dataclass, field
from typing import FrozenSet, Mapping, Tuple

from ...types import CharSpan

_STUDY = re.compile(
    r"x-?ray|radiograph|films?\b|\bCTA?\b|\bMR[IACV]+P?\b|ultraso|\bUS\b|doppler|duplex|echo|scan|tomograph|\bE[CK]G\b|\bEEG\b"
    r"|\bEMG\b|biops|scopy\b|\w(?<!pro)gram\b|\bstud(?:y|ies)\b|\btests?\b|testing|\bPET\b|DEXA|densitometr|manometr"
    r"|somnograph|\bsampling\b|elastograph|\bFNA\b|cytolog|evoked|spirometr|perimetr|neuropsych|\bCXR\b|\bKUB\b|imaging"
    r"|\bmonitor\b|holter|puncture|aspiration|\bPFTs?\b|audiometr",
    re.IGNORECASE,
)
_NO_STUDY = re.compile(
    r"program|training|dilat|inject|drain|lithotrips|thalamotomy|guided|therapy|repair|removal|ablation|stent",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mention:
    """A stretch of a note that can be an answer.

    text (str): Its text.
    start (int): Its first character in the note.
    category (str): What it is, one of the five categories.
    """

    text: str
    start: int
    category: str

    @property
    def span(self) -> CharSpan:
        """RETURNS (CharSpan): Its first character, and one past its last."""
        return self.start, self.start + len(self.text)


@dataclass(frozen=True)
class Fact:
    """One thing that a note says.

    kind (str): What it is: `drug`, `stopped drug`, `lab`, `family condition`, ...; the pattern groups name all kinds.
    name (Mention): Where the note names it.
    attributes (Mapping[str, Tuple[Mention, ...]]): What the note tells of it: `dose`, `reason`, `value`, `result`, ...
    labels (Mapping[str, Tuple[str, ...]]): By slot, what a question may call it by. The first is its key: two facts of
        one key are the same thing.
    unsure (FrozenSet[str]): Attributes that the note may tell elsewhere, so that nobody can call them untold.
    """

    kind: str
    name: Mention
    attributes: Mapping[str, Tuple[Mention, ...]] = field(default_factory=dict)
    labels: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    unsure: FrozenSet[str] = frozenset()

    def told(self, ask: str) -> Tuple[Mention, ...]:
        """RETURNS (Tuple[Mention, ...]): The answers to what is asked of it: its `name`, or an attribute."""
        return (self.name,) if ask == "name" else self.attributes.get(ask, ())


def is_study(name: str) -> bool:
    """RETURNS (bool): Whether a procedure of this name is done to find something out, not to treat."""
    return _STUDY.search(name) is not None and _NO_STUDY.search(name) is None
