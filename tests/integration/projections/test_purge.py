"""The members of a version that is out of use are removed in chunks, and no statistics make that slow."""

from __future__ import annotations

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.model import segments
from projections.worker.shards.shard import ALL
from tests.support.clock import machine_now
from tests.support.installation import Installation

CUSTOMERS = 3_000
CHUNK = 2_000
EVERYBODY = [{"attribute": "external_id", "operator": "is_set"}]
READ = (
    "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
    " WHERE relname = 'members' AND schemaname = 'rollcall_model'"
)


def test_a_version_that_the_statistics_do_not_know_yet_is_removed_without_reading_it_again_and_again(
    installation: Installation,
) -> None:
    """The planner believed that there was one row, and read all of them once for each."""
    account = installation.account()
    changes = [CustomerChange(f"c{n}", "changed", machine_now(), CustomerData(name="x")) for n in range(CUSTOMERS)]
    installation.rollcall.customers.change(account, changes)
    installation.rollcall.segments.create(account, SegmentDraft("known", "", "dynamic", EVERYBODY))
    installation.project()
    with installation.owner() as owner:
        owner.execute("ANALYZE members")
        installation.rollcall.segments.create(account, SegmentDraft("new", "", "dynamic", EVERYBODY))
        installation.project()
        owner.execute(
            "UPDATE segment_versions SET state = 'retired', purged = false"
            " WHERE version_no = (SELECT max(version_no) FROM segment_versions)"
        )
        for left in (CUSTOMERS - CHUNK, 0):
            with owner.transaction():
                segments.purge(owner, ALL, CHUNK)
                ((read,),) = owner.execute(READ).fetchall()
            members = owner.execute("SELECT count(*) FROM members").fetchone()
            assert members == (CUSTOMERS + left,)
            assert read <= 4 * 2 * CUSTOMERS, "members read"
