"""The component in a pipeline: questions and answers, other components, errors, threads, processes, saving."""

import logging
import multiprocessing
import pickle
import threading

import pytest
import spacy
import torch
from spacy.tokens import DocBin

import spacy_cqa
from spacy_cqa.models import architectures
from spacy_cqa.models.architectures import get_tokenizer
from spacy_cqa.pipeline import reading
from spacy_cqa.types import CATEGORIES

from ..notes import NOTES

NOTE = NOTES[0][0]
QUESTION = NOTES[0][1][0][0]


def offsets(answers):
    return [(a.question_id, a.start_char, a.end_char, a.category, round(a.score, 4)) for a in answers]


# Questions and answers


def test_answers_are_an_ordinary_span_group(trained):
    doc = trained.make_doc(NOTE)
    doc._.questions = {"drug": QUESTION, "thinner": "Which blood thinner is she on?"}
    doc = trained(doc)
    group = doc.spans["clinical_qa"]
    (span,) = group
    assert (span.text, span.label_, span.id_, span.kb_id_) == ("azithromycin", "Medication", "drug", "")
    assert set(group.attrs["questions"]) == set(group.attrs["null_scores"]) == {"drug", "thinner"}
    assert len(group.attrs["scores"]) == len(group.attrs["category_scores"]) == 1
    assert group.attrs["calibrated"] is False
    assert group.attrs["null_scores"]["thinner"] > 0.5
    (answer,) = doc._.answers
    assert answer.text == doc.text[answer.start_char : answer.end_char] == "azithromycin"
    assert answer.question == QUESTION
    assert answer.rank == 1
    assert tuple(answer.category_scores) == CATEGORIES
    assert sum(answer.category_scores.values()) == pytest.approx(1, abs=1e-5)
    assert answer.sentence == NOTE


def test_scores_and_null_share_one_distribution(trained):
    doc = trained.make_doc(NOTE)
    doc._.questions = [QUESTION]
    group = trained(doc).spans["clinical_qa"]
    assert 0 < group.attrs["scores"][0] + group.attrs["null_scores"]["q1"] <= 1 + 1e-6


def test_three_entrances(trained):
    pipe = trained.get_pipe("clinical_qa")
    by_ask = pipe.ask(NOTE, QUESTION)
    by_doc = pipe.ask(trained.make_doc(NOTE), {"q1": QUESTION})
    by_package = spacy_cqa.ask(trained, NOTE, [QUESTION])
    assert by_ask == by_doc == by_package
    assert [a.text for a in by_ask] == ["azithromycin"]


def test_ask_leaves_the_doc_alone(trained):
    doc = trained.make_doc(NOTE)
    doc._.questions = {"own": "What is the diagnosis?"}
    answers = trained.get_pipe("clinical_qa").ask(doc, QUESTION)
    assert {a.question_id for a in answers} == {"q1"}
    assert "clinical_qa" not in doc.spans
    assert doc._.questions == {"own": "What is the diagnosis?"}


def test_standing_questions_join_the_doc_s_own(make_nlp):
    nlp = make_nlp(questions={"dx": "What is the diagnosis?"}, null_threshold=1.0)
    doc = nlp.make_doc(NOTE)
    doc._.questions = {"drug": QUESTION}
    assert list(nlp(doc).spans["clinical_qa"].attrs["questions"]) == ["dx", "drug"]
    doc = nlp.make_doc(NOTE)
    doc._.questions = {"dx": "Another text?"}
    with pytest.raises(ValueError, match="CQA-E005"):
        nlp(doc)


def test_variable_in_a_standing_question_is_refused(make_nlp):
    with pytest.raises(ValueError, match="CQA-E004"):
        make_nlp(questions={"cost": "Is it over ${100}?"})


# Settings: each changes the result


def test_max_answers_and_further_share(trained, make_nlp):
    nlp = make_nlp(null_threshold=1.0, further_share=0.0, max_answers=3)
    assert len(nlp.get_pipe("clinical_qa").ask(NOTE, QUESTION)) == 3
    nlp = make_nlp(null_threshold=1.0, further_share=1.0, max_answers=3)
    assert len(nlp.get_pipe("clinical_qa").ask(NOTE, QUESTION)) == 1
    nlp = make_nlp(null_threshold=1.0, further_share=0.0, max_answers=3)
    asked = {"q": {"text": QUESTION, "max_answers": 2}}
    assert len(nlp.get_pipe("clinical_qa").ask(NOTE, asked)) == 2


