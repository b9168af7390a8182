-- A day with its era, and days and times that have no number: whatever stands in a cell is shown as it is.

-- A day as lists and `verify` read it: ISO 8601 for those that a payment can have.
CREATE FUNCTION day_text(day date) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE
        WHEN NOT isfinite(day) THEN CASE WHEN day > '2000-01-01' THEN 'infinity' ELSE '-infinity' END
        ELSE to_char(day, 'YYYY-MM-DD') || CASE WHEN day < '0001-01-01' THEN ' BC' ELSE '' END
    END;

CREATE OR REPLACE FUNCTION literal(cell date) RETURNS text LANGUAGE sql STABLE
    RETURN coalesce('''' || day_text(cell) || '''', 'NULL');
CREATE OR REPLACE FUNCTION literal(cell timestamptz) RETURNS text LANGUAGE sql STABLE
    RETURN CASE
        WHEN isfinite(cell) THEN (extract(epoch FROM cell) * 1000000)::bigint::text
        ELSE coalesce('''' || cell::text || '''', 'NULL')
    END;
