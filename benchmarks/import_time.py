"""What our own modules add to the first `spacy.blank("en")`, beside the dependencies' own cost.

    python benchmarks/import_time.py

Each run is a fresh process in which every module that ours import is already loaded; only ours are timed. The median
of several runs is printed.
"""

import statistics
import subprocess
import sys

RUNS = 9
CODE = """
import sys, time
import spacy
spacy.blank("en")
for name in [name for name in sys.modules if name.split(".")[0] == "spacy_cqa"]:
    del sys.modules[name]
from spacy.tokens import Doc
for name in ("questions", "answers"):
    Doc.remove_extension(name)
from spacy.language import Language
start = time.perf_counter()
import spacy_cqa.pipeline.clinical_qa, spacy_cqa.pipeline.linker
print(time.perf_counter() - start)
"""


def main() -> None:
    """Measure and print."""
    # Registering a factory anew under the same name is an error unless it is the same function by name: it is.
    times = [float(subprocess.check_output([sys.executable, "-c", CODE])) * 1000 for _ in range(RUNS)]
    print(f"spacy_cqa adds {statistics.median(times):.1f} ms (median of {RUNS}, {min(times):.1f} to {max(times):.1f})")


if __name__ == "__main__":
    main()
