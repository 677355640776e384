#![allow(clippy::unwrap_used)]

use super::systemd::start_arguments;
use super::task::{cpu_weight, field};
use super::*;

const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const TASK: &str = "0123456789abcdef0123456789abcdef";

fn tree(mountinfo: &str, version: CgroupVersion, driver: CgroupDriver) -> CgroupTree {
    CgroupTree::from_mountinfo(mountinfo, version, driver)
}

#[test]
fn a_hybrid_host_counts_as_v1_and_a_unified_one_as_v2() {
    assert_eq!(Mounts::parse(HYBRID).only_version(), CgroupVersion::V1);
    assert_eq!(Mounts::parse(UNIFIED).only_version(), CgroupVersion::V2);
    let mounts = Mounts::parse(HYBRID);
    assert_eq!(
        mounts.controller("cpuacct"),
        Some(Path::new("/sys/fs/cgroup/cpu,cpuacct"))
    );
    assert_eq!(mounts.controller("rw"), None);
    assert_eq!(mounts.all().len(), 4);
    assert_eq!(mounts.unified(), Some(Path::new("/sys/fs/cgroup/unified")));
}

#[test]
fn k06_the_parent_is_a_path_for_cgroupfs_and_a_slice_for_systemd() {
    let parent = |version, driver| tree(UNIFIED, version, driver).task(TASK).parent();
    assert_eq!(
        parent(CgroupVersion::V1, CgroupDriver::Cgroupfs),
        format!("/ecs/{TASK}")
    );
    assert_eq!(
        parent(CgroupVersion::V2, CgroupDriver::Cgroupfs),
        format!("/ecs/{TASK}")
    );
    assert_eq!(
        parent(CgroupVersion::V2, CgroupDriver::Systemd),
        format!("ecstasks-{TASK}.slice")
    );
    let odd = tree(UNIFIED, CgroupVersion::V2, CgroupDriver::Systemd).task("../a-b/c");
    assert_eq!(odd.parent(), "ecstasks-abc.slice");
}

#[test]
fn k06_vcpus_become_a_quota_and_a_weight() {
    let limits = TaskLimits {
        vcpus: Some(0.25),
        memory_bytes: Some(0),
    };
    assert_eq!(
        (limits.cpu_quota_us(), limits.cpu_shares()),
        (Some(25_000), Some(256))
    );
    assert_eq!(limits.memory(), None);
    let tiny = TaskLimits {
        vcpus: Some(0.000_1),
        memory_bytes: None,
    };
    assert_eq!((tiny.cpu_quota_us(), tiny.cpu_shares()), (Some(1_000), Some(2)));
    assert_eq!(
        TaskLimits {
            vcpus: Some(0.0),
            memory_bytes: None
        }
        .cpu_quota_us(),
        None
    );
    assert_eq!(
        (cpu_weight(2), cpu_weight(1024), cpu_weight(262_144)),
        (1, 39, 10_000)
    );
}

#[test]
fn k06_systemd_gets_the_limits_as_properties_of_a_transient_slice() {
    let limits = TaskLimits {
        vcpus: Some(0.5),
        memory_bytes: Some(1 << 20),
    };
    let words = start_arguments("ecstasks-a.slice", CgroupVersion::V2, &limits).join(" ");
    assert_eq!(
        words,
        "StartTransientUnit ssa(sv)a(sa(sv)) ecstasks-a.slice fail 5 CPUQuotaPerSecUSec t 500000 CPUWeight t 20 \
         MemoryMax t 1048576 CPUAccounting b true MemoryAccounting b true 0"
    );
}

#[test]
fn counters_are_found_by_their_whole_name() {
    let events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n";
    assert_eq!(
        (
            field(events, "oom_kill"),
            field(events, "oom"),
            field(events, "max")
        ),
        (2, 3, 12)
    );
    assert_eq!(field("oom_kill_disable 0\nunder_oom 0\n", "oom_kill"), 0);
}

#[test]
fn a_missing_controller_is_named() {
    let cgroup = tree(UNIFIED, CgroupVersion::V1, CgroupDriver::Cgroupfs).task(TASK);
    let error = cgroup.create(&TaskLimits::default()).unwrap_err();
    assert_eq!(error.to_string(), "control group controller cpu is not mounted");
}
