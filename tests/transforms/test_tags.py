"""Six tags in their order, others kept, the same after a second run."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.transforms.pipeline import ResourceError, transform
from apps.transforms.tags import own_tags, replace_own_tags

from .sources import CONTEXT, OTHER_AUTHORIZATION, TAG_BASE, line_of

SAMPLE_TAGS = [
    {"system": f"{TAG_BASE}PatientAuthorizationId", "code": "8a350181-3115-49d7-a6aa-8e05b1cab08a"},
    {
        "system": f"{TAG_BASE}EndpointId",
        "code": "a5c22966-244d-4f36-b43a-4d4a619f89cc",
        "display": "flexpa-sandbox",
    },
    {"system": f"{TAG_BASE}ApplicationId", "code": "062ca646-8d42-4753-9cd1-b39b234dd559"},
    {"system": f"{TAG_BASE}PatientAuthorizationMode", "code": "TEST"},
    {"system": f"{TAG_BASE}AuthorizationType", "code": "OAUTH"},
]
CONSENT_TAG = {"system": f"{TAG_BASE}ConsentId", "code": CONTEXT.consent_id}


def test_documented_sample_with_the_consent_tag_after_it() -> None:
    line = line_of(
        {
            "resourceType": "Patient",
            "id": "example-patient-id",
            "meta": {"lastUpdated": "2023-05-15T14:30:00Z"},
            "name": [{"family": "Smith", "given": ["John"]}],
        }
    )
    assert line["meta"]["tag"] == [*SAMPLE_TAGS, CONSENT_TAG]
    assert line["meta"]["lastUpdated"] == "2023-05-15T14:30:00Z"
    assert line["name"] == [{"family": "Smith", "given": ["John"]}]


def test_other_tags_and_the_rest_of_meta_are_kept() -> None:
    foreign = [{"system": "https://payer.example/tag", "code": "x"}, {"code": "no system"}, None, "odd"]
    meta = {
        "versionId": "3",
        "tag": [foreign[0], {"system": f"{TAG_BASE}ConsentId", "code": "stale"}, *foreign[1:]],
        "profile": ["https://payer.example/p"],
        "security": [{"code": "R"}],
    }
    line = line_of({"resourceType": "Coverage", "id": "1", "meta": meta})
    assert line["meta"]["tag"] == [*foreign, *SAMPLE_TAGS, CONSENT_TAG]
    assert list(line["meta"]) == ["versionId", "tag", "profile", "security", "source"]
    assert line["meta"]["versionId"] == "3"


_tags = st.lists(
    st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "system": st.sampled_from([tag["system"] for tag in own_tags(CONTEXT)] + ["https://x.example"]),
            "code": st.text(max_size=3),
        },
    )
)


@given(_tags)
def test_second_run_changes_nothing_and_another_authorization_replaces_all(tags: list[Any]) -> None:
    once = replace_own_tags(copy.deepcopy(tags), context=CONTEXT)
    assert replace_own_tags(copy.deepcopy(once), context=CONTEXT) == once
    assert replace_own_tags(once, context=OTHER_AUTHORIZATION) == replace_own_tags(tags, context=OTHER_AUTHORIZATION)


@pytest.mark.parametrize("meta", ['"odd"', "[1]", '{"tag":{}, "tag":{"system":"s"}}', '{"tag":"odd"}'])
def test_meta_of_a_wrong_shape_is_a_broken_resource(meta: str) -> None:
    raw = f'{{"resourceType":"Claim","id":"1","meta":{meta}}}'
    with pytest.raises(ResourceError) as refusal:
        transform(raw.encode(), context=CONTEXT)
    assert refusal.value.code == "malformed"


@pytest.mark.parametrize("meta", [None, {}, {"tag": None}, {"tag": []}])
def test_empty_meta_is_as_none(meta: Any) -> None:
    assert line_of({"resourceType": "Claim", "id": "1", "meta": meta})["meta"]["tag"] == json.loads(
        json.dumps([*SAMPLE_TAGS, CONSENT_TAG])
    )
