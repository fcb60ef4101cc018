"""Where a progress bar is drawn: on a terminal, in a notebook, as plain lines, or nowhere.

Each output has ``show(bar, text, part)``, where `part` is the completed share, and ``end(text)``.
"""

import html
import sys
import time
from typing import Any, TextIO

# Seconds between plain lines; there is one after each tenth, too.
_SECONDS_BETWEEN_LINES = 30.0
# Seconds between messages to a notebook.
_SECONDS_BETWEEN_UPDATES = 0.1


def progress_output(file: TextIO | None) -> Any:
    """The output for `file`; by default the notebook, or standard error if it is a terminal."""
    if file is None and (display := _notebook_display()) is not None:
        return Notebook(display)
    stream = sys.stderr if file is None else file
    if hasattr(stream, "isatty") and stream.isatty():
        return Terminal(stream)
    return Silent() if file is None else Lines(file)


def _notebook_display() -> Any:
    """The module ``IPython.display``, if the code runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    import IPython.display

    return IPython.display


class Silent:
    """Writes nothing."""

    def show(self, bar: str, text: str, part: float) -> None:
        pass

    def end(self, text: str) -> None:
        pass


class Terminal:
    """A line that is rewritten."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._length = 0  # of what is shown

    def show(self, bar: str, text: str, part: float) -> None:
        line = f"[{bar}] {text}"
        print("\r" + line.ljust(self._length), end="", file=self._stream, flush=True)
        self._length = len(line)

    def end(self, text: str) -> None:
        print("\r" + text.ljust(self._length), file=self._stream, flush=True)


class Lines:
    """About ten lines, without control characters."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._last = (-1, time.monotonic())  # tenth of the search, time

    def show(self, bar: str, text: str, part: float) -> None:
        now, (tenth, then) = time.monotonic(), self._last
        if int(10 * part) > tenth or now - then > _SECONDS_BETWEEN_LINES:
            self._last = (int(10 * part), now)
            print(f"[{bar}] {text}", file=self._stream, flush=True)

    def end(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Notebook:
    """A bar that is drawn in place; `display` is the module ``IPython.display``."""

    def __init__(self, display: Any):
        self._display = display
        self._handle: Any = None
        self._last = -_SECONDS_BETWEEN_UPDATES

    def show(self, bar: str, text: str, part: float) -> None:
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_UPDATES:
            self._last = time.monotonic()
            self._draw(f'<progress max="1" value="{part:.3f}"></progress> {html.escape(text)}')

    def end(self, text: str) -> None:
        self._draw(html.escape(text))

    def _draw(self, content: str) -> None:
        # Front ends keep runs of spaces of the text with this style.
        page = self._display.HTML(f'<div style="white-space:pre-wrap">{content}</div>')
        if self._handle is None:
            self._handle = self._display.display(page, display_id=True)
        else:
            self._handle.update(page)
