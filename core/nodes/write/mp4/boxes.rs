//! The boxes of a recording, as `mp4_atom` lays them out.
//!
//! Owns what each says, and how far a file's boxes are whole. Which pictures are in them, and when they
//! are shown, is the movie's to say.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use mp4_atom::{
    Atom as _, Avc1, Avcc, AvccExt, Codec, Dinf, Dref, Encode, FourCC, Free, Ftyp, Hdlr, Header, Mdat, Mdhd,
    Mdia, Mfhd, Minf, Moof, Moov, Mvex, Mvhd, ReadFrom as _, Stbl, Stco, Stsd, Tfdt, Tfhd, Tkhd, Traf, Trak,
    Trex, Trun, TrunSamples, Url, Visual, Vmhd, Zeroed,
};

use super::TIMESCALE;
use crate::media::Size;

const TRACK: u32 = 1;
/// Size and name (§4.2).
pub const MDAT_HEADER: usize = 8;

/// `bytes` and the box after them.
pub fn laid_out(atom: &impl Encode, mut bytes: Vec<u8>) -> Vec<u8> {
    atom.encode(&mut bytes).expect("boxes hold less than 4 GiB, and memory does not fail to be written");
    bytes
}

/// Appends, to bytes that begin at `from` in the file, what brings a box of `length` bytes to one page.
pub fn padding(bytes: &mut Vec<u8>, from: u64, length: u64, page: u64) {
    let at = (from + bytes.len() as u64) % page;
    if at + length <= page || length > page {
        return;
    }
    // Size and name of the padding itself are some of it.
    let left = if page - at < 8 { 2 * page - at } else { page - at };
    *bytes = laid_out(&Free { zeroed: Zeroed::new(left as usize - 8) }, std::mem::take(bytes));
}

/// How many of a file's bytes are whole fragments, the header before them. Beyond stands what was being
/// written when it was interrupted, or nothing that is known.
///
/// # Errors
/// When it cannot be read.
pub fn whole(file: &mut File) -> std::io::Result<u64> {
    let length = file.metadata()?.len();
    let (mut at, mut whole) = (0, 0);
    loop {
        file.seek(SeekFrom::Start(at))?;
        let Ok(Some(Header { kind, size: Some(size) })) = Option::<Header>::read_from(file) else { break };
        at = file.stream_position()?.saturating_add(size as u64);
        if at > length {
            break;
        }
        if kind == Mdat::KIND || kind == Moov::KIND {
            whole = at;
        }
    }
    Ok(whole)
}

/// The stream's parameters (14496-15 §5.3.3.1).
pub fn avcc(sps: &[Vec<u8>], pps: &[Vec<u8>]) -> Result<Avcc, String> {
    let fits = |sets: &[Vec<u8>], most| sets.len() <= most && sets.iter().all(|set| set.len() <= 0xffff);
    let [_, profile, compatible, level, ..] = sps[0][..] else {
        return Err("has a parameter set that is cut short".to_owned());
    };
    if !fits(sps, 31) || !fits(pps, 255) {
        return Err("has more parameter sets, or larger ones, than an MP4 file can hold".to_owned());
    }
    Ok(Avcc {
        configuration_version: 1,
        avc_profile_indication: profile,
        profile_compatibility: compatible,
        avc_level_indication: level,
        length_size: 4,
        sequence_parameter_sets: sps.to_vec(),
        picture_parameter_sets: pps.to_vec(),
        // The high profiles repeat chroma and depth here: 4:2:0 in 8 bits, as all that is taken.
        ext: matches!(profile, 100 | 110 | 122 | 144).then(AvccExt::default),
    })
}

pub fn header(size: Size, avcc: Avcc, created: u64) -> Vec<u8> {
    let brands = [b"iso5", b"iso6", b"mp41", b"avc1"];
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"iso5"),
        minor_version: 512,
        compatible_brands: brands.map(FourCC::new).to_vec(),
    };
    let moov = Moov {
        mvhd: Mvhd {
            creation_time: created,
            modification_time: created,
            timescale: TIMESCALE,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: TRACK + 1,
            ..Mvhd::default()
        },
        mvex: Some(Mvex {
            trex: vec![Trex { track_id: TRACK, default_sample_description_index: 1, ..Trex::default() }],
            ..Mvex::default()
        }),
        trak: vec![track(size, avcc, created)],
        ..Moov::default()
    };
    laid_out(&moov, laid_out(&ftyp, Vec::new()))
}

fn track(size: Size, avcc: Avcc, created: u64) -> Trak {
    // At most 4096 by 2304 is read.
    let (width, height) = (size.width() as u16, size.height() as u16);
    let visual = Visual { data_reference_index: 1, width, height, ..Visual::default() };
    let here = Dinf { dref: Dref { entries: vec![Url::default().into()] } };
    Trak {
        tkhd: Tkhd {
            creation_time: created,
            modification_time: created,
            track_id: TRACK,
            enabled: true,
            in_movie: true,
            width: width.into(),
            height: height.into(),
            ..Tkhd::default()
        },
        mdia: Mdia {
            mdhd: Mdhd {
                creation_time: created,
                modification_time: created,
                timescale: TIMESCALE,
                language: "und".to_owned(),
                ..Mdhd::default()
            },
            hdlr: Hdlr { handler: FourCC::new(b"vide"), name: "Framegate".to_owned() },
            minf: Minf {
                vmhd: Some(Vmhd::default()),
                dinf: here,
                stbl: Stbl {
                    stsd: Stsd { codecs: vec![Codec::Avc1(Avc1 { visual, avcc, ..Avc1::default() })] },
                    stco: Some(Stco::default()),
                    ..Stbl::default()
                },
                ..Minf::default()
            },
        },
        ..Trak::default()
    }
}

pub fn moof(number: u32, began: u64, samples: TrunSamples) -> Moof {
    let traf = Traf {
        tfhd: Tfhd { track_id: TRACK, default_base_is_moof: true, ..Tfhd::default() },
        tfdt: Some(Tfdt { base_media_decode_time: began }),
        trun: vec![Trun { data_offset: Some(0), samples }],
        ..Traf::default()
    };
    Moof { mfhd: Mfhd { sequence_number: number }, traf: vec![traf] }
}
