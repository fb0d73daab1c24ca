"""Where state lives and how the parts find each other."""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    `home` is LAUREL_HOME (default `.laurel/` in the checkout). `database_url` is the owner's URL of an
    outside PostgreSQL, or None for the embedded one.
    """

    home: Path
    database_url: str | None

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read LAUREL_HOME and LAUREL_DATABASE_URL."""
        home = os.environ.get("LAUREL_HOME")
        return cls(
            home=Path(home).expanduser().resolve() if home else PROJECT_FOLDER / ".laurel",
            database_url=os.environ.get("LAUREL_DATABASE_URL") or None,
        )

    @property
    def files_folder(self) -> Path:
        """Uploaded originals, by hash."""
        return self.private_folder("files")

    @property
    def exports_folder(self) -> Path:
        """Files made for people to fetch, until they expire."""
        return self.private_folder("exports")

    @property
    def work_folder(self) -> Path:
        """Scratch space of imports; everything in it can be made again."""
        return self.private_folder("work")

    @property
    def secrets_folder(self) -> Path:
        """Keys made at first start."""
        return self.private_folder("secrets")

    def private_folder(self, name: str) -> Path:
        """Return the folder below home, made with mode 0700 where it is missing.

        Its mode is set every time: the embedded server's wheel opens its own ancestors to 0755, so whatever
        is secret lies in folders beside it that stay closed.
        """
        folder = self.home / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        return folder
