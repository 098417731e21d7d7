"""The open corpus keeps to its own rules, and its validator sees each way of breaking them."""

import importlib.util
import json
import re
from copy import deepcopy
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, Iterator

import pytest

from spacy_cqa.types import CATEGORIES, ENTITY_FLAGS

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "assets" / "corpus"
Damage = Callable[[Dict[str, Any]], object]


def _load_validator() -> ModuleType:
    # The script is no part of the package, so it is imported by its path.
    spec = importlib.util.spec_from_file_location("validate_corpus", CORPUS / "validate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


validate = _load_validator()
SMALL = validate.LIMITS._replace(notes=10, questions=100, note_kinds=1, kind_share=0.1)


@pytest.fixture(scope="module")
def corpus() -> Dict[str, Any]:
    """The corpus. Tests must not change it."""
    return validate.read_corpus(CORPUS)


@pytest.fixture
def small(corpus: Dict[str, Any]) -> Dict[str, Any]:
    """Ten notes of the corpus, 7/1/2, to be damaged."""
    sizes = {"train": 7, "dev": 1, "test": 2}
    return {split: deepcopy({**data, "data": data["data"][: sizes[split]]}) for split, data in corpus.items()}


# Places in a corpus ---------------------------------------------------------------------------------------------------


def note(corpus: Dict[str, Any], split: str = "train", number: int = 0) -> Dict[str, Any]:
    """The note of this number in a split."""
    return corpus[split]["data"][number]["paragraphs"][0]


def qa(corpus: Dict[str, Any], kind: str = "single", split: str = "train") -> Dict[str, Any]:
    """The first question of a kind in the first note of a split."""
    return next(qa for qa in note(corpus, split)["qas"] if qa["kind"] == kind)


def qas(corpus: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """Every question."""
    return (qa for _, _, qa in validate.questions_of(corpus))


def answer_in(where: Dict[str, Any], text: str) -> Dict[str, Any]:
    """Append a text to a note; gives the answer that it makes."""
    where["context"] += f"\n{text}"
    return {"text": text, "answer_start": len(where["context"]) - len(text)}


# Damages --------------------------------------------------------------------------------------------------------------


def spread_answer(corpus: Dict[str, Any], before: int = 0, after: int = 0) -> None:
    """Let the first single answer begin earlier and end later by some characters."""
    answer = qa(corpus)["answers"][0]
    start, end = answer["answer_start"] - before, answer["answer_start"] + len(answer["text"]) + after
    answer.update(text=note(corpus)["context"][start:end], answer_start=start)


def overlapping_answers(corpus: Dict[str, Any]) -> None:
    """Add a part of an answer as a further answer."""
    answers = qa(corpus, "list")["answers"]
    answers.append({**answers[0], "text": answers[0]["text"][:4]})


def answer_in_question(corpus: Dict[str, Any]) -> None:
    """Let a question name its answer, in another case."""
    qa(corpus).update(question="Was it RED Rash?", answers=[answer_in(note(corpus), "red rash")])


def long_answer(corpus: Dict[str, Any]) -> None:
    """Give an answer of 17 words."""
    qa(corpus)["answers"] = [answer_in(note(corpus), "word " * 16 + "word")]


def asked_again(corpus: Dict[str, Any]) -> None:
    """Ask a question of a note once more, with other punctuation."""
    first, second = note(corpus)["qas"][:2]
    second["question"] = first["question"].upper().rstrip("?") + " ?"


def shared_note(corpus: Dict[str, Any]) -> None:
    """Append a training note to a test note."""
    note(corpus, "test")["context"] += note(corpus)["context"]


def repeated_question(corpus: Dict[str, Any]) -> None:
    """Ask a test note what a training note is asked, where both have the same answer."""
    asked = qa(corpus)
    answers = [answer_in(note(corpus, "test"), asked["answers"][0]["text"])]
    qa(corpus, "single", "test").update(question=asked["question"].lower(), answers=answers)


def repeated_impossible(corpus: Dict[str, Any]) -> None:
    """Ask a dev note an impossible question of training."""
    qa(corpus, "impossible", "dev")["question"] = qa(corpus, "impossible")["question"]


def soften(corpus: Dict[str, Any], probs: Any) -> None:
    """Make a label soft between Diagnosis and Symptoms."""
    qa(corpus).update(category="Diagnosis", also=["Symptoms"])
    if probs is not None:
        qa(corpus)["category_probs"] = probs


def one_category(corpus: Dict[str, Any]) -> None:
    """Turn every symptom into a diagnosis."""
    for question in qas(corpus):
        if question["category"] == "Symptoms":
            question.update(category="Diagnosis", also=[])
            question.pop("category_probs", None)


def drop_kind(corpus: Dict[str, Any], kind: str) -> None:
    """Take out all questions of a kind."""
    for _, where in validate.notes_of(corpus):
        where["qas"] = [question for question in where["qas"] if question["kind"] != kind]


@pytest.mark.parametrize(
    ("damage", "place", "message"),
    [
        pytest.param(lambda c: c["train"].pop("license"), "train", "missing key 'license'", id="top-key"),
        pytest.param(lambda c: c["dev"].update(data={}), "dev.data", "not a list", id="list"),
        pytest.param(lambda c: c["dev"]["data"].append(1), r"dev.data\[1\]", "not an object", id="object"),
        pytest.param(lambda c: note(c).update(text="x"), "note-001", "unknown key 'text'", id="unknown-key"),
        pytest.param(lambda c: qa(c).pop("also"), r"note-001-\d\d", "missing key 'also'", id="question-key"),
        pytest.param(
            lambda c: qa(c)["answers"][0].update(answer_start="7"),
            r"note-001-\d\d.answers\[0\].answer_start",
            "wrong type of value: '7'",
            id="type",
        ),
        pytest.param(lambda c: c["dev"].update(version="1.1"), "dev", "version is '1.1'", id="version"),
        pytest.param(lambda c: c["dev"].update(name="other"), "corpus", "one and the same name", id="name"),
        pytest.param(lambda c: c["dev"].update(license="MIT"), "dev", "license is 'MIT'", id="license"),
        pytest.param(lambda c: c["dev"].update(split="test"), "dev", "split is 'test', not 'dev'", id="split"),
        pytest.param(lambda c: c["train"]["data"][0].update(title="a"), "a", "not one paragraph", id="title"),
        pytest.param(
            lambda c: c["train"]["data"][0]["paragraphs"].append(note(c, "train", 1)),
            "note-001",
            "not one paragraph",
            id="paragraphs",
        ),
        pytest.param(lambda c: note(c).update(id="note-1"), "note-1", "note id is not of the form", id="note-id-form"),
        pytest.param(lambda c: note(c, "dev").update(id="note-001"), "note-001", "note id is not unique", id="note-id"),
        pytest.param(lambda c: qa(c).update(id="note-001-2"), "note-001 note-001-2", "not the note's id", id="id-form"),
        pytest.param(lambda c: qa(c).update(id=qa(c, "list")["id"]), r"note-001-\d\d", "id is not unique", id="id"),
        pytest.param(lambda c: note(c).update(kind="memo"), "note-001", "unknown kind of note: 'memo'", id="note-kind"),
        pytest.param(lambda c: note(c).update(specialty=" "), "note-001", "without text or specialty", id="specialty"),
        pytest.param(asked_again, r"note-001 note-001-02", "question asked twice in the note", id="asked-twice"),
        pytest.param(lambda c: qa(c).update(question="?"), "note-001 .*", "question without text", id="no-question"),
        pytest.param(
            lambda c: qa(c)["answers"][0].update(answer_start=0), "note-001 .*", "not at its offset 0", id="offset"
        ),
        pytest.param(
            lambda c: qa(c)["answers"][0].update(answer_start=-5), "note-001 .*", "not at its offset -5", id="negative"
        ),
        pytest.param(
            lambda c: spread_answer(c, before=1), "note-001 .*", "white space at its edges: ' ", id="space-before"
        ),
        pytest.param(
            lambda c: spread_answer(c, after=1), "note-001 .*", "white space at its edges: '.*[^']'$", id="space-after"
        ),
        pytest.param(
            lambda c: qa(c)["answers"][0].update(text=""), "note-001 .*", "answer is empty or has", id="empty-answer"
        ),
        pytest.param(overlapping_answers, "note-001 .*", "answers overlap", id="overlap"),
        pytest.param(long_answer, "note-001 .*", "17 words, more than 16", id="long-answer"),
        pytest.param(answer_in_question, "note-001 .*", "the question holds its answer: 'red rash'", id="given-away"),
        pytest.param(lambda c: qa(c).update(kind="one"), "note-001 .*", "unknown kind of question: 'one'", id="kind"),
        pytest.param(
            lambda c: qa(c).update(answers=[]), "note-001 .*", "kind 'single' with 0 answers", id="single-none"
        ),
        pytest.param(lambda c: qa(c, "list").update(kind="single"), "note-001 .*", "kind 'single' with", id="single"),
        pytest.param(lambda c: qa(c).update(kind="list"), "note-001 .*", "kind 'list' with 1 answers", id="list-one"),
        pytest.param(
            lambda c: qa(c, "impossible").update(answers=qa(c)["answers"]),
            "note-001 .*",
            "kind 'impossible' with 1 answers",
            id="impossible-answered",
        ),
        pytest.param(
            lambda c: qa(c).update(is_impossible=True), "note-001 .*", "'single' with is_impossible True", id="flag"
        ),
        pytest.param(
            lambda c: qa(c, "impossible").update(is_impossible=False),
            "note-001 .*",
            "'impossible' with is_impossible False",
            id="no-flag",
        ),
        pytest.param(
            lambda c: qa(c).update(category=None), "note-001 .*", "'single' with category None", id="no-category"
        ),
        pytest.param(
            lambda c: qa(c, "impossible").update(category="Symptoms"),
            "note-001 .*",
            "'impossible' with category 'Symptoms'",
            id="impossible-category",
        ),
        pytest.param(lambda c: qa(c).update(category="Lab"), "note-001 .*", "unknown category: 'Lab'", id="category"),
        pytest.param(lambda c: qa(c).update(also=["Lab"]), "note-001 .*", r"also is \['Lab'\]", id="also"),
        pytest.param(lambda c: qa(c).update(also=[qa(c)["category"]]), "note-001 .*", "also is", id="also-category"),
        pytest.param(
            lambda c: qa(c).update(category="Diagnosis", also=["Symptoms"] * 2), "note-001 .*", "also", id="also-twice"
        ),
        pytest.param(
            lambda c: qa(c, "impossible").update(also=["Symptoms"]), "note-001 .*", "also is", id="also-impossible"
        ),
        pytest.param(lambda c: soften(c, None), "note-001 .*", "category_probs belongs to also", id="no-probs"),
        pytest.param(lambda c: qa(c).update(category_probs=[1, 0, 0, 0, 0]), "note-001 .*", "belongs to", id="probs"),
        pytest.param(lambda c: soften(c, [0.6, 0.0, 0.3, 0.0, 0.0]), "note-001 .*", "sum to 1", id="probs-sum"),
        pytest.param(lambda c: soften(c, [0.4, 0.0, 0.6, 0.0, 0.0]), "note-001 .*", "the greatest", id="probs-order"),
        pytest.param(lambda c: soften(c, [0.6, 0.4, 0.0, 0.0, 0.0]), "note-001 .*", "shares of", id="probs-other"),
        pytest.param(
            lambda c: note(c)["entities"][0].update(start=0, end=3), "note-001 entity 0", "its offset 0", id="entity"
        ),
        pytest.param(
            lambda c: note(c)["entities"].insert(0, note(c)["entities"][1]),
            "note-001 entity 1",
            "not in the order",
            id="entity-order",
        ),
        pytest.param(
            lambda c: note(c)["entities"][0].update(category="Lab"),
            "note-001 entity 0",
            "unknown",
            id="entity-category",
        ),
        pytest.param(lambda c: note(c)["entities"].clear(), "note-001", "some are missing", id="no-entities"),
        pytest.param(shared_note, "note-001 note-002", r"share 100.0% of their word 5-grams", id="shared-text"),
        pytest.param(repeated_question, "note-002 .*", "answers of test stand in train too: note-001-", id="repeated"),
        pytest.param(repeated_impossible, "note-003 .*", "of dev stand in train too: note-001-", id="repeated-none"),
        pytest.param(lambda c: c["test"]["data"].pop(), "test", "11.1% of the notes, not 20%", id="split-share"),
        pytest.param(one_category, "corpus", "categories out of balance: Diagnosis", id="balance"),
        pytest.param(lambda c: drop_kind(c, "impossible"), "corpus", "0.0% impossible questions", id="impossible"),
        pytest.param(lambda c: drop_kind(c, "list"), "corpus", "0.0% list questions, fewer than 10%", id="lists"),
    ],
)
def test_each_damage_is_found(small: Dict[str, Any], damage: Damage, place: str, message: str) -> None:
    damage(small)
    found = validate.find_problems(small, SMALL)
    assert [problem for problem in found if re.fullmatch(place, problem.place) and re.search(message, problem.message)]


def test_undamaged_copy_has_no_problems(small: Dict[str, Any]) -> None:
    assert validate.find_problems(small, SMALL) == []


def test_small_corpus_is_too_small(small: Dict[str, Any]) -> None:
    limits = validate.LIMITS._replace(kind_share=SMALL.kind_share)
    messages = [re.sub(r"^\d+ ", "", problem.message) for problem in validate.find_problems(small, limits)]
    few_kinds = 3 * ["kinds of note, fewer than 12"]
    assert messages == ["notes, fewer than 320", "questions, fewer than 4000", *few_kinds]


def test_same_question_with_another_answer_is_allowed(small: Dict[str, Any]) -> None:
    repeated_question(small)
    qa(small, "single", "test")["answers"] = [answer_in(note(small, "test"), "something else")]
    assert validate.find_problems(small, SMALL) == []


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("Is the red rash new?", "red rash", True),
        ("Is the Red Rash new?", "red rash", True),
        ("Is the rash new?", "rash", False),
        ("Why not 110 mg?", "10 mg", False),
        ("Why 10 mg?", "10 mg", True),
        ("Why 10 mg (twice)?", "10 mg (twice)", True),
    ],
)
def test_gives_away(question: str, answer: str, expected: bool) -> None:
    assert validate.gives_away(question, answer) is expected


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ("a b c d e", "A, b; c. d e", 1.0),
        ("a b c d e f", "a b c d e g", 0.5),
        ("a b c d e", "x a b c d e f y", 1.0),
        ("a b c d", "a b c d", 0.0),
        ("", "a b c d e", 0.0),
    ],
)
def test_shared_ngrams(first: str, second: str, share: float) -> None:
    assert validate.shared_ngrams(validate.word_ngrams(first), validate.word_ngrams(second)) == share


