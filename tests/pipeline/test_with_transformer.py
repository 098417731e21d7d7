"""Beside a `transformer` of spacy-transformers and a trained `ner`, saved, loaded and sourced."""

import spacy
from spacy.tokens import Span
from spacy.training import Example

from ..notes import NOTES


def test_beside_transformer_and_ner(encoders, make_nlp, trained, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer", config={"model": {"name": str(encoders("bert"))}})
    ner = nlp.add_pipe(
        "ner",
        config={
            "model": {
                "tok2vec": {
                    "@architectures": "spacy-transformers.TransformerListener.v1",
                    "grad_factor": 1.0,
                    "pooling": {"@layers": "reduce_mean.v1"},
                }
            }
        },
    )
    ner.add_label("DRUG")
    reference = nlp.make_doc(NOTES[0][0])
    start = next(token.i for token in reference if token.text == "azithromycin")
    reference.ents = [Span(reference, start, start + 1, label="DRUG")]
    example = Example(nlp.make_doc(NOTES[0][0]), reference)
    optimizer = nlp.initialize(lambda: [example])
    for _ in range(40):
        nlp.update([example], sgd=optimizer)
    nlp.add_pipe("clinical_qa", source=trained)
    nlp.to_disk(tmp_path / "model")
    for pipeline in (nlp, spacy.load(tmp_path / "model")):
        doc = pipeline.make_doc(NOTES[0][0])
        doc._.questions = {"drug": "Which antibiotic was started?"}
        doc = pipeline(doc)
        assert [a.text for a in doc._.answers] == ["azithromycin"]
        assert [ent.text for ent in doc.ents] == ["azithromycin"]
        assert doc._.trf_data is not None
