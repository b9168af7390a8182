-- The role of people and tools that read with SQL: the views of the schema daybook_analytics and nothing else.
-- Run it as the owner of the views, in the views' database, after every `daybook migrate`:
--
--   psql "$OWNER_URL" -f deploy/postgres/analyst_role.sql
--   psql "$OWNER_URL" -c "CREATE ROLE ann LOGIN PASSWORD '…' IN ROLE daybook_analyst"
--
-- What a role is set to is not inherited by its members, so each is best given the same:
--
--   psql "$OWNER_URL" -c "ALTER ROLE ann SET search_path = daybook_analytics"
--   psql "$OWNER_URL" -c "ALTER ROLE ann SET default_transaction_read_only = on"
--   psql "$OWNER_URL" -c "ALTER ROLE ann SET statement_timeout = '60s'"

DO $$
BEGIN
    -- Two databases of one cluster may get here together: the second finds the role.
    BEGIN
        CREATE ROLE daybook_analyst NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    GRANT USAGE ON SCHEMA daybook_analytics TO daybook_analyst;
    GRANT SELECT ON ALL TABLES IN SCHEMA daybook_analytics TO daybook_analyst;
END
$$;
