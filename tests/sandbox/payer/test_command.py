"""The command that the demo starts, as a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request

from apps.sandbox.payer.__main__ import parse_arguments


def test_command_serves_with_its_base_url_and_says_its_port() -> None:
    command = [
        sys.executable,
        "-m",
        "apps.sandbox.payer",
        "--port",
        "0",
        "--base-url",
        "https://payer.example/p/",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout
            port = re.fullmatch(r"Sandbox payer on port (\d+)\n", process.stdout.readline())
            assert port
            url = f"http://127.0.0.1:{port[1]}/acme/fhir/.well-known/smart-configuration"
            with urllib.request.urlopen(url) as response:
                document = json.load(response)
            assert document["token_endpoint"] == "https://payer.example/p/acme/oauth/token"
            assert document["grant_types_supported"] == ["authorization_code"]
        finally:
            process.terminate()


def test_redirect_uri_can_be_given_more_than_once() -> None:
    chosen = parse_arguments(["--redirect-uri", "https://a.example/", "--redirect-uri", "https://b.example/"])
    assert chosen.redirect_uri == ["https://a.example/", "https://b.example/"]
    assert (chosen.host, chosen.token_seconds) == ("127.0.0.1", 3600)


def test_payer_needs_no_django() -> None:
    program = "import sys, apps.sandbox.payer.server; print('django' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert result.stdout == "False\n"