def test_null_threshold(make_nlp):
    assert make_nlp(null_threshold=1.0).get_pipe("clinical_qa").ask(NOTE, QUESTION)
    assert make_nlp(null_threshold=0.0).get_pipe("clinical_qa").ask(NOTE, QUESTION) == []


def test_thresholds_by_category_and_question(trained):
    pipe = trained.get_pipe("clinical_qa")
    assert pipe.ask(NOTE, {"q": {"text": QUESTION, "threshold": 0.0}})
    assert pipe.ask(NOTE, {"q": {"text": QUESTION, "threshold": 1.0}}) == []


def test_thresholds_setting(make_nlp):
    strict = dict.fromkeys(CATEGORIES, 1.0)
    assert make_nlp(null_threshold=1.0, thresholds=strict).get_pipe("clinical_qa").ask(NOTE, QUESTION) == []


def test_question_categories(trained):
    pipe = trained.get_pipe("clinical_qa")
    assert pipe.ask(NOTE, {"q": {"text": QUESTION, "categories": ["Medication"]}})[0].text == "azithromycin"
    wrong = pipe.ask(NOTE, {"q": {"text": QUESTION, "categories": ["Procedure"]}})
    assert all(a.category == "Procedure" for a in wrong)


def test_max_answer_tokens(make_nlp):
    settings = {"null_threshold": 1.0, "further_share": 0.0, "max_answers": 20}
    pipe = make_nlp(max_answer_tokens=2, **settings).get_pipe("clinical_qa")
    doc = spacy.blank("en")(NOTE)
    lengths = [len(doc.char_span(a.start_char, a.end_char)) for a in pipe.ask(doc, QUESTION)]
    assert max(lengths) <= 2


def test_spans_key(make_nlp, make_examples):
    nlp = make_nlp(spans_key="answers", null_threshold=1.0)
    doc = nlp.make_doc(NOTE)
    doc._.questions = QUESTION
    doc = nlp(doc)
    assert len(doc.spans["answers"]) == len(doc._.answers) > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_answers", 0),
        ("max_answer_tokens", 0),
        ("null_threshold", 1.5),
        ("further_share", -0.1),
        ("thresholds", {"Diagnoses": 0.5}),
        ("window", 0),
        ("overlap", -1),
        ("precision", "float16"),
        ("spans_key", ""),
        ("max_batch_tokens", 0),
    ],
)
def test_bad_setting(name, value, make_nlp):
    with pytest.raises(ValueError, match="CQA-E013.*" + name):
        make_nlp(**{name: value})


def test_windows_that_do_not_fit(make_nlp):
    with pytest.raises(ValueError, match="CQA-E014"):
        make_nlp(window=64, overlap=32)
    with pytest.raises(ValueError, match="CQA-E015"):
        make_nlp(window=512)


# Notes of every kind


@pytest.mark.parametrize("note", ["", " ", "\n\n \t\r\n"])
def test_note_without_words(note, trained):
    doc = trained.make_doc(note)
    doc._.questions = [QUESTION]
    doc = trained(doc)
    assert doc._.answers == []
    assert doc.spans["clinical_qa"].attrs["null_scores"] == {"q1": 1.0}


@pytest.mark.parametrize(
    "note",
    [
        "🩺 fever 🤒 of 39\u202f°C,\r\ncafe\u0301 au lait spots.\r\nStart azithromycin 500\u00a0mg daily.\r\n",
        "\ufeffPneumonia\u2028azithromycin\u0000 daily",
        "e\u0301" * 50 + " azithromycin",
        "x" * 5000,
    ],
)
def test_offsets_are_those_of_the_raw_note(note, make_nlp):
    pipe = make_nlp(null_threshold=1.0, further_share=0.0).get_pipe("clinical_qa")
    answers = pipe.ask(note, QUESTION)
    assert answers
    assert all(a.text == note[a.start_char : a.end_char] and a.text.strip() for a in answers)


def test_very_long_note_is_read_to_its_end(make_nlp):
    """200,000 characters, an untrained reader: only what the note's last window holds can be the answer."""
    nlp = make_nlp(null_threshold=1.0)
    filler = "The patient slept well and ate breakfast. "
    text = filler * (200_000 // len(filler)) + "azithromycin"
    doc = nlp.make_doc(text)
    last = len(doc) - 1
    real = architectures.predict_spans

    def only_the_last_word(model, batch, *texts, **options):
        kept, starts, ends = real(model, batch, *texts, **options)
        target = batch.input_ids == get_tokenizer(model).encode("azithromycin").ids[-1]
        return kept, starts + 50 * target, ends + 50 * target

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "predict_spans", only_the_last_word)
        (answer, *_) = nlp.get_pipe("clinical_qa").ask(doc, QUESTION)
    assert (answer.start_char, answer.end_char) == (doc[last].idx, len(text))
    assert answer.start_char > 199_000


