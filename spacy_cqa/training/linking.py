"""Fitting the linker: how much the concepts' evidence should weigh against the reader, on development data."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from spacy import util
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..categories import Distribution, mix
from ..errors import Errors
from ..ontology.kb import SCISPACY_NAMES
from ..pipeline.linker import MIXED, ClinicalQALinker
from ..pipeline.scorer import clinical_qa_score
from ..schemas import given_spans
from .corpus import QACorpus
from .experiments import Run, finish_run, input_digest, is_finished
from .variants import ONTOLOGY_VARIANT

WEIGHTS = tuple(round(0.05 * n, 2) for n in range(21))


@dataclass(frozen=True)
class FittedWeight:
    """A fitted weight.

    weight (float): The weight of the evidence, from 0 to 1.
    accuracies (Mapping[float, float]): Category accuracy from the gold span by weight.
    """

    weight: float
    accuracies: Mapping[float, float]


def add_linker(nlp: Language, kb: str, **settings: Any) -> ClinicalQALinker:
    """Put a linker at the end of a pipeline, in place of one that is there.

    nlp (Language): A pipeline with `clinical_qa`.
    kb (str): The knowledge base.
    **settings (Any): Settings of `make_clinical_qa_linker`; evidence is mixed in where they say nothing else.
    RETURNS (ClinicalQALinker): The linker.
    """
    name = "clinical_qa_linker"
    if nlp.has_pipe(name):
        nlp.remove_pipe(name)
    config = {"kb": str(kb), "category_source": MIXED, **settings}
    return nlp.add_pipe(name, config=config)  # type: ignore[return-value]


def fit_linker_weight(nlp: Language, linker: ClinicalQALinker, data: Path) -> FittedWeight:
    """Choose the weight with the best category accuracy from the gold span, and keep it in the linker. Of weights that
    are equally good the middle one is taken, and 0 where none is better than another.

    nlp (Language): The pipeline.
    linker (ClinicalQALinker): Its linker, which mixes evidence in.
    data (Path): Development data, .spacy or SQuAD JSON.
    RETURNS (FittedWeight): The weight, and the accuracy at every weight.
    RAISES (ValueError): E067, the data has no categories.
    """
    examples = list(QACorpus(data, spans_key=linker.spans_key)(nlp))
    with nlp.select_pipes(disable=[linker.name]):
        for example in examples:
            example.predicted = nlp(example.predicted)
    opinions = [_opinions(linker, example.predicted) for example in examples]
    accuracies = {weight: _accuracy(examples, opinions, weight, linker.spans_key) for weight in WEIGHTS}
    known = {weight: accuracy for weight, accuracy in accuracies.items() if accuracy is not None}
    if not known:
        raise ValueError(Errors.E067.format(path=data))
    best = [weight for weight, accuracy in known.items() if accuracy == max(known.values())]
    weight = 0.0 if len(best) == len(known) else best[len(best) // 2]  # evidence that changes nothing gets none
    linker.cfg["linker_weight"] = weight
    return FittedWeight(weight, known)


@dataclass(frozen=True)
class _Opinions:
    """By question: the reader's category scores of its gold spans, and the evidence on each."""

    scores: Mapping[str, List[List[float]]]
    evidence: Mapping[str, List[Optional[Distribution]]]


def _opinions(linker: ClinicalQALinker, doc: Doc) -> _Opinions:
    scores = {qid: list(rows) for qid, rows in _given_scores(doc, linker.spans_key).items()}
    evidence = {qid: linker.opinions(doc, spans) for qid, spans in given_spans(doc).items()}
    return _Opinions(scores, evidence)


def _given_scores(doc: Doc, spans_key: str) -> Dict[str, List[List[float]]]:
    return doc.spans[spans_key].attrs.get("given_category_scores", {})


def _accuracy(examples: List[Example], opinions: List[_Opinions], weight: float, spans_key: str) -> Optional[float]:
    for example, found in zip(examples, opinions):
        example.predicted.spans[spans_key].attrs["given_category_scores"] = {
            qid: [
                row if evidence is None else list(mix(row, evidence, weight))
                for row, evidence in zip(rows, found.evidence.get(qid, []))
            ]
            for qid, rows in found.scores.items()
        }
    return clinical_qa_score(examples, spans_key=spans_key)["cqa_cat_acc_gold"]


def run_ontology(base: Run, kb: str, *, progress: Callable[[str], object] = lambda message: None) -> Run:
    """The variant "multitask-ontology": a trained multi-task pipeline with the linker's evidence mixed in, its weight
    fitted on the development split. Not done again where it is there already with the same inputs.

    base (Run): The run that trained the pipeline.
    kb (str): The knowledge base: a folder, or one of scispacy's names.
    progress (Callable[[str], object]): Is told what was done.
    RETURNS (Run): The run.
    """
    run = replace(base, variant=ONTOLOGY_VARIANT)
    kb_files = [] if kb in SCISPACY_NAMES else [Path(kb) / "concepts.jsonl"]
    digest = input_digest(run, *kb_files, base.folder / "model" / "clinical_qa" / "model.safetensors")
    if is_finished(run.folder, digest, ("test",)):
        progress(f"{run.folder}: is finished already")
    else:
        nlp = util.load_model(base.folder / "model")
        fitted = fit_linker_weight(nlp, add_linker(nlp, kb), run.data.dev)
        shutil.rmtree(run.folder, ignore_errors=True)
        run.folder.mkdir(parents=True)
        finish_run(run, nlp, digest, ("test",), linker_weight=fitted.weight, dev_accuracies=_rows(fitted))
        progress(f"{run.folder}: linker weight {fitted.weight:g}")
    return run


def _rows(fitted: FittedWeight) -> List[Tuple[float, float]]:
    return [(weight, round(accuracy, 6)) for weight, accuracy in fitted.accuracies.items()]
