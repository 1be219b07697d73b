//! What the webcam films: a picture that says its number at the top and at the bottom.
//!
//! A picture put together from two frames has two numbers; one shown twice has the number of the
//! one before. The numbers survive every conversion that keeps luma.

/// Pixels of one bit of the number, each way: even, so that chroma subsampling leaves it whole.
const CELL: usize = 4;
const BITS: usize = 16;
/// The narrowest and the lowest picture that holds both numbers.
pub const LEAST: (usize, usize) = (CELL * BITS, CELL * 2);

const DARK: u8 = 40;
const BRIGHT: u8 = 200;

/// The luma of frame `number`, row by row.
pub fn luma(number: u32, width: usize, height: usize) -> Vec<u8> {
    let mut rows = vec![0; width * height];
    for (y, row) in rows.chunks_mut(width).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = match stamped(x, y, width, height) {
                Some(bit) if number >> bit & 1 == 1 => BRIGHT,
                Some(_) => DARK,
                None => 64 + ((x + y + number as usize) % 128) as u8,
            };
        }
    }
    rows
}

/// The two numbers of a picture, from its luma: equal unless it was torn.
pub fn numbers(luma: &[u8], stride: usize, width: usize, height: usize) -> (u32, u32) {
    let read = |row: usize| {
        (0..BITS).fold(0, |number, bit| {
            let pixel = luma[row * stride + bit * CELL + CELL / 2];
            number | u32::from(pixel > (DARK + BRIGHT) / 2) << bit
        })
    };
    assert!(width >= LEAST.0 && height >= LEAST.1, "{width}x{height} holds no number");
    (read(CELL / 2), read(height - CELL / 2))
}

fn stamped(x: usize, y: usize, width: usize, height: usize) -> Option<usize> {
    debug_assert!(width >= LEAST.0);
    ((y < CELL || y >= height - CELL) && x < BITS * CELL).then_some(x / CELL)
}

/// Grey NV12.
pub fn nv12(number: u32, width: usize, height: usize) -> Vec<u8> {
    let mut bytes = luma(number, width, height);
    bytes.resize(width * height * 3 / 2, 128);
    bytes
}

/// Grey YUYV.
pub fn yuyv(number: u32, width: usize, height: usize) -> Vec<u8> {
    luma(number, width, height).into_iter().flat_map(|luma| [luma, 128]).collect()
}

/// Grey JPEG.
pub fn jpeg(number: u32, width: usize, height: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let rgb: Vec<u8> = luma(number, width, height).into_iter().flat_map(|luma| [luma; 3]).collect();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90)
        .encode(&rgb, width as u32, height as u32, image::ExtendedColorType::Rgb8)
        .expect("any picture can be encoded");
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_picture_says_its_number_twice_and_a_torn_one_says_two() {
        let (first, second) = (super::luma(700, 64, 48), super::luma(701, 64, 48));
        assert_eq!(super::numbers(&first, 64, 64, 48), (700, 700));
        let torn = [&first[..64 * 24], &second[64 * 24..]].concat();
        assert_eq!(super::numbers(&torn, 64, 64, 48), (700, 701));
    }
}
