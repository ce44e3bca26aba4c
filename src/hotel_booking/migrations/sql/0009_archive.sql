-- Rows of the past may go to files of the backups' store (`hotel-booking ops database maintenance --archive`).
-- Phase: expand (for the release before, no row has gone).

-- Up to which link the audit log was moved to files, the last of which it is: each names the hash of its last link, so
-- that the chain goes on from there, and the SHA-256 of its file's lines.
CREATE TABLE audit_archive (
    position bigint PRIMARY KEY,
    hash     bytea NOT NULL,
    file     text NOT NULL,
    sha256   bytea NOT NULL,
    made_at  timestamptz NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_archive
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_archive FROM PUBLIC;

-- An entry may go once a file is named that has it, and by nothing else: while none is named, no statement may.
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM audit_archive) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'HB900';
END $$;
CREATE FUNCTION audit_refuse_unless_archived() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_row      jsonb := to_jsonb(OLD);
    v_position bigint := coalesce((v_row ->> 'position')::bigint,
        (SELECT l.position FROM audit_link l WHERE l.entry_id = (v_row ->> 'id')::bigint));
    v_archived bigint := (SELECT max(a.position) FROM audit_archive a);
BEGIN
    IF v_archived IS NULL OR v_position <= v_archived THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'HB900';
END $$;
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['audit_entry', 'audit_link'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()', v_table);
        EXECUTE format('CREATE TRIGGER append_only_rows BEFORE DELETE ON %I
            FOR EACH ROW EXECUTE FUNCTION audit_refuse_unless_archived()', v_table);
    END LOOP;
END $$;

-- Nights before this one are in files.
CREATE TABLE night_archive (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    before date NOT NULL
);

-- As before (0001_functions.sql), but for nights that are in files: who gives one back changes nothing.
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
            SELECT coalesce(jsonb_agg(jsonb_build_object('room_type_id', w.t, 'night', w.n, 'left', NULL)), '[]')
              FROM unnest(v_types, v_nights, v_deltas) AS w(t, n, d)
             WHERE NOT EXISTS (SELECT FROM room_night WHERE room_type_id = w.t AND night = w.n)
               AND (w.d > 0 OR w.n >= coalesce((SELECT a.before FROM night_archive a), w.n)));
    END IF;
    IF v_short <> '[]' THEN
        RAISE EXCEPTION 'sold out' USING ERRCODE = 'HB001', DETAIL = v_short::text;
    END IF;
    UPDATE room_night rn SET taken = rn.taken + w.delta
      FROM unnest(v_types, v_nights, v_deltas) AS w(room_type_id, night, delta)
     WHERE rn.room_type_id = w.room_type_id AND rn.night = w.night;
END $$;
