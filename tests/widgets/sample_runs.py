"""Scripted runs for the tests of the views: lists of events as a channel would number and date them."""

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from hashlib import sha256

from genie_nb import events as ev
from genie_nb.parts import CodePart, ErrorPart, FileRef, ImagePart, Part, Plan, PlanStep, StreamPart, TablePart
from genie_nb.transcript import Transcript, apply

RED_PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC"
)

ANSWER = """## Sales grew by 12 %

The **north** leads in every quarter, and the gap widens:

| region | first half | second half | change |
|:--|--:|--:|--:|
| north | 1,204 | 1,391 | +15.5 % |
| south | 988 | 1,061 | +7.4 % |
| west | 640 | 655 | +2.3 % |

- The rise comes from *two* products, `A-12` and `B-7`.
- Without them sales are flat.

```python
growth = second.sum() / first.sum() - 1
print(f"{growth:.1%}")
```

> The last week of December is incomplete: treat its figures with care.

See [the method](https://example.org/method) for how returns are counted."""

CODE = """import pandas as pd

sales = pd.read_csv("sales.csv", parse_dates=["day"])
by_region = sales.groupby("region")["amount"].sum().sort_values(ascending=False)
print(f"{len(sales):,} rows, {sales.amount.isna().sum()} without an amount")
by_region.head(3)"""

FILES = {
    "sales.csv": b"day,region,amount\n2026-01-02,north,120.5\n2026-01-02,south,98.0\n2026-01-03,west,64.2\n",
    "growth.png": RED_PNG,
    "report.md": b"# Report\n\nSales grew by **12 %**.\n",
}
TYPES = {
    "csv": "text/csv",
    "png": "image/png",
    "md": "text/markdown",
    "html": "text/html",
    "bin": "application/octet-stream",
}


def file_ref(name: str, contents: dict[str, bytes] = FILES) -> FileRef:
    """What a workspace says of one of the files."""
    content = contents[name]
    media_type = TYPES[name.rsplit(".", 1)[-1]]
    return FileRef(name=name, size=len(content), media_type=media_type, sha256=sha256(content).hexdigest())


def numbered(events: Iterable[ev.RunEvent], seconds: float = 0.0, start: float = 1_000.0) -> list[ev.RunEvent]:
    """The events as a channel would number and date them, evenly over the seconds."""
    listed = list(events)
    step = seconds / max(len(listed), 1)
    fields = ({name: getattr(event, name) for name in event.__struct_fields__} for event in listed)
    return [
        type(event)(**(values | {"seq": number, "run_id": "run", "at": start + number * step}))
        for number, (event, values) in enumerate(zip(listed, fields, strict=True), 1)
    ]


def folded(events: Iterable[ev.RunEvent]) -> Transcript:
    """The transcript of the events."""
    transcript = Transcript()
    for event in events:
        apply(transcript, event)
    return transcript


def started(query: str = "What happened?") -> ev.RunStarted:
    """The first event of a run."""
    return ev.RunStarted(query=query, agent="plan_solve", model="analyst", badge="offline rules")


def words(message_id: str, text: str, channel: ev.Channel, task_id: str | None = None) -> Iterator[ev.RunEvent]:
    """A text in pieces of four characters."""
    who = "executor" if task_id else "planner"
    yield ev.TextStarted(message_id=message_id, channel=channel, assignee=who, task_id=task_id)
    for at in range(0, len(text), 4):
        yield ev.TextDelta(message_id=message_id, text=text[at : at + 4], task_id=task_id)
    yield ev.TextFinished(message_id=message_id, channel=channel, text=text, task_id=task_id)


