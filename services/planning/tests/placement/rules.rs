//! The rules of placement one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{InstanceStatus, Resources};
use planning::placement::{BinpackField, Cluster, Constraint, Host, Reason, Request, SpreadField, Strategy};

use super::scene::*;

fn ports(tcp: &[u16], udp: &[u16]) -> Request {
    let resources = Resources {
        ports: tcp.to_vec(),
        ports_udp: udp.to_vec(),
        ..Resources::default()
    };
    Request {
        resources,
        ..request("web")
    }
}

/// The reasons of a request for one task that finds no host, by host.
fn refused(hosts: Vec<Host>, request: &Request) -> Vec<Reason> {
    let outcome = Cluster::new(hosts).place(request, 1, &mut rng(1));
    assert_eq!(outcome.placed, []);
    outcome.refusals.iter().map(|refusal| refusal.reason).collect()
}

#[test]
fn p01_only_active_hosts_are_looked_at() {
    let with = |number, status| Host {
        status,
        ..host(number)
    };
    let all = [
        InstanceStatus::Registering,
        InstanceStatus::Draining,
        InstanceStatus::Deregistering,
        InstanceStatus::Inactive,
    ];
    let others: Vec<Host> = (1..)
        .zip(all)
        .map(|(number, status)| with(number, status))
        .collect();
    let mut cluster = Cluster::new(others.clone());
    let outcome = cluster.place(&request("web"), 1, &mut rng(1));
    assert!(outcome.found_no_instances(), "r03");
    cluster.insert(host(9));
    assert_eq!(place(&mut cluster, &request("web"), 3), [9, 9, 9]);
}

#[test]
fn p01_a_host_has_to_have_room_for_everything() {
    assert_eq!(refused(vec![host(1)], &needing(2049, 1)), [Reason::Cpu]);
    assert_eq!(refused(vec![host(1)], &needing(1, 4097)), [Reason::Memory]);
    assert_eq!(refused(vec![host(1)], &ports(&[22], &[])), [Reason::Ports]);
    let mut cluster = Cluster::new([host(1)]);
    assert_eq!(place(&mut cluster, &needing(2048, 4096), 2), [1]);
    assert_eq!(
        place(&mut cluster, &needing(0, 0), 2),
        [1, 1],
        "what needs nothing fits a full host"
    );
}

#[test]
fn i05_a_host_without_its_agent_takes_nothing() {
    let lost = Host {
        agent_connected: false,
        ..host(1)
    };
    assert_eq!(
        refused(vec![lost.clone(), Host { id: id(2), ..lost }], &request("web")),
        [Reason::Agent, Reason::Agent]
    );
}

#[test]
fn i02_ports_of_tcp_and_udp_are_apart() {
    let mut cluster = Cluster::new([host(1)]);
    assert_eq!(place(&mut cluster, &ports(&[80, 443], &[53]), 1), [1]);
    assert_eq!(place(&mut cluster, &ports(&[53], &[80]), 1), [1]);
    assert_eq!(place(&mut cluster, &ports(&[], &[53]), 1), []);
    assert_eq!(place(&mut cluster, &ports(&[443], &[]), 1), []);
    cluster.release(id(1), "service:web", &ports(&[80, 443], &[53]).resources, &[]);
    assert_eq!(
        place(&mut cluster, &ports(&[443], &[]), 2),
        [1],
        "one port, one task"
    );
    assert_eq!(
        refused(vec![host(1)], &ports(&[8080, 8080], &[])),
        [Reason::Ports]
    );
}

#[test]
fn i02_gpus_are_given_by_id() {
    let gpus: Arc<[String]> = ["gpu-0", "gpu-1", "gpu-2"].map(str::to_owned).into();
    let used_gpus = BTreeSet::from(["gpu-1".to_owned()]);
    let mut cluster = Cluster::new([Host {
        gpus,
        used_gpus,
        ..host(1)
    }]);
    let one = Request {
        resources: Resources {
            gpus: 1,
            ..Resources::default()
        },
        ..request("train")
    };
    let outcome = cluster.place(&one, 3, &mut rng(1));
    let given: Vec<_> = outcome.placed.iter().map(|placed| placed.gpus.clone()).collect();
    assert_eq!(given, [["gpu-0"], ["gpu-2"]]);
    assert_eq!(outcome.refusals[0].reason, Reason::Gpu);
    cluster.undo(&one, &outcome.placed[1]);
    assert_eq!(cluster.place(&one, 1, &mut rng(1)).placed[0].gpus, ["gpu-2"]);
}

