-- The role that `daybook serve` and the reading commands need: no DDL, no UPDATE and no DELETE on events and seals.
-- Run it as the owner of the tables, in the ledger's database and in the views' one, after every
-- `daybook migrate`:
--
--   psql "$OWNER_URL" -f deploy/postgres/server_role.sql
--   psql "$OWNER_URL" -c "CREATE ROLE daybook_app LOGIN PASSWORD '…' IN ROLE daybook_server"

DO $$
DECLARE
    work constant text[] :=
        ARRAY['work_cursor', 'work_item', 'claim', 'expiry', 'expiry_waiting', 'lease_holder', 'lease',
            'relay_cursor'];
    views constant text[] :=
        ARRAY['view_cursor', 'payment', 'operation', 'refund', 'settlement', 'settlement_line', 'balance',
              'posting', 'payment_text', 'erased_text', 'parked'];
    name text;
BEGIN
    -- Two databases of one cluster may get here together: the second finds the role.
    BEGIN
        CREATE ROLE daybook_server NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO daybook_server', current_schema());
    IF to_regclass('migration') IS NOT NULL THEN
        GRANT SELECT ON migration TO daybook_server;
    END IF;
    IF to_regclass('event') IS NOT NULL THEN
        GRANT SELECT ON ledger, ledger_partition, event, event_text TO daybook_server;
        GRANT INSERT ON event, event_text TO daybook_server;
        GRANT UPDATE (head) ON ledger_partition TO daybook_server;
    END IF;
    IF to_regclass('seal') IS NOT NULL THEN
        GRANT SELECT, INSERT ON seal TO daybook_server;
        GRANT SELECT ON incarnation TO daybook_server;
    END IF;
    IF to_regclass('acknowledgement') IS NOT NULL THEN
        GRANT SELECT, INSERT ON acknowledgement TO daybook_server;
    END IF;
    IF to_regnamespace('daybook_rebuild') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA daybook_rebuild TO daybook_server;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA daybook_rebuild
            TO daybook_server;
    END IF;
    FOREACH name IN ARRAY work || views LOOP
        IF to_regclass(name) IS NOT NULL THEN
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO daybook_server', name);
        END IF;
    END LOOP;
END
$$;
