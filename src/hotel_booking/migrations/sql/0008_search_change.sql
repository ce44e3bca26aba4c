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

-- Nights that came, went or changed; sales change them too, by inventory_change(). By statement: for a sale that costs
-- what a row written by inventory_change() itself would (0.3 ms with either), for a bulk edit a third of a row each.
CREATE FUNCTION search_changed_rooms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what, key, first, until)
        SELECT 'rooms', n.room_type_id, min(n.night), max(n.night) + 1 FROM come n GROUP BY 2;
    RETURN NULL;
END $$;
CREATE TRIGGER search_insert AFTER INSERT ON room_night REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_rooms();
CREATE TRIGGER search_update AFTER UPDATE ON room_night REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_rooms();
CREATE TRIGGER search_delete AFTER DELETE ON room_night REFERENCING OLD TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_rooms();

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
