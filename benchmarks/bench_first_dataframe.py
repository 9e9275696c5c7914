"""How soon the first DataFrame of a run is there: from a pre-warmed kernel, and from one started cold."""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.report import report
from genie_nb.backend.interpreter.pool import KernelPool
from genie_nb.backend.interpreter.runner import Interpreter
from genie_nb.parts import TablePart

CODE = "import pandas as pd\npd.DataFrame({'n': range(1000)}).describe()"


async def first_table_s(pool: KernelPool) -> float:
    with tempfile.TemporaryDirectory() as folder:
        runner = Interpreter(pool, folder=Path(folder))
        began = time.perf_counter()
        shown = 0.0
        async for part in runner.run(CODE, timeout_s=60):
            if isinstance(part, TablePart):
                shown = time.perf_counter() - began
        await runner.close()
    assert shown
    return shown


async def measure() -> list[dict[str, str | float]]:
    cold_pool, warm_pool = KernelPool(spare=0), KernelPool(spare=1)
    try:
        cold = await first_table_s(cold_pool)
        kernel = await warm_pool.take()  # its successor starts now
        await kernel.kill()
        await asyncio.sleep(5)
        warm = await first_table_s(warm_pool)
    finally:
        await cold_pool.close()
        await warm_pool.close()
    return [
        {"kernel": "pre-warmed (ours)", "first DataFrame s": warm, "ratio": 1.0},
        {"kernel": "started cold", "first DataFrame s": cold, "ratio": cold / warm},
    ]


def main() -> None:
    report("first_dataframe", "The first DataFrame of a run", asyncio.run(measure()))


if __name__ == "__main__":
    main()
