-- The list of all hotels is read page by page in this order, and counted by it. A group has thousands of hotels: while
-- it is made nobody changes one, for some milliseconds.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX property_listed ON property (country, city, id) WHERE active;
