use aws_model::elbv2::types::{
    FixedResponseActionConfig, ForwardActionConfig, RedirectActionConfig, RedirectActionStatusCodeEnum,
    TargetGroupStickinessConfig, TargetGroupTuple,
};

use super::*;

const HTTP: Ground<'static> = Ground {
    kind: "application",
    protocol: "HTTP",
    port: 80,
};
const HTTPS: Ground<'static> = Ground {
    protocol: "HTTPS",
    port: 443,
    ..HTTP
};
const TCP: Ground<'static> = Ground {
    kind: "network",
    protocol: "TCP",
    port: 80,
};

fn group(number: u8) -> String {
    format!(
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/g{number}/000000000000000{number}"
    )
}

fn tuple(number: u8, weight: Option<i32>) -> TargetGroupTuple {
    TargetGroupTuple {
        target_group_arn: Some(group(number)),
        weight,
    }
}

fn forward(tuples: Vec<TargetGroupTuple>, stickiness: Option<TargetGroupStickinessConfig>) -> Action {
    Action {
        r#type: ActionTypeEnum::Forward,
        forward_config: Some(ForwardActionConfig {
            target_groups: Some(tuples),
            target_group_stickiness_config: stickiness,
        }),
        ..Action::default()
    }
}

fn redirect(change: impl FnOnce(&mut RedirectActionConfig)) -> Action {
    let mut config = RedirectActionConfig {
        status_code: RedirectActionStatusCodeEnum::Http301,
        ..RedirectActionConfig::default()
    };
    change(&mut config);
    Action {
        r#type: ActionTypeEnum::Redirect,
        redirect_config: Some(config),
        ..Action::default()
    }
}

fn fixed(status: &str, content_type: Option<&str>) -> Action {
    Action {
        r#type: ActionTypeEnum::FixedResponse,
        fixed_response_config: Some(FixedResponseActionConfig {
            status_code: status.to_owned(),
            content_type: content_type.map(str::to_owned),
            message_body: None,
        }),
        ..Action::default()
    }
}

fn is_refused(action: Action, ground: Ground<'_>) -> bool {
    normalised(vec![action], ground).is_err()
}

#[test]
fn lb32_a_single_group_reads_alike_however_it_was_given() {
    let short = Action {
        r#type: ActionTypeEnum::Forward,
        target_group_arn: Some(group(1)),
        ..Action::default()
    };
    let normal = normalised(vec![short], HTTP).unwrap();
    assert_eq!(
        normal,
        normalised(vec![forward(vec![tuple(1, None)], None)], HTTP).unwrap()
    );
    let off = TargetGroupStickinessConfig {
        enabled: Some(false),
        duration_seconds: None,
    };
    let expected = Action {
        target_group_arn: Some(group(1)),
        order: Some(1),
        ..forward(vec![tuple(1, Some(1))], Some(off))
    };
    assert_eq!(normal, [expected]);
    assert_eq!(
        normalised(normal.clone(), HTTP).unwrap(),
        normal,
        "what was described can be sent again"
    );
}

#[test]
fn lb32_several_groups_have_weights_and_no_single_arn() {
    let normal = normalised(vec![forward(vec![tuple(1, None), tuple(2, Some(0))], None)], HTTP).unwrap();
    assert_eq!(normal[0].target_group_arn, None);
    let config = normal[0].forward_config.as_ref().unwrap();
    assert_eq!(
        config.target_groups.as_ref().unwrap(),
        &[tuple(1, Some(1)), tuple(2, Some(0))]
    );
    let six = (1..=6).map(|number| tuple(number, None)).collect();
    assert!(is_refused(forward(six, None), HTTP));
    assert!(is_refused(forward(vec![tuple(1, Some(1000))], None), HTTP));
    assert!(is_refused(
        forward(vec![tuple(1, None), tuple(1, None)], None),
        HTTP
    ));
    assert!(is_refused(forward(Vec::new(), None), HTTP));
}

