"""The console's own lists."""

from __future__ import annotations

from apps.directory.models import Endpoint
from apps.mails.models import Mail
from apps.workspaces.models import Workspace

from .consoles import EndpointConsole, WorkspaceConsole
from .mails import MailAdmin

SUPPORT = [(Workspace, WorkspaceConsole), (Endpoint, EndpointConsole), (Mail, MailAdmin)]
