//! Small networks, written byte by byte, and files that are none.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::media::{Frame, FrameFormat, PixelFormat, Pool, Pts, Size};
use crate::node::{Digest, Layout, Model, ModelInput};
use crate::pixels::Rect;

/// A field of a protocol buffer that holds bytes, or a message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
}

fn number(number: u8, value: u8) -> Vec<u8> {
    assert!(value < 0x80);
    vec![number << 3, value]
}

/// A tensor's name and type: f32 of these sides, 0 for one that is left open.
fn tensor(name: &str, sides: &[u8]) -> Vec<u8> {
    let dimension = |side: &u8| match side {
        0 => field(1, &field(2, b"open")),
        side => field(1, &number(1, *side)),
    };
    let shape: Vec<u8> = sides.iter().flat_map(dimension).collect();
    let kind = field(1, &[number(1, 1), field(2, &shape)].concat());
    [field(1, name.as_bytes()), field(2, &kind)].concat()
}

/// A network that puts `x` through these operators, each with one input.
fn onnx(sides: &[u8], operators: &[&str]) -> Vec<u8> {
    let mut graph = Vec::new();
    for (index, operator) in operators.iter().enumerate() {
        let from = if index == 0 { "x".to_owned() } else { format!("y{index}") };
        let node = [field(1, from.as_bytes()), field(2, format!("y{}", index + 1).as_bytes())].concat();
        graph.extend(field(1, &[node, field(4, operator.as_bytes())].concat()));
    }
    graph.extend(field(11, &tensor("x", sides)));
    graph.extend(field(12, &field(1, format!("y{}", operators.len()).as_bytes())));
    [number(1, 8), field(8, &number(2, 13)), field(7, &graph)].concat()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// A model of this content, for gray pictures of 2x2.
    fn model(&self, content: &[u8]) -> Model {
        let path = self.0.path().join("model.onnx");
        std::fs::write(&path, content).expect("the folder can be written");
        describe(path)
    }
}

fn describe(path: PathBuf) -> Model {
    let input = ModelInput {
        size: Size::new(2, 2).unwrap(),
        pixel: PixelFormat::Gray8,
        layout: Layout::Nchw,
        mean: [100.0; 3],
        deviation: [10.0; 3],
    };
    Model { name: "small".to_owned(), path, digest: None, input }
}

