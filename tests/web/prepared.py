"""What is done at a demonstration before it is photographed: its administrator gets in, and leaves some work behind.

Everything is found again where it was done before, so that several rounds of pictures do it once.
"""

from __future__ import annotations

import asyncio

from playwright.async_api import APIRequestContext, Browser

from configs.loader import PACKAGED, load
from tests.web.every_page import Subjects

PASSWORD = "a password for pictures 1"
CAMPAIGN, CAMPAIGN_S = "pictures", 180
COURSE, LAB, CLASS = "modbus", "map-registers", "2026-1"
START_MS = 180_000


async def administrator(browser: Browser, base: str, code: str | None) -> list[dict]:
    """Sign the administrator in, setting the password where a one-time code is given; return the session's cookies."""
    context, headers = await browser.new_context(), {"Origin": base}
    if code:
        data = {"code": code, "password": PASSWORD}
        answer = await context.request.post(f"{base}/api/v1/session/code", data=data, headers=headers)
    else:
        data = {"name": "admin", "password": PASSWORD}
        answer = await context.request.post(f"{base}/api/v1/session", data=data, headers=headers)
    assert answer.ok, await answer.text()
    cookies = await context.cookies()
    await context.close()
    return cookies


async def subjects(browser: Browser, base: str, cookies: list[dict]) -> Subjects:
    """Let there be a campaign that is done, an attempt at a lab and a class; return them with the packaged scenes."""
    context = await browser.new_context(base_url=base, extra_http_headers={"Origin": base})
    await context.add_cookies(cookies)
    scenes = Subjects.of(load(PACKAGED)).scenes
    work = [await one(context.request) for one in (_campaign, _attempt, _class)]
    await context.close()
    return Subjects(scenes, *work)


async def _campaign(ask: APIRequestContext) -> str:
    root = "/api/v1/campaigns"
    made = await ask.post(root, data={"simulated": {"scene": "identifier", "id": CAMPAIGN, "shifts": 4}})
    if made.status == 201:
        await ask.post(f"{root}/{CAMPAIGN}/run")
        for _ in range(CAMPAIGN_S):
            found = await (await ask.get(f"{root}/{CAMPAIGN}")).json()
            if found["stage"] in ("done", "failed", "cancelled"):
                break
            await asyncio.sleep(1)
    return CAMPAIGN


async def _attempt(ask: APIRequestContext) -> str:
    root = "/api/v1/labs"
    begun = await (await ask.get(f"{root}/attempts")).json()
    if begun:
        return begun[0]["id"]
    await ask.put(f"{root}/courses/{COURSE}/enrolment", data={})
    made = await ask.post(f"{root}/courses/{COURSE}/labs/{LAB}/attempts", data={"practice": False}, timeout=START_MS)
    return (await made.json())["id"] if made.ok else "no-such-attempt"


async def _class(ask: APIRequestContext) -> str:
    root = "/api/v1/labs/classes"
    formed = await (await ask.get(root)).json()
    if not formed:
        formed = [await (await ask.post(root, data={"course": COURSE, "name": CLASS, "members": ["admin"]})).json()]
    return formed[0]["id"]
