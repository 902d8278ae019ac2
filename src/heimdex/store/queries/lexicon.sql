-- name: stems
-- Each word's stem by the dictionary beside it: NULL without that dictionary, {} for a stop word.
SELECT ts_lexize(d.oid::regdictionary, asked.word)
  FROM unnest(%(words)s::text[], %(dictionaries)s::text[]) WITH ORDINALITY AS asked(word, dictionary, place)
  LEFT JOIN pg_catalog.pg_ts_dict d
    ON d.dictname = asked.dictionary AND d.dictnamespace = 'pg_catalog'::regnamespace
 ORDER BY asked.place;

-- name: delete_postings
-- The terms of an asset, before they are written anew.
DELETE FROM heimdex.posting WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: delete_words
-- The words of an asset's scenes, before they are written anew.
DELETE FROM heimdex.scene_words WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: insert_postings
-- The terms of an asset: pairs of a term and the number of a scene that holds it, put together by term.
INSERT INTO heimdex.posting (owner_id, channel, term, asset_id, scenes)
SELECT %(owner)s, %(channel)s, pair.term, %(asset)s,
       array_agg((%(scenes)s::uuid[])[pair.scene] ORDER BY pair.scene)
  FROM unnest(%(terms)s::text[], %(numbers)s::integer[]) AS pair(term, scene)
 GROUP BY pair.term;

-- name: insert_words
-- The words of one scene.
INSERT INTO heimdex.scene_words (owner_id, scene_id, asset_id, said, said_stems, written, described,
    described_stems)
VALUES (%(owner)s, %(scene)s, %(asset)s, NULLIF(%(said)s, ''), NULLIF(%(said_stems)s, ''),
    NULLIF(%(written)s, ''), NULLIF(%(described)s, ''), NULLIF(%(described_stems)s, ''));

-- name: insert_languages
-- Languages that are new to the owner's library; in order, so that two writers do not wait for each other.
INSERT INTO heimdex.term_language (owner_id, language)
SELECT %(owner)s, asked.language FROM unnest(%(languages)s::text[]) AS asked(language)
 WHERE NOT EXISTS (SELECT FROM heimdex.term_language t
                    WHERE t.owner_id = %(owner)s AND t.language = asked.language)
 ORDER BY asked.language
    ON CONFLICT DO NOTHING;

-- name: languages
-- The languages of the owner's sentences.
SELECT language FROM heimdex.term_language WHERE owner_id = %(owner)s ORDER BY language;

-- name: count_terms
-- In how many scenes each term stands, counted over no more assets than the limit.
SELECT asked.place, counted.scenes
  FROM unnest(%(channels)s::smallint[], %(terms)s::text[]) WITH ORDINALITY AS asked(channel, term, place)
 CROSS JOIN LATERAL (
    SELECT coalesce(sum(cardinality(met.scenes)), 0) AS scenes
      FROM (SELECT p.scenes FROM heimdex.posting p
             WHERE p.owner_id = %(owner)s AND p.channel = asked.channel AND p.term = asked.term
             LIMIT {limit}) met) counted;

-- name: count_worded
-- Scenes of the owner that have any words, counted no further than the limit.
SELECT count(*) FROM (SELECT FROM heimdex.scene_words WHERE owner_id = %(owner)s LIMIT {limit}) counted;

-- name: find_scenes
-- For each look-up the scenes that hold most of its terms by weight, no more than the limit; of each term no more
-- assets than its depth, in one order for all terms, so that scenes with two common ones are likely to be met.
SELECT look_up.place, found.scene_id::text
  FROM generate_series(0, %(last)s::integer) AS look_up(place)
 CROSS JOIN LATERAL (
    SELECT s.scene_id, sum(asked.weight) AS weight
      FROM unnest(%(look_ups)s::integer[], %(channels)s::smallint[], %(terms)s::text[], %(weights)s::real[],
                  %(depths)s::integer[]) AS asked(look_up, channel, term, weight, depth)
     CROSS JOIN LATERAL (
        SELECT p.scenes FROM heimdex.posting p /* with asset */
         WHERE p.owner_id = %(owner)s AND p.channel = asked.channel AND p.term = asked.term /* filters */
         ORDER BY p.asset_id LIMIT asked.depth) p
     CROSS JOIN LATERAL unnest(p.scenes) AS s(scene_id)
     WHERE asked.look_up = look_up.place /* scene filters */
     GROUP BY s.scene_id ORDER BY weight DESC, s.scene_id LIMIT {limit}) found;

