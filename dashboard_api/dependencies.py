"""What a route may ask for."""

from __future__ import annotations

from fastapi.requests import HTTPConnection

from dashboard_api.centre import Centre


def centre_of(connection: HTTPConnection) -> Centre:
    """Return the centre that this application serves."""
    centre: Centre = connection.app.state.centre
    return centre
