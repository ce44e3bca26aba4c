-- The list of all hotels is read page by page in this order, and counted by it.
CREATE INDEX property_listed ON property (country, city, id) WHERE active;
