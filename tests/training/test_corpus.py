"""The corpus reader, splits by note, and batches by what they cost."""

import json
import zlib

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin

from spacy_cqa.training.batching import make_batch_by_pieces
from spacy_cqa.training.corpus import QACorpus
from spacy_cqa.training.records import QARecord
from spacy_cqa.training.splits import parse_shares, split_notes

NLP = spacy.blank("en")
NO_QUESTIONS = {"data": [{"paragraphs": [{"context": "Cough.", "qas": []}]}]}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("missing.spacy", None, "E031"),
        ("missing.json", None, "E031"),
        ("broken.json", b'{"data": [', "E032"),
        ("latin.json", '{"data": "é"}'.encode("latin1"), "E032"),
        ("broken.spacy", b"no zlib", "E032"),
        ("other.spacy", zlib.compress(srsly.msgpack_dumps({"a": 1})), "E032"),
        ("notes.txt", b"text", "E033"),
        ("empty.spacy", DocBin().to_bytes(), "E035"),
        ("plain.spacy", DocBin(docs=[NLP("No question.")]).to_bytes(), "E035"),
        ("empty.json", b'{"data": []}', "E035"),
        ("none.json", json.dumps(NO_QUESTIONS).encode(), "E035"),
        ("form.json", b"{}", "E030"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_with_its_code(name, content, code, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"CQA-{code}\].*{name}"):
        list(QACorpus(tmp_path / name)(NLP))


@pytest.mark.parametrize("name", ["notes.spacy", "notes.json", "folder"])
def test_the_corpus_puts_questions_but_no_answers_on_the_predicted_doc(name, data, tmp_path):
    path = data / name
    if name == "folder":
        (tmp_path / "deep").mkdir()
        for target in (tmp_path / "a.spacy", tmp_path / "deep" / "b.spacy"):
            target.write_bytes((data / "notes.spacy").read_bytes())
        path = tmp_path
    examples = list(QACorpus(path)(NLP))
    assert len(examples) == (10 if name == "folder" else 5)
    assert sum(len(eg.predicted._.questions) for eg in examples) == 4 * len(examples)
    for eg in examples:
        assert not eg.predicted.spans
        assert eg.predicted.text == eg.reference.text
        assert eg.predicted._.questions == eg.reference.spans["clinical_qa"].attrs["questions"]


def test_the_gold_spans_to_classify_are_given_by_question(data):
    eg = next(iter(QACorpus(data / "notes.spacy")(NLP)))
    gold = {}
    for span in eg.reference.spans["clinical_qa"]:
        gold.setdefault(span.id_, []).append([span.start_char, span.end_char])
    assert eg.predicted.user_data["clinical_qa_given_spans"] == gold
    assert len(gold) == 3  # one of four has no answer


def test_a_custom_spans_key_is_read(data, tmp_path):
    (doc, *_) = DocBin(store_user_data=True).from_disk(data / "notes.spacy").get_docs(NLP.vocab)
    doc.spans["mine"] = doc.spans.pop("clinical_qa")
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "mine.spacy")
    (eg,) = QACorpus(tmp_path / "mine.spacy", spans_key="mine")(NLP)
    assert len(eg.predicted._.questions) == 4
    with pytest.raises(ValueError, match="CQA-E035"):
        list(QACorpus(tmp_path / "mine.spacy")(NLP))


@pytest.mark.parametrize(("size", "expected"), [(0, [4]), (1, [1] * 4), (3, [3, 1]), (4, [4]), (9, [4])])
def test_questions_per_example_splits_a_long_list(size, expected, data):
    examples = list(QACorpus(data / "notes.spacy", questions_per_example=size, limit=1)(NLP))
    assert [len(eg.predicted._.questions) for eg in examples] == expected
    asked = [qid for eg in examples for qid in eg.predicted._.questions]
    assert asked == list(examples[0].reference.spans["clinical_qa"].attrs["questions"])


@pytest.mark.parametrize(("limit", "expected"), [(0, 5), (2, 2), (9, 5)])
def test_limit_counts_notes(limit, expected, data):
    assert len(list(QACorpus(data / "notes.json", limit=limit)(NLP))) == expected


