//! Volumes and mount points (TD-34, V-02, V-03).

use serde_json::{Value, json};
use test_support::TestApi;

use super::{all_accepted, all_refused, merge, web};

#[tokio::test]
async fn td34_volumes_have_one_configuration_and_are_there_when_mounted() {
    let api = TestApi::new().await;
    let with = |volumes: Value| web(json!({"volumes": volumes}), json!({}));
    let efs = |more: Value| {
        let mut efs = json!({"fileSystemId": "fs-1"});
        merge(&mut efs, more);
        with(json!([{"name": "v", "efsVolumeConfiguration": efs}]))
    };
    let at_launch = |names: Vec<&str>, mounted: &str| {
        let volumes: Vec<Value> = names
            .into_iter()
            .map(|name| json!({"name": name, "configuredAtLaunch": true}))
            .collect();
        web(
            json!({"volumes": volumes}),
            json!({"mountPoints": [{"sourceVolume": mounted, "containerPath": "/data"}]}),
        )
    };
    all_refused(&api, vec![
        (with(json!([{"host": {}}])), "name of a volume"),
        (with(json!([{"name": "a b"}])), "name of a volume"),
        (with(json!([{"name": "a".repeat(256)}])), "name of a volume"),
        (with(json!([{"name": "v"}, {"name": "v"}])), "Duplicate volume 'v'"),
        (with(json!([{"name": "v", "host": {}, "dockerVolumeConfiguration": {}}])), "one configuration"),
        (with(json!([{"name": "v", "host": {}, "configuredAtLaunch": true}])), "one configuration"),
        (with(json!([{"name": "v", "dockerVolumeConfiguration": {"scope": "task", "autoprovision": true}}])), "autoprovisioned"),
        (web(json!({}), json!({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]})), "Unknown volume 'v'."),
        (web(json!({"volumes": [{"name": "v"}]}), json!({"mountPoints": [{"sourceVolume": "v"}]})), "containerPath"),
        (web(json!({}), json!({"volumesFrom": [{"sourceContainer": "b"}]})), "Invalid 'volumesFrom' setting. Unknown container: 'b'"),
        (at_launch(vec!["a", "b"], "a"), "Only one volume"),
        (with(json!([{"name": "v", "configuredAtLaunch": true}])), "Volumes [v] are not referenced by any of the containers"),
        (efs(json!({"authorizationConfig": {"iam": "ENABLED"}})), "EFS IAM authorization requires TransitEncryption to be enabled"),
        (efs(json!({"transitEncryptionPort": 2999})), "TransitEncryptionPort requires that TransitEncryption is enabled"),
        (efs(json!({"transitEncryption": "ENABLED", "rootDirectory": "/x", "authorizationConfig": {"accessPointId": "fsap-1"}})), "the root directory must either be set"),
    ])
    .await;
    all_accepted(&api, vec![
        with(json!([{"name": "v", "configuredAtLaunch": false, "host": {}}])),
        with(json!([{"name": "v", "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": true}}])),
        at_launch(vec!["a"], "a"),
        efs(json!({"transitEncryption": "ENABLED", "transitEncryptionPort": 2999, "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"}})),
        with(json!([{"name": "v", "s3filesVolumeConfiguration": {"fileSystemArn": "arn:aws:s3files:us-east-1:000000000000:file-system/fs-1"}}])),
    ])
    .await;
}
