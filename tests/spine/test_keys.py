"""The ring of keys and the commands that change it."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from search_rerank import keyring
from search_rerank.cli import main
from search_rerank.errors import ConfigError
from search_rerank.keyring import Keyring
from search_rerank.keys import Kept, create_key, keys_path, read_keys, revoke_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return keys_path(tmp_path / "home")


def test_what_is_kept_is_not_the_key(path: Path) -> None:
    made = create_key(path, "web", ["search"], created_ms=5)
    secret = made.token.split("_", 2)[2]
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keyring(path).recognise(made.token) == made.key == read_keys(path).keys[0]


def test_equal_secrets_would_have_other_hashes(path: Path) -> None:
    one, other = (create_key(path, name, ["search"], 0).key for name in "ab")
    assert one.salt != other.salt
    assert not one.fits("x") and one.hash != other.hash


@pytest.mark.parametrize("name", ["", "-x", "a b", "a" * 65, "a/b", "a\n"])
def test_a_name_is_checked(path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name: expected 1 to 64 letters"):
        create_key(path, name, ["search"], 0)


def test_a_name_is_used_once_until_it_is_revoked(path: Path) -> None:
    create_key(path, "web", ["search"], 0)
    with pytest.raises(ConfigError, match="found a key 'web': revoke it first"):
        create_key(path, "web", ["events"], 0)
    revoke_key(path, "web")
    create_key(path, "web", ["events"], 0)
    with pytest.raises(ConfigError, match="name of a key, found 'app'; known: web"):
        revoke_key(path, "app")


def test_no_key_is_lost_that_is_made_beside_another(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: create_key(path, f"key-{n}", ["search"], 0), range(24)))
    assert {key.name for key in read_keys(path).keys} == {f"key-{n}" for n in range(24)}


def damage(path: Path, place: int, **fields: object) -> dict[str, object]:
    """Change fields of a row of the file, and return it as it is then."""
    rows = json.loads(path.read_text())["keys"]
    rows[place] |= fields
    path.write_text(json.dumps({"keys": rows}))
    found: dict[str, object] = rows[place]
    return found


@pytest.mark.parametrize(
    "text", ["{", '{"keys": {}}', "[]", "null", '{"keys": [], "more": 1}', "[" * 5000, "\udcff"]
)
def test_a_damaged_file_is_told(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match="expected keys as 'search-rerank key create'"):
        read_keys(path)


def test_a_file_that_cannot_be_read_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ConfigError, match="keys cannot be read .Is a directory."):
        read_keys(path)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": "x"}, "id: String should match"),
        ({"id": None}, "id: Input should be a valid string"),
        ({"salt": "zz"}, "salt: String should match"),
        ({"salt": "a" * 64}, "salt: String should match"),
        ({"hash": "é" * 64}, "hash: String should match"),
        ({"scopes": ["everything"]}, "scopes.0: Input should be"),
        ({"per_minute": 0}, "per_minute: Input should be greater"),
        ({"token": "x"}, "expected the fields of a key, found another one"),
    ],
)
def test_a_damaged_row_costs_itself(path: Path, fields: dict[str, object], reason: str) -> None:
    tokens = [create_key(path, name, ["search"], 0).token for name in "abc"]
    damage(path, 1, **fields)
    ring = Keyring(path)
    assert [ring.recognise(token) is not None for token in tokens] == [True, False, True]
    assert ring.refused == 1
    (told,) = ring.degraded
    assert (told.stage, told.reason) == ("keys", "1 of 3 keys are damaged")
    (refused,) = read_keys(path).refused
    assert refused.who == "keys.1 ('b')" and refused.reason.startswith(reason)


def test_a_second_row_of_an_id_is_refused(path: Path) -> None:
    first, second = (create_key(path, name, ["search"], 0) for name in "ab")
    damage(path, 1, id=first.key.id)
    kept = read_keys(path)
    assert kept.keys == (first.key,)
    assert [row.reason for row in kept.refused] == ["id: expected another one for each key"]
    assert Keyring(path).recognise(second.token) is None


def test_a_damaged_row_is_kept_until_it_is_revoked(path: Path) -> None:
    for name in "ab":
        create_key(path, name, ["search"], 0)
    row = damage(path, 0, scopes="all")
    create_key(path, "c", ["search"], 0)
    revoke_key(path, "b")
    assert json.loads(path.read_text())["keys"][0] == row
    with pytest.raises(ConfigError, match="found a key 'a': revoke it first"):
        create_key(path, "a", ["search"], 0)
    revoke_key(path, "a")
    kept = read_keys(path)
    assert [key.name for key in kept.keys] == ["c"] and not kept.refused


def test_no_secret_is_told_of_a_damaged_row(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = create_key(path, "a", ["search"], 0)
    secret = made.token.split("_", 2)[2]
    damage(path, 0, name=made.token[:64], salt=secret, hash=made.token, **{secret: secret})
    assert Keyring(path).keys() == {}
    assert f"{path}: nobody is let in by keys.0: " in caplog.text
    assert secret not in caplog.text and made.key.hash not in caplog.text


@pytest.mark.parametrize("damage", ["text", "folder"])
def test_a_file_that_is_damaged_keeps_the_last_good_keys(
    path: Path, damage: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    moment = [0.0]
    monkeypatch.setattr(keyring, "monotonic", lambda: moment[0])
    made = create_key(path, "web", ["search"], 0)
    ring, late = Keyring(path), Keyring(path)
    assert ring.recognise(made.token) and ring.degraded == []
    whole = path.read_bytes()
    if damage == "text":
        path.write_text("{")
    else:
        path.unlink()
        path.mkdir()
    for _ in range(3):
        assert ring.recognise(made.token) == made.key
    assert [one.reason for one in ring.degraded] == [
        "the file of keys is damaged: the last good ones hold"
    ]
    assert not ring.lost
    assert late.recognise(made.token) is None and late.lost
    assert [one.reason for one in late.degraded] == [
        "the file of keys is damaged: nobody is let in"
    ]
    assert len(caplog.records) == 2  # each ring tells once
    if damage == "folder":
        path.rmdir()
    path.write_bytes(whole)
    assert late.recognise(made.token) == made.key and late.degraded == ring.degraded == []


def test_a_file_that_could_not_be_read_is_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a disk that fails for a moment nothing changes the file."""
    moment, away = [0.0], [True]
    monkeypatch.setattr(keyring, "monotonic", lambda: moment[0])

    def read(path: Path) -> Kept:
        if away[0]:
            raise ConfigError("keys cannot be read (Input/output error)")
        return read_keys(path)

    monkeypatch.setattr(keyring, "read_keys", read)
    made = create_key(path, "web", ["search"], 0)
    ring = Keyring(path)
    assert ring.recognise(made.token) is None
    away[0] = False
    assert ring.recognise(made.token) is None
    moment[0] = 1.0
    assert ring.recognise(made.token) == made.key


