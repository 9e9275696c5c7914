"""Reports: one Markdown text, three files of it: Markdown, a page of HTML, slides. Pure, but for `preview`.

Above: `tools/report`, the agents. Below: `settings`.
"""
