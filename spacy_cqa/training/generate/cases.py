"""A case: everything that a synthetic note is going to say of a patient, decided before a word is written."""

import random
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Dict, Iterable, List, Optional, Sequence, Set, Tuple

from .scenarios import Drug, Lab, Scenario, Study, pick_name

_RELATIVES = {  # and whether it is a woman
    "mother": True,
    "father": False,
    "sister": True,
    "brother": False,
    "maternal grandmother": True,
    "paternal uncle": False,
    "son": False,
}
_AGE_WITH_A_SON = 45  # least, so that he is old enough to be ill
_SIDE_EFFECTS = ("nausea", "dizziness", "leg cramps", "insomnia", "constipation", "a metallic taste", "drowsiness")
_REACTIONS = ("hives", "swelling of the lips", "a widespread rash", "wheezing", "vomiting", "itching", "facial edema")
_WORDS = re.compile(r"\w+")
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
    """Hands out what a note has not used yet, so that no two things are the same or, as words, part of one another."""

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

    def take_one(self, options: Iterable[str]) -> str:
        """RETURNS (str): One of the options, "" where none is left."""
        return next(iter(self.take(options)), "")

    def claim(self, names: Sequence[str]) -> bool:
        """RETURNS (bool): Whether something of these names was free; it is used from now on."""
        folded = [_as_words(name) for name in names]
        if any(name in other or other in name for name in folded for other in self.used):
            return False
        self.used.update(folded)
        return True


@cache
def _as_words(name: str) -> str:
    """Its words with a space around each, so that one name is found in another only as whole words."""
    return f" {' '.join(_WORDS.findall(name.lower()))} "


def make_case(scenarios: Sequence[Scenario], rng: random.Random) -> Case:
    """Make up a case.

    scenarios (Sequence[Scenario]): What may happen.
    rng (Random): Source of chance.
    RETURNS (Case): The case.
    """
    return _CaseMaker(rng).make(scenarios)


class _CaseMaker:
    """Makes up one case; what it has used of each sort, it does not use again."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.conditions, self.drugs, self.tests, self.complaints, self.treatments = (Unused(rng) for _ in range(5))

    def make(self, scenarios: Sequence[Scenario]) -> Case:
        main = self.rng.choice(scenarios)
        patient = self._patient(main)
        possible = [each for each in scenarios if each.suits(female=patient.female, age=patient.age)]
        lasting = [each for each in possible if each is not main and not each.acute]
        chosen, others = (
            [scenario.of_sex(female=patient.female) for scenario in some]
            for some in ([main, *self._some(lasting, self.rng.randint(1, 3))], self._some(possible, 6))
        )
        problems = [self._problem(each) for each in chosen if self.conditions.claim(each.variants)]
        heritable = [scenario for scenario in scenarios if scenario.heritable]
        related = [name for scenario in chosen for name in scenario.related]
        return Case(
            patient=patient,
            problems=problems,
            history=self.conditions.take(related, self.rng.randint(0, 3)),
            family=self._family(patient, heritable),
            allergies=self._allergies(others),
            absent_symptoms=self.complaints.take([name for each in [*chosen, *others] for name in each.symptoms], 4),
            absent_signs=self.complaints.take([name for each in [*chosen, *others] for name in each.signs], 3),
            absent_family=self.conditions.take_one([each.name for each in heritable]),
        )

    def _patient(self, main: Scenario) -> Patient:
        """Somebody who can have the main condition."""
        female = self.rng.choice([female for female in (True, False) if main.suits(female=female)])
        return Patient(self.rng.choice(_NAMES), self.rng.randint(*main.ages), female)

    def _some(self, scenarios: Sequence[Scenario], count: int) -> List[Scenario]:
        return self.rng.sample(list(scenarios), min(len(scenarios), count))

    def _family(self, patient: Patient, scenarios: Sequence[Scenario]) -> List[Tuple[str, str]]:
        known = [name for name in _RELATIVES if name != "son" or patient.age >= _AGE_WITH_A_SON]
        family = []
        for relative in self.rng.sample(known, self.rng.randint(1, 3)):
            names = [each.name for each in scenarios if each.suits(female=_RELATIVES[relative])]
            family += [(relative, name) for name in self.conditions.take(names)]
        return family

    def _allergies(self, others: Sequence[Scenario]) -> List[Tuple[Drug, str]]:
        drugs = self._free_drugs([drug for scenario in others for drug in scenario.drugs])
        return list(zip(drugs[: self.rng.randint(0, 2)], self.complaints.take(_REACTIONS, 2)))

    def _problem(self, scenario: Scenario) -> Problem:
        problem = Problem(scenario, self.rng.choice((scenario.name, scenario.name, *scenario.short)))
        problem.symptoms = self.complaints.take(scenario.symptoms, self.rng.randint(2, 4))
        problem.signs = self.complaints.take(scenario.signs, self.rng.randint(1, 3))
        problem.done = self.treatments.take(scenario.done, self.rng.randint(0, 2))
        problem.planned = self.treatments.take(scenario.planned, self.rng.randint(0, 2))
        self._give_drugs(problem)
        self._order_tests(problem)
        return problem

    def _give_drugs(self, problem: Problem) -> None:
        """Of each class one drug at most is taken; one of the others was stopped, one is considered."""
        first_of_class: Dict[str, Drug] = {}
        free = self._free_drugs(problem.scenario.drugs)
        for drug in free:
            first_of_class.setdefault(drug.group, drug)
        taken = list(first_of_class.values())
        rest = [drug for drug in free if drug not in taken]
        n_current = self.rng.randint(0, len(taken))
        problem.current = [self._use(drug, change=self.rng.random() < 0.3) for drug in taken[:n_current]]
        n_started = min(len(taken) - n_current, self.rng.randint(0, 2))
        problem.started = [self._use(drug) for drug in taken[n_current : n_current + n_started]]
        rest += taken[n_current + n_started :]
        if rest and self.rng.random() < 0.6:
            drug = rest.pop()
            problem.stopped = [
                Stop(drug, pick_name(drug.variants, self.rng, first=0.7), self.complaints.take_one(_SIDE_EFFECTS))
            ]
        if rest and self.rng.random() < 0.4:
            problem.considered = [rest.pop()]

    def _order_tests(self, problem: Problem) -> None:
        labs = [lab for lab in problem.scenario.labs if self.tests.claim(lab.variants)]
        self.rng.shuffle(labs)
        n_done = self.rng.randint(0, len(labs))
        problem.labs, problem.ordered_labs = labs[:n_done], labs[n_done:][:2]
        studies = [study for study in problem.scenario.studies if self.tests.claim(study.variants)]
        self.rng.shuffle(studies)
        if studies and self.rng.random() < 0.5:
            problem.ordered_study = studies.pop()
            problem.suspected = self.conditions.take_one(problem.ordered_study.seeks)
        problem.studies = studies[:2]

    def _free_drugs(self, options: Iterable[Drug]) -> List[Drug]:
        left = list(options)
        self.rng.shuffle(left)
        return [drug for drug in left if self.drugs.claim(drug.variants)]

    def _use(self, drug: Drug, *, change: bool = False) -> Use:
        dose, old = self.rng.sample(drug.doses, 2) if len(drug.doses) > 1 else (drug.doses[0], "")
        text = pick_name(drug.variants, self.rng, first=0.7)
        return Use(drug, text, dose, self.rng.choice(drug.frequencies), old if change else "")
