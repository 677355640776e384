-- ELBv2: what users configured stands in columns as the API has it (jsonb holds the API's own shapes); targets also hold what the
-- proxies observed. Proxies are told of a row by its revision, which every change raises from one sequence.

CREATE SEQUENCE route_revisions;

CREATE TABLE load_balancers (
    arn                 text PRIMARY KEY,
    -- Gives each balancer an address of its own where a proxy has a block of them.
    number              bigint GENERATED ALWAYS AS IDENTITY,
    account             text NOT NULL,
    region              text NOT NULL,
    name                text NOT NULL,
    -- application | network
    kind                text NOT NULL,
    scheme              text NOT NULL,
    vpc_id              text NOT NULL,
    ip_address_type     text NOT NULL,
    dns_name            text NOT NULL,
    -- The API's AvailabilityZone[] as it is answered.
    zones               jsonb NOT NULL,
    -- Ids in use, for dependency errors of networks.
    subnets             text[] NOT NULL,
    security_groups     text[] NOT NULL,
    -- Attribute key → value, only what differs from the default.
    attributes          jsonb NOT NULL DEFAULT '{}',
    -- Members that are kept and returned, and have no effect in a proxy.
    kept                jsonb NOT NULL DEFAULT '{}',
    -- Seals the cookies of this balancer.
    sealed_cookie_key   bytea NOT NULL,
    revision            bigint NOT NULL DEFAULT nextval('route_revisions'),
    created_at          timestamptz NOT NULL,
    UNIQUE (account, region, name)
);
CREATE INDEX load_balancers_revision ON load_balancers (revision);

CREATE TABLE target_groups (
    arn                 text PRIMARY KEY,
    account             text NOT NULL,
    region              text NOT NULL,
    name                text NOT NULL,
    target_type         text NOT NULL,
    protocol            text,
    protocol_version    text,
    port                integer,
    vpc_id              text,
    ip_address_type     text NOT NULL,
    -- routing::HealthCheck.
    health_check        jsonb NOT NULL,
    attributes          jsonb NOT NULL DEFAULT '{}',
    kept                jsonb NOT NULL DEFAULT '{}',
    revision            bigint NOT NULL DEFAULT nextval('route_revisions'),
    created_at          timestamptz NOT NULL,
    UNIQUE (account, region, name)
);
CREATE INDEX target_groups_revision ON target_groups (revision);

CREATE TABLE listeners (
    arn                 text PRIMARY KEY,
    load_balancer_arn   text NOT NULL REFERENCES load_balancers ON DELETE CASCADE,
    port                integer NOT NULL,
    protocol            text NOT NULL,
    ssl_policy          text,
    -- ARN of the default certificate.
    certificate_arn     text,
    alpn_policy         text,
    -- The API's MutualAuthenticationAttributes.
    mutual              jsonb,
    attributes          jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL,
    UNIQUE (load_balancer_arn, port)
);
CREATE INDEX listeners_certificate ON listeners (certificate_arn);

-- SNI certificates besides the default one.
CREATE TABLE listener_certificates (
    listener_arn     text NOT NULL REFERENCES listeners ON DELETE CASCADE,
    certificate_arn  text NOT NULL,
    PRIMARY KEY (listener_arn, certificate_arn)
);
CREATE INDEX listener_certificates_certificate ON listener_certificates (certificate_arn);

CREATE TABLE rules (
    arn           text PRIMARY KEY,
    listener_arn  text NOT NULL REFERENCES listeners ON DELETE CASCADE,
    -- NULL: the listener's default rule.
    priority      integer,
    -- The API's own shapes, with defaults filled in; client secrets are sealed.
    conditions    jsonb NOT NULL,
    transforms    jsonb NOT NULL DEFAULT '[]',
    actions       jsonb NOT NULL,
    -- A deployment shifts the weights of this rule: its service's row id.
    shifted_by    bigint,
    created_at    timestamptz NOT NULL,
    UNIQUE (listener_arn, priority) DEFERRABLE INITIALLY IMMEDIATE
);
CREATE UNIQUE INDEX rules_default ON rules (listener_arn) WHERE priority IS NULL;

-- Which target groups the actions of a rule name.
CREATE TABLE rule_target_groups (
    rule_arn          text NOT NULL REFERENCES rules ON DELETE CASCADE,
    target_group_arn  text NOT NULL REFERENCES target_groups,
    PRIMARY KEY (rule_arn, target_group_arn)
);
CREATE INDEX rule_target_groups_group ON rule_target_groups (target_group_arn);

CREATE TABLE targets (
    target_group_arn    text NOT NULL REFERENCES target_groups ON DELETE CASCADE,
    target_id           text NOT NULL,
    port                integer NOT NULL,
    availability_zone   text,
    -- Where to connect; NULL when the instance is not known.
    address             inet,
    -- Registered for this task by its service; NULL: by a user.
    task_id             uuid,
    registered_at       timestamptz NOT NULL,
    -- Set by deregistration; the row goes when this has passed (LB-19).
    draining_until      timestamptz,
    -- Observed, as agreed: reports of the proxy that checks the group.
    health_state        text NOT NULL,
    health_reason       text,
    health_description  text,
    health_since        timestamptz NOT NULL,
    healthy_since       timestamptz,
    PRIMARY KEY (target_group_arn, target_id, port)
);
CREATE INDEX targets_task ON targets (task_id) WHERE task_id IS NOT NULL;
CREATE INDEX targets_draining ON targets (draining_until) WHERE draining_until IS NOT NULL;

CREATE TABLE trust_stores (
    arn             text PRIMARY KEY,
    account         text NOT NULL,
    region          text NOT NULL,
    name            text NOT NULL,
    -- PEM.
    authorities     text NOT NULL,
    created_at      timestamptz NOT NULL,
    UNIQUE (account, region, name)
);

CREATE TABLE trust_store_revocations (
    trust_store_arn  text NOT NULL REFERENCES trust_stores ON DELETE CASCADE,
    revocation_id    bigint NOT NULL,
    content          text NOT NULL,
    entries          bigint NOT NULL,
    PRIMARY KEY (trust_store_arn, revocation_id)
);

-- ACM.
CREATE TABLE certificates (
    arn                 text PRIMARY KEY,
    account             text NOT NULL,
    region              text NOT NULL,
    -- IMPORTED | AMAZON_ISSUED (by ACME)
    kind                text NOT NULL,
    status              text NOT NULL,
    domain_name         text NOT NULL,
    alternative_names   text[] NOT NULL,
    -- What DescribeCertificate shows beyond the columns.
    details             jsonb NOT NULL DEFAULT '{}',
    -- PEM; NULL until issued.
    certificate         text,
    chain               text,
    sealed_private_key  bytea,
    not_before          timestamptz,
    not_after           timestamptz,
    -- State of the ACME order, for the loop that advances it.
    issuing             jsonb,
    idempotency_token   text,
    revision            bigint NOT NULL DEFAULT nextval('route_revisions'),
    created_at          timestamptz NOT NULL
);
CREATE INDEX certificates_scope ON certificates (account, region);
CREATE INDEX certificates_revision ON certificates (revision);

CREATE TABLE acme_accounts (
    directory       text PRIMARY KEY,
    sealed_account  bytea NOT NULL
);

-- Answers to HTTP-01 challenges, which proxies give under /.well-known/acme-challenge/.
CREATE TABLE acme_challenges (
    token              text PRIMARY KEY,
    key_authorization  text NOT NULL,
    created_at         timestamptz NOT NULL
);

-- Proxies that are connected, each to one server.
CREATE TABLE proxies (
    name             text PRIMARY KEY,
    boot             text NOT NULL,
    version          text NOT NULL,
    metrics_address  text,
    -- Names or ARNs; empty: all.
    balancers        text[] NOT NULL,
    session_server   uuid NOT NULL,
    session_id       uuid NOT NULL,
    connected_at     timestamptz NOT NULL,
    -- Renewed while the session lives.
    seen_at          timestamptz NOT NULL
);

-- How a listener stands on a proxy.
CREATE TABLE listener_statuses (
    listener_arn  text NOT NULL REFERENCES listeners ON DELETE CASCADE,
    proxy         text NOT NULL REFERENCES proxies ON DELETE CASCADE,
    revision      bigint NOT NULL,
    addresses     text[] NOT NULL,
    failure       text,
    PRIMARY KEY (listener_arn, proxy)
);

-- Highest report of a proxy's boot that is counted: a report that comes twice counts once.
CREATE TABLE proxy_reports (
    proxy     text NOT NULL,
    boot      text NOT NULL,
    sequence  bigint NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (proxy, boot)
);

-- Counts by minute under CloudWatch's names (LB-40); '' as target group: the balancer itself.
CREATE TABLE balancer_metrics (
    minute            timestamptz NOT NULL,
    load_balancer_arn text NOT NULL,
    target_group_arn  text NOT NULL DEFAULT '',
    metric            text NOT NULL,
    samples           bigint NOT NULL,
    sum               double precision NOT NULL,
    minimum           double precision NOT NULL,
    maximum           double precision NOT NULL,
    PRIMARY KEY (load_balancer_arn, target_group_arn, metric, minute)
);
CREATE INDEX balancer_metrics_age ON balancer_metrics (minute);

-- Where a host's published ports are reached: given by its agent, else the peer of its session.
ALTER TABLE container_instances ADD COLUMN address inet;

-- A stop of a task waits until its targets are drained (T-43); until then its agent is not told.
ALTER TABLE tasks ADD COLUMN draining_until timestamptz;
