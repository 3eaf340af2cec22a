"""Lists and object pages of sync jobs, in the portal and in the console."""

from ..models import SyncJob
from .sync_jobs import SyncJobAdmin, SyncJobSupportAdmin

PORTAL = [(SyncJob, SyncJobAdmin)]
SUPPORT = [(SyncJob, SyncJobSupportAdmin)]
