"""emrQA's form to records, with its noise repaired; the preparation of its questions; and a file of that form made."""

import json
from dataclasses import replace

import pytest

from spacy_cqa.training.converters import report as reports
from spacy_cqa.training.converters.emrqa import outline_emrqa, read_emrqa
from spacy_cqa.training.converters.emrqa_writer import Noise, write_emrqa
from spacy_cqa.training.converters.preparation import USUAL, HeldOut, Preparation, hold_out, prepare_record
from spacy_cqa.training.converters.report import ConversionReport
from spacy_cqa.training.converters.squad import read_squad
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord
from spacy_cqa.training.splits import assign_parts, split_notes, text_digest

from ..conftest import CORPUS

# Lines begin at 0, 15, 51, 75, 76.
LINES = [
    "ADMISSION NOTE\n",
    "Aspirin 81 mg daily for chest pain.\n",
    "No fever. Aspirin held.\n",
    "\n",
    "  Lisinopril 10 mg daily.\n",
]
FORM = "MedicationEvent (|medication|) given {ConditionEvent (x) OR SymptomEvent (x)}"
LOST = "question that lost all its answers"
ODD_PLACE = "answer that is not at its place"


def single(text, start, evidence=None, evidence_start=None):
    line = start[0] if start else 1
    given = LINES[line - 1] if evidence is None and 1 <= line <= len(LINES) else evidence or ""
    known = {"evidence": given, "evidence_start": evidence_start or line, "answer_entity_type": "single"}
    return {"text": text, "answer_start": start, **known}


def empty(evidence, line):
    return {**single("", [line, 0], evidence, line), "answer_entity_type": "empty"}


def several(*parts):
    """A complex answer."""
    return {key: [part[key] for part in parts] for key in parts[0]}


def qa(*answers, question=("Why aspirin?",), form=FORM, templates=("Why |medication|?",)):
    ids = [[list(pair) for pair in zip(question, templates)], form]
    return {"question": list(question), "answers": list(answers), "id": ids}


def note(*qas, note_id="7", context=LINES):
    return {"note_id": note_id, "context": context, "qas": list(qas)}


def emrqa(*notes, title="medication"):
    return {"data": [{"title": title, "paragraphs": list(notes)}]}


@pytest.fixture
def read(tmp_path):
    """Gives the records of data, or of bytes, and the report."""

    def call(data, **options):
        path = tmp_path / "data.json"
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode("utf8"))
        report = ConversionReport()
        return list(read_emrqa(path, report, **options)), report

    return call


@pytest.fixture
def answers_of(read):
    """Gives (start, text) of the answers to one question with these answers, and the report."""

    def call(*answers):
        records, report = read(emrqa(note(qa(*answers))))
        return [[(a.start, a.text) for a in q.answers] for r in records for q in r.questions], report

    return call


# Records --------------------------------------------------------------------------------------------------------------


def test_a_question_per_paraphrase_with_what_is_known_of_it(read):
    question = ("Why aspirin?", "Reason for aspirin", "Why aspirin?", " ")
    templates = ("Why |medication|?", "Reason for |medication|", "Why |medication|?", "")
    data = emrqa(note(qa(single("chest pain", [2, 5]), question=question, templates=templates)))
    (record,), report = read(data)
    assert (record.id, record.text) == ("medication-7", "".join(LINES))
    assert record.meta == {"subset": "medication", "paragraph": {"subset": "medication"}}
    about = {"template": FORM, "qa": "medication-7-q1", "entity_type": "single", "label_source": "logical_form"}
    assert record.questions == [
        GoldQuestion(
            id=f"medication-7-q1-p{index}",
            text=question[index],
            kind="single",
            answers=[GoldAnswer("chest pain", 39, {"evidence": [15, 50]})],
            category="Diagnosis",
            category_probs=[0.5, 0.0, 0.5, 0.0, 0.0],
            extra={**about, "question_template": templates[index], "paraphrase": index},
        )
        for index in (0, 1)
    ]
    assert (report.notes, report.questions, report.answers) == (1, 2, 2)
    assert report.dropped == {"paraphrase given twice": 1, "paraphrase without text": 1}
    assert not report.repaired


