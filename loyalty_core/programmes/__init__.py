"""Programmes: their documents, versions and what the rules say."""

from loyalty_core.programmes.commands import AppliedProgramme, ProgrammeOutsideScopeError, apply_programme
from loyalty_core.programmes.document import (
    LARGEST_STEP_MINOR,
    MOST_POINTS,
    Award,
    Collects,
    EarnsFrom,
    Goals,
    ProgrammeDocument,
    ProgrammeDocumentError,
    Rule,
    body_hash,
    canonical_body,
    document_text,
    parse_document,
)
from loyalty_core.programmes.models import programme, programme_version
from loyalty_core.programmes.policy import Difference, ProgrammeFixedFieldError, differences
from loyalty_core.programmes.store import (
    Programme,
    ProgrammeNotFoundError,
    ProgrammeVersion,
    document_of,
    list_programmes,
    programme_by_code,
    programme_by_id,
    versions,
)
from loyalty_core.programmes.yaml_tree import Fault, Place

__all__ = [
    "LARGEST_STEP_MINOR",
    "MOST_POINTS",
    "AppliedProgramme",
    "Award",
    "Collects",
    "Difference",
    "EarnsFrom",
    "Fault",
    "Goals",
    "Place",
    "Programme",
    "ProgrammeDocument",
    "ProgrammeDocumentError",
    "ProgrammeFixedFieldError",
    "ProgrammeNotFoundError",
    "ProgrammeOutsideScopeError",
    "ProgrammeVersion",
    "Rule",
    "apply_programme",
    "body_hash",
    "canonical_body",
    "differences",
    "document_of",
    "document_text",
    "list_programmes",
    "parse_document",
    "programme",
    "programme_by_code",
    "programme_by_id",
    "programme_version",
    "versions",
]