# The corpus itself ----------------------------------------------------------------------------------------------------


def test_corpus_has_no_problems(corpus: Dict[str, Any]) -> None:
    assert validate.find_problems(corpus) == []


def test_statistics_of_two_notes() -> None:
    single = {"category": "Symptoms", "also": ["Diagnosis"], "kind": "single", "answers": [{"text": "a b c d"}]}
    listed = {"category": "Symptoms", "also": [], "kind": "list", "answers": [{"text": "a"}, {"text": "a b"}]}
    nothing = {"category": None, "also": [], "kind": "impossible", "answers": []}
    entity = {"category": "Symptoms", **dict.fromkeys(ENTITY_FLAGS, False), "negated": True}
    notes = [
        {"kind": "nursing note", "context": "a b c d", "qas": [single, listed], "entities": [entity]},
        {"kind": "nursing note", "context": "a b", "qas": [nothing], "entities": []},
    ]
    tables = validate.statistics({"train": {"data": [{"paragraphs": [note]} for note in notes]}, "dev": {"data": []}})
    assert tables["size"] == {
        "notes": {"train": 2, "dev": 0, "all": 2},
        "words": {"train": 6, "dev": 0, "all": 6},
        "questions": {"train": 3, "dev": 0, "all": 3},
        "answers": {"train": 3, "dev": 0, "all": 3},
        "entities": {"train": 1, "dev": 0, "all": 1},
    }
    train = {table: {row: columns["train"] for row, columns in rows.items()} for table, rows in tables.items()}
    assert train["category"]["Symptoms"] == 2
    assert train["category"]["with a second category"] == 1
    assert train["kind of question"] == {"single": 1, "list": 1, "impossible": 1}
    assert train["kind of note"]["nursing note"] == 2
    assert (train["entity"]["Symptoms"], train["entity"]["negated"], train["entity"]["planned"]) == (1, 1, 0)
    assert train["words of a note"] == {"shortest": 2, "median": 3, "longest": 4}
    assert train["words of an answer"] == {
        "1 word": 1,
        "2 words": 1,
        "3 words": 0,
        "4 to 6 words": 1,
        "7 to 10 words": 0,
        "11 words and more": 0,
        "shortest": 1,
        "median": 2,
        "longest": 4,
    }


