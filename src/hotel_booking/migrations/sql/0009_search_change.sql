-- What lists and pages show of a hotel besides what it sells by: its photos, its texts in other languages, and its city.
-- Followers hear of them as of the hotel itself, so that pages need not ask the database what they know already.

-- While these are made nobody changes a photo or a text, for some milliseconds.
CREATE TRIGGER search_insert AFTER INSERT ON property_photo REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property('property_id');
CREATE TRIGGER search_update AFTER UPDATE ON property_photo REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property('property_id');
CREATE TRIGGER search_delete AFTER DELETE ON property_photo REFERENCING OLD TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property('property_id');
CREATE TRIGGER search_truncate AFTER TRUNCATE ON property_photo
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_all();
CREATE TRIGGER search_insert AFTER INSERT ON translation REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property('property_id');
CREATE TRIGGER search_update AFTER UPDATE ON translation REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property('property_id');
CREATE TRIGGER search_delete AFTER DELETE ON translation REFERENCING OLD TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_property('property_id');
CREATE TRIGGER search_truncate AFTER TRUNCATE ON translation
    FOR EACH STATEMENT EXECUTE FUNCTION search_changed_all();

-- A place's region is its hotels', and its names and size are on their pages.
CREATE OR REPLACE FUNCTION search_changed_places() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_change (what, key)
        SELECT 'property', p.id FROM was JOIN come USING (id) JOIN property p ON p.place_id = come.id
         WHERE was.* IS DISTINCT FROM come.*;
    RETURN NULL;
END $$;
