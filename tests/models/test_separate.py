"""Separate layers: against a plain joint forward whose lower layers are masked, family by family; shared gradients."""

import numpy
import pytest
import spacy
import torch

from spacy_cqa.models.architectures import (
    build_multitask_reader_v1,
    get_reader,
    get_tokenizer,
    predict_spans,
    to_piece_inputs,
)
from spacy_cqa.models.batches import Piece, make_batch
from spacy_cqa.models.loaders import load_encoder
from spacy_cqa.models.separate import TextReader, begin_texts
from spacy_cqa.models.windows import WindowSettings, encode_note

from ..encoders import DEPTH, LAYERED, make_encoder
from ..notes import NOTES

SETTINGS = WindowSettings(window=96, overlap=16, max_question_tokens=24)


@pytest.fixture(scope="module")
def deep_modernbert(tmp_path_factory):
    """Five layers, of which the first, third and fifth attend globally: two may be separate."""
    return make_encoder("modernbert", tmp_path_factory.mktemp("deep"), num_hidden_layers=5)


@pytest.fixture
def make_model(encoders, deep_modernbert):
    def make(family, **settings):
        folder = deep_modernbert if family == "modernbert" else encoders(family)
        given = {"span_hidden": [], "category_hidden": [16], "task_layers": 0, "separate_layers": 1, **settings}
        model = build_multitask_reader_v1(**given)
        model.shims[0].attach(load_encoder(str(folder)))
        return model

    return make


def make_pieces(model, *, part=False):
    """Every window of three notes with two questions each; with `part`, a stretch of each window."""
    tokenizer, nlp, pieces = get_tokenizer(model), spacy.blank("en"), []
    for text, asked in NOTES[:3]:
        note = encode_note(nlp.make_doc(text), tokenizer, SETTINGS)
        for question, *_ in asked[:2]:
            for start, end in note.windows:
                shown = (start + 3, end - 2) if part else (start, end)
                pieces.append(Piece(tokenizer.encode(question).ids, note, shown, (start, end) if part else None))
    return pieces


def read_texts(model, pieces):
    reader = TextReader(model, max_question_tokens=SETTINGS.max_question_tokens, max_batch_tokens=256, bfloat16=False)
    return reader.read(pieces)


def masked_forward(model, piece):
    """Start logits of one piece, computed another way: question and whole window in one sequence, in whose lower layers
    a mask hides the one from the other; above them, what the piece does not show of the window is cut out.

    RETURNS (numpy.ndarray): Logits of the question with its special tokens, the shown part, and the last token.
    """
    reader, tokenizer = get_reader(model), get_tokenizer(model)
    family, encoder, kind = reader.family, reader.encoder, reader.family.config.model_type
    whole = piece.whole or piece.window
    batch = make_batch([Piece(piece.question, piece.note, whole)], tokenizer, longest=160)
    length, offset = int(batch.mask[0].sum()), int(batch.note_offsets[0])
    positions = torch.arange(length)[None].clone()
    positions[0, offset:] += tokenizer.frame.note_offset(SETTINGS.max_question_tokens) - offset
    ids, types = (torch.as_tensor(values[:, :length]) for values in (batch.input_ids, batch.type_ids))
    states = embed(encoder, kind, ids, types if family.type_vocab > 1 else types * 0, positions)
    note = torch.arange(length) >= offset
    shown = torch.ones(length, dtype=torch.bool)
    shown[offset : offset + piece.window[0] - whole[0]] = False
    shown[offset + piece.window[1] - whole[0] : offset + whole[1] - whole[0]] = False
    for number, layer in enumerate(family.layers(encoder)):
        if number == reader.separate_layers:
            states, positions = states[:, shown], positions[:, shown]
        apart = (note[:, None] == note[None, :])[None, None]
        mask = apart if number < reader.separate_layers else torch.ones_like(apart[:, :, shown][:, :, :, shown])
        if kind == "modernbert":
            near = (positions[0][:, None] - positions[0][None, :]).abs() <= family.config.local_attention // 2
            states = layer(states, attention_mask=mask, sliding_window_mask=mask & near, position_ids=positions)[0]
        else:  # ELECTRA adds its mask to the scores
            states = layer(states, mask if kind != "electra" else torch.where(mask, 0.0, -1e9))[0]
    norm = family.final_norm(encoder)
    return reader.span_head(states if norm is None else norm(states))[0, :, 0].numpy()


