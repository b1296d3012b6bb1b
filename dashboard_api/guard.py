"""What an application needs so that its routes can say who may do what, and what was done."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dashboard_api import audit_trail, refusals, users
from dashboard_api.access import Denied, Role
from dashboard_api.accounts import Accounts, Refused
from dashboard_api.audit import AuditLog
from dashboard_api.gate import AccountGate
from dashboard_api.sign_in import Guesses
from plant.errors import ProvenlineError, Unavailable


def guard(app: FastAPI, accounts: Accounts, audit: AuditLog, *, visitors: Role | None) -> None:
    """Put accounts, gate and audit log in reach of an application's routes, and say what each refusal answers."""
    app.state.accounts = accounts
    app.state.audit = audit
    app.state.gate = AccountGate(accounts, visitors)
    app.state.guesses = Guesses(accounts.clock)
    app.add_exception_handler(ProvenlineError, _explain)
    app.add_exception_handler(Denied, _deny)
    app.add_exception_handler(HTTPException, refusals.refuse)
    app.add_exception_handler(RequestValidationError, refusals.point_out)


def create_console(accounts: Accounts, audit: AuditLog) -> FastAPI:
    """Build the part of the application that commands need while no centre runs: accounts and audit log."""
    app = FastAPI(title="provenline console", docs_url=None, redoc_url=None, openapi_url=None)
    guard(app, accounts, audit, visitors=None)
    for routes in (users, audit_trail):
        app.include_router(routes.router)
    return app


async def _explain(_: Request, error: Exception) -> JSONResponse:
    status = 503 if isinstance(error, Unavailable) else 409 if isinstance(error, Refused) else 500
    return JSONResponse(refusals.content(str(error)), status)


async def _deny(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Denied)
    # InfluxDB's clients read `code` and `message`, ours `detail`.
    code = "unauthorized" if error.status_code == 401 else "forbidden"
    return JSONResponse({**refusals.content(str(error.detail)), "code": code}, error.status_code, error.headers)
