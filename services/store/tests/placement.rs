//! Placement by several servers at once: no host is ever over-committed, and what is taken is given back exactly once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_model::ecs::types::TaskDefinition;
use domain::{ContainerInstanceId, Scope, TaskId, TaskStatus};
use futures::future::{join, join_all};
use kit::{Shutdown, SystemClock, Tasks};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use store::clusters::NewCluster;
use store::instances::{Registration, Session};
use store::launch::{self, Launch};
use store::placement::{Guard, InCluster, Job, Placed, Placer, Target};
use store::task_definitions::TaskDefinitionRow;
use store::task_reports::TaskReport;
use store::tokens::{Token, Use};
use store::{Db, StoreError};
use test_support::TestDb;
use uuid::Uuid;

struct World {
    _test_db: TestDb,
    db: Db,
    scope: Scope,
    cluster: InCluster,
    tasks: Tasks,
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.shutdown().request();
    }
}

impl World {
    async fn new(hosts: &[(i64, i64)]) -> Self {
        let test_db = TestDb::new().await;
        let db = test_db.db();
        let scope = Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap());
        let new = NewCluster {
            name: "default".to_owned(),
            ..NewCluster::default()
        };
        let (row, _) = store::clusters::create(&db, &scope, &new, &[], chrono::Utc::now())
            .await
            .unwrap();
        let cluster = InCluster {
            id: row.id,
            name: row.name,
            scope: scope.clone(),
        };
        let world = Self {
            _test_db: test_db,
            db,
            scope,
            cluster,
            tasks: Tasks::new(Shutdown::new()),
        };
        for (cpu, memory) in hosts {
            world.host(*cpu, *memory).await;
        }
        world
    }

    fn placer(&self) -> Placer {
        Placer::new(self.db.clone(), Arc::new(SystemClock), self.tasks.clone())
    }

    async fn host(&self, cpu: i64, memory: i64) -> ContainerInstanceId {
        let id = ContainerInstanceId(Uuid::new_v4());
        let registration = Registration {
            cluster_id: self.cluster.id,
            cluster_name: self.cluster.name.clone(),
            id,
            again: false,
            client_token: None,
            ec2_instance_id: None,
            attributes: BTreeMap::new(),
            agent_version: None,
            agent_hash: None,
            docker_version: None,
            cpu,
            memory,
            reserved_ports: vec![22],
            reserved_ports_udp: Vec::new(),
            gpus: vec![format!("GPU-{id}-0"), format!("GPU-{id}-1")],
            tags: Vec::new(),
        };
        store::instances::register(&self.db, &self.scope, &registration, chrono::Utc::now())
            .await
            .unwrap()
            .unwrap();
        let session = Session {
            cluster_id: self.cluster.id,
            instance: id.uuid(),
            server: Uuid::nil(),
            session: Uuid::new_v4(),
            address: None,
            agent_version: String::new(),
            agent_hash: String::new(),
            docker_version: String::new(),
        };
        store::instances::connect(&self.db, &session, chrono::Utc::now())
            .await
            .unwrap()
            .unwrap();
        id
    }

    async fn definition(&self, family: &str, container: serde_json::Value) -> TaskDefinitionRow {
        let document: TaskDefinition =
            serde_json::from_value(json!({"containerDefinitions": [container]})).unwrap();
        store::task_definitions::register(&self.db, &self.scope, family, &document, &[], chrono::Utc::now())
            .await
            .unwrap()
            .unwrap()
    }

    fn job(&self, definition: &TaskDefinitionRow, count: usize) -> Job {
        let launch = Launch {
            group: format!("family:{}", definition.family),
            launch_type: "EC2".to_owned(),
            ..Launch::default()
        };
        let (request, template) = launch::prepare(definition, &launch).unwrap();
        let cluster = self.cluster.clone();
        Job {
            cluster,
            target: Target::Anywhere(count),
            request,
            template,
            token: None,
            guard: None,
            tags: Vec::new(),
        }
    }

    async fn stop(&self, task: Uuid) {
        let report = TaskReport {
            status: Some(TaskStatus::Stopped),
            ..TaskReport::default()
        };
        let now = chrono::Utc::now();
        store::task_reports::apply(&self.db, &self.scope, "default", TaskId(task), &report, now)
            .await
            .unwrap();
    }

    /// What instances say is used is what their tasks hold, and no more than they have.
    async fn check_books(&self) {
        let wrong: Vec<(Uuid, String)> = sqlx::query_as(
            "WITH held AS (SELECT instance_id, sum((resources->>'cpu')::bigint) AS cpu, sum((resources->>'memory')::bigint) AS memory, \
                 count(*) AS tasks FROM tasks WHERE last_status <> 'STOPPED' GROUP BY instance_id) \
             SELECT i.id, format('cpu %s of %s, tasks hold %s; memory %s of %s, tasks hold %s; groups %s', \
                 i.used_cpu, i.cpu, h.cpu, i.used_memory, i.memory, h.memory, i.task_groups) \
             FROM container_instances i LEFT JOIN held h ON h.instance_id = i.id \
             WHERE i.used_cpu <> coalesce(h.cpu, 0) OR i.used_memory <> coalesce(h.memory, 0) OR i.used_cpu > i.cpu OR i.used_memory > i.memory \
                OR (SELECT coalesce(sum(g.value::bigint), 0) FROM jsonb_each_text(i.task_groups) g) <> coalesce(h.tasks, 0) \
                OR (SELECT count(*) FROM unnest(i.used_ports) p) <> (SELECT count(DISTINCT p) FROM unnest(i.used_ports) p)",
        )
        .fetch_all(self.db.pool())
        .await
        .unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let twice: Vec<(Uuid, String)> = sqlx::query_as(
            "SELECT t.instance_id, x.what FROM tasks t, LATERAL (SELECT 'port ' || jsonb_array_elements_text(t.resources->'ports') AS what \
                 UNION ALL SELECT 'gpu ' || unnest(t.gpu_ids)) x \
             WHERE t.last_status <> 'STOPPED' GROUP BY t.instance_id, x.what HAVING count(*) > 1",
        )
        .fetch_all(self.db.pool())
        .await
        .unwrap();
        assert!(twice.is_empty(), "held by two tasks of one host: {twice:?}");
    }
}