def test_datasheet_shows_the_statistics(capsys: pytest.CaptureFixture) -> None:
    assert validate.main(["--statistics"]) == 0
    datasheet = (CORPUS / "DATASHEET.md").read_text(encoding="utf8")
    shown = re.search(r"<!-- statistics -->(.*)<!-- end of statistics -->", datasheet, re.DOTALL)
    assert shown.group(1).strip() == capsys.readouterr().out.strip()


def test_example_of_the_guide_is_valid() -> None:
    guide = (CORPUS / "GUIDE.md").read_text(encoding="utf8")
    example = {"train": json.loads(re.search(r"```json\n(.*?)```", guide, re.DOTALL).group(1))}
    assert list(validate.check_form(example)) == []
    assert {question["kind"] for question in qas(example)} == {"single", "list", "impossible"}
    for check in (validate.check_header, validate.check_ids, validate.check_notes, validate.check_labels):
        assert list(check(example)) == []
    for check in (validate.check_answers, validate.check_entities):
        assert list(check(example, validate.LIMITS)) == []


def test_agreement_by_hand(small: Dict[str, Any], tmp_path: Path) -> None:
    single, listed, impossible = qa(small), qa(small, "list"), qa(small, "impossible")
    single["answers"] = [{"text": "left knee pain", "answer_start": 0}]
    single.update(category="Symptoms", also=["Diagnosis"])
    listed.update(category="Medication", also=[], answers=[{"text": "aspirin"}, {"text": "heparin"}])
    reading = {
        single["id"]: {"answers": ["knee pain"], "category": "Diagnosis"},  # 2 of 3 words: F1 0.8
        listed["id"]: {"answers": ["aspirin", "warfarin", "Heparin"], "category": "Procedure"},  # 2 of 3 and of 2: 0.8
        impossible["id"]: {"answers": ["aspirin"], "category": "Medication"},
    }
    (tmp_path / "second_reading.json").write_text(json.dumps(reading), encoding="utf8")
    agreement = validate.read_agreement(small, tmp_path)
    assert agreement.questions == 3
    assert agreement.share == pytest.approx(3 / len(list(qas(small))))
    assert agreement.span_f1 == pytest.approx((0.8 + 0.8 + 0) / 3)
    assert agreement.unanswerable == 0
    assert agreement.category == 0.5


