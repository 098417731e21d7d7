"""What a conversion kept, repaired and dropped, in bounded memory and without a word of a note."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

MAX_ITEMS = 5000  # repairs and drops that are listed one by one; the rest is only counted


@dataclass
class ConversionReport:
    """What a conversion kept, repaired and dropped. It names notes and questions by id and holds no text of a note.

    notes (int): Notes read.
    questions (int): Questions kept.
    answers (int): Answers kept.
    repaired (Counter): Repairs by reason.
    dropped (Counter): Dropped answers and questions by reason.
    cut_tokens (Optional[int]): Answers that begin or end inside a token; None where no tokens are made, as for JSON.
    items (List[Dict[str, str]]): The first `MAX_ITEMS` repairs and drops: `note`, `question`, `action`, `reason`.
    unlisted (int): Repairs and drops that came after those.
    """

    notes: int = 0
    questions: int = 0
    answers: int = 0
    repaired: Counter = field(default_factory=Counter)
    dropped: Counter = field(default_factory=Counter)
    cut_tokens: Optional[int] = None
    items: List[Dict[str, str]] = field(default_factory=list)
    unlisted: int = 0

    def repair(self, note: str, question: str, reason: str) -> None:
        """Count a repair."""
        self.repaired[reason] += 1
        self._list(note, question, "repaired", reason)

    def drop(self, note: str, question: str, reason: str, *, count: int = 1) -> None:
        """Count a drop.

        note (str): Id of the note.
        question (str): Id of the question.
        reason (str): Why, in words that group.
        count (int): How many are dropped together, as the paraphrases of one question are; they are one item.
        """
        self.dropped[reason] += count
        self._list(note, question, "dropped", reason)

    def _list(self, note: str, question: str, action: str, reason: str) -> None:
        if len(self.items) < MAX_ITEMS:
            self.items.append({"note": note, "question": question, "action": action, "reason": reason})
        else:
            self.unlisted += 1

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The report as plain data."""
        return {
            "notes": self.notes,
            "questions": self.questions,
            "answers": self.answers,
            "repaired": dict(self.repaired),
            "dropped": dict(self.dropped),
            "cut_tokens": self.cut_tokens,
            "items": self.items,
            "unlisted": self.unlisted,
        }
