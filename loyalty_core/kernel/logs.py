"""Structured logs: one JSON object a line on stderr, so that stdout stays a command's answer."""

import logging
import re
import sys

import structlog

# Our own packages; `__main__` is the worker's and the web server's module.
_OURS = ("laurel", "loyalty_core", "data_checks", "queries", "ui", "api", "__main__")

# Where PostgreSQL's and pydantic's errors repeat the values they were given: a key that exists already, the row
# that a constraint refused, the cell that COPY stopped at, the text that is no number.
_VALUES = (
    (
        re.compile(
            r"^([ \t]*(?:DETAIL|CONTEXT|HINT|QUERY):).*?"
            r"(?=\n[ \t]*(?:DETAIL|CONTEXT|HINT|QUERY|LINE \d+):?|\n\[SQL|\n\n|\nTraceback|\Z)",
            re.MULTILINE | re.DOTALL,
        ),
        r"\1 left out",
    ),
    (
        re.compile(
            r"(invalid input (?:syntax|value) for [^:\n]{1,80}:) \".*?\"(?=[ \t]*(?:\n|\Z))", re.DOTALL
        ),
        r"\1 left out",
    ),
    (re.compile(r"(value) \"[^\n]*\" (is out of range for type)"), r"\1 left out \2"),
    (re.compile(r"(input_value=).*?(, input_type=)", re.DOTALL), r"\1left out\2"),
)


def without_values(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Take out of every text of a record what errors repeat of the values that they were about."""
    for key, said in event.items():
        if isinstance(said, str):
            for pattern, instead in _VALUES:
                said = pattern.sub(instead, said)
            event[key] = said
    return event


def configure_logs(level: str = "INFO") -> None:
    """Send structlog's and the standard library's records to stderr as JSON lines.

    `level` is for our own records. Libraries speak from warnings on: one of them alone says hundreds of lines
    while it is imported, and nobody finds the demo's sign-ins among them.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING")
    for name in _OURS:
        logging.getLogger(name).setLevel(level)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose events are names with values, not sentences."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
