//! What runs already is kept where the user asks for nothing else: its port, its memory, its image, its major.

use super::{Container, Project, SERVICE};
use crate::settings::{Image, Memory, Settings};

/// The settings with what the container has that is there, and the major of the volume that has the data. Pure.
pub fn settled(
    settings: &Settings,
    project: &Project,
    containers: &[Container],
    volumes: &[String],
) -> Settings {
    let mut settled = settings.clone();
    let server = containers.iter().find(|container| container.service == SERVICE);
    if let Some((address, port)) = server.and_then(|server| server.published) {
        settled.port.get_or_insert(port);
        settled.containers.publish.get_or_insert(address);
    }
    let memory = server.and_then(|server| Memory::of_bytes(server.memory));
    settled.containers.memory = settled.containers.memory.or(memory);
    // Of an image that is asked for only the name tells, but the one that runs was told by its volume.
    let runs = server.and_then(|server| server.image.parse().ok());
    let is_another = settings.containers.image.is_some() && settings.containers.image != runs;
    settled.containers.image = settled.containers.image.or_else(|| server.and_then(chosen_image));
    if settled.postgres_major.is_none() && !is_another {
        let mounted = server.map_or(&[][..], |server| &server.volumes);
        let major = |names: &[String]| names.iter().filter_map(|name| major_of(project, name)).max();
        settled.postgres_major = major(mounted).or_else(|| major(volumes));
    }
    settled
}

/// The container's image where somebody chose it. The maintained one is not kept: another version of this program may know a
/// newer tag of it, and that is how pgvector is upgraded here.
fn chosen_image(server: &Container) -> Option<Image> {
    let image: Image = server.image.parse().ok()?;
    let is_maintained = |row: &crate::evidence::table::Image| {
        let maintained = row.reference.split(':').next().unwrap_or_default();
        image.repository == maintained
    };
    let maintained = crate::evidence::images().first().is_some_and(is_maintained);
    (!maintained).then_some(image)
}

/// The major that a volume of the project is named by.
pub fn major_of(project: &Project, volume: &str) -> Option<u16> {
    let name = volume.strip_prefix(project.name.as_str())?.strip_prefix('_')?;
    name.strip_prefix("postgres-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Target;

    fn project() -> Project {
        Project {
            directory: "/srv/p".into(),
            name: "p".into(),
        }
    }

    fn server(volume: &str) -> Container {
        Container {
            service: SERVICE.into(),
            published: Some(([127, 0, 0, 1].into(), 5500)),
            volumes: vec![volume.into()],
            image: "pgvector/pgvector:0.8.5-pg17".into(),
            memory: 512 * 1024 * 1024,
            ..Container::default()
        }
    }

    #[test]
    fn what_is_not_asked_for_stays_as_it_runs() {
        let plain = crate::plan::sample::settings(Target::Docker);
        let kept = settled(
            &plain,
            &project(),
            &[server("p_postgres-17")],
            &["p_postgres-18".into()],
        );
        assert_eq!((kept.port, kept.postgres_major), (Some(5500), Some(17)));
        assert_eq!(kept.containers.publish, Some([127, 0, 0, 1].into()));
        assert_eq!(kept.containers.memory, Some("512m".parse().unwrap()));
        let kept = settled(
            &plain,
            &project(),
            &[],
            &["p_migrations".into(), "p_postgres-15".into()],
        );
        assert_eq!((kept.port, kept.postgres_major), (None, Some(15)));
    }

    #[test]
    fn an_image_that_somebody_chose_stays_and_the_maintained_one_moves_on() {
        let plain = crate::plan::sample::settings(Target::Docker);
        let mut server = server("p_postgres-17");
        assert_eq!(
            settled(&plain, &project(), &[server.clone()], &[])
                .containers
                .image,
            None
        );
        server.image = "ankane/pgvector:v0.6.0".into();
        let kept = settled(&plain, &project(), &[server.clone()], &[])
            .containers
            .image;
        assert_eq!(kept.unwrap().to_string(), "ankane/pgvector:v0.6.0");
        server.image = "mine:1".into();
        let kept = settled(&plain, &project(), &[server], &[]);
        assert_eq!(kept.postgres_major, Some(17), "the volume tells it");
    }

    #[test]
    fn an_image_whose_name_tells_no_major_is_told_by_the_volume_it_runs_on() {
        let mut wanted = crate::plan::sample::settings(Target::Docker);
        let mut server = server("p_postgres-17");
        server.image = "site/postgres:blue".into();
        let kept = settled(&wanted, &project(), std::slice::from_ref(&server), &[]);
        assert_eq!(kept.postgres_major, Some(17));
        wanted.containers.image = Some("site/postgres:blue".parse().unwrap());
        let kept = settled(&wanted, &project(), std::slice::from_ref(&server), &[]);
        assert_eq!(kept.postgres_major, Some(17));
        wanted.containers.image = Some("site/postgres:green".parse().unwrap());
        let kept = settled(&wanted, &project(), &[server], &[]);
        assert_eq!(kept.postgres_major, None);
    }

    #[test]
    fn what_is_asked_for_holds() {
        let mut wanted = crate::plan::sample::settings(Target::Docker);
        (wanted.port, wanted.postgres_major) = (Some(5432), Some(18));
        wanted.containers.publish = Some([0, 0, 0, 0].into());
        wanted.containers.memory = Some("1g".parse().unwrap());
        let kept = settled(&wanted, &project(), &[server("p_postgres-17")], &[]);
        assert_eq!((kept.port, kept.postgres_major), (Some(5432), Some(18)));
        assert_eq!(kept.containers, wanted.containers);
        wanted.postgres_major = None;
        wanted.containers.image = Some("ankane/pgvector:v0.6.0".parse().unwrap());
        assert_eq!(
            settled(&wanted, &project(), &[server("p_postgres-17")], &[]).postgres_major,
            None
        );
    }
}
