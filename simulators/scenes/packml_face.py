"""What every PackML unit shows over OPC UA, under the names of its PackTags."""

from __future__ import annotations

from simulators.faces.layout import Variable

_PATHS = {
    "Status.StateCurrent": "state",
    "Status.StopReason.ID": "reason",
    "Status.StopReason.Text": "cause",
    "Status.CurrentCycle": "cycle",
    "Status.IdealCycle": "ideal",
    "Status.Product": "product",
    "Status.Job": "job",
    "Admin.ProdProcessedCount": "total",
    "Admin.ProdGoodCount": "good",
    "Admin.ProdDefectiveCount": "reject",
    "Energy.ActivePower": "power",
    "Energy.ActiveEnergyImport": "energy",
}


def unit_variables(unit: str, device: str) -> tuple[Variable, ...]:
    """Return the variables of the unit `unit`, which shows the signals of `device`."""
    return tuple(Variable(f"{unit}.{path}", f"{device}.{signal}") for path, signal in _PATHS.items())


def nameplate(unit: str, model: str, serial: str) -> dict[str, str]:
    """Return the identification of a simulated unit, which says that it is simulated."""
    return {
        f"{unit}.Identification.Manufacturer": "provenline simulator",
        f"{unit}.Identification.Model": model,
        f"{unit}.Identification.SerialNumber": f"SIM-{serial}",
        f"{unit}.Identification.ProductInstanceUri": f"urn:provenline:simulator:{serial.lower()}",
    }
