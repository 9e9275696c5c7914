"""What programs print, in a real page: colours, and bars that stand as they were drawn last."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab

CODE = r'''run = gn.ask(r"""run this: ```python
import sys
print('\x1b[31mred\x1b[0m and \x1b[1;34mbold blue\x1b[0m <b>', flush=True)
for step in range(1, 31):
    sys.stderr.write(f'\r{step:3}/30 ' + '#' * step); sys.stderr.flush()
```"""); run'''


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_read_and_a_bar_stands_once(lab: Lab, theme: str) -> None:
    lab.open(["import genie_nb as gn", CODE])
    lab.run(0)
    lab.run(1)
    record = lab.output(1).locator(".gnb-record")
    expect(record).to_be_visible()
    lab.theme(theme)
    record.evaluate("record => record.querySelectorAll('details').forEach(part => { part.open = true; })")
    expect(record.locator(".gnb-out:not(.gnb-stderr)")).to_have_text("red and bold blue <b>\n")
    expect(record.locator(".gnb-stderr")).to_have_text(f" 30/30 {'#' * 30}")
    contrasts = record.evaluate(CONTRASTS)
    lab.shot(1, f"printed-{theme}")
    lab.theme("light")
    assert len(contrasts) == 2
    assert min(contrasts) >= 4.5


CONTRASTS = """record => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const light = colour => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
            .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = light(getComputedStyle(record).backgroundColor);
    return [...record.querySelectorAll(".gnb-out > span")].map(span => {
        const [one, two] = [light(getComputedStyle(span).color), ground].sort((a, b) => b - a);
        return (one + 0.05) / (two + 0.05);
    });
}"""