@pytest.mark.parametrize(
    ("given", "template", "question_template"),
    [
        (None, None, None),
        ("id", None, None),
        ([], None, None),
        ([[]], None, None),
        ([None, 5], None, None),
        ([[["Why aspirin?", "Why?"]], ""], None, "Why?"),
        ([[["Why aspirin?"], 5, ["Why aspirin?", None]], "nonsense ("], "nonsense (", None),
        ([[["Another?", "Other?"]], " LabEvent (x) "], "LabEvent (x)", None),
    ],
)
def test_an_odd_id_costs_only_what_it_would_say(given, template, question_template, read):
    (record,), report = read(emrqa(note({**qa(single("chest pain", [2, 5])), "id": given})))
    (question,) = record.questions
    assert question.extra.get("template") == template
    assert question.extra.get("question_template") == question_template
    expected = ("Lab Reports", "logical_form") if template == "LabEvent (x)" else (None, None)
    assert (question.category, question.extra.get("label_source")) == expected
    assert not report.items


def test_ids_are_usable_and_keep_their_numbers(read):
    held = single("held", [3, 3])
    notes = [note(qa(held), note_id="a b/ü"), note("odd", qa(held), note_id=12), {**note(qa(held)), "note_id": None}]
    records, _ = read(emrqa(*notes))
    assert [record.id for record in records] == ["medication-a-b--", "medication-12", "medication-note-3"]
    assert [q.id for r in records for q in r.questions] == [
        "medication-a-b---q1-p0",
        "medication-12-q2-p0",
        "medication-note-3-q1-p0",
    ]


def test_notes_of_one_id_are_told_apart(read):
    held = qa(single("held", [3, 3]))
    data = emrqa(*[note(held, note_id=note_id) for note_id in ("7", "7", "7-2", 7)])
    data["data"] += emrqa(note(held), title="risk")["data"]
    records, report = read(data)
    assert [r.id for r in records] == ["medication-7", "medication-7-2", "medication-7-2-2", "medication-7-3", "risk-7"]
    assert records[1].questions[0].id == "medication-7-2-q1-p0"
    assert report.repaired == {"note id made unique": 3}
    assert [item["note"] for item in report.items] == ["medication-7-2", "medication-7-2-2", "medication-7-3"]


def test_a_note_without_an_id_is_numbered_the_same_whatever_is_read(read):
    data = two_subsets()
    del data["data"][2]["paragraphs"][0]["note_id"]
    for subsets in (None, ["risk"]):
        records, _ = read(data, subsets=subsets)
        assert records[-1].id == "risk-note-3"


@pytest.mark.parametrize("context", ["".join(LINES), LINES])
def test_context_is_a_text_or_lines_and_stays_as_it_is(context, read):
    (record,), report = read(emrqa(note(qa(single("10 mg", [5, 1])), context=context)))
    assert record.text == "".join(LINES)
    assert record.questions[0].answers[0].start == 89
    assert not report.items


def test_a_line_ends_at_a_line_feed_alone(read):
    (record,), report = read(emrqa(note(qa(single("b", [2, 0], "b\r\n")), context="a\x0ca\x85a\r\nb\r\n")))
    assert record.questions[0].answers == [GoldAnswer("b", 7, {"evidence": [7, 8]})]
    assert not report.items


# Places ---------------------------------------------------------------------------------------------------------------

ONLY = "moved to the only occurrence in the note"
DIFFERS = "case or white space as in the note"


@pytest.mark.parametrize(
    ("text", "start", "expected", "repairs"),
    [
        ("81 mg", [2, 1], (23, "81 mg"), []),
        (" 81 mg\n", [2, 1], (23, "81 mg"), []),
        ("MISSION", [1, 0], (2, "MISSION"), []),
        ("mission", [1, 0], (2, "MISSION"), [DIFFERS]),
        ("81 mg", [2, 3], (23, "81 mg"), ["token moved"]),
        ("81 mg", [2, 99], (23, "81 mg"), ["token moved"]),
        ("81 mg", [2, -1], (23, "81 mg"), ["token moved"]),
        ("81 MG", [2, 1], (23, "81 mg"), [DIFFERS]),
        ("81 \n mg", [2, 1], (23, "81 mg"), [DIFFERS]),
        ("81mg", [2, 1], (23, "81 mg"), [DIFFERS]),
        ("pain. No", [2, 6], (45, "pain.\nNo"), [DIFFERS]),
        ("81 MG", [2, 0], (23, "81 mg"), ["token moved", DIFFERS]),
        ("81 mg", [1, 1], (23, "81 mg"), ["line moved"]),
        ("81 mg", [4, 0], (23, "81 mg"), ["line moved"]),
        ("81 mg", [5, 0], (23, "81 mg"), [ONLY]),
        ("81 mg", [77, 0], (23, "81 mg"), [ONLY]),
        ("81 mg", [0, 0], (23, "81 mg"), [ONLY]),
        ("81 mg", ["2", "1"], (23, "81 mg"), [ONLY]),
        ("81 mg", None, (23, "81 mg"), [ONLY]),
        ("Aspirin", [2, 0], (15, "Aspirin"), []),
        ("Aspirin", [3, 0], (61, "Aspirin"), ["token moved"]),
        ("Aspirin", [1, 0], (15, "Aspirin"), ["line moved"]),
        ("Aspirin", [4, 0], (61, "Aspirin"), ["line moved"]),
        ("daily", [3, 0], (29, "daily"), ["line moved"]),
        ("daily", [4, 0], (95, "daily"), ["line moved"]),
        ("no", [3, 0], (51, "No"), [DIFFERS]),  # not the beginning of NOTE
        ("Aspirin", None, None, []),
        ("daily", [9, 0], None, []),
        ("warfarin", [2, 0], None, []),
    ],
)
def test_a_single_answer_is_found_near_its_place(text, start, expected, repairs, answers_of):
    found, report = answers_of(single(text, start, LINES[1]))
    assert found == ([[expected]] if expected else [])
    assert {reason: n for reason, n in report.repaired.items() if reason.startswith("answer")} == {
        f"answer: {reason}": 1 for reason in repairs
    }
    several_times = "its text occurs several times, none of them near"
    wrong = "its text is not in the note" if text == "warfarin" else several_times
    assert report.dropped == ({} if expected else {f"{ODD_PLACE}: {wrong}": 1, LOST: 1})


