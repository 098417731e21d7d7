"""Knowledge bases: what is written, how names are found, and what a damaged folder says."""

import json
import pickle
import shutil

import numpy
import pytest
import scispacy.candidate_generation
import scispacy.linking_utils
import srsly
from scispacy.candidate_generation import CandidateGenerator, LinkerPaths

from spacy_cqa.ontology.concepts import Concept
from spacy_cqa.ontology.kb import (
    FILES,
    Candidate,
    KnowledgeBase,
    build_kb,
    check_is_replaceable,
    load_generator,
    make_candidate_generator,
)

from .conftest import CONCEPTS, make_kb

READ = ("concepts.jsonl", "meta.json", "vectorizer.json", "concept_aliases.json", "tfidf_vectors_sparse.npz")


def best(kb, text, *, k=30, threshold=0.0):
    """The ids of the concepts of a text."""
    return [candidate.concept_id for candidate in kb.find_similar([text], k=k, threshold=threshold)[0]]


# What is written ------------------------------------------------------------------------------------------------------


def test_files_and_counts(kb_path):
    assert {path.name for path in kb_path.iterdir()} == set(FILES)
    names = {name for concept in CONCEPTS for name in concept.names}
    counts = {"format": 1, "concepts": len(CONCEPTS), "names": len(names), "source": "tests"}
    assert srsly.read_json(kb_path / "meta.json") == counts
    assert set(srsly.read_json(kb_path / "concept_aliases.json")) == names


def test_text_files_are_ascii(kb_path):
    for name in FILES:
        if name.endswith((".json", ".jsonl")):
            (kb_path / name).read_text(encoding="ascii")


def test_concepts_come_back(kb):
    assert list(kb) == CONCEPTS
    assert len(kb) == len(CONCEPTS)
    assert "C01" in kb
    assert "C99" not in kb
    assert kb.types_of("C16") == ("T123", "T121")
    assert kb.types_of("C99") == ()
    with pytest.raises(KeyError):
        kb["C99"]


def test_scispacy_s_own_loader_reads_it(kb, kb_path):
    names, vectorizer, index = LinkerPaths.from_directory(kb_path).load()
    concepts = scispacy.linking_utils.KnowledgeBase(str(kb_path / "concepts.jsonl"))
    generator = CandidateGenerator(index, vectorizer, names, concepts)
    texts = ["metformine", "coughs", "chest xray", "white cell count", "infarction of the myocardium"]
    for text, theirs, ours in zip(texts, generator(texts, 5), kb.find_similar(texts, k=5, threshold=0.0)):
        scores = {max(zip(found.similarities, found.aliases)): found.concept_id for found in theirs}
        (score, name), concept_id = max(scores.items())
        assert (ours[0].concept_id, ours[0].name) == (concept_id, name), text
        assert ours[0].score == pytest.approx(score, abs=1e-4)


# Finding --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "concepts", "name"),
    [
        ("hypertension", ["C01"], "hypertension"),
        ("HYPERTENSION", ["C01"], "hypertension"),  # the preferred name, though an alias is as near
        ("htn", ["C01"], "HTN"),
        ("Glucophage", ["C03"], "Glucophage"),
        ("cold", ["C10", "C11"], "cold"),  # of equal ones the smaller id
        ("MI", ["C17", "C08", "C09"], "MI"),  # first the one whose preferred name it is
        ("SJÖGREN'S SYNDROME", ["C13"], "Sjögren's syndrome"),
    ],
)
def test_exact_names(text, concepts, name, kb):
    (found,) = kb.find_similar([text], k=30, threshold=1.0)
    assert found == [Candidate(concept_id, 1.0, name) for concept_id in concepts]


def test_similarity_by_hand(tmp_path):
    """Three names without a common 3-gram: all weights are equal, and the cosine counts the shared 3-grams."""
    concepts = [Concept(f"D{n}", name) for n, name in enumerate(("abc", "xyz", "mnop"))]
    build_kb(concepts, tmp_path / "kb")
    kb = KnowledgeBase(tmp_path / "kb")
    # " ab", "abc", "bc " against " ab", "abc" and two unknown ones: 2 / (sqrt(2) sqrt(3))
    assert kb.find_similar(["abcd"], k=3, threshold=0.1) == [[Candidate("D0", 0.8165, "abc")]]
    assert kb.find_similar(["abcd"], k=3, threshold=0.8165) == [[Candidate("D0", 0.8165, "abc")]]
    assert kb.find_similar(["abcd"], k=3, threshold=0.8166) == [[]]


def test_shorter_of_two_equally_near_names_first(tmp_path):
    concepts = [Concept("D1", "one", ("cough cough cough",)), Concept("D2", "two", ("cough",))]
    build_kb(concepts, tmp_path / "kb")
    assert best(KnowledgeBase(tmp_path / "kb"), "cough", threshold=0.99) == ["D2", "D1"]


