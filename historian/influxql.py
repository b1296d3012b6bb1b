"""InfluxQL and its answers, without the network: conditions out, CSV in.

A series is named `device=…,line=…,scene=…,signal=…,site=…`, keys in order, with `,`, `=` and
blanks escaped. Words of paths never stand in a question; they are bound as parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from plant.batch import Batch, Form, Ints
from plant.tags import LEVELS

FIELDS = "v, i, b, s, n, q, lat, o"
"""The fields of a sample, as a question asks for them."""

SAMPLE: Mapping[str, pa.DataType] = {
    "tags": pa.string(),
    "time": pa.int64(),
    "v": pa.float64(),
    "i": pa.int64(),
    "b": pa.bool_(),
    "s": pa.string(),
    "n": pa.int64(),
    "q": pa.int64(),
    "lat": pa.int64(),
    "o": pa.int64(),
}
"""The types of a sample's columns."""
_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_UNESCAPE = re.compile(r"\\([,= ])")
_TAG = re.compile(r"(?<!\\),")


def series_of(path: str) -> str:
    """Name a path's series as InfluxDB does."""
    levels = dict(zip(LEVELS, path.split("/"), strict=True))
    return ",".join(f"{key}={levels[key].translate(_ESCAPES)}" for key in sorted(levels))


def path_of(series: str) -> str:
    """Return the path that a series belongs to."""
    levels = tags_of(series)
    return "/".join(levels[level] for level in LEVELS)


def tags_of(series: str) -> dict[str, str]:
    """Return the tags of a series; its measurement, if it is named, is none of them."""
    pairs = [tag.partition("=") for tag in _TAG.split(series)]
    return {key: _UNESCAPE.sub(r"\1", value) for key, equals, value in pairs if equals}


def condition(paths: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Write the condition for some paths, with every word bound as a parameter."""
    names: dict[str, str] = {}
    clauses = []
    for path in paths:
        words = [names.setdefault(word, f"w{len(names)}") for word in path.split("/")]
        clauses.append(" AND ".join(f"{level} = ${word}" for level, word in zip(LEVELS, words, strict=True)))
    return " OR ".join(f"({clause})" for clause in clauses), {name: word for word, name in names.items()}


def read_csv(text: bytes, types: Mapping[str, pa.DataType] = SAMPLE) -> pa.Table | None:
    """Read an answer; None when it holds no rows. `types`: of the columns it may have."""
    if not text.strip():
        return None
    return pyarrow.csv.read_csv(
        BytesIO(text),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(types), null_values=[""], strings_can_be_null=False
        ),
    )


def to_batch(table: pa.Table, paths: Sequence[str]) -> Batch:
    """Turn an answer with `FIELDS`, grouped by series, into samples of `paths`."""
    table = _written(table)
    columns = {name: table.column(name).combine_chunks() for name in SAMPLE}
    place = {series_of(path): i for i, path in enumerate(paths)}
    tags = pc.dictionary_encode(columns["tags"])
    tag = np.array([place[t] for t in tags.dictionary.to_pylist()], np.uint32)[tags.indices.to_numpy()]
    time, late = (_ints(columns[name]) for name in ("time", "lat"))
    has = {name: columns[name].is_valid().to_numpy(zero_copy_only=False) for name in ("n", "v", "i", "b")}
    form = np.select(
        [has["n"] | has["v"], has["i"], has["b"]], [Form.FLOAT, Form.INTEGER, Form.BOOLEAN], Form.TEXT
    ).astype(np.uint8)
    numbers = columns["v"].fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
    numbers[has["n"]] = np.nan
    words = pc.dictionary_encode(columns["s"])
    raw = np.select(
        [form == Form.FLOAT, form == Form.INTEGER, form == Form.BOOLEAN],
        [numbers.view(np.int64), _ints(columns["i"]), _ints(columns["b"].cast(pa.int64()))],
        _ints(words.indices.cast(pa.int64())),
    )
    return Batch(
        names=tuple(paths),
        texts=tuple(words.dictionary.to_pylist()) if (form == Form.TEXT).any() else (),
        tag=tag,
        time=time,
        received=time + late,
        raw=raw,
        quality=_ints(columns["q"]).astype(np.uint32),
        form=form,
        origin=_ints(columns["o"]).astype(np.uint8),
    )


def _written(table: pa.Table) -> pa.Table:
    """Leave out points that are being written: InfluxDB shows the fields of one as they come, not all at once.

    A value that is not there yet cannot be told from an empty text; it is one until the next question.
    """
    return table.filter(pc.and_(table["q"].is_valid(), table["lat"].is_valid()))


def _ints(column: pa.Array) -> Ints:
    values: Ints = column.fill_null(0).to_numpy(zero_copy_only=False)
    return values
