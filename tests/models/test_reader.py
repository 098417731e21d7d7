"""The torch module and its thinc model: every family by layer, branches, batches, precision, dropout."""

from functools import partial

import numpy
import pytest
import spacy
import torch
from transformers import AutoModel

from spacy_cqa.models.architectures import (
    build_multitask_reader_v1,
    get_reader,
    get_tokenizer,
    predict_categories,
    predict_spans,
    to_piece_inputs,
    training_mode,
)
from spacy_cqa.models.batches import Piece, make_batch
from spacy_cqa.models.loaders import load_encoder
from spacy_cqa.models.pytorch.reader import set_dropout
from spacy_cqa.models.windows import WindowSettings, encode_note

from ..encoders import DEPTH, FAMILIES, LAYERED, WHOLE
from ..notes import NOTES

SETTINGS = WindowSettings(window=96, overlap=16, max_question_tokens=24)


@pytest.fixture
def make_model(encoders):
    def make(family, **settings):
        model = build_multitask_reader_v1(**{"span_hidden": [], "category_hidden": [16], **settings})
        model.shims[0].attach(load_encoder(str(encoders(family))))
        return model

    return make


def make_pieces(model, n_notes=3):
    tokenizer = get_tokenizer(model)
    nlp = spacy.blank("en")
    pieces = []
    for text, asked in NOTES[:n_notes]:
        note = encode_note(nlp.make_doc(text), tokenizer, SETTINGS)
        for question, *_ in asked[:2]:
            pieces.extend(Piece(tokenizer.encode(question).ids, note, window) for window in note.windows)
    return pieces


def to_inputs(batch):
    return to_piece_inputs(batch, torch.device("cpu"))


@pytest.mark.parametrize("family", FAMILIES)
def test_layer_by_layer_equals_the_encoder_s_own_forward(family, make_model, encoders):
    model = make_model(family, task_layers=0)
    batch = make_batch(make_pieces(model), get_tokenizer(model), longest=160)
    inputs = to_inputs(batch)
    whole = AutoModel.from_pretrained(encoders(family)).eval()
    given = {"input_ids": inputs.input_ids, "attention_mask": inputs.mask.long()}
    if getattr(whole.config, "type_vocab_size", 0) > 1:
        given["token_type_ids"] = inputs.type_ids
    reader = get_reader(model)
    with torch.inference_mode():
        expected = whole(**given).last_hidden_state
        states = reader.shared_states(inputs)
        norm = reader.family.final_norm(reader.encoder)
        states = norm(states) if norm is not None else states
    assert torch.allclose(states[inputs.mask], expected[inputs.mask], atol=1e-5)


@pytest.mark.parametrize("family", LAYERED)
@pytest.mark.parametrize("task_layers", [0, 1, DEPTH])
def test_task_layers_start_as_copies_and_learn_apart(family, task_layers, make_model):
    torch.manual_seed(0)
    model = make_model(family, task_layers=task_layers)
    reader = get_reader(model)
    assert len(reader.category_layers) == task_layers
    upper = list(reader.family.layers(reader.encoder))[DEPTH - task_layers :] if task_layers else []
    for own, copied in zip(upper, reader.category_layers):
        assert own is not copied
        for (name, a), (_, b) in zip(own.named_parameters(), copied.named_parameters()):
            assert torch.equal(a, b), name
    inputs = to_inputs(make_batch(make_pieces(model), get_tokenizer(model), longest=160))
    reader.span_logits(reader.shared_states(inputs), inputs)[0][inputs.note_mask].sum().backward()
    assert all(p.grad is None for p in reader.category_layers.parameters())
    assert all(any(p.grad is not None for p in layer.parameters()) for layer in upper)


@pytest.mark.parametrize("setting", [{"task_layers": DEPTH + 1}, {"task_layers": -1}])
def test_impossible_cuts_are_refused(setting, make_model):
    with pytest.raises(ValueError, match="CQA-E026"):
        make_model("bert", **setting)


@pytest.mark.parametrize("setting", ["task_layers", "separate_layers"])
def test_generic_path_refuses_layers(setting, make_model):
    with pytest.raises(ValueError, match=rf"CQA-E026.*{setting}.*{WHOLE}"):
        make_model(WHOLE, **{"task_layers": 0, setting: 1})


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_do_not_depend_on_the_batch(family, make_model):
    model = make_model(family, task_layers=0)
    tokenizer = get_tokenizer(model)
    pieces = make_pieces(model, 5)
    together = make_batch(pieces, tokenizer, longest=160)
    kept, starts, ends = predict_spans(model, together)
    rows = list(range(len(pieces)))
    first = [int(offset) for offset in together.note_offsets]
    categories = predict_categories(model, kept, rows, first, [n + 2 for n in first])
    for row, piece in enumerate(pieces):
        alone = make_batch([piece], tokenizer, longest=160)
        kept_alone, start, end = predict_spans(model, alone)
        readable = numpy.flatnonzero(alone.note_mask[0])
        assert numpy.allclose(starts[row, readable], start[0, readable], atol=1e-4)
        assert numpy.allclose(ends[row, readable], end[0, readable], atol=1e-4)
        category = predict_categories(model, kept_alone, [0], [first[row]], [first[row] + 2])
        assert numpy.allclose(categories[row], category[0], atol=1e-4)


