"""What a simulated OPC UA server demands of whoever connects, as a real machine's would.

A guarded server offers no connection in clear: messages are signed or encrypted, and if it has
users, nobody else gets in. Its key is a file beside the scene; passwords are references, as
everywhere.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from configs.base import Identifier, Secret, Strict
from configs.sources import OpcuaMode


class GuardConfig(Strict):
    """The guard of one face.

    `certificate` and `key` are the server's own (PEM), relative to the configuration's folder, as
    are the files of passwords. `modes`: what clients may choose from. Without `users` any client
    with a certificate gets in.
    """

    certificate: str
    key: str
    modes: tuple[OpcuaMode, ...] = Field(default=(OpcuaMode.SIGN_AND_ENCRYPT,), min_length=1)
    users: dict[Identifier, Secret] = Field(default_factory=dict)

    def located(self, folder: Path) -> GuardConfig:
        """Return the same with absolute paths."""
        users = {
            name: secret if secret.file is None else Secret(file=str(folder / secret.file))
            for name, secret in self.users.items()
        }
        files = {"certificate": str(folder / self.certificate), "key": str(folder / self.key)}
        return self.model_copy(update={**files, "users": users})