def call(
    call_id: str, tool: str, arguments: str, parts: Iterable[Part], task_id: str | None = None, output: str = "done"
) -> Iterator[ev.RunEvent]:
    """A tool call that goes well, unless it shows an error."""
    listed = list(parts)
    failed = any(isinstance(part, ErrorPart) for part in listed)
    yield ev.ToolStarted(call_id=call_id, tool=tool, assignee="executor", task_id=task_id)
    for at in range(0, len(arguments), 8):
        yield ev.ToolArguments(call_id=call_id, fragment=arguments[at : at + 8], task_id=task_id)
    for part in listed:
        yield ev.ToolOutput(call_id=call_id, part=part, task_id=task_id)
    yield ev.ToolFinished(call_id=call_id, status="error" if failed else "ok", output=output, seconds=0.4, task_id=task_id)


def plan(*states: str) -> ev.PlanUpdated:
    """The sample's plan with its four steps in these states."""
    titles = (("Understand", "Look at the file"), ("Understand", "Check what is missing"))
    titles += (("Answer", "Compare the regions"), ("Answer", "Write the report"))
    steps = tuple(
        PlanStep(id=f"s{number}", stage=stage, title=title, status=status)  # type: ignore[arg-type]
        for number, ((stage, title), status) in enumerate(zip(titles, states, strict=True), 1)
    )
    return ev.PlanUpdated(plan=Plan(title="Growth of sales by region", steps=steps))


def sample_run(chart: bytes = RED_PNG, query: str = "How did sales develop, and where?") -> list[ev.RunEvent]:
    """A whole run with a bit of everything."""
    todo, now, done = "not_started", "in_progress", "completed"
    table = TablePart(
        columns=("region", "amount", "share"),
        dtypes=("str", "int64", "float64"),
        rows=(("north", "2595", "0.439"), ("south", "2049", "0.346"), ("west", "1295", "0.215")),
        total_rows=3,
        total_columns=3,
    )
    fault = ErrorPart(name="KeyError", message="'regon'", traceback="Cell In[2], line 1\n----> 1 sales['regon']")
    shown = [CodePart(code=CODE), StreamPart(text="8,760 rows, 12 without an amount\n"), table]
    drawn = [CodePart(code="by_half.plot.bar()"), ImagePart(content=chart, alt="growth by region")]
    arguments = json.dumps({"code": CODE})
    events: list[ev.RunEvent] = [
        started(query),
        ev.StepStarted(step=1, agent="planner"),
        *words("m1", "The file has one row a day and region. I compare *halves* of the year.", "plan_thought"),
        plan(now, todo, todo, todo),
        ev.TaskStarted(task_id="t1", title="Look at the file", assignee="executor", step_id="s1"),
        *words("m2", "First the columns, their types and what is missing.", "tool_thought", "t1"),
        *call("c1", "code_interpreter", arguments, shown, "t1"),
        ev.TaskFinished(task_id="t1", status="completed", summary="8,760 rows, three regions."),
        plan(done, done, now, todo),
        ev.TaskStarted(task_id="t2", title="Compare the regions", assignee="executor", step_id="s3"),
        *call("c2", "code_interpreter", "", [CodePart(code="sales['regon']"), fault], "t2", "KeyError: 'regon'"),
        *words("m3", "A typing error. Once more, with a chart.", "tool_thought", "t2"),
        *call("c3", "code_interpreter", "", drawn, "t2"),
        ev.FileCreated(file=file_ref("growth.png"), call_id="c3", task_id="t2"),
        *call("c4", "deep_search", '{"query": "how are returns counted in retail sales"}', [], "t2", "Two pages read."),
        ev.NoteAdded(text="The kernel was replaced: it had used 1.6 GB.", level="warning", task_id="t2"),
        ev.TaskFinished(task_id="t2", status="completed", summary="North grew most."),
        plan(done, done, done, now),
        ev.FileCreated(file=file_ref("report.md")),
        ev.FileCreated(file=file_ref("sales.csv")),
        *words("m4", ANSWER, "answer"),
        plan(done, done, done, done),
        ev.UsageReported(input_tokens=4120, output_tokens=910),
        ev.RunFinished(output=ANSWER, files=(file_ref("growth.png"), file_ref("report.md"))),
    ]  # fmt: skip
    return numbered(events, seconds=30)
