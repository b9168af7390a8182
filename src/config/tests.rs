use super::{Config, Role, SETTINGS, Sources};

fn config(
    flags: &[(&str, &str)],
    environment: &[(&str, &str)],
    file: &str,
) -> Result<Config, String> {
    let joined = |errors: Vec<super::SettingError>| {
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let sources = Sources::of(flags, environment, file).map_err(joined)?;
    Config::read(&sources).map_err(joined)
}

#[test]
fn every_default_is_valid() {
    let config = config(&[], &[], "").unwrap();
    assert_eq!(config.roles, [Role::Api, Role::Workers, Role::Projections]);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let file = "fee-bps = 1\nqueue_max = 7\nconnections-max = 8";
    let config =
        config(&[("fee-bps", "3")], &[("fee-bps", "2"), ("queue-max", "9")], file).unwrap();
    assert_eq!(config.engine.terms.fee_bps, 3);
    assert_eq!(config.engine.queue_max, 9);
    assert_eq!(config.connections_max, 8);
}

#[test]
fn every_wrong_setting_is_named_with_where_it_came_from() {
    let wrong =
        config(&[("listen", "nowhere")], &[("fee-bps", "10001")], "role = [\"api\", \"cook\"]");
    let errors = wrong.unwrap_err();
    for part in ["--listen: must be", "DAYBOOK_FEE_BPS (environment): must", "role in daybook.toml"]
    {
        assert!(errors.contains(part), "{part} is missing in: {errors}");
    }
}

#[test]
fn a_key_that_is_no_setting_is_an_error() {
    let errors = config(&[], &[], "fee-bpm = 3").unwrap_err();
    assert!(errors.contains("fee-bpm in daybook.toml: is no setting"), "{errors}");
}

#[test]
fn a_range_of_latency_is_one_number_or_two() {
    assert_eq!(
        config(&[("simulator-latency-ms", "5")], &[], "").unwrap().simulator.latency_ms,
        (5, 5)
    );
    assert_eq!(
        config(&[("simulator-latency-ms", "5..9")], &[], "").unwrap().simulator.latency_ms,
        (5, 9)
    );
    assert!(config(&[("simulator-latency-ms", "9..5")], &[], "").is_err());
}

#[test]
fn settings_are_listed_once_and_explained() {
    for (at, setting) in SETTINGS.iter().enumerate() {
        assert!(!setting.help.is_empty(), "{}", setting.name);
        let again = SETTINGS.iter().skip(at + 1).any(|other| other.name == setting.name);
        assert!(!again, "{} stands twice", setting.name);
    }
}
