"""Where something happened, in words and as an address: workspace, application, mode. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Titled(Protocol):
    """A workspace or an application: what mails need of one."""

    @property
    def pk(self) -> object: ...
    @property
    def name(self) -> str: ...
    @property
    def slug(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPlace:
    """Names for people, ids for the row, slugs for links; empty where it does not apply."""

    workspace_id: str = ""
    workspace: str = ""
    application_id: str = ""
    application: str = ""
    mode: str = ""
    path: str = "/"


def mail_place(workspace: Titled, application: Titled | None = None, mode: str = "live") -> MailPlace:
    """Describe a workspace, or one of its applications in a mode."""
    path = f"/w/{workspace.slug}/"
    if application is None:
        return MailPlace(workspace_id=str(workspace.pk), workspace=workspace.name, path=path)
    return MailPlace(
        workspace_id=str(workspace.pk),
        workspace=workspace.name,
        application_id=str(application.pk),
        application=application.name,
        mode=mode,
        path=f"{path}a/{application.slug}/{mode}/",
    )
