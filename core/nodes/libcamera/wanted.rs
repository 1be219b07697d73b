//! Which camera, and what is wanted of it: settings with their types, ready for the owner's thread.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::controls::{self, Control};
use crate::media::{PixelFormat, Size};
use crate::node::Settings;

/// All that opening a camera needs to know.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub which: Which,
    /// Without one, [`USUAL_SIZE`] or whatever the camera has next to it.
    pub size: Option<Size>,
    pub pixel: PixelFormat,
    /// A second, smaller picture of the same moment.
    pub low_res: Option<Size>,
    pub turn: Turn,
    pub controls: Vec<Control>,
    pub tuning_file: Option<PathBuf>,
}

/// What a camera is asked for when nothing was said.
pub const USUAL_SIZE: (u32, u32) = (1280, 720);

/// How a camera is named.
#[derive(Clone, Debug, PartialEq)]
pub enum Which {
    /// Its place in the list, from 0.
    Index(usize),
    /// Its id or its model.
    Name(String),
    /// One that was open before: the same place, or else the only one of its model. A USB camera's
    /// id is that of the socket it is plugged into.
    Again { id: String, model: String },
}

/// How the picture is turned on its way out of the camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    pub left_right: bool,
    pub top_bottom: bool,
}

impl Wanted {
    /// Reads checked settings.
    pub fn read(settings: &Settings) -> Wanted {
        let half_turn = settings.integer("rotation") == 180;
        Wanted {
            which: Which::read(settings.json("camera")).unwrap_or(Which::Index(0)),
            size: settings.try_size("size"),
            pixel: settings.pixel_format("format"),
            low_res: settings.try_size("low_res"),
            turn: Turn {
                left_right: settings.bool("hflip") != half_turn,
                top_bottom: settings.bool("vflip") != half_turn,
            },
            controls: controls::asked(settings),
            tuning_file: settings.try_path("tuning_file").map(PathBuf::from),
        }
    }
}

impl Which {
    /// A whole number or text.
    pub fn read(json: &Json) -> Option<Which> {
        match json {
            Json::Number(number) => number.as_u64().and_then(|index| index.try_into().ok()).map(Which::Index),
            Json::String(name) if !name.is_empty() => Some(Which::Name(name.clone())),
            _ => None,
        }
    }

    /// Whether the camera called `id` is meant, as far as `all` tells (ids and models).
    pub fn means(&self, id: &str, all: &[(String, String)]) -> bool {
        self.pick(all).is_ok_and(|at| all[at].0 == id)
    }

    /// The one camera of `all` (ids and models) that is meant.
    ///
    /// # Errors
    /// A sentence that lists what there is.
    pub fn pick(&self, all: &[(String, String)]) -> Result<usize, String> {
        let only = |found: Vec<usize>| match found[..] {
            [one] => Ok(one),
            [] => Err(format!("there is no camera {self}; {}", list(all))),
            _ => Err(format!("more than one camera is called {self}: give its id; {}", list(all))),
        };
        let those = |wanted: &dyn Fn(&(String, String)) -> bool| {
            (0..all.len()).filter(|&index| wanted(&all[index])).collect::<Vec<_>>()
        };
        match self {
            Which::Index(index) => only(those(&|_| true).into_iter().filter(|at| at == index).collect()),
            Which::Name(name) => match those(&|(id, _)| id == name)[..] {
                [one] => Ok(one),
                _ => only(those(&|(_, model)| model == name)),
            },
            Which::Again { id, model } => match those(&|camera| camera.0 == *id)[..] {
                [one] => Ok(one),
                _ => only(those(&|camera| camera.1 == *model)),
            },
        }
    }
}

fn list(all: &[(String, String)]) -> String {
    match all {
        [] => "none is plugged in".to_owned(),
        _ => {
            let one =
                |(index, (id, model)): (usize, &(String, String))| format!("{index} = \"{model}\" ({id})");
            format!("there is {}", all.iter().enumerate().map(one).collect::<Vec<_>>().join(", "))
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Index(index) => write!(f, "{index}"),
            Which::Name(name) | Which::Again { model: name, .. } => write!(f, "\"{name}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<(String, String)> {
        [("usb-1", "Door"), ("usb-2", "Yard")].map(|(id, model)| (id.to_owned(), model.to_owned())).to_vec()
    }

    #[test]
    fn a_camera_answers_to_its_place_its_id_and_its_model() {
        for which in [Which::Index(1), Which::Name("usb-2".to_owned()), Which::Name("Yard".to_owned())] {
            assert_eq!(which.pick(&two()), Ok(1), "{which:?}");
        }
    }

    #[test]
    fn a_camera_that_is_not_there_is_answered_with_those_that_are() {
        assert_eq!(
            Which::Name("Gate".to_owned()).pick(&two()).unwrap_err(),
            "there is no camera \"Gate\"; there is 0 = \"Door\" (usb-1), 1 = \"Yard\" (usb-2)"
        );
        assert_eq!(Which::Index(0).pick(&[]).unwrap_err(), "there is no camera 0; none is plugged in");
    }

    #[test]
    fn a_camera_by_another_of_its_names_is_the_same_and_by_a_name_of_two_it_is_not() {
        let means = |which: Which| which.means("usb-2", &two());
        assert!(means(Which::Index(1)) && means(Which::Name("Yard".to_owned())));
        assert!(means(Which::Name("usb-2".to_owned())));
        assert!(!means(Which::Index(0)) && !means(Which::Index(9)) && !means(Which::Name("Door".to_owned())));
        let twins = [("usb-1", "Yard"), ("usb-2", "Yard")].map(|(id, name)| (id.to_owned(), name.to_owned()));
        assert!(!Which::Name("Yard".to_owned()).means("usb-2", &twins));
    }

    #[test]
    fn one_of_two_twins_must_be_named_by_its_id() {
        let mut twins = two();
        twins[1].1 = "Door".to_owned();
        assert!(Which::Name("Door".to_owned()).pick(&twins).unwrap_err().starts_with("more than one camera"));
    }

    #[test]
    fn a_camera_plugged_into_another_socket_is_known_by_its_model() {
        let again = |id: &str| Which::Again { id: id.to_owned(), model: "Yard".to_owned() };
        assert_eq!(again("usb-9").pick(&two()), Ok(1));
        assert_eq!(again("usb-1").pick(&two()), Ok(0));
    }
}
