"""The linker on answers as a reader writes them: concepts, categories, settings, saving."""

import copy
import gc
import pickle
import shutil

import pytest
import spacy
import srsly
from scispacy import candidate_generation
from spacy.tokens import Doc, DocBin

from spacy_cqa.ontology.kb import load_generator
from spacy_cqa.pipeline.scorer import clinical_qa_score
from spacy_cqa.schemas import GIVEN_SPANS_DATA, NoteAnswers, ScoredSpan, read_note_answers, write_answers
from spacy_cqa.training.corpus import QACorpus
from spacy_cqa.training.records import GoldAnswer, GoldQuestion, QARecord, record_to_doc
from spacy_cqa.types import CATEGORIES

NOTE = (
    "Takes lisinopril and metformin for hypertension and fever. Given azithromicin for a cold and a migraine.\n"
    "WBC 14.2. Uses a walking cane, 20 mg daily."
)
NLP = spacy.blank("en")
DRUG = (0.0, 1.0, 0.0, 0.0, 0.0)  # in the order of CATEGORIES
NOTHING = (0.0, 0.0, 0.0, 0.0, 0.0)


def sure_of(category):
    """The category has the probability 0.6, the others 0.1."""
    return tuple(0.6 if name == category else 0.1 for name in CATEGORIES)


def place(text):
    return NOTE.index(text), NOTE.index(text) + len(text)


def answered(*answers, wanted=None, given=None, key="clinical_qa"):
    """A doc with answers [(question id, text, category)], scored 0.9, 0.8, ... and as `sure_of` their category, and
    with texts to classify as well by question id, which the reader took for diagnoses."""
    doc = NLP.make_doc(NOTE)
    found = NoteAnswers(calibrated=True, wanted_categories=wanted or {})
    for n, (qid, text, category) in enumerate(answers):
        span = doc.char_span(*place(text))
        found.spans.append(ScoredSpan(qid, span.start, span.end, category, 0.9 - n / 10, sure_of(category)))
        found.questions[qid] = f"Question {qid}?"
        found.null_scores[qid] = 0.05
    if given:
        found.given_category_scores = {qid: [list(sure_of("Diagnosis")) for _ in texts] for qid, texts in given.items()}
        doc.user_data[GIVEN_SPANS_DATA] = {qid: [place(text) for text in texts] for qid, texts in given.items()}
    write_answers(doc, found, spans_key=key)
    return doc


def make_linker(kb, **settings):
    return NLP.create_pipe("clinical_qa_linker", config={"kb": str(kb), **settings})


