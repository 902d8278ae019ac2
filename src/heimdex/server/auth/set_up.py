"""The first run of a server that others can reach: a token, printed once, makes the first user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heimdex.errors import UsageError
from heimdex.server.auth.options import AuthOptions

if TYPE_CHECKING:
    from heimdex.app import Heimdex


def set_up_notice(heimdex: Heimdex, options: AuthOptions) -> str | None:
    """What to print when a server starts, with a new token in it; None where there is nothing to set up.

    To be printed for whoever started it, never logged. Call it once for all processes of a server: each call
    makes the token before invalid.
    """
    if options.may_be_single or heimdex.users.exist():
        return None
    try:
        token = heimdex.users.new_set_up_token()
    except UsageError:  # by another process, just now
        return None
    return (
        "Nobody can sign in yet. Make the first user, an admin, with this token (valid for a day):\n"
        f"    {token}\n"
        "by POST /api/v1/set-up, or with `heimdex users add NAME` on this machine."
    )
