-- What moved in guests' accounts is found by its time. Phase: expand (two indexes).
--
-- A report reads the lines of its days, however long the hotels have been open; by their bookings it read every line that
-- there ever was. Lines are added as time goes on, at the end of the index. (BRIN would be smaller and of no use where
-- bookings of years were taken over, hotel by hotel.)

-- To make one reads the table once, three million lines a second, and payments wait for that: concurrently it could not
-- be made in a transaction with the rest.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_entry_by_time ON ledger_entry (created_at);
-- As the first.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_charge_by_time ON ledger_charge (created_at);