def embed(encoder, kind, ids, types, positions):
    if kind == "modernbert":
        return encoder.embeddings(input_ids=ids)
    if kind == "distilbert":
        parts = encoder.embeddings
        return parts.LayerNorm(parts.word_embeddings(ids) + parts.position_embeddings(positions))
    positions = positions + (encoder.config.pad_token_id + 1 if kind == "roberta" else 0)
    states = encoder.embeddings(input_ids=ids, token_type_ids=types, position_ids=positions)
    return encoder.embeddings_project(states) if kind == "electra" else states


@pytest.mark.parametrize("family", LAYERED)
@pytest.mark.parametrize("part", [False, True])
def test_equals_one_forward_with_masked_lower_layers(family, part, make_model):
    model = make_model(family)
    pieces = make_pieces(model, part=part)
    texts = read_texts(model, pieces)
    batch = texts.put_together(pieces, make_batch(pieces, get_tokenizer(model), longest=160))
    _, starts, _ = predict_spans(model, batch, texts.packed)
    for row, piece in enumerate(pieces):
        with torch.inference_mode():
            expected = masked_forward(model, piece)
        readable = batch.note_mask[row].copy()
        readable[0] = True
        assert numpy.allclose(starts[row, readable], expected[readable[: len(expected)]], atol=1e-5)


@pytest.mark.parametrize("family", LAYERED)
def test_a_window_s_states_do_not_depend_on_the_question(family, make_model):
    model = make_model(family)
    pieces = make_pieces(model)
    other = [Piece(get_tokenizer(model).encode("allergies?").ids, piece.note, piece.window) for piece in pieces]
    before, after = read_texts(model, pieces), read_texts(model, other)
    for piece in pieces:
        key, text = before.frame.window(piece)
        one, two = (states.packed[states.rows[key] :][: len(text.ids)] for states in (before, after))
        assert torch.equal(one, two)


def test_every_text_is_run_once(make_model, monkeypatch):
    model = make_model("bert")
    pieces = make_pieces(model)
    run = []
    real = type(get_reader(model)).text_states
    monkeypatch.setattr(
        type(get_reader(model)), "text_states", lambda self, inputs: run.append(len(inputs.mask)) or real(self, inputs)
    )
    reader = TextReader(model, max_question_tokens=24, max_batch_tokens=256, bfloat16=False)
    reader.read(pieces)
    n_windows = len({(id(piece.note), piece.window) for piece in pieces})
    n_questions = len({piece.question.tobytes() for piece in pieces})
    assert sum(run) == n_windows + n_questions < 2 * len(pieces)
    reader.read(pieces)
    assert sum(run) == n_windows + n_questions
    one_note = [piece for piece in pieces if piece.note is pieces[0].note]
    assert len(reader.read(one_note).packed) < len(reader.read(pieces).packed)
    assert sum(run) > n_windows + n_questions  # the other notes' windows were forgotten in between


@pytest.mark.parametrize("family", LAYERED)
def test_shared_gradients_equal_those_of_pieces_alone(family, make_model):
    """Through texts that pieces share, each lower weight gets the sum of what it gets from every piece by itself."""
    model = make_model(family)
    pieces, reader, tokenizer = make_pieces(model, part=True), get_reader(model), get_tokenizer(model)

    def gradients(groups):
        reader.zero_grad()
        for group in groups:
            texts, finish = begin_texts(model, group, max_question_tokens=24, max_batch_tokens=128, bfloat16=False)
            batch = texts.put_together(group, make_batch(group, tokenizer, longest=160))
            inputs = to_piece_inputs(batch, torch.device("cpu"))
            starts, _ = reader.span_logits(reader.shared_states(inputs, texts.packed), inputs)
            starts[inputs.note_mask].square().sum().backward()
            finish()
        return {name: p.grad.clone() for name, p in reader.named_parameters() if p.grad is not None}

    together, alone = gradients([pieces]), gradients([[piece] for piece in pieces])
    lower = [name for name in together if "layer.0." in name or "layers.0." in name]
    assert lower
    assert together.keys() == alone.keys()
    for name in together:
        assert torch.allclose(together[name], alone[name], rtol=1e-3, atol=1e-4), name


@pytest.mark.parametrize(
    ("family", "settings", "most"),
    [
        ("bert", {"separate_layers": DEPTH}, DEPTH - 1),
        ("bert", {"separate_layers": 2, "task_layers": 2}, 1),
        ("bert", {"separate_layers": -1}, DEPTH - 1),
        ("modernbert", {"separate_layers": 3}, 2),
    ],
)
def test_impossible_cuts_are_refused(family, settings, most, make_model):
    with pytest.raises(ValueError, match=rf"CQA-E026.*separate_layers.*from 0 to {most}\b"):
        make_model(family, **settings)
