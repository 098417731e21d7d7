"""Callbacks for `[training]`."""

from typing import Callable

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

    name (str): Name without the language, such as "clinical_qa". An empty text leaves the meta as it is, here and below.
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
