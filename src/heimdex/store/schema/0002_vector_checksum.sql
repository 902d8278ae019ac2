-- What a vector was when it was written, so that `verify` sees every later change of it without a model.
ALTER TABLE heimdex.vector ADD COLUMN checksum bytea;  -- SHA-256 of the embedding's binary form

-- Forced policies bind the table's owner too, and would hide every row from this.
ALTER TABLE heimdex.vector NO FORCE ROW LEVEL SECURITY;
UPDATE heimdex.vector SET checksum = sha256(halfvec_send(embedding)) WHERE embedding IS NOT NULL;
ALTER TABLE heimdex.vector FORCE ROW LEVEL SECURITY;
