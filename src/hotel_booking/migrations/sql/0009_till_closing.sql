-- The till of a property's desk is counted and closed. Phase: expand (a new table).
--
-- Cash alone: what stood in the till at the beginning, what came and went since the closing before, what was counted,
-- and what of it was taken out for the safe or the bank. The rest is what the next shift begins with. A closing is never
-- changed: who has counted wrongly counts again.
CREATE TABLE till_closing (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    property_id     int NOT NULL REFERENCES property,
    since           timestamptz NOT NULL,
    closed_at       timestamptz NOT NULL,
    currency        text NOT NULL,
    opening         bigint NOT NULL CHECK (opening >= 0),          -- minor units, as all amounts here
    cash_taken      bigint NOT NULL CHECK (cash_taken >= 0),
    cash_reversed   bigint NOT NULL CHECK (cash_reversed <= 0),    -- taken back, because it was recorded by mistake
    cash_given_back bigint NOT NULL CHECK (cash_given_back <= 0),
    counted         bigint NOT NULL CHECK (counted >= 0),
    removed         bigint NOT NULL CHECK (removed BETWEEN 0 AND counted),
    note            text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    closed_by       text NOT NULL,
    entries         bigint[] NOT NULL,                             -- of the audit log: what was counted in it
    CHECK (since <= closed_at)
);
CREATE INDEX till_closing_latest ON till_closing (property_id, id DESC);
CALL audit_table('till_closing', 'till_closing', p_left_out => '{entries}', p_masked => '{note}');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON till_closing
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
