use super::*;
use crate::plan::sample;
use crate::render::seal::{Seal, seal_of};

fn wanted() -> SystemdUnits {
    let path = |text| UnitPath::parse("--binary", text).unwrap();
    SystemdUnits {
        binary: path(SystemdUnits::DEFAULT_BINARY),
        config: path(SystemdUnits::DEFAULT_CONFIG),
        textfiles: path(SystemdUnits::DEFAULT_TEXTFILES),
        every: SystemdUnits::DEFAULT_EVERY,
        recall: false,
    }
}

fn contents(target: Target, wanted: &SystemdUnits) -> Vec<String> {
    let files = units(&sample::settings(target), wanted).unwrap().files;
    files.into_iter().map(|file| file.content).collect()
}

#[test]
fn each_unit_is_sealed_and_runs_one_command() {
    let units = contents(Target::System, &wanted());
    assert!(units.iter().all(|unit| seal_of(unit) == Seal::Intact));
    let commands: Vec<&str> = units
        .iter()
        .flat_map(|unit| unit.lines())
        .filter(|line| line.starts_with("ExecStart="))
        .collect();
    assert_eq!(
        commands,
        [
            r#"ExecStart="/usr/local/bin/pgvector-setup" apply --yes --config "/etc/pgvector-setup/pgvector-setup.toml" --repository-timeout 300"#,
            r#"ExecStart="/usr/local/bin/pgvector-setup" doctor --sites --config "/etc/pgvector-setup/pgvector-setup.toml" --format prometheus --output "/var/lib/prometheus/node-exporter/pgvector-setup.prom""#,
        ]
    );
}

#[test]
fn the_doctor_reaches_other_machines_only_where_the_server_may_be_one() {
    for (target, is_bounded) in [
        (Target::Embedded, true),
        (Target::System, true),
        (Target::Docker, true),
        (Target::Url, false),
    ] {
        let units = contents(target, &wanted());
        assert_eq!(units[1].contains("IPAddressDeny=any\n"), is_bounded, "{target}");
    }
}

#[test]
fn recall_takes_a_longer_look() {
    let units = contents(
        Target::System,
        &SystemdUnits {
            recall: true,
            every: 30,
            ..wanted()
        },
    );
    assert!(units[1].contains(" --recall\n") && units[1].contains("TimeoutStartSec=5min\n"));
    assert!(units[2].contains("OnUnitInactiveSec=30min\n") && units[2].contains("RandomizedDelaySec=180s\n"));
}
