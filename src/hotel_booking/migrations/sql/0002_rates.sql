-- Edits of rates and availability: who changed what, and the values before. Phase: expand.

-- One row per edit, by staff or by a program through PUT /ari. `changes` has runs of nights that changed alike:
-- [{"room_type_id", "plan_id", "column", "first", "nights", "before", "after"}]; plan_id 0 is the room type
-- itself. A program's edit has none: it is told who changed a cell, and cannot be undone here.
CREATE TABLE rate_edit (
    id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    property_id   int NOT NULL REFERENCES property,
    kind          text NOT NULL CHECK (kind IN ('cells', 'bulk', 'undo', 'program')),
    made_at       timestamptz NOT NULL,
    staff_id      int REFERENCES staff,
    made_by       text NOT NULL,
    what          text NOT NULL,
    room_type_ids int[] NOT NULL,
    first_night   date NOT NULL,
    last_night    date NOT NULL,
    cells         int NOT NULL CHECK (cells >= 0),
    changes       jsonb,
    undoes        bigint REFERENCES rate_edit,
    CHECK (last_night >= first_night),
    CHECK ((kind = 'undo') = (undoes IS NOT NULL)),
    CHECK ((kind = 'program') = (changes IS NULL))
);
CREATE INDEX rate_edit_of_property ON rate_edit (property_id, id DESC);
CREATE INDEX rate_edit_undone ON rate_edit (undoes) WHERE undoes IS NOT NULL;