#[test]
fn p01_required_attributes_have_to_be_there_with_their_value() {
    let plain = with_attributes(
        host(1),
        &[("ecs.os-type", Some("linux")), ("ecs.capability.x", None)],
    );
    let needing = |name: &str, value: Option<&str>| Request {
        required_attributes: vec![(name.to_owned(), value.map(str::to_owned))],
        ..request("web")
    };
    for (name, value) in [
        ("ecs.os-type", None),
        ("ecs.os-type", Some("linux")),
        ("ecs.capability.x", None),
    ] {
        assert_eq!(
            place(&mut Cluster::new([plain.clone()]), &needing(name, value), 1),
            [1],
            "{name}"
        );
    }
    for (name, value) in [
        ("ecs.os-type", Some("windows")),
        ("ecs.capability.x", Some("")),
        ("gone", None),
    ] {
        assert_eq!(
            refused(vec![plain.clone()], &needing(name, value)),
            [Reason::Attribute],
            "{name}"
        );
    }
}

#[test]
fn p02_distinct_instance_goes_by_group() {
    let distinct = |service| with_constraints(request(service), &[Constraint::DistinctInstance]);
    let mut cluster = Cluster::new(hosts(3));
    let outcome = cluster.place(&distinct("web"), 4, &mut rng(1));
    assert_eq!(tally(&places(&outcome)).len(), 3);
    assert_eq!(
        outcome.refusals.iter().map(|r| r.reason).collect::<Vec<_>>(),
        [Reason::DistinctInstance; 3]
    );
    assert_eq!(place(&mut cluster, &distinct("db"), 3).len(), 3);
    let gone = &outcome.placed[1];
    cluster.release(gone.host, "service:web", &request("web").resources, &gone.gpus);
    assert_eq!(
        place(&mut cluster, &distinct("web"), 2),
        [gone.host.uuid().as_u128()]
    );
}

#[test]
fn p02_member_of_follows_what_is_placed() {
    let few = with_constraints(request("web"), &[member_of("runningTasksCount < 2")]);
    assert_eq!(
        tally(&place(&mut Cluster::new(hosts(2)), &few, 9)),
        [(0, 2), (1, 2)].into()
    );
    let lonely = with_constraints(request("web"), &[member_of("not(task:group == service:web)")]);
    assert_eq!(
        tally(&place(&mut Cluster::new(hosts(3)), &lonely, 9)),
        [(0, 1), (1, 1), (2, 1)].into()
    );
    let elsewhere = with_constraints(
        request("web"),
        &[member_of("attribute:ecs.availability-zone !in [a, c]")],
    );
    assert_eq!(
        tally(&place(&mut Cluster::new(hosts(3)), &elsewhere, 9)),
        [(1, 8)].into()
    );
    assert_eq!(refused(vec![host(0)], &elsewhere), [Reason::MemberOf]);
}

#[test]
fn p03_binpack_takes_the_host_with_least_left_that_still_fits() {
    let used = |number, used_cpu, used_memory| Host {
        used_cpu,
        used_memory,
        ..host(number)
    };
    let filled = vec![used(1, 2000, 0), used(2, 1500, 100), used(3, 100, 3500)];
    let packed = |field| with_strategies(request("web"), &[Strategy::Binpack(field)]);
    assert_eq!(
        place(&mut Cluster::new(filled.clone()), &packed(BinpackField::Cpu), 4),
        [2, 2, 3]
    );
    let by_memory = place(&mut Cluster::new(filled), &packed(BinpackField::Memory), 3);
    assert_eq!(by_memory, [3, 2, 2]);
}

#[test]
fn p03_the_next_strategy_splits_ties() {
    let mut cluster = Cluster::new((0..6).map(|n| Host {
        used_memory: 64 * n as i64,
        ..host(n)
    }));
    let request = with_strategies(request("web"), &[by_zone(), packed_by_memory()]);
    assert_eq!(
        place(&mut cluster, &request, 6)[..3]
            .iter()
            .collect::<BTreeSet<_>>(),
        [3, 4, 5].iter().collect()
    );
}

#[test]
fn p03_hosts_without_the_attribute_are_a_group_of_their_own() {
    let racks = [Some("r1"), Some("r1"), None, None];
    let all = (0..).zip(racks).map(|(n, rack)| match rack {
        Some(rack) => with_attributes(host(n), &[("rack", Some(rack))]),
        None => with_attributes(host(n), &[]),
    });
    let request = with_strategies(request("web"), &[by_attribute("rack"), by_instance()]);
    assert_eq!(
        tally(&place(&mut Cluster::new(all), &request, 8)),
        [(0, 2), (1, 2), (2, 2), (3, 2)].into()
    );
}

#[test]
fn p03_tasks_on_draining_hosts_do_not_hold_back_their_zone() {
    let draining = Host {
        status: InstanceStatus::Draining,
        task_groups: [("service:web".to_owned(), 5)].into(),
        ..host(3)
    };
    let mut cluster = Cluster::new([host(0), host(1), draining]);
    let request = with_strategies(request("web"), &[by_zone()]);
    assert_eq!(tally(&place(&mut cluster, &request, 4)), [(0, 2), (1, 2)].into());
}

