"""`provenline user`: who has an account, and what they hold. Works beside a running centre and without one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer
from rich.table import Table

from dashboard_api.access import FOR_TOKENS, Permission, Role
from plant.clock import MILLISECOND, SECOND
from provenline.console import OFFLINE, DataFolder, answer, asking
from provenline.screen import out

app = typer.Typer(help="Accounts: people, their roles, sessions and tokens. 账户管理。", no_args_is_help=True)
token = typer.Typer(help="Tokens, with which programs sign in. 访问令牌。", no_args_is_help=True)
app.add_typer(token, name="token")


Name = Annotated[str, typer.Argument(help="Name of the account.")]
RoleOption = Annotated[Role, typer.Option(help="What the account is for.")]
_USERS = "/api/v1/users"


@app.command(name="list")
def list_users(data: DataFolder = None) -> None:
    """List all accounts."""
    table = Table("name", "role", "state", "created", box=None, pad_edge=False)
    for user in _ask(data, "GET", _USERS):
        table.add_row(user["name"], user["role"], _state(user), _moment(user["created"]))
    out.print(table)


@app.command()
def add(name: Name, role: RoleOption = Role.VIEWER, data: DataFolder = None) -> None:
    """Make an account; prints a one-time link with which its owner sets a password."""
    _show_code(data, "POST", _USERS, {"name": name, "role": role.value})


@app.command()
def reset(name: Name, data: DataFolder = None) -> None:
    """Take an account's password away, end its sessions, and print a new one-time link."""
    _show_code(data, "POST", f"{_of(name)}/code")


@app.command()
def role(name: Name, to: Annotated[Role, typer.Argument(help="The new role.")], data: DataFolder = None) -> None:
    """Give an account another role; its sessions end."""
    user = _ask(data, "PATCH", _of(name), {"role": to.value})
    out.print(f"✓ {user['name']} is {user['role']}")


@app.command()
def disable(name: Name, data: DataFolder = None) -> None:
    """Close an account: its sessions and tokens are dead at once."""
    out.print(f"✓ {_ask(data, 'PATCH', _of(name), {'enabled': False})['name']} is disabled")


@app.command()
def enable(name: Name, data: DataFolder = None) -> None:
    """Open a closed account again."""
    out.print(f"✓ {_ask(data, 'PATCH', _of(name), {'enabled': True})['name']} is enabled")


@app.command()
def sessions(name: Name, data: DataFolder = None) -> None:
    """List where an account is signed in."""
    table = Table("id", "opened", "last seen", "from", "browser", box=None, pad_edge=False)
    for one in _ask(data, "GET", f"{_of(name)}/sessions"):
        table.add_row(one["id"], _moment(one["opened"]), _moment(one["seen"]), one["address"], one["agent"][:60])
    out.print(table)


@app.command(name="sign-out")
def sign_out(name: Name, data: DataFolder = None) -> None:
    """End every session of an account."""
    out.print(f"✓ {_ask(data, 'DELETE', f'{_of(name)}/sessions')['ended']} sessions ended")


@token.command(name="add")
def add_token(
    name: Name,
    label: Annotated[str, typer.Option(help="What it is for.")],
    may: Annotated[list[Permission], typer.Option(help="What it may do; again for more.")],
    days: Annotated[float, typer.Option(min=0.001, max=400, help="How long it lasts.")] = 90,
    data: DataFolder = None,
) -> None:
    """Make a token and print it: this once, for only its hash is kept."""
    if forbidden := set(may) - FOR_TOKENS:
        raise typer.BadParameter(f"no token may {', '.join(sorted(forbidden))}")
    body = {"label": label, "permissions": [permission.value for permission in may], "days": days}
    made = _ask(data, "POST", f"{_of(name)}/tokens", body)
    out.print(f"✓ {made['label']}: {', '.join(made['permissions'])}, until {_moment(made['until'])}", soft_wrap=True)
    out.print(made["token"], soft_wrap=True)


@token.command(name="list")
def list_tokens(name: Name, data: DataFolder = None) -> None:
    """List an account's tokens."""
    table = Table("id", "label", "may", "until", box=None, pad_edge=False)
    for one in _ask(data, "GET", f"{_of(name)}/tokens"):
        table.add_row(one["id"], one["label"], ", ".join(one["permissions"]), _moment(one["until"]))
    out.print(table)


@token.command()
def revoke(
    name: Name, id_: Annotated[str, typer.Argument(metavar="ID", help="As listed.")], data: DataFolder = None
) -> None:
    """Revoke a token: it is dead at once."""
    _ask(data, "DELETE", f"{_of(name)}/tokens/{quote(id_, safe='')}")
    out.print("✓ revoked")


def _ask(data: DataFolder, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    return asking(data, lambda client: answer(client, method, path, body))


def _show_code(data: DataFolder, method: str, path: str, body: object = None) -> None:
    async def ask(client: httpx.AsyncClient) -> tuple[dict[str, Any], str]:
        return await answer(client, method, path, body), str(client.base_url)

    user, base = asking(data, ask)
    page = "<the centre's page>/" if base.startswith(OFFLINE) else base
    out.print(f"✓ {user['name']} ({user['role']}): to set a password, open once until {_moment(user['code_until'])}")
    out.print(f"{page}welcome#{user['code']}", soft_wrap=True, markup=False)


def _of(name: str) -> str:
    return f"{_USERS}/{quote(name, safe='')}"


def _state(user: dict[str, Any]) -> str:
    if not user["enabled"]:
        return "disabled"
    return "active" if user["password"] else "no password yet"


def _moment(ms: int | None) -> str:
    return "" if ms is None else datetime.fromtimestamp(ms * MILLISECOND / SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC")
