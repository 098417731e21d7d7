"""A case: everything that a synthetic note is going to say of a patient, decided before a word is written."""

import random
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Optional, Sequence, Set, Tuple

from .scenarios import Drug, Lab, Scenario, Study

_RELATIVES = ("mother", "father", "sister", "brother", "maternal grandmother", "paternal uncle", "son")
_REACTIONS = ("hives", "swelling of the lips", "a widespread rash", "wheezing", "vomiting", "itching", "facial edema")
_NAMES = ("Adler", "Bianchi", "Castro", "Dumont", "Eriksen", "Farouk", "Greer", "Haddad", "Ito", "Jansen", "Kowal")


@dataclass(frozen=True)
class Patient:
    """Who the note is about."""

    name: str
    age: int
    female: bool

    def words(self) -> Dict[str, str]:
        """RETURNS (Dict[str, str]): What templates may say of the patient."""
        she, her = ("she", "her") if self.female else ("he", "his")
        return {
            "name": f"{'Ms.' if self.female else 'Mr.'} {self.name}",
            "age": str(self.age),
            "sex": "F" if self.female else "M",
            "person": "woman" if self.female else "man",
            "she": she,
            "She": she.capitalize(),
            "her": her,
            "Her": her.capitalize(),
        }


@dataclass(frozen=True)
class Use:
    """A drug as this patient takes it; `old_dose` where the dose is changed."""

    drug: Drug
    text: str
    dose: str
    frequency: str
    old_dose: str = ""

    @property
    def direction(self) -> str:
        """RETURNS (str): The verb of the change."""
        doses = self.drug.doses
        return "Increase" if doses.index(self.dose) > doses.index(self.old_dose) else "Reduce"


@dataclass(frozen=True)
class Stop:
    """A drug that was given up, and why."""

    drug: Drug
    text: str
    reason: str


@dataclass
class Problem:
    """A condition of the patient, with what the note says about it."""

    scenario: Scenario
    condition: str
    symptoms: List[str] = field(default_factory=list)
    signs: List[str] = field(default_factory=list)
    current: List[Use] = field(default_factory=list)
    started: List[Use] = field(default_factory=list)
    stopped: List[Stop] = field(default_factory=list)
    considered: List[Drug] = field(default_factory=list)
    labs: List[Lab] = field(default_factory=list)
    ordered_labs: List[Lab] = field(default_factory=list)
    studies: List[Study] = field(default_factory=list)
    ordered_study: Optional[Study] = None
    suspected: str = ""
    done: List[str] = field(default_factory=list)
    planned: List[str] = field(default_factory=list)


@dataclass
class Case:
    """A patient with problems, the main one first, and what else a note tells."""

    patient: Patient
    problems: List[Problem]
    history: List[str]
    family: List[Tuple[str, str]]
    allergies: List[Tuple[Drug, str]]
    absent_symptoms: List[str]
    absent_signs: List[str]
    absent_family: str


class Unused:
    """Hands out what a note has not used yet, so that no two things are the same or part of one another."""

    def __init__(self, rng: random.Random):
        """Nothing is used yet.

        rng (Random): Source of chance.
        """
        self.rng = rng
        self.used: Set[str] = set()

    def take(self, options: Iterable[str], count: int = 1) -> List[str]:
        """RETURNS (List[str]): At most so many of the options, each unlike all that was handed out."""
        left = list(options)
        self.rng.shuffle(left)
        taken: List[str] = []
        for option in left:
            if len(taken) == count:
                break
            if self.claim((option,)):
                taken.append(option)
        return taken

    def claim(self, names: Sequence[str]) -> bool:
        """RETURNS (bool): Whether something of these names was free; it is used from now on."""
        folded = [name.lower() for name in names]
        if any(name in other or other in name for name in folded for other in self.used):
            return False
        self.used.update(folded)
        return True


