"""What our own loop costs: a run of 100 scripted steps with a tool call each, CPU per step, and CPU per streamed token."""

import time

import genie_nb as gn
from benchmarks.report import report

STEPS = 100
TOKENS = 20_000


@gn.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def run_cpu_s(model: gn.ScriptedModel, steps: int) -> float:
    genie = gn.Genie(model=model, agent="react", tools=[add], max_steps=steps + 1, max_task_steps=steps + 1)
    began = time.process_time()
    run = genie.ask("Count.", show=False).result()
    assert run.error is None, run.error
    return time.process_time() - began


def steps_script(steps: int) -> list[gn.Say]:
    return [gn.Say("next", calls=[("add", {"a": step, "b": 1})]) for step in range(steps)] + [gn.Say("done")]


def main() -> None:
    run_cpu_s(gn.ScriptedModel(steps_script(5)), 5)
    empty = run_cpu_s(gn.ScriptedModel([gn.Say("done")]), 1)
    stepped = run_cpu_s(gn.ScriptedModel(steps_script(STEPS)), STEPS)
    streamed = run_cpu_s(gn.ScriptedModel([gn.Say(["word "] * TOKENS)]), 1)
    report(
        "steps",
        "CPU of our own loop (model and tool cost nothing here)",
        [
            {"what": "a run of one step", "CPU ms": 1e3 * empty},
            {"what": "each further step with a tool call", "CPU ms": 1e3 * (stepped - empty) / STEPS},
            {"what": "each streamed token", "CPU ms": 1e3 * (streamed - empty) / TOKENS},
        ],
    )


if __name__ == "__main__":
    main()
