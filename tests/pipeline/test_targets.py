"""What training shows and expects, and the joint loss against torch's own."""

from itertools import pairwise

import numpy
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.training import Example

from spacy_cqa.categories import soft_label
from spacy_cqa.models.architectures import TrainingScores
from spacy_cqa.models.tokenization import ReaderTokenizer
from spacy_cqa.models.windows import WindowSettings, cut_windows
from spacy_cqa.pipeline.targets import (
    Targets,
    draw_cut,
    draw_windows,
    joint_loss,
    make_training_batches,
    make_training_pieces,
    read_gold,
)
from spacy_cqa.schemas import set_questions
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord, copy_questions, record_to_doc

NLP = spacy.blank("en")
RANDOM = settings(max_examples=200, deadline=None, derandomize=True, database=None)
SETTINGS = WindowSettings(window=27, overlap=4, max_question_tokens=12)  # windows of 12: 0-11, 8-19, 16-27 ...
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


def pieces_of(example, tokenizer, negative_rate=1.0, crop=1.0):
    options = {"spans_key": "clinical_qa", "negative_rate": negative_rate, "crop": crop}
    return make_training_pieces([example], tokenizer, SETTINGS, **options)


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
    assert [NOTE[g.start_char : g.end_char] for g in gold["a"]] == ["10 11", "15"]
    assert all(g.label == pytest.approx((1 / 3, 2 / 3, 0, 0, 0)) for g in gold["a"])
    assert gold["b"] == []
    assert read_gold(example.reference, "other") == {}


def test_hard_labels_put_all_on_the_annotated_category(tokenizer):
    example = make_example({"a": [(0, 1)]}, category="Medication", also=["Diagnosis"])
    (hard,) = read_gold(example.reference, "clinical_qa", soft_labels=False)["a"]
    assert hard.label == (0, 1, 0, 0, 0)
    options = {"spans_key": "clinical_qa", "negative_rate": 0.0, "crop": 1.0}
    for soft_labels, expected in ((True, (1 / 3, 2 / 3, 0, 0, 0)), (False, (0, 1, 0, 0, 0))):
        pieces, _ = make_training_pieces([example], tokenizer, SETTINGS, soft_labels=soft_labels, **options)
        assert pieces[0].labels[0] == pytest.approx(expected)


def overlap(window, span):
    """Subwords of a span, end inclusive, in a window."""
    return max(0, min(window[1], span[1] + 1) - max(window[0], span[0]))


@RANDOM
@given(
    st.integers(1, 80),
    st.lists(st.tuples(st.integers(0, 79), st.integers(0, 14)), max_size=3),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.3, 1.0]),
)
def test_windows_are_drawn_around_whole_answers_or_clear_of_them(length, pairs, negative_rate, crop):
    spans = [(first, min(first + more, length - 1)) for first, more in pairs if first < length]
    windows = cut_windows(length, 12, 4)
    width = min(12, length)
    drawn_from = draw_windows(windows, spans, negative_rate=negative_rate, crop=crop)
    assert all(home == (0, length) or home in windows for _, home in drawn_from)
    shown = [window for window, _ in drawn_from]
    for window in shown:
        assert 0 <= window[0] < window[1] <= length
        assert max(1, int(crop * width)) <= window[1] - window[0] <= width
        # a window without a whole answer has no part of one
        if not any(overlap(window, span) == span[1] - span[0] + 1 for span in spans):
            assert not any(overlap(window, span) for span in spans)
    for span in spans:
        if span[1] - span[0] < width:
            assert any(window[0] <= span[0] and span[1] < window[1] for window in shown)
    clear = [window for window in windows if not any(overlap(window, span) for span in spans)]
    drawn = [window for window in shown if not any(overlap(window, span) for span in spans)]
    assert len(drawn) == len(clear) if negative_rate == 1.0 else len(drawn) <= len(clear)
    assert shown or not clear


def test_an_answer_is_drawn_at_every_place_of_its_window():
    windows = cut_windows(40, 12, 4)
    drawn = [draw_windows(windows, [(20, 21)], negative_rate=0.0, crop=1.0) for _ in range(300)]
    assert {window for shown in drawn for window, _ in shown} == {(n, n + 12) for n in range(10, 21)}
    cropped = [draw_windows(windows, [(20, 21)], negative_rate=0.0, crop=0.5) for _ in range(300)]
    assert {end - start for (((start, end), _),) in cropped} == set(range(6, 13))