def make_pipeline(kb, **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_qa_linker", config={"kb": str(kb), **settings})
    return nlp


def ids(answer):
    return [concept_id for concept_id, _ in answer.concepts]


@pytest.fixture
def asked(monkeypatch):
    """The texts of every call of a candidate generator."""
    calls = []
    call = candidate_generation.CandidateGenerator.__call__

    def recording(self, texts, k):
        calls.append(list(texts))
        return call(self, texts, k)

    monkeypatch.setattr(candidate_generation.CandidateGenerator, "__call__", recording)
    return calls


# Concepts


def test_answers_know_their_concepts(kb):
    doc = make_linker(kb)(answered(("a", "lisinopril", "Medication"), ("b", "cold", "Symptoms"), ("c", "14.2", "")))
    drug, cold, value = doc._.answers
    assert (drug.concept_id, drug.concepts) == ("C06", (("C06", pytest.approx(1.0)),))
    # The concept whose preferred name it is comes before the one that has it as a further name.
    assert (cold.concept_id, cold.concepts) == ("C14", (("C14", pytest.approx(1.0)), ("C13", pytest.approx(1.0))))
    assert (value.concept_id, value.concepts) == ("", ())
    assert [span.kb_id_ for span in doc.spans["clinical_qa"]] == ["C06", "C14", ""]


def test_all_that_the_reader_wrote_is_kept(kb):
    answers = [("b", "cold", "Symptoms"), ("a", "lisinopril", "Procedure"), ("a", "metformin", "Medication")]
    options = {"wanted": {"b": ["Symptoms", "Diagnosis"]}, "given": {"a": ["lisinopril", "metformin"], "b": ["cold"]}}
    before = answered(*answers, **options)
    after = make_linker(kb)(answered(*answers, **options))
    attrs = dict(after.spans["clinical_qa"].attrs)
    assert [len(concepts) for concepts in attrs.pop("concepts")] == [2, 1, 1]
    assert attrs == dict(before.spans["clinical_qa"].attrs)
    kept = [(span.id_, span.text, span.label_) for span in after.spans["clinical_qa"]]
    assert kept == [(span.id_, span.text, span.label_) for span in before.spans["clinical_qa"]]


@pytest.mark.parametrize("source", ["reader", "mixed", "ontology"])
def test_one_call_asks_for_each_distinct_text_once(source, kb, asked):
    answers = [("a", "lisinopril", ""), ("b", "cold", ""), ("b", "lisinopril", "")]
    given = {"a": ["metformin"], "b": ["cold", "metformin"]}
    make_linker(kb, category_source=source)(answered(*answers, given=given))
    assert asked == [["lisinopril", "cold"] + ["metformin"] * (source != "reader")]


@pytest.mark.parametrize("source", ["reader", "mixed", "ontology"])
def test_a_note_without_answers_asks_nothing_and_reads_nothing(source, tmp_path, asked):
    doc = make_linker(tmp_path / "missing", category_source=source)(answered())
    assert doc._.answers == []
    assert asked == []


@pytest.mark.parametrize(
    ("source", "categories"),
    [("reader", ["Procedure", "Symptoms"]), ("mixed", ["Procedure", "Symptoms"]), ("ontology", ["Medication", ""])],
)
def test_a_group_that_lost_its_attrs_is_linked(source, categories, kb):
    doc = Doc.from_docs([answered(("a", "lisinopril", "Procedure"), ("b", "walking cane", "Symptoms"))])
    found = make_linker(kb, category_source=source)(doc)._.answers
    assert [a.concept_id for a in found] == ["C06", "C12"]
    assert [a.score for a in found] == [a.category_scores for a in found] == [None, None]
    assert [a.category for a in found] == categories


# Categories


@pytest.mark.parametrize(
    ("text", "source", "weight", "category", "scores"),
    [
        ("lisinopril", "reader", 1.0, "Diagnosis", (0.6, 0.1, 0.1, 0.1, 0.1)),
        ("lisinopril", "mixed", 0.0, "Diagnosis", (0.6, 0.1, 0.1, 0.1, 0.1)),
        ("lisinopril", "mixed", None, "Diagnosis", (0.42, 0.37, 0.07, 0.07, 0.07)),  # 0.3 where none was fitted
        ("lisinopril", "mixed", 0.3, "Diagnosis", (0.42, 0.37, 0.07, 0.07, 0.07)),
        ("lisinopril", "mixed", 0.5, "Medication", (0.3, 0.55, 0.05, 0.05, 0.05)),
        ("lisinopril", "mixed", 1.0, "Medication", DRUG),
        ("migraine", "mixed", 0.3, "Diagnosis", (0.57, 0.07, 0.22, 0.07, 0.07)),  # half diagnosis, half symptom
        ("walking cane", "mixed", 1.0, "Diagnosis", (0.6, 0.1, 0.1, 0.1, 0.1)),  # its type says nothing
        ("20 mg", "mixed", 1.0, "Diagnosis", (0.6, 0.1, 0.1, 0.1, 0.1)),  # concepts alone count here
        ("lisinopril", "ontology", 0.0, "Medication", DRUG),
        ("20 mg", "ontology", None, "Medication", DRUG),
        ("14.2", "ontology", None, "Lab Reports", (0.0, 0.0, 0.0, 0.0, 1.0)),  # a value of WBC
        ("walking cane", "ontology", None, "", NOTHING),
    ],
)
def test_categories_by_source_and_weight(text, source, weight, category, scores, kb):
    linker = make_linker(kb, category_source=source, linker_weight=weight)
    (answer,) = linker(answered(("a", text, "Diagnosis")))._.answers
    assert answer.category == category
    assert tuple(answer.category_scores.values()) == pytest.approx(scores)
    assert answer.score == 0.9


@pytest.mark.parametrize(("setting", "used"), [(None, 0.5), (0.3, 0.3), (0.0, 0.0)])
def test_a_weight_in_the_settings_wins_over_the_fitted_one(setting, used, kb):
    linker = make_linker(kb, category_source="mixed", linker_weight=setting)
    linker.cfg["linker_weight"] = 0.5
    (answer,) = linker(answered(("a", "lisinopril", "Diagnosis")))._.answers
    assert answer.category_scores["Medication"] == pytest.approx(0.1 + 0.9 * used)


@pytest.mark.parametrize(
    ("source", "weight", "text", "wanted", "expected"),
    [
        ("mixed", 0.5, "lisinopril", ["Medication", "Procedure"], "Medication"),
        ("mixed", 0.5, "lisinopril", ["Diagnosis"], "Diagnosis"),
        ("mixed", 1.0, "lisinopril", ["Diagnosis"], "Diagnosis"),  # the evidence leaves it no other
        ("mixed", 0.9, "lisinopril", ["Diagnosis", "Procedure"], "Diagnosis"),
        ("ontology", None, "migraine", ["Symptoms"], "Symptoms"),
        ("ontology", None, "walking cane", ["Diagnosis"], ""),
    ],
)
def test_the_categories_that_a_question_asks_for_are_respected(source, weight, text, wanted, expected, kb):
    linker = make_linker(kb, category_source=source, linker_weight=weight)
    doc = linker(answered(("a", text, "Diagnosis"), ("b", "metformin", "Diagnosis"), wanted={"a": wanted}))
    restricted, free = doc._.answers
    assert restricted.category == expected
    assert free.category == "Medication"


def test_an_answer_of_another_category_than_asked_for_is_not_given(kb):
    linker = make_linker(kb, category_source="ontology")
    wanted = {"a": ["Diagnosis"]}
    doc = linker(answered(("a", "lisinopril", "Diagnosis"), ("b", "metformin", "Diagnosis"), wanted=wanted))
    assert [answer.question_id for answer in doc._.answers] == ["b"]


@pytest.mark.parametrize(
    ("source", "drug", "cane", "fever"),
    [
        ("mixed", (0.3, 0.55, 0.05, 0.05, 0.05), (0.6, 0.1, 0.1, 0.1, 0.1), (0.3, 0.05, 0.55, 0.05, 0.05)),
        ("ontology", DRUG, NOTHING, (0.0, 0.0, 1.0, 0.0, 0.0)),
    ],
)
@pytest.mark.parametrize("answers", [[], [("b", "lisinopril", "Diagnosis")]])
def test_given_spans_are_treated_as_answers_are(answers, source, drug, cane, fever, kb):
    doc = answered(*answers, given={"a": ["metformin"], "b": ["walking cane", "fever"]})
    doc = make_linker(kb, category_source=source, linker_weight=0.5)(doc)
    rows = doc.spans["clinical_qa"].attrs["given_category_scores"]
    assert {qid: len(scores) for qid, scores in rows.items()} == {"a": 1, "b": 2}
    for row, expected in zip([*rows["a"], *rows["b"]], [drug, cane, fever]):
        assert row == pytest.approx(expected)


def test_category_metrics_follow_the_source(kb, make_nlp, tmp_path):
    nlp = make_nlp()
    gold = {"lisinopril": "Medication", "fever": "Symptoms", "migraine": "Procedure"}
    questions = [
        GoldQuestion(f"q{n}", "What?", "single", [GoldAnswer(text, NOTE.index(text))], category)
        for n, (text, category) in enumerate(gold.items())
    ]
    docs = [record_to_doc(QARecord("note", NOTE, questions), nlp.make_doc)]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "dev.spacy")

    def scores(nlp):
        examples = list(QACorpus(tmp_path / "dev.spacy")(nlp))
        for example in examples:
            example.predicted = nlp(example.predicted)
        return clinical_qa_score(examples)

    alone = scores(nlp)
    linker = nlp.add_pipe("clinical_qa_linker", config={"kb": str(kb)})
    assert scores(nlp) == alone
    linker.settings["category_source"] = "ontology"
    assert scores(nlp)["cqa_cat_acc_gold"] == pytest.approx(2 / 3)


