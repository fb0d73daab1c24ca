"""Who acts, and what they may see."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    """Who is behind an action: a signed-in user, the command line, or Laurel's own jobs."""

    USER = "user"
    COMMAND_LINE = "command_line"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Scope:
    """The regions, companies and programmes that an actor may see and change.

    `region_ids` already holds every region below the granted ones. A company is seen when its region or the
    company itself is in the scope; everything that belongs to a company is seen with it. `programme_ids` None
    means every programme. Row security in the database enforces the first two on every read and write.
    """

    actor_kind: ActorKind
    actor_name: str
    user_id: UUID | None = None
    sees_everything: bool = False
    region_ids: frozenset[UUID] = field(default_factory=frozenset)
    company_ids: frozenset[UUID] = field(default_factory=frozenset)
    programme_ids: frozenset[UUID] | None = None

    @classmethod
    def of_command_line(cls) -> "Scope":
        """The scope of whoever can run commands on the machine: everything."""
        return cls(ActorKind.COMMAND_LINE, "command line", sees_everything=True)

    @classmethod
    def of_system(cls, name: str = "system") -> "Scope":
        """The scope of Laurel's own jobs: everything."""
        return cls(ActorKind.SYSTEM, name, sees_everything=True)

    def widened(self) -> "Scope":
        """The same actor, seeing everything: for what must take in all rows or none, once it is allowed."""
        return replace(self, sees_everything=True)

    def sees_programme(self, programme_id: UUID) -> bool:
        """Whether the programme lies in the scope."""
        return self.programme_ids is None or programme_id in self.programme_ids