#[test]
fn lb32_stickiness_to_groups_lasts_one_second_to_seven_days() {
    let sticky = |enabled, duration_seconds| {
        let config = TargetGroupStickinessConfig {
            enabled,
            duration_seconds,
        };
        forward(vec![tuple(1, None)], Some(config))
    };
    assert!(!is_refused(sticky(Some(true), Some(604_800)), HTTP));
    for bad in [
        sticky(Some(true), None),
        sticky(Some(true), Some(0)),
        sticky(Some(true), Some(604_801)),
    ] {
        assert!(is_refused(bad, HTTP));
    }
    assert!(is_refused(sticky(Some(true), Some(60)), TCP));
}

#[test]
fn lb32_exactly_one_terminal_action_comes_last() {
    let at = |order, action: Action| Action {
        order: Some(order),
        ..action
    };
    assert!(
        normalised(
            vec![fixed("200", None), redirect(|c| c.port = Some("8080".into()))],
            HTTP
        )
        .is_err()
    );
    assert!(normalised(Vec::new(), HTTP).is_err());
    let jwt = Action {
        r#type: ActionTypeEnum::JwtValidation,
        jwt_validation_config: Some(aws_model::elbv2::types::JwtValidationActionConfig {
            jwks_endpoint: "https://id.test/keys".into(),
            issuer: "https://id.test".into(),
            additional_claims: None,
        }),
        ..Action::default()
    };
    assert!(normalised(vec![at(2, jwt.clone()), at(1, fixed("200", None))], HTTPS).is_err());
    let normal = normalised(vec![at(7, fixed("200", None)), at(3, jwt.clone())], HTTPS).unwrap();
    assert_eq!(
        normal.iter().map(|action| action.order).collect::<Vec<_>>(),
        [Some(3), Some(7)]
    );
    assert!(
        normalised(vec![jwt, fixed("200", None)], HTTP).is_err(),
        "only on HTTPS"
    );
}

#[test]
fn lb33_a_redirect_has_all_parts_and_changes_something() {
    let normal = normalised(vec![redirect(|c| c.protocol = Some("HTTPS".into()))], HTTP).unwrap();
    let config = normal[0].redirect_config.as_ref().unwrap();
    let parts = [
        &config.protocol,
        &config.host,
        &config.port,
        &config.path,
        &config.query,
    ];
    let parts: Vec<&str> = parts.iter().map(|part| part.as_deref().unwrap()).collect();
    assert_eq!(parts, ["HTTPS", "#{host}", "#{port}", "/#{path}", "#{query}"]);
    for bad in [
        redirect(|_| {}),
        redirect(|c| c.query = Some("a=b".into())),
        redirect(|c| c.port = Some("80".into())),
        redirect(|c| c.port = Some("0".into())),
        redirect(|c| c.path = Some("x".into())),
        redirect(|c| c.path = Some("/#{query}".into())),
        redirect(|c| c.path = Some("/#{path}#{path}".into())),
        redirect(|c| c.host = Some("#{nothing}".into())),
        redirect(|c| c.protocol = Some("FTP".into())),
    ] {
        assert!(is_refused(bad.clone(), HTTP), "{bad:?}");
    }
    assert!(is_refused(redirect(|c| c.protocol = Some("HTTP".into())), HTTPS));
}

#[test]
fn lb33_a_fixed_response_is_a_success_or_an_error_of_a_known_type() {
    assert!(!is_refused(fixed("503", Some("application/json")), HTTP));
    assert!(is_refused(fixed("301", None), HTTP));
    assert!(is_refused(fixed("200", Some("image/png")), HTTP));
    assert!(
        is_refused(fixed("200", None), TCP),
        "network balancers only forward"
    );
}

#[test]
fn lb32_an_action_has_the_members_of_its_type_only() {
    let both = Action {
        target_group_arn: Some(group(1)),
        ..fixed("200", None)
    };
    assert!(is_refused(both, HTTP));
    let cognito = Action {
        r#type: ActionTypeEnum::AuthenticateCognito,
        ..Action::default()
    };
    let error = normalised(vec![cognito, fixed("200", None)], HTTPS).unwrap_err();
    assert!(
        error.message.contains("authenticate-cognito"),
        "{}",
        error.message
    );
}
