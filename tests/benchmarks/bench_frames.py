"""How smoothly a page shows a team: ``python -m tests.benchmarks.bench_frames``.

A real JupyterLab in a real browser shows a real run. What the browser draws is counted in the page (animation frames a
second), what its main thread does is asked of the browser, what the kernel takes of its process. One agent's tokens are
the nanoseconds at which they left the model's server: the page says how old each was when it was painted.
"""

from __future__ import annotations

import contextlib
import gzip
import statistics
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from playwright.sync_api import expect, sync_playwright

from agentpool_jupyter.pool import open_pool
from tests.browser.chromium import launch
from tests.browser.notebook_page import NotebookPage
from tests.browser.servers import jupyter_server

from . import command
from .place import ROOT, Place, model_server
from .table import Table, at_least, at_most
from .turns import Author

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, CDPSession, Page

    from tests.browser.servers import JupyterServer

RATE = 50.0
FPS, CORES, AGE, PAINT, BUNDLE = 30, 0.5, 150, 500, 400
"""Goals, in frames a second, cores, milliseconds twice, and kB."""

_COUNT = """() => {
    const count = window.counted = { frames: 0, ages: [], from: performance.now(), longest: 0 };
    let last = count.from;
    const tick = now => {
        if (window.counted !== count) return;
        count.frames += 1;
        count.longest = Math.max(count.longest, now - last);
        last = now;
        requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    const probe = document.querySelector('[data-testid="lane-agent000"] .ap-turns');
    if (probe === null) return;
    let known = probe.textContent.length, stamps = [], asked = false;
    // A message that is sent in an animation frame is handled when the frame was drawn.
    const drawn = new MessageChannel();
    drawn.port1.onmessage = () => {
        asked = false;
        const now = performance.timeOrigin + performance.now();
        for (const stamp of stamps.splice(0)) count.ages.push(now - Number(stamp) / 1e6);
    };
    new MutationObserver(() => {
        const text = probe.textContent;
        stamps.push(...(text.slice(known).match(/\\d{19}/g) ?? []));
        known = text.trimEnd().length;
        if (!asked) requestAnimationFrame(() => drawn.port2.postMessage(null));
        asked = true;
    }).observe(probe, { subtree: true, childList: true, characterData: true });
}"""
"""Counts frames, and the ages of the probe's tokens when they were painted, until `counted` is taken."""

_TAKE = """() => {
    const { frames, ages, from, longest } = window.counted;
    window.counted = null;
    return { frames, ages, longest, seconds: (performance.now() - from) / 1000 };
}"""

_BARE = """agents => {
    document.body.replaceChildren(...Array.from({ length: agents }, () => {
        const box = document.createElement("div");
        box.style.cssText = "display: inline-block; width: 280px; height: 200px; overflow-y: auto";
        return box;
    }));
    const boxes = [...document.body.children];
    setInterval(() => {
        for (const box of boxes) box.textContent += "oven flour lease permit budget ";
        for (const box of boxes) box.scrollTop = box.scrollHeight;
    }, 100);
}"""
"""The same text at the same pace, as cheaply as a page can write it: five tokens for each agent, ten times a second."""


_LOOK_AT_LANES = "() => document.querySelector('.agentpool-widget .ap-lanes').scrollIntoView({ block: 'start' })"


class Seen(NamedTuple):
    """What was seen of a page for some seconds."""

    frames: float
    """A second."""
    longest: float
    """Between two frames, in milliseconds."""
    busy: float
    """Milliseconds of processor time of the main thread, a second."""
    kernel: float
    """Cores."""
    ages: list[float]
    """Of tokens when they were painted, in milliseconds."""


def measure(place: Place, quick: bool) -> list[Table]:  # noqa: FBT001
    """Return how smoothly teams are shown, how quickly a long pool is, and how large the front end is."""
    sizes, seconds, rounds, events = ((2,), 1.0, 1, 2_000) if quick else ((5, 20, 50), 6.0, 2, 100_000)
    smooth: dict[int, list[tuple[Seen, Seen, Seen]]] = {size: [] for size in sizes}
    with _lab(place) as (browser, jupyter):
        for _ in range(rounds):
            for size, found in smooth.items():
                found.append(_watch(browser, jupyter, size, seconds))
        paints = _paints(browser, jupyter, events, rounds)
    return [_smoothness(smooth, seconds), _first_paint(paints, events), _bundles()]