def test_a_file_that_is_taken_away_lets_nobody_in(path: Path) -> None:
    made = create_key(path, "web", ["search"], 0)
    ring = Keyring(path)
    assert ring.recognise(made.token)
    path.unlink()
    assert ring.recognise(made.token) is None
    assert [one.reason for one in ring.degraded] == ["there are none: nobody is let in"]


def test_the_commands(tmp_path: Path) -> None:
    settings = tmp_path / "shop.toml"
    settings.write_text(f'home = "{tmp_path}"\n[access]\nper_minute = 100\n')

    def key(*words: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(settings), "key", *words])

    made = key("create", "--scope", "events", "--scope", "search", "--name", "shop-web")
    token = made.stdout.strip()
    found = Keyring(tmp_path / "keys.json").recognise(token)
    assert found is not None and found.scopes == ("search", "events")
    key("create", "--scope", "admin", "--name", "ops", "--per-minute", "7")
    listed = key("list").stdout
    assert token.split("_", 2)[2] not in listed
    assert [line.split()[1:4] for line in listed.splitlines()] == [
        ["shop-web", "search,events", "100"],
        ["ops", "admin", "7"],
    ]
    damage(tmp_path / "keys.json", 1, scopes="all")
    assert "keys.1 ('ops') lets nobody in: scopes: Input should be" in key("list").stderr
    assert key("revoke", "shop-web").stdout == "key shop-web is revoked\n"
    assert key("revoke", "shop-web").exit_code == 1
