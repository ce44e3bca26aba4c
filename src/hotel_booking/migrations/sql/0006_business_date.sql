-- A property's day ends at an hour of its own, not at midnight (core/dates.py: business_date). Before noon: so late
-- no hotel ends its day, and every date has its one day. Phase: expand (the release before ends its days at midnight).

ALTER TABLE property ADD COLUMN day_end_time time NOT NULL DEFAULT '06:00' CHECK (day_end_time < '12:00');
