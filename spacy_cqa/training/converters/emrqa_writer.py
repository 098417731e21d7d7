"""Records to a file in emrQA's form, with its noise on request: emrQA is licensed, and this lets anyone try the whole
path, and its memory, on a file of any size."""

import json
import random
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, TextIO

from ..records import GoldAnswer, GoldQuestion, QARecord
from .emrqa import NoteLines
from .report import ConversionReport

_FORMS = {
    "Diagnosis": ("ConditionEvent (x)", "ConditionEvent (|problem|)"),
    "Medication": (
        "MedicationEvent (x)",
        "MedicationEvent (|medication|) [dosage=x]",
        "MedicationEvent (|medication|)",
    ),
    "Symptoms": ("SymptomEvent (x)", "SymptomEvent (|problem|)"),
    "Procedure": ("ProcedureEvent (x)", "ProcedureEvent (|treatment|)"),
    "Lab Reports": ("LabEvent (x) [date=x]", "LabEvent (|test|) [date=x, result=x]"),
}
_NO_FORM = "Event (x)"
_FRAMES = ("|question|", "Please tell me: |question|", "|question| (in this note)", "From the chart: |question|")
_MOST_TOKENS_OFF = 3


@dataclass(frozen=True)
class Noise:
    """Shares of answers that get each of emrQA's flaws.

    token (float): The token is off by one to three.
    line (float): The line is off by one.
    doubled (float): The evidence stands twice.
    case (float): The case of the text differs from the note's.
    spacing (float): The white space of the text differs from the note's.
    empty (float): The text is empty, so that the evidence is the answer.
    complex (float): The text is in two parts.
    """

    token: float = 0.0
    line: float = 0.0
    doubled: float = 0.0
    case: float = 0.0
    spacing: float = 0.0
    empty: float = 0.0
    complex: float = 0.0

    @classmethod
    def of_rate(cls, rate: float) -> "Noise":
        """RETURNS (Noise): Every flaw at the same rate."""
        return cls(**{flaw.name: rate for flaw in fields(cls)})


def write_emrqa(
    records: Iterable[QARecord],
    path: Path,
    *,
    seed: int = 0,
    paraphrases: int = 3,
    noise: Noise = Noise(),
    repeat: int = 1,
    report: Optional[ConversionReport] = None,
) -> None:
    """Write a file in emrQA's form: Medication questions as the subset "medication", all others as "relations".

    records (Iterable[QARecord]): The notes, all of them in memory, as each subset takes a pass over them. Questions
        without an answer are left out, as emrQA has none; a list becomes a complex answer; a soft label and further
        categories are lost.
    path (Path): The file.
    seed (int): Seed of the noise.
    paraphrases (int): Paraphrases of a question, 1 to 4.
    noise (Noise): Shares of flawed answers.
    repeat (int): How often every question is written, for files of any size.
    report (Optional[ConversionReport]): Questions left out are counted in it, and taken off the kept ones.
    """
    notes = list(records)
    if report is not None:
        _count_left_out(notes, report)
    rng = random.Random(seed)
    with path.open("w", encoding="utf8") as file:
        file.write('{"data": [')
        for number, subset in enumerate(("medication", "relations")):
            file.write(f'{", " if number else ""}{{"title": "{subset}", "paragraphs": [')
            written = (_note(note, subset, rng, paraphrases, noise, repeat) for note in notes)
            _write_all(file, (note for note in written if note["qas"]))
            file.write("]}")
        file.write("]}\n")


def _count_left_out(notes: Iterable[QARecord], report: ConversionReport) -> None:
    for note in notes:
        for question in note.questions:
            if not question.answers:
                report.drop(note.id, question.id, "question without an answer, as emrQA has none")
                report.questions -= 1


def _write_all(file: TextIO, items: Iterable[Any]) -> None:
    for number, item in enumerate(items):
        file.write(",\n" if number else "\n")
        file.write(json.dumps(item, ensure_ascii=False))


def _note(
    record: QARecord, subset: str, rng: random.Random, paraphrases: int, noise: Noise, repeat: int
) -> Dict[str, Any]:
    lines = NoteLines.from_text(record.text)
    asked = [q for q in record.questions if q.answers and (q.category == "Medication") == (subset == "medication")]
    qas = [
        _qa(question, number, lines, rng, paraphrases, noise)
        for _ in range(repeat)
        for number, question in enumerate(asked)
    ]
    return {"note_id": record.id, "context": lines.lines, "qas": qas}


def _qa(
    question: GoldQuestion, number: int, lines: NoteLines, rng: random.Random, paraphrases: int, noise: Noise
) -> Dict[str, Any]:
    frames = _FRAMES[:paraphrases]
    texts = [frame.replace("|question|", question.text) for frame in frames]
    forms = _FORMS.get(question.category or "", (_NO_FORM,))
    if question.kind == "list":
        answers = [_complex(question.answers, lines, rng, noise)]
    else:
        answers = [_answer(answer, lines, rng, noise) for answer in question.answers]
    ids = [list(map(list, zip(texts, frames))), forms[number % len(forms)]]
    return {"question": texts, "answers": answers, "id": ids}


def _answer(answer: GoldAnswer, lines: NoteLines, rng: random.Random, noise: Noise) -> Dict[str, Any]:
    if rng.random() < noise.empty:
        return {**_part(answer, lines, rng, noise), "text": "", "answer_entity_type": "empty"}
    words = answer.text.split()
    if rng.random() < noise.complex and len(words) > 1:
        return _complex(list(_halves(answer, words[0])), lines, rng, noise)
    return {**_part(answer, lines, rng, noise), "answer_entity_type": "single"}


def _halves(answer: GoldAnswer, first: str) -> Iterator[GoldAnswer]:
    rest = answer.text[len(first) :].lstrip()
    yield GoldAnswer(first, answer.start)
    yield GoldAnswer(rest, answer.end - len(rest))


def _complex(answers: List[GoldAnswer], lines: NoteLines, rng: random.Random, noise: Noise) -> Dict[str, Any]:
    parts = [_part(answer, lines, rng, noise) for answer in answers]
    return {**{key: [part[key] for part in parts] for key in parts[0]}, "answer_entity_type": "complex"}


def _part(answer: GoldAnswer, lines: NoteLines, rng: random.Random, noise: Noise) -> Dict[str, Any]:
    line, token = lines.position(answer.start)
    start, end = lines.line_span(line, lines.line_of(answer.end - 1))
    evidence = lines.text[start:end]
    off = rng.choice((-1, 1)) if rng.random() < noise.line else 0
    return {
        "text": _flawed_text(answer.text, rng, noise),
        "answer_start": [max(line + off, 1), _flawed_token(token, rng, noise)],
        "evidence": evidence * (1 + (rng.random() < noise.doubled)),
        "evidence_start": max(line + off, 1),
    }


def _flawed_token(token: int, rng: random.Random, noise: Noise) -> int:
    if rng.random() >= noise.token:
        return token
    return max(token + rng.choice((-1, 1)) * rng.randint(1, _MOST_TOKENS_OFF), 0)


def _flawed_text(text: str, rng: random.Random, noise: Noise) -> str:
    if rng.random() < noise.case:
        text = text.swapcase()
    if rng.random() < noise.spacing:
        text = "  ".join(text.split())
    return text
