"""Twenty questions on invented notes, for overfitting, and the records made of them."""

from typing import List, Tuple

from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord

# (note, [(question, answers, category, kind)]); an answer is its text, which stands once in the note.
NOTES: List[Tuple[str, List[Tuple[str, List[str], str, str]]]] = [
    (
        "ASSESSMENT: 1. Community acquired pneumonia. Start azithromycin 500 mg daily. LABS: WBC 14.2, creatinine 0.9.",
        [
            ("Which antibiotic was started?", ["azithromycin"], "Medication", "single"),
            ("What is the diagnosis?", ["Community acquired pneumonia"], "Diagnosis", "single"),
            ("What was the white count?", ["14.2"], "Lab Reports", "single"),
            ("Which blood thinner is she on?", [], "", "impossible"),
        ],
    ),
    (
        "She takes lisinopril 20 mg for hypertension and metformin for diabetes.\nDenies fever. Reports cough, chills.",
        [
            ("Why is she on lisinopril?", ["hypertension"], "Diagnosis", "single"),
            ("Which pill for the sugar?", ["metformin"], "Medication", "single"),
            ("What does she complain of?", ["cough", "chills"], "Symptoms", "list"),
            ("What is the daily dose of lisinopril?", ["20 mg"], "Medication", "single"),
        ],
    ),
    (
        "Chest x-ray showed a right infiltrate.\n\nPLAN\n- CT of the chest\n- Thoracentesis\nHemoglobin 9.1 today.",
        [
            ("What did the film show?", ["right infiltrate"], "Lab Reports", "single"),
            ("Which procedures are planned?", ["CT of the chest", "Thoracentesis"], "Procedure", "list"),
            ("How low is the hemoglobin?", ["9.1"], "Lab Reports", "single"),
            ("Any surgery in the past?", [], "", "impossible"),
        ],
    ),
    (
        "Mr. Ames fell on the ice. Left wrist swelling and tenderness. X-ray: distal radius fracture. Cast applied.",
        [
            ("What was broken?", ["distal radius fracture"], "Diagnosis", "single"),
            ("How was it treated?", ["Cast"], "Procedure", "single"),
            ("Findings on the wrist?", ["swelling", "tenderness"], "Symptoms", "list"),
            ("What pain killer was given?", [], "", "impossible"),
        ],
    ),
    (
        "Headache for two days with photophobia. Migraine is likely. Give sumatriptan 50 mg. MRI of the brain ordered.",
        [
            ("How long has the headache lasted?", ["two days"], "Symptoms", "single"),
            ("What is the likely cause?", ["Migraine"], "Diagnosis", "single"),
            ("Which triptan?", ["sumatriptan"], "Medication", "single"),
            ("Which imaging was ordered?", ["MRI of the brain"], "Procedure", "single"),
        ],
    ),
]


def make_records() -> List[QARecord]:
    """RETURNS (List[QARecord]): The notes as records, ids note-1, note-2, ..."""
    return [_record(f"note-{n}", text, questions) for n, (text, questions) in enumerate(NOTES, start=1)]


def _record(note_id: str, text: str, questions: List[Tuple[str, List[str], str, str]]) -> QARecord:
    gold = []
    for n, (question, answers, category, kind) in enumerate(questions, start=1):
        found = [GoldAnswer(answer, text.index(answer)) for answer in answers]
        gold.append(GoldQuestion(f"{note_id}-{n}", question, kind, found, category or None))
    return QARecord(note_id, text, gold, {"article": int(note_id.split("-")[1])})
