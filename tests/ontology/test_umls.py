"""The UMLS in Rich Release Format, on rows made up for the purpose."""

import gzip

import pytest

from spacy_cqa.ontology.concepts import Concept

from .reading import read


def name(cui, text, source="MTH", code="NOCODE", language="ENG", flags="P|PF|Y", suppress="N"):
    """A row of MRCONSO."""
    term, form, preferred = flags.split("|")
    return f"{cui}|{language}|{term}|L1|{form}|S1|{preferred}|A1||||{source}|PT|{code}|{text}|0|{suppress}||"


def semantic(cui, tui):
    """A row of MRSTY."""
    return f"{cui}|{tui}|B2.2.1.2.1|Some Type|AT1|256|"


def definition(cui, text, source="NCI", suppress="N"):
    """A row of MRDEF."""
    return f"{cui}|A1|AT1||{source}|{text}|{suppress}||"


NAMES = [
    name("C01", "Hypertension", "MTH", flags="S|PF|Y"),
    name("C01", "High  blood pressure", "CHV", "1"),
    name("C01", "Hypertension", "ICD10CM", "I10", flags="S|VO|N"),
    name("C01", "Hypertensive disorder", "SNOMEDCT_US", "38341003", flags="S|PF|N"),
    name("C01", "Hipertensión", "SCTSPA", "38341003", language="SPA"),
    name("C01", "HT old", "SNOMEDCT_US", "1", suppress="O"),
    name("C02", "Lisinopril", "RXNORM", "29046", flags="S|PF|N"),
    name("C02", "Prinivil", "MSH", "D017706", flags="S|VO|N"),
    name("C03", "Tos", "MSHSPA", "D003371", language="SPA"),
    name("C04", "Glucose", "LNC", "2345-7"),
    name("C04", "Glucose", "ICD10", "NOCODE", flags="S|PF|N"),
]
TYPES = [semantic("C01", "T047"), semantic("C02", "T109"), semantic("C02", "T121"), semantic("C04", "T059")]
DEFINITIONS = [
    definition("C01", "Presión alta.", "MSHSPA"),
    definition("C01", "Hidden.", suppress="Y"),
    definition("C01", "Pressure that is too high."),
    definition("C01", "Later."),
    definition("C03", "Not kept."),
]

C01 = Concept(
    "C01",
    "High blood pressure",
    ("Hypertension", "Hypertensive disorder"),
    ("T047",),
    "Pressure that is too high.",
    {"UMLS": ("C01",), "ICD10CM": ("I10",), "SNOMEDCT": ("38341003",)},
)
C02 = Concept(
    "C02",
    "Lisinopril",
    ("Prinivil",),
    ("T109", "T121"),
    None,
    {"UMLS": ("C02",), "RXNORM": ("29046",), "MESH": ("D017706",)},
)
C04 = Concept("C04", "Glucose", (), ("T059",), None, {"UMLS": ("C04",), "LOINC": ("2345-7",)})


def write(folder, names=NAMES, types=TYPES, definitions=DEFINITIONS):
    folder.mkdir(exist_ok=True)
    for file, rows in {"MRCONSO.RRF": names, "MRSTY.RRF": types, "MRDEF.RRF": definitions}.items():
        if rows is not None:
            (folder / file).write_text("".join(f"{row}\n" for row in rows), encoding="utf8")
    return folder


@pytest.mark.parametrize("below", [".", "META"])
def test_a_release(below, tmp_path):
    write(tmp_path / below)
    concepts, skipped = read(tmp_path, "umls")
    assert list(concepts.values()) == [C01, C02, C04]
    assert skipped == {"suppressible row": (2, "MRCONSO.RRF line 6")}