# Settings


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("metformin", {"threshold": 0.5}, ["C07", "C08"]),
        ("metformin", {"threshold": 0.7}, ["C07"]),
        ("metformin", {"threshold": 0.5, "k": 1}, ["C07"]),
        ("metformin", {"threshold": 0.5, "max_candidates": 1}, ["C07"]),
        ("azithromicin", {}, ["C05"]),
        ("azithromicin", {"threshold": 0.95}, []),
        ("hypertension and fever", {"threshold": 0.95}, ["C02", "C09"]),
        ("hypertension and fever", {"threshold": 0.95, "max_candidates": 1}, ["C02"]),
        ("hypertension and fever", {"threshold": 0.95, "partial": False}, []),
    ],
)
def test_settings_of_linking(text, settings, expected, kb):
    (answer,) = make_linker(kb, **settings)(answered(("a", text, "Symptoms")))._.answers
    assert ids(answer) == expected
    assert answer.concept_id == (expected[0] if expected else "")


def test_a_concept_inside_an_answer_scores_by_its_share(kb):
    (answer,) = make_linker(kb, threshold=0.95)(answered(("a", "hypertension and fever", "Symptoms")))._.answers
    assert answer.concepts == (("C02", pytest.approx(0.5 + 0.5 * 12 / 22)), ("C09", pytest.approx(0.5 + 0.5 * 5 / 22)))


