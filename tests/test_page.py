"""The server's page in a real browser: each kind of answer, narrow and wide, light and dark."""

import pathlib
import shutil
import threading
import types
import wave

import pytest

from seqzoo import options
from seqzoo.display.terminal import tagged
from seqzoo.export import worker as workers
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS, Task

HOSTILE = "<img src=x onerror=document.title='broken'>"
NER = "May 😀 met Ford in Paris."
FILES = ("clips", "captions")  # runs that read files
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
).split()


def tokens(text, **tags):
    """(tokens with their offsets, their tags) of words with spaces between them."""
    offsets, start = [], 0
    for word in text.split(" "):
        offsets.append((word, start, start + len(word)))
        start += len(word) + 1
    return offsets, [tags.get(word, "O") for word in text.split(" ")]


ANSWERS = {  # {run: (task whose options it has, mode, answer)}
    "ner": ("ner", "predict", tagged(NER, *tokens(NER, May="B-PER", Ford="B-ORG"), [0.9] * 6)),
    "hostile": ("ner", "predict", tagged(HOSTILE, [(HOSTILE, 0, len(HOSTILE))], [f"B-{HOSTILE}"], [0.9])),
    "pos": ("pos", "predict", tagged("She wrote " * 30, *tokens(("She wrote " * 30)[:-1], She="PRON", wrote="VERB"))),
    "reviews": ("sentiment", "predict", {
        "text": "never dull", "label": "positive", "probabilities": {"positive": 0.9, "negative": 0.1},
        "words": [{"text": "never", "start": 0, "end": 5, "weight": 1.0},
                  {"text": "dull", "start": 6, "end": 10, "weight": -0.4}],
    }),
    "clips": ("sentiment", "predict", {"file": "", "label": "walk", "probabilities": {"walk": 1.0}}),
    "dates": ("translation", "predict", {
        "text": "3 May", "translation": "05-03", "source_tokens": [*"3 May 2021, a Monday", "</s>"],
        "n_best": [{"text": "05-03", "score": -0.1, "log_probability": -0.2, "tokens": [*"05-03", "</s>"],
                    "attention": [[i / 20 for i in range(21)]] * 6}],
    }),
    "chat": ("dialogue", "predict", {
        "text": "<user> hi", "reply": "hello", "source_tokens": ["<user>", "hi", "<end>"],
        "n_best": [{"text": "hello", "score": -0.1, "log_probability": -0.2, "tokens": ["hello", "<end>"],
                    "attention": [[0.1, 0.9, 0.0]] * 2}],
    }),
    "captions": ("captioning", "predict", {
        "caption": "a cat", "map": [2, 3], "size": [20, 30],
        "picture": "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=",
        "n_best": [{"text": "a cat", "score": -0.1, "log_probability": -0.2, "tokens": [{"text": "a"}, {"text": "cat"}],
                    "attention": [[0.1, 0.9, 0.0, 0.0, 0.0, 0.0]] * 2}],
    }),
    "speaker": ("language_model", "generate", {
        "sample": 1, "prime": "def ", "text": "main():\n    pass", "ended_by": "length", "unknown_in_prime": [],
    }),
    "scorer": ("language_model", "score", {
        "text": "ab", "log_probability": -3.0, "perplexity": 2.7,
        "tokens": [{"text": text, "start": 0, "end": 1, "log_probability": -1.0, "known": True} for text in "ab\n"],
    }),
    "composer": ("music", "generate", {"sample": 1, "quarters": 2.0, "notes": 3, "key": "C major"}),
}  # fmt: skip


