"""Programmes: their documents, versions and what the rules say."""

from loyalty_core.programmes.document import (
    Award,
    Collects,
    EarnsFrom,
    ProgrammeDocument,
    ProgrammeDocumentError,
    Rule,
    body_hash,
    canonical_body,
    document_text,
    parse_document,
)
from loyalty_core.programmes.models import programme, programme_version
from loyalty_core.programmes.yaml_tree import Fault, Place

__all__ = [
    "Award",
    "Collects",
    "EarnsFrom",
    "Fault",
    "Place",
    "ProgrammeDocument",
    "ProgrammeDocumentError",
    "Rule",
    "body_hash",
    "canonical_body",
    "document_text",
    "parse_document",
    "programme",
    "programme_version",
]
