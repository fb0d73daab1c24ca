"""What every refusal is made of."""


class Refusal(Exception):
    """Something that a person asked for and that Laurel will not do.

    The message is a sentence for that person: what is wrong, where, and what to do next. Each refusal is its
    own subclass and carries the objects that explain it. Nothing has been written when one is raised.
    """

    @property
    def sentence(self) -> str:
        """The text to show."""
        return str(self)


class NotFoundError(Refusal):
    """The thing does not exist, or lies outside the asker's scope: the two look alike on purpose."""


class NotAllowedError(Refusal):
    """The asker's roles do not include the permission."""


class StateError(Refusal):
    """The thing is in a state from which this move does not exist."""
