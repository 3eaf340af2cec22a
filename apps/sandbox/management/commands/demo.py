"""`manage.py demo`: the whole story on this machine. `ONCE=1` ends after the objects were read back."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from apps.sandbox.demo.customer import our_credentials
from apps.sandbox.demo.developer import StoryFailed
from apps.sandbox.demo.environment import starts_local_aws
from apps.sandbox.demo.processes import DidNotStart, Processes
from apps.sandbox.demo.story import Story


class Command(BaseCommand):
    stopping = False  # a plain flag: an Event set in a signal handler can deadlock
    help = "Run everything: sandbox payer, local AWS, web, workers; deliver synthetic records to a bucket."

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        with Processes(settings.VAR) as processes:
            try:
                self._print(self._tell(processes))
                if os.environ.get("ONCE") == "1":
                    return
                self.stdout.write("Serving until Ctrl-C.")
                while not self.stopping:
                    processes.check()
                    time.sleep(0.5)
            except (DidNotStart, StoryFailed) as failed:
                raise CommandError(str(failed)) from None

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _tell(self, processes: Processes) -> Story:
        def check() -> None:
            processes.check()
            if self.stopping:
                raise StoryFailed("Stopped.")

        story = Story(Path(settings.VAR), lambda text: self.stdout.write(text), check)
        ours = self._start_world(processes)
        story.make_team()
        self._start_product(processes, ours)
        story.tell()
        return story

    def _start_world(self, processes: Processes) -> dict[str, str]:
        """Start payer and local AWS; return our own AWS credentials for the product's environment."""
        port = os.environ["DEMO_PAYER_PORT"]
        processes.start("payer", "-m", "apps.sandbox.payer", "--port", port)
        if starts_local_aws():
            state = settings.VAR / "aws"
            cloud = os.environ["DEMO_CLOUD_PORT"]
            processes.start("aws", "-m", "apps.sandbox.cloud", "--port", cloud, "--state", str(state))
            processes.wait_for("aws", f"{os.environ['AWS_ENDPOINT_URL']}/_fake/healthz")
        processes.wait_for("payer", f"{settings.SANDBOX_PAYER_URL}/healthz")
        path = settings.VAR / "demo-aws.json"
        ours = our_credentials(json.loads(path.read_text()) if path.exists() else {})
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(ours, file)
        return ours

    def _start_product(self, processes: Processes, ours: dict[str, str]) -> None:
        manage = str(settings.BASE_DIR / "manage.py")
        processes.start("worker", manage, "runworker", env=ours)
        processes.start(
            "web", "-m", "gunicorn", "portal.wsgi:application", "--chdir", str(settings.BASE_DIR),
            "--worker-class", "gthread", "--threads", "8", "--timeout", "120", "--no-control-socket",
            "--bind", f"127.0.0.1:{os.environ['DEMO_WEB_PORT']}",
            env={**ours, "DJANGO_SETTINGS_MODULE": "portal.settings"},
        )  # fmt: skip
        processes.wait_for("web", f"{settings.PUBLIC_URL}/readyz")

    def _print(self, story: Story) -> None:
        fields = story.fields
        self.stdout.write("\nDelivered and read back:")
        for each in fields["delivered"]:
            self.stdout.write(f"  s3://{each['bucket']}/{each['key']}")
            self.stdout.write(f"    {each['resources']} resources, {each['bytes']} bytes, SHA-256 {each['sha256']}")
        self.stdout.write(f"\nPortal:   {fields['portal_url']}")
        self.stdout.write(f"Sign in:  {fields['email']} / {fields['password']}")
        support = f"{fields['support_email']} / {fields['support_password']}"
        self.stdout.write(f"Support:  {fields['portal_url']}/support/ with {support}")
        self.stdout.write("          (the demo switches the second factor of support staff off)")
        self.stdout.write(f"All keys: {story.path}")