def test_question_too_long(trained):
    with pytest.raises(ValueError, match=r"CQA-E009.*max_question_tokens"):
        trained.get_pipe("clinical_qa").ask(NOTE, "Which antibiotic " * 40)


def test_call_before_initialize():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("clinical_qa")
    with pytest.raises(ValueError, match=r"CQA-E010.*initialize"):
        pipe.ask(NOTE, QUESTION)
    with pytest.raises(ValueError, match="CQA-E011"):
        nlp.initialize()


# Errors in batches


def test_only_the_failing_doc_reaches_the_error_handler(trained, trained_path):
    nlp = spacy.load(trained_path)
    failed = []
    nlp.set_error_handler(lambda name, proc, docs, error: failed.append((name, [d.text for d in docs], str(error))))
    docs = [nlp.make_doc(text) for text, _ in NOTES]
    for n, doc in enumerate(docs):
        doc._.questions = ["Which antibiotic " * 40] if n == 2 else [QUESTION]
    done = list(nlp.pipe(docs))
    assert [d.text for d in done] == [text for n, (text, _) in enumerate(NOTES) if n != 2]
    assert [(name, texts) for name, texts, _ in failed] == [("clinical_qa", [NOTES[2][0]])]


def test_note_text_never_goes_to_a_log(trained, caplog, capfd):
    secret = "Zebulon Quartermaine"
    with caplog.at_level(logging.DEBUG):
        trained.get_pipe("clinical_qa").ask(f"{secret} has pneumonia.", QUESTION)
        with pytest.raises(ValueError) as error:
            trained.get_pipe("clinical_qa").ask(f"{secret} has pneumonia.", "word " * 200)
    out = capfd.readouterr()
    assert secret not in caplog.text + out.out + out.err + str(error.value)


# In the company of others


def test_pipe_equals_call_and_keeps_context(trained):
    texts = [text for text, _ in NOTES]
    docs = [trained.make_doc(text) for text in texts]
    for doc in docs:
        doc._.questions = [QUESTION, "What is the diagnosis?"]
    single = [offsets(trained(doc.copy())._.answers) for doc in docs]
    piped = list(trained.pipe([(doc.copy(), n) for n, doc in enumerate(docs)], as_tuples=True))
    assert [context for _, context in piped] == list(range(len(docs)))
    assert [offsets(doc._.answers) for doc, _ in piped] == single
    assert any(single)


def test_after_other_components(make_nlp):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "DRUG", "pattern": "azithromycin"}])
    nlp = make_nlp(nlp=nlp, null_threshold=1.0)
    doc = nlp.make_doc(NOTE)
    doc._.questions = QUESTION
    doc = nlp(doc)
    assert [ent.text for ent in doc.ents] == ["azithromycin"]
    answer = doc._.answers[0]
    assert answer.sentence in [sent.text for sent in doc.sents] or answer.text in answer.sentence
    assert len(answer.sentence) < len(NOTE)


def test_analyze_pipes(make_nlp):
    nlp = make_nlp()
    analysis = nlp.analyze_pipes()
    assert analysis["summary"]["clinical_qa"]["assigns"] == ["doc.spans", "doc._.answers"]
    assert analysis["summary"]["clinical_qa"]["requires"] == []
    assert analysis["problems"]["clinical_qa"] == []
    weights = nlp.get_factory_meta("clinical_qa").default_score_weights
    assert weights["cqa_f1"] == 0.7
    assert weights["cqa_cat_acc_gold"] == 0.3


def test_sourced_component_is_one_object_and_uses_the_doc_s_vocab(trained):
    other = spacy.blank("en")
    other.add_pipe("clinical_qa", source=trained)
    assert other.get_pipe("clinical_qa") is trained.get_pipe("clinical_qa")
    doc = other.make_doc(NOTE)
    doc._.questions = QUESTION
    (span,) = other(doc).spans["clinical_qa"]
    assert span.vocab is other.vocab
    assert span.label_ == "Medication"


