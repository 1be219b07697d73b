//! `framegate cameras`: what cameras there are and what they can do; with `--test`, ten pictures from
//! one of them. What a user puts into a bug report.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

/// Lists the cameras of this machine, or tries one of them.
#[derive(clap::Args)]
pub struct Args {
    /// Takes ten pictures from this camera (its place in the list, its id or its model), says how they
    /// came and saves the last one.
    #[arg(long, value_name = "ID")]
    test: Option<String>,
    /// Where `--test` saves its picture.
    #[arg(long, value_name = "FILE", default_value = "framegate-camera.png")]
    picture: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn main(args: Args) -> ExitCode {
    match reading::run(&args) {
        Ok(text) => {
            super::print(&format!("{text}\n"));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("framegate: {why}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(any(feature = "libcamera", feature = "libcamera-0-3")))]
mod reading {
    //! Without a camera feature there is nothing to ask.

    pub fn run(args: &super::Args) -> Result<String, String> {
        let _ = (&args.test, &args.picture, args.format);
        Err("this build reads no cameras: build it again with `--features libcamera` \
             (on Debian 12: `--features libcamera-0-3`)"
            .to_owned())
    }
}

#[cfg(any(feature = "libcamera", feature = "libcamera-0-3"))]
mod reading {
    //! Asking libcamera.

    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use serde_json::{Value as Json, json};

    use super::{Args, Format};
    use crate::nodes::libcamera::{Described, Known, Offer, Owner, Trial};

    pub fn run(args: &Args) -> Result<String, String> {
        let owner = Owner::join(None)?;
        match &args.test {
            None => Ok(list(&owner.version(), &owner.list(), args.format)),
            Some(camera) => Trial::of(camera, &args.picture).map(|trial| told(&trial, args.format)),
        }
    }

    fn list(version: &str, cameras: &[Described], format: Format) -> String {
        match format {
            Format::Json => {
                json!({ "libcamera": version, "cameras": cameras.iter().map(as_json).collect::<Vec<_>>() })
                    .to_string()
            }
            Format::Text => {
                let mut text = format!("libcamera {version}, {} cameras", cameras.len());
                for (index, camera) in cameras.iter().enumerate() {
                    text.push_str("\n\n");
                    text.push_str(&as_text(index, camera));
                }
                text
            }
        }
    }

    fn as_text(index: usize, camera: &Described) -> String {
        let mut text = format!("{index}: {}\n   id        {}", camera.model, camera.id);
        if let Some(location) = camera.location {
            let _ = write!(text, "\n   location  {location}");
        }
        if let Some(rotation) = camera.rotation {
            let _ = write!(text, "\n   mounted   at {rotation} degrees");
        }
        for offer in &camera.offers {
            let _ = write!(text, "\n   {:<8}  {}", offer.format, sizes(offer));
        }
        match &camera.controls {
            Some(controls) => {
                for Known { name, least, most, .. } in controls {
                    let range = least
                        .zip(*most)
                        .map_or(String::new(), |(least, most)| format!("  {least} to {most}"));
                    let _ = write!(text, "\n   control   {name}{range}");
                }
            }
            None => text.push_str("\n   controls  not told by this version of libcamera's crate"),
        }
        text
    }

    fn sizes(offer: &Offer) -> String {
        let size = |(width, height): (u32, u32)| format!("{width}x{height}");
        match &offer.sizes[..] {
            [] => format!("{} to {}", size(offer.range.0), size(offer.range.1)),
            sizes => sizes.iter().copied().map(size).collect::<Vec<_>>().join(" "),
        }
    }

    fn as_json(camera: &Described) -> Json {
        let offers = camera.offers.iter().map(|offer| {
            json!({ "format": offer.format, "sizes": offer.sizes, "smallest": offer.range.0, "largest": offer.range.1 })
        });
        let controls = camera.controls.as_ref().map(|controls| {
            let one = |known: &Known| json!({ "name": known.name, "least": known.least, "most": known.most });
            controls.iter().map(one).collect::<Vec<_>>()
        });
        json!({
            "id": camera.id,
            "model": camera.model,
            "location": camera.location,
            "rotation": camera.rotation,
            "formats": offers.collect::<Vec<_>>(),
            "controls": controls,
        })
    }

    fn told(trial: &Trial, format: Format) -> String {
        let mut steps: Vec<f64> = trial.steps.iter().map(|step| step.as_secs_f64() * 1e3).collect();
        steps.sort_by(f64::total_cmp);
        let at = |place: usize| steps.get(place).copied().unwrap_or_default();
        let (shortest, middle, longest) = (at(0), at(steps.len() / 2), at(steps.len().saturating_sub(1)));
        let picture = trial.picture.display();
        match format {
            Format::Json => json!({
                "camera": trial.camera,
                "pictures": trial.steps.len() + 1,
                "size": trial.size.to_string(),
                "milliseconds_apart": { "least": shortest, "middle": middle, "most": longest },
                "counters": trial.counters.iter().cloned().collect::<BTreeMap<_, _>>(),
                "picture": picture.to_string(),
            })
            .to_string(),
            Format::Text => {
                let counted: Vec<_> =
                    trial.counters.iter().map(|(name, count)| format!("{name} {count}")).collect();
                format!(
                    "{} pictures of {}, {shortest:.1} to {longest:.1} ms apart, mostly {middle:.1}\n\
                     {}\nthe last one is in {picture}",
                    trial.steps.len() + 1,
                    trial.size,
                    counted.join(", "),
                )
            }
        }
    }
}
