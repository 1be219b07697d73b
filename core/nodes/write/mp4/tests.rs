//! What stands in the boxes, read back by the library. That players agree is tested with players.

use std::sync::Arc;

use mp4_atom::{Codec, Decode, Free, Ftyp, Header, Moof, Moov};

use super::*;
use crate::media::annex_b::tests::annex_b;

/// Baseline, 64x48.
const SPS_64X48: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0a, 0xd9, 0x04, 0x7b, 0x01, 0x10, 0, 0, 3, 0, 0x10, 0, 0, 3, 3, 0x20, 0xf1, 0x22,
    0x64, 0x80,
];
const PPS_ONE: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];

fn unit(millis: i64, units: &[&[u8]]) -> AccessUnit {
    let data = annex_b(&units.iter().map(|unit| unit.to_vec()).collect::<Vec<_>>());
    AccessUnit {
        keyframe: annex_b::is_keyframe(&data),
        data: data.into(),
        layer: 0,
        pts: Pts::from_nanos(millis * 1_000_000),
        sequence: 0,
        annotations: Arc::default(),
    }
}

fn key(millis: i64) -> AccessUnit {
    unit(millis, &[&[9, 0xf0], SPS_64X48, PPS_ONE, &[0x65, 1, 2, 3]])
}

fn other(millis: i64) -> AccessUnit {
    unit(millis, &[&[9, 0xf0], &[0x41, 4, 5]])
}

struct Fragment {
    began: u64,
    /// How long each picture lasts, its bytes, whether it is a keyframe.
    pictures: Vec<(u32, u32, bool)>,
    payload: Vec<u8>,
}

/// All that a file of these pictures holds, the first at its beginning.
fn fragments(units: &[AccessUnit]) -> (Moov, Vec<Fragment>) {
    let mut movie = Movie::begin(&units[0], None).unwrap().expect("it begins with a keyframe");
    let mut bytes: Vec<u8> = units.iter().flat_map(|unit| movie.push(unit)).collect();
    bytes.extend(movie.finish(Some(Duration::from_millis(50))));
    let mut rest = &bytes[..];
    Ftyp::decode(&mut rest).unwrap();
    let moov = Moov::decode(&mut rest).unwrap();
    let mut fragments = Vec::new();
    while !rest.is_empty() {
        if rest[4..8] == *b"free" {
            Free::decode(&mut rest).unwrap();
        }
        let before = rest.len();
        let moof = Moof::decode(&mut rest).unwrap();
        let (traf, size) = (&moof.traf[0], before - rest.len());
        let at = bytes.len() - before;
        assert_eq!(at / 4096, (at + size - 1) / 4096, "it is on one page");
        assert_eq!(moof.mfhd.sequence_number as usize, fragments.len() + 1);
        let mdat = Header::decode(&mut rest).unwrap();
        assert_eq!(traf.trun[0].data_offset, Some(size as i32 + 8), "samples begin where they are said to");
        let (payload, after) = rest.split_at(mdat.size.unwrap());
        rest = after;
        fragments.push(Fragment {
            began: traf.tfdt.as_ref().unwrap().base_media_decode_time,
            pictures: traf.trun[0]
                .samples
                .iter()
                .map(|p| (p.duration.unwrap(), p.size.unwrap(), p.flags == Some(KEYFRAME)))
                .collect(),
            payload: payload.to_vec(),
        });
    }
    (moov, fragments)
}

#[test]
fn parameter_sets_are_in_the_header_and_samples_hold_slices_alone() {
    let (moov, fragments) = fragments(&[key(0), other(40)]);
    let Codec::Avc1(avc) = &moov.trak[0].mdia.minf.stbl.stsd.codecs[0] else { panic!("avc1") };
    assert_eq!((avc.visual.width, avc.visual.height), (64, 48));
    assert_eq!(avc.avcc.sequence_parameter_sets, [SPS_64X48]);
    assert_eq!(avc.avcc.picture_parameter_sets, [PPS_ONE]);
    assert_eq!(fragments[0].payload, [0, 0, 0, 4, 0x65, 1, 2, 3, 0, 0, 0, 3, 0x41, 4, 5]);
    assert_eq!(fragments[0].pictures, [(3600, 8, true), (3600, 7, false)]);
}

