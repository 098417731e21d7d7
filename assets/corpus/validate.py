"""Checks the open corpus and counts it: `python assets/corpus/validate.py [FOLDER] [--statistics] [--agreement]`.

Exit code 1 if there is a problem. The checks are pure functions over the parsed JSON, so that tests can call them.
"""

import argparse
import json
import re
import sys
from collections import Counter
from itertools import chain, combinations
from pathlib import Path
from statistics import median
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from spacy_cqa.alignment import holds_words
from spacy_cqa.metrics import normalize_answer, overlaps, set_f1, token_f1
from spacy_cqa.types import CATEGORIES, ENTITY_FLAGS, KINDS

SPLITS = {"train": 0.7, "dev": 0.1, "test": 0.2}
"""The splits, and the share of the notes that each should have."""

NOTE_KINDS = (
    "admission history",
    "clinic visit",
    "consult letter",
    "discharge instructions",
    "discharge summary",
    "emergency note",
    "nursing note",
    "operative note",
    "pathology report",
    "progress note",
    "radiology report",
    "telephone encounter",
)

# Two questions that differ in these alone ask the same.
_SMALL_WORDS = frozenset(
    """is was are were be been do does did has have had he she his her him they their patient this that of for to in on
    at with by from it its any what which who how much many when why there""".split()  # noqa: SIM905 - a list is no clearer
)

Corpus = Dict[str, Dict[str, Any]]  # split -> its parsed JSON


class Limits(NamedTuple):
    """What the corpus has to keep to.

    notes (int): Least number of notes.
    questions (int): Least number of questions.
    note_kinds (int): Least number of kinds of note in a split.
    answer_words (int): Longest answer.
    shared_ngrams (float): Greatest share of word 5-grams common to two notes of different splits.
    split_tolerance (float): How far the share of a split may be from the intended one.
    category_factor (float): How often the most frequent category may occur, compared with the rarest.
    kind_share (float): Least share of impossible questions, and of list questions.
    entities (float): Least number of entities in 100 words of a note.
    """

    notes: int = 320
    questions: int = 4000
    note_kinds: int = len(NOTE_KINDS)
    answer_words: int = 16
    shared_ngrams: float = 0.2
    split_tolerance: float = 0.03
    category_factor: float = 1.5
    kind_share: float = 0.19
    entities: float = 3.0


LIMITS = Limits()


class Problem(NamedTuple):
    """Something wrong.

    place (str): The split, or the id of the note and of the question.
    message (str): What is wrong.
    """

    place: str
    message: str


class Overlap(NamedTuple):
    """The share of word 5-grams that two notes have in common.

    share (float): From 0 to 1.
    first (str): Id of one note.
    second (str): Id of the other.
    """

    share: float
    first: str
    second: str


def read_corpus(folder: Path) -> Corpus:
    """Read the files of the splits.

    folder (Path): The folder with train.json, dev.json and test.json.
    RETURNS (Corpus): The parsed files by split.
    RAISES (OSError, ValueError): A file is missing, or is not JSON in UTF-8.
    """
    return {split: json.loads((folder / f"{split}.json").read_text(encoding="utf8")) for split in SPLITS}


def find_problems(corpus: Corpus, limits: Limits = LIMITS) -> List[Problem]:
    """Run every check.

    corpus (Corpus): The parsed files by split.
    limits (Limits): What the corpus has to keep to.
    RETURNS (List[Problem]): All problems; only those of the form where it is wrong, as nothing else can be read then.
    """
    malformed = list(check_form(corpus))
    if malformed:
        return malformed
    return list(
        chain(
            check_header(corpus),
            check_ids(corpus),
            check_notes(corpus),
            check_answers(corpus, limits),
            check_labels(corpus),
            check_entities(corpus, limits),
            check_split_overlap(corpus, limits),
            check_repeated_questions(corpus),
            check_size(corpus, limits),
            check_balance(corpus, limits),
        )
    )


def notes_of(corpus: Corpus) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """YIELDS (Tuple[str, Dict[str, Any]]): Each note with its split."""
    for split, data in corpus.items():
        for article in data["data"]:
            for note in article["paragraphs"]:
                yield split, note


def questions_of(corpus: Corpus) -> Iterator[Tuple[str, Dict[str, Any], Dict[str, Any]]]:
    """YIELDS (Tuple[str, Dict[str, Any], Dict[str, Any]]): Each question, after its split and its note."""
    for split, note in notes_of(corpus):
        for qa in note["qas"]:
            yield split, note, qa


