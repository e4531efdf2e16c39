"""The ring of keys and the commands that change it."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from search_rerank.cli import main
from search_rerank.errors import ConfigError
from search_rerank.keys import Keyring, create_key, keys_path, read_keys, revoke_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return keys_path(tmp_path / "home")


def test_what_is_kept_is_not_the_key(path: Path) -> None:
    made = create_key(path, "web", ["search"], created_ms=5)
    secret = made.token.split("_", 2)[2]
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keyring(path).recognise(made.token) == made.key == read_keys(path)[0]


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
    assert {key.name for key in read_keys(path)} == {f"key-{n}" for n in range(24)}


@pytest.mark.parametrize("text", ["{", '{"keys": [{"id": "x"}]}', "[]"])
def test_a_damaged_file_is_told(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ConfigError, match="expected keys as 'search-rerank key create'"):
        Keyring(path).keys()


def test_a_file_that_cannot_be_read_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ConfigError, match="keys cannot be read .Is a directory."):
        Keyring(path).keys()


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
    assert key("revoke", "shop-web").stdout == f"key shop-web ({found.id}) is revoked\n"
    assert key("revoke", "shop-web").exit_code == 1