@pytest.mark.parametrize("text", ["", " \n\t ", "x", "😀", "☃ ☃", "-"])
def test_nothing_to_find(text, kb):
    assert kb.find_similar([text], k=5, threshold=0.0) == [[]]
    assert kb.find_name(text) == ()


def test_empty_texts_do_not_shift_the_others(kb):
    found = kb.find_similar(["", "cough", "😀", "anxiety"], k=1, threshold=0.9)
    assert [[candidate.concept_id for candidate in one] for one in found] == [[], ["C04"], [], ["C15"]]
    assert kb.find_similar([], k=5, threshold=0.0) == []


def test_long_text(kb):
    assert best(kb, "metformin " * 1000, threshold=0.99) == ["C03"]


@pytest.mark.parametrize("exact_limit", [0, 1000])
def test_k_larger_than_the_knowledge_base(exact_limit, kb_path):
    kb = KnowledgeBase(kb_path, generator=load_generator(kb_path, exact_limit=exact_limit))
    assert best(kb, "cough", k=10_000)[0] == "C04"
    assert set(best(kb, "cough", k=10_000)) <= {concept.id for concept in CONCEPTS}


def test_more_texts_than_are_compared_at_once(kb):
    found = kb.find_similar(["cough", "anxiety", "BP"] * 100, k=1, threshold=0.99)
    assert [candidates[0].concept_id for candidates in found] == ["C04", "C15", "C07"] * 100


@pytest.mark.parametrize(
    ("name", "concepts"),
    [
        ("Coughs", ("C04",)),
        ("high-blood  pressures", ("C01",)),
        ("Sjogren's Syndrome", ("C13",)),
        ("mi", ("C17", "C08", "C09")),
        ("blood", ()),
    ],
)
def test_find_name(name, concepts, kb):
    assert kb.find_name(name) == concepts


def test_the_approximate_index_finds_what_comparing_all_finds(starter_path):
    exact = KnowledgeBase(starter_path, generator=load_generator(starter_path))
    near = KnowledgeBase(starter_path, generator=load_generator(starter_path, exact_limit=0))
    names = srsly.read_json(starter_path / "concept_aliases.json")[::15]
    texts = [name[:-2] + name[-1] if len(name) > 6 else name for name in names]  # a letter is missing
    assert len(texts) > 300
    exact_scores, near_scores = (
        [max((one.score for one in found), default=0.0) for found in kb.find_similar(texts, k=10, threshold=0)]
        for kb in (exact, near)
    )
    differences = numpy.subtract(exact_scores, near_scores)
    assert differences.min() > -2e-4
    assert (differences < 2e-4).mean() >= 0.98


# Laziness, pickles, copies --------------------------------------------------------------------------------------------


def test_nothing_is_read_before_use(tmp_path, monkeypatch):
    monkeypatch.setattr(scispacy.candidate_generation, "CandidateGenerator", None)
    for source in ("umls", str(tmp_path / "nowhere"), tmp_path):
        kb = KnowledgeBase(source)
        assert pickle.loads(pickle.dumps(kb)).source == str(source)
    assert KnowledgeBase("umls").folder is None
    assert KnowledgeBase(tmp_path).folder == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_scispacy_s_are_asked_for_at_first_use(monkeypatch):
    asked = []
    monkeypatch.setattr(scispacy.candidate_generation, "CandidateGenerator", lambda name: asked.append(name) or "it")
    kb = KnowledgeBase("rxnorm")
    assert asked == []
    assert kb.generator == kb.generator == "it"
    assert asked == ["rxnorm"]


def test_a_failing_download(monkeypatch):
    def fail(name):
        raise ConnectionError("no route to the host")

    monkeypatch.setattr(scispacy.candidate_generation, "CandidateGenerator", fail)
    with pytest.raises(ValueError, match=r"CQA-E062.*'umls'.*ConnectionError"):
        make_candidate_generator("umls")


def test_a_pickle_carries_the_path_alone(kb):
    assert best(kb, "cough")[0] == "C04"
    data = pickle.dumps(kb)
    assert len(data) < 1000
    again = pickle.loads(data)
    assert list(again) == CONCEPTS
    assert again.find_similar(["coughs"], k=5, threshold=0.1) == kb.find_similar(["coughs"], k=5, threshold=0.1)


def test_a_given_generator_is_used(kb_path):
    kb = KnowledgeBase("", generator=make_candidate_generator(str(kb_path)))
    assert best(kb, "cough")[0] == "C04"
    assert kb.codes == {}
    with pytest.raises(ValueError, match="CQA-E060"):  # and scispacy's own is not fetched in its place
        len(pickle.loads(pickle.dumps(kb)))