# Splits ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"), [("70/10/20", [0.7, 0.1, 0.2]), ("80/20", [0.8, 0.2]), ("1/1/2", [0.25, 0.25, 0.5])]
)
def test_shares_are_read(text, expected):
    assert parse_shares(text) == pytest.approx(expected)


UNUSABLE = ["", "80", "80/x", "80/0", "-80/20", "1/1/1/1", "80,20", "nan/1", "inf/1"]


@pytest.mark.parametrize("text", UNUSABLE)
def test_unusable_shares_are_refused(text):
    with pytest.raises(ValueError, match="CQA-E034"):
        parse_shares(text)


def test_splits_are_by_note_disjoint_and_repeatable():
    records = [QARecord(f"n{n}", f"Text {n % 40}.", []) for n in range(50)]  # ten texts come twice
    parts = split_notes(records, parse_shares("70/10/20"), seed=1)
    assert list(parts) == ["train", "dev", "test"]
    assert sorted(r.id for part in parts.values() for r in part) == sorted(r.id for r in records)
    texts = [{r.text for r in part} for part in parts.values()]
    assert [len(part) for part in texts] == [28, 4, 8]
    assert len(set().union(*texts)) == 40  # so no text is in two parts
    assert all(part == [r for r in records if r in part] for part in parts.values())
    assert split_notes(records, parse_shares("70/10/20"), seed=1) == parts
    assert split_notes(records[::-1], parse_shares("70/10/20"), seed=1)["test"] == parts["test"][::-1]
    assert split_notes(records, parse_shares("70/10/20"), seed=2) != parts


# Batches --------------------------------------------------------------------------------------------------------------


def note_of(n_tokens, n_questions):
    doc = Doc(NLP.vocab, words=["w"] * n_tokens)
    doc._.questions = ["Why?"] * n_questions
    return doc


def batch_sizes(notes, size, factor=1.0):
    make = make_batch_by_pieces(size, window=60, overlap=8, max_question_tokens=24, subwords_per_token=factor)
    return [len(batch) for batch in make(notes)]


@pytest.mark.parametrize(
    ("note", "cost"),
    [
        # a window shows 33 subwords of the note; a piece is 9 longer and padded to a multiple of 16
        (note_of(20, 1), 32),
        (note_of(20, 3), 96),
        (note_of(33, 1), 48),
        (note_of(40, 2), 2 * 2 * 48),
        (note_of(20, 0), 1),
        (note_of(0, 1), 1),
    ],
)
def test_a_note_costs_its_padded_windows_times_its_questions(note, cost):
    assert batch_sizes([note, note], 2 * cost) == [2]
    assert batch_sizes([note, note], 2 * cost - 1) == [1, 1]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (64, [2, 1, 1]),
        (128, [2, 2]),
        (1, [1, 1, 1, 1]),
        (10**6, [4]),
        ([64, 128], [2, 2]),
        ((32, 10**6), [1, 3]),
        ((32, 64), [1, 1, 1, 1]),
    ],
)
def test_batches_stay_under_a_size_or_a_schedule_of_sizes(size, expected):
    notes = [note_of(20, 1), note_of(20, 1), note_of(20, 3), note_of(20, 1)]
    assert batch_sizes(notes, size) == expected
    if not isinstance(size, int):
        assert batch_sizes(notes, iter(size)) == expected


def test_a_schedule_goes_on_over_the_passes_through_the_data():
    notes = [note_of(20, 1)] * 3
    batcher = make_batch_by_pieces(iter([32, 64, 96, 96]), 60, 8, 24, 1.0)
    assert [[len(batch) for batch in batcher(notes)] for _ in range(2)] == [[1, 2], [3]]


def test_the_last_size_of_a_schedule_stays():
    notes = [note_of(20, 1)] * 3
    batcher = make_batch_by_pieces(iter([32, 64]), 60, 8, 24, 1.0)
    assert [[len(batch) for batch in batcher(notes)] for _ in range(2)] == [[1, 2], [2, 1]]


def test_subwords_per_token_lengthens_a_note():
    notes = [note_of(20, 1)] * 2
    assert batch_sizes(notes, 64, factor=1.0) == [2]
    assert batch_sizes(notes, 64, factor=1.4) == [1, 1]
