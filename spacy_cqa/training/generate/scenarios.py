"""Clinical scenarios: a condition with what goes with it; the words that synthetic notes are made of.

The scenarios are data, `scenarios.yml`.
"""

import random
import re
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

import srsly

_OTHER_SEX = {  # words that a note on a woman, or on a man, cannot hold
    True: re.compile(
        r"prostat|penile|penis|testic|testis|scrot|priapism|erectile|orchi|hydrocele|vasectomy", re.IGNORECASE
    ),
    False: re.compile(
        r"pregnan|menstr|menopaus|\bperiods?\b|uterin|uterus|ovar|vagin|cervical intraepi|endometri|hyster|breastfe|"
        r"obstetric|cesarean|postpartum|eclampsia|gestation|miscarr|pelvic exam|gynec|lochia|\blabor\b|fetal|amnio",
        re.IGNORECASE,
    ),
}
SCENARIOS = Path(__file__).with_name("scenarios.yml")


@dataclass(frozen=True)
class Drug:
    """A drug as it is taken. Doses ascend."""

    name: str
    brand: str
    group: str
    doses: Tuple[str, ...]
    frequencies: Tuple[str, ...]
    route: str

    @property
    def variants(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Its names, the generic one first."""
        return (self.name, self.brand) if self.brand else (self.name,)


@dataclass(frozen=True)
class Lab:
    """A laboratory test, and from where to where its abnormal values lie."""

    name: str
    short: Tuple[str, ...]
    unit: str
    low: float
    high: float
    digits: int

    @property
    def variants(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Its names, the full one first."""
        return (self.name, *self.short)

    def value(self, rng: random.Random) -> str:
        """RETURNS (str): An abnormal value with its unit."""
        number = f"{rng.uniform(self.low, self.high):.{self.digits}f}"
        return f"{number}{self.unit}" if self.unit in ("", "%") else f"{number} {self.unit}"


@dataclass(frozen=True)
class Study:
    """An imaging, endoscopic or other study, what it may show, and the diagnoses that it is ordered to look for."""

    name: str
    lay: str
    findings: Tuple[str, ...]
    seeks: Tuple[str, ...]

    @property
    def variants(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Its names, the technical one first."""
        return (self.name, self.lay) if self.lay else (self.name,)


@dataclass(frozen=True)
class Scenario:
    """A condition with its symptoms, signs, drugs, tests, treatments, and other conditions that come with it.

    ages (Tuple[int, int]): Youngest and oldest age of a patient who has it, in years.
    acute (bool): Whether it is an illness or event of days or weeks: a note has one of these at most.
    heritable (bool): Whether it is worth telling of a relative.
    """

    name: str
    short: Tuple[str, ...]
    lay: Tuple[str, ...]
    field: str
    ages: Tuple[int, int]
    symptoms: Tuple[str, ...]
    signs: Tuple[str, ...]
    drugs: Tuple[Drug, ...]
    labs: Tuple[Lab, ...]
    studies: Tuple[Study, ...]
    done: Tuple[str, ...]
    planned: Tuple[str, ...]
    related: Tuple[str, ...]
    acute: bool = False
    heritable: bool = False

    @property
    def variants(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Names of the condition, the full one first."""
        return (self.name, *self.short, *self.lay)

    def suits(self, *, female: bool, age: Optional[int] = None) -> bool:
        """RETURNS (bool): Whether a patient of this sex, and of this age in years, can have the condition."""
        youngest, oldest = self.ages
        of_age = age is None or youngest <= age <= oldest
        return of_age and self._suits[female]

    def of_sex(self, *, female: bool) -> "Scenario":
        """RETURNS (Scenario): Without what a patient of this sex cannot have or need."""
        return self._of_sex[female]

    # By sex, searched once for all notes.

    @cached_property
    def _suits(self) -> Dict[bool, bool]:
        return {female: not any(other.search(text) for text in self.variants) for female, other in _OTHER_SEX.items()}

    @cached_property
    def _of_sex(self) -> Dict[bool, "Scenario"]:
        return {female: _without(other, self) for female, other in _OTHER_SEX.items()}


def _without(other: "re.Pattern[str]", scenario: Scenario) -> Scenario:
    """A scenario without whatever a pattern is found in, and without studies that then have no finding."""

    def kept(thing: Any, *names: str) -> Any:
        return replace(thing, **{name: tuple(t for t in getattr(thing, name) if not other.search(t)) for name in names})

    studies = (kept(study, "findings", "seeks") for study in scenario.studies)
    left = kept(scenario, "symptoms", "signs", "done", "planned", "related")
    return replace(left, studies=tuple(study for study in studies if study.findings))


def pick_name(variants: Sequence[str], rng: random.Random, *, first: float) -> str:
    """RETURNS (str): One of the names of a thing: the first with this probability, else any."""
    return variants[0] if rng.random() < first else rng.choice(variants)


@cache
def load_scenarios() -> Tuple[Scenario, ...]:
    """RETURNS (Tuple[Scenario, ...]): The scenarios of `scenarios.yml`."""
    return tuple(_to_scenario(entry) for entry in srsly.read_yaml(SCENARIOS))


def _to_scenario(entry: Dict[str, Any]) -> Scenario:
    names = ("short", "lay", "symptoms", "signs", "done", "planned", "related")
    return Scenario(
        name=entry["name"],
        field=entry["field"],
        ages=(entry["ages"][0], entry["ages"][1]),
        acute=entry.get("acute", False),
        heritable=entry.get("heritable", False),
        drugs=tuple(_to_drug(drug) for drug in entry["drugs"]),
        labs=tuple(Lab(**{**lab, "short": tuple(lab["short"])}) for lab in entry["labs"]),
        studies=tuple(_to_study(study) for study in entry["studies"]),
        **{name: tuple(entry[name]) for name in names},
    )


def _to_study(entry: Dict[str, Any]) -> Study:
    return Study(entry["name"], entry["lay"], findings=tuple(entry["findings"]), seeks=tuple(entry["seeks"]))


def _to_drug(entry: Dict[str, Any]) -> Drug:
    return Drug(
        name=entry["name"],
        brand=entry["brand"],
        group=entry["class"],
        doses=_texts(entry["doses"]),
        frequencies=_texts(entry["frequency"]),
        route=entry["route"],
    )


def _texts(value: Any) -> Tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
