-- Two roles for a log in PostgreSQL: `mandate_owner` makes the tables and changes them with a new release, `mandate`
-- serves. What serves can then add to the log and move its end, and can neither change nor remove what is there, nor
-- take away the triggers that say so.
--
--   createuser mandate_owner; createuser mandate; createdb --owner mandate_owner mandate
--   mandate init --database-url postgres://mandate_owner@…/mandate          (and one start as this role per release)
--   psql --dbname mandate --username mandate_owner --file postgres-roles.sql
--   mandate serve --database-url postgres://mandate@…/mandate
REVOKE ALL ON mandate_schema, events, head, checkpoints, lease FROM PUBLIC;
GRANT SELECT ON mandate_schema TO mandate;
GRANT SELECT, INSERT ON events, checkpoints TO mandate;
GRANT SELECT, UPDATE ON head, lease TO mandate;

-- Keys are replaced when they are rotated, and destroyed when a person is erased.
REVOKE ALL ON SCHEMA mandate_keys FROM PUBLIC;
GRANT USAGE ON SCHEMA mandate_keys TO mandate;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mandate_keys TO mandate;
