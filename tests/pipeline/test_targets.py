"""What training shows and expects, and the joint loss against torch's own."""

import numpy
import pytest
import spacy
import torch
from spacy.training import Example

from spacy_cqa.models.architectures import TrainingScores
from spacy_cqa.models.tokenization import ReaderTokenizer
from spacy_cqa.models.windows import WindowSettings
from spacy_cqa.pipeline.targets import (
    Targets,
    joint_loss,
    make_training_batches,
    make_training_pieces,
    read_gold,
    soft_label,
)
from spacy_cqa.schemas import set_questions
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord, copy_questions, record_to_doc

NLP = spacy.blank("en")
SETTINGS = WindowSettings(
    window=27, overlap=4, max_question_tokens=12
)  # 12 subwords of the note: 0-11, 8-19, 16-27 ...
WORDS = [f"{n:02}" for n in range(10, 50)]  # numbers of two digits: one or two subwords each
NOTE = " ".join(WORDS)


@pytest.fixture(scope="module")
def tokenizer(encoders):
    return ReaderTokenizer.from_disk(encoders("bert"))


def make_example(answers_by_id, *, asked=None, **labels):
    """An example on NOTE; answers are (first word, last word)."""
    questions = []
    for qid, answers in answers_by_id.items():
        texts = [" ".join(WORDS[first : last + 1]) for first, last in answers]
        found = [GoldAnswer(text, NOTE.index(text)) for text in texts]
        questions.append(GoldQuestion(qid, "Which pill?", "single" if found else "impossible", found, **labels))
    reference = record_to_doc(QARecord("n", NOTE, questions), NLP.make_doc)
    predicted = NLP.make_doc(NOTE)
    copy_questions(reference, predicted, asked if asked is not None else answers_by_id)
    return Example(predicted, reference)


def pieces_of(example, tokenizer, negative_rate=1.0):
    return make_training_pieces([example], tokenizer, SETTINGS, spans_key="clinical_qa", negative_rate=negative_rate)


@pytest.mark.parametrize(
    ("category", "also", "probs", "expected"),
    [
        ("", (), None, None),
        ("", ("Diagnosis",), None, None),
        ("Medication", (), None, (0, 1, 0, 0, 0)),
        ("Medication", ("Diagnosis",), None, (1 / 3, 2 / 3, 0, 0, 0)),
        ("Lab Reports", ("Diagnosis", "Symptoms"), None, (1 / 4, 0, 1 / 4, 0, 1 / 2)),
        ("Medication", ("Medication",), None, (0, 1, 0, 0, 0)),
        ("Medication", ("Diagnosis",), [0, 0, 2, 2, 0], (0, 0, 0.5, 0.5, 0)),
        ("", (), (0.1, 0.2, 0.3, 0.4, 0.0), (0.1, 0.2, 0.3, 0.4, 0)),
        ("Medication", (), [0, 0, 0, 0, 0], (0, 1, 0, 0, 0)),
    ],
)
def test_the_distribution_to_learn(category, also, probs, expected):
    label = soft_label(category, also, probs)
    assert label == (None if expected is None else pytest.approx(expected))


def test_gold_is_read_with_its_labels():
    example = make_example({"a": [(0, 1), (5, 5)], "b": []}, category="Medication", also=["Diagnosis"])
    gold = read_gold(example.reference, "clinical_qa")
    assert [(NOTE[g.start_char : g.end_char], g.label) for g in gold["a"]] == [
        ("10 11", pytest.approx((1 / 3, 2 / 3, 0, 0, 0))),
        ("15", pytest.approx((1 / 3, 2 / 3, 0, 0, 0))),
    ]
    assert gold["b"] == []
    assert read_gold(example.reference, "other") == {}


# Windows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("negative_rate", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("first", range(0, 38, 3))
@pytest.mark.parametrize("length", [1, 3])
def test_a_window_that_cuts_an_answer_is_never_shown(first, length, negative_rate, tokenizer):
    pieces, n_questions = pieces_of(make_example({"a": [(first, first + length - 1)]}), tokenizer, negative_rate)
    assert n_questions == 1
    holding = [piece for piece in pieces if piece.spans]
    assert len(holding) == 1
    (span,) = holding[0].spans
    for piece in pieces:
        start, end = piece.piece.window
        shared = set(range(span[0], span[1] + 1)) & set(range(start, end))
        assert len(shared) == (span[1] + 1 - span[0] if piece is holding[0] else 0)


