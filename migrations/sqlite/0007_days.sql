-- Nothing to change here: SQLite keeps a day as its text, and shows it as it stands.
SELECT 1;