def test_second_reading_is_large_and_good_enough(corpus: Dict[str, Any]) -> None:
    agreement = validate.read_agreement(corpus, CORPUS)
    assert agreement.share >= 0.1
    assert agreement.span_f1 >= 0.85
    assert agreement.category >= 0.92


def test_datasheet_shows_the_agreement(corpus: Dict[str, Any]) -> None:
    agreement = validate.read_agreement(corpus, CORPUS)
    datasheet = (CORPUS / "DATASHEET.md").read_text(encoding="utf8")
    assert f"{agreement.questions} questions ({100 * agreement.share:.1f} %" in datasheet
    assert f"Span F1 is {100 * agreement.span_f1:.1f}" in datasheet
    assert f"{100 * agreement.category:.1f} % of the categories" in datasheet


# The command ----------------------------------------------------------------------------------------------------------


def write(corpus: Dict[str, Any], folder: Path) -> None:
    """Write the files of a corpus."""
    for split, data in corpus.items():
        (folder / f"{split}.json").write_text(json.dumps(data), encoding="utf8")


def test_command_counts_the_corpus(capsys: pytest.CaptureFixture) -> None:
    assert validate.main([]) == 0
    lines = capsys.readouterr().out
    assert re.search(r"^notes: \d+ \(train \d+, dev \d+, test \d+\)$", lines, re.MULTILINE)
    assert re.search(r"^greatest overlap of splits: \d\.\d% .*\(note-\d+, note-\d+\)$", lines, re.MULTILINE)


