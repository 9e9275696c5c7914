"""What importing genie_nb costs, beside bare IPython and the libraries that it could have pulled in."""

import statistics
import subprocess
import sys
import time

from benchmarks.report import report

CASES = {
    "python (nothing)": "pass",
    "IPython": "import IPython",
    "IPython + genie_nb": "import IPython, genie_nb",
    "IPython + genie_nb.ask": "import IPython, genie_nb; genie_nb.ask",
    "a notebook's kernel": "import ipykernel.ipkernel",
    "a notebook's kernel + genie_nb.ask": "import ipykernel.ipkernel, genie_nb; genie_nb.ask",
    "IPython + pydantic": "import IPython, pydantic; pydantic.BaseModel",
    "IPython + our settings": "import IPython, genie_nb.backend.settings",
    "genie_nb.backend.runs": "import genie_nb.backend.runs",
    "openai": "import openai",
    "ipywidgets": "import ipywidgets",
}
REPEATS = 5


def seconds(code: str) -> float:
    def once() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - began

    once()
    return statistics.median(once() for _ in range(REPEATS))


def main() -> None:
    measured = {name: seconds(code) for name, code in CASES.items()}
    bare = measured["IPython"]
    rows = [{"import": name, "s": s, "more than IPython, s": s - bare} for name, s in measured.items()]
    report("import", "Importing genie_nb costs next to nothing beside IPython", rows)


if __name__ == "__main__":
    main()
