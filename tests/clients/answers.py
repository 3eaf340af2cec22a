"""A sample run, and its answer held against the one that is shown below it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Collection, Mapping
from typing import Any

from .samples import HOST, Sample

ANSWERED = re.compile(r"const (\w+) = await response\.json\(\);")


def run(sample: Sample, host: str, substitutions: Mapping[str, str]) -> Any:
    """Replace host, keys, tokens and ids, each of which must be there; run it; return the JSON that came.

    A script keeps its answer in a variable: one more line prints it.
    """
    text = sample.text
    for what, value in {HOST: host, **substitutions}.items():
        assert what in text, f"{what} is not in {sample}"
        text = text.replace(what, value)
    if sample.is_shell:
        command = ["bash", "-c", text]
    else:
        (name,) = ANSWERED.findall(text)
        command = ["node", "--input-type=module", "-e", f"{text}\nconsole.log(JSON.stringify({name}));"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def differences(shown: Any, given: Any, *, same: Collection[str], path: str = "") -> list[str]:
    """Name what the sample shows and the answer lacks or has otherwise.

    `same`: what must have the value shown, by its path ("user.externalId") or wherever it is ("*.type"). Of a list
    every element that is shown must be among those given.
    """
    if isinstance(shown, dict) and isinstance(given, dict):
        found = [f"{path}{name} is missing" for name in shown if name not in given]
        for name in shown.keys() & given.keys():
            here = f"{path}{name}"
            if not {here, f"*.{name}"}.isdisjoint(same) and shown[name] != given[name]:
                found.append(f"{here} is {given[name]}, not {shown[name]}")
            found += differences(shown[name], given[name], same=same, path=f"{here}.")
        return found
    if isinstance(shown, list) and isinstance(given, list):
        return [f"{path} has no {each}" for each in shown if not _is_among(each, given, same, path)]
    return [] if type(shown) is type(given) else [f"{path} is a {type(given).__name__}"]


def _is_among(shown: Any, given: list[Any], same: Collection[str], path: str) -> bool:
    if not isinstance(shown, dict):
        return shown in given
    return any(differences(shown, each, same=same, path=path) == [] for each in given)
