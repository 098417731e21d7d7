"""Colours of the categories, for displaCy and our own pages: of like lightness, and told apart with colour blindness
(after the Okabe-Ito palette, lightened so that black text reads on them)."""

from typing import Dict

CATEGORY_COLORS: Dict[str, str] = {
    "Diagnosis": "#f6b89c",
    "Medication": "#9fd3f2",
    "Symptoms": "#f3e08a",
    "Procedure": "#b9e0b4",
    "Lab Reports": "#dcb9e6",
}
