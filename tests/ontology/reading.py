"""What the tests of the readers share."""

from spacy_cqa.ontology.concepts import SourceReport
from spacy_cqa.ontology.sources import read_source


def read(path, form, **options):
    """All concepts of a source by id, and what its report says was skipped, by reason: how often and where first."""
    report = SourceReport()
    concepts = {concept.id: concept for concept in read_source(path, form, report=report, **options)}
    return concepts, {reason: (count, report.examples[reason]) for reason, count in report.skipped.items()}