-- name: with_asset
-- Where there are filters, only assets that are there.
JOIN heimdex.asset a ON a.owner_id = p.owner_id AND a.asset_id = p.asset_id AND a.present

-- name: find_by_beginning
-- Scenes that hold a term of the channel between two others: what begins with a string.
SELECT DISTINCT found.scene_id::text
  FROM (SELECT s.scene_id
          FROM (SELECT owner_id, asset_id, scenes FROM heimdex.posting
                 WHERE owner_id = %(owner)s AND channel = %(channel)s AND term >= %(first)s AND term < %(after)s
                 ORDER BY term, asset_id LIMIT {depth}) p
          JOIN heimdex.asset a USING (owner_id, asset_id)
         CROSS JOIN LATERAL unnest(p.scenes) AS s(scene_id)
         WHERE a.present /* filters */ /* scene filters */
         LIMIT {limit}) found;

-- name: words_of_scenes
-- The words of some scenes as they are compared.
SELECT scene_id::text, coalesce(said, ''), coalesce(said_stems, ''), coalesce(written, ''),
       coalesce(described, ''), coalesce(described_stems, '')
  FROM heimdex.scene_words w /* present */
 WHERE w.owner_id = %(owner)s AND w.scene_id = ANY(%(scenes)s::uuid[]);

-- name: words_present
-- Only where the files are there.
JOIN heimdex.asset a ON a.owner_id = w.owner_id AND a.asset_id = w.asset_id AND a.present

-- name: sentences_of_scenes
-- The sentences said in some scenes, with the times of their words, in order.
SELECT s.scene_id::text, u.position, u.text, u.start_us, u.end_us, u.words
  FROM heimdex.scene s
 CROSS JOIN LATERAL (
    SELECT position, text, start_us, end_us, words FROM heimdex.utterance
     WHERE owner_id = %(owner)s AND asset_id = s.asset_id AND start_us < s.end_us
       AND start_us >= s.start_us - {longest_us} AND end_us > s.start_us
    UNION ALL  -- few last so long
    SELECT position, text, start_us, end_us, words FROM heimdex.utterance
     WHERE owner_id = %(owner)s AND asset_id = s.asset_id AND end_us - start_us > {longest_us}
       AND start_us < s.start_us - {longest_us} AND end_us > s.start_us) u
 WHERE s.owner_id = %(owner)s AND s.scene_id = ANY(%(scenes)s::uuid[])
 ORDER BY s.scene_id, u.start_us, u.position;

-- name: lines_of_scenes
-- The lines written in some scenes, those that stand over from another scene too.
SELECT s.scene_id::text, l.text, l.at_us, l.box
  FROM heimdex.scene s
 CROSS JOIN LATERAL (
    SELECT text, at_us, box FROM heimdex.text_line
     WHERE owner_id = %(owner)s AND scene_id = s.scene_id
    UNION ALL
    SELECT text, s.start_us, box FROM heimdex.text_line
     WHERE owner_id = %(owner)s AND asset_id = s.asset_id AND scene_id <> s.scene_id
       AND start_us < s.end_us AND start_us >= s.start_us - {longest_us} AND end_us > s.start_us) l
 WHERE s.owner_id = %(owner)s AND s.scene_id = ANY(%(scenes)s::uuid[])
 ORDER BY s.scene_id, l.at_us;

-- name: descriptions_of_scenes
-- What is described of some scenes.
SELECT scene_id::text, text FROM heimdex.description
 WHERE owner_id = %(owner)s AND scene_id = ANY(%(scenes)s::uuid[]) AND text IS NOT NULL;

-- name: makers_of_scenes
-- Which models wrote down what is said, written and described in some scenes.
SELECT s.scene_id::text, t.model, d.model,
       (SELECT m.name FROM heimdex.stage_run r JOIN heimdex.model m USING (model_id)
         WHERE r.owner_id = s.owner_id AND r.asset_id = s.asset_id AND r.stage = 'writing'
         ORDER BY r.finished_at DESC NULLS LAST LIMIT 1)
  FROM heimdex.scene s
  LEFT JOIN heimdex.transcript t ON t.owner_id = s.owner_id AND t.asset_id = s.asset_id
  LEFT JOIN heimdex.description d ON d.owner_id = s.owner_id AND d.scene_id = s.scene_id
 WHERE s.owner_id = %(owner)s AND s.scene_id = ANY(%(scenes)s::uuid[]);
