"""The note grammar: which sections a note has, and what each says of a case."""

import random
import re
from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, List, Sequence, Tuple

from ...types import CATEGORIES
from .cases import Case, Problem, Stop, Use
from .facts import Fact, Mention, is_study
from .scenarios import Drug, Lab, Study, pick_name
from .writer import NoteWriter, Term, load_words

DIAGNOSIS, MEDICATION, SYMPTOMS, PROCEDURE, LAB = CATEGORIES

_DURATIONS = ("two days", "three weeks", "several months", "10 days", "four months", "six weeks", "24 hours")
_MEASURED = re.compile(
    r"blood pressure|arterial pressure|heart rate|temperature|saturation|respiratory rate|pulse|weight|tachy|brady"
    r"|hypox|hypotens|hypertens|orthosta|fever|febrile"
)
_FORM = re.compile(  # the form of a drug tells how it is given
    r"cream|ointment|drops?\b|puff|inhal|nebul|spray|patch|\bgel\b|inject|infus|softgel|tablet|capsule|solution|oral|intra",
    re.IGNORECASE,
)
_WITH_INFUSIONS = ("admission history", "emergency note", "progress note")  # where intensive care may be described
_THIS_YEAR = 2024
_INTERVALS = ("one week", "two weeks", "a month", "3 months", "half a year")
_JOBS = ("a teacher", "a welder", "an accountant", "a cook", "a bus driver", "a librarian")
_PARTNERS = ("a spouse", "two cats", "an adult daughter", "a roommate")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True)
class SyntheticNote:
    """A note, and all that it says of the kinds that question patterns ask about."""

    text: str
    kind: str
    specialty: str
    facts: Tuple[Fact, ...]


Statement = Callable[[], object]  # writes itself


def write_note(case: Case, rng: random.Random) -> SyntheticNote:
    """Write a note on a case.

    case (Case): What is to be said.
    rng (Random): Source of chance: kind, style, order of the sections, words.
    RETURNS (SyntheticNote): The note.
    """
    fields = {problem.scenario.field for problem in case.problems}
    kind = rng.choice(_WITH_INFUSIONS if "critical care" in fields else sorted(load_words()["titles"]))
    note = NoteWriter(rng.choice(("prose", "terse")), case.patient.words(), rng)
    title = rng.choice(load_words()["titles"][kind])
    note.add(f"{title}\n\n" if title else "")
    inline = rng.random() < 0.3  # "Meds: ..." on one line
    for name in _order(rng):
        heading = rng.choice(load_words()["headings"][name])
        note.add(f"{heading} " if inline and heading.endswith(":") else f"{heading}\n")
        statements = SECTIONS[name](note, case)
        if name not in _IN_ORDER:
            rng.shuffle(statements)
        _join(note, statements, "\n" if name in _LISTS or note.style == "terse" else " ")
        note.add("\n\n")
    return SyntheticNote(note.text, kind, case.problems[0].scenario.field, tuple(note.facts))


def _order(rng: random.Random) -> List[str]:
    start, middle, end = (
        ["complaint", "story"],
        ["history", "surgery", "drugs", "allergies", "family", "social"],
        ["plan"],
    )
    rng.shuffle(middle)
    results = ["vitals", "exam", "labs", "studies"]
    if rng.random() < 0.3:
        results = ["labs", "studies", "vitals", "exam"]
    return start + [name for name in middle if name == "drugs" or rng.random() < 0.85] + results + end


def _join(note: NoteWriter, statements: Sequence[Statement], between: str) -> None:
    for n, statement in enumerate(statements or [partial(note.say, "nothing")]):
        note.add(between if n else "")
        statement()


def _duration(note: NoteWriter) -> str:
    return note.rng.choice(_DURATIONS)


def _year(note: NoteWriter) -> str:
    """A year of the patient's adult life, as far as the last twenty years go."""
    age = int(note.words["age"])
    return str(note.rng.randint(max(_THIS_YEAR - 20, _THIS_YEAR - age + 18), _THIS_YEAR - 1))


# Sections: each gives its statements, in order ------------------------------------------------------------------------


def _complaint(note: NoteWriter, case: Case) -> List[Statement]:
    return [partial(_symptom, note, "complaint", "complaint", name) for name in case.problems[0].symptoms[:1]]


def _story(note: NoteWriter, case: Case) -> List[Statement]:
    opening = partial(note.say, "opening")
    further = [name for n, problem in enumerate(case.problems) for name in problem.symptoms[0 if n else 1 :]]
    told = [partial(_symptom, note, "symptoms", "symptom", name) for name in further[: note.rng.randint(1, 5)]]
    denied = [partial(note.say, "no symptoms", absent=name) for name in case.absent_symptoms[: note.rng.randint(0, 4)]]
    statements: List[Statement] = [*told, *denied]
    note.rng.shuffle(statements)
    return [opening, *statements]


