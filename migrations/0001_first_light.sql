-- Rows are the truth; every table belongs to one aggregate of services/store.
-- desired_* columns are written by the control plane only, observed ones from agents' reports only.

CREATE TABLE servers (
    id          uuid PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    -- A server renews this while it can reach the database; its agent sessions are void when it is too old.
    seen_at     timestamptz NOT NULL
);

CREATE TABLE access_keys (
    access_key_id  text PRIMARY KEY,
    account        text NOT NULL,
    principal_arn  text NOT NULL,
    user_id        text NOT NULL,
    sealed_secret  bytea NOT NULL,
    active         boolean NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL
);

CREATE TABLE account_settings (
    account    text NOT NULL,
    region     text NOT NULL,
    -- '' is the account's default.
    principal  text NOT NULL,
    name       text NOT NULL,
    value      text NOT NULL,
    PRIMARY KEY (account, region, principal, name)
);

CREATE TABLE tags (
    account  text NOT NULL,
    region   text NOT NULL,
    arn      text NOT NULL,
    key      text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (account, region, arn, key)
);

CREATE TABLE idempotency_tokens (
    account     text NOT NULL,
    region      text NOT NULL,
    operation   text NOT NULL,
    token       text NOT NULL,
    -- Digest of the request's parameters: the same token with other parameters is a conflict.
    digest      bytea NOT NULL,
    -- ARNs of what the first call made.
    resources   text[] NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account, region, operation, token)
);
CREATE INDEX idempotency_tokens_age ON idempotency_tokens (created_at);

CREATE TABLE clusters (
    id                                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account                             text NOT NULL,
    region                              text NOT NULL,
    name                                text NOT NULL,
    status                              text NOT NULL,
    settings                            jsonb NOT NULL DEFAULT '[]',
    configuration                       jsonb,
    service_connect_defaults            jsonb,
    capacity_providers                  jsonb NOT NULL DEFAULT '[]',
    default_capacity_provider_strategy  jsonb NOT NULL DEFAULT '[]',
    created_at                          timestamptz NOT NULL,
    deleted_at                          timestamptz
);
CREATE UNIQUE INDEX clusters_name ON clusters (account, region, name) WHERE status <> 'INACTIVE';

CREATE TABLE task_definition_families (
    account        text NOT NULL,
    region         text NOT NULL,
    family         text NOT NULL,
    last_revision  integer NOT NULL,
    PRIMARY KEY (account, region, family)
);

CREATE TABLE task_definitions (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account              text NOT NULL,
    region               text NOT NULL,
    family               text NOT NULL,
    revision             integer NOT NULL,
    status               text NOT NULL,
    -- The API's TaskDefinition with its defaults filled in, less status and times.
    document             jsonb NOT NULL,
    registered_at        timestamptz NOT NULL,
    deregistered_at      timestamptz,
    delete_requested_at  timestamptz,
    UNIQUE (account, region, family, revision)
);

CREATE TABLE container_instances (
    id                  uuid PRIMARY KEY,
    cluster_id          bigint NOT NULL REFERENCES clusters,
    status              text NOT NULL,
    status_reason       text,
    ec2_instance_id     text,
    -- name → value, null for capabilities.
    attributes          jsonb NOT NULL,
    agent_version       text,
    agent_hash          text,
    docker_version      text,
    -- Registered.
    cpu                 bigint NOT NULL,
    memory              bigint NOT NULL,
    reserved_ports      integer[] NOT NULL,
    reserved_ports_udp  integer[] NOT NULL,
    gpus                text[] NOT NULL,
    -- Taken by tasks that are not STOPPED (I-03); ports include the reserved ones.
    used_cpu            bigint NOT NULL DEFAULT 0,
    used_memory         bigint NOT NULL DEFAULT 0,
    used_ports          integer[] NOT NULL,
    used_ports_udp      integer[] NOT NULL,
    used_gpus           text[] NOT NULL DEFAULT '{}',
    -- group → number of tasks that are not STOPPED.
    task_groups         jsonb NOT NULL DEFAULT '{}',
    -- Raised by every change of the row: placements commit only against the revision that they were planned on. Also the API's `version` (I-07).
    revision            bigint NOT NULL DEFAULT 1,
    client_token        text,
    health              jsonb,
    registered_at       timestamptz NOT NULL,
    deregistered_at     timestamptz,
    agent_connected     boolean NOT NULL DEFAULT false,
    -- The server that holds the agent's session, and which of its sessions it is.
    session_server      uuid,
    session_id          uuid,
    connected_at        timestamptz,
    disconnected_at     timestamptz,
    -- Highest seqNum or timeline that was sent to this agent.
    last_seq_num        bigint NOT NULL DEFAULT 0,
    CHECK (used_cpu >= 0 AND used_memory >= 0),
    CHECK (status = 'INACTIVE' OR (used_cpu <= cpu AND used_memory <= memory) )
);
CREATE INDEX container_instances_cluster ON container_instances (cluster_id, id) WHERE status <> 'INACTIVE';
-- One registration per token.
CREATE UNIQUE INDEX container_instances_token ON container_instances (cluster_id, client_token);
CREATE INDEX container_instances_gone ON container_instances (deregistered_at) WHERE status = 'INACTIVE';

