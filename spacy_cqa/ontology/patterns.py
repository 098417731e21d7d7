"""Typed patterns for answers that never link: doses, routes, frequencies, laboratory values, vital signs."""

import re
from dataclasses import dataclass
from typing import Optional, Sequence

NUMBER = r"\d++(?:[.,/]\d++)*+"  # possessive, and read from its start: long tables of numbers take no time

# Alternatives of regular expressions, matched in any case.
DOSE_UNITS = [
    "mg",
    "mcg",
    "µg",
    "μg",
    "ug",
    "g",
    "gm",
    "grams?",
    "milligrams?",
    "micrograms?",
    "units?",
    "u",
    "iu",
    "meq",
    "ml",
    "cc",
    "tabs?",
    "tablets?",
    "caps?",
    "capsules?",
    "puffs?",
    "drops?",
    "gtts?",
    "sprays?",
    "patch(?:es)?",
    "suppositor(?:y|ies)",
    "ampoules?",
    "vials?",
    "tsp",
    "tbsp",
    "teaspoons?",
]
FREQUENCIES = [
    r"q\s?\d+(?:-\d+)?\s?h(?:rs?|ours?)?",
    r"q(?:d|od|hs|am|pm|wk|week)",
    r"b\.?i\.?d\.?",
    r"t\.?i\.?d\.?",
    r"q\.?i\.?d\.?",
    r"prn",
    r"p\.r\.n\.",
    r"stat",
    r"(?:once|twice|thrice|(?:one|two|three|four|\d) times?) (?:a |per |each |every )?(?:day|week|month|night)",
    r"(?:once|twice) (?:daily|weekly|monthly)",
    r"daily(?! living)|nightly|at bedtime|as needed|in the (?:morning|evening)",
    r"before meals|with (?:meals|food|breakfast|dinner)",
    r"every (?:other )?(?:day|night|morning|evening|week|month)",
    r"every (?:\d+|two|three|four|six|eight|twelve)(?: to \d+)? (?:hours?|hrs?|days?|weeks?|months?)",
]
ROUTES = [
    r"p\.?o\.?",
    r"i\.?v\.?",
    r"i\.?m\.?",
    r"s\.?c\.?",
    r"subq",
    r"s\.?l\.?",
    r"p\.?r\.?",
    r"orally",
    r"by\smouth",
    r"oral",
    r"intravenous(?:ly)?",
    r"intramuscular(?:ly)?",
    r"subcutaneous(?:ly)?",
    r"sublingual(?:ly)?",
    r"topical(?:ly)?",
    r"inhaled",
    r"nebulized",
    r"rectally",
    r"transdermal",
    r"intranasal(?:ly)?",
    r"per\stube",
    r"under\sthe\stongue",
    r"infusion",
    r"drip",
    r"gtt",
]
DOSE_RATE = r"(?:\s?/\s?(?:kg|day|d|hour|hr?|min|dose|week)\b)*"
LAB_UNITS = [
    r"(?:mc|m|µ|μ|u|n|p|f)?(?:g|mol|eq|iu|u|units?|osm|cells?)\s?/\s?(?:d?l|ml|hpf|mm3|24\s?h|mmol|mol|g|mg)",
    r"mg%|[km]/[uµμ]?l|k/mm3|x\s?10\^?\d+(?:/l)?|fl|pg|mm/h(?:r|our)?|copies(?:/ml)?|/hpf|/lpf",
    r"ml/min(?:/1\.73\s?m2)?",
]
DURATION_UNITS = [r"seconds|secs?"]  # a clotting time or how long a seizure lasted: what stands before it tells
VITAL_SIGNS = [
    r"(?:[4-9]\d|[12]\d\d)\s?/\s?(?:[2-9]\d|1\d\d)(?:\s?mm\s?hg)?",  # a day and month are smaller
    rf"{NUMBER}\s?(?:mm\s?hg|bpm|beats(?: per minute)?|breaths(?: per minute)?|/min|kg/m2|kg|lbs?|pounds|cm|inches)",
    rf"{NUMBER}\s?°?\s?[fc]",
    rf"{NUMBER}\s?degrees(?: (?:f|c)\w*)?",
    rf"{NUMBER}\s?%\s?(?:on )?(?:ra|room air|o2|\d+ ?l(?:iters?)?(?: nc| nasal cannula)?)",
    r"\d{1,2}\s?/\s?10",
]


def _any_of(alternatives: Sequence[str]) -> str:
    return "(?:" + "|".join(alternatives) + ")"


@dataclass(frozen=True)
class TypedPattern:
    """A kind of expression.

    name (str): What it is.
    category (str): The category of such an answer.
    pattern (str): Its form, a regular expression. `re` compiles it at first use and keeps it: spaCy imports this module
        with every pipeline, and most never ask for a pattern.
    whole (bool): Whether the whole answer must have it; else a part is enough.
    """

    name: str
    category: str
    pattern: str
    whole: bool

    def matches(self, text: str) -> bool:
        """RETURNS (bool): Whether a text has this form, in whatever case."""
        find = re.fullmatch if self.whole else re.search
        return find(self.pattern, text, re.IGNORECASE) is not None


# The first that fits decides: a laboratory value is looked for before a dose, since "mg" is in both.
TYPED_PATTERNS = (
    TypedPattern("vital sign", "Symptoms", _any_of(VITAL_SIGNS), whole=True),
    TypedPattern("lab value", "Lab Reports", rf"(?<![\d.,/]){NUMBER}\s?{_any_of(LAB_UNITS)}(?![\w/])", whole=False),
    TypedPattern(
        "dose", "Medication", rf"(?<![\w.]){NUMBER}\s?-?{_any_of(DOSE_UNITS)}{DOSE_RATE}(?![\w/])", whole=False
    ),
    TypedPattern("frequency", "Medication", rf"(?<!\w){_any_of(FREQUENCIES)}(?!\w)", whole=False),
    TypedPattern("route", "Medication", _any_of(ROUTES), whole=True),
)

_UNIT = _any_of(["%", *LAB_UNITS, *DURATION_UNITS, *DOSE_UNITS])
_RANGE = rf"(?:\s?(?:[-–]|to|->|→)\s?{NUMBER}\s?%?)?"
_VALUE = rf"[<>=≤≥~+-]*\s?{NUMBER}\s?{_UNIT}?{_RANGE}"


def find_pattern(text: str) -> Optional[TypedPattern]:
    """The typed pattern that a text has.

    text (str): The answer.
    RETURNS (Optional[TypedPattern]): A vital sign, lab value, dose, frequency or route; None for none of them.
    """
    folded = _fold(text)
    for typed in TYPED_PATTERNS:
        if typed.matches(folded):
            return typed
    return None


def is_bare_value(text: str) -> bool:
    """RETURNS (bool): Whether a text is a number, with or without a unit: what it measures stands before it."""
    return re.fullmatch(_VALUE, _fold(text), re.IGNORECASE) is not None


def _fold(text: str) -> str:
    return " ".join(text.split()).strip(" .,;:")
