-- What followers of the catalogue, of rates and of what is free have to read again: the search index, in every
-- process. Phase: expand (the release before writes it too, by these triggers, and reads none).

-- One row for each committed change; it names what changed, not how. `xid` is the transaction: who has read all that
-- a snapshot shows, next reads what a later one shows besides, and so misses nothing, however transactions commit.
-- No order by time, no NOTIFY (it would make sales commit one after the other).
CREATE TABLE search_change (
    xid     xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    what    text NOT NULL CHECK (what IN ('property', 'rooms', 'rates', 'exchange', 'all')),
    key     int NOT NULL DEFAULT 0,      -- the property, or the room type
    plan    int NOT NULL DEFAULT 0,      -- of `rates`
    first   date,                        -- nights of `rooms` and `rates`, from the first to before the last
    until   date,
    PRIMARY KEY (xid, id)
);

-- How far transactions were at a time, to forget changes by their age; `purged`: what is below is not there any more.
CREATE TABLE search_change_mark (
    xid     xid8 PRIMARY KEY,
    made_at timestamptz NOT NULL,
    purged  boolean NOT NULL DEFAULT false
);

-- Nights of room types, in [p_from[i], p_until[i]). For inventory_change, on the way of every sale.
CREATE FUNCTION search_changed_nights(p_types int[], p_from date[], p_until date[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what, key, first, until)
        SELECT DISTINCT 'rooms', w.t, w.a, w.z FROM unnest(p_types, p_from, p_until) AS w(t, a, z);
END $$;

-- Nights that came or went.
CREATE FUNCTION search_changed_rooms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what, key, first, until)
        SELECT 'rooms', n.room_type_id, min(n.night), max(n.night) + 1 FROM come n GROUP BY 2;
    RETURN NULL;
END $$;
CREATE TRIGGER search_insert AFTER INSERT ON room_night REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_rooms();
CREATE TRIGGER search_delete AFTER DELETE ON room_night REFERENCING OLD TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_rooms();

-- By row, because a trigger of some columns has no table of what they were: sales change `taken` alone, and must not
-- pay for this.
CREATE FUNCTION search_changed_night() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what, key, first, until) VALUES ('rooms', NEW.room_type_id, NEW.night, NEW.night + 1);
    RETURN NULL;
END $$;
CREATE TRIGGER search_update AFTER UPDATE OF physical, offered, blocked, overbooking_limit, closed, min_stay_arrival,
    min_stay_through, max_stay, closed_to_arrival, closed_to_departure ON room_night
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION search_changed_night();

CREATE FUNCTION search_changed_rates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what, key, plan, first, until)
        SELECT 'rates', n.room_type_id, n.rate_plan_id, min(n.night), max(n.night) + 1 FROM come n GROUP BY 2, 3;
    RETURN NULL;
END $$;
CREATE TRIGGER search_insert AFTER INSERT ON rate_night REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_rates();
CREATE TRIGGER search_update AFTER UPDATE ON rate_night REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_rates();
CREATE TRIGGER search_delete AFTER DELETE ON rate_night REFERENCING OLD TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_rates();

-- A property and what it sells by. The argument is the column that says which property it is.
CREATE FUNCTION search_changed_property() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO search_change (what, key) SELECT DISTINCT ''property'', n.%I FROM come n', TG_ARGV[0]);
    RETURN NULL;
END $$;
DO $$
DECLARE
    v_table text;
    v_column text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['property', 'room_type', 'rate_plan', 'cancellation_policy', 'tax'] LOOP
        v_column := CASE v_table WHEN 'property' THEN 'id' ELSE 'property_id' END;
        EXECUTE format('CREATE TRIGGER search_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS come
            FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property(%L)', v_table, v_column);
        EXECUTE format('CREATE TRIGGER search_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS come
            FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property(%L)', v_table, v_column);
        EXECUTE format('CREATE TRIGGER search_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS come
            FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property(%L)', v_table, v_column);
    END LOOP;
END $$;

-- A place's region is its hotels'.
CREATE FUNCTION search_changed_places() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what, key)
        SELECT 'property', p.id FROM was JOIN come USING (id) JOIN property p ON p.place_id = come.id
         WHERE was.region IS DISTINCT FROM come.region;
    RETURN NULL;
END $$;
CREATE TRIGGER search_update AFTER UPDATE ON place REFERENCING OLD TABLE AS was NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_places();

CREATE FUNCTION search_changed_exchange() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what) VALUES ('exchange');
    RETURN NULL;
END $$;
CREATE TRIGGER search_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON exchange_rate
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_exchange();

-- Whoever follows loads everything again: after a table was emptied, or filled without triggers.
CREATE FUNCTION search_changed_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what) VALUES ('all');
    RETURN NULL;
