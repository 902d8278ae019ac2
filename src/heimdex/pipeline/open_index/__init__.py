"""An open index: everything known of a library in files that anybody can read, and back from them.

database ──▶ taking_out ──▶ parquet.py | json_lines.py + manifest.json + frames/ ──▶ bringing_in ──▶ database
"""
