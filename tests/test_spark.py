"""Inside a distributed engine: what Spark's workers say of a table is what the same call says of it here."""

from __future__ import annotations

import random
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from strategies import drawn

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java, which is not on the path", allow_module_level=True)

from pyspark.sql import DataFrame, SparkSession  # noqa: E402
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema  # noqa: E402

from triage.columns import SEVERAL  # noqa: E402
from triage.rulebook import Rulebook  # noqa: E402
from triage.tables import consult_batches, consult_table, plain  # noqa: E402

CARRIED = ["ward"]


def in_spark(frame: DataFrame) -> list[dict[str, Any]]:
    """The answers row by row, worked out by Spark's workers."""

    def consultations(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in consult_batches(batches, carry=CARRIED, fired=True):
            yield batch.cast(plain(batch.schema))

    answered = consult_table(to_arrow_schema(frame.schema).empty_table(), carry=CARRIED, fired=True)
    answers = frame.mapInArrow(consultations, from_arrow_schema(plain(answered.schema)))
    return in_order(row.asDict(recursive=True) for row in answers.collect())


def here(people: pa.Table) -> list[dict[str, Any]]:
    """The answers row by row, worked out in this process."""
    return in_order(consult_table(people, carry=CARRIED, fired=True).to_pylist())


def in_order(answers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(answers, key=lambda answer: int(answer["id"]))


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    local = "127.0.0.1"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPARK_LOCAL_IP", local)
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        session = (
            SparkSession.builder.master("local[2]")
            .appName("triage")
            .config("spark.driver.host", local)
            .config("spark.driver.bindAddress", local)
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            # Several batches a partition, so that one stream of batches is seen to be answered whole.
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", "70")
            .getOrCreate()
        )
        yield session
        session.stop()


def crowd(book: Rulebook, people: int) -> pa.Table:
    """People drawn by seed, some with contradictions, some with answers that cannot be read, in plain columns."""
    rng = random.Random(20261123)
    answers = [drawn(book, rng, most=20) for _ in range(people)]
    # Draws hold "not sure" of numbers: such columns are text, as a CSV file has them.
    columns: dict[str, Any] = {
        name: pa.array([_cell(given[name]) if name in given else None for given in answers], pa.string())
        for name in book.findings
    }
    ptosis = columns["ptosis"].to_pylist()
    ptosis[::29] = ["drooping a lot"] * len(ptosis[::29])
    ptosis[3::31] = [SEVERAL.join(("left", "absent"))] * len(ptosis[3::31])
    columns["ptosis"] = pa.array(ptosis, pa.string())
    columns["age"] = pa.array([rng.choice((None, 34.0, 71.5, 400.0)) for _ in answers], pa.float64())
    wards = pa.array([rng.choice(("east", "west", None)) for _ in answers], pa.string())
    return pa.table({"id": [str(n) for n in range(people)], "ward": wards, **columns})


def _cell(answer: object) -> str:
    return SEVERAL.join(map(str, answer)) if isinstance(answer, list) else str(answer)


def test_spark_says_of_every_row_what_the_same_call_says_here(
    spark: SparkSession, book: Rulebook, tmp_path: Path
) -> None:
    people = crowd(book, 400)
    pq.write_table(people, tmp_path / "people.parquet")
    frame = spark.read.parquet(str(tmp_path / "people.parquet")).repartition(2, "id")
    together, alone = in_spark(frame), here(people)
    assert together == alone
    assert [list(answer) for answer in together] == [list(answer) for answer in alone]
    # The rows are worth comparing: some wrong ones with their reasons, carried columns, contradictions, flags, rules.
    wrong = [answer["error"] for answer in alone if answer["error"]]
    assert 20 < len(wrong) < 300
    assert any("drooping a lot" in error for error in wrong)
    assert {answer["ward"] for answer in alone} == {"east", "west", None}
    assert {"emergency", "same_day"} <= {answer["urgency"] for answer in alone}
    assert any(answer["fired"] and answer["red_flags"] and answer["leading"] for answer in alone)


def test_a_partition_without_rows_comes_back_without_rows(spark: SparkSession, book: Rulebook, tmp_path: Path) -> None:
    people = crowd(book, 3)
    pq.write_table(people, tmp_path / "people.parquet")
    frame = spark.read.parquet(str(tmp_path / "people.parquet")).repartition(6)
    assert in_spark(frame) == here(people)
    assert in_spark(frame.limit(0)) == []


def test_the_example_of_the_readme_runs(spark: SparkSession, book: Rulebook, tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (example,) = (b for b in re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL) if "mapInArrow" in b)
    people = crowd(book, 20).drop_columns(CARRIED)
    pq.write_table(people, tmp_path / "people.parquet")
    scope: dict[str, Any] = {"patients": spark.read.parquet(str(tmp_path / "people.parquet"))}
    exec(example, scope)
    together = in_order(row.asDict(recursive=True) for row in scope["answers"].collect())
    assert together == in_order(consult_table(people).to_pylist())