def make_case(scenarios: Sequence[Scenario], rng: random.Random) -> Case:
    """Make up a case.

    scenarios (Sequence[Scenario]): What may happen.
    rng (Random): Source of chance.
    RETURNS (Case): The case.
    """
    female = rng.random() < 0.5
    possible = [scenario for scenario in scenarios if scenario.suits(female=female)]
    chosen, others = (
        [scenario.of_sex(female=female) for scenario in rng.sample(possible, min(len(possible), count))]
        for count in (rng.randint(2, 4), 6)
    )
    conditions, drugs, tests, complaints, treatments = (Unused(rng) for _ in range(5))
    problems = []
    for scenario in chosen:
        if conditions.claim(scenario.variants):
            problems.append(_make_problem(scenario, rng, conditions, drugs, tests, complaints, treatments))
    related = [name for scenario in chosen for name in scenario.related]
    relatives = rng.sample(_RELATIVES, rng.randint(1, 3))
    elsewhere = [scenario.name for scenario in others] + related
    return Case(
        patient=Patient(rng.choice(_NAMES), rng.randint(19, 91), female),
        problems=problems,
        history=conditions.take(related, rng.randint(0, 3)),
        family=list(zip(relatives, conditions.take(elsewhere, len(relatives)))),
        allergies=[
            (drug, reaction)
            for drug, reaction in zip(
                _free_drugs([drug for scenario in others for drug in scenario.drugs], rng.randint(0, 2), drugs, rng),
                complaints.take(_REACTIONS, 2),
            )
        ],
        absent_symptoms=complaints.take([name for scenario in [*chosen, *others] for name in scenario.symptoms], 4),
        absent_signs=complaints.take([name for scenario in [*chosen, *others] for name in scenario.signs], 3),
        absent_family=next(iter(conditions.take(elsewhere)), ""),
    )


def _make_problem(
    scenario: Scenario,
    rng: random.Random,
    conditions: Unused,
    drugs: Unused,
    tests: Unused,
    complaints: Unused,
    treatments: Unused,
) -> Problem:
    problem = Problem(scenario, rng.choice((scenario.name, scenario.name, *scenario.short)))
    problem.symptoms = complaints.take(scenario.symptoms, rng.randint(2, 4))
    problem.signs = complaints.take(scenario.signs, rng.randint(1, 3))
    free = _free_drugs(scenario.drugs, len(scenario.drugs), drugs, rng)
    cuts = sorted(rng.randint(0, len(free)) for _ in range(3))
    problem.current = [_use(drug, rng, change=rng.random() < 0.3) for drug in free[: cuts[0]]]
    problem.started = [_use(drug, rng) for drug in free[cuts[0] : cuts[1]][:2]]
    for drug in free[cuts[1] : cuts[2]][:1]:
        problem.stopped = [Stop(drug, _name(drug.variants, rng), next(iter(complaints.take(_REACTIONS)), ""))]
    problem.considered = list(free[cuts[2] :][:1])
    labs = [lab for lab in scenario.labs if tests.claim(lab.variants)]
    rng.shuffle(labs)
    n_done = rng.randint(0, len(labs))
    problem.labs, problem.ordered_labs = labs[:n_done], labs[n_done:][:2]
    studies = [study for study in scenario.studies if tests.claim(study.variants)]
    rng.shuffle(studies)
    if studies and rng.random() < 0.5:
        problem.ordered_study = studies.pop()
        problem.suspected = next(iter(conditions.take(scenario.related)), "")
    problem.studies = studies[:2]
    problem.done = treatments.take(scenario.done, rng.randint(0, 2))
    problem.planned = treatments.take(scenario.planned, rng.randint(0, 2))
    return problem


def _free_drugs(options: Iterable[Drug], count: int, drugs: Unused, rng: random.Random) -> List[Drug]:
    left = list(options)
    rng.shuffle(left)
    return [drug for drug in left if drugs.claim(drug.variants)][:count]


def _use(drug: Drug, rng: random.Random, *, change: bool = False) -> Use:
    dose, old = rng.sample(drug.doses, 2) if len(drug.doses) > 1 else (drug.doses[0], "")
    return Use(drug, _name(drug.variants, rng), dose, rng.choice(drug.frequencies), old if change else "")


def _name(variants: Sequence[str], rng: random.Random) -> str:
    return variants[0] if rng.random() < 0.7 else rng.choice(variants)
