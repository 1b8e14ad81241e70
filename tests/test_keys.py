"""Secrets are created once, are private, and are refused if they were changed."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from salepixel import keys
from salepixel.keys import BadKeys, Keys, accept_keys, load_keys


def test_keys_are_created_once_and_are_readable_only_by_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(load_keys, [path] * 16))
    assert len({keys.secrets[1] for keys in found}) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.parent.iterdir()) == [path.with_suffix(".fingerprint"), path]


def test_a_service_that_starts_while_another_one_creates_the_keys_has_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one writes them, and their fingerprint, after this one saw that there are none."""
    path, check = tmp_path / "data" / "keys.json", keys._check_nothing_is_there
    first = list[keys.Keys]()

    def overtaken(path: Path) -> None:
        monkeypatch.undo()
        first.append(load_keys(path))
        check(path)

    monkeypatch.setattr(keys, "_check_nothing_is_there", overtaken)
    assert load_keys(path) == first[0]


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    load_keys(path)
    path.chmod(0o644)
    with pytest.raises(BadKeys, match="chmod 600"):
        load_keys(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"active": 1, "keys": {}}',
        '{"active": 1, "keys": {"1": "00"}}',
        '{"active":1,"keys":{"1":3}}',
    ],
)
def test_a_damaged_key_file_is_refused_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(BadKeys):
        load_keys(path)
    assert path.read_text() == content


@pytest.mark.parametrize("left", ["keys.fingerprint", "salepixel.sqlite3", "journal"])
def test_no_keys_are_created_beside_existing_data(tmp_path: Path, left: str) -> None:
    (tmp_path / left).mkdir() if left == "journal" else (tmp_path / left).touch()
    with pytest.raises(BadKeys, match=f"is missing, but .*{left}.*backup"):
        load_keys(tmp_path / "keys.json")
    assert not (tmp_path / "keys.json").exists()


def test_keys_of_another_installation_are_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "keys.json", tmp_path / "other" / "keys.json"
    first = load_keys(path)
    load_keys(other)
    kept = path.read_bytes()
    other.replace(path)
    with pytest.raises(BadKeys, match="of another installation"):
        load_keys(path)
    path.write_bytes(kept)
    assert load_keys(path) == first


def test_rotated_keys_belong_to_the_same_installation(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    load_keys(path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "active": 2, "keys": {**content["keys"], "2": "ab" * 32}}))
    assert load_keys(path).active == 2


def test_a_folder_without_a_fingerprint_accepts_its_keys(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "keys.json").write_text(json.dumps({"active": 1, "keys": {"1": "ab" * 32}}))
    (tmp_path / "keys.json").chmod(0o600)
    assert load_keys(tmp_path / "keys.json").fingerprint == (tmp_path / "keys.fingerprint").read_text()


def test_without_a_backup_new_keys_can_be_accepted(tmp_path: Path) -> None:
    first = load_keys(tmp_path / "keys.json")
    (tmp_path / "keys.json").unlink()
    second = accept_keys(tmp_path / "keys.json")
    assert first.fingerprint != second.fingerprint
    assert load_keys(tmp_path / "keys.json") == second


def test_an_unusable_folder_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadKeys, match="This user must have access to") as refused:
        load_keys(tmp_path / "file" / "keys.json")
    assert len(str(refused.value).splitlines()) == 1


def test_secrets_do_not_show_in_a_traceback(tmp_path: Path) -> None:
    keys = load_keys(tmp_path / "keys.json")
    secret = json.loads((tmp_path / "keys.json").read_text())["keys"]["1"]
    assert secret not in repr(keys)
    assert keys.secrets[1].hex() == secret


def test_each_purpose_has_its_own_key(keys: Keys) -> None:
    assert len({keys.derive(1, purpose) for purpose in ("link", "click", "email", "session")}) == 4


