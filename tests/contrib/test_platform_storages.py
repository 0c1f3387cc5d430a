"""The probe of the default storage: folders, and a storage whose server does not answer."""

from __future__ import annotations

import pytest

ANSWERS = "probe_platform.TestStorage.test_default_answers"


def test_storage__folder(platform, outcome):
    """A folder passes, and so does one that Django will make with the first file; nothing is written."""
    platform.configure('MEDIA_ROOT = BASE_DIR / "media" / "uploads"')
    assert outcome(ANSWERS)["outcome"] == "passed"
    assert not (platform.path / "media").exists()

    (platform.path / "media" / "uploads").mkdir(parents=True)

    assert outcome(ANSWERS)["outcome"] == "passed"
    assert not list((platform.path / "media" / "uploads").iterdir())


@pytest.mark.parametrize("folder", ["media", "media/uploads"])
def test_storage__file_in_the_way(platform, outcome, folder):
    """A file where the folder, or one above it, should be fails, and is named."""
    blocker = platform.write("media", "not a folder")
    platform.configure(f'MEDIA_ROOT = BASE_DIR / "{folder}"')

    result = outcome(ANSWERS)

    assert result["outcome"] == "failed"
    assert f"default storage (folder {platform.path / folder}): {blocker} is not a folder" in result["details"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("", "the default storage is a FileSystemStorage and MEDIA_ROOT is not set"),
        (
            'STORAGES = {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}',
            "the default storage is an InMemoryStorage, each process's own",
        ),
    ],
)
def test_storage__unconfigured(platform, outcome, settings, reason):
    """Where no place for files is configured the probe skips, and says so."""
    platform.configure(settings)

    result = outcome(ANSWERS)

    assert (result["outcome"], result["message"]) == ("skipped", reason)


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("remote.Remote", "default storage (Remote): ConnectionError: cannot reach https://files.example/b"),
        ("no.such.Storage", "default storage (Storage): InvalidStorageError: Could not find backend"),
    ],
)
def test_storage__failing(platform, outcome, backend, message):
    """A storage that raises fails with its own words, without the credentials in them."""
    platform.write(
        "remote.py",
        """
        from django.core.files.storage import Storage
        class Remote(Storage):
            def exists(self, name):
                raise ConnectionError("cannot reach https://key:open-sesame-4711@files.example/b")
        """,
    )
    platform.configure(f'STORAGES = {{"default": {{"BACKEND": "{backend}"}}}}')

    result = outcome(ANSWERS)

    assert result["outcome"] == "failed"
    assert message in result["details"]
