"""What the sample library is made of, and how; `make_samples.py` is the door."""
