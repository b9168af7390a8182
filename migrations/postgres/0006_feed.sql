-- Where reading of the topic goes on, beside each cursor and moved with it; null where it is not known.
ALTER TABLE view_cursor ADD COLUMN topic_offset bigint CHECK (topic_offset >= 0);
