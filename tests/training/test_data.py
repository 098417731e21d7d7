"""SQuAD JSON to records and docs and back without loss, and the repair of flawed files."""

import copy
import json

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_cqa.cli.convert import convert
from spacy_cqa.training.converters.report import ConversionReport
from spacy_cqa.training.converters.squad import read_squad, records_from_squad, records_to_squad
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord, cuts_token, doc_to_record, record_to_doc

from ..conftest import SHARED_DATA

NLP = spacy.blank("en")
TEXT = "Cough and fever. Cough again. BP 120/80."
COUGH = {"text": "Cough", "answer_start": 0}
FEVER = {"text": "fever", "answer_start": 10}
LOST = "question that lost all its answers"


def qa(qid="a", answers=(), **more):
    """A question in our own form."""
    plain = {"kind": "single" if answers else "impossible", "category": "Symptoms" if answers else None, "also": []}
    known = {"id": qid, "question": "What?", "is_impossible": not answers, "answers": list(answers)}
    return {**known, **plain, **more}


def squad(*qas, context=TEXT):
    return {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(qas)}]}]}


OURS = {
    "version": "2",
    "licence": {"name": "CC BY", "years": [2023, 2024]},
    "data": [
        {
            "title": "one",
            "source": ["a", "b"],
            "paragraphs": [
                {
                    "id": 7,
                    "entities": [{"start": 0, "end": 5}],
                    "context": TEXT,
                    "qas": [
                        qa("a", [COUGH, {**FEVER, "by": "me"}], kind="list", also=["Diagnosis"], note="hard"),
                        qa("b"),
                    ],
                },
                {"context": "Dose 20mg.", "qas": [qa("a", [{"text": "20", "answer_start": 5}], category=None)]},
            ],
        },
        {
            "title": "two",
            "paragraphs": [{"context": TEXT, "qas": [qa("c", [FEVER], category_probs=[0.5, 0.0, 0.25, 0.25, 0.0])]}],
        },
        {"title": "three", "paragraphs": [{"context": "", "qas": []}]},
    ],
}


@pytest.mark.parametrize("way", ["records", "docs", "docbin"])
def test_our_form_comes_back_equal(way):
    before = copy.deepcopy(OURS)
    records = list(records_from_squad(OURS))
    docs = [record_to_doc(record, NLP.make_doc) for record in records]
    if way == "docbin":
        data = DocBin(docs=docs, store_user_data=True).to_bytes()
        docs = list(DocBin(store_user_data=True).from_bytes(data).get_docs(NLP.vocab))
    back = records if way == "records" else [doc_to_record(doc) for doc in docs]
    assert json.loads(json.dumps(records_to_squad(back))) == OURS == before
    assert way == "docbin" or back == records


