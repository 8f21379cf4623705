"""Chromium as tests drive it: through chromedriver, which speaks JSON over HTTP on this machine."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
MISSING = "needs chromium and chromedriver (Debian: chromium-driver)"

TAB, ENTER, ESCAPE = "\ue004", "\ue007", "\ue00c"
"""Keys as WebDriver names them."""


class Browser:
    """One window; made by :func:`browsing`."""

    def __init__(self, driver: str, chromium: str, profile: Path) -> None:
        self._driver = driver
        options = {
            "binary": chromium,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--allow-file-access-from-files", f"--user-data-dir={profile}",
            ],
        }  # fmt: skip
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        self._session = self._ask("POST", "/session", wanted)["sessionId"]

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - of this machine
            self._driver + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=240) as answer:  # noqa: S310
            return json.load(answer)["value"]

    def _do(self, path: str, **body: Any) -> Any:
        return self._ask("POST", f"/session/{self._session}/{path}", body)

    def devtools(self, command: str, **arguments: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self._do("goog/cdp/execute", cmd=command, params=arguments)

    def open(self, page: Path, width: int, height: int = 900, dark: bool = False) -> None:
        """Load a page into a window of a size, for a system with light or dark colours."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])
        self._do("url", url=page.as_uri())

    def evaluate(self, script: str) -> Any:
        """Return what a script returns."""
        return self._do("execute/sync", script=script, args=[])

    def press(self, key: str) -> None:
        """Press a key and let it go, wherever the focus is."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._do("actions", actions=[{"type": "key", "id": "keys", "actions": keys}])

    def point_at(self, selector: str) -> None:
        """Move the pointer onto an element, and the page so that it is to be seen."""
        found = self._do("element", using="css selector", value=selector)
        self.evaluate(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        move = {"type": "pointerMove", "duration": 0, "origin": found, "x": 0, "y": 0}
        self._do("actions", actions=[{"type": "pointer", "id": "mouse", "actions": [move]}])

    def screenshot(self) -> bytes:
        """Return what the window shows, as PNG."""
        shot = self.devtools("Page.captureScreenshot")
        return base64.b64decode(shot["data"])

    def accessible(self) -> list[dict[str, str]]:
        """Return what a screen reader is told: role, name, description of each node in order."""
        self.devtools("Accessibility.enable")
        nodes = self.devtools("Accessibility.getFullAXTree")["nodes"]
        return [
            {
                key: str(node.get(key, {}).get("value", ""))
                for key in ("role", "name", "description")
            }
            for node in nodes
            if not node["ignored"]
        ]

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", f"/session/{self._session}")


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start a browser whose profile lies in a folder; end it and its driver."""
    assert CHROMIUM is not None
    assert DRIVER is not None
    with subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            assert driver.stdout is not None
            found = (re.search(r"on port (\d+)\.", line) for line in driver.stdout)
            port = next(match[1] for match in found if match)
            browser = Browser(f"http://127.0.0.1:{port}", CHROMIUM, folder / "profile")
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
