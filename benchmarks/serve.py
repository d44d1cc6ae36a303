"""Many clients of one server against one client of it: tokens per second, first tokens.

    python benchmarks/serve.py               many clients for five minutes; seven in all
    python benchmarks/serve.py --minutes 0.5

`minigpt serve` runs as a process of its own. Clients stream completions of prompts of
unequal length, one behind the other; one client and many take turns, so a busy machine
slows both alike. The load before the start is printed: the ratio asks for an idle
machine. Fails if a request fails, or if many write less than four times as much as one.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from itertools import count
from typing import NamedTuple

from minigpt.datasets.tales.story import generate_tales

TOKENS = 96
ALONE = 20
"""Seconds that one client's turns last at most: its figures need no more."""
LONGEST = 120
"""Seconds after which a request has failed."""
ASKED = 4.0
"""Tokens per second of many clients, in those of one."""


class Turn(NamedTuple):
    """What some clients got in their time."""

    tokens_per_second: float
    first_tokens: list[float]
    """Seconds from each request to its first token."""
    problems: list[str]


def request_of(prompt: str, seed: int, port: int) -> bytes:
    """Return a request as it goes over the line."""
    body = json.dumps(
        {
            "model": "tales-chat",
            "prompt": prompt,
            "max_tokens": TOKENS,
            "ignore_eos": True,
            "seed": seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    )
    return (
        f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def ask(request: bytes, port: int) -> tuple[float, bytes]:
    """Send a request; return the seconds to its first token, and the whole answer."""
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer, first = b"", 0.0
    while part := await reader.read(65536):
        answer += part
        if not first and b"data: " in answer:
            first = time.perf_counter() - begun
    writer.close()
    return first, answer


async def take_turn(
    prompts: list[str], clients: int, port: int, seconds: float
) -> Turn:
    """Let some clients ask for a while; all end what they have begun."""
    firsts: list[float] = []
    problems: list[str] = []
    seeds = count(random.randrange(2**30))
    begun = time.perf_counter()

    async def client() -> None:
        while time.perf_counter() - begun < seconds:
            request = request_of(random.choice(prompts), next(seeds), port)
            try:
                async with asyncio.timeout(LONGEST):
                    first, answer = await ask(request, port)
            except OSError as error:  # a timeout is one, too
                problems.append(repr(error))
                continue
            if f'"completion_tokens":{TOKENS},'.encode() in answer:
                firsts.append(first)
            else:
                problems.append(answer[:200].decode("utf-8", "replace"))

    await asyncio.gather(*(client() for _ in range(clients)))
    passed = time.perf_counter() - begun
    return Turn(len(firsts) * TOKENS / passed, firsts, problems)


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(port: int, arguments: argparse.Namespace) -> bool:
    """Print how one and many do; return whether all went well."""
    story = generate_tales(20_000, seed=1, split="held_out")
    prompts = [story[at : at + 10 + at % 300] for at in range(0, len(story) - 400, 97)]
    turns: dict[int, list[Turn]] = {1: [], arguments.clients: []}
    seconds = 60 * arguments.minutes / arguments.rounds
    for clients in [1, arguments.clients] * arguments.rounds:
        own = min(seconds, ALONE) if clients == 1 else seconds
        turn = take_turn(prompts, clients, port, own)
        turns[clients].append(asyncio.run(turn))
    rates = {}
    print(
        f"{'clients':>8} {'tokens/s':>9} {'first token: median':>20} {'p95':>8}  failed"
    )
    for clients, taken in turns.items():
        firsts = [first for turn in taken for first in turn.first_tokens]
        problems = [problem for turn in taken for problem in turn.problems]
        if not firsts:
            print(f"{clients} clients got no answer: {problems[:3]}")
            return False
        rates[clients] = statistics.median(turn.tokens_per_second for turn in taken)
        print(
            f"{clients:>8} {rates[clients]:>9.0f} {percentile(firsts, 0.5):>18.3f} s"
            f" {percentile(firsts, 0.95):>6.3f} s"
            f"  {len(problems)} of {len(firsts) + len(problems)}"
        )
        for problem in problems[:3]:
            print(f"  {problem}")
    ratio = rates[arguments.clients] / rates[1]
    print(
        f"{arguments.clients} clients write {ratio:.2f} × as much as one "
        f"(asked {ASKED:g})"
    )
    return ratio >= ASKED and not any(
        t.problems for each in turns.values() for t in each
    )


def main() -> int:
    """Read the arguments, start the server, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=5, help="of many clients")
    parser.add_argument("--rounds", type=int, default=5, help="turns they come in")
    arguments = parser.parse_args()
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} cores, load before the start {load:.1f}", flush=True)
    words = ["-m", "minigpt", "serve", "--model", "tales-chat", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            port = int(line.partition("127.0.0.1:")[2].partition("/")[0])
            asyncio.run(ask(request_of("Once", 0, port), port))  # warm
            return 0 if measure(port, arguments) else 1
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
