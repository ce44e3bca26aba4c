-- What staff see of bookings: notes, the guest's language. Phase: expand.

ALTER TABLE booking ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (length(language) BETWEEN 2 AND 20);
CALL audit_sales();

-- What staff write down about a booking. The newest stands first.
CREATE TABLE booking_note (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    booking_id uuid NOT NULL REFERENCES booking,
    staff_id   int NOT NULL REFERENCES staff,
    text       text NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
    created_at timestamptz NOT NULL
);
CREATE INDEX booking_note_of_booking ON booking_note (booking_id, created_at);

-- the listing ------------------------------------------------------------------------------------
--
-- What staff search by, in tables of their own, kept by the triggers below: whoever writes bookings, today's
-- code or the release before, need not know. Two tables, because the words change hardly ever and the state
-- often, and every change of a row writes to all of its indexes. No foreign keys: only the triggers write here, and
-- checking what they have just read would cost a tenth of a millisecond of every booking.

CREATE TABLE booking_entry (
    booking_id  uuid PRIMARY KEY,
    property_id int NOT NULL,
    status      text NOT NULL,
    arrival     date NOT NULL,                     -- of the first room to arrive
    departure   date NOT NULL,                     -- of the last room to leave
    created_at  timestamptz NOT NULL,
    total       bigint NOT NULL,
    fee         bigint NOT NULL DEFAULT 0,         -- for cancelling or not coming
    paid        bigint NOT NULL DEFAULT 0,         -- in the ledger, less refunds that are on their way
    refunding   bigint NOT NULL DEFAULT 0,         -- on its way back
    owed        bigint NOT NULL GENERATED ALWAYS AS (
                    greatest(CASE WHEN status IN ('cancelled', 'no_show') THEN fee
                                  WHEN status IN ('confirmed', 'checked_in', 'checked_out') THEN total
                                  ELSE 0 END - paid, 0)) STORED
);
CREATE INDEX booking_entry_arrival ON booking_entry (arrival, booking_id);
CREATE INDEX booking_entry_created ON booking_entry (created_at, booking_id);
CREATE INDEX booking_entry_property_arrival ON booking_entry (property_id, arrival, booking_id);
CREATE INDEX booking_entry_property_created ON booking_entry (property_id, created_at, booking_id);
CREATE INDEX booking_entry_departure ON booking_entry (departure, booking_id);
CREATE INDEX booking_entry_status ON booking_entry (status, arrival, booking_id);
CREATE INDEX booking_entry_owing ON booking_entry (arrival, booking_id) WHERE owed > 0;
CREATE INDEX booking_entry_refunding ON booking_entry (arrival, booking_id) WHERE refunding > 0;

-- The guest's name word by word, the names of the rooms' guests, the e-mail address whole and in pieces, and
-- "#" with the reference: all of them found by their beginnings.
CREATE TABLE booking_words (
    booking_id uuid PRIMARY KEY,
    words      tsvector NOT NULL
);
-- A short list of what is not sorted in yet: reading has to look through it.
CREATE INDEX booking_words_found ON booking_words USING gin (words) WITH (gin_pending_list_limit = 512);

