"""The vocabulary shared by every module: category and question-kind names, and light type aliases."""

from typing import Dict, Mapping, Sequence, Tuple, Union

CATEGORIES: Tuple[str, ...] = ("Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports")
"""The five answer categories of 'Clinical QA 2.0' (arXiv 2502.13108); this order is the order of every score vector."""

KINDS: Tuple[str, ...] = ("single", "list", "impossible")
"""`single`: one answer (several golds are alternatives); `list`: every gold is required; `impossible`: no answer."""

ENTITY_FLAGS: Tuple[str, ...] = ("negated", "family", "historical", "hypothetical", "planned")
"""What a note may say of an entity of the open corpus; `assets/corpus/GUIDE.md` has the rules."""

SPANS_KEY = "clinical_qa"

# What may be given wherever questions are taken: one text, texts, or id -> text or id -> {text, categories, ...}.
QuestionSpec = Union[str, Mapping[str, object]]
QuestionsInput = Union[str, Sequence[str], Mapping[str, QuestionSpec]]

CharSpan = Tuple[int, int]  # start and end character, end exclusive
CategoryScores = Dict[str, float]
