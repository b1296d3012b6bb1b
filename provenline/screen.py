"""What a command says: results on `out`, what goes on and what went wrong on `err`.

Neither guesses: no colours by pattern, and no pictures for `:ab:`, which stands in every other
fingerprint.
"""

from __future__ import annotations

from rich.console import Console

out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)
