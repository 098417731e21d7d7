"""Evaluation of a pipeline on annotated notes, as data: the metrics, and what became of every question."""

from pathlib import Path
from typing import Any, Dict, List, Tuple

from spacy.language import Language

from ..metrics import exact_match
from ..pipeline.scorer import METRICS, QuestionResult, clinical_qa_score, collect_results
from ..types import SPANS_KEY
from .corpus import QACorpus


def evaluate_pipeline(
    nlp: Language, data: Path, *, spans_key: str = SPANS_KEY, limit: int = 0
) -> Tuple[Dict[str, Any], List[QuestionResult]]:
    """Evaluate a pipeline, as `nlp.evaluate(list(QACorpus(data)(nlp)))` does.

    nlp (Language): The pipeline.
    data (Path): .spacy, a folder of them, or SQuAD JSON.
    spans_key (str): Key of the span group, in prediction and gold.
    limit (int): Most notes to read, 0 for all.
    RETURNS (Tuple[Dict[str, Any], List[QuestionResult]]): The metrics with `notes` and `questions`, and every question.
    RAISES (ValueError): E030 to E035: the data cannot be read.
    """
    from tqdm import tqdm

    examples = list(QACorpus(data, limit=limit, spans_key=spans_key)(nlp))
    docs = nlp.pipe((example.predicted for example in examples), batch_size=8)
    for example, doc in zip(examples, tqdm(docs, total=len(examples), desc="Evaluating", unit="note", disable=None)):
        example.predicted = doc
    scores = clinical_qa_score(examples, spans_key=spans_key)
    results = collect_results(examples, spans_key=spans_key)
    kept = {metric: scores.get(metric) for metric in METRICS}
    return {**kept, "notes": len(examples), "questions": len(results)}, results


def question_row(result: QuestionResult) -> Dict[str, Any]:
    """What became of a question, without any text of its note.

    result (QuestionResult): The question.
    RETURNS (Dict[str, Any]): `note`, `id`, `kind`, `has_answer`, `category`, `also`, `em`, `f1`, `gold_label` (category
        predicted from the gold span), `has_gold_label` (whether one was asked for), `hit`, `hit_label` (category of the
        best answer, where it hits).
    """
    return {
        "note": result.note,
        "id": result.id,
        "kind": result.kind,
        "has_answer": result.has_answer,
        "category": result.category,
        "also": list(result.also),
        "em": exact_match(result.best, result.gold_texts),
        "f1": result.f1,
        "gold_label": result.gold_label,
        "has_gold_label": result.has_gold_label,
        "hit": result.is_hit,
        "hit_label": result.labels[0] if result.is_hit else "",
    }