def test_several_occurrences_far_from_the_place_are_not_guessed(read):
    lines = ["Rash.\n", "\n", "\n", "\n", "Rash.\n"]
    for line, expected in ((1, 0), (2, 0), (3, 9), (4, 9), (5, 9)):  # line 3 is between two, and nearer to one's start
        (record,), _ = read(emrqa(note(qa(single("Rash", [line, 0])), context=lines)))
        assert record.questions[0].answers[0].start == expected
    records, report = read(emrqa(note(qa(single("Rash", [8, 0])), context=[*lines, "\n", "\n", "\n"])))
    assert not records
    assert report.dropped[f"{ODD_PLACE}: its text occurs several times, none of them near"] == 1


@pytest.mark.parametrize(
    ("text", "lines", "start", "expected", "repairs"),
    [
        ("pain", ["Has painful pain.\n"], [1, 1], (12, "pain"), ["token moved"]),
        ("pain", ["Has painful knees.\n"], [1, 1], (4, "pain"), []),
        ("pain", ["Has painful/pain knees.\n"], [1, 1], (12, "pain"), []),
        ("pain", ["Has painful knees.\n", "\n", "No pain.\n"], [1, 1], (23, "pain"), ["line moved"]),
        ("20", ["Takes 20mg.\n", "\n", "\n", "Aged 20.\n"], [1, 0], (6, "20"), ["token moved"]),
        ("2 0", ["Takes 20mg.\n", "\n", "\n", "Grade 2 0.\n"], [1, 1], (6, "20"), [DIFFERS]),
    ],
)
def test_whole_words_go_first_among_what_is_near(text, lines, start, expected, repairs, read):
    (record,), report = read(emrqa(note(qa(single(text, start, lines[0], 1)), context=lines)))
    assert [(answer.start, answer.text) for answer in record.questions[0].answers] == [expected]
    assert [reason for reason in report.repaired if reason.startswith("answer")] == [f"answer: {r}" for r in repairs]


SECOND, LAST = (15, LINES[1].strip()), (78, LINES[4].strip())
BOTH = (15, (LINES[1] + LINES[2]).strip())


@pytest.mark.parametrize(
    ("evidence", "line", "expected", "repairs"),
    [
        (LINES[1], 2, SECOND, []),
        (LINES[4], 5, LAST, []),
        (LINES[1].upper(), 2, SECOND, [DIFFERS]),
        (LINES[1] * 2, 2, SECOND, ["given twice"]),
        (f"{LINES[1].strip()} {LINES[1]}", 3, SECOND, ["given twice"]),
        ([LINES[1], LINES[2]], 2, BOTH, []),
        (LINES[1] + LINES[2], 2, BOTH, []),
        (f"{LINES[1].strip()} {LINES[2]}", 2, BOTH, [DIFFERS]),
        (LINES[1], 3, SECOND, ["line moved"]),
        (LINES[1], 5, SECOND, [ONLY]),
        (LINES[1], None, SECOND, [ONLY]),
        ("fever", 3, (54, "fever"), ["token moved"]),
        ("Not a line of it", 2, None, []),
        ("", 2, None, []),
        ("mg", 9, None, []),
    ],
)
def test_an_empty_answer_is_its_evidence(evidence, line, expected, repairs, answers_of):
    given = {"text": "", "answer_start": [line, ""], "evidence": evidence, "evidence_start": line}
    found, report = answers_of(given)
    assert found == ([[expected]] if expected else [])
    assert report.repaired == {f"evidence: {reason}": 1 for reason in repairs}
    assert report.dropped.total() == (0 if expected else 2)


