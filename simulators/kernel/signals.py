"""Signals: what the plant's instruments show, at model time.

The model sets a signal's true value. What is shown is that value seen through the
instrument: its resolution, and any distortion a fault has put on it. Faces and recorders
watch what is shown; the true value stays inside the simulator.

    model ── set(true) ──▶ resolution ──▶ distortions ──▶ value, time, quality ──▶ watchers
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from plant.batch import Value
from plant.quality import Quality

Distortion = Callable[[Value, float], Value]
"""True value and model seconds in, shown value out."""
Watcher = Callable[["Signal"], None]


class Device:
    """What the signals of one device share: its clock's error, and whether it answers.

    It does not as long as there is any reason for it: a dead device behind a dead face needs both back.
    """

    __slots__ = ("clock_error", "name", "reasons")

    def __init__(self, name: str) -> None:
        self.name = name
        self.clock_error = 0
        """ns that the device's own clock is ahead."""
        self.reasons = 0

    @property
    def online(self) -> bool:
        """Whether the device answers."""
        return self.reasons == 0


class Signal:
    """One signal: `value`, `time` (ns UTC) and `quality` are what is shown now.

    `occurred`: the model has set it; else only the instrument or its device has changed.
    """

    __slots__ = (
        "_distortions",
        "_table",
        "_watchers",
        "device",
        "digits",
        "name",
        "occurred",
        "quality",
        "silences",
        "time",
        "true",
        "value",
    )

    def __init__(self, table: SignalTable, device: Device, name: str, initial: Value, digits: int | None) -> None:
        self._table = table
        self._watchers: list[Watcher] = []
        self._distortions: list[Distortion] = []
        self.device = device
        self.name = name
        self.digits = digits
        self.true = self.value = initial
        self.time = table.now()
        self.quality: int = Quality.GOOD
        self.silences = 0
        self.occurred = False

    @property
    def seconds(self) -> float:
        """Model time in seconds."""
        return self._table.seconds()

    def set(self, value: Value, *, time: int | None = None) -> None:
        """Set the true value and show it. Setting the same value again is an event of its own.

        `time` (ns UTC): when it was so, for what becomes known only later.
        """
        self.true = value
        self._show(occurred=True, time=time)

    def show(self) -> None:
        """Measure the same true value again, now."""
        self._show(occurred=False)

    def _show(self, *, occurred: bool, time: int | None = None) -> None:
        shown = self.true
        if self._distortions:
            for distort in self._distortions:
                shown = distort(shown, self._table.seconds())
        if self.digits is not None and isinstance(shown, float):
            shown = round(shown, self.digits)
        self.value = shown
        self.occurred = occurred
        self.time = (self._table.now() if time is None else time) + self.device.clock_error
        heard = not (self.silences or self.device.reasons)
        self.quality = Quality.GOOD if heard else Quality.BAD_NO_COMMUNICATION
        for watch in self._watchers:
            watch(self)

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` whenever the signal is shown anew."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Undo `watch`."""
        self._watchers.remove(watcher)

    def distort(self, distortion: Distortion) -> Callable[[], None]:
        """See the signal through `distortion` from now on; the returned call takes it off."""
        self._distortions.append(distortion)
        self.show()

        def undo() -> None:
            self._distortions.remove(distortion)
            self.show()

        return undo

    def silence(self) -> Callable[[], None]:
        """Let nobody hear of the signal from now on, though its device lives; the returned call ends that."""
        self.silences += 1
        self.show()

        def undo() -> None:
            self.silences -= 1
            self.show()

        return undo


class SignalTable:
    """All signals of a model, by name `device.signal`, in order of declaration."""

    def __init__(self, now: Callable[[], int], seconds: Callable[[], float]) -> None:
        self.now = now
        self.seconds = seconds
        self.devices: dict[str, Device] = {}
        self._signals: dict[str, Signal] = {}

    def __getitem__(self, name: str) -> Signal:
        return self._signals[name]

    def __contains__(self, name: str) -> bool:
        return name in self._signals

    def __iter__(self) -> Iterator[Signal]:
        return iter(self._signals.values())

    def of(self, device: str) -> Iterable[Signal]:
        """Yield the signals of one device."""
        return (s for s in self if s.device.name == device)

    def add(self, name: str, initial: Value, *, digits: int | None = None) -> Signal:
        """Declare a signal; its form for good is `initial`'s. `digits`: the instrument's decimals."""
        if name in self._signals:
            raise ValueError(f"signal {name} is declared twice")
        owner = name.partition(".")[0]
        device = self.devices.setdefault(owner, Device(owner))
        signal = self._signals[name] = Signal(self, device, name, initial, digits)
        return signal

    def switch(self, device: str, *, online: bool) -> None:
        """Give a device a reason to be silent, or take one back; its signals say so at once."""
        self.devices[device].reasons += -1 if online else 1
        for signal in self.of(device):
            signal.show()

    def adjust(self, device: str, error: int) -> None:
        """Put a device's clock forward by `error` ns, in what it shows from now on."""
        self.devices[device].clock_error += error
        for signal in self.of(device):
            signal.show()


@contextmanager
def watching(signals: Iterable[Signal], watcher: Watcher) -> Iterator[None]:
    """Watch signals while the context is open."""
    watched = list(signals)
    for signal in watched:
        signal.watch(watcher)
    try:
        yield
    finally:
        for signal in watched:
            signal.unwatch(watcher)
