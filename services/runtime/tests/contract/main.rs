//! One contract, kept by Docker Engine and by the in-memory double alike.
//!
//! The Docker half needs an engine at /var/run/docker.sock and `cc`; `BERTH_TEST_DOCKER=off` leaves it out.
#![allow(clippy::unwrap_used)]

mod cases;
mod docker_only;
mod image;
mod registry;
mod subject;

macro_rules! contract {
    ($($case:ident)+) => {
        mod fake { $(#[tokio::test] async fn $case() { crate::subject::on_fake(crate::cases::$case).await; })+ }
        mod docker { $(#[tokio::test] async fn $case() { crate::subject::on_docker(crate::cases::$case).await; })+ }
    };
}

contract! {
    the_engine_describes_itself
    an_image_is_listed_tagged_and_removed
    a_missing_image_is_told_apart_from_other_failures
    a_container_lives_from_create_to_remove
    starting_and_stopping_twice_does_no_harm
    k01_exit_codes_are_kept_and_a_container_may_run_again
    stop_honours_the_containers_own_stop_signal
    stop_kills_what_does_not_listen
    kill_needs_a_running_container
    names_are_unique_and_as_good_as_ids
    whatever_is_missing_is_not_found
    a_running_container_is_removed_by_force_only
    containers_are_listed_by_label
    open_host_ports_are_chosen_without_collision
    a_taken_host_port_fails_the_start
    host_mode_has_neither_address_nor_ports
    events_tell_a_life_in_order
    events_are_replayed_from_a_time_on
    k06_memory_kills_are_seen_as_such
    health_checks_come_to_a_verdict
    volumes_outlive_containers
    commands_run_inside_a_container
    logs_end_with_the_last_lines
    a_running_container_has_statistics
    the_bridge_has_a_gateway
}
