-- Nothing to change here: SQLite builds a view anew in a file of its own.
SELECT 1;