def test_an_answer_longer_than_a_window_shows_only_windows_without_it(tokenizer):
    pieces, _ = pieces_of(make_example({"a": [(15, 29)]}), tokenizer)
    note = pieces[0].piece.note
    first, last = note.token_first[15], note.token_last[29]
    free = [w for w in note.windows if w[1] <= first or w[0] > last]
    assert free
    assert [piece.piece.window for piece in pieces] == free
    assert [piece.spans for piece in pieces] == [[]] * len(free)


def test_every_answer_is_shown_whole_once_at_least(tokenizer):
    example = make_example({"a": [(0, 0), (10, 11), (25, 25), (38, 39)]}, category="Medication")
    pieces, _ = pieces_of(example, tokenizer, negative_rate=0.0)
    note = pieces[0].piece.note
    expected = {(note.token_first[i], note.token_last[j]) for i, j in [(0, 0), (10, 11), (25, 25), (38, 39)]}
    assert {span for piece in pieces for span in piece.spans} == expected
    assert all(w.piece.window[0] <= i and j < w.piece.window[1] for w in pieces for i, j in w.spans)


def test_negative_rate_is_the_share_of_windows_without_an_answer(tokenizer):
    example = make_example({"a": [(0, 0)]})
    everything, _ = pieces_of(example, tokenizer, 1.0)
    windows = everything[0].piece.note.windows
    cut_or_other = [w for w in windows if w[0] == 0]
    assert len(everything) == len(windows) > 4
    assert len(cut_or_other) == 1
    assert [piece.piece.window for piece in pieces_of(example, tokenizer, 0.0)[0]] == [windows[0]]
    shown = [len(pieces_of(example, tokenizer, 0.5)[0]) - 1 for _ in range(300)]
    assert numpy.mean(shown) / (len(windows) - 1) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("negative_rate", [0.0, 0.01])
def test_an_unanswerable_question_keeps_a_window(negative_rate, tokenizer):
    shown = [pieces_of(make_example({"a": []}), tokenizer, negative_rate)[0] for _ in range(60)]
    assert min(len(pieces) for pieces in shown) == 1
    assert all(piece.spans == [] for pieces in shown for piece in pieces)
    assert len({pieces[0].piece.window for pieces in shown}) > 3  # not always the same one


def test_shares_of_a_question_sum_to_one(tokenizer):
    example = make_example({"a": [(0, 0), (20, 20), (39, 39)], "b": []}, category="Medication")
    pieces, n_questions = pieces_of(example, tokenizer)
    assert n_questions == 2
    assert sum(piece.span_share for piece in pieces) == pytest.approx(2.0)
    assert sum(piece.category_share for piece in pieces for _ in piece.spans) == pytest.approx(1.0)


def test_only_questions_with_gold_are_learned_and_all_of_them_where_none_was_put_on_the_doc(tokenizer):
    example = make_example({"a": [(0, 0)], "b": [], "c": []}, asked=["b"])
    assert pieces_of(example, tokenizer)[1] == 1
    set_questions(example.predicted, {"b": "Which pill?", "other": "Why?"})
    assert pieces_of(example, tokenizer)[1] == 1
    set_questions(example.predicted, None)
    assert pieces_of(example, tokenizer)[1] == 3
    assert pieces_of(Example(NLP.make_doc(NOTE), NLP.make_doc(NOTE)), tokenizer) == ([], 0)


def test_a_question_that_is_too_long_is_left_out_with_a_warning(tokenizer):
    example = make_example({"a": [(0, 0)], "b": []})
    set_questions(example.predicted, {"a": "Which pill? " * 20, "b": "Which pill?"})
    with pytest.warns(UserWarning, match=r"CQA-W002\] 1 questions"):
        _, n_questions = pieces_of(example, tokenizer)
    assert n_questions == 1