def test_docbin_keeps_answers(trained):
    doc = trained.make_doc(NOTE)
    doc._.questions = QUESTION
    doc = trained(doc)
    data = DocBin(docs=[doc], store_user_data=True).to_bytes()
    (loaded,) = DocBin().from_bytes(data).get_docs(spacy.blank("en").vocab)
    assert loaded._.answers == doc._.answers
    (pickled,) = [pickle.loads(pickle.dumps(doc))]
    assert pickled._.answers == doc._.answers


# Threads and processes


def test_two_threads_ask_at_once(trained):
    pipe = trained.get_pipe("clinical_qa")
    questions = [(text, [q for q, *_ in asked]) for text, asked in NOTES]
    expected = [offsets(pipe.ask(text, asked)) for text, asked in questions]
    found = {}

    def work(name):
        found[name] = [[offsets(pipe.ask(text, asked)) for text, asked in questions] for _ in range(5)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result == expected for results in found.values() for result in results)


def test_asking_while_training_state_is_at_rest(trained):
    reader = trained.get_pipe("clinical_qa").model.shims[0].reader
    assert not any(module.training for module in reader.modules())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_two_processes_after_use_in_the_parent(method, trained_path):
    nlp = spacy.load(trained_path)
    nlp.get_pipe("clinical_qa").ask(NOTE, QUESTION)
    docs = [nlp.make_doc(text) for text, _ in NOTES]
    for doc in docs:
        doc._.questions = {"drug": QUESTION}
    expected = [offsets(nlp(doc.copy())._.answers) for doc in docs]
    before = multiprocessing.get_start_method()
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    multiprocessing.set_start_method(method, force=True)
    try:
        found = [offsets(doc._.answers) for doc in nlp.pipe(docs, n_process=2, batch_size=2)]
    finally:
        multiprocessing.set_start_method(before, force=True)
        torch.set_num_threads(threads)
    assert found == expected
    assert any(found)


# Saving


def test_config_overrides_win_at_load(trained_path):
    nlp = spacy.load(trained_path, config={"components": {"clinical_qa": {"max_answers": 7, "null_threshold": 0.25}}})
    settings = nlp.get_pipe("clinical_qa").settings
    assert settings["max_answers"] == 7
    assert settings["null_threshold"] == 0.25


def test_load_without_the_component(trained_path):
    nlp = spacy.load(trained_path, exclude=["clinical_qa"])
    assert nlp.pipe_names == []
    nlp = spacy.load(trained_path, disable=["clinical_qa"])
    assert nlp.pipe_names == []


def test_folder_layout(trained_path):
    folder = trained_path / "clinical_qa"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"cfg", "encoder/config.json", "model.safetensors", "format.json", "tokenizer/tokenizer.json"} <= found


def test_uninitialized_pipe_saves_and_loads(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_qa")
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    with pytest.raises(ValueError, match="CQA-E010"):
        loaded.get_pipe("clinical_qa").ask(NOTE, QUESTION)
    fresh = spacy.blank("en")
    fresh.add_pipe("clinical_qa")
    fresh.from_bytes(nlp.to_bytes())


def damage_missing(folder):
    (folder / "model.safetensors").unlink()


def damage_truncated(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def damage_config(folder):
    (folder / "encoder" / "config.json").write_text("{", encoding="utf8")


def damage_no_format(folder):
    (folder / "format.json").unlink()


def damage_newer(folder):
    (folder / "format.json").write_text('{"format": 99, "initialized": true}', encoding="utf8")


def damage_shape(folder):
    config = (folder / "encoder" / "config.json").read_text(encoding="utf8")
    (folder / "encoder" / "config.json").write_text(config.replace('"hidden_size": 32', '"hidden_size": 64'), "utf8")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (damage_missing, "E020"),
        (damage_truncated, "E020"),
        (damage_config, "E020"),
        (damage_no_format, "E020"),
        (damage_newer, "E021"),
        (damage_shape, "E022"),
    ],
)
def test_damaged_folder_is_one_clear_error(damage, code, trained, tmp_path):
    path = tmp_path / "model"
    trained.to_disk(path)
    damage(path / "clinical_qa")
    with pytest.raises(ValueError, match=f"CQA-{code}"):
        spacy.load(path)


def test_labels(trained):
    pipe = trained.get_pipe("clinical_qa")
    assert trained.pipe_labels["clinical_qa"] == list(CATEGORIES) == list(pipe.label_data)
    assert pipe.add_label("Diagnosis") == 0
    with pytest.raises(ValueError, match="CQA-E012"):
        pipe.add_label("Allergy")
    assert pipe.is_trainable
    assert not pipe.is_resizable
