"""Looking at everything: what `verify` and `repair` share.

rows ─▶ ledger, rows, paths ─┐
disk ─▶ paths, files ────────┼─▶ findings ─▶ causes only ─▶ nobody at work there? ─▶ told, or mended
both ─▶ closely, library ────┘
"""
