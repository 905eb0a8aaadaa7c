"""A sweep with its certificate: what every door carries out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_sweeper.usecases.sweep import SweepEngine, go_on, unheard, unseen
from mayfly_sweeper.usecases.witness import Sources, Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_sweeper.domain.items import DueItem, PurgeResult
    from mayfly_sweeper.domain.sweep import Ending, Progress, SweepOrder
    from mayfly_sweeper.usecases.pacing import FetchPage
    from mayfly_sweeper.usecases.purging import OnResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedEngine:
    """Carries out sweeps; each real one leaves a certificate, however it ends."""

    engine: SweepEngine
    sources: Sources

    async def __call__(
        self,
        order: SweepOrder,
        *,
        plan: FetchPage | None = None,
        on_progress: Callable[[Progress], None] = unseen,
        on_result: OnResult = unheard,
        stop: Callable[[], bool] = go_on,
    ) -> Ending:
        """Carry out one sweep; see `SweepEngine`."""
        if order.dry_run:
            return await self.engine(order, plan=plan, on_progress=on_progress, on_result=on_result, stop=stop)
        witness = Witness(self.sources, order, planned=plan is not None)

        def saw(item: DueItem, result: PurgeResult) -> None:
            witness.saw(item, result)
            on_result(item, result)

        ending = await self.engine(
            order, plan=plan, on_progress=on_progress, on_result=saw, after_page=witness.turn_page, stop=stop
        )
        return await witness.finish(ending)
