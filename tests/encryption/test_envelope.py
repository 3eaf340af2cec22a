"""The key ring: sealing, keyed hashes and rotation, against the format as it is written down."""

import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from apps.encryption.envelope import EnvelopeError, Keyring

OLD = "old-key-" + "o1d2" * 8
NEW = "new-key-" + "n3w4" * 8
PURPOSE = "table.column"

old_ring = Keyring([OLD])
new_ring = Keyring([NEW])
both = Keyring([NEW, OLD])


def rfc5869(secret: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 for one block, without salt, from the document: extract, then expand."""
    extracted = hmac.digest(b"\0" * 32, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


@given(plaintext=st.binary(max_size=4096), purpose=st.text(max_size=40))
def test_sealed_bytes_open_to_what_was_sealed(plaintext: bytes, purpose: str) -> None:
    assert both.open(both.seal(plaintext, purpose=purpose), purpose=purpose) == plaintext


@given(plaintext=st.binary(max_size=64), data=st.data())
def test_any_changed_byte_refuses_to_open(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(both.seal(plaintext, purpose=PURPOSE))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(EnvelopeError):
        both.open(bytes(sealed), purpose=PURPOSE)


def test_every_single_bit_is_authenticated() -> None:
    sealed = both.seal(b"secret", purpose=PURPOSE)
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(EnvelopeError):
            both.open(bytes(changed), purpose=PURPOSE)


def test_key_id_of_another_key_of_the_ring_refuses_to_open() -> None:
    sealed = both.seal(b"secret", purpose=PURPOSE)
    moved = sealed[:1] + old_ring.seal(b"", purpose=PURPOSE)[1:5] + sealed[5:]
    with pytest.raises(EnvelopeError):
        both.open(moved, purpose=PURPOSE)


@given(kept=st.integers(0, 32))
def test_a_cut_value_refuses_to_open(kept: int) -> None:
    with pytest.raises(EnvelopeError):
        both.open(both.seal(b"", purpose=PURPOSE)[:kept], purpose=PURPOSE)


@given(purposes=st.lists(st.text(max_size=20), min_size=2, max_size=2, unique=True))
def test_another_purpose_refuses_to_open(purposes: list[str]) -> None:
    sealed = both.seal(b"secret", purpose=purposes[0])
    with pytest.raises(EnvelopeError):
        both.open(sealed, purpose=purposes[1])


def test_format_is_as_documented() -> None:
    sealed = new_ring.seal(b"plain", purpose=PURPOSE)
    key = rfc5869(NEW.encode(), b"seal:" + PURPOSE.encode())
    opened = AESGCM(key).decrypt(sealed[5:17], sealed[17:], sealed[:5] + PURPOSE.encode())
    assert opened == b"plain"
    assert sealed[0] == 1


def test_a_value_sealed_by_version_1_in_the_past_still_opens() -> None:
    sealed = bytes.fromhex(
        "01fb27c72e2c1231fc9216685f32b04308486f3b8aa41b2a1d6e9482706bc611f020707f5987503b1c1841290b88aa"
    )
    assert new_ring.open(sealed, purpose=PURPOSE) == b"an external ID"


@pytest.mark.parametrize("version", [b"\x00", b"\x02"])
def test_another_version_is_named_as_not_sealed(version: bytes) -> None:
    with pytest.raises(EnvelopeError, match="not a sealed value"):
        both.open(version + both.seal(b"secret", purpose=PURPOSE)[1:], purpose=PURPOSE)


def test_same_text_never_seals_to_the_same_bytes() -> None:
    assert len({both.seal(b"secret", purpose=PURPOSE)[5:17] for _ in range(50)}) == 50


def test_old_key_opens_and_new_key_seals() -> None:
    sealed = old_ring.seal(b"secret", purpose=PURPOSE)
    assert both.open(sealed, purpose=PURPOSE) == b"secret"
    assert both.needs_reseal(sealed)
    resealed = both.seal(both.open(sealed, purpose=PURPOSE), purpose=PURPOSE)
    assert not both.needs_reseal(resealed)
    assert new_ring.open(resealed, purpose=PURPOSE) == b"secret"


def test_a_removed_key_no_longer_opens() -> None:
    with pytest.raises(EnvelopeError, match="not among the encryption keys"):
        new_ring.open(old_ring.seal(b"secret", purpose=PURPOSE), purpose=PURPOSE)


def test_digest_is_an_hmac_under_the_derived_key() -> None:
    key_id, digest = new_ring.digest("value", purpose=PURPOSE)
    key = rfc5869(NEW.encode(), b"digest:" + PURPOSE.encode())
    assert digest == hmac.digest(key, b"value", "sha256")
    assert key_id == new_ring.seal(b"", purpose=PURPOSE)[1:5].hex()


@given(value=st.text(), other=st.text())
def test_digest_matches_its_value_alone(value: str, other: str) -> None:
    key_id, digest = both.digest(value, purpose=PURPOSE)
    assert both.matches(value, key_id=key_id, digest=digest, purpose=PURPOSE)
    assert both.matches(other, key_id=key_id, digest=digest, purpose=PURPOSE) == (other == value)
    assert not both.matches(value, key_id=key_id, digest=digest, purpose="table.other")


def test_digest_of_a_lone_surrogate_matches_nothing_and_does_not_raise() -> None:
    key_id, digest = both.digest("value", purpose=PURPOSE)
    assert not both.matches("\ud800", key_id=key_id, digest=digest, purpose=PURPOSE)


def test_old_digest_matches_until_its_key_is_removed() -> None:
    key_id, digest = old_ring.digest("value", purpose=PURPOSE)
    assert both.matches("value", key_id=key_id, digest=digest, purpose=PURPOSE)
    assert not new_ring.matches("value", key_id=key_id, digest=digest, purpose=PURPOSE)


def test_digests_are_one_for_each_key_newest_first() -> None:
    expected = [new_ring.digest("value", purpose=PURPOSE), old_ring.digest("value", purpose=PURPOSE)]
    assert both.digests("value", purpose=PURPOSE) == expected


@pytest.mark.parametrize("secrets", [[], [""], ["x" * 31], [NEW, "short"], [NEW, NEW], [" " * 40]])
def test_unusable_keys_are_refused_without_repeating_them(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="key") as caught:
        Keyring(secrets)
    assert not any(secret and secret in str(caught.value) for secret in secrets)


def test_white_space_around_a_key_is_not_part_of_it() -> None:
    sealed = Keyring([f" {NEW}\n"]).seal(b"secret", purpose=PURPOSE)
    assert new_ring.open(sealed, purpose=PURPOSE) == b"secret"
