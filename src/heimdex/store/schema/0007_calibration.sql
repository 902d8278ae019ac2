-- How a vector takes to texts as such: mean and deviation of what about a thousand background texts score
-- against it (encoders/background.py). A vector near everything has a high mean, and words must come nearer to it
-- than to others to mean it. `draw` is as if drawn from [0, 1) for each row, and always the same: the rows with
-- the least are a fair sample of a library, found by the index, and tell how many rows there are.
CREATE TABLE heimdex.calibration (
    owner_id   uuid NOT NULL,
    space_id   smallint NOT NULL,
    scene_id   uuid NOT NULL,
    rank       smallint NOT NULL,
    version    smallint NOT NULL,               -- of the background texts
    mean       real NOT NULL,
    deviation  real NOT NULL CHECK (deviation > 0),
    draw       double precision NOT NULL CHECK (draw >= 0 AND draw < 1),
    PRIMARY KEY (owner_id, space_id, scene_id, rank),
    FOREIGN KEY (owner_id, space_id, scene_id, rank)
        REFERENCES heimdex.vector (owner_id, space_id, scene_id, rank) ON DELETE CASCADE
);
CREATE INDEX calibration_draw ON heimdex.calibration (owner_id, space_id, draw);

ALTER TABLE heimdex.calibration ENABLE ROW LEVEL SECURITY;
ALTER TABLE heimdex.calibration FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON heimdex.calibration
    USING (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid)
    WITH CHECK (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid);
