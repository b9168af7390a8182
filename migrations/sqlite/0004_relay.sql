-- work.db: how far each partition of a topic is. A cursor never stands beyond what the topic has
-- acknowledged; where one is lost or set back, what follows is published again.

CREATE TABLE relay_cursor (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    event_id BLOB CHECK (length(event_id) = 16),
    -- Where that event stands in the topic; null where it isn't known.
    topic_offset INTEGER CHECK (topic_offset >= 0),
    -- The topic begins after this position: it was created anew when the cursor stood there.
    begun_after INTEGER NOT NULL DEFAULT 0 CHECK (begun_after >= 0),
    PRIMARY KEY (topic, partition),
    CHECK ((position = 0) = (event_id IS NULL))
) STRICT, WITHOUT ROWID;