# Form -----------------------------------------------------------------------------------------------------------------

# An object is given as a dict of its keys, all required but those in `_OPTIONAL`, a list by the form of its items, a
# value by its types.
_OPTIONAL = {"category_probs"}
_ANSWER = {"text": (str,), "answer_start": (int,)}
_QUESTION = {
    "id": (str,),
    "question": (str,),
    "is_impossible": (bool,),
    "kind": (str,),
    "category": (str, type(None)),
    "also": [(str,)],
    "category_probs": [(float, int)],
    "answers": [_ANSWER],
}
_ENTITY = {
    "start": (int,),
    "end": (int,),
    "text": (str,),
    "category": (str,),
    **dict.fromkeys(ENTITY_FLAGS, (bool,)),
}
_NOTE = {
    "id": (str,),
    "kind": (str,),
    "specialty": (str,),
    "context": (str,),
    "qas": [_QUESTION],
    "entities": [_ENTITY],
}
_ARTICLE = {"title": (str,), "paragraphs": [_NOTE]}
_FILE = {"version": (str,), "name": (str,), "license": (str,), "split": (str,), "data": [_ARTICLE]}


def check_form(corpus: Corpus) -> Iterator[Problem]:
    """YIELDS (Problem): Missing and unknown keys, and values of the wrong type."""
    for split, data in corpus.items():
        yield from _check_value(data, _FILE, split)


def _check_value(found: Any, form: Any, place: str) -> Iterator[Problem]:
    if isinstance(form, dict):
        yield from _check_object(found, form, place)
    elif isinstance(form, list):
        if not isinstance(found, list):
            yield Problem(place, "not a list")
            return
        for number, item in enumerate(found):
            yield from _check_value(item, form[0], f"{place}[{number}]")
    elif type(found) not in form:  # not isinstance: true is no offset
        yield Problem(place, f"wrong type of value: {found!r}")


def _check_object(found: Any, form: Dict[str, Any], place: str) -> Iterator[Problem]:
    if not isinstance(found, dict):
        yield Problem(place, "not an object")
        return
    if isinstance(found.get("id"), str):
        place = found["id"]
    for key in sorted((form.keys() ^ found.keys()) - (_OPTIONAL & form.keys())):
        yield Problem(place, f"missing key {key!r}" if key in form else f"unknown key {key!r}")
    for key in [key for key in form if key in found]:
        yield from _check_value(found[key], form[key], f"{place}.{key}")


def check_header(corpus: Corpus) -> Iterator[Problem]:
    """YIELDS (Problem): Wrong version, name, license or split of a file."""
    names = {data["name"] for data in corpus.values()}
    if len(names) > 1 or "" in names:
        yield Problem("corpus", f"the files need one and the same name, not {sorted(names)}")
    for split, data in corpus.items():
        for key, expected in (("version", "v2.0"), ("license", "CC BY 4.0"), ("split", split)):
            if data[key] != expected:
                yield Problem(split, f"{key} is {data[key]!r}, not {expected!r}")
        for article in data["data"]:
            ids = [note["id"] for note in article["paragraphs"]]
            if ids != [article["title"]]:
                yield Problem(article["title"], f"not one paragraph with the title as its id: {ids}")


def check_ids(corpus: Corpus) -> Iterator[Problem]:
    """YIELDS (Problem): Ids of the wrong form, and ids given twice."""
    for _, note in notes_of(corpus):
        if not re.fullmatch(r"note-\d{3}", note["id"]):
            yield Problem(note["id"], "note id is not of the form note-NNN")
    for _, note, qa in questions_of(corpus):
        if not re.fullmatch(re.escape(note["id"]) + r"-\d{2}", qa["id"]):
            yield Problem(_place(note, qa), "question id is not the note's id with -NN")
    yield from _repeated((note["id"] for _, note in notes_of(corpus)), "note id is not unique")
    yield from _repeated((qa["id"] for _, _, qa in questions_of(corpus)), "question id is not unique")


def _repeated(ids: Iterable[str], message: str) -> Iterator[Problem]:
    for repeated, count in Counter(ids).items():
        if count > 1:
            yield Problem(repeated, message)


def _place(note: Dict[str, Any], qa: Dict[str, Any]) -> str:
    return f"{note['id']} {qa['id']}"


# Notes, answers, labels -----------------------------------------------------------------------------------------------


