"""Fixtures shared by all tests. Nothing is downloaded: encoders are tiny, random and built from config."""

import random
from functools import partial
from pathlib import Path
from typing import Callable, List

import numpy
import pytest
import spacy
import srsly
import torch
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example

from spacy_cqa.models.loaders import load_encoder
from spacy_cqa.training.converters.squad import records_to_squad
from spacy_cqa.training.corpus import QACorpus
from spacy_cqa.training.records import record_to_doc

from .encoders import make_encoder
from .notes import NOTES, make_records

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
CORPUS = ROOT / "assets" / "corpus"

torch.set_num_threads(1)  # tiny matrices: a second thread only waits

TINY_MODEL = {
    "@architectures": "spacy-cqa.MultiTaskReader.v1",
    "task_layers": 1,
    "separate_layers": 0,
    "span_hidden": [],
    "category_hidden": [16],
    "span_weight": 1.0,
    "category_weight": 1.0,
    "negative_rate": 1.0,
    "crop": 1.0,
    "soft_labels": True,
}
TINY_SETTINGS = {
    "window": 128,
    "overlap": 32,
    "max_question_tokens": 32,
    "max_batch_tokens": 2048,
    "precision": "float32",
}


@pytest.fixture(autouse=True)
def _seeds() -> None:
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a tiny encoder by family, made once."""
    root = tmp_path_factory.mktemp("encoders")
    texts = [note for note, _ in NOTES] + [question[0] for _, questions in NOTES for question in questions]

    def get(family: str) -> Path:
        folder = root / family
        return folder if folder.exists() else make_encoder(family, folder, vocab_texts=texts)

    return get


@pytest.fixture(scope="session")
def make_nlp(encoders: Callable[[str], Path]) -> Callable[..., Language]:
    """Makes a blank pipeline with an initialized, untrained component."""

    def make(family: str = "bert", *, nlp: Language = None, model: dict = {}, **settings: object) -> Language:  # noqa: B006
        nlp = spacy.blank("en") if nlp is None else nlp
        config = {"model": {**TINY_MODEL, **model}, **TINY_SETTINGS, **settings}
        pipe = nlp.add_pipe("clinical_qa", config=config)
        torch.manual_seed(0)
        pipe.initialize(lambda: [], nlp=nlp, encoder=partial(load_encoder, str(encoders(family))))
        return nlp

    return make


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the twenty questions as notes.spacy and notes.json."""
    folder = tmp_path_factory.mktemp("data")
    nlp = spacy.blank("en")
    records = make_records()
    DocBin(docs=[record_to_doc(r, nlp.make_doc) for r in records], store_user_data=True).to_disk(folder / "notes.spacy")
    srsly.write_json(folder / "notes.json", records_to_squad(records))
    return folder


@pytest.fixture(scope="session")
def make_examples(data: Path) -> Callable[[Language], List[Example]]:
    """Gives the twenty questions as examples, one per note."""
    return lambda nlp: list(QACorpus(data / "notes.spacy")(nlp))


@pytest.fixture(scope="session")
def trained(make_nlp: Callable[..., Language], make_examples: Callable) -> Language:
    """A tiny pipeline that learned the twenty questions by heart. Tests must not change it."""
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)
    nlp = make_nlp("bert")
    train(nlp, make_examples(nlp), steps=150)
    return nlp


@pytest.fixture(scope="session")
def trained_path(trained: Language, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained pipeline on disk."""
    path = tmp_path_factory.mktemp("trained") / "model"
    trained.to_disk(path)
    return path


def train(nlp: Language, examples: List[Example], *, steps: int, rate: float = 3e-3, drop: float = 0.0) -> List[float]:
    """Train the component on all examples at once.

    RETURNS (List[float]): The losses.
    """
    from spacy_cqa.models.optimizer import make_grouped_adam

    optimizer = make_grouped_adam(learn_rate=rate)
    pipe = nlp.get_pipe("clinical_qa")
    return [pipe.update(examples, drop=drop, sgd=optimizer)["clinical_qa"] for _ in range(steps)]
