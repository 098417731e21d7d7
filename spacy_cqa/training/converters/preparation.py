"""The usual preparation of emrQA for training and testing.

Source: Yue et al., 2020 (CliniRC, arXiv 2005.00574), and Lanz and Pecina, 2024 (PAR-emrQA). Held-out templates ask
whether a model understands questions or knows their templates.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple

from ...errors import Errors
from ..records import GoldAnswer, GoldQuestion, QARecord
from .emrqa import SUBSETS
from .report import ConversionReport

_Keep = Callable[[GoldQuestion], bool]


def _check(name: str, value: Any, usable: bool, expected: str) -> None:
    if not usable:
        raise ValueError(Errors.E042.format(name=name, value=value, expected=expected))


@dataclass(frozen=True)
class Preparation:
    """How questions of emrQA are chosen and changed.

    subsets (Tuple[str, ...]): Subsets to keep, empty for all.
    evidence_answers (bool): The answer is its evidence line, trimmed, in place of the entity in it.
    drop_complex (bool): Drop questions whose answer has several parts.
    max_answer_words (int): Longest answer, in words; 0 for any.
    sample (Mapping[str, float]): Share of a subset's questions to keep in the training part; 1 where none is named.
    paraphrases (int): Most paraphrases of a question, 0 for all.
    held_out_templates (float): Share of the logical forms' templates that only the other parts have, and nothing else.
    held_out_paraphrases (float): The same of the questions' templates. A question of the other parts has to be held out
        in both ways where both are set.
    seed (int): Seed of every choice. A choice depends on the seed and an id alone, not on the order of the questions.
    RAISES (ValueError): E042.
    """

    subsets: Tuple[str, ...] = ()
    evidence_answers: bool = False
    drop_complex: bool = False
    max_answer_words: int = 0
    sample: Mapping[str, float] = field(default_factory=dict)
    paraphrases: int = 0
    held_out_templates: float = 0.0
    held_out_paraphrases: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for subset, share in self.sample.items():
            _check("sample", subset, subset in SUBSETS, f"by subsets, some of {list(SUBSETS)}")
            _check("sample", share, 0 < share <= 1, "a share above 0 and up to 1")
        for name in ("held_out_templates", "held_out_paraphrases"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < 1, "a share from 0 to below 1")
        for name in ("max_answer_words", "paraphrases"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "a whole number of at least 0")

    @property
    def holds_out(self) -> bool:
        """RETURNS (bool): Whether templates are held out, so that the parts differ in their questions."""
        return bool(self.held_out_templates or self.held_out_paraphrases)


USUAL = Preparation(
    subsets=("medication", "relations"),
    evidence_answers=True,
    drop_complex=True,
    max_answer_words=20,
    sample={"medication": 0.2, "relations": 0.05},
)
"""The preparation of CliniRC; its splits are by note, 70/10/20."""


@dataclass(frozen=True)
class HeldOut:
    """Templates that the training part lacks.

    templates (FrozenSet[str]): Templates of logical forms.
    question_templates (FrozenSet[str]): Templates of questions.
    """

    templates: FrozenSet[str] = frozenset()
    question_templates: FrozenSet[str] = frozenset()


def hold_out(settings: Preparation, templates: Iterable[str], question_templates: Iterable[str]) -> HeldOut:
    """Choose the templates to hold out: their share of all, at least one, never all.

    settings (Preparation): The shares and the seed.
    templates (Iterable[str]): All templates of logical forms.
    question_templates (Iterable[str]): All templates of questions.
    RETURNS (HeldOut): The chosen ones.
    RAISES (ValueError): E042, if there are too few to leave some to each side.
    """
    return HeldOut(
        _choose(templates, "held_out_templates", settings),
        _choose(question_templates, "held_out_paraphrases", settings),
    )


def _choose(names: Iterable[str], setting: str, settings: Preparation) -> FrozenSet[str]:
    share = getattr(settings, setting)
    if not share:
        return frozenset()
    ranked = sorted(set(names), key=lambda name: (_draw(settings.seed, name), name))
    _check(setting, share, len(ranked) > 1, f"0 for data of fewer than two templates, and these have {len(ranked)}")
    return frozenset(ranked[: min(max(round(share * len(ranked)), 1), len(ranked) - 1)])


def _draw(seed: int, name: str) -> float:
    """A number from 0 to below 1 that depends on the seed and the name alone."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode("utf8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def prepare_record(
    record: QARecord,
    settings: Preparation,
    *,
    part: str = "train",
    held_out: Optional[HeldOut] = None,
    report: Optional[ConversionReport] = None,
) -> Optional[QARecord]:
    """Prepare a note: subset, complex answers, evidence, length, templates, paraphrases and sampling, in this order.

    record (QARecord): A note as `read_emrqa` gives it.
    settings (Preparation): What to do.
    part (str): Its part of a split; only "train" is sampled and lacks what is held out.
    held_out (Optional[HeldOut]): The chosen templates; nothing is held out without.
    report (Optional[ConversionReport]): What is dropped is counted in it, and taken off the kept questions and answers.
    RETURNS (Optional[QARecord]): The prepared note, None where no question is left.
    """
    report = ConversionReport() if report is None else report
    questions = _with_usable_answers(record, settings, report)
    questions = _of_part(record, questions, settings, part, held_out or HeldOut(), report)
    report.questions -= len(record.questions) - len(questions)
    report.answers -= _n_answers(record.questions) - _n_answers(questions)
    return replace(record, questions=questions) if questions else None


