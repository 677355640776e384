-- Services that sleep at zero tasks while nobody asks for them, opted in by tags.
CREATE TABLE sleepers (
    service_id     bigint PRIMARY KEY REFERENCES services ON DELETE CASCADE,
    idle_seconds   integer NOT NULL,
    held_requests  integer NOT NULL,
    hold_seconds   integer NOT NULL,
    -- When a proxy last said that requests come; idle time counts from here.
    active_at      timestamptz NOT NULL,
    -- The desired count to go back to; NULL: awake.
    awake_count    integer
);
CREATE INDEX tags_of_berth ON tags (key, arn) WHERE key LIKE 'berth:%';
