-- How far each partition of a topic is. A cursor never stands beyond what the topic has acknowledged; where
-- one is lost or set back, what follows is published again.

CREATE TABLE relay_cursor (
    topic text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    event_id uuid,
    -- Where that event stands in the topic; null where it isn't known.
    topic_offset bigint CHECK (topic_offset >= 0),
    -- The topic begins after this position: it was created anew when the cursor stood there.
    begun_after bigint NOT NULL DEFAULT 0 CHECK (begun_after >= 0),
    PRIMARY KEY (topic, partition),
    CHECK ((position = 0) = (event_id IS NULL))
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