-- Lower case, without accents, letters that only look like one letter spelt out. In the locale C, `lower`
-- knows A to Z alone: accents come off first, and the other alphabets are named.
CREATE FUNCTION folded(p_text text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN p_text ~ '^[\x20-\x7e]*$' THEN lower(p_text) ELSE
        replace(replace(replace(translate(
            lower(regexp_replace(normalize(p_text, NFKD), '[\u0300-\u036f]', '', 'g')),
            'øØłŁđĐðÐıÆŒẞ'
            'АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩς',
            'oollddddiæœß'
            'абвгдежзийклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωσ'),
            'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe') END
$$;

CREATE FUNCTION words_of(p_names text, p_email text, p_reference text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_to_tsvector(array_agg(DISTINCT w))
      FROM unnest(regexp_split_to_array(folded(p_names) || ' ' || split_part(folded(p_email), '@', 1),
                                        '[\s!-/:-@[-`{-~’]+')
                  || folded(p_email) || lower('#' || replace(p_reference, '-', ''))) AS w
     WHERE w <> ''
$$;

-- A word as a part of a query, found by its beginning.
CREATE FUNCTION quote_word(p_word text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT '''' || replace(replace(p_word, '\', '\\'), '''', '''''') || ''':*'
$$;

-- What somebody typed as a query: every word must be found, by its beginning. A word that could be the
-- beginning of a reference may be one. NULL where nothing is asked for.
CREATE FUNCTION words_asked(p_text text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT string_agg('(' || t.asked || ')', ' & ')::tsquery
      FROM regexp_split_to_table(trim(p_text), '\s+') AS raw,
           LATERAL (
               SELECT string_agg(alternative, ' | ') AS asked FROM (
                   SELECT quote_word(folded(raw)) AS alternative WHERE raw LIKE '%@%'
                   UNION ALL
                   SELECT string_agg(quote_word(w), ' & ')
                     FROM regexp_split_to_table(folded(raw), '[\s!-/:-@[-`{-~’]+') AS w
                    WHERE w <> '' AND raw NOT LIKE '%@%' HAVING count(*) > 0
                   UNION ALL
                   SELECT quote_word('#' || translate(lower(replace(raw, '-', '')), 'ilo', '110'))
                    WHERE length(raw) > 2 AND replace(raw, '-', '') ~* '^[0-9a-tv-z]{3,10}$'
               ) AS a) AS t
     WHERE t.asked IS NOT NULL
$$;

-- The first bookings, in no order, that the words find: at most p_limit, so that a frequent name costs no
-- more than a rare one. Never reads the table from its beginning, however many the planner expects.
CREATE FUNCTION booking_candidates(p_asked tsquery, p_limit int) RETURNS SETOF uuid
    LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT booking_id FROM booking_words WHERE words @@ p_asked LIMIT p_limit
$$;

-- New rooms: the booking's entry, from the first of them on.
CREATE FUNCTION booking_entry_rooms() RETURNS trigger LANGUAGE plpgsql AS $$
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
        SELECT b.id, words_of(concat_ws(' ', g.given_name, g.family_name, r.names), g.email, b.reference)
          FROM (SELECT booking_id, string_agg(guest_name, ' ') AS names FROM fresh GROUP BY booking_id) AS r
          JOIN booking b ON b.id = r.booking_id
          JOIN guest g ON g.id = b.guest_id
        ON CONFLICT (booking_id) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER listed AFTER INSERT ON reservation REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION booking_entry_rooms();

-- Rooms that changed. The caller holds the booking's lock.
CREATE FUNCTION booking_entry_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_entry e SET arrival = r.arrival, departure = r.departure, fee = r.fee
      FROM (SELECT min(arrival) AS arrival, max(departure) AS departure, sum(fee) AS fee
              FROM reservation WHERE booking_id = NEW.booking_id) AS r
     WHERE e.booking_id = NEW.booking_id;
    RETURN NULL;
END $$;
CREATE TRIGGER listed_dates AFTER UPDATE OF arrival, departure, fee ON reservation FOR EACH ROW
    WHEN ((NEW.arrival, NEW.departure, NEW.fee) IS DISTINCT FROM (OLD.arrival, OLD.departure, OLD.fee))
    EXECUTE FUNCTION booking_entry_room();

CREATE FUNCTION booking_entry_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_entry SET status = NEW.status, total = NEW.total WHERE booking_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER listed_state AFTER UPDATE OF status, total ON booking FOR EACH ROW
    WHEN ((NEW.status, NEW.total) IS DISTINCT FROM (OLD.status, OLD.total))
    EXECUTE FUNCTION booking_entry_state();

-- Money is counted up and down: two payments at once must not write each other's sum away.
CREATE FUNCTION booking_entry_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_entry SET paid = paid + NEW.amount WHERE booking_id = NEW.booking_id;
    RETURN NULL;
END $$;
CREATE TRIGGER listed_money AFTER INSERT ON ledger_entry FOR EACH ROW WHEN (NEW.amount <> 0)
    EXECUTE FUNCTION booking_entry_money();

-- A refund that is due is no longer the guest's payment; once it is done, the ledger says so instead.
CREATE FUNCTION booking_entry_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_due bigint := CASE WHEN NEW.status = 'due' THEN NEW.amount ELSE 0 END;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = 'due' THEN
        v_due := v_due - OLD.amount;
    END IF;
    IF v_due <> 0 THEN
        UPDATE booking_entry e SET paid = e.paid - v_due, refunding = e.refunding + v_due
          FROM payment p WHERE p.id = NEW.payment_id AND e.booking_id = p.booking_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER listed_refund AFTER INSERT OR UPDATE OF status, amount ON refund FOR EACH ROW
    EXECUTE FUNCTION booking_entry_refund();

-- A name or an address that was corrected, or erased.
CREATE FUNCTION booking_words_guest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_words w
       SET words = words_of(
               concat_ws(' ', NEW.given_name, NEW.family_name,
                         (SELECT string_agg(r.guest_name, ' ') FROM reservation r WHERE r.booking_id = b.id)),
               NEW.email, b.reference)
      FROM booking b WHERE b.guest_id = NEW.id AND w.booking_id = b.id;
    RETURN NULL;
END $$;
CREATE TRIGGER listed_words AFTER UPDATE OF given_name, family_name, email ON guest FOR EACH ROW
    EXECUTE FUNCTION booking_words_guest();

CREATE FUNCTION booking_words_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE booking_words w
       SET words = words_of(
               concat_ws(' ', g.given_name, g.family_name,
                         (SELECT string_agg(r.guest_name, ' ') FROM reservation r WHERE r.booking_id = b.id)),
               g.email, b.reference)
      FROM booking b JOIN guest g ON g.id = b.guest_id
     WHERE b.id = NEW.booking_id AND w.booking_id = b.id;
    RETURN NULL;
END $$;
CREATE TRIGGER listed_words AFTER UPDATE OF guest_name ON reservation FOR EACH ROW
    WHEN (NEW.guest_name IS DISTINCT FROM OLD.guest_name) EXECUTE FUNCTION booking_words_room();

-- Everything again from the bookings themselves: for those that are there already, and for bulk loads, which
-- write without the triggers. Empty tables only.
CREATE FUNCTION booking_entries_fill() RETURNS void LANGUAGE sql AS $$
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
        SELECT b.id, words_of(concat_ws(' ', g.given_name, g.family_name, r.names), g.email, b.reference)
          FROM booking b
          JOIN guest g ON g.id = b.guest_id
          JOIN (SELECT booking_id, string_agg(guest_name, ' ') AS names FROM reservation GROUP BY booking_id) AS r
            ON r.booking_id = b.id;
$$;
SELECT booking_entries_fill();

-- what Today counts -----------------------------------------------------------------------------

-- Stays that are still to end: few, however long the history.
CREATE INDEX reservation_live ON reservation (room_type_id, arrival)
    WHERE status IN ('confirmed', 'checked_in');
CREATE INDEX reservation_left ON reservation (room_type_id, checked_out_at) WHERE checked_out_at IS NOT NULL;
CREATE INDEX booking_cancelled ON booking (property_id, cancelled_at) WHERE cancelled_at IS NOT NULL;
