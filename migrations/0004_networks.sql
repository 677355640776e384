-- Networks as records: what EC2's API says of VPCs and of what is in them. Ids are EC2's (vpc-0123456789abcdef0), tags are in `tags` by ARN.

-- Accounts and regions whose default VPC was made, which happens once. Whoever changes networks there holds this row, so that checks and
-- changes do not interleave; whoever only refers to subnets and security groups holds those rows (FOR KEY SHARE).
CREATE TABLE network_scopes (
    account  text NOT NULL,
    region   text NOT NULL,
    PRIMARY KEY (account, region)
);

CREATE TABLE vpcs (
    id                            text PRIMARY KEY,
    account                       text NOT NULL,
    region                        text NOT NULL,
    cidr_block                    text NOT NULL,
    cidr_association_id           text NOT NULL,
    is_default                    boolean NOT NULL,
    instance_tenancy              text NOT NULL,
    enable_dns_support            boolean NOT NULL DEFAULT true,
    enable_dns_hostnames          boolean NOT NULL,
    network_address_usage_metrics boolean NOT NULL DEFAULT false,
    FOREIGN KEY (account, region) REFERENCES network_scopes
);
CREATE INDEX vpcs_scope ON vpcs (account, region);
CREATE UNIQUE INDEX vpcs_default ON vpcs (account, region) WHERE is_default;

CREATE TABLE network_acls (
    id          text PRIMARY KEY,
    account     text NOT NULL,
    region      text NOT NULL,
    vpc_id      text NOT NULL REFERENCES vpcs,
    -- The one that the VPC came with, which new subnets use.
    is_default  boolean NOT NULL
);
CREATE INDEX network_acls_scope ON network_acls (account, region);
CREATE UNIQUE INDEX network_acls_default ON network_acls (vpc_id) WHERE is_default;

-- Besides the last one of each direction, which denies what no other let pass.
CREATE TABLE network_acl_entries (
    network_acl_id   text NOT NULL REFERENCES network_acls ON DELETE CASCADE,
    egress           boolean NOT NULL,
    rule_number      integer NOT NULL,
    allow            boolean NOT NULL,
    -- A number; -1 for all.
    protocol         text NOT NULL,
    cidr_block       text,
    ipv6_cidr_block  text,
    icmp_type        integer,
    icmp_code        integer,
    from_port        integer,
    to_port          integer,
    PRIMARY KEY (network_acl_id, egress, rule_number),
    CHECK (num_nonnulls(cidr_block, ipv6_cidr_block) = 1)
);

CREATE TABLE subnets (
    id                          text PRIMARY KEY,
    account                     text NOT NULL,
    region                      text NOT NULL,
    vpc_id                      text NOT NULL REFERENCES vpcs,
    availability_zone           text NOT NULL,
    cidr_block                  text NOT NULL,
    default_for_az              boolean NOT NULL,
    map_public_ip_on_launch     boolean NOT NULL,
    -- ip-name | resource-name
    hostname_type               text NOT NULL DEFAULT 'ip-name',
    resource_name_dns_a_record  boolean NOT NULL DEFAULT false,
    network_acl_id              text NOT NULL REFERENCES network_acls,
    network_acl_association_id  text NOT NULL
);
CREATE INDEX subnets_scope ON subnets (account, region);
CREATE INDEX subnets_vpc ON subnets (vpc_id);
CREATE INDEX subnets_acl ON subnets (network_acl_id);
CREATE UNIQUE INDEX subnets_default ON subnets (account, region, availability_zone) WHERE default_for_az;

CREATE TABLE security_groups (
    id           text PRIMARY KEY,
    account      text NOT NULL,
    region       text NOT NULL,
    vpc_id       text NOT NULL REFERENCES vpcs,
    -- 'default' is the group that the VPC came with.
    name         text NOT NULL,
    description  text NOT NULL,
    CONSTRAINT security_groups_name UNIQUE (vpc_id, name)
);
CREATE INDEX security_groups_scope ON security_groups (account, region);