def _symptom(note: NoteWriter, statement: str, kind: str, name: str) -> None:
    mentions = note.say(statement, symptom=Term(name, SYMPTOMS), duration=_duration(note))
    note.tell(kind, mentions, "symptom")


def _history(note: NoteWriter, case: Case) -> List[Statement]:
    names = [*case.history, *(problem.condition for problem in case.problems[1:])]
    return [partial(_condition, note, "past condition", "past condition", name) for name in names]


def _condition(note: NoteWriter, statement: str, kind: str, name: str) -> None:
    mentions = note.say(statement, condition=Term(name, DIAGNOSIS), year=_year(note))
    note.tell(kind, mentions, "condition")


def _surgery(note: NoteWriter, case: Case) -> List[Statement]:
    def one(name: str) -> None:
        mentions = note.say("surgery", procedure=Term(name, PROCEDURE), year=_year(note))
        note.tell("procedure", mentions, "procedure")

    return [partial(one, name) for problem in case.problems for name in problem.done if not is_study(name)]


def _drugs(note: NoteWriter, case: Case) -> List[Statement]:
    uses = [(problem, use) for problem in case.problems for use in problem.current]
    stops = [(problem, stop) for problem in case.problems for stop in problem.stopped]
    statements: List[Statement] = [partial(_current_drug, note, problem, use) for problem, use in uses]
    if stops and not uses:
        statements.append(partial(note.say, "no drugs"))
    for _, stop in stops:
        statements.insert(note.rng.randint(0, len(statements)), partial(_stopped_drug, note, stop))
    return statements


def _current_drug(note: NoteWriter, problem: Problem, use: Use) -> None:
    # A list that does not say why: whoever knows the drug knows the reason, so nobody can call it untold.
    unsure = ["reason", *_told_by_form(use)]
    if use.old_dose:
        mentions = note.say("drug to change", **_taken(use, old_dose=Term(use.old_dose, MEDICATION)))
        attributes, unsure = _told("old dose", "frequency"), ["reason", "dose"]
    else:
        unknown = note.rng.random() < 0.12
        told = _taken(use, dose=Term(use.dose, MEDICATION), reason=Term(problem.condition, DIAGNOSIS))
        mentions = note.say("drug without dose", **_taken(use)) if unknown else note.say("drug", **told)
        attributes = _told("dose", "frequency", "route", "reason")
    note.tell("drug", mentions, "drug", attributes=attributes, labels=_drug_labels(use.drug, problem), unsure=unsure)
    note.tell("treatment", mentions, "drug", labels={"reason": problem.scenario.variants})


def _taken(use: Use, **terms: Term) -> Dict[str, Term]:
    frequency, route = Term(use.frequency, MEDICATION), Term(use.drug.route, MEDICATION)
    return {"drug": Term(use.text, MEDICATION), "frequency": frequency, "route": route, **terms}


def _told_by_form(use: Use) -> List[str]:
    """What the words for a drug, its dose and frequency may tell besides."""
    words = " ".join((use.text, use.dose, use.frequency, *use.drug.variants))
    return (["route"] if _FORM.search(words) else []) + (["dose"] if re.search(r"percent|%|\d", use.text) else [])


def _told(*names: str) -> Dict[str, Sequence[str]]:
    return {name: (name,) for name in names}


def _drug_labels(drug: Drug, problem: Problem) -> Dict[str, Sequence[str]]:
    return {**_drug_names(drug), "reason": problem.scenario.variants}


def _drug_names(drug: Drug) -> Dict[str, Sequence[str]]:
    return {"name": drug.variants, "class": (drug.group,)}


def _stopped_drug(note: NoteWriter, stop: Stop) -> None:
    mentions = note.say(
        "stopped drug", drug=Term(stop.text, MEDICATION), stop_reason=Term(stop.reason, SYMPTOMS), year=_year(note)
    )
    note.tell("stopped drug", mentions, "drug", attributes=_told("stop reason"), labels=_drug_names(stop.drug))


def _allergies(note: NoteWriter, case: Case) -> List[Statement]:
    def one(drug: Drug, reaction: str) -> None:
        mentions = note.say("allergy", drug=Term(drug.name, MEDICATION), reaction=Term(reaction, SYMPTOMS))
        note.tell("allergen", mentions, "drug", attributes=_told("reaction"), labels=_drug_names(drug))

    return [partial(one, *allergy) for allergy in case.allergies] or [partial(note.say, "no allergy")]


def _family(note: NoteWriter, case: Case) -> List[Statement]:
    def one(relative: str, condition: str) -> None:
        mentions = note.say("family", relative=relative, condition=Term(condition, DIAGNOSIS))
        note.tell("family condition", mentions, "condition", labels={"relative": (relative,), "reason": (condition,)})

    denied = [partial(note.say, "no family", absent=case.absent_family)] if case.absent_family else []
    return [*(partial(one, *entry) for entry in case.family), *denied]


