"""Copies a segment: what `/v1/segments/{id}/copy` and the console both do.

A dynamic copy has the same filter. A static one, of a list or of who matches a filter now, gets its members by a job,
whose customers are those of one position of the log. Copy and job are stored in one transaction; the copy is there
before its members are.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID, uuid5

from api.http.dependencies import Services
from api.jobs.asking import members_of
from domain.commands.log import Saved
from domain.segment import SegmentDraft, SegmentType, check_filter_edit


class Copied(NamedTuple):
    """The copy, and the job that adds its members, where it is a static one."""

    saved: Saved
    draft: SegmentDraft
    job_id: UUID | None


def copy_segment(
    services: Services, account_id: UUID, source_id: UUID, name: str, kind: SegmentType, copy_id: UUID, by: str
) -> Copied:
    """Copy a segment as a dynamic or a static one. The same `copy_id` a second time makes no second copy.

    Raises `Invalid`, `NotFound`; `Refused` for a dynamic copy of a static segment.
    """
    source = services.rollcall.segments.read(account_id, source_id)
    if kind == "dynamic":
        check_filter_edit(source)
    raw = source.filter if kind == "dynamic" else None
    labels = {each.label_id for each in services.rollcall.segments.labels(account_id)}
    label_ids = [each for each in source.label_ids if each in labels]
    draft = SegmentDraft(name, source.description, kind, raw, label_ids)
    if kind == "dynamic":
        return Copied(services.rollcall.segments.create(account_id, draft, copy_id, by=by), draft, None)
    job_id = uuid5(copy_id, "members")
    job = members_of(services, job_id, copy_id, source, by)
    saved = services.rollcall.segments.create(account_id, draft, copy_id, by=by, job=job)
    services.job_waiting.set()
    return Copied(saved, draft, job_id)
