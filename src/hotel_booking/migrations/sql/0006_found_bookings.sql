-- Bookings are found by parts of names, in every script, and by either spelling. Phase: expand: `words_of` and
-- `words_asked` of 0002 are replaced, and what the release before asks finds as much as before, or more. Uses the
-- functions of 0006_folding.sql, which goes before.
--
-- Kept of each word of a name: the word, its other spelling where it has one (muller, mueller), and after "~" each of
-- its ends, so that a part is the beginning of an end. Ends have three letters or more; of scripts that are written
-- without blanks (Thai, Khmer, Han, kana, Hangul) every end. Parts are at most 24 letters of a word's first 40.

CREATE FUNCTION word_ends(p_word text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg('~' || substr(p_word, i, 24))
      FROM generate_series(2, least(length(p_word), 40)
               - CASE WHEN p_word ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0010ffff]' THEN 0 ELSE 2 END) AS i
$$;

CREATE OR REPLACE FUNCTION words_of(p_names text, p_email text, p_reference text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    v_names text[] := folded_words(p_names) || folded_words(folded_spelled(p_names));
    v_whole text := folded(p_email);
    v_found text[] := v_names || folded_words(split_part(v_whole, '@', 1));
    v_word  text;
BEGIN
    IF p_names <> translate(p_names, '''’‘‛`´ʼʻʹʾʿ′', '') THEN
        v_found := v_found || folded_words(translate(p_names, '''’‘‛`´ʼʻʹʾʿ′', '            '));  -- O'Brien as obrien, o and brien
    END IF;
    FOREACH v_word IN ARRAY v_names LOOP
        v_found := v_found || word_ends(v_word);
    END LOOP;
    IF v_whole <> '' THEN
        v_found := v_found || v_whole;
    END IF;
    RETURN array_to_tsvector(v_found || lower('#' || replace(p_reference, '-', '')));
END $$;

-- One word of what somebody typed, folded: found as a word's beginning and, from three letters on or in a script
-- without blanks, as a part of one. Han and Hangul are found letter by letter too: 山田太郎 may be kept in two names.
CREATE FUNCTION word_asked(p_word text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT '(' || quote_word(p_word)
           || CASE WHEN length(p_word) > 2 OR p_word ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0010ffff]'
                   THEN ' | ' || quote_word('~' || left(p_word, 24)) ELSE '' END
           || CASE WHEN p_word ~ '^[\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]{2,12}$'
                   THEN (SELECT ' | (' || string_agg('(' || quote_word(l) || ' | ' || quote_word('~' || l) || ')',
                                                     ' & ') || ')'
                           FROM regexp_split_to_table(p_word, '') AS l) ELSE '' END
           || ')'
$$;

CREATE OR REPLACE FUNCTION words_asked(p_text text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT string_agg('(' || t.asked || ')', ' & ')::tsquery
      FROM regexp_split_to_table(trim(normalize(p_text, NFKC)), '\s+') AS raw,
           LATERAL (
               SELECT string_agg(alternative, ' | ') AS asked FROM (
                   SELECT quote_word(folded(raw)) AS alternative WHERE raw LIKE '%@%'
                   UNION ALL
                   SELECT '(' || string_agg(word_asked(w), ' & ') || ')'
                     FROM unnest(folded_words(raw)) AS w
                    WHERE raw NOT LIKE '%@%' HAVING count(*) > 0
                   UNION ALL
                   SELECT '(' || string_agg(word_asked(w), ' & ') || ')'
                     FROM unnest(folded_words(folded_spelled(raw))) AS w
                    WHERE raw NOT LIKE '%@%' HAVING count(*) > 0
                   UNION ALL
                   SELECT quote_word('#' || translate(lower(replace(raw, '-', '')), 'ilo', '110'))
                    WHERE length(raw) > 2 AND replace(raw, '-', '') ~* '^[0-9a-tv-z]{3,10}$'
               ) AS a) AS t
     WHERE t.asked IS NOT NULL
$$;

-- By which rules a booking's words are kept. Those of the time before are kept anew by a job, some at a time; until
-- then they are found as before. Both changes of the column are of the catalogue alone.
ALTER TABLE booking_words ADD COLUMN form smallint NOT NULL DEFAULT 1;
ALTER TABLE booking_words ALTER COLUMN form SET DEFAULT 2;
CREATE INDEX booking_words_old ON booking_words (booking_id) WHERE form < 2;