fn done(placed: Placed) -> (Vec<Uuid>, usize) {
    match placed {
        Placed::Done(outcome) => (
            outcome.tasks.iter().map(|task| task.id).collect(),
            outcome.refusals.len(),
        ),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_never_over_committed_by_servers_that_place_and_stop_at_random() {
    let world = Arc::new(World::new(&[(1000, 1000), (2000, 700), (500, 4000)]).await);
    let definitions = Arc::new([
        world.definition("small", json!({"name": "a", "image": "x", "cpu": 100, "memory": 50})).await,
        world.definition("big", json!({"name": "a", "image": "x", "cpu": 400, "memory": 300})).await,
        world
            .definition("port", json!({"name": "a", "image": "x", "memory": 10, "portMappings": [{"containerPort": 80, "hostPort": 8080}]}))
            .await,
        world
            .definition(
                "gpu",
                json!({"name": "a", "image": "x", "memory": 10, "resourceRequirements": [{"type": "GPU", "value": "1"}]}),
            )
            .await,
    ]);
    let mut workers = Vec::new();
    for seed in 0..6 {
        // Three servers, two callers each.
        let placer = world.placer();
        for caller in 0..2 {
            let (world, definitions, placer) = (world.clone(), definitions.clone(), placer.clone());
            workers.push(tokio::spawn(async move {
                let mut rng = StdRng::seed_from_u64(seed * 10 + caller);
                let mut mine: Vec<Uuid> = Vec::new();
                for _ in 0..40 {
                    if !mine.is_empty() && rng.random_bool(0.5) {
                        let task = mine.swap_remove(rng.random_range(0..mine.len()));
                        world.stop(task).await;
                        // A report that comes twice gives nothing back twice.
                        world.stop(task).await;
                    } else {
                        let definition = &definitions[rng.random_range(0..definitions.len())];
                        let job = world.job(definition, rng.random_range(1..=4));
                        mine.extend(done(placer.place(job).await.unwrap()).0);
                    }
                }
            }));
        }
    }
    for worker in workers {
        worker.await.unwrap();
    }
    world.check_books().await;
}

#[tokio::test]
async fn a_host_that_another_server_filled_is_refused_and_one_that_it_freed_is_used() {
    let world = World::new(&[(100, 100)]).await;
    let definition = world
        .definition(
            "one",
            json!({"name": "a", "image": "x", "cpu": 100, "memory": 100}),
        )
        .await;
    let (here, there) = (world.placer(), world.placer());
    let (first, _) = done(here.place(world.job(&definition, 1)).await.unwrap());
    assert_eq!(first.len(), 1);
    assert_eq!(
        done(there.place(world.job(&definition, 1)).await.unwrap()),
        (vec![], 1)
    );
    world.stop(first[0]).await;
    let (second, _) = done(there.place(world.job(&definition, 1)).await.unwrap());
    assert_eq!(second.len(), 1);
    assert_eq!(
        done(here.place(world.job(&definition, 1)).await.unwrap()),
        (vec![], 1)
    );
    world.check_books().await;
}

#[tokio::test]
async fn r09_a_token_has_one_effect_among_several_servers() {
    let world = World::new(&[(10_000, 10_000)]).await;
    let definition = world
        .definition("one", json!({"name": "a", "image": "x", "cpu": 1, "memory": 1}))
        .await;
    let placers = [world.placer(), world.placer(), world.placer()];
    let with_token = |parameters: &[u8]| Job {
        token: Some(Token::new(&world.scope, "RunTask", "token", parameters)),
        ..world.job(&definition, 3)
    };
    let calls = (0..9).map(|n| placers[n % 3].place(with_token(b"same")));
    let outcomes: Vec<Placed> = futures::future::join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let started = outcomes
        .iter()
        .filter(|placed| matches!(placed, Placed::Done(_)))
        .count();
    assert_eq!(started, 1);
    let replayed = outcomes
        .iter()
        .filter(|placed| matches!(placed, Placed::Replayed(Use::Same(arns)) if arns.len() == 3))
        .count();
    assert_eq!(replayed, 8);
    let other = placers[0].place(with_token(b"other")).await.unwrap();
    assert!(matches!(other, Placed::Replayed(Use::Different(arns)) if arns.len() == 3));
}

#[tokio::test]
async fn a_job_whose_service_changed_since_it_was_planned_starts_nothing() {
    let world = World::new(&[(10_000, 10_000)]).await;
    let definition = world
        .definition("one", json!({"name": "a", "image": "x", "cpu": 1, "memory": 1}))
        .await;
    let service_id: i64 = sqlx::query_scalar(
        "INSERT INTO services (cluster_id, name, status, scheduling_strategy, desired_count, spec, create_digest, created_at, created_by) \
         VALUES ($1, 'web', 'ACTIVE', 'REPLICA', 1, '{}', '', now(), 'me') RETURNING id",
    )
    .bind(world.cluster.id)
    .fetch_one(world.db.pool())
    .await
    .unwrap();
    let placer = world.placer();
    let guarded = |generation| Job {
        guard: Some(Guard {
            service_id,
            generation,
        }),
        ..world.job(&definition, 1)
    };
    assert_eq!(done(placer.place(guarded(1)).await.unwrap()).0.len(), 1);
    assert!(matches!(
        placer.place(guarded(1)).await.unwrap(),
        Placed::GuardLost
    ));
    assert_eq!(done(placer.place(guarded(2)).await.unwrap()).0.len(), 1);

    // Of plans that wait together, and so come into one batch, one is carried out.
    let together = join_all((0..8).map(|_| placer.place(guarded(3))));
    let (_, placed) = join(placer.place(world.job(&definition, 1)), together).await;
    let lost = placed
        .iter()
        .filter(|placed| matches!(placed, Ok(Placed::GuardLost)));
    assert_eq!(lost.count(), 7);
}

#[tokio::test]
async fn a_host_that_is_draining_takes_nothing_from_the_next_job_on() {
    let world = World::new(&[(10_000, 10_000)]).await;
    let definition = world
        .definition("one", json!({"name": "a", "image": "x", "cpu": 1, "memory": 1}))
        .await;
    let placer = world.placer();
    assert_eq!(
        done(placer.place(world.job(&definition, 1)).await.unwrap())
            .0
            .len(),
        1
    );
    sqlx::query("UPDATE container_instances SET status = 'DRAINING', revision = revision + 1")
        .execute(world.db.pool())
        .await
        .unwrap();
    assert_eq!(
        done(placer.place(world.job(&definition, 1)).await.unwrap())
            .0
            .len(),
        0
    );
}

/// Whether the commit came through before the connection broke cannot be known, so placing again might start everything twice.
#[tokio::test]
async fn nothing_is_placed_again_after_a_commit_that_was_not_confirmed() {
    let world = World::new(&[(10_000, 10_000)]).await;
    let definition = world
        .definition("one", json!({"name": "a", "image": "x", "cpu": 1, "memory": 1}))
        .await;
    let break_the_first_commit = "CREATE SEQUENCE commits; \
        CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            IF nextval('commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(5); END IF; RETURN NULL; END $$; \
        CREATE CONSTRAINT TRIGGER break AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION break()";
    sqlx::raw_sql(break_the_first_commit)
        .execute(world.db.pool())
        .await
        .unwrap();
    let placer = world.placer();
    let broken = placer.place(world.job(&definition, 1)).await;
    assert!(matches!(broken, Err(StoreError::InDoubt)), "{broken:?}");
    let tasks: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks")
        .fetch_one(world.db.pool())
        .await
        .unwrap();
    assert_eq!(tasks, 0);
    assert_eq!(
        done(placer.place(world.job(&definition, 1)).await.unwrap())
            .0
            .len(),
        1
    );
    world.check_books().await;
}

#[tokio::test]
async fn what_cannot_be_read_of_one_task_holds_up_no_other() {
    let world = World::new(&[(10_000, 10_000)]).await;
    let container = || json!({"name": "a", "image": "x", "cpu": 1, "memory": 1});
    let definitions = [
        world.definition("one", container()).await,
        world.definition("two", container()).await,
    ];
    let placer = world.placer();
    let mut tasks = Vec::new();
    for definition in &definitions {
        tasks.extend(done(placer.place(world.job(definition, 1)).await.unwrap()).0);
    }
    let spoil = |sql: &'static str| sqlx::query(sql).execute(world.db.pool());
    spoil("UPDATE task_definitions SET document = '5' WHERE family = 'one'")
        .await
        .unwrap();
    let ids = definitions.map(|definition| definition.id);
    let read = store::task_definitions::by_ids(&world.db, &ids).await.unwrap();
    assert_eq!(read.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[1]]);
    spoil("UPDATE tasks SET spec = '5' FROM task_definitions d WHERE d.id = task_definition_id AND d.family = 'one'")
        .await
        .unwrap();
    let host: Uuid = sqlx::query_scalar("SELECT id FROM container_instances")
        .fetch_one(world.db.pool())
        .await
        .unwrap();
    let look = store::instances::look(&world.db, &[host], chrono::Utc::now())
        .await
        .unwrap()
        .remove(&host)
        .unwrap();
    let told: Vec<Uuid> = look.tasks.iter().map(|task| task.assignment.id).collect();
    assert_eq!(told, [tasks[1]]);
}
