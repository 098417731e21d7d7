"""Linking to the whole Disease Ontology: well-known diseases, and names as notes spell them."""

import random
from collections import defaultdict

import pytest

from spacy_cqa.ontology.mentions import LinkSettings, link_texts

pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize(
    ("text", "concept_id", "codes"),
    [
        ("type 2 diabetes mellitus", "DOID:9352", ("E11",)),
        ("congestive heart failure", "DOID:6000", ("I50", "I50.9")),
        ("COPD", "DOID:3083", ("J44.9",)),
    ],
)
def test_well_known_diseases(text, concept_id, codes, doid):
    found = link_texts(doid, [text], LinkSettings())[text]
    assert found[0].concept_id == concept_id
    assert doid[concept_id].xrefs["ICD10CM"] == codes


def other_case(name, rng):
    return rng.choice([name.upper(), name.title(), name.capitalize()])


def other_number(name, rng):
    words = name.split()
    last = max((n for n, word in enumerate(words) if word.isalpha() and len(word) > 3), default=len(words) - 1)
    words[last] = make_plural(words[last])
    return " ".join(words)


def make_plural(word):
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word if word.endswith("s") else word + "s"


def other_order(name, rng):
    first, *rest = name.split()
    return f"{' '.join(rest)}, {first}" if rest else name


def typo(name, rng):
    place = rng.randrange(1, len(name))
    return name[: place - 1] + name[place] + name[place - 1] + name[place + 1 :]  # two letters swapped


KINDS = (other_case, other_number, other_order, typo)


def test_perturbed_names_find_their_own_concept(doid):
    rng = random.Random(0)
    concepts = rng.sample([concept for concept in doid if len(concept.name) >= 6], 1000)
    pairs = [(kind, concept, kind(concept.name, rng)) for kind, concept in zip(KINDS * 250, concepts)]
    found = doid.find_similar([text for _, _, text in pairs], k=30, threshold=0.0)
    hits = defaultdict(list)
    for (kind, concept, _), candidates in zip(pairs, found):
        hits[kind.__name__].append(bool(candidates) and candidates[0].concept_id == concept.id)
    shares = {kind: sum(right) / len(right) for kind, right in hits.items()}
    assert sum(shares.values()) / len(shares) >= 0.9, shares
    assert shares["other_case"] >= 0.99
    assert min(shares.values()) >= 0.8, shares
