"""Cases and scenarios: what is made up goes together."""

import random
import re

from spacy_cqa.training.generate.cases import make_case
from spacy_cqa.training.generate.scenarios import load_scenarios


def test_men_and_women_have_what_they_can_have():
    seen = set()
    for seed in range(300):
        case = make_case(load_scenarios(), random.Random(seed))
        own = " ".join(
            name for each in case.problems for name in (each.condition, *each.symptoms, *each.done, *each.planned)
        )
        assert not re.search("prostat|testic|penile" if case.patient.female else "pregnan|menstr|ovarian|uterine", own)
        for relative, condition in case.family:
            assert not (relative in ("father", "brother", "son", "paternal uncle") and "pregnan" in condition)
        seen.add(case.patient.female)
    assert seen == {True, False}


def test_patients_are_of_an_age_for_their_conditions():
    for seed in range(300):
        case = make_case(load_scenarios(), random.Random(seed))
        for problem in case.problems:
            youngest, oldest = problem.scenario.ages
            assert youngest <= case.patient.age <= oldest


def test_one_acute_illness_at_most_and_it_is_what_the_note_is_about():
    acute = 0
    for seed in range(300):
        problems = make_case(load_scenarios(), random.Random(seed)).problems
        assert not any(problem.scenario.acute for problem in problems[1:])
        acute += problems[0].scenario.acute
    assert 30 < acute < 200


def test_relatives_have_what_is_heritable():
    heritable = {scenario.name for scenario in load_scenarios() if scenario.heritable}
    for seed in range(100):
        case = make_case(load_scenarios(), random.Random(seed))
        assert {condition for _, condition in case.family} <= heritable
        assert case.absent_family in heritable | {""}


def test_studies_look_for_what_they_can_show():
    suspected = 0
    for seed in range(200):
        for problem in make_case(load_scenarios(), random.Random(seed)).problems:
            if problem.suspected:
                assert problem.suspected in problem.ordered_study.seeks
                suspected += 1
    assert suspected > 100


def test_one_drug_of_a_class_is_taken():
    for seed in range(100):
        for problem in make_case(load_scenarios(), random.Random(seed)).problems:
            taken = [use.drug.group for use in (*problem.current, *problem.started)]
            assert len(taken) == len(set(taken))


def test_doses_ascend_in_one_unit():
    for drug in (drug for scenario in load_scenarios() for drug in scenario.drugs):
        amounts = [float(re.match(r"[\d,]*\.?\d+", dose)[0].replace(",", "")) for dose in drug.doses]
        units = {re.sub(r"[\d.,-]+", "", dose).rstrip("s").replace("puff ", "puffs ") for dose in drug.doses}
        assert amounts == sorted(set(amounts)), drug
        assert len(units) == 1, drug


def test_words_of_the_scenarios_are_whole():
    for scenario in load_scenarios():
        lists = [
            getattr(scenario, name) for name in ("short", "lay", "symptoms", "signs", "done", "planned", "related")
        ]
        lists += [drug.doses for drug in scenario.drugs] + [drug.frequencies for drug in scenario.drugs]
        assert all(len(text) > 1 for texts in lists for text in texts)
        assert all(drug.doses and drug.frequencies for drug in scenario.drugs)
