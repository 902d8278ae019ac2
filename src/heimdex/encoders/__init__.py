"""Pictures and words become Vectors. `encoder.py` is the interface, `catalog.py` lists what there is."""