def test_answers_under_another_key(kb):
    doc = make_linker(kb, spans_key="mine")(answered(("a", "lisinopril", ""), key="mine"))
    assert [span.kb_id_ for span in doc.spans["mine"]] == ["C06"]
    assert list(doc.spans) == ["mine"]
    with pytest.raises(ValueError, match=r"CQA-E063.*doc\.spans\['clinical_qa'\]"):
        make_linker(kb)(answered(("a", "lisinopril", ""), key="mine"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("category_source", "both"),
        ("linker_weight", -0.1),
        ("linker_weight", 1.1),
        ("threshold", -0.1),
        ("threshold", 1.1),
        ("k", 0),
        ("max_candidates", 0),
        ("kb", ""),
    ],
)
def test_unusable_settings_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"CQA-E064.*{name}"):
        NLP.create_pipe("clinical_qa_linker", config={name: value})


@pytest.mark.parametrize("linker", ["scispacy_linker", "sentencizer"])
def test_a_linker_that_is_none_is_refused(linker):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=rf"CQA-E065.*{linker}"):
        nlp.add_pipe("clinical_qa_linker", config={"linker": linker})


# Saving


QUESTIONS = [("a", "lisinopril", "Diagnosis"), ("b", "cold", "Symptoms")]


@pytest.fixture
def own(kb, tmp_path):
    """A pipeline over a copy of the knowledge base, which a test may delete."""
    nlp = make_pipeline(shutil.copytree(kb, tmp_path / "own"), category_source="mixed")
    nlp.get_pipe("clinical_qa_linker").cfg["linker_weight"] = 0.5
    return nlp


def check_links(nlp):
    drug, cold = nlp(answered(*QUESTIONS))._.answers
    assert [ids(drug), ids(cold)] == [["C06"], ["C14", "C13"]]
    assert (drug.category, drug.category_scores["Medication"]) == ("Medication", pytest.approx(0.55))


def on_disk(nlp, folder):
    nlp.to_disk(folder / "saved")
    shutil.rmtree(folder / "own")
    return spacy.load(folder / "saved")


def as_bytes(nlp, folder):
    data, config = nlp.to_bytes(), nlp.config
    shutil.rmtree(folder / "own")
    return spacy.blank("en").from_config(config).from_bytes(data)


def by_pickle(nlp, folder):
    data = pickle.dumps(nlp.get_pipe("clinical_qa_linker"))
    shutil.rmtree(folder / "own")
    pipe = pickle.loads(data)
    assert (pipe.name, pipe.settings) == ("clinical_qa_linker", nlp.get_pipe("clinical_qa_linker").settings)
    return pipe


def by_copy(nlp, folder):
    pipe = copy.deepcopy(nlp.get_pipe("clinical_qa_linker"))
    shutil.rmtree(folder / "own")
    return pipe


def sourced(nlp, folder):
    other = spacy.blank("en")
    other.add_pipe("clinical_qa_linker", source=nlp)
    return on_disk(other, folder)


def again(nlp, folder):
    loaded = on_disk(nlp, folder)
    check_links(loaded)
    loaded.to_disk(folder / "saved")
    return spacy.load(folder / "saved")


@pytest.mark.parametrize("way", [on_disk, as_bytes, by_pickle, by_copy, sourced, again])
def test_the_knowledge_base_goes_along(way, own, tmp_path):
    check_links(way(own, tmp_path))


def test_a_temporary_knowledge_base_lives_as_long_as_its_component(own):
    pipe = by_copy(own, own.get_pipe("clinical_qa_linker").kb.folder.parent)
    folder = pipe.kb.folder
    check_links(pipe)
    assert folder.is_dir()
    del pipe
    gc.collect()
    assert not folder.exists()


