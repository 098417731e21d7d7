"""Callbacks of `[training]`: the pipeline's description, and progress in a log."""

import spacy

from spacy_cqa.training.callbacks import make_describe_pipeline, make_show_progress


def test_description_goes_to_the_meta():
    nlp = spacy.blank("en")
    nlp.meta["author"] = "Somebody"
    described = make_describe_pipeline(name="clinical_qa", version="2.0.0", license="MIT")(nlp)
    assert described is nlp
    assert (nlp.meta["name"], nlp.meta["version"], nlp.meta["license"]) == ("clinical_qa", "2.0.0", "MIT")
    assert nlp.meta["author"] == "Somebody"


def test_progress_is_a_line_every_so_many_updates(capsys):
    show = make_show_progress(every=2, total=6)
    for step in range(6):
        show(spacy.blank("en"), {"step": step, "epoch": 0})
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["update 2 of 6", "update 4 of 6"]
    assert all("min left" in line for line in lines)