def test_soft_labels_keep_all_their_digits_in_json(tmp_path):
    data = squad(qa("a", [FEVER], category_probs=[1 / 3, 1e-12, 2 / 3, 0.0, 0.0]))
    (tmp_path / "in.json").write_text(json.dumps(data))
    convert(tmp_path / "in.json", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == data


def test_squad_v1_is_read(tmp_path):
    questions = [{"id": "x", "question": "What?", "answers": [COUGH, COUGH]}]
    data = {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": TEXT, "qas": questions}]}]}
    srsly.write_json(tmp_path / "v1.json", data)
    (record,) = read_squad(tmp_path / "v1.json")
    assert (record.id, record.text) == ("t", TEXT)
    assert record.questions == [GoldQuestion("x", "What?", "single", [GoldAnswer("Cough", 0)] * 2)]


def test_an_answer_that_cuts_a_token_keeps_its_raw_text_beside_whole_tokens():
    answers = [GoldAnswer("120", 33), GoldAnswer("ever", 11), GoldAnswer("fever", 10)]
    doc = record_to_doc(QARecord("n", TEXT, [GoldQuestion("a", "?", "single", answers)]), NLP.make_doc)
    group = doc.spans["clinical_qa"]
    assert [span.text for span in group][1:] == ["fever", "fever"]
    assert group.attrs["gold_texts"] == ["120", "ever", "fever"]
    assert [cuts_token(doc, answer) for answer in answers][1:] == [True, False]
    assert doc_to_record(doc).questions[0].answers == answers


@pytest.mark.parametrize(
    ("question", "kept", "repaired", "dropped"),
    [
        (qa("a", [COUGH, FEVER]), [("Cough", 0), ("fever", 10)], [], []),
        *[
            (qa("a", [{"text": "fever", "answer_start": start}]), [("fever", 10)], ["offset moved"], [])
            for start in (3, -30, 999, None, "10", 10.0)
        ],
        (qa("a", [{"text": "fever"}]), [("fever", 10)], ["offset moved"], []),
        (qa("a", [{"text": " fever ", "answer_start": 9}]), None, [], ["its text is not in the note", LOST]),
        (qa("a", [{"text": " fever.\n", "answer_start": 9}]), None, [], ["its text is not in the note", LOST]),
        (qa("a", [{"text": " fever", "answer_start": 9}]), [("fever", 10)], ["white space cut off"], []),
        (qa("a", [{"text": " fever", "answer_start": 0}]), [("fever", 10)], ["offset moved", "white space"], []),
        (qa("a", [{"text": "Cough", "answer_start": 5}]), None, [], ["its text occurs several times", LOST]),
        (qa("a", [{"text": "rash", "answer_start": 0}, FEVER]), [("fever", 10)], [], ["its text is not in the note"]),
        (qa("a", [{"text": " ", "answer_start": 5}]), None, [], ["answer without text", LOST]),
        (qa("a", [FEVER], question=" "), None, [], ["question without text"]),
        (qa("a", [FEVER], is_impossible=True), [], [], ["answers of a question marked impossible"]),
    ],
)
def test_each_repair_and_drop_is_counted_by_its_reason(question, kept, repaired, dropped):
    report = ConversionReport()
    (record,) = records_from_squad(squad(question), report=report)
    found = [[(a.text, a.start) for a in q.answers] for q in record.questions]
    assert found == ([] if kept is None else [kept])
    for counts, reasons in ((report.repaired, repaired), (report.dropped, dropped)):
        assert sum(counts.values()) == len(reasons)
        assert all(any(part in reason for reason in counts) for part in reasons)
    assert (report.notes, report.questions, report.answers) == (1, len(found), sum(map(len, found)))
    assert len(report.items) == len(repaired) + len(dropped)
    assert "ever" not in json.dumps(report.to_dict()).replace("several", "")  # no text of a note


@pytest.mark.parametrize(
    ("ids", "expected", "n_repaired"),
    [
        (["a", "b"], ["a", "b"], 0),
        (["a", "a", "a"], ["a", "a-2", "a-3"], 2),
        (["a", "a-2", "a"], ["a", "a-2", "a-3"], 1),
        ([5, 5, "5"], ["5", "5-2", "5-3"], 3),
        (["a b", "é", "_x", None], ["a-b", "q-", "q_x", "q4"], 4),
    ],
)
def test_ids_are_made_usable_and_unique_and_come_back_as_they_were(ids, expected, n_repaired):
    report, data = ConversionReport(), squad(*[qa(qid, [FEVER]) for qid in ids])
    records = list(records_from_squad(data, report=report))
    assert [question.id for question in records[0].questions] == expected
    assert report.repaired.total() == n_repaired
    assert records_to_squad([doc_to_record(record_to_doc(r, NLP.make_doc)) for r in records]) == data


@pytest.mark.parametrize(
    "data",
    [
        [],
        "text",
        {"data": {}},
        {"data": [5]},
        {"data": [{"title": "t"}]},
        {"data": [{"paragraphs": [5]}]},
        {"data": [{"paragraphs": [{"qas": []}]}]},
        {"data": [{"paragraphs": [{"context": ["line"], "qas": []}]}]},
        {"data": [{"paragraphs": [{"context": "x"}]}]},
        squad(5),
        squad({"id": "a"}),
        squad(qa("a", [5])),
        squad(qa("a", [{"text": 5}])),
        squad(qa("a", answers={"text": ["fever"], "answer_start": [10]})),
        squad(qa("a", [FEVER], category="Drug")),
        squad(qa("a", [FEVER], also=["Drug"])),
        squad(qa("a", [FEVER], category_probs=[0.5, 0.5])),
        squad(qa("a", [FEVER], kind="several")),
        squad(qa("a", [FEVER], kind="impossible")),
        squad(qa("a", [FEVER], also=5)),
        squad(qa("a", [FEVER], category_probs=["much"] * 5)),
    ],
)
def test_what_is_not_squad_is_refused(data):
    with pytest.raises(ValueError, match="CQA-E030"):
        list(records_from_squad(data))


def shared(name):
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip("the development data is not beside the checkout")
    return path


@pytest.mark.shared_data
@pytest.mark.parametrize("part", ["dev", "train"])
def test_annotated_notes_come_back_equal_through_docs(part, tmp_path):
    path = shared(f"aci_cqa/{part}.json")
    convert(path, tmp_path / "notes.spacy")
    convert(tmp_path / "notes.spacy", tmp_path / "notes.json")
    assert json.loads((tmp_path / "notes.json").read_text("utf8")) == json.loads(path.read_text("utf8"))


@pytest.mark.shared_data
def test_a_flawed_file_is_repaired():
    report = ConversionReport()
    records = list(read_squad(shared("covid_qa/200423_covidQA.json"), report))
    wrong = {reason: n for reason, n in report.dropped.items() if reason.startswith("answer with a wrong offset")}
    assert report.repaired["offset moved to the only occurrence of the text"] == 227
    assert sum(wrong.values()) == 234 - 227
    assert (report.notes, report.answers) == (len(records), 1380 - 7)
    assert all(r.text[a.start : a.end] == a.text for r in records for q in r.questions for a in q.answers)


@pytest.mark.shared_data
def test_squad_v1_at_scale_is_read_without_a_repair():
    report = ConversionReport()
    records = list(read_squad(shared("xquad/xquad.en.json"), report))
    assert sum(len(record.questions) for record in records) == report.questions == 1190
    assert report.items == []
