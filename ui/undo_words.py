"""What undoing an import of master data does, in words; for pages and for the command line."""

from loyalty_core.corrections import Outcome
from loyalty_core.kernel import ngettext


def in_words(outcome: Outcome, count: int, number: str) -> str:
    """Say what becomes of so many additions or changes; `number` is how the count is written."""
    sentence = {
        Outcome.REMOVED: ngettext(
            "{count} that the file added goes away.", "{count} that the file added go away.", count
        ),
        Outcome.PUT_BACK: ngettext(
            "{count} field is as it was before the file.",
            "{count} fields are as they were before the file.",
            count,
        ),
        Outcome.WITHDRAWN: ngettext(
            "{count} change of a budget that waits is withdrawn.",
            "{count} changes of budgets that wait are withdrawn.",
            count,
        ),
        Outcome.ASKED_BACK: ngettext(
            "{count} approved change of a budget is asked back; a second person decides.",
            "{count} approved changes of budgets are asked back; a second person decides.",
            count,
        ),
        Outcome.CHANGED_SINCE: ngettext("{count} was changed since.", "{count} were changed since.", count),
        Outcome.DECIDED_SINCE: ngettext(
            "{count} was decided about by somebody since.",
            "{count} were decided about by somebody since.",
            count,
        ),
        Outcome.LEANED_ON: ngettext(
            "{count} is in use: something stands on it.",
            "{count} are in use: something stands on them.",
            count,
        ),
        Outcome.PERSONAL: ngettext(
            "{count} change says who a person is: what it was before is not kept.",
            "{count} changes say who a person is: what they were before is not kept.",
            count,
        ),
        Outcome.UNUSABLE: ngettext(
            "{count} can't be put back: who stood there no longer fits.",
            "{count} can't be put back: who stood there no longer fits.",
            count,
        ),
        Outcome.OVERLAPS: ngettext(
            "{count} price would hold beside another one.",
            "{count} prices would hold beside another one.",
            count,
        ),
        Outcome.USED: ngettext(
            "{count} budget is used beyond what it was before.",
            "{count} budgets are used beyond what they were before.",
            count,
        ),
        Outcome.CHANGE_WAITS: ngettext(
            "{count} budget has another change that waits: have it decided first.",
            "{count} budgets have another change that waits: have it decided first.",
            count,
        ),
        Outcome.NOT_FOUND: ngettext(
            "{count} is not there any longer.", "{count} are not there any longer.", count
        ),
        Outcome.AS_BEFORE: ngettext("{count} is as before already.", "{count} are as before already.", count),
    }[outcome]
    return sentence.format(count=number)
