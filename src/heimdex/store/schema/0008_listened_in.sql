-- The language a recogniser was told to listen in, as the setting had it; NULL: it heard for itself. Another
-- setting makes such a transcript due again. Subtitles have none.
ALTER TABLE heimdex.transcript ADD COLUMN listened_in text;
