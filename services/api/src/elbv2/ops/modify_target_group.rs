use aws_model::elbv2::types::{ModifyTargetGroupInput, ModifyTargetGroupOutput};
use store::Wake;
use store::target_groups::{self, KeptTargetGroup};

use crate::elbv2::find;
use crate::elbv2::health_check::{self, Given, Group};
use crate::elbv2::view::target_group;
use crate::{Context, Result};

/// ModifyTargetGroup: changes the health check, at once (LB-15).
pub async fn modify_target_group(
    cx: &Context,
    input: ModifyTargetGroupInput,
) -> Result<ModifyTargetGroupOutput> {
    let mut tx = cx.db().begin().await?;
    let mut row = find::hold_target_group(cx, &mut tx, &input.target_group_arn).await?;
    let given = Given {
        protocol: input.health_check_protocol,
        port: input.health_check_port,
        enabled: input.health_check_enabled,
        path: input.health_check_path,
        interval_seconds: input.health_check_interval_seconds,
        timeout_seconds: input.health_check_timeout_seconds,
        healthy_threshold: input.healthy_threshold_count,
        unhealthy_threshold: input.unhealthy_threshold_count,
        matcher: input.matcher,
    };
    let group = Group {
        protocol: row.protocol.as_deref().unwrap_or_default(),
        is_grpc: row.protocol_version.as_deref() == Some("GRPC"),
    };
    let checked = health_check::modified(group, target_group::checked(&row), given)?;
    let kept = KeptTargetGroup {
        matcher: checked.matcher,
        ..row.kept.0
    };
    target_groups::set_health_check(&mut tx, &row.arn, &checked.check, &kept).await?;
    cx.db().commit(tx, [Wake::Routes]).await?;
    row.health_check.0 = checked.check;
    row.kept.0 = kept;
    Ok(ModifyTargetGroupOutput {
        target_groups: Some(target_group::target_groups(cx, vec![row]).await?),
    })
}