def test_targets_stand_at_the_answers_subwords_and_the_null_at_the_first(tokenizer):
    example = make_example({"a": [(0, 1), (3, 3)], "b": []}, category="Medication")
    pieces, _ = pieces_of(example, tokenizer, 0.0)
    options = {"max_batch_tokens": 10**6, "longest": 160, "bfloat16": False}
    ((batch, targets),) = make_training_batches(pieces, tokenizer, **options)
    assert targets.starts.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert targets.ends.sum(axis=1) == pytest.approx([1.0, 1.0])
    held, empty = sorted(range(2), key=lambda row: targets.starts[row, 0])
    assert targets.starts[empty, 0] == targets.ends[empty, 0] == 1.0
    read = tokenizer.tokenizer.convert_ids_to_tokens
    ids = batch.pieces.input_ids[held]
    assert [targets.starts[held, n] for n in batch.first] == [0.5, 0.5]
    assert [targets.ends[held, n] for n in batch.last] == [0.5, 0.5]
    texts = [
        "".join(read(ids[i : j + 1].tolist())).replace("##", "") for i, j in zip(batch.first, batch.last, strict=True)
    ]
    assert texts == ["1011", "13"]
    assert targets.labels.tolist() == [[0, 1, 0, 0, 0]] * 2
    assert targets.category_shares == pytest.approx([0.5, 0.5])


# Loss -----------------------------------------------------------------------------------------------------------------


def random_case(seed, rows=4, length=9, spans=3):
    """Random logits with masked positions, and random soft targets on the rest."""
    rng = numpy.random.default_rng(seed)
    open_ = rng.random((2, rows, length)) < 0.6
    open_[..., 0] = True
    logits = numpy.where(open_, rng.normal(0, 3, open_.shape), -numpy.inf).astype("f")
    soft = rng.random(open_.shape) * open_ * (rng.random(open_.shape) < 0.5)
    soft[..., 0] += 0.01
    soft /= soft.sum(axis=-1, keepdims=True)
    labels = rng.dirichlet([0.5] * 5, spans)
    scores = TrainingScores(logits[0], logits[1], rng.normal(0, 2, (spans, 5)).astype("f"))
    return scores, Targets(soft[0], soft[1], rng.random(rows), labels, rng.random(spans))


def torch_loss(scores, targets, span_weight, category_weight):
    """The same by torch: each row's cross-entropy over its unmasked positions. RETURNS: loss, gradients."""
    tensors = [torch.tensor(a, requires_grad=True) for a in (scores.starts, scores.ends, scores.categories)]
    golds = (targets.starts, targets.ends, targets.labels)
    half = 0.5 * span_weight * targets.span_shares
    loss = torch.zeros(())
    for logits, gold, weights in zip(
        tensors, golds, (half, half, category_weight * targets.category_shares), strict=True
    ):
        for row, wanted, weight in zip(logits, torch.tensor(gold, dtype=torch.float32), weights, strict=True):
            seen = torch.isfinite(row)
            loss = loss + float(weight) * torch.nn.functional.cross_entropy(row[seen], wanted[seen])
    loss.backward()
    return loss.item(), [torch.zeros_like(t) if t.grad is None else t.grad for t in tensors]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 2.0), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("seed", range(12))
def test_loss_and_gradient_equal_torchs(seed, weights):
    scores, targets = random_case(seed)
    loss, gradient = joint_loss(scores, targets, span_weight=weights[0], category_weight=weights[1])
    expected, gradients = torch_loss(scores, targets, *weights)
    assert loss == pytest.approx(expected, rel=1e-5)
    for ours, theirs in zip((gradient.starts, gradient.ends, gradient.categories), gradients, strict=True):
        numpy.testing.assert_allclose(ours, theirs.numpy(), atol=1e-6)
    assert (gradient.starts[numpy.isinf(scores.starts)] == 0).all()


def test_a_batch_without_a_labelled_answer_has_a_span_loss_alone():
    scores, targets = random_case(0, spans=0)
    loss, gradient = joint_loss(scores, targets, span_weight=1.0, category_weight=1.0)
    assert gradient.categories.shape == (0, 5)
    assert loss == pytest.approx(torch_loss(scores, targets, 1.0, 1.0)[0], rel=1e-5)