def check_notes(corpus: Corpus) -> Iterator[Problem]:
    """YIELDS (Problem): Empty notes, unknown kinds of note, and questions that are empty or asked twice in a note."""
    for _, note in notes_of(corpus):
        if not note["context"].strip() or not note["specialty"].strip():
            yield Problem(note["id"], "note without text or specialty")
        if note["kind"] not in NOTE_KINDS:
            yield Problem(note["id"], f"unknown kind of note: {note['kind']!r}")
        asked: Set[str] = set()
        for qa in note["qas"]:
            text = normalize_answer(qa["question"])
            if not text or text in asked:
                yield Problem(_place(note, qa), "question asked twice in the note" if text else "question without text")
            asked.add(text)


def check_answers(corpus: Corpus, limits: Limits) -> Iterator[Problem]:
    """YIELDS (Problem): Answers at a wrong place, too long, overlapping, or given away by their question."""
    for _, note, qa in questions_of(corpus):
        place = _place(note, qa)
        for answer in qa["answers"]:
            yield from (Problem(place, message) for message in _answer_faults(answer, note["context"], limits))
            if gives_away(qa["question"], answer["text"]):
                yield Problem(place, f"the question holds its answer: {answer['text']!r}")
        for first, second in combinations(map(_span, qa["answers"]), 2):
            if overlaps(first, second):
                yield Problem(place, f"answers overlap: {first} and {second}")


def _answer_faults(answer: Dict[str, Any], context: str, limits: Limits) -> Iterator[str]:
    text, (start, end) = answer["text"], _span(answer)
    if start < 0 or context[start:end] != text:
        yield f"answer is not at its offset {start}: {text!r}"
    if not text or text != text.strip():
        yield f"answer is empty or has white space at its edges: {text!r}"
    if len(text.split()) > limits.answer_words:
        yield f"answer has {len(text.split())} words, more than {limits.answer_words}: {text!r}"


def _span(answer: Dict[str, Any]) -> Tuple[int, int]:
    return answer["answer_start"], answer["answer_start"] + len(answer["text"])


def gives_away(question: str, answer: str) -> bool:
    """Whether a question says its answer.

    question (str): The question.
    answer (str): The answer.
    RETURNS (bool): Whether an answer of two or more words stands in the question, in whatever case.
    """
    # One word may be needed to say what is asked; whole words only, so that "10 mg" is not found in "110 mg".
    return len(answer.split()) > 1 and holds_words(question, answer)


def check_labels(corpus: Corpus) -> Iterator[Problem]:
    """YIELDS (Problem): Kinds and categories that are unknown, or at odds with the answers or with one another."""
    for _, note, qa in questions_of(corpus):
        for message in chain(_kind_faults(qa), _category_faults(qa)):
            yield Problem(_place(note, qa), message)


def _kind_faults(qa: Dict[str, Any]) -> Iterator[str]:
    kind, count = qa["kind"], len(qa["answers"])
    if kind not in KINDS:
        yield f"unknown kind of question: {kind!r}"
        return
    expected = {"single": count == 1, "list": count >= 2, "impossible": count == 0}
    if not expected[kind]:
        yield f"kind {kind!r} with {count} answers"
    if qa["is_impossible"] != (kind == "impossible"):
        yield f"kind {kind!r} with is_impossible {qa['is_impossible']}"


def _category_faults(qa: Dict[str, Any]) -> Iterator[str]:
    category, also = qa["category"], qa["also"]
    if category is not None and category not in CATEGORIES:
        yield f"unknown category: {category!r}"
    if (category is None) != (qa["kind"] == "impossible"):
        yield f"kind {qa['kind']!r} with category {category!r}"
    if not set(also) <= set(CATEGORIES) - {category} or len(set(also)) < len(also) or (also and category is None):
        yield f"also is {also}: only other categories, each once, beside a category"
        return
    yield from _soft_label_faults(qa.get("category_probs"), category, also)


def _soft_label_faults(probs: Optional[List[float]], category: Optional[str], also: List[str]) -> Iterator[str]:
    if (probs is None) == bool(also):
        yield "category_probs belongs to also: both, or neither of them"
    elif probs is not None:
        if len(probs) != len(CATEGORIES) or min(probs) < 0 or abs(sum(probs) - 1) > 1e-6:
            yield f"category_probs is {probs}: five shares that sum to 1"
            return
        likely = {name for name, share in zip(CATEGORIES, probs, strict=True) if share}
        if likely != {category, *also} or probs[CATEGORIES.index(str(category))] < max(probs):
            yield f"category_probs is {probs}: shares of the category, the greatest, and of {also}"


