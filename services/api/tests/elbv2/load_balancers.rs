//! Load balancers: LB-10 to LB-13, LB-41.

use std::time::Duration;

use routing::message::ListenerStatus;
use serde_json::{Value, json};

use crate::lab::{
    arn, attributes, balancer, balancer_request, default_vpc, elb, group, listener, refused, subnets,
};

#[tokio::test]
async fn lb10_a_load_balancer_reads_back_as_it_was_made() {
    let api = elb().await;
    let made = balancer(&api, "web", json!({"Tags": [{"Key": "team", "Value": "shop"}]})).await;
    assert_eq!(made["State"], json!({"Code": "provisioning"}));
    let names = json!({"Names": ["web"]});
    let shown = api.ok("DescribeLoadBalancers", names).await["LoadBalancers"][0].clone();
    assert_eq!(shown["State"], json!({"Code": "active"}));
    let without_state = |of: &Value| {
        let mut of = of.clone();
        of.as_object_mut().unwrap().remove("State");
        of
    };
    assert_eq!(without_state(&shown), without_state(&made));

    let id = arn(&shown, "LoadBalancerArn");
    let prefix = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/web/";
    let digits = id.strip_prefix(prefix).unwrap();
    assert!(
        digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    let dns = shown["DNSName"].as_str().unwrap();
    let (host, domain) = dns.split_once('.').unwrap();
    assert!(
        host.starts_with("web-") && domain.starts_with("us-east-1.elb."),
        "{dns}"
    );
    let subnets = subnets(&api).await;
    let mut expected = [(&subnets[0], "us-east-1a"), (&subnets[1], "us-east-1b")];
    expected.sort();
    let zones = expected
        .map(|(subnet, zone)| json!({"ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": []}));
    assert_eq!(shown["AvailabilityZones"], json!(zones));
    assert_eq!(shown["Type"], "application");
    assert_eq!(shown["Scheme"], "internet-facing");
    assert_eq!(shown["IpAddressType"], "ipv4");
    assert_eq!(shown["VpcId"], default_vpc(&api).await);
    assert_eq!(
        shown["SecurityGroups"].as_array().unwrap().len(),
        1,
        "the VPC's default group"
    );
    let tags = api.ok("DescribeTags", json!({"ResourceArns": [id]})).await;
    assert_eq!(
        tags["TagDescriptions"][0]["Tags"],
        json!([{"Key": "team", "Value": "shop"}])
    );
}

#[tokio::test]
async fn lb10_network_load_balancers_are_named_their_way_and_may_have_one_zone_and_no_groups() {
    let api = elb().await;
    let subnets = subnets(&api).await;
    let request = json!({"Name": "tcp", "Type": "network", "Scheme": "internal",
        "SubnetMappings": [{"SubnetId": subnets[2], "PrivateIPv4Address": "10.0.0.9"}]});
    let text = format!(
        "The private IPv4 address '10.0.0.9' is not in the range of the subnet '{}'",
        subnets[2]
    );
    refused(
        &api,
        "CreateLoadBalancer",
        request,
        "InvalidConfigurationRequest",
        &text,
    )
    .await;
    let block = store::networks::subnets(&api.db(), api.scope(), &subnets[..1])
        .await
        .unwrap()[0]
        .cidr_block
        .clone();
    let (first, _) = block.rsplit_once('.').unwrap();
    let address = format!("{first}.9");
    let request = json!({"Name": "tcp", "Type": "network", "Scheme": "internal",
        "SubnetMappings": [{"SubnetId": subnets[0], "PrivateIPv4Address": address}]});
    let made = api.ok("CreateLoadBalancer", request).await["LoadBalancers"][0].clone();
    assert!(arn(&made, "LoadBalancerArn").contains(":loadbalancer/net/tcp/"));
    assert!(made["DNSName"].as_str().unwrap().contains(".elb.us-east-1."));
    assert_eq!(made["SecurityGroups"], Value::Null);
    let zone = &made["AvailabilityZones"][0];
    assert_eq!(
        zone["LoadBalancerAddresses"],
        json!([{"PrivateIPv4Address": address}])
    );
    let groups =
        json!({"LoadBalancerArn": made["LoadBalancerArn"], "SecurityGroups": ["sg-0123456789abcdef0"]});
    let refusal = api.refused("SetSecurityGroups", groups).await;
    assert_eq!(refusal.code, "InvalidConfigurationRequest");
}

#[tokio::test]
async fn lb10_names_are_checked_in_the_words_of_aws() {
    let api = elb().await;
    let long = "a".repeat(33);
    for (name, text) in [
        (long.as_str(), format!("The load balancer name '{long}' cannot be longer than '32' characters")),
        (
            "a_b",
            "The load balancer name 'a_b' can only contain characters that are alphanumeric characters and hyphens(-)".to_owned(),
        ),
        ("-a", "The load balancer name '-a' cannot begin or end with a hyphen(-)".to_owned()),
        ("internal-a", "The load balancer name 'internal-a' cannot begin with 'internal-'".to_owned()),
    ] {
        let request = balancer_request(&api, name).await;
        refused(&api, "CreateLoadBalancer", request, "ValidationError", &text).await;
    }
}

#[tokio::test]
async fn lb10_subnets_and_groups_have_to_exist_and_to_fit() {
    let api = elb().await;
    let subnets = subnets(&api).await;
    let request = |more: Value| {
        let mut request = json!({"Name": "web"});
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        request
    };
    let two = "At least two subnets in two different Availability Zones must be specified";
    let same_zone = "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
    let missing = "subnet-0123456789abcdef0";
    for (more, code, text) in [
        (json!({}), "ValidationError", two.to_owned()),
        (
            json!({"Subnets": [subnets[0]]}),
            "ValidationError",
            two.to_owned(),
        ),
        (
            json!({"Subnets": [subnets[0], missing]}),
            "SubnetNotFound",
            format!("The subnet ID '{missing}' does not exist"),
        ),
        (
            json!({"Subnets": [subnets[0], subnets[1], subnets[1]]}),
            "InvalidConfigurationRequest",
            same_zone.to_owned(),
        ),
        (
            json!({"Subnets": [subnets[0], subnets[0]]}),
            "InvalidConfigurationRequest",
            same_zone.to_owned(),
        ),
        (
            json!({"Subnets": [subnets[0], subnets[1]], "SecurityGroups": ["sg-0123456789abcdef0"]}),
            "InvalidSecurityGroup",
            "The security group ID 'sg-0123456789abcdef0' does not exist".to_owned(),
        ),
        (
            json!({"SubnetMappings": [{"SubnetId": subnets[0], "AllocationId": "eipalloc-1"}], "Type": "network"}),
            "AllocationIdNotFound",
            "The allocation IDs 'eipalloc-1' do not exist".to_owned(),
        ),
        (
            json!({"Subnets": [subnets[0]], "Type": "gateway"}),
            "InvalidConfigurationRequest",
            "Load balancers with type 'gateway' are not supported by Berth".to_owned(),
        ),
    ] {
        refused(&api, "CreateLoadBalancer", request(more), code, &text).await;
    }
    let all = api.ok("DescribeLoadBalancers", json!({})).await;
    assert_eq!(all["LoadBalancers"], json!([]));
}

#[tokio::test]
async fn lb11_a_repeated_creation_returns_the_load_balancer_and_another_one_is_refused() {
    let api = elb().await;
    let made = balancer(&api, "web", json!({"Tags": [{"Key": "a", "Value": "1"}]})).await;
    let again = balancer(&api, "web", json!({"Tags": [{"Key": "a", "Value": "1"}]})).await;
    assert_eq!(made["LoadBalancerArn"], again["LoadBalancerArn"]);
    let text = "A load balancer with the same name 'web' exists, but with different settings";
    for more in [
        json!({"Scheme": "internal"}),
        json!({"Type": "network"}),
        json!({"IpAddressType": "dualstack"}),
        json!({"Tags": [{"Key": "a", "Value": "2"}]}),
    ] {
        let mut request = balancer_request(&api, "web").await;
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        refused(
            &api,
            "CreateLoadBalancer",
            request,
            "DuplicateLoadBalancerName",
            text,
        )
        .await;
    }
    // Another region or account is another namespace.
    let elsewhere = api.elsewhere("111111111111", "eu-central-1");
    assert_ne!(
        balancer(&elsewhere, "web", json!({})).await["LoadBalancerArn"],
        made["LoadBalancerArn"]
    );
}

#[tokio::test]
async fn lb11_of_many_creations_at_once_one_makes_it_and_all_return_it() {
    let api = elb().await;
    let request = balancer_request(&api, "web").await;
    let calls = (0..8).map(|_| api.ok("CreateLoadBalancer", request.clone()));
    let made = futures::future::join_all(calls).await;
    for one in &made {
        assert_eq!(
            one["LoadBalancers"][0]["LoadBalancerArn"],
            made[0]["LoadBalancers"][0]["LoadBalancerArn"]
        );
    }
}

#[tokio::test]
async fn lb12_deletion_takes_listeners_along_leaves_groups_and_heeds_protection() {
    let api = elb().await;
    let id = arn(&balancer(&api, "web", json!({})).await, "LoadBalancerArn");
    let target_group = arn(&group(&api, "web", json!({})).await, "TargetGroupArn");
    let listener = listener(&api, &id, 80, &target_group).await;
    let protect = |on: &str| json!({"LoadBalancerArn": id, "Attributes": [{"Key": "deletion_protection.enabled", "Value": on}]});
    api.ok("ModifyLoadBalancerAttributes", protect("true")).await;
    refused(
        &api,
        "DeleteLoadBalancer",
        json!({"LoadBalancerArn": id}),
        "OperationNotPermitted",
        &format!("Load balancer '{id}' cannot be deleted because deletion protection is enabled"),
    )
    .await;
    api.ok("ModifyLoadBalancerAttributes", protect("false")).await;
    for _ in 0..2 {
        assert_eq!(
            api.ok("DeleteLoadBalancer", json!({"LoadBalancerArn": id})).await,
            json!({})
        );
    }
    assert_eq!(
        api.refused("DescribeListeners", json!({"ListenerArns": [listener]}))
            .await
            .code,
        "ListenerNotFound"
    );
    assert_eq!(
        api.refused("DescribeTags", json!({"ResourceArns": [id]}))
            .await
            .code,
        "LoadBalancerNotFound"
    );
    let groups = api.ok("DescribeTargetGroups", json!({"Names": ["web"]})).await;
    assert_eq!(groups["TargetGroups"][0]["LoadBalancerArns"], json!([]));
    api.ok("DeleteTargetGroup", json!({"TargetGroupArn": target_group}))
        .await;
}

#[tokio::test]
async fn lb13_what_is_not_there_is_not_found_and_pages_go_on() {
    let api = elb().await;
    let first = arn(&balancer(&api, "a", json!({})).await, "LoadBalancerArn");
    balancer(&api, "b", json!({})).await;
    balancer(&api, "c", json!({})).await;
    let missing = format!("{}0123456789abcdef", &first[..first.len() - 16]);
    for (body, text) in [
        (
            json!({"Names": ["a", "x", "y"]}),
            "Load balancers '[x, y]' not found".to_owned(),
        ),
        (
            json!({"LoadBalancerArns": [first, missing]}),
            "One or more load balancers not found".to_owned(),
        ),
    ] {
        refused(&api, "DescribeLoadBalancers", body, "LoadBalancerNotFound", &text).await;
    }
    refused(
        &api,
        "DescribeLoadBalancers",
        json!({"LoadBalancerArns": ["web"]}),
        "ValidationError",
        "'web' is not a valid load balancer ARN",
    )
    .await;
    refused(
        &api,
        "DescribeLoadBalancerAttributes",
        json!({"LoadBalancerArn": missing}),
        "LoadBalancerNotFound",
        &format!("Load balancer '{missing}' not found"),
    )
    .await;
    // Nobody else's.
    let other = api.elsewhere("111111111111", "us-east-1");
    assert_eq!(
        other
            .refused("DescribeLoadBalancers", json!({"LoadBalancerArns": [first]}))
            .await
            .code,
        "LoadBalancerNotFound"
    );
    let (mut names, mut marker) = (Vec::new(), Value::Null);
    loop {
        let mut request = json!({"PageSize": 2});
        if !marker.is_null() {
            request["Marker"] = marker;
        }
        let page = api.ok("DescribeLoadBalancers", request).await;
        for one in page["LoadBalancers"].as_array().unwrap() {
            names.push(arn(one, "LoadBalancerName"));
        }
        marker = page["NextMarker"].clone();
        if marker.is_null() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
    for size in [0, 401] {
        assert_eq!(
            api.refused("DescribeLoadBalancers", json!({"PageSize": size}))
                .await
                .code,
            "ValidationError"
        );
    }
}

#[tokio::test]
async fn lb35_attributes_read_back_as_they_were_set() {
    let api = elb().await;
    let id = arn(&balancer(&api, "web", json!({})).await, "LoadBalancerArn");
    let describe = async || {
        attributes(
            &api.ok("DescribeLoadBalancerAttributes", json!({"LoadBalancerArn": id}))
                .await,
        )
    };
    let before = describe().await;
    assert_eq!(before["idle_timeout.timeout_seconds"], "60");
    let pair = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let request = json!({"LoadBalancerArn": id, "Attributes": [
        pair("idle_timeout.timeout_seconds", "30"),
        pair("routing.http2.enabled", "false"),
        pair("access_logs.s3.enabled", "true"),
        pair("access_logs.s3.bucket", "logs"),
    ]});
    let reply = attributes(&api.ok("ModifyLoadBalancerAttributes", request).await);
    let after = describe().await;
    assert_eq!(reply, after);
    let mut expected = before.clone();
    expected["idle_timeout.timeout_seconds"] = json!("30");
    expected["routing.http2.enabled"] = json!("false");
    expected["access_logs.s3.enabled"] = json!("true");
    expected["access_logs.s3.bucket"] = json!("logs");
    assert_eq!(after, expected);
    let bad = json!({"LoadBalancerArn": id, "Attributes": [pair("idle_timeout.timeout_seconds", "7"), pair("x", "y")]});
    refused(
        &api,
        "ModifyLoadBalancerAttributes",
        bad,
        "ValidationError",
        "Load balancer attribute key 'x' is not recognized",
    )
    .await;
    assert_eq!(describe().await, after, "all or none");
}

#[tokio::test]
async fn what_is_set_later_reads_back() {
    let api = elb().await;
    let made = balancer(&api, "web", json!({})).await;
    let id = arn(&made, "LoadBalancerArn");
    let subnets = subnets(&api).await;
    let reply = api
        .ok(
            "SetSubnets",
            json!({"LoadBalancerArn": id, "Subnets": [subnets[1], subnets[2]]}),
        )
        .await;
    assert_eq!(
        api.ok(
            "SetIpAddressType",
            json!({"LoadBalancerArn": id, "IpAddressType": "dualstack"})
        )
        .await,
        json!({"IpAddressType": "dualstack"})
    );
    let ec2 = api.ec2();
    let made_group = ec2
        .ok(
            "CreateSecurityGroup",
            json!({"GroupName": "web", "Description": "web", "VpcId": default_vpc(&api).await}),
        )
        .await;
    let security_group = arn(&made_group, "GroupId");
    assert_eq!(
        api.ok(
            "SetSecurityGroups",
            json!({"LoadBalancerArn": id, "SecurityGroups": [security_group]})
        )
        .await,
        json!({"SecurityGroupIds": [security_group]})
    );
    let reserved = api
        .ok(
            "ModifyCapacityReservation",
            json!({"LoadBalancerArn": id, "MinimumLoadBalancerCapacity": {"CapacityUnits": 100}}),
        )
        .await;
    assert_eq!(
        api.ok("DescribeCapacityReservation", json!({"LoadBalancerArn": id}))
            .await,
        reserved
    );
    let pools = json!({"Ipv4IpamPoolId": "ipam-pool-1"});
    api.ok(
        "ModifyIpPools",
        json!({"LoadBalancerArn": id, "IpamPools": pools}),
    )
    .await;
    let shown = api.ok("DescribeLoadBalancers", json!({"Names": ["web"]})).await["LoadBalancers"][0].clone();
    assert_eq!(shown["AvailabilityZones"], reply["AvailabilityZones"]);
    assert_eq!(shown["IpAddressType"], "dualstack");
    assert_eq!(shown["SecurityGroups"], json!([security_group]));
    assert_eq!(shown["IpamPools"], pools);
    // What a load balancer is in cannot be deleted.
    let refusal = ec2
        .refused("DeleteSecurityGroup", json!({"GroupId": security_group}))
        .await;
    assert_eq!(refusal.code, "DependencyViolation");
    let reset = json!({"LoadBalancerArn": id, "ResetCapacityReservation": true});
    api.ok("ModifyCapacityReservation", reset).await;
    let none = api
        .ok("DescribeCapacityReservation", json!({"LoadBalancerArn": id}))
        .await;
    assert_eq!(none["MinimumLoadBalancerCapacity"], Value::Null);
    assert_eq!(
        api.refused("GetResourcePolicy", json!({"ResourceArn": id}))
            .await
            .code,
        "ResourceNotFound"
    );
}

/// As when a listener is deleted while a proxy tells how all of its load balancer stand.
#[tokio::test]
async fn lb10_how_listeners_stand_is_kept_when_one_of_them_is_deleted_meanwhile() {
    let api = elb().await;
    let id = arn(&balancer(&api, "web", json!({})).await, "LoadBalancerArn");
    let target_group = arn(&group(&api, "web", json!({})).await, "TargetGroupArn");
    let stays = listener(&api, &id, 80, &target_group).await;
    let goes = listener(&api, &id, 81, &target_group).await;
    let db = api.db();
    let session = uuid::Uuid::new_v4();
    sqlx::query(
        "INSERT INTO proxies (name, boot, version, balancers, session_server, session_id, connected_at, seen_at) \
         VALUES ('one', '', '', '{}', gen_random_uuid(), $1, now(), now())",
    )
    .bind(session)
    .execute(db.pool())
    .await
    .unwrap();
    let mut deletion = db.begin().await.unwrap();
    sqlx::query("DELETE FROM listeners WHERE arn = $1")
        .bind(&goes)
        .execute(&mut *deletion)
        .await
        .unwrap();
    let report = {
        let (db, id) = (db.clone(), id.clone());
        let stands = [&stays, &goes].map(|arn| ListenerStatus {
            listener: arn.clone(),
            addresses: Vec::new(),
            failure: None,
        });
        tokio::spawn(async move { store::proxies::applied(&db, session, &id, 1, &stands).await })
    };
    let waits = async || -> bool {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')",
        )
        .fetch_one(db.pool())
        .await
        .unwrap()
    };
    let met = tokio::time::timeout(Duration::from_secs(30), async { while !waits().await {} });
    met.await.expect("the report waits for the deletion");
    db.commit(deletion, []).await.unwrap();
    report.await.unwrap().unwrap();
    let written: Vec<String> = sqlx::query_scalar("SELECT listener_arn FROM listener_statuses")
        .fetch_all(db.pool())
        .await
        .unwrap();
    assert_eq!(written, [stays]);
}

#[tokio::test]
async fn lb10_a_listener_that_no_proxy_can_serve_impairs_its_load_balancer() {
    let api = elb().await;
    let id = arn(&balancer(&api, "web", json!({})).await, "LoadBalancerArn");
    let target_group = arn(&group(&api, "web", json!({})).await, "TargetGroupArn");
    let listener = listener(&api, &id, 80, &target_group).await;
    let db = api.db();
    let state = async || {
        api.ok("DescribeLoadBalancers", json!({"Names": ["web"]})).await["LoadBalancers"][0]["State"].clone()
    };
    let says = async |proxy: &str, failure: Option<&str>| {
        sqlx::query(
            "INSERT INTO proxies (name, boot, version, balancers, session_server, session_id, connected_at, seen_at) \
             VALUES ($1, '', '', '{}', gen_random_uuid(), gen_random_uuid(), now(), now()) ON CONFLICT DO NOTHING",
        )
        .bind(proxy)
        .execute(db.pool())
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO listener_statuses (listener_arn, proxy, revision, addresses, failure) VALUES ($1, $2, 1, '{}', $3)",
        )
        .bind(&listener)
        .bind(proxy)
        .bind(failure)
        .execute(db.pool())
        .await
        .unwrap();
    };
    says("one", Some("port 80 of 127.0.0.1 is taken by another process")).await;
    assert_eq!(
        state().await,
        json!({
            "Code": "active_impaired",
            "Reason": "Listeners are not served: port 80 of 127.0.0.1 is taken by another process.",
        })
    );
    says("two", None).await;
    assert_eq!(state().await, json!({"Code": "active"}));
    sqlx::query("UPDATE proxies SET seen_at = now() - interval '1 minute' WHERE name = 'two'")
        .execute(db.pool())
        .await
        .unwrap();
    assert_eq!(
        state().await["Code"],
        "active_impaired",
        "a proxy that is away serves nobody new"
    );
}

#[tokio::test]
async fn lb41_there_are_at_most_fifty_load_balancers_of_a_kind() {
    let api = elb().await;
    for n in 0..50 {
        balancer(&api, &format!("lb-{n}"), json!({})).await;
    }
    let request = balancer_request(&api, "one-more").await;
    refused(
        &api,
        "CreateLoadBalancer",
        request,
        "TooManyLoadBalancers",
        "You have reached the limit of 50 application load balancers",
    )
    .await;
    balancer(&api, "another-kind", json!({"Type": "network"})).await;
    let limits = api.ok("DescribeAccountLimits", json!({})).await;
    let limits = limits["Limits"].as_array().unwrap();
    assert!(limits.contains(&json!({"Name": "application-load-balancers", "Max": "50"})));
}
