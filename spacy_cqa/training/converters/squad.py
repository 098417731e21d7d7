"""SQuAD v1 and v2 JSON, with the optional keys of the open corpus, to records and back.

Form: Rajpurkar et al., 2016 (arXiv 1606.05250) and 2018 (arXiv 1806.03822).
"""

import json
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ...alignment import find_all, strip_span
from ...errors import Errors
from ...schemas import is_valid_id
from ...types import CATEGORIES, KINDS
from ..records import GoldAnswer, GoldQuestion, QARecord
from .report import ConversionReport

_QA_KEYS = ("id", "question", "answers", "is_impossible", "kind", "category", "also", "category_probs")
_ANSWER_KEYS = ("text", "answer_start")


# Reading --------------------------------------------------------------------------------------------------------------


def read_squad(path: Path, report: Optional[ConversionReport] = None) -> Iterator[QARecord]:
    """Read a SQuAD file, v1 or v2.

    path (Path): The file.
    report (Optional[ConversionReport]): Filled with what was repaired and dropped.
    YIELDS (QARecord): Notes in order. A wrong offset is repaired where the answer's text occurs once in the note, else
        the answer is dropped; a question that loses all its answers is dropped.
    RAISES (ValueError): E030 to E032: the file is missing, no JSON, or not in SQuAD form.
    """
    yield from records_from_squad(_load(path), source=str(path), report=report)


def _load(path: Path) -> Any:
    if not path.exists():
        raise ValueError(Errors.E031.format(path=path))
    try:
        return json.loads(path.read_text(encoding="utf8"))  # srsly's parser is inexact in the last digits of a float
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(Errors.E032.format(path=path, form="JSON in UTF-8", problem=error)) from error


def records_from_squad(
    data: Any, *, source: str = "the data", report: Optional[ConversionReport] = None
) -> Iterator[QARecord]:
    """Read SQuAD data; see `read_squad`.

    data (Any): The parsed JSON.
    source (str): Where it came from, for the message.
    report (Optional[ConversionReport]): Filled with what was repaired and dropped.
    YIELDS (QARecord): Notes in order.
    RAISES (ValueError): E030.
    """
    report = ConversionReport() if report is None else report
    articles = _member(data, "data", list, source, "the file")
    corpus = {key: value for key, value in data.items() if key != "data"}
    for number, article in enumerate(articles):
        paragraphs = _member(article, "paragraphs", list, source, f"data[{number}]")
        about = {key: value for key, value in article.items() if key != "paragraphs"}
        for part, paragraph in enumerate(paragraphs):
            place = f"data[{number}].paragraphs[{part}]"
            note_id = _note_id(paragraph, about, number, part, len(paragraphs), source, place)
            meta = {"corpus": corpus, "article": number, "about": about}
            yield _record(paragraph, note_id, meta, source, place, report)


def _member(parent: Any, key: str, kind: type, source: str, place: str) -> Any:
    if not isinstance(parent, dict) or not isinstance(parent.get(key), kind):
        problem = f"{place} has no {key!r} that is a {'list' if kind is list else 'text'}"
        raise ValueError(Errors.E030.format(path=source, problem=problem))
    return parent[key]


def _note_id(
    paragraph: Any, about: Dict[str, Any], number: int, part: int, n_parts: int, source: str, place: str
) -> str:
    if not isinstance(paragraph, dict):
        raise ValueError(Errors.E030.format(path=source, problem=f"{place} is no object"))
    if isinstance(paragraph.get("id"), (str, int)):
        return str(paragraph["id"])
    title = str(about.get("title") or f"note-{number}")
    return title if n_parts == 1 else f"{title}-{part}"


def _record(
    paragraph: Dict[str, Any], note_id: str, meta: Dict[str, Any], source: str, place: str, report: ConversionReport
) -> QARecord:
    text = _member(paragraph, "context", str, source, place)
    questions: Dict[str, GoldQuestion] = {}
    for number, qa in enumerate(_member(paragraph, "qas", list, source, place)):
        _member(qa, "question", str, source, f"{place}.qas[{number}]")
        question = _question(qa, text, note_id, number, questions, source, f"{place}.qas[{number}]", report)
        if question is not None:
            questions[question.id] = question
    report.notes += 1
    report.questions += len(questions)
    report.answers += sum(len(question.answers) for question in questions.values())
    known = {key: value for key, value in paragraph.items() if key not in ("context", "qas")}
    return QARecord(note_id, text, list(questions.values()), {**meta, **({"paragraph": known} if known else {})})


