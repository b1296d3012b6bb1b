"""How a figure came about: `provenline explain cq/first-light/line-1:oee`, asked of a running centre.

The centre is asked, not the store: the derivation printed is that of the figure on the page.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, NoReturn
from urllib.parse import quote

import typer
from rich.markup import escape
from rich.table import Table

from provenline.calc import AsJson, Lang, Language
from provenline.screen import out

app = typer.Typer()

EXIT_REFUSED, EXIT_NO_CENTRE = 2, 1
_TIMEOUT = 60.0

Centre = Annotated[str, typer.Option("--url", envvar="PROVENLINE_URL", help="Address of the centre.")]
Window = Annotated[str, typer.Option(help="shift, day, week, month, or a duration up to now: 8h")]
Key = Annotated[str, typer.Argument(help="scope:id, e.g. cq/first-light/line-1:oee; or a scene, to list its figures")]


@app.command()
def explain(
    key: Key,
    window: Window = "shift",
    url: Centre = "http://127.0.0.1:8000",
    lang: Lang = Language.ZH,
    as_json: AsJson = False,
) -> None:
    """Derive one figure of a running centre, down to the stops and counts behind it."""
    if ":" not in key:
        _list(_get(url, f"/api/v1/scenes/{quote(key, safe='')}/indicators", window=window), lang, as_json=as_json)
        return
    found = _get(url, f"/api/v1/indicators/{quote(key)}/explain", window=window, language=lang.value)
    if as_json:
        _print(found)
        return
    table = Table(title=f"{found['title']} · {found['scope']}", caption=found["window"], show_header=False)
    for step in found["steps"]:
        table.add_row(escape(step["label"]), escape(step["text"]))
    out.print(table)


def _list(found: dict[str, Any], lang: Language, *, as_json: bool) -> None:
    if as_json:
        _print([indicator["key"] for indicator in found["indicators"]])
        return
    table = Table(show_header=False)
    for indicator in found["indicators"]:
        table.add_row(escape(indicator["key"]), escape(indicator["name"][lang.value]))
    out.print(table)


def _get(url: str, path: str, **params: str) -> dict[str, Any]:
    import httpx  # noqa: PLC0415 - slow to import, and every command would wait for it

    try:
        answer = httpx.get(url.rstrip("/") + path, params=params, timeout=_TIMEOUT)
        body = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _refuse(f"no centre answers at {url}: {error}", EXIT_NO_CENTRE)
    except json.JSONDecodeError:
        _refuse(f"what answers at {url} is no centre", EXIT_NO_CENTRE)
    if answer.is_error:
        _refuse(str(body.get("detail", body)) if isinstance(body, dict) else str(body), EXIT_REFUSED)
    if not isinstance(body, dict):
        _refuse(f"what answers at {url} is no centre", EXIT_NO_CENTRE)
    return body


def _print(found: object) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


def _refuse(message: str, code: int) -> NoReturn:
    typer.echo(f"provenline explain: {message}", err=True)
    raise typer.Exit(code)
