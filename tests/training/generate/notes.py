"""Notes and helpers for the tests of the generator."""

import random
from typing import Dict, Iterator, List, Sequence, Tuple

from spacy_cqa.training.generate.cases import make_case
from spacy_cqa.training.generate.grammar import SyntheticNote, write_note
from spacy_cqa.training.generate.patterns import Asked, find_askable
from spacy_cqa.training.generate.scenarios import load_scenarios
from spacy_cqa.training.records import QARecord
from spacy_cqa.types import ENTITY_FLAGS

NOTE = """CHIEF COMPLAINT: Chest pain.

PAST MEDICAL HISTORY: gout, asthma
PAST SURGICAL HISTORY: appendectomy

MEDICATIONS:
lisinopril 20 mg daily for hypertension
warfarin
metformin 500 mg twice daily

ALLERGIES: penicillin

FAMILY HISTORY: Mother has lupus. Father and brother: stroke.

VITALS: BP 142/88.
LABS: creatinine 1.4 mg/dL. WBC 9.1. Chest x-ray showed a small effusion, cardiomegaly.

PLAN: Gave aspirin 81 mg. Echocardiogram, TSH, physical therapy. Metformin was 850 mg before. No fever."""


# In the order of the note: text, category, flags.
ENTITIES = [
    ("Chest pain", "Symptoms", ""),
    ("gout", "Diagnosis", ""),
    ("asthma", "Diagnosis", ""),
    ("appendectomy", "Procedure", "historical"),
    ("lisinopril", "Medication", ""),
    ("20 mg daily", "Medication", ""),
    ("hypertension", "Diagnosis", ""),
    ("warfarin", "Medication", ""),
    ("metformin", "Medication", ""),
    ("500 mg twice daily", "Medication", ""),
    ("penicillin", "Medication", "historical"),
    ("lupus", "Diagnosis", "family"),
    ("stroke", "Diagnosis", "family"),
    ("BP 142/88", "Symptoms", ""),
    ("creatinine", "Lab Reports", ""),
    ("1.4 mg/dL", "Lab Reports", ""),
    ("WBC", "Lab Reports", ""),
    ("9.1", "Lab Reports", ""),
    ("Chest x-ray", "Procedure", ""),
    ("small effusion", "Lab Reports", ""),
    ("cardiomegaly", "Lab Reports", ""),
    ("aspirin", "Medication", ""),
    ("81 mg", "Medication", ""),
    ("Echocardiogram", "Procedure", "planned"),
    ("TSH", "Lab Reports", "planned"),
    ("physical therapy", "Procedure", "planned"),
    ("Metformin", "Medication", "historical"),
    ("850 mg", "Medication", "historical"),
    ("fever", "Symptoms", "negated"),
]


def written_note(
    split: str = "train", note: str = NOTE, listed: Sequence[Tuple[str, str, str]] = tuple(ENTITIES)
) -> QARecord:
    """The note above, or another one, as a record of the corpus."""
    entities, end = [], 0
    for text, category, flags in listed:
        start = note.index(text, end)
        end = start + len(text)
        about = {flag: flag in flags.split(",") for flag in ENTITY_FLAGS}
        entities.append({"start": start, "end": end, "text": text, "category": category, **about})
    meta = {"corpus": {"split": split}, "paragraph": {"id": "n", "kind": "clinic visit", "entities": entities}}
    return QARecord("n", note, [], meta)


def synthetic_notes(count: int) -> Iterator[SyntheticNote]:
    """Some notes, each from its own seed."""
    for seed in range(count):
        rng = random.Random(seed)
        yield write_note(make_case(load_scenarios(), rng), rng)


def by_form(form: str, asked: List[Asked]) -> Dict[str, List[str]]:
    """What can be asked in one form: the slot's first name -> answers."""
    return {
        (each.names[0] if each.names else ""): [mentions[0].text for mentions in each.answers]
        for each in asked
        if each.group.form.startswith(form)
    }


def asked_of(form: str, count: int) -> Iterator[Tuple[SyntheticNote, Asked]]:
    """Everything that can be asked in a form, over some notes."""
    for note in synthetic_notes(count):
        for asked in find_askable(note.text, note.facts, foreign={}):
            if asked.group.form.startswith(form):
                yield note, asked