CREATE TABLE security_group_rules (
    id                   text PRIMARY KEY,
    account              text NOT NULL,
    region               text NOT NULL,
    -- In the order in which they were made.
    number               bigint GENERATED ALWAYS AS IDENTITY,
    group_id             text NOT NULL REFERENCES security_groups ON DELETE CASCADE,
    is_egress            boolean NOT NULL,
    -- tcp, udp, icmp, icmpv6, the number of another protocol, or -1 for all.
    ip_protocol          text NOT NULL,
    -- Ports, or type and code of ICMP; -1 for all.
    from_port            integer NOT NULL,
    to_port              integer NOT NULL,
    cidr_ipv4            text,
    cidr_ipv6            text,
    referenced_group_id  text REFERENCES security_groups,
    description          text,
    CHECK (num_nonnulls(cidr_ipv4, cidr_ipv6, referenced_group_id) = 1),
    UNIQUE NULLS NOT DISTINCT (group_id, is_egress, ip_protocol, from_port, to_port, cidr_ipv4, cidr_ipv6, referenced_group_id)
);
CREATE INDEX security_group_rules_scope ON security_group_rules (account, region);
CREATE INDEX security_group_rules_referenced ON security_group_rules (referenced_group_id) WHERE referenced_group_id IS NOT NULL;

CREATE TABLE internet_gateways (
    id       text PRIMARY KEY,
    account  text NOT NULL,
    region   text NOT NULL,
    -- Attached to it.
    vpc_id   text UNIQUE REFERENCES vpcs
);
CREATE INDEX internet_gateways_scope ON internet_gateways (account, region);

CREATE TABLE route_tables (
    id       text PRIMARY KEY,
    account  text NOT NULL,
    region   text NOT NULL,
    vpc_id   text NOT NULL REFERENCES vpcs
);
CREATE INDEX route_tables_scope ON route_tables (account, region);
CREATE INDEX route_tables_vpc ON route_tables (vpc_id);

-- Routes besides the local one of the VPC's block, which every table has.
CREATE TABLE routes (
    route_table_id  text NOT NULL REFERENCES route_tables ON DELETE CASCADE,
    -- IPv4 or IPv6.
    destination     text NOT NULL,
    -- An internet gateway; the route is a blackhole while it is not attached to the VPC.
    gateway_id      text NOT NULL,
    PRIMARY KEY (route_table_id, destination)
);

CREATE TABLE route_table_associations (
    id              text PRIMARY KEY,
    account         text NOT NULL,
    region          text NOT NULL,
    route_table_id  text NOT NULL REFERENCES route_tables,
    vpc_id          text NOT NULL REFERENCES vpcs,
    -- NULL: this makes it the VPC's main route table.
    subnet_id       text UNIQUE REFERENCES subnets ON DELETE CASCADE
);
CREATE INDEX route_table_associations_table ON route_table_associations (route_table_id);
CREATE UNIQUE INDEX route_table_associations_main ON route_table_associations (vpc_id) WHERE subnet_id IS NULL;

-- Of tasks in network mode awsvpc.
CREATE TABLE network_interfaces (
    id                  text PRIMARY KEY,
    account             text NOT NULL,
    region              text NOT NULL,
    vpc_id              text NOT NULL REFERENCES vpcs,
    subnet_id           text NOT NULL REFERENCES subnets,
    private_ip_address  text NOT NULL,
    mac_address         text NOT NULL,
    description         text NOT NULL,
    -- Who asked for it: NULL for users, else a service that manages it.
    requester_id        text,
    attachment_id       text,
    -- The EC2 instance that it is attached to, where the host has one.
    instance_id         text,
    attached_at         timestamptz,
    task_id             uuid,
    UNIQUE (subnet_id, private_ip_address)
);
CREATE INDEX network_interfaces_scope ON network_interfaces (account, region);
CREATE INDEX network_interfaces_task ON network_interfaces (task_id) WHERE task_id IS NOT NULL;

CREATE TABLE network_interface_groups (
    network_interface_id  text NOT NULL REFERENCES network_interfaces ON DELETE CASCADE,
    security_group_id     text NOT NULL REFERENCES security_groups,
    PRIMARY KEY (network_interface_id, security_group_id)
);
CREATE INDEX network_interface_groups_group ON network_interface_groups (security_group_id);