#[test]
fn p03_fields_of_strategies_are_read_as_written() {
    for (text, field) in [
        ("instanceId", SpreadField::Instance),
        ("host", SpreadField::Instance),
        ("attribute:rack", SpreadField::Attribute("rack".to_owned())),
        (
            "ecs.availability-zone",
            SpreadField::Attribute("ecs.availability-zone".to_owned()),
        ),
    ] {
        assert_eq!(text.parse(), Ok(field));
    }
    assert_eq!("MEMORY".parse(), Ok(BinpackField::Memory));
    assert!("disk".parse::<BinpackField>().is_err());
}

#[test]
fn p04_a_service_is_spread_over_zones_then_over_hosts() {
    let mut cluster = Cluster::new([0, 3, 6, 1, 4, 2].map(host));
    let placed = tally(&place(&mut cluster, &request("web"), 12));
    assert_eq!(placed[&0] + placed[&3] + placed[&6], 4);
    assert_eq!((placed[&1], placed[&4], placed[&2]), (2, 2, 4));
    assert!([0, 3, 6].iter().all(|number| (1..=2).contains(&placed[number])));
}

#[test]
fn p04_a_task_on_its_own_is_spread_over_zones_and_random_there() {
    let alone = Request {
        group: "family:job".to_owned(),
        default_spread: false,
        ..request("")
    };
    let zones = |places: &[u128]| tally(&places.iter().map(|place| place % 3).collect::<Vec<_>>());
    let mut firsts = BTreeSet::new();
    for seed in 0..30 {
        for count in [2, 9] {
            let placed = places(&Cluster::new(hosts(12)).place(&alone, count, &mut rng(seed)));
            assert!(zones(&placed).values().all(|tasks| *tasks == count.div_ceil(3)));
            firsts.insert(placed[0]);
        }
    }
    assert!(firsts.len() > 6, "{firsts:?}");
}

#[test]
fn p05_each_task_is_placed_against_the_state_after_the_one_before() {
    let mut cluster = Cluster::new([host(1)]);
    let outcome = cluster.place(&needing(800, 100), 10, &mut rng(1));
    assert_eq!(outcome.placed.len(), 2);
    assert_eq!(outcome.refusals.len(), 1);
    assert_eq!(
        (outcome.refusals[0].reason, outcome.refusals[0].unmet),
        (Reason::Cpu, 1)
    );
}

#[test]
fn p06_the_same_seed_gives_the_same_places() {
    let request = with_strategies(request("web"), &[Strategy::Random]);
    for count in [1, 3, 40] {
        let run = |seed| places(&Cluster::new(hosts(100)).place(&request, count, &mut rng(seed)));
        assert_eq!(run(7), run(7));
        assert_ne!((run(7), run(8)), (run(8), run(9)));
    }
}

#[test]
fn p06_random_gives_every_host_its_share() {
    let request = with_strategies(needing(0, 0), &[Strategy::Random]);
    for count in [3, 4000] {
        let mut cluster = Cluster::new(hosts(4));
        let mut rng = rng(1);
        let all: Vec<u128> = (0..4000 / count)
            .flat_map(|_| places(&cluster.place(&request, count, &mut rng)))
            .collect();
        assert!(
            tally(&all).values().all(|tasks| (850..1150).contains(tasks)),
            "{:?}",
            tally(&all)
        );
    }
}

#[test]
fn r02_the_first_failed_check_is_the_reason_for_each_host() {
    let full = Host {
        used_cpu: 2048,
        used_memory: 4096,
        ..host(1)
    };
    let cases = [
        Host {
            agent_connected: false,
            ..full.clone()
        },
        full.clone(),
        Host { used_cpu: 0, ..full },
        Host {
            used_ports: [80].into(),
            ..host(4)
        },
        host(5),
    ];
    let request = Request {
        resources: Resources {
            cpu: 1,
            memory: 1,
            ports: vec![80],
            ..Resources::default()
        },
        required_attributes: vec![("gone".to_owned(), None)],
        ..request("web")
    };
    let hosts = (1..).zip(cases).map(|(number, host)| Host {
        id: id(number),
        ..host
    });
    let outcome = Cluster::new(hosts).place(&request, 2, &mut rng(1));
    let found: Vec<_> = outcome
        .refusals
        .iter()
        .map(|r| (r.host.uuid().as_u128(), r.reason.as_failure(), r.unmet))
        .collect();
    assert_eq!(
        found,
        [
            (1, "AGENT", 4),
            (2, "RESOURCE:CPU", 3),
            (3, "RESOURCE:MEMORY", 2),
            (4, "RESOURCE:PORTS", 2),
            (5, "ATTRIBUTE", 1),
        ]
    );
    assert_eq!(outcome.closest().unwrap().host, id(5));
}