def test_only_the_note_and_the_null_can_be_answers(make_model):
    model = make_model("bert", task_layers=1)
    batch = make_batch(make_pieces(model), get_tokenizer(model), longest=160)
    _, starts, ends = predict_spans(model, batch)
    readable = batch.note_mask.copy()
    readable[:, 0] = True
    assert numpy.isfinite(starts[readable]).all()
    assert numpy.isneginf(starts[~readable]).all()
    assert numpy.isneginf(ends[~readable]).all()


@pytest.mark.parametrize("family", LAYERED)
def test_bfloat16_stays_close(family, make_model):
    model = make_model(family, task_layers=1)
    batch = make_batch(make_pieces(model), get_tokenizer(model), longest=160)
    _, exact, _ = predict_spans(model, batch)
    _, rough, _ = predict_spans(model, batch, bfloat16=True)
    readable = batch.note_mask
    assert not numpy.array_equal(exact[readable], rough[readable])
    assert numpy.abs(exact[readable] - rough[readable]).max() < 0.15


def test_no_nan_in_padding_far_from_every_word(make_model):
    model = make_model("modernbert", task_layers=1)
    pieces = make_pieces(model)
    tokenizer = get_tokenizer(model)
    short = Piece(pieces[0].question[:1], pieces[0].note, (0, 3))
    batch = make_batch([short, pieces[-1]], tokenizer, longest=160)
    kept, starts, _ = predict_spans(model, batch)
    assert torch.isfinite(kept.states).all()
    assert numpy.isfinite(starts[batch.note_mask]).all()


def test_special_layouts_match_positions(make_model):
    """RoBERTa's positions begin behind its padding id, and its table is shorter by as many."""
    roberta, bert = get_reader(make_model("roberta", task_layers=0)), get_reader(make_model("bert", task_layers=0))
    pad = roberta.encoder.config.pad_token_id
    assert (bert.family.first_position, roberta.family.first_position) == (0, pad + 1)
    assert roberta.family.longest == 160 - pad - 1


def test_dropout_is_the_training_setting_s(make_model):
    model = make_model("bert", task_layers=1)
    reader = get_reader(model)
    rates = lambda: {m.p for m in reader.modules() if isinstance(m, torch.nn.Dropout)}  # noqa: E731
    with training_mode(model, 0.37):
        assert rates() == {0.37}
        assert reader.training
    assert not reader.training
    set_dropout(reader, 0.0)
    assert rates() == {0.0}


def test_dropout_changes_the_loss(make_nlp, make_examples):
    def first_loss(drop):
        torch.manual_seed(1)
        numpy.random.seed(1)
        nlp = make_nlp()
        return nlp.get_pipe("clinical_qa").update(make_examples(nlp), drop=drop)["clinical_qa"]

    assert first_loss(0.0) == pytest.approx(first_loss(0.0), abs=1e-6)
    assert abs(first_loss(0.0) - first_loss(0.5)) > 1e-3


@pytest.mark.parametrize("weight", ["span_weight", "category_weight"])
def test_a_weight_of_zero_trains_the_other_head_alone(weight, make_nlp, make_examples):
    nlp = make_nlp(model={weight: 0.0, "task_layers": 1})
    pipe = nlp.get_pipe("clinical_qa")
    pipe.update(make_examples(nlp))
    reader = get_reader(pipe.model)
    idle = reader.span_head if weight == "span_weight" else reader.category_head
    busy = reader.category_head if weight == "span_weight" else reader.span_head
    assert all(p.grad is None or not p.grad.any() for p in idle.parameters())
    assert any(p.grad is not None and p.grad.any() for p in busy.parameters())


@pytest.mark.parametrize(("name", "value"), [("span_hidden", [8]), ("category_hidden", [])])
def test_head_sizes(name, value, make_model):
    reader = get_reader(make_model("bert", **{name: value}))
    head = reader.span_head if name == "span_hidden" else reader.category_head
    assert sum(isinstance(m, torch.nn.Linear) for m in head.modules()) == len(value) + 1


def test_accumulated_gradients_equal_one_batch(make_nlp, make_examples):
    def gradients(split):
        nlp = make_nlp(model={"negative_rate": 1.0})
        pipe = nlp.get_pipe("clinical_qa")
        examples = make_examples(nlp)
        numpy.random.seed(0)
        for part in split(examples):
            pipe.update(part)
        shim = pipe.model.shims[0]
        return {
            name: parameter.grad / shim.n_questions
            for name, parameter in shim.reader.named_parameters()
            if parameter.grad is not None
        }

    whole = gradients(lambda examples: [examples])
    halves = gradients(lambda examples: [examples[:2], examples[2:]])
    assert set(whole) == set(halves)
    assert all(torch.allclose(whole[name], halves[name], atol=1e-5) for name in whole)


def test_lazy_loader_touches_nothing():
    from spacy_cqa.models.loaders import make_encoder_loader

    loader = make_encoder_loader("no/such-encoder", sha256="0" * 64)
    assert isinstance(loader, partial)