CREATE TABLE services (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id           bigint NOT NULL REFERENCES clusters,
    name                 text NOT NULL,
    status               text NOT NULL,
    scheduling_strategy  text NOT NULL,
    desired_count        integer NOT NULL,
    -- What CreateService and UpdateService set besides the columns here.
    spec                 jsonb NOT NULL,
    -- The scheduler's own memory (steady state, throttling).
    scheduler            jsonb NOT NULL DEFAULT '{}',
    -- Nothing is missing or under way: the scheduler looks only when it is woken.
    settled              boolean NOT NULL DEFAULT false,
    -- Raised by every change that a plan depends on; plans commit only against the generation that they were made of.
    generation           bigint NOT NULL DEFAULT 1,
    -- Of CreateService's parameters: the same call again is no error (S-03).
    create_digest        bytea NOT NULL,
    created_at           timestamptz NOT NULL,
    created_by           text NOT NULL,
    deleted_at           timestamptz
);
CREATE UNIQUE INDEX services_name ON services (cluster_id, name) WHERE status <> 'INACTIVE';
CREATE INDEX services_by_name ON services (cluster_id, name COLLATE "C") WHERE status = 'ACTIVE';
CREATE INDEX services_newest ON services (cluster_id, name, id DESC);
CREATE INDEX services_live ON services (id) WHERE status <> 'INACTIVE';
CREATE INDEX services_unsettled ON services (id) WHERE status <> 'INACTIVE' AND NOT settled;
CREATE INDEX services_gone ON services (deleted_at) WHERE status = 'INACTIVE';

CREATE TABLE deployments (
    -- The 19 digits of `ecs-svc/…`.
    id                    bigint PRIMARY KEY,
    service_id            bigint NOT NULL REFERENCES services ON DELETE CASCADE,
    status                text NOT NULL,
    task_definition_id    bigint NOT NULL REFERENCES task_definitions,
    desired_count         integer NOT NULL,
    -- Service revision: what new tasks of this deployment are made of.
    spec                  jsonb NOT NULL,
    rollout_state         text NOT NULL,
    rollout_state_reason  text NOT NULL,
    failed_tasks          integer NOT NULL DEFAULT 0,
    -- The scheduler's own memory of this deployment (throttle, breaker).
    scheduler             jsonb NOT NULL DEFAULT '{}',
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL
);
CREATE INDEX deployments_service ON deployments (service_id, created_at DESC);
CREATE INDEX deployments_task_definition ON deployments (task_definition_id);
CREATE INDEX deployments_finished ON deployments (updated_at) WHERE status = 'INACTIVE';

CREATE TABLE service_events (
    id          uuid PRIMARY KEY,
    service_id  bigint NOT NULL REFERENCES services ON DELETE CASCADE,
    -- Orders events of one instant.
    ordinal     bigint GENERATED ALWAYS AS IDENTITY,
    created_at  timestamptz NOT NULL,
    message     text NOT NULL
);
CREATE INDEX service_events_service ON service_events (service_id, ordinal DESC);

CREATE TABLE tasks (
    id                     uuid PRIMARY KEY,
    cluster_id             bigint NOT NULL REFERENCES clusters,
    instance_id            uuid REFERENCES container_instances,
    task_definition_id     bigint NOT NULL REFERENCES task_definitions,
    service_id             bigint REFERENCES services,
    -- The deployment's 19 digits, for tasks of a service.
    deployment_id          bigint,
    task_group             text NOT NULL,
    started_by             text,
    launch_type            text NOT NULL,
    capacity_provider      text,
    desired_status         text NOT NULL,
    last_status            text NOT NULL,
    health                 text NOT NULL DEFAULT 'UNKNOWN',
    -- Taken from the instance until STOPPED.
    resources              jsonb NOT NULL,
    gpu_ids                text[] NOT NULL,
    -- TaskRecord of services/store: everything that is fixed at start (overrides, flags, container names and ids).
    spec                   jsonb NOT NULL,
    -- Observed containers, by name.
    containers             jsonb NOT NULL,
    stop_code              text,
    stopped_reason         text,
    version                bigint NOT NULL DEFAULT 1,
    protected_until        timestamptz,
    -- For tasks of a service: the scheduler has counted how this task ended.
    accounted              boolean NOT NULL DEFAULT false,
    created_at             timestamptz NOT NULL,
    pull_started_at        timestamptz,
    pull_stopped_at        timestamptz,
    started_at             timestamptz,
    stopping_at            timestamptz,
    execution_stopped_at   timestamptz,
    stopped_at             timestamptz
);
CREATE INDEX tasks_running ON tasks (cluster_id, id) WHERE desired_status = 'RUNNING';
CREATE INDEX tasks_stopped ON tasks (cluster_id, id) WHERE desired_status = 'STOPPED';
CREATE INDEX tasks_on_instance ON tasks (instance_id) WHERE last_status <> 'STOPPED';
-- What agents have to be told: sessions look here all the time, among all the tasks that just run.
CREATE INDEX tasks_unsettled ON tasks (instance_id)
    WHERE last_status <> 'STOPPED' AND (desired_status = 'STOPPED' OR last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING'));
CREATE INDEX tasks_of_service ON tasks (service_id) WHERE service_id IS NOT NULL AND (last_status <> 'STOPPED' OR NOT accounted);
CREATE INDEX tasks_by_service ON tasks (service_id) WHERE service_id IS NOT NULL;
CREATE INDEX tasks_unaccounted ON tasks (service_id) WHERE service_id IS NOT NULL AND last_status = 'STOPPED' AND NOT accounted;
CREATE INDEX tasks_retention ON tasks (stopped_at) WHERE last_status = 'STOPPED';
CREATE INDEX tasks_of_definition ON tasks (task_definition_id) WHERE last_status <> 'STOPPED';
