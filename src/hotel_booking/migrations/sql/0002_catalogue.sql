-- The catalogue's content: photos, and texts in several languages. Phase: expand.

-- The language that the property's own texts (property, room_type, rate_plan) are written in.
ALTER TABLE property ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (language ~ '^[a-z]{2}$');

-- Two editors of one room are told of each other, as with everything else in the catalogue.
ALTER TABLE room ADD COLUMN version int NOT NULL DEFAULT 1;

-- The same texts in the other languages. `object_id` is the id of the property, room type or rate plan; what is
-- deleted takes its translations along (`properties.service.translations`).
CREATE TABLE translation (
    property_id int NOT NULL REFERENCES property,
    kind        text NOT NULL CHECK (kind IN ('property', 'room_type', 'rate_plan')),
    object_id   int NOT NULL,
    language    text NOT NULL CHECK (language ~ '^[a-z]{2}$'),
    field       text NOT NULL CHECK (field IN ('name', 'description')),
    content     text NOT NULL CHECK (length(content) BETWEEN 1 AND 5000),
    PRIMARY KEY (kind, object_id, language, field)
);
CREATE INDEX translation_of_property ON translation (property_id);

-- A photo. Its files are <file>-<width>.webp, one for each of `widths`; the first in order is the cover. A row
-- is written after its files, so none is without; files without a row are swept by a job.
CREATE TABLE property_photo (
    id           int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    property_id  int NOT NULL REFERENCES property,
    room_type_id int REFERENCES room_type ON DELETE SET NULL,  -- what it shows; NULL: the house
    file         text NOT NULL UNIQUE CHECK (file ~ '^[0-9a-f]{32}$'),
    widths       int[] NOT NULL CHECK (cardinality(widths) BETWEEN 1 AND 3),
    width        int NOT NULL CHECK (width > 0),               -- of the largest
    height       int NOT NULL CHECK (height > 0),
    alt          text NOT NULL CHECK (length(alt) BETWEEN 1 AND 300),
    sort         int NOT NULL,
    created_at   timestamptz NOT NULL
);
CREATE INDEX photo_of_property ON property_photo (property_id, sort, id);
CREATE INDEX photo_of_room_type ON property_photo (room_type_id) WHERE room_type_id IS NOT NULL;

CALL audit_table('translation', 'text', p_key => 'object_id');
CALL audit_table('property_photo', 'photo', p_left_out => '{sort}');
-- As for every other part of the catalogue: that the version rose says nothing that the entry does not.
DROP TRIGGER audit ON room;
CALL audit_table('room', 'room', p_left_out => '{version}');