@RANDOM
@given(
    st.integers(1, 80),
    st.lists(st.tuples(st.integers(0, 79), st.integers(0, 14)), max_size=3),
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([0.3, 1.0]),
)
def test_with_separate_layers_all_is_drawn_inside_the_windows_that_questions_share(length, pairs, rate, crop):
    spans = [(first, min(first + more, length - 1)) for first, more in pairs if first < length]
    windows = draw_cut(length, 12, 4)
    shown = draw_windows(windows, spans, negative_rate=rate, crop=crop, inside=True)
    for (start, end), home in shown:
        assert home in windows
        assert home[0] <= start < end <= home[1]
    for first, last in spans:
        held = any(start <= first and last < end for start, end in windows)
        assert held == any(start <= first and last < end for (start, end), _ in shown)


@RANDOM
@given(st.integers(0, 100), st.integers(2, 20), st.integers(0, 19))
def test_a_cut_from_a_random_place_covers_the_note(length, width, overlap):
    overlap = min(overlap, width - 1)
    windows = draw_cut(length, width, overlap)
    assert {n for start, end in windows for n in range(start, end)} == set(range(length))
    assert all(0 < end - start <= width for start, end in windows)
    for (_, end), (start, _) in pairwise(windows):
        assert end - start >= overlap


def test_cuts_begin_at_every_place():
    assert {draw_cut(40, 12, 4)[0] for _ in range(300)} == {(0, n) for n in range(5, 13)}


def test_questions_of_a_note_share_its_windows(tokenizer):
    example = make_example({"a": [(0, 1)], "b": [(4, 5)], "c": []})
    options = {"spans_key": "clinical_qa", "negative_rate": 1.0, "crop": 0.5, "separate": True}
    pieces, n_questions = make_training_pieces([example], tokenizer, SETTINGS, **options)
    assert n_questions == 3
    wholes = {piece.piece.whole for piece in pieces}
    assert None not in wholes
    assert len(wholes) < len(pieces)
    assert len({id(piece.piece.note) for piece in pieces}) == 1


def test_no_windows_are_drawn_of_an_empty_note():
    assert draw_windows([], [], negative_rate=1.0, crop=1.0) == []


@pytest.mark.parametrize("crop", [0.5, 1.0])
@pytest.mark.parametrize("first", range(0, 38, 6))
def test_pieces_name_the_answers_subwords_in_the_note(first, crop, tokenizer):
    example = make_example({"a": [(first, first + 1)]}, category="Medication")
    pieces, n_questions = pieces_of(example, tokenizer, negative_rate=0.0, crop=crop)
    assert n_questions == 1
    (piece,) = pieces
    subwords = piece.piece.note.subwords
    ((start, end),) = piece.spans
    assert NOTE[subwords.starts[start] : subwords.ends[end]] == f"{WORDS[first]} {WORDS[first + 1]}"
    assert piece.labels == [(0, 1, 0, 0, 0)]


def test_negative_rate_is_the_share_of_windows_without_an_answer(tokenizer):
    example = make_example({"a": [(0, 0)]})
    everything, _ = pieces_of(example, tokenizer, 1.0)
    n_clear = len(everything[0].piece.note.windows) - 1  # the first holds the answer
    assert n_clear > 3
    assert [bool(piece.spans) for piece in everything] == [True] + [False] * n_clear
    assert len(pieces_of(example, tokenizer, 0.0)[0]) == 1
    shown = [len(pieces_of(example, tokenizer, 0.5)[0]) - 1 for _ in range(300)]
    assert numpy.mean(shown) / n_clear == pytest.approx(0.5, abs=0.05)


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
    labels = [label for piece in pieces for label in piece.labels]
    assert len(labels) >= 3
    assert sum(piece.category_share for piece in pieces for _ in piece.labels) == pytest.approx(1.0)


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
    note = pieces[0].piece.note
    ((batch, targets),) = make_training_batches(pieces, tokenizer, max_batch_tokens=9999, longest=160, bfloat16=False)
    assert targets.starts.sum(axis=1) == pytest.approx([1.0, 1.0]) == targets.ends.sum(axis=1)
    held, empty = sorted(range(2), key=lambda row: targets.starts[row, 0])
    assert targets.starts[empty, 0] == targets.ends[empty, 0] == 1.0
    assert [targets.starts[held, n] for n in batch.starts] == [targets.ends[held, n] for n in batch.ends] == [0.5, 0.5]
    for begin, end, (i, j) in zip(batch.starts, batch.ends, [(0, 1), (3, 3)], strict=True):
        expected = note.subwords.ids[note.token_first[i] : note.token_last[j] + 1]
        assert batch.pieces.input_ids[held, begin : end + 1].tolist() == expected.tolist()
    assert targets.labels.tolist() == [[0, 1, 0, 0, 0]] * 2
    assert targets.category_shares == pytest.approx([0.5, 0.5])


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
    shares = (half, half, category_weight * targets.category_shares)
    for logits, gold, weights in zip(tensors, golds, shares, strict=True):
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