def check_entities(corpus: Corpus, limits: Limits) -> Iterator[Problem]:
    """YIELDS (Problem): Entities at a wrong place, overlapping or out of order, of no known category, or too few."""
    for _, note in notes_of(corpus):
        end = 0
        for number, entity in enumerate(note["entities"]):
            place = f"{note['id']} entity {number}"
            start, text = entity["start"], entity["text"]
            placed = start >= 0 and entity["end"] == start + len(text) and note["context"].startswith(text, start)
            if not placed or not text or text != text.strip():
                yield Problem(place, f"entity is not at its offset {entity['start']}: {entity['text']!r}")
            if entity["start"] < end:
                yield Problem(place, "entities overlap, or are not in the order of the note")
            if entity["category"] not in CATEGORIES:
                yield Problem(place, f"unknown category: {entity['category']!r}")
            end = entity["end"]
        words = len(note["context"].split())
        if len(note["entities"]) < limits.entities * words / 100:
            yield Problem(note["id"], f"{len(note['entities'])} entities in {words} words: some are missing")


# Splits ---------------------------------------------------------------------------------------------------------------


def word_ngrams(text: str, n: int = 5) -> FrozenSet[str]:
    """The word n-grams of a text, in lower case.

    text (str): The text.
    n (int): Number of words.
    RETURNS (FrozenSet[str]): The n-grams, words separated by a space; none of a text of fewer words.
    """
    words = re.findall(r"\w+", text.lower())
    return frozenset(" ".join(words[start : start + n]) for start in range(len(words) - n + 1))


def shared_ngrams(first: FrozenSet[str], second: FrozenSet[str]) -> float:
    """How much of the smaller set is in the other one, so that a short note copied into a long one is found too.

    first (FrozenSet[str]): N-grams of a note.
    second (FrozenSet[str]): N-grams of another note.
    RETURNS (float): From 0 to 1; 0 where a set is empty.
    """
    smaller = min(len(first), len(second))
    return len(first & second) / smaller if smaller else 0.0


def split_overlaps(corpus: Corpus) -> Iterator[Overlap]:
    """YIELDS (Overlap): Of any two notes of different splits, what they share."""
    ngrams = [(split, note["id"], word_ngrams(note["context"])) for split, note in notes_of(corpus)]
    for (split, first, ours), (other, second, theirs) in combinations(ngrams, 2):
        if split != other:
            yield Overlap(shared_ngrams(ours, theirs), first, second)


def greatest_overlap(corpus: Corpus) -> Optional[Overlap]:
    """RETURNS (Optional[Overlap]): The two notes of different splits that share most; None of a single split."""
    return max(split_overlaps(corpus), default=None)


def check_split_overlap(corpus: Corpus, limits: Limits) -> Iterator[Problem]:
    """YIELDS (Problem): Notes of different splits that share too much text."""
    for share, first, second in split_overlaps(corpus):
        if share > limits.shared_ngrams:
            yield Problem(f"{first} {second}", f"notes of different splits share {share:.1%} of their word 5-grams")


def check_repeated_questions(corpus: Corpus) -> Iterator[Problem]:
    """YIELDS (Problem): Questions of dev and test that stand in train in nearly the same words, with the same answers
    or both with none."""
    trained = {_asked_and_answered(qa): qa["id"] for split, _, qa in questions_of(corpus) if split == "train"}
    for split, note, qa in questions_of(corpus):
        same = trained.get(_asked_and_answered(qa))
        if split != "train" and same:
            yield Problem(_place(note, qa), f"question and answers of {split} stand in train too: {same}")


def _asked_and_answered(qa: Dict[str, Any]) -> Tuple[FrozenSet[str], FrozenSet[str]]:
    words = frozenset(normalize_answer(qa["question"]).split()) - _SMALL_WORDS
    return words, frozenset(normalize_answer(answer["text"]) for answer in qa["answers"])


def check_size(corpus: Corpus, limits: Limits) -> Iterator[Problem]:
    """YIELDS (Problem): Too few notes or questions, and splits of the wrong size or without some kind of note."""
    kinds: Dict[str, Counter] = {split: Counter() for split in SPLITS}
    for split, note in notes_of(corpus):
        kinds[split][note["kind"]] += 1
    notes = sum(counts.total() for counts in kinds.values())
    questions = sum(1 for _ in questions_of(corpus))
    if notes < limits.notes:
        yield Problem("corpus", f"{notes} notes, fewer than {limits.notes}")
    if questions < limits.questions:
        yield Problem("corpus", f"{questions} questions, fewer than {limits.questions}")
    for split, intended in SPLITS.items():
        share = kinds[split].total() / max(notes, 1)
        if abs(share - intended) > limits.split_tolerance:
            yield Problem(split, f"{share:.1%} of the notes, not {intended:.0%}")
        if len(kinds[split]) < limits.note_kinds:
            yield Problem(split, f"{len(kinds[split])} kinds of note, fewer than {limits.note_kinds}")