@pytest.mark.parametrize(
    ("evidence", "line", "expected", "repaired"),
    [
        (LINES[1], 2, [15, 50], {}),
        (LINES[1] * 2, 2, [15, 50], {"evidence: given twice": 1}),
        (LINES[1] + LINES[2], 2, [15, 74], {}),
        (LINES[4], 5, [15, 50], {"evidence: taken as the lines of the answer": 1}),
        ("", 2, [15, 50], {"evidence: taken as the lines of the answer": 1}),
        (None, None, [15, 50], {"evidence: taken as the lines of the answer": 1}),
    ],
)
def test_the_evidence_of_an_answer_holds_it(evidence, line, expected, repaired, read):
    answer = {**single("81 mg", [2, 1]), "evidence": evidence, "evidence_start": line}
    (record,), report = read(emrqa(note(qa(answer))))
    assert record.questions[0].answers == [GoldAnswer("81 mg", 23, {"evidence": expected})]
    assert report.repaired == repaired


ASPIRIN, DOSE, PAIN = single("Aspirin", [2, 0]), single("81 mg", [2, 1]), single("chest pain", [2, 5])
GONE = single("warfarin", [2, 0])


@pytest.mark.parametrize(
    ("answers", "kind", "entity_type", "starts", "dropped"),
    [
        ([ASPIRIN, PAIN], "single", "single", [15, 39], {}),
        ([PAIN, ASPIRIN, PAIN], "single", "single", [39, 15], {"answer given twice": 1}),
        ([empty(LINES[1], 2), PAIN], "single", "empty", [15, 39], {}),
        ([empty(LINES[1], 2), empty(LINES[1] * 2, 2)], "single", "empty", [15], {"answer given twice": 1}),
        ([GONE, PAIN], "single", "single", [39], {f"{ODD_PLACE}: its text is not in the note": 1}),
        ([several(ASPIRIN, DOSE)], "list", "complex", [15, 23], {}),
        ([several(ASPIRIN, DOSE, ASPIRIN)], "list", "complex", [15, 23], {}),
        ([several(ASPIRIN, empty(LINES[4], 5))], "list", "complex", [15, 78], {}),
        ([{**several(ASPIRIN, DOSE), "evidence": LINES[1], "evidence_start": 2}], "list", "complex", [15, 23], {}),
        ([several(ASPIRIN, GONE)], None, None, [], {f"{ODD_PLACE}: its text is not in the note": 1, LOST: 1}),
        ([several(ASPIRIN, DOSE), PAIN], "single", "single", [39], {"complex answer beside another answer": 1}),
        (
            [several(ASPIRIN, DOSE), several(PAIN)],
            "list",
            "complex",
            [15, 23],
            {"complex answer beside another answer": 1},
        ),
    ],
)
def test_several_answers_are_alternatives_and_parts_are_a_list(answers, kind, entity_type, starts, dropped, read):
    records, report = read(emrqa(note(qa(*answers))))
    questions = [question for record in records for question in record.questions]
    assert [(q.kind, q.extra["entity_type"]) for q in questions] == ([(kind, entity_type)] if kind else [])
    assert [a.start for q in questions for a in q.answers] == starts
    assert report.dropped == dropped


@pytest.mark.parametrize(
    ("odd", "dropped"),
    [
        ({"note_id": "1"}, {"note without text": 1}),
        (5, {"note without text": 1}),
        ({**note(), "context": [" ", "\n"]}, {"note without text": 1}),
        ({**note(), "context": [5]}, {"note without text": 1}),
        ({**note(), "qas": {}}, {"note without a list of questions": 1}),
        (note(5), {"question without text": 1}),
        (note({"answers": [PAIN]}), {"question without text": 1}),
        (note({**qa(PAIN), "question": [3]}), {"paraphrase without text": 1, "question without text": 1}),
        (note({**qa(PAIN, question="ab"), "answers": {}}), {"question without a list of answers": 2}),
        (note(qa()), {"question without a list of answers": 1}),
        (note(qa(5)), {"answer of no known form": 1, LOST: 1}),
        (note(qa({**PAIN, "text": 5})), {"answer of no known form": 1, LOST: 1}),
        (note(qa({**PAIN, "text": []})), {"answer of no known form": 1, LOST: 1}),
        (note(qa({**several(ASPIRIN, DOSE), "text": ["Aspirin"]})), {"answer of no known form": 1, LOST: 1}),
        (note(qa({**several(ASPIRIN, DOSE), "text": ["Aspirin", 5]})), {"answer of no known form": 1, LOST: 1}),
        (note(qa({**several(ASPIRIN, DOSE), "answer_start": 2})), {"answer of no known form": 1, LOST: 1}),
    ],
)
def test_what_is_odd_on_its_own_is_counted_and_left_out(odd, dropped, read):
    records, report = read(emrqa(odd, note(qa(PAIN), note_id="good")))
    assert [record.id for record in records] == ["medication-good"]
    assert report.dropped == dropped
    assert report.notes == 2


