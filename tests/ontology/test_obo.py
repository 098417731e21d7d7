"""Ontologies in OBO form."""

import pytest

from spacy_cqa.ontology.concepts import Concept

from .reading import read

HEADER = "format-version: 1.4\nontology: x\n! a comment\n\n"
TERM = r"""[Term]
id: X:1
name: type 2 \{old\} diabetes {source="a"} ! a comment
alt_id: X:7
def: "Too much \"sugar\".\nA line \\ more." [PMID:1, "x"] {a="b"} ! a comment
synonym: "T2D" EXACT ABBREVIATION [] ! a comment
synonym: "adult-onset diabetes" NARROW []
synonym: "diabetes" BROAD [X:2]
synonym: "sugar" RELATED []
synonym: "no scope" []
synonym: no quotes
xref: UMLS_CUI:C0011860 "a description" {source="y"}
xref: ICD10CM:E11 ! a comment
xref: SNOMEDCT_US_2023_03_01:44054006
xref: http\://example.org/1
xref:
is_a: X:2 {source="z"} ! disease
! a comment
created_by: me

[Typedef]
id: part_of
name: part of

"""


def write(tmp_path, *parts):
    path = tmp_path / "x.obo"
    path.write_text(HEADER + "\n".join(parts), encoding="utf8")
    return path


def term(term_id, name, *lines):
    return "\n".join(["[Term]", f"id: {term_id}", f"name: {name}", *lines, ""])


def chain(**parents):
    """Terms named like their ids, each with its parents."""
    return [term(child, child, *(f"is_a: {p} ! {p}" for p in above.split())) for child, above in parents.items()]


def types_of(concepts):
    return {term_id: " ".join(concept.types) for term_id, concept in concepts.items()}


def test_a_term(tmp_path):
    concepts, skipped = read(write(tmp_path, TERM), "obo")
    assert list(concepts.values()) == [
        Concept(
            "X:1",
            "type 2 {old} diabetes",
            ("T2D", "adult-onset diabetes"),
            (),
            'Too much "sugar".\nA line \\ more.',
            {"UMLS": ("C0011860",), "ICD10CM": ("E11",), "SNOMEDCT": ("44054006",), "X": ("7",)},
        )
    ]
    assert skipped == {
        "synonym without quotes": (1, "x.obo line 5"),
        "cross reference that is not SYSTEM:CODE": (1, "x.obo line 5"),
    }


@pytest.mark.parametrize(
    ("scopes", "aliases"),
    [((), ()), (["EXACT"], ("T2D",)), (["BROAD", "RELATED"], ("diabetes", "sugar", "no scope"))],
)
def test_scopes(scopes, aliases, tmp_path):
    assert read(write(tmp_path, TERM), "obo", scopes=scopes)[0]["X:1"].aliases == aliases


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("a ! b", "a"),
        ("a !", "a"),
        ("stop! now", "stop! now"),
        (r"a \! b", "a ! b"),
        ("a {b} c", "a {b} c"),
        ("a {b}", "a {b}"),
        ('a {x="y", z="1"}', "a"),
        ("a: b", "a: b"),
        ("  a\t b ", "a b"),
    ],
)
def test_a_name_ends_at_modifiers_and_comments(line, name, tmp_path):
    assert read(write(tmp_path, term("X:1", line)), "obo")[0]["X:1"].name == name


def test_odd_terms_are_skipped(tmp_path):
    path = write(
        tmp_path,
        term("X:1", "a", "alt_id: odd", "no tag"),
        term("X:2", "b", "is_obsolete: true"),
        term("", "c"),
        term("X:4", "! only a comment"),
        "[Term]\nid: X:5\n",
        term("X:1", "d", 'def: "Late." []'),
        term("X:6", "e", "is_obsolete: false"),
    )
    concepts, skipped = read(path, "obo")
    assert list(concepts.values()) == [Concept("X:1", "a", ("d",), definition="Late."), Concept("X:6", "e")]
    assert skipped == {
        "line without a tag": (1, "x.obo line 9"),
        "cross reference that is not SYSTEM:CODE": (1, "x.obo line 5"),
        "obsolete term": (1, "x.obo line 11"),
        "term without an id or a name": (3, "x.obo line 16"),
        "duplicate id, merged into its first entry": (1, "x.obo line 27"),
    }