def test_compressed_files(tmp_path):
    write(tmp_path)
    for path in list(tmp_path.glob("*.RRF")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    concepts, _ = read(tmp_path, "umls")
    assert list(concepts.values()) == [C01, C02, C04]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"languages": ("SPA",)}, {"C01": ["Hipertensión"], "C03": ["Tos"]}),
        (
            {"languages": ("SPA", "ENG"), "types": ("T047",)},
            {"C01": ["Hipertensión", "Hypertension", "High blood pressure", "Hypertensive disorder"]},
        ),
        (
            {"languages": (), "types": ("T047",)},
            {"C01": ["High blood pressure", "Hipertensión", "Hypertension", "Hypertensive disorder"]},
        ),
        ({"sources": ("SNOMEDCT_US", "RXNORM")}, {"C01": ["Hypertensive disorder"], "C02": ["Lisinopril"]}),
        ({"types": ("T121", "t059")}, {"C02": ["Lisinopril", "Prinivil"], "C04": ["Glucose"]}),
        ({"types": ("Laboratory Procedure",)}, {"C04": ["Glucose"]}),
        ({"types": ("medication",)}, {"C02": ["Lisinopril", "Prinivil"]}),
    ],
)
def test_filters(options, names, tmp_path):
    concepts, _ = read(write(tmp_path), "umls", **options)
    assert {cui: list(concept.names) for cui, concept in concepts.items()} == names


def test_a_category_lets_all_its_types_pass(tmp_path):
    write(tmp_path, [name("C1", "a"), name("C2", "b")], [semantic("C1", "T047"), semantic("C2", "T191")])
    assert list(read(tmp_path, "umls", types=("Diagnosis",))[0]) == ["C1", "C2"]


def test_filters_leave_the_codes_and_definitions_of_a_kept_concept(tmp_path):
    concepts, _ = read(write(tmp_path), "umls", languages=("SPA",))
    assert concepts["C01"].xrefs == C01.xrefs
    assert concepts["C01"].definition == "Presión alta."
    assert read(tmp_path, "umls", sources=("CHV",))[0]["C01"].xrefs == C01.xrefs


def test_definitions_are_optional(tmp_path):
    write(tmp_path)
    assert read(tmp_path, "umls", definitions=False)[0]["C01"].definition is None
    (tmp_path / "MRDEF.RRF").unlink()
    assert read(tmp_path, "umls")[0]["C01"].definition is None


def test_a_missing_file_is_named(tmp_path):
    write(tmp_path, types=None)
    with pytest.raises(ValueError, match=r"CQA-E050.*: MRSTY.RRF is missing.*MRCONSO.RRF and MRSTY.RRF"):
        read(tmp_path, "umls")


def test_an_unknown_type_to_filter_by_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"CQA-E055.*types.*'T999'.*a TUI"):
        read(write(tmp_path), "umls", types=("T999",))


def test_nothing_left_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"CQA-E052.*1 x suppressible row \(first: MRCONSO.RRF line 6\)"):
        read(write(tmp_path), "umls", languages=("FRE",))


def test_odd_rows_are_skipped(tmp_path):
    names = [
        name("C1", "a"),
        name("C1", "b")[:-30],
        name("C1", "c|d"),
        name("", "e"),
        name("C1", " "),
        name("C2", "f"),
        name("C1", "g"),  # rows of a concept that do not stand together
    ]
    types = [semantic("C1", "T999"), semantic("C1", "T047"), "C1|T048", semantic("C9", "T999")]
    concepts, skipped = read(write(tmp_path, names, types, [definition("C1", "x|y")]), "umls")
    assert list(concepts.values()) == [
        Concept("C1", "a", ("g",), ("T047",), None, {"UMLS": ("C1",)}),
        Concept("C2", "f", xrefs={"UMLS": ("C2",)}),
    ]
    assert skipped == {
        "row with more or fewer fields than its file has": (4, "MRCONSO.RRF line 2"),
        "row without an id or a name": (2, "MRCONSO.RRF line 4"),
        "unknown semantic type": (1, "MRSTY.RRF line 1"),
    }
