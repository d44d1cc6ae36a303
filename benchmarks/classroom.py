"""Many learners at once: how long each waits, and what one action costs the server.

    python benchmarks/classroom.py --sessions 30 --minutes 10

A server of its own, and sessions that speak Streamlit's protocol as a browser does:
they open a page by its link, hand over what the browser remembers, think, and act:
another prompt, another head, a part that is ablated, a text that is written, a wider
beam, a question to the chat model. Learners are spread over the pages evenly.

- `median`, `p95`: milliseconds from an action until all of it has been sent;
- `CPU ms an action`: time of the server's process, over the number of actions. On a
  busy machine only this one says something;
- `memory`: of the server's process, before the class comes, at half time, at the end,
  and a while after all have left.

Each page is opened once before the class comes, so that what is worked out once for all
is there. With `--sessions 1` one learner takes all pages in turn, and each row has the
CPU time of its own action, for nobody else acts.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from minigpt.datasets.tales.story import generate_tales

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from streamlit_server import serve_script  # noqa: E402

PATIENCE = 60
"""Seconds until an action without an end counts as an error."""

PAGES = {
    # page: what is done there, in turn
    "attention": ("head", "prompt", "token"),
    "head_explorer": ("head", "head", "prompt"),
    "logit_lens": ("token", "prompt", "head"),
    "intervene": ("cut", "cut", "prompt"),
    "generation": ("generate", "prompt"),
    "beam_search": ("width", "prompt"),
    "chat": ("chat_input",),
}
FIRST = "first view"
DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class Texts:
    """Prompts and questions, none of them twice in a row."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sentences = [
            f"{sentence}."
            for sentence in generate_tales(200_000).replace("\n", " ").split(". ")
            if 20 < len(sentence) < 60
        ]

    def value(self, action: str) -> dict[str, Any]:
        """Return what the browser says of a widget that was used."""
        if action == "prompt":
            return {"string_value": self.random.choice(self.sentences)}
        if action == "cut":
            layer, head = self.random.randrange(4), self.random.randrange(4)
            return {"string_array_value": {"data": [f"L{layer}H{head} zero"]}}
        if action == "chat_input":
            return {"chat_input_value": {"data": "Where is the kite?"}}
        if action == "generate":
            return {"trigger_value": True}
        most = {"head": 4, "token": 6, "width": 6}[action]
        return {"double_value": 1 + self.random.randrange(most - 1)}


