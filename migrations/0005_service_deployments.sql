-- A service revision is what a deployment runs; a rollback's deployment runs the revision of an earlier one (SD-01). Deployments are kept
-- as long as the revision may be asked for.
ALTER TABLE deployments ADD COLUMN revision_id bigint;

CREATE TABLE service_deployments (
    -- The last part of its ARN.
    id                      text PRIMARY KEY,
    -- Orders those of one instant.
    ordinal                 bigint GENERATED ALWAYS AS IDENTITY,
    service_id              bigint NOT NULL REFERENCES services ON DELETE CASCADE,
    -- The deployment that it began, and the one that it goes back to.
    deployment_id           bigint NOT NULL,
    rollback_deployment_id  bigint,
    -- Service revisions.
    target_revision         bigint NOT NULL,
    source_revisions        bigint[] NOT NULL,
    status                  text NOT NULL,
    status_reason           text,
    -- The API's DeploymentConfiguration of that time.
    configuration           jsonb NOT NULL,
    rollback_reason         text,
    rollback_started_at     timestamptz,
    created_at              timestamptz NOT NULL,
    started_at              timestamptz,
    finished_at             timestamptz,
    stopped_at              timestamptz,
    updated_at              timestamptz NOT NULL
);
CREATE INDEX service_deployments_service ON service_deployments (service_id, ordinal DESC);
-- Only one is under way (SD-02).
CREATE UNIQUE INDEX service_deployments_under_way ON service_deployments (service_id)
    WHERE status IN ('PENDING', 'IN_PROGRESS', 'STOP_REQUESTED', 'ROLLBACK_REQUESTED', 'ROLLBACK_IN_PROGRESS');