def _social(note: NoteWriter, case: Case) -> List[Statement]:
    words = {"partner": note.rng.choice(_PARTNERS), "job": note.rng.choice(_JOBS), "year": _year(note)}
    return [partial(note.say, "social", **words)]


def _vitals(note: NoteWriter, case: Case) -> List[Statement]:
    chosen = [vital for vital in VITALS if note.rng.random() < 0.75]

    def one(names: Tuple[str, ...], value: Callable[[random.Random], str]) -> None:
        mentions = note.say("vital", vital=note.rng.choice(names), value=Term(value(note.rng), SYMPTOMS))
        note.tell("vital", mentions, "value", attributes=_told("value"), labels={"name": names})

    return [partial(one, *vital) for vital in chosen]


def _blood_pressure(rng: random.Random) -> str:
    systolic = rng.randint(92, 186)
    return f"{systolic}/{systolic - rng.randint(30, 42) - (systolic - 92) // 3}"


VITALS: Sequence[Tuple[Tuple[str, ...], Callable[[random.Random], str]]] = (
    (("blood pressure", "BP"), _blood_pressure),
    (("heart rate", "pulse", "HR"), lambda rng: f"{rng.randint(48, 132)}"),
    (("respiratory rate", "RR"), lambda rng: f"{rng.randint(11, 30)}"),
    (("temperature", "Temp"), lambda rng: f"{rng.uniform(97, 103):.1f} F"),
    (
        ("oxygen saturation", "SpO2", "O2 sat"),
        lambda rng: f"{rng.randint(84, 100)}% on {rng.choice(('room air', '2 L'))}",
    ),
    (("weight", "Wt"), lambda rng: f"{rng.randint(46, 138)} kg"),
)


def _exam(note: NoteWriter, case: Case) -> List[Statement]:
    def one(name: str) -> None:
        note.tell("sign", note.say("exam", sign=Term(name, SYMPTOMS)), "sign")

    # What a vital sign is, only the vital signs tell.
    found = [name for problem in case.problems for name in problem.signs if not _MEASURED.search(name)]
    absent = [name for name in case.absent_signs if not _MEASURED.search(name) and not re.search(r"\d", name)]
    signs = [partial(one, name) for name in found]
    return [*signs, *(partial(note.say, "no exam", absent=name) for name in absent)]


def _labs(note: NoteWriter, case: Case) -> List[Statement]:
    return [partial(_lab, note, lab) for problem in case.problems for lab in problem.labs]


def _lab(note: NoteWriter, lab: Lab) -> None:
    name = pick_name(lab.variants, note.rng, first=0.6)
    if note.rng.random() < 0.35:
        _lab_twice(note, lab, name)
        return
    mentions = note.say("lab", lab=Term(name, LAB), value=Term(lab.value(note.rng), LAB))
    note.tell("lab", mentions, "lab", attributes=_told("value"), labels={"name": lab.variants})


def _lab_twice(note: NoteWriter, lab: Lab, name: str) -> None:
    first, second = sorted(note.rng.sample(range(1, 29), 2))
    month = note.rng.choice(_MONTHS)
    values = [lab.value(note.rng), lab.value(note.rng)]
    mentions = note.say(
        "lab twice",
        lab=Term(name, LAB),
        first_value=Term(values[0], LAB),
        second_value=Term(values[1], LAB),
        first_date=f"{month} {first}",
        second_date=f"{month} {second}",
    )
    for which, day in (("first value", first), ("second value", second)):
        dated = [f"{variant} on {month} {day}" for variant in lab.variants]
        labels = {"name": lab.variants, "name and date": [*dated, *(f"{month} {day} {name}" for name in lab.variants)]}
        note.tell("dated lab", mentions, "lab", attributes={"value": (which,)}, labels=labels)


def _studies(note: NoteWriter, case: Case) -> List[Statement]:
    def one(study: Study) -> None:
        found = note.rng.sample(study.findings, min(2, len(study.findings)))
        result, further = (Term(text, LAB) for text in (*found, "")[:2])
        name = Term(pick_name(study.variants, note.rng, first=0.6), PROCEDURE)
        mentions = note.say("study", study=name, result=result, further_result=further)
        results = {"result": ("result", "further result")}
        note.tell("study", mentions, "study", attributes=results, labels={"name": study.variants})

    return [partial(one, study) for problem in case.problems for study in problem.studies]


# The plan, problem by problem -----------------------------------------------------------------------------------------


def _plan(note: NoteWriter, case: Case) -> List[Statement]:
    blocks = [partial(_problem, note, problem, number) for number, problem in enumerate(case.problems, start=1)]
    return [*blocks, partial(note.say, "closing", interval=note.rng.choice(_INTERVALS))]


