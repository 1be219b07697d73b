//! Models of the mock host: each a function that a test gives.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Picture;
use crate::{Error, ErrorKind, Rect, Result, Tensor};

/// What a model is run on.
pub enum Input<'a> {
    Frame(&'a Picture, Option<Rect>),
    Tensors(&'a [Tensor]),
}

type Run = dyn Fn(Input) -> Result<Vec<Tensor>>;

thread_local! {
    // A test has a thread of its own.
    static MODELS: RefCell<BTreeMap<String, Rc<Run>>> = RefCell::default();
}

/// Gives the plugins of this test a model: `run` answers for it.
pub fn model(name: &str, run: impl Fn(Input) -> Result<Vec<Tensor>> + 'static) {
    MODELS.with_borrow_mut(|models| models.insert(name.into(), Rc::new(run)));
}

pub(crate) fn open(name: &str) -> Result<Opened> {
    let found = MODELS.with_borrow(|models| models.get(name).cloned());
    found.map(Opened).ok_or_else(|| {
        Error::new(ErrorKind::NotGranted, format!("the graph gives this node no model \"{name}\""))
    })
}

/// A model that a plugin has opened.
pub struct Opened(Rc<Run>);

impl Opened {
    pub(crate) fn run(&self, input: Input) -> Result<Vec<Tensor>> {
        (self.0)(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Model, PixelFormat, Size, testing};

    #[test]
    fn a_plugin_runs_the_model_that_the_test_gives_and_no_other() {
        model("bright", |input| match input {
            Input::Frame(picture, area) => {
                assert_eq!(area, Some(Rect::new(1, 2, 3, 4)));
                Ok(vec![Tensor::of_floats(&[1], vec![f32::from(picture.plane(0)[0])])])
            }
            Input::Tensors(tensors) => Ok(tensors.to_vec()),
        });
        let picture = Picture::new(PixelFormat::Gray8, Size::new(2, 1)).with_plane(0, &[7, 8]);
        let outputs = testing::with_frame(&picture, |frame| {
            Model::open("bright")?.run_frame(frame, Some(Rect::new(1, 2, 3, 4)))
        });
        assert_eq!(outputs.unwrap()[0].floats().unwrap(), [7.0]);
        let bytes = Tensor::of_bytes(&[2], vec![1, 2]);
        let same = Model::open("bright").unwrap().run(std::slice::from_ref(&bytes)).unwrap();
        assert_eq!(same, [bytes]);
        assert!(same[0].floats().is_err());
        assert_eq!(Model::open("other").err().unwrap().kind, ErrorKind::NotGranted);
    }
}