def test_a_question_that_is_one_text_is_read(read):
    (record,), _ = read(emrqa(note({**qa(PAIN), "question": "Why aspirin?"})))
    assert [question.text for question in record.questions] == ["Why aspirin?"]


# Subsets and the file -------------------------------------------------------------------------------------------------


def two_subsets(late_title=False):
    label = {"text": "current smoker", "answer_start": "", "evidence": "", "answer_entity_type": "single"}
    articles = [
        {"title": "medication", "paragraphs": [note(qa(PAIN))]},
        {"title": "smoking", "paragraphs": [note(qa(label, question="abc"))]},
        {"title": "risk", "paragraphs": [note(qa(DOSE))]},
    ]
    return {"data": [dict(sorted(a.items(), reverse=not late_title)) for a in articles]}


@pytest.mark.parametrize("late_title", [False, True])
def test_subsets_are_told_apart_wherever_their_title_stands(late_title, read):
    assert next(iter(two_subsets(late_title)["data"][0])) == ("paragraphs" if late_title else "title")
    records, report = read(two_subsets(late_title))
    assert [record.id for record in records] == ["medication-7", "risk-7"]
    assert report.dropped == {"question answered by a class, not a span": 3}
    records, report = read(two_subsets(late_title), subsets=["risk"])
    assert [record.id for record in records] == ["risk-7"]
    assert (report.notes, report.dropped) == (1, {})


def test_a_subset_that_is_not_there_is_an_error(read):
    with pytest.raises(ValueError, match=r"CQA-E043.*'relation'.*'medication', 'risk', 'smoking'"):
        read(two_subsets(), subsets=["risk", "relation"])


GOOD = json.dumps(emrqa(note(qa(PAIN)), note(qa(DOSE)))).encode("utf8")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "E041", "first 0 notes"),
        (b"nonsense", "E041", "first 0 notes"),
        (GOOD[:-1], "E041", "first 2 notes"),
        (GOOD[:-40], "E041", "first 1 notes"),
        (GOOD + b"{}", "E041", "first 2 notes"),
        (GOOD.decode("utf8").encode("utf-16"), "E041", "first 0 notes"),
        (GOOD.replace(b"chest", b"ch\xe9st"), "E041", "first 0 notes"),
        (b"[]", "E040", "'data'"),
        (b"5", "E040", "'data'"),
        (b'{"data": {}}', "E040", "'data'"),
        (b'{"data": [5]}', "E040", r"data\[0\]"),
        (b'{"data": [{"title": "risk"}]}', "E040", r"data\[0\]"),
        (b'{"data": [{"paragraphs": []}, {"paragraphs": {}}]}', "E040", r"data\[1\]"),
    ],
)
def test_a_bad_file_is_one_clear_error_without_its_text(content, code, words, read):
    with pytest.raises(ValueError, match=f"CQA-{code}.*{words}") as error:
        read(content)
    assert not any(word in str(error.value) for word in ("chest", "ADMISSION", "medication-", "right here"))


def test_a_missing_file(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ValueError, match="CQA-E031"):
            next(read_emrqa(path))


def test_reading_gives_each_note_before_it_reads_the_next(tmp_path):
    """What is behind a megabyte of notes is not looked at for the first one."""
    notes = [note(qa(PAIN), note_id=str(n), context=[*LINES, "x" * 10_000]) for n in range(100)]
    (tmp_path / "cut.json").write_text(json.dumps(emrqa(*notes))[:-1])
    assert next(read_emrqa(tmp_path / "cut.json")).id == "medication-0"
    with pytest.raises(ValueError, match=r"E041.*first 100 notes"):
        list(read_emrqa(tmp_path / "cut.json"))


def test_the_report_lists_a_part_and_counts_all(read, monkeypatch):
    monkeypatch.setattr(reports, "MAX_ITEMS", 3)
    _, report = read(emrqa(note(*[qa(GONE)] * 4)))
    assert report.dropped[LOST] == 4
    assert len(report.items) == 3
    assert report.to_dict()["unlisted"] == 5


