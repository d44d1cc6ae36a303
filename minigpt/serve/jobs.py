"""A job: what one request waits for, seen by two threads.

The engine's thread writes it, the server's loop reads it. What the loop reads of a
draft is complete in itself at any moment (see `Draft.add`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from minigpt.generation.batch.draft import Draft


class Job:
    """Drafts to be written, or one look into the model. Made in the server's loop.

    Args:
        drafts: The texts.
        look: A function to call in the engine's thread.
        repeats: How many drafts continue each prompt, one behind the other.
    """

    def __init__(
        self,
        drafts: Sequence[Draft] = (),
        look: Callable[[], Any] | None = None,
        repeats: int = 1,
    ) -> None:
        self.drafts, self.look, self.repeats = list(drafts), look, repeats
        self.found: Any = None
        """What the look returned."""
        self.problem: Exception | None = None
        self.has_begun = False
        self.is_complete = False
        self.is_given_up = False
        self.loop = asyncio.get_running_loop()
        self._made = self.loop.time()
        self._news = asyncio.Event()

    @property
    def age(self) -> float:
        """Seconds since it was made."""
        return self.loop.time() - self._made

    def tell(self) -> None:
        """Wake whoever waits; called in the loop."""
        self._news.set()

    def fail(self, problem: Exception) -> None:
        """End the waiting with an error; called in the loop."""
        self.problem = problem
        self.tell()

    async def news(self, seconds: float) -> AsyncIterator[None]:
        """Yield when there is something new; when it is complete, for the last time.

        Whoever is slow finds several tokens at once.

        Args:
            seconds: The longest that all of it may take.

        Raises:
            TimeoutError: If it takes longer.
            Exception: What went wrong with it.
        """
        alarm = self.loop.call_later(seconds, self.fail, TimeoutError())
        is_last = False
        try:
            while not is_last:
                await self._news.wait()
                self._news.clear()
                if self.problem is not None:
                    raise self.problem
                is_last = self.is_complete
                yield
        finally:
            alarm.cancel()
