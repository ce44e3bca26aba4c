-- How many rooms of a type are offered for a night, apart from how many there are: a channel manager that sends a
-- capacity no longer overwrites the count of the physical rooms. NULL offers all. The release before leaves it alone.
-- A generated column's expression cannot be changed in place: the table is written anew once, under its lock
-- (about 2 s for a million nights).
ALTER TABLE room_night ADD COLUMN offered smallint CHECK (offered >= 0);
ALTER TABLE room_night DROP CONSTRAINT no_night_is_oversold;
ALTER TABLE room_night DROP COLUMN capacity;
ALTER TABLE room_night ADD COLUMN capacity smallint
    GENERATED ALWAYS AS (greatest(least(physical - blocked, coalesce(offered, physical)), 0)) STORED;
ALTER TABLE room_night ADD CONSTRAINT no_night_is_oversold CHECK (
    taken >= 0
    AND taken <= greatest(least(physical - blocked, coalesce(offered, physical)), 0) + overbooking_limit);
DROP TRIGGER audit_update ON room_night;
CREATE TRIGGER audit_update AFTER UPDATE OF physical, offered, blocked, overbooking_limit, closed, min_stay_arrival,
    min_stay_through, max_stay, closed_to_arrival, closed_to_departure ON room_night
    FOR EACH STATEMENT WHEN (nullif(current_setting('hotel.origin', true), '') IS NULL)
    EXECUTE FUNCTION audit_nights_by_hand();
