"""Callbacks for `[nlp]`: they run when a pipeline is made or loaded."""

import importlib
from typing import Callable, Literal, Sequence, Type

from spacy.language import Language

# These packages have no entry points, so their factories are unknown until one of these modules is imported.
_MODULES = {
    "scispacy": ("scispacy.abbreviation", "scispacy.hyponym_detector", "scispacy.linking"),
    "negspacy": ("negspacy.negation",),
}


def make_register_factories(
    packages: Sequence[Literal["scispacy", "negspacy"]] = ("scispacy",),
) -> Callable[[Type[Language]], Type[Language]]:
    """Make a callback for `[nlp.before_creation]` that makes the components of other packages known, so that a pipeline
    with a `scispacy_linker` can be loaded without importing scispacy first.

    packages (Sequence[Literal["scispacy", "negspacy"]]): The packages; they are imported when a pipeline is made.
    RETURNS (Callable[[Type[Language]], Type[Language]]): The callback.
    """

    def register_factories(lang_cls: Type[Language]) -> Type[Language]:
        for package in packages:
            for module in _MODULES[package]:
                importlib.import_module(module)
        return lang_cls

    return register_factories
