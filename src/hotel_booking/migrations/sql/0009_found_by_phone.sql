-- Bookings are found by telephone number. Phase: expand: functions and triggers of 0002 and 0006 are replaced, and what
-- the release before asks finds as much as before, or more.
--
-- Kept of a number: "+" and its digits from the last to the first, so that its last digits, which is what people
-- remember and what a national number shares with the same one written internationally, are the beginning of a word.
-- A number that could not be read is kept by the digits that it has; an extension is left out.

CREATE FUNCTION phone_words(p_phone text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN length(d.digits) > 3 THEN ARRAY['+' || reverse(left(d.digits, 20))] ELSE '{}' END
      FROM regexp_replace(split_part(coalesce(p_phone, ''), ';', 1), '[^0-9]', '', 'g') AS d(digits)
$$;

CREATE FUNCTION words_of(p_names text, p_email text, p_reference text, p_phone text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT words_of(p_names, p_email, p_reference) || array_to_tsvector(phone_words(p_phone))
$$;

-- As in 0006, and four digits or more that stand at the end of a telephone number. A zero before a national number is
-- none of the international one, and two of them only lead to it.
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
                   UNION ALL
                   SELECT quote_word('+' || reverse(left(d.digits, 20)))
                     FROM ltrim(regexp_replace(raw, '[^0-9]', '', 'g'), '0') AS d(digits)
                    WHERE raw ~ '^[+(]*[0-9][-0-9()./]*$' AND length(d.digits) > 3
               ) AS a) AS t
     WHERE t.asked IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION booking_entry_rooms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO booking_entry (booking_id, property_id, status, arrival, departure, created_at, total, fee)
        SELECT b.id, b.property_id, b.status, r.arrival, r.departure, b.created_at, b.total, r.fee
          FROM (SELECT booking_id, min(arrival) AS arrival, max(departure) AS departure, sum(fee) AS fee
                  FROM fresh GROUP BY booking_id) AS r
          JOIN booking b ON b.id = r.booking_id
        ON CONFLICT (booking_id) DO UPDATE
            SET arrival = least(booking_entry.arrival, excluded.arrival),
                departure = greatest(booking_entry.departure, excluded.departure),
                fee = booking_entry.fee + excluded.fee;
    INSERT INTO booking_words (booking_id, words)
        SELECT b.id, words_of(concat_ws(' ', g.given_name, g.family_name, r.names), g.email, b.reference,
                            g.phone)
          FROM (SELECT booking_id, string_agg(guest_name, ' ') AS names FROM fresh GROUP BY booking_id) AS r
          JOIN booking b ON b.id = r.booking_id
          JOIN guest g ON g.id = b.guest_id
        ON CONFLICT (booking_id) DO NOTHING;
    RETURN NULL;
END $$;

-- The words of a booking, as its guest and its rooms stand now.
CREATE FUNCTION booking_words_of(p_booking uuid) RETURNS tsvector LANGUAGE sql STABLE STRICT AS $$
    SELECT words_of(
               concat_ws(' ', g.given_name, g.family_name,
                         (SELECT string_agg(r.guest_name, ' ') FROM reservation r WHERE r.booking_id = b.id)),
               g.email, b.reference, g.phone)
      FROM booking b JOIN guest g ON g.id = b.guest_id
     WHERE b.id = p_booking
$$;

CREATE OR REPLACE FUNCTION booking_words_guest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_words w SET words = booking_words_of(b.id)
      FROM booking b WHERE b.guest_id = NEW.id AND w.booking_id = b.id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER listed_words AFTER UPDATE OF given_name, family_name, email, phone ON guest FOR EACH ROW
    EXECUTE FUNCTION booking_words_guest();

CREATE OR REPLACE FUNCTION booking_words_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_words SET words = booking_words_of(NEW.booking_id) WHERE booking_id = NEW.booking_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION booking_entries_fill() RETURNS void LANGUAGE sql AS $$
    INSERT INTO booking_entry (booking_id, property_id, status, arrival, departure, created_at, total, fee, paid,
                               refunding)
        SELECT b.id, b.property_id, b.status, r.arrival, r.departure, b.created_at, b.total, r.fee,
               coalesce(l.amount, 0) - coalesce(f.amount, 0), coalesce(f.amount, 0)
          FROM booking b
          JOIN (SELECT booking_id, min(arrival) AS arrival, max(departure) AS departure, sum(fee) AS fee
                  FROM reservation GROUP BY booking_id) AS r ON r.booking_id = b.id
          LEFT JOIN (SELECT booking_id, sum(amount) AS amount FROM ledger_entry GROUP BY booking_id) AS l
                 ON l.booking_id = b.id
          LEFT JOIN (SELECT p.booking_id, sum(r.amount) AS amount
                       FROM refund r JOIN payment p ON p.id = r.payment_id
                      WHERE r.status = 'due' GROUP BY p.booking_id) AS f ON f.booking_id = b.id;
    INSERT INTO booking_words (booking_id, words)
        SELECT b.id, words_of(concat_ws(' ', g.given_name, g.family_name, r.names), g.email, b.reference,
                        g.phone)
          FROM booking b
          JOIN guest g ON g.id = b.guest_id
          JOIN (SELECT booking_id, string_agg(guest_name, ' ') AS names FROM reservation GROUP BY booking_id) AS r
            ON r.booking_id = b.id;
$$;

-- What is written from now on is kept by these rules. A job walks once through the words of the time before, in the
-- order of their key: an index of those that are left would keep bookings from being written while it is made.
ALTER TABLE booking_words ALTER COLUMN form SET DEFAULT 3;
CREATE TABLE booking_words_walk (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    after uuid NOT NULL                            -- those up to here are done; no row: all are
);
INSERT INTO booking_words_walk (after) VALUES ('00000000-0000-0000-0000-000000000000');