def _problem(note: NoteWriter, problem: Problem, number: int) -> None:
    mentions = note.say("assessed", condition=Term(problem.condition, DIAGNOSIS), number=str(number))
    note.tell("assessed condition", mentions, "condition")
    reason = mentions["condition"]
    steps: List[Statement] = [
        *(partial(_start_drug, note, problem, use, reason) for use in problem.started),
        *(partial(_change_drug, note, problem, use, reason) for use in problem.current if use.old_dose),
        *(partial(_continue_drug, note, problem, use, reason) for use in problem.current if not use.old_dose),
        *(partial(_consider_drug, note, drug) for drug in problem.considered),
        *(partial(_order_lab, note, lab) for lab in problem.ordered_labs),
        *(partial(_plan_procedure, note, problem, name) for name in problem.planned),
    ]
    if problem.ordered_study:
        steps.append(partial(_order_study, note, problem.ordered_study, problem.suspected))
    note.rng.shuffle(steps)
    for step in steps:
        note.add("\n" if note.style == "terse" else " ")
        step()


def _start_drug(note: NoteWriter, problem: Problem, use: Use, reason: Mention) -> None:
    mentions = note.say("start drug", **_taken(use, dose=Term(use.dose, MEDICATION)))
    _tell_planned(note, "started drug", {**mentions, "reason": reason}, use, problem, ("dose", "frequency", "route"))


def _change_drug(note: NoteWriter, problem: Problem, use: Use, reason: Mention) -> None:
    mentions = note.say("change drug", **_taken(use, dose=Term(use.dose, MEDICATION)), direction=use.direction)
    mentions = {**mentions, "reason": reason}
    # What dose it has now, the list and the plan say differently: only the change is asked for.
    _tell_planned(note, "drug", mentions, use, problem, (), unsure=["dose"])
    labels = {"name": use.drug.variants}
    note.tell("changed drug", mentions, "drug", attributes=_told("dose"), labels=labels)


def _continue_drug(note: NoteWriter, problem: Problem, use: Use, reason: Mention) -> None:
    mentions = note.say("continue drug", drug=Term(use.text, MEDICATION))
    _tell_planned(note, "drug", {**mentions, "reason": reason}, use, problem, ())


def _tell_planned(
    note: NoteWriter,
    kind: str,
    mentions: Dict[str, Mention],
    use: Use,
    problem: Problem,
    told: Sequence[str],
    *,
    unsure: Sequence[str] = (),
) -> None:
    labels = _drug_labels(use.drug, problem)
    guessed = [*unsure, *_told_by_form(use)]
    note.tell(kind, mentions, "drug", attributes=_told("reason", *told), labels=labels, unsure=guessed)
    note.tell("treatment", mentions, "drug", labels={"reason": problem.scenario.variants})


def _consider_drug(note: NoteWriter, drug: Drug) -> None:
    mentions = note.say("consider drug", drug=Term(pick_name(drug.variants, note.rng, first=0.6), MEDICATION))
    note.tell("considered drug", mentions, "drug", labels=_drug_names(drug))


def _order_lab(note: NoteWriter, lab: Lab) -> None:
    mentions = note.say("order lab", lab=Term(pick_name(lab.variants, note.rng, first=0.6), LAB))
    note.tell("ordered lab", mentions, "lab", labels={"name": lab.variants})


def _order_study(note: NoteWriter, study: Study, suspected: str) -> None:
    name = Term(pick_name(study.variants, note.rng, first=0.6), PROCEDURE)
    mentions = note.say("order study", study=name, condition=Term(suspected, DIAGNOSIS))
    why = {"reason": (suspected,)} if "condition" in mentions else {}
    note.tell("ordered study", mentions, "study", labels={"name": study.variants, **why})
    if why:
        note.tell("suspected condition", mentions, "condition")


def _plan_procedure(note: NoteWriter, problem: Problem, name: str) -> None:
    mentions = note.say("plan procedure", procedure=Term(name, PROCEDURE))
    if is_study(name):
        note.tell("ordered study", mentions, "procedure", labels={"name": (name,)})
        return
    labels = {"reason": problem.scenario.variants}
    note.tell("planned procedure", mentions, "procedure", labels=labels)


SECTIONS: Dict[str, Callable[[NoteWriter, Case], List[Statement]]] = {
    "complaint": _complaint,
    "story": _story,
    "history": _history,
    "surgery": _surgery,
    "drugs": _drugs,
    "allergies": _allergies,
    "family": _family,
    "social": _social,
    "vitals": _vitals,
    "exam": _exam,
    "labs": _labs,
    "studies": _studies,
    "plan": _plan,
}
_IN_ORDER = ("story", "plan")  # their statements follow on one another
_LISTS = ("history", "surgery", "drugs", "labs", "studies", "plan")  # a line for each statement in prose too