TREE = chain(all="", disease="all", cancer="disease", lung="disease", nsclc="cancer lung", finding="all", odd="gone")


@pytest.mark.parametrize(
    ("roots", "default", "types"),
    [
        (None, None, "all: disease: cancer: lung: nsclc: finding: odd:"),
        (None, "Diagnosis", "all:T047 disease:T047 cancer:T047 lung:T047 nsclc:T047 finding:T047 odd:T047"),
        ({"disease": "T047"}, None, "all: disease:T047 cancer:T047 lung:T047 nsclc:T047 finding: odd:"),
        # The nearest root on each way up counts.
        (
            {"disease": "Disease or Syndrome", "cancer": "T191"},
            "t033",
            "all:T033 disease:T047 cancer:T191 lung:T047 nsclc:T047+T191 finding:T033 odd:T033",
        ),
    ],
)
def test_semantic_types(roots, default, types, tmp_path):
    concepts, _ = read(write(tmp_path, *TREE), "obo", roots=roots, default_type=default)
    assert types_of(concepts) == {k: v.replace("+", " ") for k, _, v in (item.partition(":") for item in types.split())}


def test_a_root_may_be_named_by_its_name(tmp_path):
    path = write(tmp_path, term("X:1", "disease"), term("X:2", "gout", "is_a: X:1"))
    assert types_of(read(path, "obo", roots={"disease": "T047"})[0]) == {"X:1": "T047", "X:2": "T047"}


def test_a_second_entry_of_an_id_adds_its_parents(tmp_path):
    path = write(tmp_path, *chain(a="", b=""), term("c", "c", "is_a: a"), term("c", "c", "is_a: b"))
    assert types_of(read(path, "obo", roots={"b": "T047"})[0]) == {"a": "", "b": "T047", "c": "T047"}


@pytest.mark.parametrize(
    ("links", "count"),
    [
        ({"root": "", "a": "a root"}, 1),
        ({"root": "", "a": "root b", "b": "a"}, 1),
        ({"root": "c", "a": "root", "b": "a", "c": "b"}, 1),
        ({"root": "", "a": "root b", "b": "a", "c": "root d", "d": "c c"}, 2),
    ],
)
def test_cycles_are_counted_and_do_not_hang(links, count, tmp_path):
    concepts, skipped = read(write(tmp_path, *chain(**links)), "obo", roots={"root": "T047"})
    assert types_of(concepts) == dict.fromkeys(links, "T047")
    assert {reason: n for reason, (n, _) in skipped.items()} == {"link to a parent that closes a cycle": count}


def test_a_deep_chain(tmp_path):
    deep = chain(t0="", **{f"t{n}": f"t{n - 1}" for n in range(1, 3000)})
    assert read(write(tmp_path, *deep), "obo", roots={"t0": "T047"})[0]["t2999"].types == ("T047",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"default_type": "illness"}, "default_type.*'illness'.*a TUI"),
        ({"roots": {"all": "T999"}}, "roots.*'T999'.*a TUI"),
        ({"roots": {"nowhere": "T047"}}, "roots.*'nowhere'.*id or name of a term"),
        ({"scopes": ["exact"]}, r"scopes.*\['exact'\].*EXACT, NARROW, BROAD, RELATED"),
    ],
)
def test_an_option_that_is_not_usable_is_an_error(options, message, tmp_path):
    with pytest.raises(ValueError, match=f"CQA-E055.*{message}"):
        read(write(tmp_path, *TREE), "obo", **options)
