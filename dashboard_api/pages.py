"""The built pages of web/, and the headers that keep them to themselves.

Any path that is not the API's belongs to the pages' own router, so it gets index.html. Files
with a digest in their name never change and are cached for good; index.html never is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard_api.access import Permission, requires
from dashboard_api.centre import Centre
from dashboard_api.dependencies import centre_of

router = APIRouter(include_in_schema=False)

HERE = Path(__file__).parent
PLACES = (HERE / "static", HERE.parent / "web" / "dist")
"""Where the pages are: in an installed wheel, or in a source tree."""

_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
# The API page (Swagger UI, served from here) starts itself with an inline script.
_DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": _POLICY,
}
_ONLY_TLS = "max-age=31536000"
_MISSING = """<!doctype html><meta charset="utf-8"><title>provenline</title>
<p>页面尚未构建。请运行 <code>make web</code>。API 文档：<a href="/docs">/docs</a>
<p>The pages have not been built. Run <code>make web</code>. The API is described at <a href="/docs">/docs</a>."""


def folder() -> Path | None:
    """Return where the built pages are, or None when they have not been built."""
    return next((place for place in PLACES if (place / "index.html").is_file()), None)


@router.get("/{path:path}", dependencies=[Depends(requires(Permission.OPEN))])
async def page(path: str, _: Annotated[Centre, Depends(centre_of)]) -> Response:
    """Serve a built file, or index.html for a path of the pages' own router."""
    built = folder()
    if path.startswith("api/"):
        raise HTTPException(404, f"there is no /{path}; see /docs")
    if built is None:
        return HTMLResponse(_MISSING, 503)
    file = (built / path).resolve()
    if path and file.is_relative_to(built.resolve()) and file.is_file():
        forever = path.startswith("assets/")
        caching = "public, max-age=31536000, immutable" if forever else "no-cache"
        return FileResponse(file, headers={"Cache-Control": caching})
    if Path(path).suffix:
        raise HTTPException(404, f"there is no file /{path}")
    return FileResponse(built / "index.html", headers={"Cache-Control": "no-cache"})


class SecurityHeaders:
    """Adds the headers that every answer carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"] == "/docs":
                    headers["Content-Security-Policy"] = _DOCS_POLICY
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", _ONLY_TLS)
            await send(message)

        await self._app(scope, receive, with_headers)