class Canned(Task):
    """Gives one answer to whatever it is asked."""

    measures, objective = {"score": Measure("score", "max", "%")}, "score"

    def __init__(self, run):
        super().__init__(config=options.Serving())
        self.name, mode, self.given = ANSWERS[run]
        self.modes, self.requests = (mode,), TASKS[self.name].requests
        self.files = (".wav",) if run in FILES else ()
        self.converses = "reply" if run == "chat" else ""

    def predict(self, run, lines, request=None):
        file = {"file": lines[0]} if self.files else {}
        return [{"line": number, **self.given, **file} for number, line in enumerate(lines, 1) if line]

    score = predict

    def generate(self, run, request, write):
        if self.name == "music":
            from seqzoo.music.midi import write_midi
            from seqzoo.music.score import Note, Score

            path = pathlib.Path(request.out) / "1.mid"
            write_midi(Score([Note(0, 1, 60, voice=0), Note(0, 2, 48, voice=1), Note(1, 1, 64, voice=0)]), path)
            yield {**self.given, "midi": str(path)}
        else:
            write("def ")
            write("main")
            yield self.given


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a server whose runs give the answers above."""
    uvicorn = pytest.importorskip("uvicorn", reason='the server needs Uvicorn: pip install -e ".[serve]"')
    pytest.importorskip("fastapi_offline", reason='the server needs FastAPI: pip install -e ".[serve]"')
    pytest.importorskip("mido", reason="music needs mido")
    from seqzoo.export import server

    with pytest.MonkeyPatch.context() as patch:
        served = {}
        for name, (_, mode, _) in ANSWERS.items():
            settings = {option: value for option, value in workers.SHOWN.items() if name in ("reviews", "dates")}
            run = workers.Served(types.SimpleNamespace(task=Canned(name)), {mode: settings}, {"valid_score": 90.0})
            patch.setattr(workers, "prepared", lambda folder, run=run: run)
            served[name] = workers.Worker(name)
            served[name].start()
        app = server.application(served, options.Serving(), tmp_path_factory.mktemp("files"))
        listener = server.bound("127.0.0.1", 0)
        listener.listen()
        running = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield server.url(listener)
        running.should_exit = True
        thread.join(10)
        for worker in served.values():
            worker.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A file to send."""
    path = tmp_path_factory.mktemp("clips") / "walk.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(800))
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, driven by Selenium."""
    pytest.importorskip("selenium", reason='driving a browser needs Selenium: pip install -e ".[test]"')
    from selenium import webdriver

    found = [shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")]
    if not all(found):
        pytest.skip("no Chromium and chromedriver; Debian has them in chromium and chromium-driver")
    settings = webdriver.ChromeOptions()
    settings.binary_location = found[0]
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        settings.add_argument(flag)
    settings.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(settings, webdriver.ChromeService(found[1]))
    yield driver
    driver.quit()


def shown(browser, run, text="May met Ford."):
    """The article of the answer that the page shows when a run is asked."""
    from selenium.webdriver.support.ui import Select, WebDriverWait

    def named(identity):
        return browser.find_element("id", identity)

    WebDriverWait(browser, 10).until(lambda _: named("mode").find_elements("tag name", "option"))
    Select(named("run")).select_by_value(run)
    if named("files").is_displayed():
        named("files").send_keys(text)
    if named("text").is_displayed():
        named("text").clear()
        named("text").send_keys(text)
    named("ask").click()
    WebDriverWait(browser, 10).until(lambda _: "ms" in named("status").text)
    return browser.find_elements("tag name", "article")[-1]


def emulate(browser, width, colours):
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": colours}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def luminance(colour):
    """0 to 255, of a CSS colour such as rgb(250, 250, 248)."""
    return sum(map(float, colour[colour.index("(") + 1 : -1].split(",")[:3])) / 3


@pytest.mark.slow
@pytest.mark.parametrize("width, colours", [(1300, "light"), (390, "dark"), (390, "light"), (1300, "dark")])
def test_every_kind_of_answer_is_shown_and_fits_the_screen(site, browser, clip, width, colours):
    emulate(browser, width, colours)
    browser.get(site)
    for run in ANSWERS:
        article = shown(browser, run, str(clip) if run in FILES else "May met Ford.")
        count = {
            kind: len(article.find_elements("css selector", kind))
            for kind in (".entity", ".token", ".bar", ".weighted", "td", "rect", "img", "audio")
        }
        count = {kind: number for kind, number in count.items() if number}
        assert (
            count
            == {
                "ner": {".entity": 2},
                "hostile": {".entity": 1},
                "pos": {".entity": 60, ".token": 60},
                "reviews": {".bar": 2, ".weighted": 2},
                "clips": {".bar": 1, "audio": 1},
                "dates": {"td": 126},
                "chat": {"td": 6},
                "captions": {"audio": 1, "rect": 12},
                "speaker": {},
                "scorer": {".weighted": 3},
                "composer": {"rect": 3},
            }[run]
        ), run
        scrolls = browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
        assert scrolls <= 0, run
        style = browser.execute_script("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
        back, front = map(luminance, style)
        assert (back > 230 and front < 60) if colours == "light" else (back < 60 and front > 200)
    assert browser.title == "seqzoo"
    assert not browser.get_log("browser")


@pytest.mark.slow
def test_the_shown_text_is_the_answer(site, browser, clip):
    emulate(browser, 1300, "light")
    browser.get(site)
    article = shown(browser, "ner")
    assert [part.text for part in article.find_elements("class name", "entity")] == ["MayPER", "FordORG"]
    assert shown(browser, "hostile").find_element("class name", "entity").text == HOSTILE + HOSTILE
    assert shown(browser, "speaker").find_element("class name", "text").text == "def main():\n    pass"
    assert "positive" in shown(browser, "reviews").find_element("tag name", "h3").text
    options = browser.execute_script("return asked()")["options"]
    assert options == {"explain": "occlusion"}  # those that show most are chosen
    assert "1-walk.wav" in shown(browser, "clips", str(clip)).text
    piece = shown(browser, "composer")
    length = browser.find_element("name", "length")
    length.clear()
    length.send_keys("16")
    assert browser.execute_script("return asked()") == {"run": "composer", "options": {"length": 16}}
    assert piece.find_element("link text", "MIDI").get_attribute("href").endswith("1.mid")


@pytest.mark.slow
def test_a_conversation_is_sent_with_each_of_its_turns(site, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    emulate(browser, 390, "light")
    browser.get(site)
    shown(browser, "chat", "hi")
    browser.find_element("id", "text").send_keys("a table\n")  # Enter sends it
    WebDriverWait(browser, 10).until(lambda _: len(browser.find_elements("tag name", "article")) == 4)
    said = [article.text.split("\n")[0] for article in browser.find_elements("tag name", "article")]
    assert said == ["hi", "hello", "a table", "hello"]
    assert browser.execute_script("return asked()")["text"] == "hi\thello\ta table\thello\t"
    # The next turn is typed before the reply to this one, which was pasted, has come.
    browser.execute_script("$('text').value = 'for\\ttwo'; $('form').requestSubmit(); $('text').value = 'now'")
    WebDriverWait(browser, 10).until(lambda _: len(browser.find_elements("tag name", "article")) == 6)
    assert browser.execute_script("return asked()")["text"] == "hi\thello\ta table\thello\tfor two\thello\tnow"
    browser.execute_script("$('form').requestSubmit(); $('anew').click()")
    WebDriverWait(browser, 10).until(lambda _: browser.find_element("id", "ask").is_enabled())
    assert not browser.find_elements("tag name", "article")
    assert browser.execute_script("return asked()")["text"] == ""


@pytest.mark.slow
def test_the_interface_is_shown_for_trying_by_hand(site, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{site}/docs")
    operations = WebDriverWait(browser, 20).until(
        lambda _: browser.find_elements("css selector", ".opblock-summary-path")
    )
    assert [part.text.replace("\u200b", "") for part in operations] == [
        "/health", "/models", "/predict", "/score", "/generate"
    ]  # fmt: skip
    assert not browser.get_log("browser")


@pytest.mark.slow
@pytest.mark.parametrize("width, colours", [(1300, "light"), (390, "dark")])
def test_a_report_fits_the_screen(browser, tmp_path, width, colours):
    from test_report import report

    path, _ = report(tmp_path / "run")
    emulate(browser, width, colours)
    browser.get(path.as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
    image = browser.find_element("tag name", "img")
    assert 0 < image.size["width"] <= width and browser.execute_script("return arguments[0].naturalWidth", image)
    front = luminance(browser.execute_script("return getComputedStyle(document.body).color"))
    assert front < 60 if colours == "light" else front > 200
    assert ("invert" in image.value_of_css_property("filter")) == (colours == "dark")
    assert browser.title == "ner: run" and not browser.get_log("browser")
