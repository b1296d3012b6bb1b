"""The list of measures: what a clause may ask for, by which formula, with which parameters.

`MEASURES` is the only list there is. A catalogue of clauses names its measures by these ids,
a campaign computes them, and whoever verifies evidence computes them again, by this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analytics.formulas import PERCENTILES
from analytics.measures import equipment, fleet, judgement, material, network, production
from analytics.measures.measurement import Measure, Measured, Measurement, Parameters
from analytics.measures.parameters import Chosen, chosen
from configs.catalogue import Statistic
from plant.calendar import Span
from plant.text import Text

_RATIO = frozenset((Statistic.RATIO,))
_SHARE = frozenset((Statistic.PROPORTION, Statistic.RATIO))
_TALLY = frozenset((Statistic.TALLY,))

Compute = Callable[[Measured, Span, Chosen], Measurement]


def _measure(
    measure_id: str,
    name: Text,
    compute: Compute,
    statistics: frozenset[Statistic],
    *formulas: str,
    **parameters: float | str,
) -> Measure:
    defaults: Parameters = {key.replace("_", "-"): value for key, value in parameters.items()}

    def computed(measured: Measured, window: Span, given: Parameters) -> Measurement:
        return compute(measured, window, chosen(defaults, given))

    return Measure(
        id=measure_id,
        name=name,
        formulas=formulas or (measure_id,),
        statistics=statistics,
        compute=computed,
        parameters=defaults,
    )


MEASURES: Mapping[str, Measure] = {
    measure.id: measure
    for measure in (
        # -------------------------------------------------------------------------- the network
        _measure(
            "coverage-of-floor",
            Text("网络覆盖率", "Coverage of the floor"),
            network.coverage_of_floor,
            _TALLY | _SHARE,
            "floor-coverage",
            limit=0.0,
            share="",
            cell=0.0,
            width=0.0,
            depth=0.0,
        ),
        _measure(
            "networked-devices", Text("联网设备数", "Networked devices"), network.networked_devices, _TALLY, types=""
        ),
        _measure(
            "networked-share",
            Text("关键设备联网率", "Share of networked devices"),
            network.networked_share,
            _TALLY,
            types="",
        ),
        _measure(
            "five-g-access", Text("设备5G接入比例", "Share of devices on 5G"), network.five_g_access, _TALLY, types=""
        ),
        _measure(
            "device-latency",
            Text("设备间网络时延", "Delay between devices"),
            network.device_latency,
            frozenset((Statistic.PERCENTILE,)),
            *(formula.id for formula in PERCENTILES.values()),
            direction="one-way",
            percentile="99",
        ),
        # --------------------------------------------------------------------------- production
        _measure(
            "production-rate",
            Text("生产效率", "Production rate"),
            production.production_rate,
            _RATIO,
            "production-rate",
            "production-rate-by-ideal-time",
            "production-rate-per-person",
            weight="pieces",
            per="planned-hour",
        ),
        _measure("inspection-rate", Text("质检效率", "Inspection rate"), production.inspection_rate, _RATIO),
        _measure(
            "defect-share",
            Text("不良品率", "Share of defects"),
            production.defect_share,
            _SHARE,
            "scrap-share",
            "defect-rate",
            counting="left",
        ),
        _measure(
            "yield-share",
            Text("良品率", "Yield"),
            production.yield_share,
            _SHARE,
            "finished-yield",
            "quality-ratio-by-pieces",
            counting="left",
        ),
        _measure(
            "energy-per-piece",
            Text("单件能耗", "Energy per good piece"),
            equipment.energy_per_piece,
            _RATIO,
            "energy-per-good-piece",
        ),
        _measure(
            "oee", Text("设备综合效率", "Overall equipment effectiveness"), equipment.overall_effectiveness, _RATIO
        ),
        _measure(
            "mttr",
            Text("平均修复时间", "Mean time to restoration"),
            equipment.time_to_restoration,
            _RATIO,
            "mttr-by-failures",
        ),
        # ------------------------------------------------------------------------ being right
        _measure(
            "misjudgement",
            Text("误判率", "Misjudgement"),
            judgement.misjudgement,
            _SHARE,
            "misjudgement-rate",
            good="",
        ),
        _measure(
            "closed-loop-correctness",
            Text("闭环控制正确率", "Correct control cycles"),
            judgement.closed_loop_correctness,
            _SHARE,
        ),
        _measure(
            "deadline-miss-rate",
            Text("控制周期超时率", "Control cycles that missed their deadline"),
            judgement.deadline_miss_rate,
            _SHARE,
        ),
        _measure(
            "decision-correctness", Text("智能决策正确率", "Correct decisions"), judgement.decision_correctness, _SHARE
        ),
        _measure(
            "completed-sessions",
            Text("有效场次", "Sessions that count"),
            judgement.completed_sessions,
            _TALLY,
            kind="training",
            latency=0.0,
            freezes=1.0,
        ),
        # -------------------------------------------------- material, transport, identifiers
        _measure(
            "realtime-rate",
            Text("物料量化管理实时率", "Real-time rate"),
            material.realtime_rate,
            _SHARE,
            "real-time-rate",
            agreed=0.0,
        ),
        _measure(
            "stock-accuracy",
            Text("物料量化管理准确率", "Accuracy of stock records"),
            material.stock_accuracy,
            _SHARE,
            "record-accuracy",
        ),
        _measure(
            "transports-per-vehicle-hour",
            Text("AGV效率", "Transports per vehicle hour"),
            fleet.transports_per_vehicle_hour,
            _RATIO,
        ),
        _measure(
            "cost-per-transport",
            Text("单次运输成本", "Cost per transport"),
            fleet.cost_per_transport,
            _RATIO,
            energy_price=0.80,
            vehicle_hour=0.0,
            labour_hour=0.0,
            vehicles_per_person=0.0,
            charging_efficiency=0.88,
        ),
        _measure(
            "identified-per-hour",
            Text("数据采集和标识解析效率", "Identifiers resolved per hour"),
            production.identified_per_hour,
            _RATIO,
        ),
    )
}
"""Every measure by its id."""