# Preparation ----------------------------------------------------------------------------------------------------------


def prepared_ids(record, settings, **options):
    found = prepare_record(record, settings, **options)
    return [question.id for question in found.questions] if found else []


def asked(qid, *answers, kind="single", **extra):
    return GoldQuestion(qid, f"{qid}?", kind, [GoldAnswer("x" if a else "", a) for a in answers], extra=extra)


def record_of(*questions, subset="relations"):
    return QARecord("n", "".join(LINES), list(questions), {"subset": subset})


EVIDENCE = {"evidence": [15, 50]}
MADE = record_of(
    GoldQuestion("one", "?", "single", [GoldAnswer("Aspirin", 15, EVIDENCE), GoldAnswer("81 mg", 23, EVIDENCE)]),
    GoldQuestion("two", "?", "list", [GoldAnswer("Aspirin", 15, EVIDENCE), GoldAnswer("fever", 54, {})]),
)


@pytest.mark.parametrize(
    ("settings", "expected", "dropped"),
    [
        ({}, {"one": ["Aspirin", "81 mg"], "two": ["Aspirin", "fever"]}, {}),
        ({"subsets": ("relations",)}, {"one": ["Aspirin", "81 mg"], "two": ["Aspirin", "fever"]}, {}),
        ({"subsets": ("medication",)}, {}, {}),
        ({"drop_complex": True}, {"one": ["Aspirin", "81 mg"]}, {"complex answer": 1}),
        (
            {"evidence_answers": True},
            {"one": [LINES[1].strip()], "two": [LINES[1].strip(), "fever"]},
            {"answer with the same evidence": 1},
        ),
        ({"max_answer_words": 2}, {"one": ["Aspirin", "81 mg"], "two": ["Aspirin", "fever"]}, {}),
        ({"max_answer_words": 1}, {"one": ["Aspirin"], "two": ["Aspirin", "fever"]}, {"answer of over 1 words": 1}),
        (
            {"evidence_answers": True, "max_answer_words": 6},
            {},
            {"answer with the same evidence": 1, "answer of over 6 words": 2, "question that lost its answers": 2},
        ),
        (
            {"evidence_answers": True, "max_answer_words": 7},
            {"one": [LINES[1].strip()], "two": [LINES[1].strip(), "fever"]},
            {"answer with the same evidence": 1},
        ),
    ],
)
def test_each_setting_of_the_preparation(settings, expected, dropped):
    report = ConversionReport(questions=2, answers=4)
    found = prepare_record(MADE, Preparation(**settings), report=report)
    assert {q.id: [a.text for a in q.answers] for q in (found.questions if found else [])} == expected
    assert report.dropped == {f"preparation: {reason}": n for reason, n in dropped.items()}
    assert (report.questions, report.answers) == (len(expected), sum(map(len, expected.values())))


def test_sampling_is_of_the_training_part_by_seed_and_id_alone():
    record = record_of(*[asked(f"q{n}", 15) for n in range(1000)])
    settings = Preparation(sample={"relations": 0.2}, seed=1)
    report = ConversionReport()
    chosen = prepared_ids(record, settings, report=report)
    assert 150 < len(chosen) < 250
    assert report.dropped == {"preparation: not sampled": 1000 - len(chosen)}
    backwards = replace(record, questions=record.questions[::-1])
    assert prepared_ids(backwards, settings) == chosen[::-1]
    assert prepared_ids(record, replace(settings, seed=2)) != chosen
    assert set(chosen) < set(prepared_ids(record, replace(settings, sample={"relations": 0.5})))
    for other, part in ((record, "dev"), (record, "test"), (replace(record, meta={"subset": "risk"}), "train")):
        assert len(prepared_ids(other, settings, part=part)) == 1000


def test_paraphrases_are_limited_by_question_and_not_always_the_first():
    record = record_of(*[asked(f"q{n}-p{k}", 15, qa=f"q{n}") for n in range(20) for k in range(4)])
    chosen = prepared_ids(record, Preparation(paraphrases=1))
    assert [qid.split("-")[0] for qid in chosen] == [f"q{n}" for n in range(20)]
    assert {qid.split("-")[1] for qid in chosen} == {"p0", "p1", "p2", "p3"}
    assert len(prepared_ids(record, Preparation(paraphrases=3))) == 60


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.01, 1), (0.3, 3), (0.99, 9)])
def test_a_share_of_the_templates_is_held_out_never_all(share, count):
    names = [f"t{n}" for n in range(10)]
    held_out = hold_out(Preparation(held_out_templates=share, held_out_paraphrases=share), names, names[::-1])
    assert len(held_out.templates) == count
    assert held_out.templates == held_out.question_templates < set(names)


