"""What all readers of ontologies share: forms and options, missing, foreign and damaged files, empty results."""

import codecs
import gzip

import pytest

from spacy_cqa.ontology.concepts import Concept, SourceReport
from spacy_cqa.ontology.sources import READERS, read_source

from .reading import read

GOUT = '{"concept_id": "1", "canonical_name": "gout"}\n'
ONE = {"1": Concept("1", "gout")}


def test_the_forms():
    assert list(READERS) == ["umls", "obo", "table", "doid", "jsonl"]


def test_an_unknown_form_is_an_error_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match=r"CQA-E054.*form named 'owl'.*umls, obo, table, doid, jsonl"):
        read_source(tmp_path / "absent", "owl", report=SourceReport())


@pytest.mark.parametrize(
    ("form", "known"),
    [
        ("umls", "languages, sources, types, definitions"),
        ("obo", "default_type, roots, scopes"),
        ("table", "columns, separator, default_type"),
        ("doid", "none"),
        ("jsonl", "none"),
    ],
)
def test_an_unknown_option_is_an_error_that_lists_the_known_ones(form, known, tmp_path):
    with pytest.raises(ValueError, match=rf"CQA-E054.*option of the form {form} named 'sep'.*Known: {known}\."):
        read_source(tmp_path / "absent", form, report=SourceReport(), sep=";")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("umls", r"MRCONSO.RRF and MRSTY.RRF are missing.*a folder with MRCONSO.RRF and MRSTY.RRF"),
        ("doid", r"HumanDO.tsv and allXREFinDO.tsv are missing"),
        ("obo", r"does not exist.*such as hp.obo"),
        ("table", r"does not exist.*a .tsv or .csv file, or a folder of them"),
        ("jsonl", r"does not exist.*such as concepts.jsonl"),
    ],
)
def test_a_missing_source_names_what_was_expected(form, expected, tmp_path):
    with pytest.raises(ValueError, match=f"CQA-E050.*{expected}"):
        read(tmp_path / "absent", form)


@pytest.mark.parametrize("form", ["obo", "jsonl"])
def test_a_folder_is_no_file(form, tmp_path):
    with pytest.raises(ValueError, match=r"CQA-E050.*it is a folder"):
        read(tmp_path, form)


@pytest.mark.parametrize("form", ["obo", "table", "jsonl"])
@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (GOUT.encode("utf-16"), "UTF-16"),
        (codecs.BOM_UTF16_BE + GOUT.encode("utf-16-be"), "UTF-16"),
        (GOUT.encode("utf-16-le"), "UTF-16"),
        (GOUT.encode("utf-16-be"), "UTF-16"),
        (GOUT.encode("utf-32"), "UTF-32"),
        (b"PK\x03\x04" + bytes(range(256)), "a binary file"),
        (bytes(100), "a binary file"),
    ],
)
def test_a_file_that_is_no_utf8_at_all_is_an_error(form, data, encoding, tmp_path):
    path = tmp_path / "concepts"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"CQA-E051.*seems to be {encoding}"):
        read(path, form)


@pytest.mark.parametrize(
    "data",
    [
        GOUT.encode(),
        GOUT.strip().encode(),
        codecs.BOM_UTF8 + GOUT.encode(),
        b"\r\n \r\n" + GOUT.replace("\n", "\r\n").encode(),
        gzip.compress(GOUT.encode()),
    ],
    ids=["plain", "no last line break", "byte order mark", "blank lines, CRLF", "gzip"],
)
def test_all_of_these_are_one_line(data, tmp_path):
    path = tmp_path / "concepts.jsonl"
    path.write_bytes(data)
    assert read(path, "jsonl") == (ONE, {})


def test_a_line_that_is_no_utf8_is_skipped(tmp_path):
    path = tmp_path / "concepts.jsonl"
    path.write_bytes(GOUT.encode() + GOUT.replace("gout", "Ménière").encode("latin-1"))
    assert read(path, "jsonl") == (ONE, {"line that is not UTF-8": (1, "concepts.jsonl line 2")})


@pytest.mark.parametrize("cut", [slice(0, 30), slice(0, -12)])
def test_a_damaged_gzip_file_is_an_error(cut, tmp_path):
    path = tmp_path / "concepts.jsonl.gz"
    path.write_bytes(gzip.compress(GOUT.encode())[cut])
    with pytest.raises(ValueError, match=r"CQA-E032.*a gzip file"):
        read(path, "jsonl")


def test_a_gzip_file_with_wrong_content_is_an_error(tmp_path):
    path = tmp_path / "concepts.jsonl.gz"
    path.write_bytes(gzip.compress(GOUT.encode())[:10] + b"\xff" * 20)
    with pytest.raises(ValueError, match=r"CQA-E032.*a gzip file"):
        read(path, "jsonl")


@pytest.mark.parametrize(("form", "skipped"), [("jsonl", "2 x line that is no JSON object"), ("obo", "nothing")])
def test_a_source_without_a_concept_is_an_error_that_says_why(form, skipped, tmp_path):
    path = tmp_path / "gout.csv"
    path.write_text("id,name\n1,gout\n")
    with pytest.raises(ValueError, match=rf"CQA-E052.*in the form {form}\. Skipped: {skipped}"):
        read(path, form)


def test_the_report_counts_over_several_sources(tmp_path):
    path = tmp_path / "concepts.jsonl"
    path.write_text(GOUT + '{"concept_id": "2", "canonical_name": "b", "aliases": ["c"], "xrefs": {"X": ["1", "2"]}}')
    report = SourceReport()
    for _ in range(2):
        list(read_source(path, "jsonl", report=report))
    assert report.to_dict() == {"concepts": 4, "typed": 0, "names": 6, "xrefs": 4, "skipped": {}}
