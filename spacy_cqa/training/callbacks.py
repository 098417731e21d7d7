"""Callbacks for `[training]`."""

import sys
import time
from typing import Any, Callable, Dict, List

from spacy.language import Language

_FIELDS = ("name", "version", "description", "author", "email", "url", "license")


def make_describe_pipeline(
    name: str = "",
    version: str = "",
    description: str = "",
    author: str = "",
    email: str = "",
    url: str = "",
    license: str = "",
) -> Callable[[Language], Language]:
    """Make a callback for `[training.before_to_disk]` that describes the pipeline in its meta, from where `spacy
    package` takes the name, licence and description of the package it builds.

    name (str): Name without the language, such as "clinical_qa". An empty text, here and below, changes nothing.
    version (str): Version of the pipeline.
    description (str): What it does, and on which data it was trained.
    author (str): Who made it.
    email (str): Where to reach them.
    url (str): Its page.
    license (str): Its licence.
    RETURNS (Callable[[Language], Language]): The callback.
    """
    values = dict(zip(_FIELDS, (name, version, description, author, email, url, license)))

    def describe_pipeline(nlp: Language) -> Language:
        nlp.meta.update({field: value for field, value in values.items() if value})
        return nlp

    return describe_pipeline


def make_show_progress(every: int = 10, total: int = 0) -> Callable[[Language, Dict[str, Any]], None]:
    """Make a callback for `[training.before_update]` that tells how far the training is. spaCy's own bar only shows on
    a terminal, and between two evaluations a log would stay silent for minutes.

    every (int): Updates between two lines.
    total (int): Updates in all, if known.
    RETURNS (Callable[[Language, Dict[str, Any]], None]): The callback.
    """
    started: List[float] = []

    def show_progress(nlp: Language, args: Dict[str, Any]) -> None:
        step = int(args["step"])
        if step == 1:  # the first evaluation, after update 0, would distort the estimate
            started.append(time.monotonic())
        if started and step % every == 0 and not sys.stderr.isatty():
            minutes = (time.monotonic() - started[0]) / 60
            left = f", about {minutes / step * (total - step):.0f} min left" if total > step else ""
            sys.stderr.write(f"update {step}{f' of {total}' if total else ''}, {minutes:.1f} min{left}\n")

    return show_progress