#[test]
fn a_live_recording_tells_when_its_first_picture_was_taken() {
    let movie = Movie::begin(&key(2500), Some(UNIX_EPOCH + Duration::from_secs(100))).unwrap().unwrap();
    let mut rest = &movie.header[..];
    Ftyp::decode(&mut rest).unwrap();
    assert_eq!(Moov::decode(&mut rest).unwrap().mvhd.creation_time, 2_082_844_800 + 102);
}

#[test]
fn fragments_begin_at_keyframes_and_after_a_second() {
    let units = [key(0), other(500), other(999), other(1000), other(1500), key(1600), key(1700)];
    let (_, fragments) = fragments(&units);
    let shape: Vec<_> = fragments.iter().map(|f| (f.began, f.pictures.len())).collect();
    assert_eq!(shape, [(0, 3), (90_000, 2), (144_000, 1), (153_000, 1)]);
    // The times of a fragment's pictures lead up to the next.
    for pair in fragments.windows(2) {
        let lasts: u64 = pair[0].pictures.iter().map(|picture| u64::from(picture.0)).sum();
        assert_eq!(pair[0].began + lasts, pair[1].began);
    }
}

#[test]
fn a_gap_is_the_time_of_the_picture_before_it_and_no_model_for_the_last() {
    let (_, fragments) = fragments(&[key(70), key(120), key(60_120)]);
    let lasts: Vec<u32> = fragments.iter().map(|f| f.pictures[0].0).collect();
    assert_eq!(lasts, [4500, 60 * 90_000, 4500], "the rate is 20 a second");
    // Longer than a duration may be: the next fragment tells.
    let day = 86_400_000;
    let (_, fragments) = self::fragments(&[key(0), key(day)]);
    assert_eq!(fragments[0].pictures[0].0, i32::MAX as u32);
    assert_eq!(fragments[1].began, 86_400 * 90_000);
}

#[test]
fn what_says_where_the_pictures_are_is_never_cut_by_the_end_of_a_page() {
    // 400 keyframes in fragments of their own, whose sizes wander over all places in a page.
    let slice = |n: usize| [vec![0x65], vec![1; 100 + n % 37]].concat();
    let units: Vec<_> = (0..400).map(|n| unit(n as i64 * 40, &[SPS_64X48, PPS_ONE, &slice(n)])).collect();
    let (_, fragments) = fragments(&units);
    assert_eq!(fragments.len(), 400);
    assert!(fragments.iter().enumerate().all(|(n, f)| f.payload[4..] == slice(n)));
}

#[test]
fn no_picture_lasts_no_time() {
    let close = |nanos| AccessUnit { pts: Pts::from_nanos(nanos), ..other(0) };
    let (_, fragments) = fragments(&[key(0), close(1), close(2), close(40_000_000)]);
    assert_eq!(fragments[0].pictures.iter().map(|p| p.0).collect::<Vec<_>>(), [1, 1, 3598, 3598]);
}

#[test]
fn a_file_begins_at_a_keyframe_and_takes_no_other_parameters() {
    assert!(Movie::begin(&other(0), None).unwrap().is_none());
    assert!(Movie::begin(&unit(0, &[&[0x65, 1]]), None).unwrap().is_none(), "without parameters");
    let told = Movie::begin(&unit(0, &[&[0x67, 0x42, 0xc0], PPS_ONE, &[0x65, 1]]), None).err().unwrap();
    assert!(told.starts_with("has a parameter set that"), "{told}");
    let movie = Movie::begin(&key(0), None).unwrap().unwrap();
    assert!(movie.takes(&key(1)) && movie.takes(&other(1)) && movie.takes(&unit(1, &[&[0x65, 1]])));
    assert!(!movie.takes(&unit(1, &[SPS_64X48, &[0x68, 0xcb], &[0x65, 1]])));
}