@contextlib.contextmanager
def _lab(place: Place) -> Iterator[tuple[Browser, JupyterServer]]:
    with jupyter_server(place.folder / "jupyter") as jupyter, sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser, jupyter
        browser.close()


def _watch(browser: Browser, jupyter: JupyterServer, agents: int, seconds: float) -> tuple[Seen, Seen, Seen]:
    """Look at a bare page that writes as much, at JupyterLab before the run, and at the run."""
    page = browser.new_page(viewport={"width": 1366, "height": 900})
    page.evaluate(_BARE, agents)
    bare = _look(page, seconds / 2)
    page.close()
    length = str(int(RATE * (seconds + 120)))
    with (
        model_server(rate=RATE, tokens=int(length)) as url,
        model_server(rate=RATE, tokens=int(length), stamp=True) as stamped,
        _notebook(browser, jupyter, f"frames-{agents}", _team(url, stamped, agents)) as notebook,
    ):
        idle = _look(notebook.page, seconds / 2)
        notebook.start(1)
        for agent in (0, agents - 1):
            expect(notebook.lane(f"agent{agent:03}")).not_to_be_empty(timeout=60_000)
        notebook.page.evaluate(_LOOK_AT_LANES)
        time.sleep(seconds / 4)  # what starting takes is not what is asked
        live = _look(notebook.page, seconds, jupyter, notebook.name)
        notebook.stop()
        expect(notebook.status()).to_contain_text("stopped", timeout=60_000)
        notebook.ended(1, timeout=60_000)
    return bare, idle, live


@contextlib.contextmanager
def _notebook(browser: Browser, jupyter: JupyterServer, name: str, *cells: str) -> Iterator[NotebookPage]:
    """Open a notebook with a kernel of its own."""
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    context.set_default_timeout(60_000)
    notebook = NotebookPage(context.new_page(), jupyter, f"{name}.ipynb", "lab")
    notebook.write(["%load_ext agentpool_jupyter", *cells])
    jupyter.give_kernel(notebook.name)
    notebook.open()
    notebook.run(0)
    yield notebook
    context.close()
    jupyter.end_kernels()


def _team(url: str, stamped: str, agents: int) -> str:
    members: dict[str, Any] = {f"agent{i:03}": {"role": f"Thinker {i}.", "listens": []} for i in range(agents)}
    members["agent000"]["base_url"] = stamped
    head = {"task": "Plan a bakery.", "turns": 1, "max_tokens": 100_000, "model": "test", "base_url": url}
    spec = head | {"agents": members}
    return f"%%agents frames{agents}-{time.time_ns()}\n{yaml.safe_dump(spec, sort_keys=False)}"


def _look(page: Page, seconds: float, jupyter: JupyterServer | None = None, name: str = "") -> Seen:
    kernel = jupyter.kernel_process(name) if jupyter else None
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable")
    page.evaluate(_COUNT)
    before, began = _busy(browser), time.perf_counter()
    used = sum(kernel.cpu_times()[:2]) if kernel else 0.0
    page.wait_for_timeout(1000 * seconds)
    used = (sum(kernel.cpu_times()[:2]) if kernel else 0.0) - used
    wall, busy = time.perf_counter() - began, _busy(browser) - before
    count = page.evaluate(_TAKE)
    return Seen(count["frames"] / count["seconds"], count["longest"], 1000 * busy / wall, used / wall, count["ages"])


def _busy(browser: CDPSession) -> float:
    """Return the seconds of processor time that the page's main thread has taken: other programs do not count."""
    metrics = browser.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "ThreadTime")


_FIRST_PAINT = """() => {
    window.painted = { asked: 0, shown: 0, drawn: 0 };
    const drawn = new MessageChannel();
    drawn.port1.onmessage = () => (window.painted.drawn = performance.now());
    const asked = ({ key }) => key === "Enter" && (window.painted.asked = performance.now());
    document.addEventListener("keydown", asked, true);
    const watch = new MutationObserver(() => {
        if (document.querySelector(".agentpool-widget") === null) return;
        window.painted.shown ||= performance.now();
        if (document.querySelector(".ap-turn") === null) return;
        watch.disconnect();
        requestAnimationFrame(() => drawn.port2.postMessage(null));
    });
    watch.observe(document, { subtree: true, childList: true });
}"""
"""Notes when a widget was asked for, when it was there, and when its first turn was drawn."""


