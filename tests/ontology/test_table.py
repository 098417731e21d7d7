"""Tables of concepts."""

import gzip

import pytest

from spacy_cqa.ontology.concepts import Concept
from spacy_cqa.ontology.sources.table import TableColumns

from .reading import read

HEADER = ["id", "name", "synonyms", "type", "definition", "xrefs"]
DIABETES = ["E1", "type 2 diabetes", "T2D|adult-onset | T2D||", "t047|Finding", "Sugar.", "ICD10CM:E11|UMLS:C0011860"]
CONCEPT = Concept(
    "E1",
    "type 2 diabetes",
    ("T2D", "adult-onset"),
    ("T047", "T033"),
    "Sugar.",
    {"ICD10CM": ("E11",), "UMLS": ("C0011860",)},
)


def write(path, *rows, delimiter="\t"):
    path.write_text("".join(f"{delimiter.join(row)}\n" for row in rows), encoding="utf8")
    return path


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [("a.tsv", "\t"), ("a.TSV", "\t"), ("a.csv", ","), ("a.csv", ";"), ("a.txt", "\t"), ("a.txt", ",")],
)
def test_a_row(name, delimiter, tmp_path):
    path = write(tmp_path / name, HEADER, DIABETES, delimiter=delimiter)
    assert read(path, "table") == ({"E1": CONCEPT}, {})


def test_only_id_and_name_must_be_there(tmp_path):
    path = write(tmp_path / "a.tsv", ["Name", "extra", " ID "], ["gout", "x", "E2"])
    assert read(path, "table") == ({"E2": Concept("E2", "gout")}, {})


def test_the_columns_can_be_named(tmp_path):
    path = write(
        tmp_path / "a.tsv", ["code", "label", "aka", "kind"], ["E1", "gout", "podagra; gouty arthritis", "T047"]
    )
    columns = TableColumns(id="code", name="term|label", synonyms="aka", type="kind")
    concepts, _ = read(path, "table", columns=columns, separator=";")
    assert concepts == {"E1": Concept("E1", "gout", ("podagra", "gouty arthritis"), ("T047",))}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["code", "name"], ["1", "a"]], r"no column 'id', but has \['code', 'name'\]"),
        ([["x"]], r"no column 'id' and 'name', but has \['x'\]"),
        ([], r"no column 'id' and 'name', but has \[\]"),
        ([["id\rname\r1\ra"]], r"no column 'id' and 'name', but has \[\]"),
    ],
)
def test_a_missing_column_is_an_error(rows, message, tmp_path):
    (tmp_path / "a.tsv").write_bytes(b"".join("\t".join(row).encode() + b"\n" for row in rows))
    with pytest.raises(ValueError, match=f"CQA-E053.*{message}"):
        read(tmp_path / "a.tsv", "table")


def test_odd_rows_are_skipped(tmp_path):
    path = write(
        tmp_path / "a.tsv",
        ["id", "name", "types", "xrefs"],
        ["1", "a", "T047|T999", "E11|MESH:D1"],
        ["", "b", "", ""],
        ["3", " ", "", ""],
        ["4", "d"],
        ["5", "e", "", "", ""],
        ['"6', "f", "", ""],  # a quote that is never closed
        ["7", "g\rh", "", ""],
        ["1", "i", "Neoplastic Process", "MESH:D2"],
        ["8", '5" nail', "?", ""],
    )
    concepts, skipped = read(path, "table", default_type="Finding")
    assert list(concepts.values()) == [
        Concept("1", "a", ("i",), ("T047", "T191"), None, {"MESH": ("D1", "D2")}),
        Concept("8", '5" nail', types=("T033",)),
    ]
    assert skipped == {
        "unknown semantic type": (2, "a.tsv line 2"),
        "cross reference that is not SYSTEM:CODE": (1, "a.tsv line 2"),
        "row without an id or a name": (2, "a.tsv line 3"),
        "row with more or fewer cells than the header": (3, "a.tsv line 5"),
        "row that is no valid CSV": (1, "a.tsv line 8"),
        "duplicate id, merged into its first entry": (1, "a.tsv line 9"),
    }


def test_a_comma_separated_cell_may_hold_commas_quotes_and_line_breaks(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,name,definition\n1,"pain, ""sharp""","one\ntwo"\n2\n')
    concepts, skipped = read(path, "table")
    assert concepts == {"1": Concept("1", 'pain, "sharp"', definition="one\ntwo")}
    assert skipped == {"row with more or fewer cells than the header": (1, "a.csv line 4")}


def test_a_quote_that_swallows_some_rows_is_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,name\n1,a\n2,"b\n' + "3,c\n" * 30 + '4,d"\n5,e\n')
    concepts, skipped = read(path, "table")
    assert list(concepts) == ["1", "5"]
    assert skipped == {"row with a cell of many lines, as after a quote that is never closed": (1, "a.csv line 34")}


def test_a_quote_that_swallows_a_csv_file_is_left_behind(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,name\n1,a\n2,"b\n' + "3,ccccccccc\n" * 12_000 + "4,d\n")
    concepts, skipped = read(path, "table")
    assert list(concepts) == ["1", "3", "4"]
    assert skipped["row that is no valid CSV"] == (1, "a.csv line 10926")


def test_a_folder_is_read_by_name(tmp_path):
    write(tmp_path / "b.tsv", ["id", "name"], ["1", "late"], ["2", "b"])
    write(tmp_path / "a.csv", ["name", "id"], ["early", "1"], delimiter=",")
    write(tmp_path / "notes.txt", ["no table"])
    (tmp_path / "c.tsv.gz").write_bytes(gzip.compress(b"id\tname\n3\tc\n"))
    concepts, skipped = read(tmp_path, "table")
    assert list(concepts.values()) == [Concept("1", "early", ("late",)), Concept("2", "b"), Concept("3", "c")]
    assert skipped == {"duplicate id, merged into its first entry": (1, "b.tsv line 2")}


def test_a_folder_without_a_table_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"CQA-E050.*files named .tsv or .csv"):
        read(tmp_path, "table")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"default_type": "T999"}, "default_type.*'T999'.*a TUI"), ({"separator": ""}, "separator.*''.*a text such as")],
)
def test_an_option_that_is_not_usable_is_an_error(options, message, tmp_path):
    with pytest.raises(ValueError, match=f"CQA-E055.*{message}"):
        read(write(tmp_path / "a.tsv", HEADER, DIABETES), "table", **options)