@dataclass
class Figures:
    """What was measured."""

    waits: dict[tuple[str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Milliseconds, by page and action."""
    cpu: dict[tuple[str, str], float] = field(
        default_factory=lambda: defaultdict(float)
    )
    """Milliseconds in all; of use where one session acts."""
    errors: list[str] = field(default_factory=list)


class Session:
    """One learner's tab."""

    def __init__(self, page: str, texts: Texts, server: psutil.Process) -> None:
        self.page, self.texts, self.server = page, texts, server
        self.widgets: dict[str, str] = {}  # ids by key
        self.states: dict[str, WidgetState] = {}
        self.known: dict[str, ForwardMsg] = {}
        """Large messages, which the server need not send again."""
        self.script = ""

    async def learn(
        self, port: int, think: float, until: float, figures: Figures
    ) -> None:
        """Open the page, and act on it until the clock says so."""
        url = f"ws://127.0.0.1:{port}/_stcore/stream"
        try:
            async with connect(url, subprotocols=["streamlit"], max_size=None) as tab:
                await self._measured(FIRST, tab, figures)
                while True:
                    for action in PAGES[self.page]:
                        await asyncio.sleep(think * self.texts.random.uniform(0.5, 1.5))
                        if time.monotonic() > until:
                            return
                        await self._measured(action, tab, figures)
        except Exception as error:
            figures.errors.append(f"{self.page}: {type(error).__name__}: {error}")

    async def _measured(
        self, action: str, tab: ClientConnection, figures: Figures
    ) -> None:
        before, start = cpu_seconds(self.server), time.perf_counter()
        if action != FIRST:
            self._use(action)
        figures.errors += await self._run(tab)
        place = (self.page, action)
        figures.waits[place].append(1e3 * (time.perf_counter() - start))
        figures.cpu[place] += 1e3 * (cpu_seconds(self.server) - before)

    def _use(self, action: str) -> None:
        identity = self.widgets[action]
        self.states[identity] = WidgetState(id=identity, **self.texts.value(action))

    async def _run(self, tab: ClientConnection) -> list[str]:
        """Let the server run the page; return the errors that it shows."""
        request = BackMsg()
        rerun = request.rerun_script
        rerun.query_string = "model=tales"
        if self.page == "chat":
            # A long conversation goes on: it leaves out its oldest turns.
            rerun.query_string = "model=tales-chat&chat_may_forget=true"
        if self.script:
            rerun.page_script_hash = self.script
        else:
            rerun.page_name = self.page
        rerun.cached_message_hashes.extend(self.known)
        rerun.widget_states.widgets.extend(self.states.values())
        for identity in [each for each, state in self.states.items() if once(state)]:
            del self.states[identity]
        await tab.send(request.SerializeToString())
        errors: list[str] = []
        while True:
            answer = await asyncio.wait_for(tab.recv(decode=False), PATIENCE)
            message = ForwardMsg.FromString(answer)
            message = self.known.get(message.ref_hash, message)
            if message.metadata.cacheable:
                self.known[message.hash] = message
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self.script = message.navigation.page_script_hash or self.script
            elif kind == "delta":
                errors += self._see(message.delta)
            elif kind == "script_finished" and message.script_finished in DONE:
                return errors

    def _see(self, delta: Any) -> Iterable[str]:
        """Take note of a widget; return what an error says."""
        block = delta.add_block
        if delta.HasField("add_block"):
            if "problem_" in block.id:
                yield f"{self.page}: a problem is shown"
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            yield f"{self.page}: {element.exception.message[:200]}"
        elif kind is not None:
            identity = getattr(getattr(element, kind), "id", "")
            key = identity.split("-", 2)[-1]  # $$ID-<hash>-<key>
            self.widgets[key] = identity


def once(state: WidgetState) -> bool:
    """Whether a state is of a button, which is pressed only once."""
    return state.WhichOneof("value") in ("trigger_value", "chat_input_value")


def cpu_seconds(process: psutil.Process) -> float:
    """Return what a process has used, of all its threads."""
    used = process.cpu_times()
    return used.user + used.system


def megabytes(process: psutil.Process) -> float:
    """Return the memory that a process holds."""
    return process.memory_info().rss / 1e6


async def teach(
    server: psutil.Process, port: int, options: argparse.Namespace, figures: Figures
) -> tuple[float, list[float]]:
    """Let the class act; return CPU seconds and the server's memory on the way."""
    names = options.pages or list(PAGES)
    warm = Figures()
    for name in names:
        await Session(name, Texts(0), server).learn(port, 0, 0, warm)
    figures.errors += warm.errors
    memory, before = [megabytes(server)], cpu_seconds(server)
    seconds = 60 * options.minutes

    async def attend(number: int) -> None:
        texts = Texts(number)
        await asyncio.sleep(options.think * texts.random.random())
        alone = options.sessions == 1
        for name in names if alone else [names[number % len(names)]]:
            until = time.monotonic() + seconds / (len(names) if alone else 1)
            session = Session(name, texts, server)
            await session.learn(port, options.think, until, figures)

    learners = asyncio.gather(*map(attend, range(options.sessions)))
    await asyncio.sleep(seconds / 2)
    memory.append(megabytes(server))
    await learners
    used = cpu_seconds(server) - before
    memory.append(megabytes(server))
    await asyncio.sleep(options.leave)
    memory.append(megabytes(server))
    return used, memory


def told(figures: Figures, used: float, memory: list[float], alone: bool) -> str:
    """Return what is printed."""
    lines = [f"{'page':>14} {'action':>11} {'times':>6} {'median':>7} {'p95':>7}"]
    lines[0] += f" {'CPU':>6}" * alone
    for place, waits in sorted(figures.waits.items()):
        page, action = place
        lines.append(f"{page:>14} {action:>11} {spread(waits)}")
        lines[-1] += f" {figures.cpu[place] / len(waits):>6.0f}" * alone
    first, acted = [], []
    for (_, action), waits in figures.waits.items():
        (first if action == FIRST else acted).extend(waits)
    lines += [f"{'':>14} {FIRST:>11} {spread(first)}"]
    lines += [f"{'':>14} {'all actions':>11} {spread(acted)}"]
    total = len(first) + len(acted)
    lines.append(
        f"CPU ms an action: {1e3 * used / total:.0f}, of {total} with first views"
    )
    lines.append("memory, MB: " + " → ".join(f"{each:.0f}" for each in memory))
    lines.append(f"errors: {len(figures.errors)} {figures.errors[:3]}")
    return "\n".join(lines)


def spread(waits: list[float]) -> str:
    """Return how many there were, their median and their 95th percentile."""
    ordered = sorted(waits) or [float("nan")]
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{len(waits):>6} {statistics.median(ordered):>7.0f} {p95:>7.0f}"


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--think", type=float, default=2, help="seconds, on average")
    parser.add_argument(
        "--leave", type=float, default=150, help="seconds after the end"
    )
    parser.add_argument("--pages", nargs="*", choices=PAGES, help="only these")
    options = parser.parse_args()
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        data = {"MINIGPT_DATA": folder, "MINIGPT_COVER": "off"}  # figures are in sight
        with serve_script(ROOT / "app.py", log, **data) as port:
            server = psutil.Process().children()[0]
            used, memory = asyncio.run(teach(server, port, options, figures))
        print(told(figures, used, memory, options.sessions == 1))
        if problems := [
            line for line in log.read_text().splitlines() if "rror" in line
        ]:
            print(f"The server's log has {len(problems)}: {problems[0]}")


if __name__ == "__main__":
    main()
