-- Where guests want to go: countries and regions are places too, and hotels are found by their own names in every
-- language and script. Needs 0006_folding.

-- A region's and a country's rows have their GeoNames ids as well. `region` is the region that a city lies in;
-- `names` what the place is called in other languages, where that is not its name.
ALTER TABLE place
    ADD COLUMN kind text NOT NULL DEFAULT 'city' CHECK (kind IN ('city', 'region', 'country')),
    ADD COLUMN region int,
    ADD COLUMN names jsonb NOT NULL DEFAULT '{}';
CREATE INDEX place_of_region ON place (region) WHERE region IS NOT NULL;

-- `shown` is the name as it is written, `latin` its sound in Latin letters where it has others: likeness is counted in
-- these, because pg_trgm sees no letters beyond ASCII in a database of the locale C.
ALTER TABLE place_name ADD COLUMN shown text, ADD COLUMN latin text;
CREATE INDEX place_name_like ON place_name USING gin ((coalesce(latin, name)) gin_trgm_ops);

CREATE INDEX property_of_country ON property (country) WHERE active;

-- What a hotel is called, as texts are compared: in its own language and in others, and with its city. Kept by the
-- triggers below, whoever writes the hotel.
CREATE TABLE property_name (
    property_id int NOT NULL REFERENCES property ON DELETE CASCADE,
    name        text NOT NULL,
    shown       text NOT NULL,
    PRIMARY KEY (property_id, name)
);
CREATE INDEX property_name_begins ON property_name (name text_pattern_ops);
CREATE INDEX property_name_like ON property_name USING gin (name gin_trgm_ops);
-- Names in other scripts are few and are compared letter by letter.
CREATE INDEX property_name_other ON property_name (property_id) WHERE name !~ '^[\x01-\x7f]*$';

CREATE FUNCTION property_names(p_property int) RETURNS void LANGUAGE sql AS $$
    DELETE FROM property_name WHERE property_id = p_property;
    INSERT INTO property_name (property_id, name, shown)
    SELECT DISTINCT ON (form) p_property, form, shown
      FROM (SELECT array_to_string(folded_words(written), ' ') AS form, shown, place
              FROM (SELECT p.name AS shown, p.city, 1 AS place FROM property p WHERE p.id = p_property
                    UNION ALL
                    SELECT t.content, p.city, 2 FROM translation t JOIN property p ON p.id = t.property_id
                     WHERE t.property_id = p_property AND t.kind = 'property' AND t.field = 'name') AS n,
                   LATERAL (VALUES (n.shown), (folded_spelled(n.shown)), (n.shown || ' ' || n.city),
                                   (translate(n.shown, '''’', '  ')),
                                   (n.city || ' ' || n.shown)) AS w (written)) AS f
     WHERE form <> ''
     ORDER BY form, place
$$;

CREATE FUNCTION property_names_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'property' THEN
        PERFORM property_names(NEW.id);
    ELSIF TG_OP = 'DELETE' THEN
        -- The hotel may be going itself.
        PERFORM property_names(id) FROM property WHERE id = OLD.property_id;
    ELSE
        PERFORM property_names(NEW.property_id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER names_of_new AFTER INSERT ON property FOR EACH ROW EXECUTE FUNCTION property_names_kept();
CREATE TRIGGER names AFTER UPDATE OF name, city ON property FOR EACH ROW
    WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.city IS DISTINCT FROM NEW.city)
    EXECUTE FUNCTION property_names_kept();
CREATE TRIGGER names_written AFTER INSERT OR UPDATE ON translation FOR EACH ROW
    WHEN (NEW.kind = 'property' AND NEW.field = 'name') EXECUTE FUNCTION property_names_kept();
CREATE TRIGGER names_removed AFTER DELETE ON translation FOR EACH ROW
    WHEN (OLD.kind = 'property' AND OLD.field = 'name') EXECUTE FUNCTION property_names_kept();

SELECT property_names(id) FROM property;
