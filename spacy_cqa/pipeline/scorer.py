"""Scores of a pipeline on examples: question answering as SQuAD v2 measures it, list answers, and categories."""

import warnings
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import SpanGroup
from spacy.training import Example

from ..errors import Warnings
from ..metrics import category_table, exact_match, macro_f1, mean, overlaps, set_f1, settle_label, token_f1
from ..types import CATEGORIES, SPANS_KEY

METRICS = (
    "cqa_em",
    "cqa_f1",
    "cqa_hasans_em",
    "cqa_hasans_f1",
    "cqa_noans_acc",
    "cqa_list_f1",
    "cqa_cat_acc_gold",
    "cqa_cat_acc_hit",
    "cqa_cat_hit_coverage",
    "cqa_cat_macro_f1",
    "cqa_per_category",
)


@dataclass
class QuestionResult:
    """One question with its gold and predicted answers, as the metrics see it.

    note (str): Id of the note.
    id (str): Id of the question.
    question (str): Its text.
    kind (str): "single", "list" or "impossible".
    category (str): The annotated category, "" for none.
    also (Tuple[str, ...]): Further defensible categories.
    gold_texts (List[str]): Gold answers as annotated.
    gold_spans (List[Tuple[int, int]]): Their characters in the note.
    texts (List[str]): Predicted answers, best first.
    spans (List[Tuple[int, int]]): Their characters in the note.
    labels (List[str]): Their categories.
    gold_label (str): Category predicted from the gold spans, "" if it was not asked for or none was given.
    has_gold_label (bool): Whether it was asked for.
    score (Optional[float]): Score of the best answer, None without one.
    """

    note: str
    id: str
    question: str
    kind: str
    category: str = ""
    also: Tuple[str, ...] = ()
    gold_texts: List[str] = field(default_factory=list)
    gold_spans: List[Tuple[int, int]] = field(default_factory=list)
    texts: List[str] = field(default_factory=list)
    spans: List[Tuple[int, int]] = field(default_factory=list)
    labels: List[str] = field(default_factory=list)
    gold_label: str = ""
    has_gold_label: bool = False
    score: Optional[float] = None

    @property
    def best(self) -> str:
        """RETURNS (str): The best answer's text, "" where nothing was answered."""
        return self.texts[0] if self.texts else ""

    @property
    def has_answer(self) -> bool:
        """RETURNS (bool): Whether the note answers the question."""
        return bool(self.gold_texts)

    @property
    def is_hit(self) -> bool:
        """RETURNS (bool): Whether the best answer shares a character with a gold one."""
        return bool(self.spans) and any(overlaps(self.spans[0], gold) for gold in self.gold_spans)

    @property
    def f1(self) -> float:
        """RETURNS (float): Token F1 of the best answer."""
        return token_f1(self.best, self.gold_texts)


def make_clinical_qa_scorer() -> Callable:
    """RETURNS (Callable): `clinical_qa_score`, for the config."""
    return clinical_qa_score


def clinical_qa_score(examples: Iterable[Example], *, spans_key: str = SPANS_KEY, **_: Any) -> Dict[str, Any]:
    """Score predicted answers. Every metric is a fraction, None where the gold data lacks its annotation. Categories
    from the gold span need examples of `QACorpus`, which has the component classify the gold spans as well.

    `cqa_em`, `cqa_f1`: SQuAD v2, best answer, unanswerable questions included; `cqa_hasans_*`: answerable ones;
    `cqa_noans_acc`: unanswerable ones left unanswered; `cqa_list_f1`: F1 of the set of answers to list questions;
    `cqa_cat_acc_gold`: category from the gold span, all answerable questions; `cqa_cat_acc_hit`: category of the best
    answer where it shares a character with a gold one, `cqa_cat_hit_coverage` of the questions; `cqa_cat_macro_f1` and
    `cqa_per_category`: from the gold span. A category is right if it is the annotated one or among `also`.

    examples (Iterable[Example]): The examples.
    spans_key (str): Key of the span group, in prediction and gold.
    RETURNS (Dict[str, Any]): The metrics, by the names above.
    """
    examples = list(examples)
    results = collect_results(examples, spans_key=spans_key)
    if not results:
        if any(spans_key in eg.reference.spans and len(_gold_questions(eg, spans_key)) for eg in examples):
            warnings.warn(Warnings.W001, stacklevel=2)
        return dict.fromkeys(METRICS)
    return {**_answer_scores(results), **_category_scores(results)}