END $$;
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['room_night', 'rate_night', 'property', 'room_type', 'rate_plan',
                                   'cancellation_policy', 'tax'] LOOP
        EXECUTE format('CREATE TRIGGER search_truncate AFTER TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION search_changed_all()', v_table);
    END LOOP;
END $$;

-- A hold that had expired counted as free; confirmed, it does not, and no night's `taken` changes for that.
CREATE FUNCTION search_changed_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what, key, first, until)
        SELECT 'rooms', r.room_type_id, lower(r.taken), upper(r.taken)
          FROM reservation r WHERE r.booking_id = NEW.id AND r.taken IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER search_hold AFTER UPDATE OF status ON booking FOR EACH ROW
    WHEN (OLD.status = 'held' AND NEW.status = 'confirmed'
          AND OLD.hold_expires_at <= NEW.confirmed_at + interval '5 minutes')
    EXECUTE FUNCTION search_changed_hold();

-- As in 0001, and those who follow what is free are told. Inventory's.
CREATE OR REPLACE FUNCTION inventory_change(p_room_types int[], p_from date[], p_until date[], p_deltas int[])
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_types  int[];
    v_nights date[];
    v_deltas int[];
    v_found  int := 0;
    v_short  jsonb := '[]';
    v_row    record;
BEGIN
    SELECT array_agg(w.t ORDER BY w.t, w.n), array_agg(w.n ORDER BY w.t, w.n), array_agg(w.d ORDER BY w.t, w.n)
      INTO v_types, v_nights, v_deltas
      FROM (SELECT r.t, r.a + i.n AS n, sum(r.d)::int AS d
              FROM unnest(p_room_types, p_from, p_until, p_deltas) AS r(t, a, z, d),
                   generate_series(0, r.z - r.a - 1) AS i(n)
             GROUP BY 1, 2 HAVING sum(r.d) <> 0) AS w;
    IF v_types IS NULL THEN
        RETURN;
    END IF;
    -- Oldest night first, type by type: an UPDATE promises no lock order, this SELECT does.
    FOR v_row IN
        SELECT rn.room_type_id, rn.night, w.delta, rn.capacity + rn.overbooking_limit - rn.taken AS free
          FROM unnest(v_types, v_nights, v_deltas) AS w(room_type_id, night, delta)
          JOIN room_night rn USING (room_type_id, night)
         ORDER BY rn.room_type_id, rn.night
           FOR UPDATE OF rn
    LOOP
        v_found := v_found + 1;
        IF v_row.delta > v_row.free AND v_row.delta > 0 THEN
            v_short := v_short || jsonb_build_object(
                'room_type_id', v_row.room_type_id, 'night', v_row.night, 'left', v_row.free);
        END IF;
    END LOOP;
    IF v_found < cardinality(v_types) THEN
        v_short := v_short || (
            SELECT jsonb_agg(jsonb_build_object('room_type_id', w.t, 'night', w.n, 'left', NULL))
              FROM unnest(v_types, v_nights) AS w(t, n)
             WHERE NOT EXISTS (SELECT FROM room_night WHERE room_type_id = w.t AND night = w.n));
    END IF;
    IF v_short <> '[]' THEN
        RAISE EXCEPTION 'sold out' USING ERRCODE = 'HB001', DETAIL = v_short::text;
    END IF;
    UPDATE room_night rn SET taken = rn.taken + w.delta
      FROM unnest(v_types, v_nights, v_deltas) AS w(room_type_id, night, delta)
     WHERE rn.room_type_id = w.room_type_id AND rn.night = w.night;
    PERFORM search_changed_nights(p_room_types, p_from, p_until);
END $$;
