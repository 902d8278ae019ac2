-- What people say of an asset where its file says nothing, or something wrong. It outlives every new look at the
-- file, and a correction of the time is what the asset is filed under.
ALTER TABLE heimdex.asset
    ADD COLUMN title text CHECK (length(title) BETWEEN 1 AND 200),
    ADD COLUMN corrected_at timestamptz;