def check_balance(corpus: Corpus, limits: Limits) -> Iterator[Problem]:
    """YIELDS (Problem): Categories out of balance, and too few impossible or list questions."""
    questions = [qa for _, _, qa in questions_of(corpus)]
    counts = [sum(qa["category"] == category for qa in questions) for category in CATEGORIES]
    if max(counts) > limits.category_factor * min(counts):
        listed = ", ".join(f"{category} {count}" for category, count in zip(CATEGORIES, counts, strict=True))
        yield Problem("corpus", f"categories out of balance: {listed}")
    for kind in ("impossible", "list"):
        share = sum(qa["kind"] == kind for qa in questions) / max(len(questions), 1)
        if share < limits.kind_share:
            yield Problem("corpus", f"{share:.1%} {kind} questions, fewer than {limits.kind_share:.0%}")


# Statistics -----------------------------------------------------------------------------------------------------------

Statistics = Dict[str, Dict[str, Dict[str, int]]]  # table -> row -> column -> count

_LENGTHS = {"1 word": 1, "2 words": 2, "3 words": 3, "4 to 6 words": 6, "7 to 10 words": 10, "11 words and more": 10**6}


def statistics(corpus: Corpus) -> Statistics:
    """Count the corpus.

    corpus (Corpus): The parsed files by split, in the right form.
    RETURNS (Statistics): By table, row, and column (a split, or `all`), the count.
    """
    columns = {split: _count({split: data}) for split, data in corpus.items()}
    columns["all"] = _count(corpus)
    tables: Statistics = {}
    for column, counts in columns.items():
        for table, rows in counts.items():
            for row, count in rows.items():
                tables.setdefault(table, {}).setdefault(row, {})[column] = count
    return tables


def _count(corpus: Corpus) -> Dict[str, Dict[str, int]]:
    notes = [note for _, note in notes_of(corpus)]
    questions = [qa for note in notes for qa in note["qas"]]
    answers = [answer["text"] for qa in questions for answer in qa["answers"]]
    note_words = [len(note["context"].split()) for note in notes]
    answer_words = [len(answer.split()) for answer in answers]
    entities = [entity for note in notes for entity in note["entities"]]
    second = sum(bool(qa["also"]) for qa in questions)
    return {
        "size": {
            "notes": len(notes),
            "words": sum(note_words),
            "questions": len(questions),
            "answers": len(answers),
            "entities": len(entities),
        },
        "category": {**_tally(CATEGORIES, (qa["category"] for qa in questions)), "with a second category": second},
        "kind of question": _tally(KINDS, (qa["kind"] for qa in questions)),
        "kind of note": _tally(NOTE_KINDS, (note["kind"] for note in notes)),
        "words of a note": _spread(note_words),
        "entity": {
            **_tally(CATEGORIES, (entity["category"] for entity in entities)),
            **{flag: sum(entity[flag] for entity in entities) for flag in ENTITY_FLAGS},
        },
        "words of an answer": {**_tally(_LENGTHS, map(_length, answer_words)), **_spread(answer_words)},
    }


def _tally(names: Iterable[str], found: Iterable[Optional[str]]) -> Dict[str, int]:
    counts = Counter(found)
    return {name: counts[name] for name in names}


def _spread(lengths: Sequence[int]) -> Dict[str, int]:
    lengths = lengths or [0]
    return {"shortest": min(lengths), "median": round(median(lengths)), "longest": max(lengths)}


def _length(words: int) -> str:
    return next(name for name, most in _LENGTHS.items() if words <= most)


def markdown_tables(tables: Statistics) -> str:
    """RETURNS (str): The counts as Markdown tables, a blank line between them."""
    return "\n\n".join(_markdown_table(name, rows) for name, rows in tables.items())


