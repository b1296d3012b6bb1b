"""The application: routes, limits and headers around one centre."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dashboard_api import export, figures, live, losses, operations, pages, query, stops, write
from dashboard_api.access import Visitors
from dashboard_api.centre import Centre
from plant.errors import ProvenlineError, Unavailable

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


def create_app(centre: Centre, *, hosts: tuple[str, ...] = LOOPBACK) -> FastAPI:
    """Build the application for a centre.

    `hosts`: names it answers to; a browser tricked into asking for another name gets 400.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with live.broadcasting(centre) as feeds:
            app.state.feeds = feeds
            yield

    app = FastAPIOffline(
        title="provenline",
        version=centre.version,
        lifespan=lifespan,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url="/docs/oauth2",
    )
    app.state.centre = centre
    app.state.gate = Visitors()
    app.state.figures = figures.Figures(centre)
    for routes in (operations, write, query, export, figures, losses, stops, live, pages):
        app.include_router(routes.router)
    app.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=3)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(pages.SecurityHeaders)
    app.add_exception_handler(ProvenlineError, _explain)
    return app


async def _explain(_: Request, error: Exception) -> JSONResponse:
    status = 503 if isinstance(error, Unavailable) else 500
    return JSONResponse({"detail": str(error)}, status)