@pytest.mark.parametrize(("templates", "found"), [(["t", "t"], 1), ([], 0)])
def test_less_than_two_templates_cannot_be_held_out(templates, found):
    assert hold_out(Preparation(), templates, templates) == HeldOut()
    with pytest.raises(ValueError, match=f"CQA-E042.*held_out_templates.*have {found}"):
        hold_out(Preparation(held_out_templates=0.5), templates, ["a", "b"])
    with pytest.raises(ValueError, match=f"CQA-E042.*held_out_paraphrases.*have {found}"):
        hold_out(Preparation(held_out_paraphrases=0.5), ["a", "b"], templates)


@pytest.mark.parametrize(
    ("settings", "train", "other"),
    [
        ({}, ["aa", "ab", "ba", "bb", "none"], ["aa", "ab", "ba", "bb", "none"]),
        ({"held_out_templates": 0.5}, ["aa", "ab"], ["ba", "bb"]),
        ({"held_out_paraphrases": 0.5}, ["aa", "ba"], ["ab", "bb"]),
        ({"held_out_templates": 0.5, "held_out_paraphrases": 0.5}, ["aa"], ["bb"]),
    ],
)
def test_held_out_templates_are_in_the_other_parts_alone(settings, train, other):
    questions = [asked(t + q, 15, template=t, question_template=q) for t in "ab" for q in "ab"]
    record = record_of(*questions, asked("none", 15))
    held_out = HeldOut(frozenset("b"), frozenset("b"))
    assert prepared_ids(record, Preparation(**settings), held_out=held_out) == train
    for part in ("dev", "test"):
        assert prepared_ids(record, Preparation(**settings), part=part, held_out=held_out) == other


@pytest.mark.parametrize(
    "settings",
    [
        {"sample": {"medications": 0.2}},
        {"sample": {"medication": 0.0}},
        {"sample": {"medication": 1.5}},
        {"held_out_templates": 1.0},
        {"held_out_paraphrases": -0.1},
        {"max_answer_words": -1},
        {"paraphrases": -1},
    ],
)
def test_unusable_settings_are_refused(settings):
    with pytest.raises(ValueError, match=f"CQA-E042.*{next(iter(settings))}"):
        Preparation(**settings)


def test_the_usual_preparation():
    assert USUAL.subsets == ("medication", "relations")
    assert USUAL.evidence_answers
    assert USUAL.drop_complex
    assert USUAL.max_answer_words == 20
    assert USUAL.sample == {"medication": 0.2, "relations": 0.05}
    assert not USUAL.holds_out


# Splits ---------------------------------------------------------------------------------------------------------------


def test_the_outline_has_what_a_split_needs(tmp_path):
    data = two_subsets()
    data["data"][2]["paragraphs"] += [note(5, qa(form="LabEvent (x)"), context="Other."), {"note_id": "odd"}]
    (tmp_path / "data.json").write_text(json.dumps(data))
    outline = outline_emrqa(tmp_path / "data.json")
    assert outline.digests == {text_digest("".join(LINES)), text_digest("Other.")}
    assert outline.templates == {FORM, "LabEvent (x)"}
    assert outline.question_templates == {"Why |medication|?"}
    assert outline_emrqa(tmp_path / "data.json", subsets=["smoking"]).digests == set()


def test_parts_are_assigned_by_text_whatever_the_order():
    texts = [f"Text {n % 40}." for n in range(50)]
    parts = assign_parts(texts, [0.7, 0.1, 0.2], seed=1)
    assert [list(parts.values()).count(name) for name in ("train", "dev", "test")] == [28, 4, 8]
    assert assign_parts(texts[::-1], [0.7, 0.1, 0.2], seed=1) == parts
    records = [QARecord(str(n), text, []) for n, text in enumerate(texts)]
    split = split_notes(records, [0.7, 0.1, 0.2], seed=1)
    assert all(parts[record.text] == name for name, notes in split.items() for record in notes)


# The writer -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus():
    return list(read_squad(CORPUS / "train.json"))


def by_text(records, *, answered=False):
    return {
        (record.text, question.text): question
        for record in records
        for question in record.questions
        if question.answers or not answered
    }


def places(question):
    return [(answer.start, answer.text) for answer in question.answers]