def _with_usable_answers(record: QARecord, settings: Preparation, report: ConversionReport) -> List[GoldQuestion]:
    if settings.subsets and record.meta.get("subset") not in settings.subsets:
        return []
    questions = record.questions
    if settings.drop_complex:
        questions = _filter(record, questions, report, "complex answer", lambda question: question.kind != "list")
    if settings.evidence_answers:
        questions = [_by_evidence(record, question, report) for question in questions]
    if settings.max_answer_words:
        questions = [q for old in questions for q in _short(record, old, settings.max_answer_words, report)]
    return questions


def _of_part(
    record: QARecord,
    questions: List[GoldQuestion],
    settings: Preparation,
    part: str,
    held_out: HeldOut,
    report: ConversionReport,
) -> List[GoldQuestion]:
    if settings.holds_out:
        keep = _template_filter(settings, held_out, part)
        questions = _filter(record, questions, report, f"template that is not for {part}", keep)
    if settings.paraphrases:
        chosen = _chosen_paraphrases(questions, settings)
        questions = _filter(record, questions, report, "further paraphrase", lambda question: question.id in chosen)
    share = settings.sample.get(record.meta.get("subset", ""), 1.0) if part == "train" else 1.0
    if share < 1:
        # By the note's id as well, or the questions of the same numbers would be drawn in every note.
        drawn = {question.id: _draw(settings.seed, f"{record.id}:{question.id}") for question in questions}
        questions = _filter(record, questions, report, "not sampled", lambda question: drawn[question.id] < share)
    return questions


def _n_answers(questions: Iterable[GoldQuestion]) -> int:
    return sum(len(question.answers) for question in questions)


def _filter(
    record: QARecord, questions: List[GoldQuestion], report: ConversionReport, reason: str, keep: _Keep
) -> List[GoldQuestion]:
    kept = []
    for question in questions:
        if keep(question):
            kept.append(question)
        else:
            report.drop(record.id, question.id, f"preparation: {reason}")
    return kept


def _by_evidence(record: QARecord, question: GoldQuestion, report: ConversionReport) -> GoldQuestion:
    """The question with the evidence lines as its answers, each once."""
    answers: Dict[Tuple[int, int], GoldAnswer] = {}
    for answer in question.answers:
        start, end = answer.extra.get("evidence", (answer.start, answer.end))
        if (start, end) in answers:
            report.drop(record.id, question.id, "preparation: answer with the same evidence")
        answers.setdefault((start, end), GoldAnswer(record.text[start:end], start, answer.extra))
    return replace(question, answers=list(answers.values()))


def _short(record: QARecord, question: GoldQuestion, limit: int, report: ConversionReport) -> List[GoldQuestion]:
    """The question with its short answers, or nothing. A list is answered by all of its parts, so one long part is
    enough to drop it."""
    short = [answer for answer in question.answers if len(answer.text.split()) <= limit]
    n_long = len(question.answers) - len(short)
    if n_long:
        report.drop(record.id, question.id, f"preparation: answer of over {limit} words", count=n_long)
    if not short or (n_long and question.kind == "list"):
        report.drop(record.id, question.id, "preparation: question that lost its answers")
        return []
    return [replace(question, answers=short)]


def _template_filter(settings: Preparation, held_out: HeldOut, part: str) -> _Keep:
    asked = [
        (key, chosen)
        for key, chosen, share in (
            ("template", held_out.templates, settings.held_out_templates),
            ("question_template", held_out.question_templates, settings.held_out_paraphrases),
        )
        if share
    ]

    def keep(question: GoldQuestion) -> bool:
        # A question of unknown template may be of a held-out one, so it belongs to no part.
        names = [(question.extra.get(key), chosen) for key, chosen in asked]
        return all(name is not None and (name in chosen) == (part != "train") for name, chosen in names)

    return keep


def _chosen_paraphrases(questions: Iterable[GoldQuestion], settings: Preparation) -> Set[str]:
    groups: Dict[Any, List[str]] = {}
    for question in questions:
        groups.setdefault(question.extra.get("qa", question.id), []).append(question.id)
    ranked = (sorted(ids, key=lambda qid: _draw(settings.seed, f"paraphrase:{qid}")) for ids in groups.values())
    return {qid for ids in ranked for qid in ids[: settings.paraphrases]}
