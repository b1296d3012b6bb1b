"""What is different between two configurations, source by source."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from configs.configuration import Binding, Configuration

_AT_START = {
    "centre": ("host", "port", "names", "tls", "insecure", "historian", "write_tokens", "access"),
    "edge": ("outbox", "uplink"),
}
"""Settings that are read once, when a process starts."""


@dataclass(frozen=True, slots=True)
class Change:
    """Sources by `scene/source`, and the settings that take effect only when the process starts again."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    at_next_start: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, list[str]]:
        """Return it as plain lists, for a log or an answer."""
        return {name: list(values) for name, values in asdict(self).items()}

    @property
    def before(self) -> dict[str, list[str]]:
        """What there was, for a log."""
        return {"sources": sorted((*self.kept, *self.changed, *self.removed))}

    @property
    def after(self) -> dict[str, list[str]]:
        """What there is now and what that changed, for a log."""
        return {"sources": sorted((*self.kept, *self.changed, *self.added)), **self.as_dict()}


def sources_of(configuration: Configuration) -> dict[str, Binding]:
    """Return the bindings of a configuration by `scene/source`, in their order."""
    return {f"{binding.scene}/{binding.source.id}": binding for binding in configuration.bindings}


def compared(old: Configuration, new: Configuration) -> Change:
    """Say what is different. A source is the same when its settings, its tags and their addresses are."""
    before, after = sources_of(old), sources_of(new)
    # The site's name begins every path, so with another one nothing is the same.
    common = before.keys() & after.keys()
    same = {name for name in common if before[name] == after[name]} if old.site.id == new.site.id else set()
    return Change(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(common - same)),
        removed=tuple(sorted(before.keys() - after.keys())),
        kept=tuple(sorted(same)),
        at_next_start=tuple(
            f"{document}.{name}"
            for document, names in _AT_START.items()
            for name in names
            if getattr(getattr(old, document), name) != getattr(getattr(new, document), name)
        ),
    )
