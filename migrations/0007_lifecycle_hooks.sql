-- Waits of service deployments for lifecycle hooks of type PAUSE (BG-21). The scheduler begins them with the stage that they belong to, in
-- its plan's transaction. They end by an answer of ContinueServiceDeployment or by a plan, both with the service's row held.
CREATE TABLE lifecycle_hooks (
    -- hookId.
    id                     text PRIMARY KEY,
    -- Orders those of one deployment.
    ordinal                bigint GENERATED ALWAYS AS IDENTITY,
    service_deployment_id  text NOT NULL REFERENCES service_deployments ON DELETE CASCADE,
    -- Its place in lifecycleHooks, the stage, and the share of the production traffic then in tenths of a percent: one wait for each step.
    place                  integer NOT NULL,
    stage                  text NOT NULL,
    share                  integer NOT NULL,
    status                 text NOT NULL CHECK (status IN ('AWAITING_ACTION', 'SUCCEEDED', 'FAILED', 'TIMED_OUT')),
    timeout_action         text NOT NULL CHECK (timeout_action IN ('CONTINUE', 'ROLLBACK')),
    expires_at             timestamptz NOT NULL,
    ended_at               timestamptz,
    created_at             timestamptz NOT NULL,
    UNIQUE (service_deployment_id, stage, share, place),
    CHECK ((status = 'AWAITING_ACTION') = (ended_at IS NULL))
);