def test_command_names_each_problem(small: Dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    qa(small)["answers"][0]["answer_start"] = 0
    write(small, tmp_path)
    assert validate.main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out
    assert f"note-001 {qa(small)['id']}: answer is not at its offset 0" in lines
    assert "problems: 7" in lines  # the copy is too small as well: notes, questions, lists, kinds of note in each split


@pytest.mark.parametrize("arguments", [[], ["--statistics"], ["--agreement"]])
def test_command_refuses_a_wrong_form(
    arguments: list, small: Dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    del qa(small)["category"]
    write(small, tmp_path)
    assert validate.main([str(tmp_path), *arguments]) == 1
    assert capsys.readouterr().out.splitlines() == [f"{qa(small)['id']}: missing key 'category'", "problems: 1"]


@pytest.mark.parametrize("content", [None, "{", b"\xff\xfe"])
def test_command_refuses_what_it_cannot_read(
    content: object, small: Dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write(small, tmp_path)
    (tmp_path / "dev.json").unlink()
    if content is not None:
        (tmp_path / "dev.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert validate.main([str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().out


# The probes -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def probes() -> Dict[str, Dict[str, Any]]:
    """The notes of the probes by title."""
    data = json.loads((ROOT / "tests" / "probes.json").read_text(encoding="utf8"))
    return {article["title"]: paragraph for article in data["data"] for paragraph in article["paragraphs"]}


def test_probes_are_complete(probes: Dict[str, Dict[str, Any]]) -> None:
    assert len(probes) == 40
    assert {title: len(probe["qas"]) for title, probe in probes.items()} == dict.fromkeys(probes, 3)
    assert len({question["id"] for probe in probes.values() for question in probe["qas"]}) == 120


def test_probes_have_exact_answers_and_known_categories(probes: Dict[str, Dict[str, Any]]) -> None:
    for context, question in ((probe["context"], qa) for probe in probes.values() for qa in probe["qas"]):
        assert {question["category"], *question["also"]} <= set(CATEGORIES), question["id"]
        assert question["answers"], question["id"]
        for answer in question["answers"]:
            start, text = answer["answer_start"], answer["text"]
            assert text, question["id"]
            assert context[start : start + len(text)] == text, question["id"]


def test_probes_are_not_in_the_corpus(probes: Dict[str, Dict[str, Any]], corpus: Dict[str, Any]) -> None:
    known = {where["id"]: where["context"] for _, where in validate.notes_of(corpus)}
    assert {probe["context"].strip() for probe in probes.values()}.isdisjoint(map(str.strip, known.values()))
    grams = {name: validate.word_ngrams(text) for name, text in known.items()}
    asked = {title: validate.word_ngrams(probe["context"]) for title, probe in probes.items()}
    shared = {(title, name): validate.shared_ngrams(asked[title], grams[name]) for title, name in product(asked, grams)}
    assert {pair: share for pair, share in shared.items() if share > 0.1} == {}