def test_loading_unpickles_nothing(kb_path, monkeypatch):
    import joblib

    def refuse(*args, **kwargs):
        raise AssertionError("unpickled")

    for module, name in ((joblib, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, refuse)
    for limit in (0, 1000):
        kb = KnowledgeBase(kb_path, generator=load_generator(kb_path, exact_limit=limit))
        assert best(kb, "cough")[0] == "C04"
        assert kb["C01"].xrefs == {"ICD10CM": ("I10",)}


def test_copy(kb_path, tmp_path):
    KnowledgeBase(kb_path).copy_to(tmp_path / "deep" / "copy")
    assert list(KnowledgeBase(tmp_path / "deep" / "copy")) == CONCEPTS
    KnowledgeBase(kb_path).copy_to(kb_path)  # onto itself: nothing to do
    KnowledgeBase("umls").copy_to(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match="CQA-E060"):
        KnowledgeBase(tmp_path / "nowhere").copy_to(tmp_path / "none")


# Damage ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(tmp_path):
    return make_kb(tmp_path / "kb")


def use(folder):
    kb = KnowledgeBase(folder)
    kb.find_similar(["cough", "diabetes"], k=5, threshold=0.5)
    return list(kb)


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(name, damaged):
    (damaged / name).unlink()
    with pytest.raises(ValueError, match=rf"CQA-E060.*{name} is missing.*spacy cqa kb"):
        use(damaged)
    with pytest.raises(ValueError, match="CQA-E060"):
        KnowledgeBase(damaged).codes  # noqa: B018


def test_a_missing_folder(tmp_path):
    with pytest.raises(ValueError, match=r"CQA-E060.*umls, mesh, rxnorm, hpo, go"):
        use(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", [*READ, "xrefs.jsonl"])
def test_a_cut_file(name, share, damaged):
    cut(damaged / name, share)
    with pytest.raises(ValueError, match="CQA-E061"):
        use(damaged)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "3", '"text"', "[1, 2]", "not JSON", '{"a": {"b": 1}}'])
@pytest.mark.parametrize("name", READ)
def test_a_file_of_something_else(name, content, damaged):
    (damaged / name).write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match="CQA-E061"):
        use(damaged)


def test_a_concept_is_missing(damaged):
    lines = (damaged / "concepts.jsonl").read_text(encoding="utf8").splitlines()
    (damaged / "concepts.jsonl").write_text("\n".join(lines[:-1]) + "\n", encoding="utf8")
    with pytest.raises(ValueError, match=f"CQA-E061.*concepts: {len(CONCEPTS) - 1}, not {len(CONCEPTS)}"):
        use(damaged)


def test_files_of_two_knowledge_bases(damaged, starter_path):
    shutil.copyfile(starter_path / "vectorizer.json", damaged / "vectorizer.json")
    with pytest.raises(ValueError, match=r"CQA-E061.*3-grams"):
        use(damaged)


def test_a_renamed_concept(damaged):
    text = (damaged / "concepts.jsonl").read_text(encoding="utf8")
    (damaged / "concepts.jsonl").write_text(text.replace("anxiety", "fear"), encoding="utf8")
    with pytest.raises(ValueError, match=r"CQA-E061.*names without a concept: 1, not 0"):
        use(damaged)


def test_another_format(damaged):
    meta = {**srsly.read_json(damaged / "meta.json"), "format": 2}
    srsly.write_json(damaged / "meta.json", meta)
    with pytest.raises(ValueError, match=r"CQA-E061.*format: 2, not 1"):
        use(damaged)


@pytest.mark.parametrize("content", [b"", b"nothing" * 500])
def test_a_damaged_approximate_index(content, damaged):
    (damaged / "nmslib_index.bin").write_bytes(content)
    with pytest.raises(ValueError, match="CQA-E061"):
        load_generator(damaged, exact_limit=0)
    assert use(damaged) == CONCEPTS  # not read where all names are compared


# What may be replaced -------------------------------------------------------------------------------------------------


def test_replaceable(kb_path, tmp_path):
    check_is_replaceable(kb_path)
    check_is_replaceable(tmp_path / "nowhere")
    check_is_replaceable(tmp_path)


@pytest.mark.parametrize("files", [("thesis.txt",), ("meta.json",), ("meta.json", "config.cfg"), (*FILES, "notes.txt")])
def test_not_replaceable(files, tmp_path):
    for name in files:
        (tmp_path / name).write_text(json.dumps({}), encoding="utf8")
    with pytest.raises(ValueError, match="CQA-E066"):
        check_is_replaceable(tmp_path)
    with pytest.raises(ValueError, match="CQA-E066"):
        check_is_replaceable(tmp_path / files[0])