def _answer_scores(results: Sequence[QuestionResult]) -> Dict[str, Optional[float]]:
    answerable = [result for result in results if result.has_answer]
    return {
        "cqa_em": mean(exact_match(r.best, r.gold_texts) for r in results),
        "cqa_f1": mean(r.f1 for r in results),
        "cqa_hasans_em": mean(exact_match(r.best, r.gold_texts) for r in answerable),
        "cqa_hasans_f1": mean(r.f1 for r in answerable),
        "cqa_noans_acc": mean(float(not r.texts) for r in results if not r.has_answer),
        "cqa_list_f1": mean(set_f1(r.texts, r.gold_texts) for r in answerable if r.kind == "list"),
    }


def _category_scores(results: Sequence[QuestionResult]) -> Dict[str, Any]:
    labelled = [result for result in results if result.has_answer and result.category]
    from_gold = [(settle_label(r.gold_label, r.category, r.also), r.gold_label) for r in labelled if r.has_gold_label]
    hits = [(settle_label(r.labels[0], r.category, r.also), r.labels[0]) for r in labelled if r.is_hit]
    table = category_table(from_gold, CATEGORIES) if from_gold else None
    accuracy_hit = mean(float(gold == predicted) for gold, predicted in hits)
    return {
        "cqa_cat_acc_gold": mean(float(gold == predicted) for gold, predicted in from_gold),
        # Without a single hit the category was never right; None is kept for data without categories.
        "cqa_cat_acc_hit": 0.0 if accuracy_hit is None and labelled else accuracy_hit,
        "cqa_cat_hit_coverage": len(hits) / len(labelled) if labelled else None,
        "cqa_cat_macro_f1": macro_f1(table) if table else None,
        "cqa_per_category": table,
    }


# Results --------------------------------------------------------------------------------------------------------------


def collect_results(examples: Iterable[Example], *, spans_key: str = SPANS_KEY) -> List[QuestionResult]:
    """Set gold and predicted answers side by side.

    examples (Iterable[Example]): The examples.
    spans_key (str): Key of the span group, in prediction and gold.
    RETURNS (List[QuestionResult]): Every gold question that was asked.
    """
    return [result for example in examples for result in _example_results(example, spans_key)]


def _gold_questions(example: Example, spans_key: str) -> Dict[str, str]:
    return example.reference.spans[spans_key].attrs.get("questions", {})


def _example_results(example: Example, spans_key: str) -> List[QuestionResult]:
    if spans_key not in example.reference.spans or spans_key not in example.predicted.spans:
        return []
    gold, predicted = example.reference.spans[spans_key], example.predicted.spans[spans_key]
    asked = predicted.attrs.get("questions", {})
    note = str(example.reference.user_data.get("note", {}).get("id", ""))
    kinds = gold.attrs.get("kinds", {})
    results = {
        qid: QuestionResult(note, qid, text, kinds.get(qid, "single"))
        for qid, text in gold.attrs.get("questions", {}).items()
        if qid in asked
    }
    _add_gold(results, gold)
    _add_predicted(results, predicted)
    return list(results.values())


def _add_gold(results: Dict[str, QuestionResult], group: SpanGroup) -> None:
    texts = group.attrs.get("gold_texts") or [span.text for span in group]
    starts = group.attrs.get("gold_starts") or [span.start_char for span in group]
    also = group.attrs.get("also") or [() for _ in group]
    for n, span in enumerate(group):
        result = results.get(span.id_)
        if result is not None:
            result.gold_texts.append(texts[n])
            result.gold_spans.append((starts[n], starts[n] + len(texts[n])))
            result.category, result.also = span.label_, tuple(also[n] or ())


def _add_predicted(results: Dict[str, QuestionResult], group: SpanGroup) -> None:
    scores = group.attrs.get("scores") or [None for _ in group]
    for n, span in enumerate(group):
        result = results.get(span.id_)
        if result is not None:
            result.texts.append(span.doc.text[span.start_char : span.end_char])
            result.spans.append((span.start_char, span.end_char))
            result.labels.append(span.label_)
            result.score = scores[n] if result.score is None else result.score
    for qid, rows in group.attrs.get("given_category_scores", {}).items():
        if qid in results and len(rows):
            # All gold spans of a question bear one category, so their scores are averaged. A linker that knows nothing
            # of them leaves all at 0.
            scores = numpy.mean(rows, axis=0)
            results[qid].has_gold_label = True
            results[qid].gold_label = CATEGORIES[int(scores.argmax())] if scores.any() else ""
