"""The application: routes, limits and headers around one centre."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi_offline import FastAPIOffline
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dashboard_api import (
    alarms,
    audit_trail,
    calculator,
    campaigns,
    charts,
    commands,
    configuration,
    delays,
    details,
    events,
    export,
    figures,
    lab_attempts,
    lab_exercises,
    lab_incidents,
    lab_records,
    lab_teaching,
    labs,
    late_data,
    live,
    losses,
    operations,
    pages,
    passages,
    places,
    query,
    records,
    replay,
    sandboxes,
    sign_in,
    stops,
    users,
    write,
)
from dashboard_api.access import Permission, Refusal, Responses, requires
from dashboard_api.centre import Centre
from dashboard_api.guard import guard

READING = (
    *(query, export, figures, details, charts, calculator, losses, stops, delays),
    *(records, events, replay, places, passages, live),
)
"""Groups of routes that show what the plant does; what changes something there asks for more."""
DECLARING = (
    *(operations, write, commands, alarms, campaigns, sign_in, users, audit_trail, configuration),
    *(labs, lab_attempts, lab_teaching, lab_exercises, lab_records, lab_incidents),
    *(sandboxes, pages),
)
"""Groups whose routes each declare what they need; the pages come last, for they take every path."""

_REFUSALS: Responses = {
    401: {"model": Refusal, "description": "sign in, or show a token"},
    403: {"model": Refusal, "description": "not allowed"},
    404: {"model": Refusal, "description": "there is no such thing"},
    409: {"model": Refusal, "description": "not possible now, and why"},
    413: {"model": Refusal, "description": "too much at once"},
    422: {"model": Refusal, "description": "not to be understood, and why"},
    503: {"model": Refusal, "description": "the store is away; try again later"},
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


def create_app(centre: Centre, *, hosts: tuple[str, ...] = LOOPBACK) -> FastAPI:
    """Build the application for a centre.

    `hosts`: names it answers to; a browser tricked into asking for another name gets 400.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with live.broadcasting(centre) as feeds, late_data.watching(centre):
            app.state.feeds = feeds
            yield

    app = FastAPIOffline(
        title="provenline",
        version=centre.version,
        max_body_size=centre.configuration.centre.body_limit,
        lifespan=lifespan,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url="/docs/oauth2",
    )
    app.state.centre = centre
    guard(app, centre.accounts, centre.audit, visitors=centre.visitors)
    app.state.files = configuration.Files(centre.configuration.folder)
    app.state.figures = figures.Figures(centre)
    app.state.places = places.Places(centre)
    app.state.passages = passages.Passages(centre)
    app.state.alarm_list = alarms.AlarmList(centre)
    for routes in READING:
        app.include_router(routes.router, dependencies=[Depends(requires(Permission.VIEW))], responses=_REFUSALS)
    for routes in DECLARING:
        app.include_router(routes.router, responses=_REFUSALS)
    app.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=3)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(pages.SecurityHeaders)
    return app
