"""What a forked worker does: the job that was rung for, and whatever else is due in its worker's lanes meanwhile.

A fork costs more than most jobs, and most jobs wait for WeChat. So several run at a time, each lane with its own number
of them: however much bulk work there is, a thread is free for what a person waits for. Within a lane providers take
turns, whoever came first. A ring for a job that was taken this way finds nothing to do.
"""

from __future__ import annotations

import contextvars
import mmap
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from sqlalchemy import text
from sqlalchemy.orm import Session

from jobs import runner
from saas import clock
from saas.db import platform_session
from saas.queue import Lane

AT_ONCE = {Lane.URGENT: 8, Lane.DEFAULT: 4, Lane.BULK: 6, Lane.POLL: 4}
"""How many jobs of each lane one worker runs at a time."""
_SECONDS = 240.0
"""After so long a child comes to its end, and the next one starts with fresh memory: a lane begins something only while
work of a lane behind it keeps the child anyway. So polling begins nothing, and each lane ends after those behind it."""
_LONGEST = 600.0
"""After so long it begins nothing at all; with its longest job it stays below the time that RQ gives a ring."""
_LOOK_EVERY = 0.25

_stop = mmap.mmap(-1, 1)
"""Shared with the children, which get no signal when their worker is told to stop."""
_lanes: tuple[Lane, ...] = tuple(Lane)

# Providers that have due jobs by one step through the index each; then the first jobs of each, by turns.
_NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"  # as in the index
_DUE = text(f"""
select found.id, open.lane
from unnest(cast(:lanes as text[]), cast(:counts as int[])) as open (lane, most) cross join lateral (
  with recursive all_owners (whose) as (
    (select coalesce(provider_id, {_NOBODY}) from jobs where status = 'queued' and lane = open.lane
     order by coalesce(provider_id, {_NOBODY}) limit 1)
    union all
    select (select coalesce(provider_id, {_NOBODY}) from jobs where status = 'queued' and lane = open.lane
            and coalesce(provider_id, {_NOBODY}) > whose order by coalesce(provider_id, {_NOBODY}) limit 1)
    from all_owners where whose is not null
  )
  select id, turn, random() as lot from (
    select one.id, row_number() over (partition by whose order by one.run_at, one.id) as turn
    from all_owners cross join lateral (
      select id, run_at from jobs
      where status = 'queued' and lane = open.lane and coalesce(provider_id, {_NOBODY}) = whose and run_at <= :now
        and not exists (select from jobs busy
                        where busy.status = 'running' and busy.name = jobs.name and busy.subject = jobs.subject)
      order by run_at, id limit open.most
    ) one
    where whose is not null
  ) due
  order by turn, lot limit open.most
) found
order by found.turn, found.lot
""")


def serve_lanes(lanes: Sequence[Lane]) -> None:
    """Say which lanes this process's children work in; before the first fork."""
    global _lanes
    _lanes = tuple(lanes)


def stop() -> None:
    """Tell this process and its children to begin nothing more."""
    _stop[0] = 1


def is_stopping() -> bool:
    return bool(_stop[0])


def work(job_id: str, lane: str) -> None:
    """What RQ calls with the job that was rung for. Ends when nothing is due any more."""
    begun = time.monotonic()
    under_way: dict[Future[None], tuple[str, Lane]] = {}
    with ThreadPoolExecutor(sum(AT_ONCE.values()), thread_name_prefix="job") as pool:

        def begin(one: str, lane: Lane) -> None:
            under_way[pool.submit(contextvars.copy_context().run, runner.run, one)] = one, lane

        begin(job_id, Lane(lane))
        while under_way:
            wait(under_way, timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED)
            for future in [one for one in under_way if one.done()]:
                del under_way[future]
                future.result()
            known = {one for one, _ in under_way.values()}
            counts = Counter(its_lane for _, its_lane in under_way.values())
            lanes = () if is_stopping() else _open_lanes(time.monotonic() - begun, counts)
            if not lanes:
                continue
            with platform_session("look for due jobs") as db:
                found = due(db, {each: AT_ONCE[each] - counts[each] for each in lanes}, besides=known)
            for one, its_lane in found:
                begin(one, its_lane)


def _open_lanes(seconds: float, under_way: Collection[Lane]) -> Sequence[Lane]:
    """The lanes in which a child of this age may begin something."""
    if seconds > _LONGEST:
        return ()
    if seconds <= _SECONDS:
        return _lanes
    order = list(Lane)
    last = max((order.index(lane) for lane in under_way), default=0)
    return [lane for lane in _lanes if order.index(lane) < last]


def due(db: Session, wanted: Mapping[Lane, int], *, besides: Collection[str] = ()) -> list[tuple[str, Lane]]:
    """So many due jobs of each lane, by turns of the providers. In a platform session."""
    rooms = {lane: most for lane, most in wanted.items() if most > 0}
    if not rooms:
        return []
    counts = [most + len(besides) for most in rooms.values()]
    rows = db.execute(_DUE, {"lanes": [lane.value for lane in rooms], "counts": counts, "now": clock.now()}).all()
    found: list[tuple[str, Lane]] = []
    for one, lane in ((str(one), Lane(lane)) for one, lane in rows):
        if one not in besides and rooms[lane] > 0:
            rooms[lane] -= 1
            found.append((one, lane))
    return found