fn fault(model: &Model) -> String {
    Shelf::default().take(model).err().expect("this is no network").to_string()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    assert_eq!(tensor.element, Element::F32);
    tensor.bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn go_on() -> bool {
    true
}

#[test]
fn a_part_of_a_frame_is_normalised_and_run() {
    let folder = Folder::new();
    let network = Shelf::default().take(&folder.model(&onnx(&[1, 1, 2, 2], &["Relu"]))).unwrap();
    let pool = Pool::new(1 << 20);
    let format = FrameFormat::new(PixelFormat::Gray8, Size::new(4, 2).unwrap());
    let mut frame = Frame::pooled(&pool, format, Pts::ZERO, 0).unwrap();
    let mut plane = frame.plane_mut(0).unwrap();
    plane.row(0).copy_from_slice(&[90, 110, 200, 200]);
    plane.row(1).copy_from_slice(&[130, 100, 200, 200]);
    let run = |area| network.run_on(&frame, Some(area), &pool, &go_on);
    let left = run(Rect::new(0, 0, 2, 2)).unwrap();
    assert_eq!((left[0].shape.as_slice(), floats(&left[0])), (&[1, 1, 2, 2][..], vec![0.0, 1.0, 3.0, 0.0]));
    assert_eq!(floats(&run(Rect::new(2, 0, 2, 2)).unwrap()[0]), [10.0; 4]);
    assert!(matches!(run(Rect::new(4, 0, 2, 2)), Err(Unrun::Misfit(_))));
}

#[test]
fn a_whole_frame_is_scaled_to_the_models_size() {
    let folder = Folder::new();
    let network = Shelf::default().take(&folder.model(&onnx(&[1, 1, 2, 2], &["Relu"]))).unwrap();
    let pool = Pool::new(1 << 20);
    let format = FrameFormat::new(PixelFormat::Gray8, Size::new(64, 48).unwrap());
    let mut frame = Frame::pooled(&pool, format, Pts::ZERO, 0).unwrap();
    frame.plane_mut(0).unwrap().rows().for_each(|row| row.fill(120));
    assert_eq!(floats(&network.run_on(&frame, None, &pool, &go_on).unwrap()[0]), [2.0; 4]);
}

#[test]
fn tensors_are_run_when_they_fit_and_refused_when_they_do_not() {
    let folder = Folder::new();
    let network = Shelf::default().take(&folder.model(&onnx(&[1, 1, 2, 2], &["Neg"]))).unwrap();
    let bytes = [1.0_f32, -2.0, 3.0, 0.5].iter().flat_map(|number| number.to_le_bytes()).collect();
    let good = Tensor { element: Element::F32, shape: vec![1, 1, 2, 2], bytes };
    let outputs = network.run(std::slice::from_ref(&good), &go_on).unwrap();
    assert_eq!(floats(&outputs[0]), [-1.0, 2.0, -3.0, -0.5]);
    let bad = [
        vec![],
        vec![good.clone(), good.clone()],
        vec![Tensor { shape: vec![4], ..good.clone() }],
        vec![Tensor { element: Element::U8, ..good.clone() }],
        vec![Tensor { bytes: vec![0; 15], ..good }],
    ];
    for inputs in bad {
        assert!(matches!(network.run(&inputs, &go_on), Err(Unrun::Misfit(_))), "{inputs:?}");
    }
}

#[test]
fn a_run_ends_between_operators_when_its_time_is_over() {
    let folder = Folder::new();
    let network = Shelf::default().take(&folder.model(&onnx(&[1, 1, 2, 2], &["Exp", "Sin", "Exp"]))).unwrap();
    let input = Tensor { element: Element::F32, shape: vec![1, 1, 2, 2], bytes: vec![0; 16] };
    let asked = std::cell::Cell::new(0);
    let twice = || asked.replace(asked.get() + 1) < 2;
    assert_eq!(network.run(std::slice::from_ref(&input), &twice), Err(Unrun::Stopped));
    assert_eq!(asked.get(), 3);
    // Nothing of it is left for the next.
    assert!(network.run(&[input], &go_on).is_ok());
}

#[test]
fn one_network_is_shared_by_all_who_describe_it_alike() {
    let folder = Folder::new();
    let shelf = Shelf::default();
    let model = folder.model(&onnx(&[1, 1, 2, 2], &["Relu"]));
    let (one, other) =
        (shelf.take(&model).unwrap(), shelf.take(&Model { name: "b".into(), ..model.clone() }));
    assert!(Arc::ptr_eq(&one, &other.unwrap()));
    let mut different = model;
    different.input.mean = [0.0; 3];
    assert!(!Arc::ptr_eq(&one, &shelf.take(&different).unwrap()));
}

#[test]
fn operators_that_are_not_there_are_named() {
    let folder = Folder::new();
    let model = folder.model(&onnx(&[1, 1, 2, 2], &["Frobnicate", "Relu", "Anneal", "Frobnicate"]));
    let said = fault(&model);
    assert!(said.ends_with("does not have: Anneal, Frobnicate"), "{said}");
}

#[test]
fn an_input_other_than_the_graph_says_is_told_with_both() {
    let folder = Folder::new();
    let said = fault(&folder.model(&onnx(&[1, 3, 0, 8], &["Relu"])));
    assert_eq!(said, "its input is 1x3x?x8 of F32, and `input` gives 1x1x2x2");
    assert!(fault(&folder.model(&onnx(&[1, 4], &["Relu"]))).contains("1x4 of F32"));
    // What it leaves open, the graph settles.
    assert!(Shelf::default().take(&folder.model(&onnx(&[0, 1, 0, 0], &["Relu"]))).is_ok());
}

#[test]
fn what_is_no_model_is_refused_by_what_it_is() {
    let folder = Folder::new();
    for garbage in [&b""[..], b"not a model", &onnx(&[1, 1, 2, 2], &["Relu"])[..40]] {
        assert!(fault(&folder.model(garbage)).contains("no ONNX model"), "{}", fault(&folder.model(garbage)));
    }
    assert!(fault(&describe(folder.0.path().join("absent.onnx"))).contains("No such file"));
    assert!(fault(&describe(folder.0.path().to_owned())).contains("no regular file"));
    let large = folder.0.path().join("large.onnx");
    File::create(&large).and_then(|file| file.set_len((256 << 20) + 1)).expect("a file with a hole in it");
    assert!(fault(&describe(large)).contains("at most 256MiB"));
}

#[test]
fn a_file_that_was_exchanged_is_refused_with_both_digests() {
    let folder = Folder::new();
    let mut model = folder.model(&onnx(&[1, 1, 2, 2], &["Relu"]));
    model.digest = Some(Digest([7; 32]));
    let said = fault(&model);
    assert!(said.starts_with("its SHA-256 is ") && said.contains(&"07".repeat(32)), "{said}");
    let found = said["its SHA-256 is ".len()..].split(',').next().and_then(Digest::parse);
    model.digest = found;
    assert!(found.is_some() && Shelf::default().take(&model).is_ok());
}

#[test]
fn a_network_that_would_take_all_memory_is_refused() {
    let folder = Folder::new();
    let mut model = folder.model(&onnx(&[1, 1, 0, 0], &["Relu"]));
    model.input.size = Size::new(16_000, 16_000).unwrap();
    let said = fault(&model);
    assert!(said.contains("while it runs, and may take 1GiB"), "{said}");
}