def test_an_address_has_one_hash_per_account_also_after_a_key_rotation(keys: Keys) -> None:
    rotated = Keys(2, {1: keys.secrets[1], 2: bytes(32)})
    assert keys.hash_email(1, "ana@example.com") == rotated.hash_email(1, "ana@example.com")
    assert keys.hash_email(1, "ana@example.com") != keys.hash_email(2, "ana@example.com")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" Ana@Example.COM ", "ana@example.com", True),
        ("jose\u0301@x.test", "jos\u00e9@x.test", True),  # a letter and its accent, and both in one
        ("JOSE\u0301@x.test", "jos\u00e9@x.test", True),
        ("ana@M\u00dcNCHEN.test", "ana@mu\u0308nchen.test", True),
        ("ana@m\u00fcnchen.test", "ana@xn--mnchen-3ya.test", True),
        ("ana@m\u00fcnchen.test", "ana@XN--MNCHEN-3YA.test", True),
        ("ana@mail.m\u00fcnchen.test", "ana@mail.xn--mnchen-3ya.test", True),
        ("ana@stra\u00dfe.test", "ana@xn--strae-oqa.test", True),
        ("ana@stra\u00dfe.test", "ana@strasse.test", False),  # two domains since 2010, whoever has them
        ("ana@shop.test.", "ana@shop.test", True),
        ("ana@\uff33hop\u3002test", "ana@shop.test", True),
        ("ana@\u039f\u0394\u039f\u03a3.test", "ana@\u03bf\u03b4\u03bf\u03c3.test", True),
        ("ana@\u03bf\u03b4\u03bf\u03c3.test", "ana@\u03bf\u03b4\u03bf\u03c2.test", False),  # final sigma
        ("xn--mnchen-3ya@x.test", "m\u00fcnchen@x.test", False),  # only a domain is written like that
        ("ana@xn--\u00fc.test", "ana@\u00fc.test", False),
        ("jose@x.test", "jos\u00e9@x.test", False),
    ],
)
def test_all_spellings_of_an_address_have_the_same_hash(one: str, other: str, same: bool) -> None:
    keys = Keys(1, {1: bytes(32)})
    assert (keys.hash_email(1, one) == keys.hash_email(1, other)) is same
    assert (keys.hash_alias(1, one) == keys.hash_alias(1, other)) is same


@pytest.mark.parametrize(
    ("email", "digest"),
    [
        ("Ana@Example.COM", "1a11e2ae3b7da81bad6e8f8c2613832f"),
        ("José@München.test", "746e46bd2c3f130ad355e4d34a9ea975"),
        ("ana@straße.test", "b3544829f57f96548bae2ccdbae89dec"),
        ("ana@οδος.gr", "aa3ead68f1fea10aa54aef57901f4a43"),
        ("o'neil@a_b.test", "9f4e78c6194a223d61bbc83a31c1b5e1"),
    ],
)
def test_stored_hashes_stay_valid(email: str, digest: str) -> None:
    assert Keys(1, {1: bytes(32)}).hash_email(7, email) == digest


@pytest.mark.parametrize(
    "domain", ["xn--", "xn---", "xn--99999999", "xn--0b4f", "xn--\u00fc", "", ".", "a..b"]
)
def test_an_invalid_domain_is_hashed_as_written(domain: str) -> None:
    keys = Keys(1, {1: bytes(32)})
    assert keys.hash_email(1, f"ana@{domain}") == keys.hash_email(1, f"Ana@{domain}")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ana@example.com", "Ana+shop@Example.com", True),
        ("ana.b@gmail.com", "anab+x@googlemail.com", True),
        ("ana.b@example.com", "anab@example.com", False),
        ("ana@example.com", "bo@example.com", False),
        ("ana@example.com", "ana@example.org", False),
        ("+34600111222@sms.example.com", "+34611999888@sms.example.com", False),
        ("+34600111222+x@sms.example.com", "+34600111222@sms.example.com", False),
    ],
)
def test_addresses_that_lead_to_one_mailbox_have_one_hash(one: str, other: str, same: bool) -> None:
    keys = Keys(1, {1: bytes(32)})
    assert (keys.hash_alias(1, one) == keys.hash_alias(1, other)) is same
    assert keys.hash_alias(1, one) != keys.hash_alias(2, one)
    assert keys.hash_alias(1, one) != keys.hash_email(1, one)