def test_a_file_without_noise_comes_back_equal(corpus, tmp_path):
    write_emrqa(corpus, tmp_path / "data.json", paraphrases=2)
    report = ConversionReport()
    records = list(read_emrqa(tmp_path / "data.json", report))
    back, expected = by_text(records), by_text(corpus, answered=True)
    assert len(back) == 2 * len(expected) == report.questions
    assert not report.items
    for key, question in expected.items():
        assert places(back[key]) == places(question)
        assert (back[key].kind, back[key].category) == (question.kind, question.category)
    assert {record.meta["subset"] for record in records} == {"medication", "relations"}


def line_of(text, start, end):
    """The lines around an answer, trimmed."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    return text[begin : stop if stop >= 0 else len(text)].strip()


def halves(answer):
    first = answer.text.split()[0]
    rest = answer.text[len(first) :].lstrip()
    return [(answer.start, first), (answer.end - len(rest), rest)]


def expected_places(text, question, entity_type):
    """Where the answers are, after noise has changed their type."""
    if entity_type == "empty":
        return {line_of(text, a.start, a.end) for a in question.answers}
    if entity_type == "complex" and question.kind == "single":
        return halves(question.answers[0])
    return places(question)


def test_a_noisy_file_comes_back_at_its_places(corpus, tmp_path):
    write_emrqa(corpus, tmp_path / "data.json", paraphrases=1, noise=Noise.of_rate(0.3), seed=3)
    report = ConversionReport()
    back = by_text(read_emrqa(tmp_path / "data.json", report))
    expected = {key: q for key, q in by_text(corpus, answered=True).items() if len(q.answers) == 1 or q.kind == "list"}
    right = 0
    for (text, asked_text), question in expected.items():
        found = back.get((text, asked_text))
        if found is None:
            continue
        wanted = expected_places(text, question, found.extra["entity_type"])
        given = {a.text for a in found.answers} if isinstance(wanted, set) else places(found)
        right += given == wanted
    assert right / len(expected) >= 0.97
    lost = len(by_text(corpus, answered=True)) - len(back)
    assert report.dropped[LOST] == lost
    assert {"answer: token moved", "answer: line moved", "evidence: given twice", f"answer: {DIFFERS}"} <= set(
        report.repaired
    )
    types = {question.extra["entity_type"] for question in back.values()}
    assert types == {"single", "empty", "complex"}


@pytest.mark.parametrize("flaw", ["token", "line", "doubled", "case", "spacing", "empty", "complex"])
def test_each_flaw_changes_its_own_keys(flaw, tmp_path):
    question = GoldQuestion("q", "Why?", "single", [GoldAnswer("chest pain", 39)], "Diagnosis")
    record = QARecord("7", "".join(LINES), [question])
    write_emrqa([record], tmp_path / "plain.json", paraphrases=1)
    write_emrqa([record], tmp_path / "noisy.json", paraphrases=1, noise=Noise(**{flaw: 1.0}))
    plain, noisy = (json.loads((tmp_path / f"{name}.json").read_text())["data"] for name in ("plain", "noisy"))
    (qa_plain,), (qa_noisy,) = plain[1]["paragraphs"][0]["qas"], noisy[1]["paragraphs"][0]["qas"]
    assert qa_plain == {
        "question": ["Why?"],
        "answers": [single("chest pain", [2, 5])],
        "id": [[["Why?", "|question|"]], "ConditionEvent (x)"],
    }
    changed = {key for key, value in qa_plain["answers"][0].items() if qa_noisy["answers"][0][key] != value}
    assert (
        changed
        == {
            "token": {"answer_start"},
            "line": {"answer_start", "evidence_start"},
            "doubled": {"evidence"},
            "case": {"text"},
            "spacing": {"text"},
            "empty": {"text", "answer_entity_type"},
            "complex": {"text", "answer_start", "evidence", "evidence_start", "answer_entity_type"},
        }[flaw]
    )


def test_questions_are_repeated_under_ids_of_their_own(tmp_path):
    question = GoldQuestion("q", "Why?", "single", [GoldAnswer("chest pain", 39)], "Diagnosis")
    nothing = GoldQuestion("none", "Who?", "impossible")
    report = ConversionReport(questions=2)
    note_7 = QARecord("7", "".join(LINES), [question, nothing])
    write_emrqa([note_7], tmp_path / "data.json", paraphrases=2, repeat=3, report=report)
    assert report.questions == 1
    assert report.dropped == {"question without an answer, as emrQA has none": 1}
    (record,) = read_emrqa(tmp_path / "data.json")
    assert [q.id for q in record.questions] == [f"relations-7-q{n}-p{p}" for n in (1, 2, 3) for p in (0, 1)]
    assert [q.text for q in record.questions] == ["Why?", "Please tell me: Why?"] * 3
