"""The variants of the comparison in 'Clinical QA 2.0' (arXiv 2502.13108): each task alone, and both together."""

from dataclasses import dataclass
from typing import Any, Dict, Mapping

_COMPONENT = "components.clinical_qa.model"
_SCORE_WEIGHTS = "training.score_weights"


@dataclass(frozen=True)
class Variant:
    """A way to train.

    name (str): Its name, such as "multitask-soft".
    overrides (Mapping[str, Any]): Values of the config, by dotted name.
    """

    name: str
    overrides: Mapping[str, Any]

    @property
    def trains_spans(self) -> bool:
        """RETURNS (bool): Whether it trains the head that finds answers."""
        return self.overrides[f"{_COMPONENT}.span_weight"] > 0

    @property
    def trains_categories(self) -> bool:
        """RETURNS (bool): Whether it trains the head that classifies them."""
        return self.overrides[f"{_COMPONENT}.category_weight"] > 0

    @property
    def score_weights(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): The weights of the metrics that choose its checkpoint."""
        prefix = f"{_SCORE_WEIGHTS}."
        return {key.removeprefix(prefix): value for key, value in self.overrides.items() if key.startswith(prefix)}


def _variant(name: str, span: float, category: float, soft: bool, f1: float, accuracy: float) -> Variant:
    """A variant by its loss weights, its labels, and the weights of the two metrics that choose its checkpoint."""
    overrides = {
        f"{_COMPONENT}.span_weight": span,
        f"{_COMPONENT}.category_weight": category,
        f"{_COMPONENT}.soft_labels": soft,
        f"{_SCORE_WEIGHTS}.cqa_f1": f1,
        f"{_SCORE_WEIGHTS}.cqa_cat_acc_gold": accuracy,
    }
    return Variant(name, overrides)


SPAN_ONLY, CATEGORY_ONLY = "span-only", "category-only"
ONTOLOGY_BASE = "multitask-soft"
ONTOLOGY_VARIANT = "multitask-ontology"
"""`ONTOLOGY_BASE` with the linker's evidence mixed in; nothing is trained anew."""

# The loss weights of the joint runs are the recipe's; a single-task run has the same weight on its one task.
VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        _variant(SPAN_ONLY, 1.0, 0.0, True, 1.0, 0.0),
        _variant(CATEGORY_ONLY, 0.0, 0.5, False, 0.0, 1.0),
        _variant("multitask-hard", 1.0, 0.5, False, 0.7, 0.3),
        _variant(ONTOLOGY_BASE, 1.0, 0.5, True, 0.7, 0.3),
    )
}
"""What is trained, in the order of the tables."""