def _paints(browser: Browser, jupyter: JupyterServer, events: int, rounds: int) -> dict[str, list[float]]:
    """Return in milliseconds how long a long run takes to be shown: asked for by a cell, and on a page that opens."""
    name = f"long{events}"
    with open_pool(name, store=jupyter.store) as pool:
        Author(pool, size=2_000, agents=8, batch=100, prompts=200).write(until=events)
    found: dict[str, list[float]] = {"attached": [], "opened": []}
    for each in range(rounds):
        with _notebook(browser, jupyter, f"long-{each}", f"%agents attach {name}") as notebook:
            notebook.page.evaluate(_FIRST_PAINT)
            notebook.start(1)
            asked = _drawn(notebook.page)
            found["attached"].append(asked["drawn"] - asked["asked"])
            notebook.save()
            notebook.page.add_init_script(f"({_FIRST_PAINT})()")
            notebook.reload()
            again = _drawn(notebook.page)
            found["opened"].append(again["drawn"] - again["shown"])
    return found


def _drawn(page: Page) -> dict[str, float]:
    page.wait_for_function("() => window.painted.drawn > 0")
    return page.evaluate("() => window.painted")


def _smoothness(found: dict[int, list[tuple[Seen, Seen, Seen]]], seconds: float) -> Table:
    rows = []
    most = max(found)
    for size, rounds in found.items():
        bare, idle, live = zip(*rounds, strict=True)
        best = max(live, key=lambda seen: seen.frames)  # others use the machine, too: what a quiet moment shows
        ages = sorted(best.ages)
        p50, p95 = statistics.median(ages), ages[int(0.95 * len(ages))]
        frames, cores = best.frames, min(seen.kernel for seen in live)
        goal = size == most
        rows.append(
            (
                str(size),
                f"{frames:.0f}",
                at_least(frames, FPS) if goal else "",
                f"{statistics.median(seen.frames for seen in idle):.0f}",
                f"{statistics.median(seen.frames for seen in bare):.0f}",
                f"{best.busy:.0f}",
                f"{statistics.median(seen.busy for seen in idle):.0f}",
                f"{statistics.median(seen.busy for seen in bare):.0f}",
                f"{cores:.2f}",
                at_most(cores, CORES) if goal else "",
                f"{p50:.0f}",
                f"{p95:.0f}",
                at_most(p95, AGE) if goal else "",
            )
        )
    columns = (
        "agents", "frames/s", "goal", "JupyterLab idle", "bare page",
        "main thread, ms/s", "JupyterLab idle", "bare page",
        "kernel, cores", "goal", "token to paint p50, ms", "p95, ms", "goal",
    )  # fmt: skip
    note = (
        f"{RATE:g} tokens/s an agent, looked at for {seconds:g} s. The bare page writes as much text with "
        "`textContent` and scrolls it. The main thread's and the kernel's are processor time. Of several rounds the "
        "smoothest counts: browser, kernel, Jupyter's server and the model's share the cores."
    )
    return Table("A live team on a page", columns, rows, (note,))


def _first_paint(found: dict[str, list[float]], events: int) -> Table:
    told = {
        "attached": "`%agents attach`: from the key to the first turns",
        "opened": "its page opened again: from the widget to the first turns",
    }
    rows = [
        (told[how], f"{min(times):.0f}", f"{statistics.median(times):.0f}", at_most(min(times), PAINT))
        for how, times in found.items()
    ]
    return Table(f"First paint of a run of {events:,} events", ("when", "best, ms", "median, ms", "goal"), rows)


def _bundles() -> Table:
    static = ROOT / "agentpool_jupyter" / "jupyter" / "live" / "static"
    lab = ROOT / "labextension" / "lab" / "dist" / "static"
    sizes = {
        "widget": sum(len(gzip.compress(path.read_bytes())) for path in static.iterdir()) / 1000,
        "JupyterLab extension": sum(len(gzip.compress(path.read_bytes())) for path in lab.rglob("*.js")) / 1000,
    }
    sizes["all"] = sum(sizes.values())
    rows = [(name, f"{size:.0f}", at_most(size, BUNDLE) if name == "all" else "") for name, size in sizes.items()]
    return Table("What a page loads", ("front end", "kB gzipped", "goal"), rows)


if __name__ == "__main__":
    command.run(measure, __doc__)
