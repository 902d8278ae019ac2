"""What marked queries teach a search (docs/decisions/0035-search-adapter.md).

    labelled queries ─▶ marks ─┬─▶ training part ─▶ residual on the query's vector ─┐
                               │                 ─▶ factors of the signals' weights ─┼─▶ adapter ─▶ version
                               └─▶ held-out part ─▶ asked without it and with it ────┘

`adapter.py` and `residual.py` are what a search does with one; `versions.py` finds the one in use. All else
is training.
"""
