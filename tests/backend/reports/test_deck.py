"""The slides of a report: what is on which, native charts and tables, notes, fonts, and nothing over an edge."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation
from pptx.util import Emu, Inches

from genie_nb.backend.reports.deck import deck_bytes
from genie_nb.backend.reports.document import Table, Words, plain_text, read_document
from genie_nb.backend.reports.page import Picture
from genie_nb.backend.reports.slides import FULL_PT, SIDE_PT, Slide, plan_slides
from genie_nb.errors import ToolFailed
from tests.backend.reports.sample_reports import BAR, SAMPLE, png

PICTURES = {"chart.png": Picture(png(), "image/png")}


def deck(text: str = SAMPLE, language: str = "zh", template: Path | None = None, pictures: Any = PICTURES) -> Any:
    content = deck_bytes(read_document(text), pictures, language=language, template=template)
    return Presentation(io.BytesIO(content))


def plan(text: str) -> list[Slide]:
    return plan_slides(read_document(text), contents="Contents")


def titles(presentation: Any) -> list[str]:
    return [slide.shapes.title.text_frame.text for slide in presentation.slides]


def shapes(presentation: Any) -> list[Any]:
    return [shape for slide in presentation.slides for shape in slide.shapes]


def test_a_deck_has_title_section_and_content_slides_in_16_to_9() -> None:
    made = deck()
    assert abs(made.slide_width / made.slide_height - 16 / 9) < 0.001
    assert titles(made) == ["茶饮报告", "各地区", "各地区 (1/2)", "各地区 (2/2)", "Trends", "Trends (1/2)", "Trends (2/2)",
                            "Points (1/3)", "Points (2/3)", "Points (3/3)"]  # fmt: skip
    assert [slide.slide_layout.name for slide in made.slides][:3] == ["Title Slide", "Section Header", "Title Only"]


def test_charts_and_tables_are_native_and_pictures_are_in_the_file() -> None:
    made = shapes(deck())
    charts = [shape.chart for shape in made if shape.has_chart]
    assert [str(chart.chart_type).split(" ")[0] for chart in charts] == [
        "COLUMN_CLUSTERED",
        "LINE_MARKERS",
        "DOUGHNUT",
        "XY_SCATTER",
    ]
    assert list(charts[0].plots[0].categories) == ["华东", "华北"]
    assert [tuple(series.values) for series in charts[1].plots[0].series] == [(1, None, 3), (3, 2, 1)]
    (table,) = [shape.table for shape in made if shape.has_table]
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["地区", "营收"],
        ["华东", "4,400"],
        ["华北", "3,300"],
    ]
    assert [shape for shape in made if shape.shape_type is not None and "PICTURE" in str(shape.shape_type)]


def test_notes_are_the_speakers() -> None:
    noted = [slide.notes_slide.notes_text_frame.text for slide in deck().slides if slide.has_notes_slide]
    assert noted == ["先讲华东。"]


def test_fonts_for_latin_and_chinese_stand_in_the_theme_and_runs_say_their_language() -> None:
    content = deck_bytes(read_document(SAMPLE), PICTURES, language="zh")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        theme = file.read("ppt/theme/theme1.xml").decode()
        slide = file.read("ppt/slides/slide3.xml").decode()
    assert theme.count('<a:ea typeface="Microsoft YaHei"/>') == 2
    assert theme.count('<a:latin typeface="Arial"/>') == 2
    assert 'lang="zh-CN"' in slide


def test_every_shape_stands_on_its_slide() -> None:
    made = deck(SAMPLE + LONG)
    for shape in shapes(made):
        if shape.left is not None:
            assert shape.left >= 0
            assert shape.top >= 0
            assert shape.left + shape.width <= made.slide_width
            assert shape.top + shape.height <= made.slide_height


TEXT = "这一段文字很长，需要分到几张幻灯片上。" * 60
LONG = "\n\n".join(
    [
        "\n\n## Long",
        "\n".join(f"- entry {n} with some more words behind it" for n in range(60)),
        TEXT,
        "word " * 900,
        "x" * 3_000,
        "| a | b |\n| --- | ---: |\n" + "\n".join(f"| row {n} {'words ' * (n % 30)} | {n} |" for n in range(70)),
        "```\n" + "code\n" * 80 + "```",
    ]
)


def test_what_does_not_fit_goes_on_to_the_next_slide_and_nothing_is_lost() -> None:
    slides = plan("# T" + LONG)
    for slide in slides:
        room = FULL_PT if slide.visual is None else SIDE_PT
        assert sum(line.height_pt(room[0]) for line in slide.lines) <= room[1] + 1
    said = "".join(plain_text(line.text) for slide in slides for line in slide.lines)
    assert said.count("这一段文字很长") == 60
    assert said.count("word ") == 899  # the last one has no blank behind it
    assert said.count("x") >= 3_000
    assert said.count("entry ") == 60
    tables = [slide.visual for slide in slides if isinstance(slide.visual, Table)]
    assert len(tables) > 3
    assert sum(len(table.rows) for table in tables) == 70
    assert {plain_text(table.head[0]) for table in tables} == {"a"}


def test_a_short_text_stands_beside_its_chart_and_a_long_one_before_it() -> None:
    beside = plan(f"# T\n\n## s\n\nshort\n\n{BAR}")[-1]
    assert beside.visual is not None
    assert beside.lines
    *_, before, alone = plan(f"# T\n\n## s\n\n{TEXT}\n\n{BAR}")
    assert before.visual is None
    assert alone.visual is not None
    assert not alone.lines


def test_three_sections_have_a_list_of_contents() -> None:
    slides = plan("# T\n\n## a\n\nx\n\n## b\n\nx\n\n## c\n\nx")
    assert [slide.kind for slide in slides] == ["title", "contents", "content", "content", "content"]
    assert [plain_text(line.text) for line in slides[1].lines] == ["a", "b", "c"]


def test_too_many_slides_are_refused_in_one_sentence() -> None:
    with pytest.raises(ToolFailed, match="at most 300 are made"):
        plan("# T" + "\n\n## s\n\n" + BAR + (f"\n\n{BAR}" * 301))


def test_a_very_wide_table_keeps_its_first_columns() -> None:
    wide = "|" + "a|" * 40 + "\n|" + "---|" * 40 + "\n|" + "b|" * 40
    (table,) = [shape.table for shape in shapes(deck(f"# T\n\n{wide}")) if shape.has_table]
    assert len(table.columns) == 8


BAD_PICTURES = {
    "missing": {},
    "no-picture": {"chart.png": Picture(b"nothing", "image/png")},
    "empty": {"chart.png": Picture(b"", "image/png")},
    "svg": {"chart.png": Picture(b"<svg/>", "image/svg+xml")},
}


@pytest.mark.parametrize("pictures", BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_a_picture_that_no_slide_can_hold_is_a_word_about_it(pictures: Any) -> None:
    made = deck("# T\n\n## s\n\n![what it shows](chart.png)", pictures=pictures)
    assert "[what it shows]" in [shape.text_frame.text for shape in shapes(made) if shape.has_text_frame]


@pytest.mark.parametrize("title", ["x" * 1_000, "很长的标题" * 100, "<script>alert(1)</script>", "a\x00\x0b\ud800b & <"])
def test_any_title_makes_a_file_that_opens(title: str) -> None:
    made = deck(f"# {title}\n\n## {title}\n\n{title}\n\n{BAR}")
    assert len(made.slides) >= 2
    assert all(len(said) < 400 for said in titles(made))


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A person's own presentation: 4:3, with a slide of its own and a named layout."""
    own = Presentation()
    own.slides.add_slide(own.slide_layouts[0]).shapes.title.text = "Sample"
    own.slide_layouts[1].placeholders[1].left = Inches(2)
    own.slide_layouts[1].placeholders[1].top = own.slide_layouts[1].placeholders[1].top
    own.slide_layouts[1].placeholders[1].width = Inches(6)
    own.slide_layouts[1].placeholders[1].height = Inches(4)
    own.save(str(tmp_path / "own.pptx"))
    return tmp_path / "own.pptx"


def test_a_persons_template_gives_its_layouts_and_none_of_its_slides(template: Path) -> None:
    made = deck(SAMPLE, template=template)
    assert Emu(made.slide_height).inches == 7.5
    assert Emu(made.slide_width).inches == 10
    assert "Sample" not in titles(made)
    charts = [shape for shape in shapes(made) if shape.has_chart]
    assert all(Inches(2) <= chart.left and chart.left + chart.width <= Inches(8) for chart in charts)


NO_TEMPLATES = {"missing": None, "text": b"no presentation", "empty": b"", "another-zip": "zip"}


@pytest.mark.parametrize("content", NO_TEMPLATES.values(), ids=NO_TEMPLATES)
def test_a_template_that_is_none_is_one_sentence(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "own.pptx"
    if content == "zip":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("a.txt", "a")
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(ToolFailed, match=r"own\.pptx is no presentation with layouts"):
        deck(SAMPLE, template=path)


def test_a_text_is_cut_where_a_sentence_ends() -> None:
    first, second = [slide for slide in plan(f"# T\n\n## s\n\n{TEXT}") if slide.kind == "content"][:2]
    assert plain_text(first.lines[-1].text).endswith("。")
    assert second.lines[0].text[0] == Words(plain_text(second.lines[0].text))