def test_two_processes_link_as_one_does(own):
    docs = own.pipe([answered(*QUESTIONS) for _ in range(4)], n_process=2, batch_size=2)
    assert [[ids(answer) for answer in doc._.answers] for doc in docs] == [[["C06"], ["C14", "C13"]]] * 4


@pytest.mark.parametrize("way", ["docbin", "bytes"])
def test_concepts_are_saved_with_a_doc(way, kb):
    doc = make_linker(kb)(answered(*QUESTIONS))
    if way == "docbin":
        data = DocBin(docs=[doc], store_user_data=True).to_bytes()
        (read,) = DocBin(store_user_data=True).from_bytes(data).get_docs(spacy.blank("en").vocab)
    else:
        read = Doc(spacy.blank("en").vocab).from_bytes(doc.to_bytes())
    assert read._.answers == doc._.answers
    assert ids(read._.answers[1]) == ["C14", "C13"]
    assert read_note_answers(read) == read_note_answers(doc)


def test_a_knowledge_base_can_be_left_out(own, kb, tmp_path):
    pipe = own.get_pipe("clinical_qa_linker")
    pipe.to_disk(tmp_path / "pipe", exclude=["kb"])
    assert sorted(path.name for path in (tmp_path / "pipe").iterdir()) == ["cfg", "kb_setting"]
    other = make_linker(kb, category_source="mixed")
    check_links(other.from_disk(tmp_path / "pipe"))
    check_links(other.from_bytes(pipe.to_bytes(exclude=["kb"])))
    pipe.to_disk(tmp_path / "whole")
    check_links(other.from_disk(tmp_path / "whole", exclude=["kb"]))
    check_links(other.from_bytes(pipe.to_bytes(), exclude=["kb"]))
    assert other.kb.folder == kb


@pytest.mark.parametrize(
    "use",
    [lambda linker, folder: linker(answered(*QUESTIONS)), lambda linker, folder: linker.to_disk(folder / "saved")],
    ids=["link", "save"],
)
def test_a_missing_knowledge_base_is_named(use, tmp_path):
    linker = make_linker(tmp_path / "missing")
    with pytest.raises(ValueError, match=r"CQA-E060.*missing"):
        use(linker, tmp_path)


@pytest.fixture
def fetched(monkeypatch, kb):
    """The names that scispacy was asked to download, each answered with the small knowledge base."""
    names, small = [], load_generator(kb)

    def fetch(name):
        names.append(name)
        return small

    monkeypatch.setattr(candidate_generation, "CandidateGenerator", fetch)
    return names


def test_a_knowledge_base_of_scispacy_stays_a_name(fetched, tmp_path):
    nlp = make_pipeline("mesh")
    nlp.to_disk(tmp_path / "saved")
    pickled = pickle.dumps(nlp.get_pipe("clinical_qa_linker"))
    assert sorted(path.name for path in (tmp_path / "saved" / "clinical_qa_linker").iterdir()) == ["cfg", "kb_setting"]
    assert fetched == []
    for read in (spacy.load(tmp_path / "saved"), pickle.loads(pickled)):
        assert [answer.concept_id for answer in read(answered(*QUESTIONS))._.answers] == ["C06", "C14"]
    assert fetched == ["mesh", "mesh"]


def test_a_name_is_not_shadowed_by_what_was_saved_there_before(own, fetched, tmp_path):
    own.get_pipe("clinical_qa_linker").to_disk(tmp_path / "saved")
    make_linker("mesh").to_disk(tmp_path / "saved")
    make_linker("mesh").from_disk(tmp_path / "saved")(answered(*QUESTIONS))
    assert fetched == ["mesh"]


def test_a_setting_wins_over_what_was_saved(own, fetched, tmp_path):
    own.to_disk(tmp_path / "saved")
    nlp = spacy.load(tmp_path / "saved", config={"components": {"clinical_qa_linker": {"kb": "mesh"}}})
    nlp.get_pipe("clinical_qa_linker")(answered(*QUESTIONS))
    assert fetched == ["mesh"]


def test_what_was_fitted_is_saved(own, tmp_path):
    own.to_disk(tmp_path / "saved")
    assert srsly.read_json(tmp_path / "saved" / "clinical_qa_linker" / "cfg") == {"linker_weight": 0.5}
    assert spacy.load(tmp_path / "saved").get_pipe("clinical_qa_linker").weight == 0.5
