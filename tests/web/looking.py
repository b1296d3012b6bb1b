"""How tests look at a page: patiently, for machines may be slow, and so that a failure tells what went wrong in it."""

from __future__ import annotations

import sys

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, Response

PATIENCE_MS = 90_000
"""A bound only: whoever waits goes on as soon as the page is as it should be."""


NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
"""What Chromium ends every request with when the machine gets or loses an interface, as by a test of containers."""


async def visit(page: Page, address: str) -> None:
    """Lead a page to an address; again where the machine's network changed on the way."""
    for left in reversed(range(10)):
        try:
            await page.goto(address)
        except Error as error:
            if NETWORK_CHANGED not in str(error) or not left:
                raise
            await page.wait_for_timeout(500)
        else:
            return


async def look(
    place: Browser | BrowserContext, address: str, *, width: int = 1440, height: int = 900, **options
) -> Page:
    """Open a page at an address, in a context of its own or in one that is there."""
    if isinstance(place, BrowserContext):
        page = await place.new_page()
    else:
        page = await place.new_page(viewport={"width": width, "height": height}, **options)
    page.set_default_timeout(PATIENCE_MS)
    tell(page)
    await visit(page, address)
    return page


def tell(page: Page) -> None:
    """Write down what goes wrong in a page, for the report of a test that fails."""

    def note(*words: object) -> None:
        sys.stdout.write(" ".join(map(str, words)) + "\n")

    def lost(request: Request) -> None:
        note("did not arrive:", request.url, request.failure)

    def refused(response: Response) -> None:
        if response.status >= 400:
            note("was refused:", response.status, response.url)

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            note("the page said:", message.text)

    def failed(error: Error) -> None:
        note("a script failed:", error)

    page.on("requestfailed", lost)
    page.on("response", refused)
    page.on("console", said)
    page.on("pageerror", failed)