def _question(
    qa: Dict[str, Any],
    text: str,
    note_id: str,
    number: int,
    earlier: Dict[str, GoldQuestion],
    source: str,
    place: str,
    report: ConversionReport,
) -> Optional[GoldQuestion]:
    extra = {key: value for key, value in qa.items() if key not in _QA_KEYS}
    qid = _question_id(qa.get("id"), number, earlier)
    if qid != qa.get("id"):
        if "id" in qa:
            extra["id"] = qa["id"]
        report.repair(note_id, qid, "question id made usable and unique")
    if not qa["question"].strip():
        report.drop(note_id, qid, "question without text")
        return None
    given = qa.get("answers") or []
    if not isinstance(given, list):
        raise ValueError(Errors.E030.format(path=source, problem=f"{place}.answers is no list"))
    if qa.get("is_impossible"):
        if given:
            report.drop(note_id, qid, "answers of a question marked impossible")
            extra["answers"] = given
        return GoldQuestion(qid, qa["question"], "impossible", extra={**extra, **_labels_given(qa)})
    answers = [_answer(answer, text, note_id, qid, source, place, report) for answer in given]
    kept = [answer for answer in answers if answer is not None]
    if given and not kept:
        report.drop(note_id, qid, "question that lost all its answers")
        return None
    category, also, probs = _categories(qa, source, place)
    if not kept:
        return GoldQuestion(qid, qa["question"], "impossible", extra={**extra, **_labels_given(qa)})
    kind = qa.get("kind") or "single"
    if kind not in KINDS or kind == "impossible":
        raise ValueError(Errors.E030.format(path=source, problem=f"{place}.kind is {kind!r}, not one of {KINDS}"))
    return GoldQuestion(qid, qa["question"], kind, kept, category, also, probs, extra)


def _labels_given(qa: Dict[str, Any]) -> Dict[str, Any]:
    """Labels of a question without an answer mean nothing here, but are written back."""
    return {key: qa[key] for key in ("category", "also", "category_probs") if qa.get(key)}


def _question_id(found: Any, number: int, earlier: Dict[str, GoldQuestion]) -> str:
    qid = found if is_valid_id(found) else _usable(str(found)) if found is not None else f"q{number + 1}"
    unique, copies = qid, 2
    while unique in earlier:
        unique, copies = f"{qid}-{copies}", copies + 1
    return unique


def _usable(text: str) -> str:
    cleaned = "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "-" for char in text)
    return cleaned if is_valid_id(cleaned) else f"q{cleaned}"


def _categories(qa: Dict[str, Any], source: str, place: str) -> Tuple[Optional[str], List[str], Optional[List[float]]]:
    category, also, probs = qa.get("category"), qa.get("also") or [], qa.get("category_probs")
    if not isinstance(also, list):
        raise ValueError(Errors.E030.format(path=source, problem=f"{place}.also is no list"))
    unknown = [name for name in [category, *also] if name is not None and name not in CATEGORIES]
    if unknown:
        problem = f"{place} has the category {unknown[0]!r}, not one of {list(CATEGORIES)}"
        raise ValueError(Errors.E030.format(path=source, problem=problem))
    if probs is not None and not _are_probabilities(probs):
        problem = f"{place}.category_probs is not a list of {len(CATEGORIES)} numbers of at least 0"
        raise ValueError(Errors.E030.format(path=source, problem=problem))
    return category, list(also), probs


def _are_probabilities(value: Any) -> bool:
    numbers = isinstance(value, list) and all(isinstance(p, (int, float)) and p >= 0 for p in value)
    return numbers and len(value) == len(CATEGORIES)


def _answer(
    answer: Any, text: str, note_id: str, qid: str, source: str, place: str, report: ConversionReport
) -> Optional[GoldAnswer]:
    piece = _member(answer, "text", str, source, f"{place}.answers")
    start = answer.get("answer_start")
    extra = {key: value for key, value in answer.items() if key not in _ANSWER_KEYS}
    if not piece.strip():
        report.drop(note_id, qid, "answer without text")
        return None
    if not isinstance(start, int) or start < 0 or text[start : start + len(piece)] != piece:
        places = find_all(text, piece)
        if len(places) != 1:
            wrong = "its text occurs several times" if places else "its text is not in the note"
            report.drop(note_id, qid, f"answer with a wrong offset, and {wrong}")
            return None
        report.repair(note_id, qid, "offset moved to the only occurrence of the text")
        start = places[0]
    begin, end = strip_span(text, start, start + len(piece))
    if (begin, end) != (start, start + len(piece)):
        report.repair(note_id, qid, "white space cut off the answer's edges")
    return GoldAnswer(text[begin:end], begin, extra)


# Writing --------------------------------------------------------------------------------------------------------------


def records_to_squad(records: Iterable[QARecord]) -> Dict[str, Any]:
    """Write records as SQuAD v2 data with the optional keys.

    records (Iterable[QARecord]): The notes; those of one article stand together.
    RETURNS (Dict[str, Any]): Data for JSON.
    """
    corpus: Dict[str, Any] = {"version": "v2.0"}
    articles: List[Dict[str, Any]] = []
    last = None
    for record in records:
        corpus.update(record.meta.get("corpus", {}))
        article = record.meta.get("article")
        if article is None or article != last or not articles:
            articles.append({**record.meta.get("about", {"title": record.id}), "paragraphs": []})
        last = article
        articles[-1]["paragraphs"].append(_paragraph(record))
    return {**corpus, "data": articles}


def _paragraph(record: QARecord) -> Dict[str, Any]:
    qas = [_qa(question) for question in record.questions]
    return {**record.meta.get("paragraph", {}), "context": record.text, "qas": qas}


def _qa(question: GoldQuestion) -> Dict[str, Any]:
    qa: Dict[str, Any] = {
        "id": question.id,
        "question": question.text,
        "is_impossible": question.kind == "impossible",
        "kind": question.kind,
        "category": question.category,
        "also": question.also,
        "answers": [{"text": a.text, "answer_start": a.start, **a.extra} for a in question.answers],
    }
    if question.category_probs is not None:
        qa["category_probs"] = question.category_probs
    return {**qa, **question.extra}
