"""`python -m spacy cqa`: a group of commands on spaCy's own command.

spaCy imports this package for any of its commands, so the command modules import typer alone at the top.
"""

import typer
from spacy.cli._util import app as spacy_app

from .ask import ask_cli
from .backbone import backbone_cli
from .compare import compare_cli
from .convert import convert_cli
from .evaluate import evaluate_cli
from .experiments import experiments_cli
from .export import export_cli
from .generate import generate_cli
from .kb import kb_cli
from .label import label_cli
from .link import link_cli

app = typer.Typer(
    name="cqa",
    help="Clinical question answering: data, ontologies, training, evaluation, questions.",
    no_args_is_help=True,
)
app.command("ask")(ask_cli)
app.command("backbone")(backbone_cli)
app.command("compare")(compare_cli)
app.command("convert")(convert_cli)
app.command("evaluate")(evaluate_cli)
app.command("experiments")(experiments_cli)
app.command("export")(export_cli)
app.command("generate")(generate_cli)
app.command("kb")(kb_cli)
app.command("label")(label_cli)
app.command("link")(link_cli)

spacy_app.add_typer(app, name="cqa")
