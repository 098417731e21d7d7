"""Weak category labels on data, and how well they agree with labels given by hand."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence

from ..calibration import expected_calibration_error
from ..categories import Distribution, agree, average, best_category, soft_label
from ..metrics import settle_label
from ..ontology.labels import WeakLabel, WeakLabeller
from ..types import CATEGORIES
from .records import LABEL_SOURCE, LOGICAL_FORM, GoldQuestion, QARecord


@dataclass
class LabelReport:
    """What labelling did, by source: labels given, and questions whose label was left alone (`kept`) or that have none
    (`none`)."""

    labelled: Counter = field(default_factory=Counter)
    kept: int = 0
    none: int = 0

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The report as plain data."""
        return {"labelled": dict(self.labelled), "kept": self.kept, "none": self.none}


def label_records(
    records: Iterable[QARecord],
    labeller: WeakLabeller,
    *,
    overwrite: bool = False,
    report: Optional[LabelReport] = None,
) -> Iterator[QARecord]:
    """Label the answers of notes: hand labels stay, labels from logical forms are narrowed down once, all others are
    set anew. A question has the mean of its answers' labels.

    records (Iterable[QARecord]): The notes.
    labeller (WeakLabeller): Labels answers.
    overwrite (bool): Whether hand labels are replaced too, where there is a weak one.
    report (Optional[LabelReport]): Filled with what was done.
    YIELDS (QARecord): The notes, with `category`, `category_probs` and, in `extra`, `label_source` of their questions.
    """
    report = LabelReport() if report is None else report
    for record in records:
        labels = question_labels(record, labeller)
        questions = [_relabel(question, labels.get(question.id), overwrite, report) for question in record.questions]
        yield replace(record, questions=questions)


def question_labels(record: QARecord, labeller: WeakLabeller) -> Dict[str, WeakLabel]:
    """RETURNS (Dict[str, WeakLabel]): The weak label of each question that has one, by id."""
    owners = [question.id for question in record.questions for _ in question.answers]
    spans = [(answer.start, answer.end) for question in record.questions for answer in question.answers]
    by_question: Dict[str, List[WeakLabel]] = {}
    for qid, label in zip(owners, labeller.label(record.text, spans)):
        if label is not None:
            by_question.setdefault(qid, []).append(label)
    return {qid: _join(labels) for qid, labels in by_question.items()}


def _join(labels: Sequence[WeakLabel]) -> WeakLabel:
    source, _ = Counter(label.source for label in labels).most_common(1)[0]
    mean = average([label.distribution for label in labels])
    return WeakLabel(labels[0].distribution if mean is None else mean, source)


def _relabel(question: GoldQuestion, label: Optional[WeakLabel], overwrite: bool, report: LabelReport) -> GoldQuestion:
    if not question.answers:
        return question
    source = question.extra.get(LABEL_SOURCE)
    prior = soft_label(question.category or "", question.also, question.category_probs)
    if prior is not None and _is_settled(source, label, overwrite):
        report.kept += 1
        return question
    if label is None:
        report.none += 1
        extra = {key: value for key, value in question.extra.items() if key != LABEL_SOURCE}
        return replace(question, category=None, also=[], category_probs=None, extra=extra)
    if source == LOGICAL_FORM and prior is not None:
        label = WeakLabel(agree(prior, label.distribution), f"{LOGICAL_FORM}+{label.source}")
    report.labelled[label.source] += 1
    return replace(
        question,
        category=best_category(label.distribution),
        also=[],
        category_probs=list(label.distribution),
        extra={**question.extra, LABEL_SOURCE: label.source},
    )


def _is_settled(source: Optional[str], label: Optional[WeakLabel], overwrite: bool) -> bool:
    """Whether a label that a question has stays as it is."""
    if source is None:
        return label is None or not overwrite
    # Narrowing down again would count the same evidence twice.
    return source.startswith(LOGICAL_FORM) and (label is None or source != LOGICAL_FORM)


# Agreement ------------------------------------------------------------------------------------------------------------


def agreement(records: Sequence[QARecord], labeller: WeakLabeller) -> Dict[str, Any]:
    """Compare weak labels with those given by hand, answer by answer, for each source alone and for their union.

    records (Sequence[QARecord]): Notes, some of whose questions are labelled by hand.
    labeller (WeakLabeller): Labels answers.
    RETURNS (Dict[str, Any]): By source and "union": `answers`, `labelled`, `coverage`, `accuracy` and `ece` (expected
        calibration error, of the labelled ones), `confusion` {by hand: {weak: count}}. A label is right if it is the
        annotated category or among `also`.
    """
    alone = {source: replace_sources(labeller, [source]) for source in labeller.sources}
    return {name: _agreement(records, one) for name, one in {**alone, "union": labeller}.items()}


def replace_sources(labeller: WeakLabeller, sources: Sequence[str]) -> WeakLabeller:
    """RETURNS (WeakLabeller): The same labeller with other sources."""
    return WeakLabeller(labeller.kb, settings=labeller.settings, sources=sources)


def _agreement(records: Sequence[QARecord], labeller: WeakLabeller) -> Dict[str, Any]:
    total, confidences, right = 0, [], []
    confusion = {category: dict.fromkeys(CATEGORIES, 0) for category in CATEGORIES}
    for record in records:
        golds = [(q, a) for q in record.questions if q.category and LABEL_SOURCE not in q.extra for a in q.answers]
        labels = labeller.label(record.text, [(answer.start, answer.end) for _, answer in golds])
        total += len(golds)
        for (question, _), label in zip(golds, labels):
            if label is not None:
                weak = best_category(label.distribution)
                gold = settle_label(weak, question.category or "", question.also)
                confusion[gold][weak] += 1
                confidences.append(_confidence(label.distribution))
                right.append(gold == weak)
    return {
        "answers": total,
        "labelled": len(right),
        "coverage": len(right) / total if total else None,
        "accuracy": sum(right) / len(right) if right else None,
        "ece": expected_calibration_error(confidences, right),
        "confusion": confusion,
    }


def _confidence(distribution: Distribution) -> float:
    return max(distribution)