def _markdown_table(name: str, rows: Dict[str, Dict[str, int]]) -> str:
    columns = next(iter(rows.values())).keys()
    lines = [f"| {name} | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    lines += [f"| {row} | {' | '.join(str(counts[column]) for column in columns)} |" for row, counts in rows.items()]
    return "\n".join(lines)


# Second reading -------------------------------------------------------------------------------------------------------


class Agreement(NamedTuple):
    """How well a second reader, who did not see the answers, agrees with the corpus.

    questions (int): How many were read again.
    share (float): Of all questions.
    span_f1 (float): Mean F1 of the answers: of words, of sets for lists; 1 where both say that there is none.
    unanswerable (float): Share of the impossible questions that the reader left unanswered.
    category (float): Share of the questions answered by both whose category is right, `also` included.
    """

    questions: int
    share: float
    span_f1: float
    unanswerable: float
    category: float


def read_agreement(corpus: Corpus, folder: Path) -> Agreement:
    """Compare the corpus with its second reading.

    corpus (Corpus): The parsed files by split.
    folder (Path): The folder with second_reading.json: by id of a question, `answers` (texts) and `category`.
    RETURNS (Agreement): The agreement.
    RAISES (OSError, ValueError): The file is missing, is not JSON in UTF-8, or is of another corpus.
    """
    reading = json.loads((folder / "second_reading.json").read_text(encoding="utf8"))
    questions = {qa["id"]: qa for _, _, qa in questions_of(corpus)}
    unknown = sorted(reading.keys() - questions.keys())
    if unknown or not reading:
        raise ValueError(f"second_reading.json has no questions of this corpus, but {unknown[:3]}")
    pairs = [(questions[qid], second) for qid, second in reading.items()]
    impossible = [second for qa, second in pairs if not qa["answers"]]
    both = [(qa, second) for qa, second in pairs if qa["answers"] and second["answers"]]
    right = sum(second["category"] in (qa["category"], *qa["also"]) for qa, second in both)
    return Agreement(
        questions=len(pairs),
        share=len(pairs) / len(questions),
        span_f1=sum(_span_agreement(qa, second["answers"]) for qa, second in pairs) / len(pairs),
        unanswerable=sum(not second["answers"] for second in impossible) / len(impossible),
        category=right / len(both),
    )


def _span_agreement(qa: Dict[str, Any], answers: List[str]) -> float:
    gold = [answer["text"] for answer in qa["answers"]]
    if not gold or not answers:
        return float(not gold and not answers)
    return set_f1(answers, gold) if qa["kind"] == "list" else token_f1(" ".join(answers), gold)


# Command --------------------------------------------------------------------------------------------------------------


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The command line.

    argv (Optional[Sequence[str]]): Arguments, those of the process by default.
    RETURNS (int): Exit code: 1 if there is a problem.
    """
    parser = argparse.ArgumentParser(description="Check the open corpus, and count it.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent, help="folder of the JSON files")
    parser.add_argument("--agreement", action="store_true", help="only print the agreement of the second reading")
    parser.add_argument("--statistics", action="store_true", help="only print the counts, as Markdown tables")
    args = parser.parse_args(argv)
    try:
        corpus = read_corpus(args.folder)
        malformed = list(check_form(corpus))
        agreement = read_agreement(corpus, args.folder) if args.agreement and not malformed else None
    except (OSError, ValueError) as error:
        print(f"{args.folder}: {error}")
        return 1
    if agreement is not None:
        _print_agreement(agreement)
        return 0
    if args.statistics and not malformed:
        print(markdown_tables(statistics(corpus)))
        return 0
    problems = malformed or find_problems(corpus)
    for problem in problems:
        print(f"{problem.place}: {problem.message}")
    if not malformed:
        _print_summary(corpus)
    print(f"problems: {len(problems)}")
    return 1 if problems else 0


def _print_agreement(agreement: Agreement) -> None:
    print(f"second reading: {agreement.questions} questions, {agreement.share:.1%} of all")
    print(f"span F1: {100 * agreement.span_f1:.1f}")
    print(f"impossible questions left unanswered: {agreement.unanswerable:.1%}")
    print(f"category, where both answer: {agreement.category:.1%}")


def _print_summary(corpus: Corpus) -> None:
    for row, counts in statistics(corpus)["size"].items():
        print(f"{row}: {counts['all']} ({', '.join(f'{split} {counts[split]}' for split in corpus)})")
    overlap = greatest_overlap(corpus)
    if overlap is not None:
        print(f"greatest overlap of splits: {overlap.share:.1%} of the 5-grams ({overlap.first}, {overlap.second})")


if __name__ == "__main__":
    sys.exit(main())
