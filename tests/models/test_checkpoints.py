"""Hugging Face checkpoints for question answering: loaded whole, written whole, logits compared window by window."""

import numpy
import pytest
import spacy
import torch
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoTokenizer

from spacy_cqa.models.architectures import build_multitask_reader_v1, get_reader, get_tokenizer, predict_spans
from spacy_cqa.models.batches import Piece, make_batch
from spacy_cqa.models.checkpoints import save_checkpoint
from spacy_cqa.models.loaders import load_encoder
from spacy_cqa.models.windows import WindowSettings, encode_note

from ..encoders import WHOLE
from ..notes import NOTES

LINEAR = ("bert", "roberta", "electra", "distilbert", WHOLE)  # families whose span head is one linear layer
SETTINGS = WindowSettings(window=96, overlap=16, max_question_tokens=24)


@pytest.fixture
def make_checkpoint(encoders, tmp_path):
    """Writes a random `...ForQuestionAnswering` checkpoint of a family into a folder."""

    def make(family):
        folder = tmp_path / f"{family}-qa"
        torch.manual_seed(1)
        model = AutoModelForQuestionAnswering.from_config(AutoConfig.from_pretrained(encoders(family))).eval()
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(encoders(family)).save_pretrained(folder)
        return folder, model

    return make


def load_reader(folder, **settings):
    model = build_multitask_reader_v1(**{"span_hidden": [], "category_hidden": [16], "task_layers": 0, **settings})
    model.shims[0].attach(load_encoder(str(folder)))
    return model


def assert_same_logits(model, hugging_face, folder):
    """On every window of three notes: ours by the batch, Hugging Face's from its own tokenizer's pair encoding."""
    reader, tokenizer = get_tokenizer(model), AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    pieces, texts = [], []
    for text, asked in NOTES[:3]:
        note = encode_note(spacy.blank("en").make_doc(text), reader, SETTINGS)
        for question, *_ in asked[:2]:
            pieces.append(Piece(reader.encode(question).ids, note, (0, len(note.subwords))))
            texts.append((question, text))
    batch = make_batch(pieces, reader, longest=160)
    _, starts, ends = predict_spans(model, batch)
    for row, (question, text) in enumerate(texts):
        pair = tokenizer(question, text, return_tensors="pt")
        if not getattr(hugging_face.config, "type_vocab_size", 0):
            del pair["token_type_ids"]  # it has no segments
        with torch.inference_mode():
            expected = hugging_face(**pair)
        readable = numpy.flatnonzero(batch.note_mask[row])
        for ours, theirs in ((starts, expected.start_logits), (ends, expected.end_logits)):
            assert numpy.allclose(ours[row, readable], theirs[0].numpy()[readable], atol=1e-4)
            assert ours[row, 0] == pytest.approx(float(theirs[0, 0]), abs=1e-4)


@pytest.mark.parametrize("family", LINEAR)
def test_a_checkpoint_loads_whole(family, make_checkpoint):
    folder, hugging_face = make_checkpoint(family)
    assert_same_logits(load_reader(folder), hugging_face, folder)


@pytest.mark.parametrize("family", LINEAR)
def test_a_reader_is_written_as_a_checkpoint(family, encoders, tmp_path):
    torch.manual_seed(2)
    model = load_reader(encoders(family))
    save_checkpoint(model, tmp_path / "out")
    hugging_face = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "out").eval()
    assert hugging_face.config.architectures == [type(hugging_face).__name__]
    assert_same_logits(model, hugging_face, tmp_path / "out")
    again = load_reader(tmp_path / "out")
    head, loaded = (get_reader(m).span_head.outputs[0] for m in (model, again))
    assert torch.equal(head.weight, loaded.weight)
    assert torch.equal(head.bias, loaded.bias)


def test_task_layers_leave_the_span_path_a_checkpoint(make_checkpoint, tmp_path):
    folder, hugging_face = make_checkpoint("bert")
    model = load_reader(folder, task_layers=1)
    assert_same_logits(model, hugging_face, folder)
    save_checkpoint(model, tmp_path / "out")
    written = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "out").eval()
    assert_same_logits(model, written, tmp_path / "out")


def test_a_head_with_hidden_layers_is_new(make_checkpoint):
    folder, _ = make_checkpoint("bert")
    with pytest.warns(UserWarning, match=r"CQA-W004.*span_hidden = \[\]"):
        load_reader(folder, span_hidden=[8])


def test_a_head_of_another_form_is_not_loaded(make_checkpoint):
    folder, _ = make_checkpoint("modernbert")
    with pytest.warns(UserWarning, match="CQA-W003.*ModernBertForQuestionAnswering"):
        load_reader(folder)


@pytest.mark.parametrize(
    ("family", "settings", "remedy"),
    [
        ("bert", {"span_hidden": [8]}, "span_hidden = "),
        ("bert", {"separate_layers": 1}, "separate_layers = 0"),
        ("modernbert", {}, "encoder of another type"),
    ],
)
def test_other_readers_are_refused(family, settings, remedy, encoders, tmp_path):
    with pytest.raises(ValueError, match=f"CQA-E070.*{remedy}"):
        save_checkpoint(load_reader(encoders(family), **settings), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_answers_without_training(make_checkpoint):
    """The best pair of the Hugging Face model is the answer, where it is longer than no token."""
    from spacy_cqa.models.loaders import make_encoder_loader

    folder, hugging_face = make_checkpoint("bert")
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-cqa.MultiTaskReader.v1", "task_layers": 0, "span_hidden": []}
    config = {"model": model, "window": 128, "overlap": 16, "max_question_tokens": 24, "null_threshold": 1.0}
    pipe = nlp.add_pipe("clinical_qa", config=config)
    pipe.initialize(lambda: [], nlp=nlp, encoder=make_encoder_loader(str(folder)))
    text, asked = NOTES[0]
    (answer, *_) = pipe.ask(text, asked[0][0])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    pair = tokenizer(asked[0][0], text, return_tensors="pt", return_offsets_mapping=True)
    offsets, places = pair.pop("offset_mapping")[0], pair.sequence_ids()
    with torch.inference_mode():
        logits = hugging_face(**pair)
    inside = [n for n, part in enumerate(places) if part == 1]
    doc = nlp.make_doc(text)
    scores = {}
    for token in doc:
        for last in doc[token.i : token.i + 30]:
            span = doc[token.i : last.i + 1]
            first_piece = [n for n in inside if offsets[n][0] == span.start_char]
            last_piece = [n for n in inside if offsets[n][1] == span.end_char]
            if first_piece and last_piece and not token.is_space and not last.is_space:
                odds = logits.start_logits[0, first_piece[0]] + logits.end_logits[0, last_piece[0]]
                scores[span.start_char, span.end_char] = float(odds) - 0.05 * (len(span) - 1)
    assert max(scores, key=scores.get) == (answer.start_char, answer.end_char)