#[test]
fn s42_the_closest_host_is_named_with_what_it_lacks() {
    let busy = Host {
        used_cpu: 2048,
        ..host(0x2a)
    };
    let lost = Host {
        agent_connected: false,
        used_cpu: 2048,
        ..host(1)
    };
    let outcome = Cluster::new([lost, busy]).place(&request("web"), 1, &mut rng(1));
    assert_eq!(
        outcome.closest().unwrap().to_string(),
        "The closest matching (container-instance 0000000000000000000000000000002a) has insufficient CPU units available."
    );
    assert!(
        Cluster::default()
            .place(&request("web"), 1, &mut rng(1))
            .closest()
            .is_none()
    );
    let whys = [
        (Reason::Memory, "has insufficient memory available"),
        (Reason::Ports, "is already using a port required by your task"),
        (Reason::Attribute, "is missing an attribute required by your task"),
        (Reason::Agent, "encountered error \"AGENT\""),
        (
            Reason::MemberOf,
            "encountered error \"MemberOf placement constraint unsatisfied.\"",
        ),
    ];
    for (reason, why) in whys {
        assert_eq!(reason.why(), why);
    }
}

#[test]
fn r12_start_task_goes_where_it_is_told_if_it_fits() {
    let inactive = Host {
        status: InstanceStatus::Inactive,
        ..host(1)
    };
    let draining = Host {
        status: InstanceStatus::Draining,
        ..host(2)
    };
    let lost = Host {
        agent_connected: false,
        ..host(3)
    };
    let mut cluster = Cluster::new([inactive, draining, lost, host(4)]);
    let constrained = with_constraints(
        request("web"),
        &[Constraint::DistinctInstance, member_of("attribute:no")],
    );
    assert_eq!(
        cluster.place_on(&constrained, id(0)).unwrap_err(),
        Reason::Missing
    );
    assert_eq!(
        cluster.place_on(&constrained, id(1)).unwrap_err(),
        Reason::Inactive
    );
    assert_eq!(
        cluster.place_on(&constrained, id(2)).unwrap_err(),
        Reason::Inactive
    );
    assert_eq!(cluster.place_on(&constrained, id(3)).unwrap_err(), Reason::Agent);
    for _ in 0..8 {
        assert_eq!(
            cluster.place_on(&constrained, id(4)).unwrap().host,
            id(4),
            "constraints do not bind"
        );
    }
    assert_eq!(cluster.place_on(&constrained, id(4)).unwrap_err(), Reason::Cpu);
    let unfit = Request {
        required_attributes: vec![("gone".to_owned(), None)],
        ..needing(0, 0)
    };
    assert_eq!(cluster.place_on(&unfit, id(4)).unwrap_err(), Reason::Attribute);
}

#[test]
fn hosts_for_a_daemon_match_with_or_without_room() {
    let full = Host {
        used_cpu: 2048,
        ..host(3)
    };
    let draining = Host {
        status: InstanceStatus::Draining,
        ..host(6)
    };
    let cluster = Cluster::new([host(0), host(1), full, draining]);
    let daemon = with_constraints(
        request("agent"),
        &[member_of("attribute:ecs.availability-zone == a")],
    );
    assert_eq!(cluster.matching(&daemon), [id(0), id(3)]);
}

#[test]
fn a_placement_is_undone_unless_its_host_was_written_anew() {
    let mut cluster = Cluster::new([host(1)]);
    let before = cluster.get(id(1)).cloned();
    let placed = cluster.place_on(&request("web"), id(1)).unwrap();
    assert_eq!(placed.revision, 1);
    assert!(cluster.undo(&request("web"), &placed));
    assert_eq!(cluster.get(id(1)).cloned(), before);

    let placed = cluster.place_on(&request("web"), id(1)).unwrap();
    let fresh = Host {
        revision: 2,
        used_cpu: 1000,
        ..host(1)
    };
    assert!(cluster.insert(fresh.clone()).is_some());
    assert!(!cluster.undo(&request("web"), &placed));
    assert_eq!(cluster.get(id(1)), Some(&fresh));

    let placed = cluster.place_on(&request("web"), id(1)).unwrap();
    assert!(cluster.remove(id(1)).is_some());
    assert!(!cluster.undo(&request("web"), &placed));
    assert!(cluster.is_empty());
}

#[test]
fn the_revision_follows_commits() {
    let mut cluster = Cluster::new([host(1)]);
    assert!(cluster.set_revision(id(1), 5));
    assert!(!cluster.set_revision(id(2), 5));
    assert_eq!(
        cluster.place(&request("web"), 1, &mut rng(1)).placed[0].revision,
        5
    );
}
